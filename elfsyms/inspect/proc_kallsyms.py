# SPDX-License-Identifier: GPL-2.0-or-later
"""The lines that ``/proc/kallsyms`` will show of the kernel itself.

Follows ``kernel/kallsyms.c``, ``s_show`` and ``kallsyms_sym_address``: table order, ``%0*lx %c %s`` with as
many digits as a pointer has, nothing for a symbol without a name. Addresses are those that a privileged
reader sees; others see zeros. Leaves out what the image cannot hold: modules, BPF programs, trampolines of
ftrace and kprobes. Also left out: from 6.1 to 6.18 the kernel shows a wrong letter for a symbol of more than
127 codes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from elfsyms.image.nm_text import map_text
from elfsyms.inspect.globs import matching
from elfsyms.pipeline.addressing import addresses_of, moving, seen_address

if TYPE_CHECKING:
    from collections.abc import Iterator

    from elfsyms.image.records import Records
    from elfsyms.inspect.globs import NameFilter
    from elfsyms.pipeline.kernel import Kernel

__all__ = ["ListedSymbol", "list_lines", "listed_symbols", "proc_records"]


@dataclass(frozen=True, slots=True)
class ListedSymbol:
    """One line: the address that the running kernel shows, the letter of the tables, the name."""

    address: int
    letter: str
    name: bytes


def proc_records(
    kernel: Kernel, kaslr: int = 0, glob: str | None = None, only: NameFilter | None = None
) -> Records:
    """Return the records of the lines, in their order, with the addresses that they show.

    ``kaslr`` is the distance by which the kernel was moved, in bytes: symbols relative to ``_text`` move with
    it, those that their release's tables hold as numbers stay. ``glob`` and ``only`` leave matching names.

    Raises :class:`EncodeError` where the release cannot encode the symbols, and so has no such lines.
    """
    records, percpu = kernel.ordered.records, kernel.ordered.percpu
    moved = moving(addresses_of(kernel), percpu)
    shift = np.where(moved, np.uint64(kaslr & ((1 << 64) - 1)), np.uint64(0))
    address = seen_address(kernel, records.address + shift)
    shown = records.size > 0
    if glob is not None:
        shown &= matching(records, glob)
    if only is not None:
        shown &= only.marks(records)
    return replace(records, address=address).take(shown)


def list_lines(
    kernel: Kernel, kaslr: int = 0, glob: str | None = None, only: NameFilter | None = None
) -> bytes:
    """Return the text of ``/proc/kallsyms``; see :func:`proc_records` for the arguments and errors."""
    return map_text(proc_records(kernel, kaslr, glob, only), kernel.image.abi)


def listed_symbols(kernel: Kernel, kaslr: int = 0, glob: str | None = None) -> Iterator[ListedSymbol]:
    """Yield the lines as values; see :func:`proc_records` for the arguments and errors."""
    records = proc_records(kernel, kaslr, glob)
    rows = zip(records.address.tolist(), records.letter.tolist(), records.names(), strict=True)
    for address, letter, name in rows:
        yield ListedSymbol(address, chr(letter), name)
