# SPDX-License-Identifier: GPL-2.0-or-later
"""The relocations of a linked kernel that lie in the room for its tables: all checked, some corrected.

Dynamic ones (``.rela.dyn``, ``.relr.dyn``) move the base of the offsets with the kernel, until 6.19, and nothing
else in there. A linker that was asked to keep relocations (``--emit-relocs``) has from 7.0 on one for every
symbol: their addends are zero when the room is linked, and those of the tables' own object after the fill. Where
addends lie in the field itself (``SHT_REL``), a linked file has none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from elfsyms.errors import InputError
from elfsyms.image.elf import SHF_ALLOC, SHT_REL, SHT_RELA, SHT_RELR
from elfsyms.image.machines import machine_of
from elfsyms.image.relocated import entries_of, relative_addresses
from elfsyms.pipeline.layout import RelocationKind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from elfsyms.image.elf import Section
    from elfsyms.image.relocated import Entries
    from elfsyms.writers.room import Room

__all__ = ["relocation_writes"]

_OFFSET_SIZE = 4
_FIELDS = 3  # words of an entry with an addend: field, info, addend


def relocation_writes(room: Room) -> Iterator[tuple[int, bytes]]:
    """Check every relocation in the room; yield ranges ``(offset, bytes)`` with the addends of those kept.

    Raises :class:`InputError` for one that the tables do not need.
    """
    for section in room.kernel.image.sections:
        if section.type in (SHT_REL, SHT_RELA) and _may_reach(section, room):
            yield from _checked(room, section, entries_of(room.kernel.image, section))
        elif section.type == SHT_RELR:
            fields = relative_addresses(room.kernel.image, section)
            _check_fields(room, section, fields[_inside(room, fields)])


def _may_reach(section: Section, room: Room) -> bool:
    """Tell whether relocations can be of the room: dynamic ones, or those kept of its section."""
    return bool(section.size) and bool(section.flags & SHF_ALLOC or section.info in (0, room.section.index))


def _inside(room: Room, fields: NDArray[np.uint64]) -> NDArray[np.intp]:
    return np.flatnonzero((fields >= np.uint64(room.start)) & (fields < np.uint64(room.end)))


def _checked(room: Room, section: Section, entries: Entries) -> Iterator[tuple[int, bytes]]:
    rows = _inside(room, entries.offset.astype(np.uint64))
    fields = entries.offset[rows]
    group = room.relocations(RelocationKind.PC_RELATIVE)
    if group is None or section.flags & SHF_ALLOC:
        _check_fields(room, section, fields)
        return
    start = room.address_at(int(group.offsets[0]))
    index = (fields.astype(np.uint64) - np.uint64(start)).astype(np.int64) // _OFFSET_SIZE
    machine = machine_of(room.layout.abi)
    own = (index >= 0) & (entries.type[rows] == machine.pc_relative)
    used = own & (index < group.offsets.size)
    _check_fields(room, section, fields[~(own if room.mark.has_slack else used)])
    _check_targets(room, section, entries.symbol[rows[used]])
    if entries.explicit and not machine.in_place and used.any():
        yield _corrected(room, section, rows[used], group.addends[index[used]])


def _check_fields(room: Room, section: Section, fields: NDArray[np.int64] | NDArray[np.uint64]) -> None:
    """Check that of these fields in the room none but the base is relocated."""
    word = room.relocations(RelocationKind.WORD)
    base = None if word is None else room.address_at(int(word.offsets[0]))
    mask = (1 << room.layout.abi.bits) - 1
    strange = [field & mask for field in fields.tolist() if field & mask != base]
    if strange:
        raise InputError(
            f"{room.path}: {section.name} relocates {strange[0]:#x}, inside the tables: "
            "this kernel has to be linked in passes"
        )


def _check_targets(room: Room, section: Section, symbols: NDArray[np.int64]) -> None:
    """Check that kept relocations of offsets are against ``_text``, by whatever name for its address."""
    known = room.kernel.symbols
    mask = (1 << room.layout.abi.bits) - 1
    used = np.unique(symbols).tolist()
    if any(index >= len(known) or int(known.value[index]) & mask != room.text for index in used):
        raise InputError(
            f"{room.path}: {section.name} keeps relocations of kallsyms_offsets that are not against _text: "
            "this kernel has to be linked in passes"
        )


def _corrected(
    room: Room, section: Section, rows: NDArray[np.intp], addends: NDArray[np.int64]
) -> tuple[int, bytes]:
    """Return a relocation section's bytes, from the first of these rows to the last, with other addends."""
    abi = room.layout.abi
    size = _FIELDS * abi.word
    first, last = int(rows.min()), int(rows.max())
    data = bytearray(room.kernel.image.section_bytes(section)[first * size : (last + 1) * size])
    fields = np.frombuffer(data, f"{abi.byte_order}i{abi.word}").reshape(-1, _FIELDS)
    fields[rows - first, 2] = addends + machine_of(abi).pc_bias
    return section.offset + first * size, bytes(data)
