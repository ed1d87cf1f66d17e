# SPDX-License-Identifier: GPL-2.0-or-later
"""The tables of a linked kernel, computed from it and written into the room that its link reserved for them.

Everything is proved before a byte is written: the tables fit (``room.py``), and no relocation lies under them but
their own (``kept_relocations.py``). PC-relative offsets are computed for where they lie. So the file becomes, to
the byte, what a link with the right tables makes; its build ID too, where it can be computed (``buildid.py``).
Bytes go where they belong, the file is never composed anew (``inplace.py``).

Leaves out ``kallsyms_addresses``; :func:`elfsyms.writers.reserve.reserve` makes no room for those.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from elfsyms.errors import EncodeError
from elfsyms.pipeline.layout import RelocationKind
from elfsyms.writers.buildid import new_build_id
from elfsyms.writers.inplace import overwrite
from elfsyms.writers.kept_relocations import relocation_writes
from elfsyms.writers.room import check_room, find_room, table_parts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from elfsyms.pipeline.kernel import Kernel
    from elfsyms.writers.buildid import BuildId
    from elfsyms.writers.room import Room

__all__ = ["FillPlan", "fill", "plan_fill"]

Write = tuple[int, bytes]


@dataclass(frozen=True, slots=True)
class FillPlan:
    """What is to be written into a file: ranges ``(offset, bytes)``, and what becomes of its build ID."""

    writes: tuple[Write, ...]
    build_id: BuildId

    @property
    def size(self) -> int:
        """Bytes to write."""
        return sum(len(data) for _, data in self.writes)


def fill(kernel: Kernel) -> FillPlan:
    """Write the tables of a kernel into its own file; return what was written.

    Raises what :func:`plan_fill` does, with nothing changed, and :class:`OutputError`.
    """
    plan = plan_fill(kernel)
    overwrite(kernel.image.path, plan.writes)
    return plan


def plan_fill(kernel: Kernel) -> FillPlan:
    """Prove that the tables of a kernel fit into its file, and return what to write there.

    Raises :class:`elfsyms.writers.room.MismatchError` where they do not; :class:`InputError` where nothing is
    reserved in the file, or something else lies in the room; :class:`EncodeError` for what cannot be encoded.
    """
    room = find_room(kernel)
    check_room(room)
    writes = [*_table_writes(room), *relocation_writes(room)]
    build_id = new_build_id(kernel.image, writes)
    return FillPlan((*writes, *build_id.writes), build_id)


def _table_writes(room: Room) -> Iterator[Write]:
    """Yield the bytes of each table but the word that the linker filled in."""
    base = room.relocations(RelocationKind.WORD)
    offsets = room.relocations(RelocationKind.PC_RELATIVE)
    for label, data in table_parts(room.layout):
        start = room.file_offset(room.address_of(label))
        if offsets is not None and label.offset == int(offsets.offsets[0]):
            yield start, _pc_relative(room)
        elif base is None or label.offset != int(base.offsets[0]):
            yield start, bytes(data)


def _pc_relative(room: Room) -> bytes:
    """Return the PC-relative offsets of where they lie."""
    group = room.relocations(RelocationKind.PC_RELATIVE)
    if group is None:
        return b""
    offsets = group.offsets.astype(np.int64)
    first = room.address_at(int(offsets[0]))
    distance = group.addends + (room.text - first) - (offsets - offsets[0])
    if int(distance.min()) < -(1 << 31) or int(distance.max()) >= 1 << 31:
        raise EncodeError(
            f"{room.path}: kallsyms_offsets at {first:#x} are more than 2 GiB from a symbol: link nearer to _text"
        )
    packed: bytes = distance.astype(f"{room.layout.abi.byte_order}i4").tobytes()
    return packed
