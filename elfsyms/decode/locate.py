# SPDX-License-Identifier: GPL-2.0-or-later
"""Where the tables lie: by their labels, or by some of their addresses and what the release says of the rest.

A stripped kernel has lost the labels, but the tables lie side by side, in the order of the release and aligned as
its assembly says. From one table whose size is known follows the address of the next; from that, the one
before it whose size is known. ``kallsyms_num_syms`` or ``kallsyms_names`` alone leads to all the others.

Follows ``scripts/kallsyms.c``, ``write_src``. Leaves out searching where nothing is known (``search.py``).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from elfsyms.decode.names import split_tokens
from elfsyms.detect.kconfig import default_base_relative
from elfsyms.detect.name_records import walk_records
from elfsyms.errors import InputError, NotThereError, UsageError
from elfsyms.image.symbols import read_symbols
from elfsyms.releases.table_labels import (
    CODES,
    TABLES,
    find_labels,
    table_alignment,
    table_entries,
    table_width,
    written_tables,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

    from elfsyms.image.elf import Abi, Image
    from elfsyms.image.memory import Memory
    from elfsyms.image.symbols import SymbolTable
    from elfsyms.releases.format_history import Release

__all__ = [
    "TableMap",
    "complete_tables",
    "find_tables",
    "has_labels",
    "read_count",
    "read_records",
    "tables_of",
]

_USUAL_RECORD = 32  # bytes; names of C take 10 to 15, and more is read where it is needed
_LONGEST_TOKENS = 1 << 17  # bytes; token_index has 16 bits, and the last token begins below that


@dataclass(frozen=True, slots=True)
class TableMap:
    """The address of each table, by name without ``kallsyms_``.

    In an object, where addresses are offsets, ``section`` is the index of the section that they count from.
    """

    addresses: Mapping[str, int]
    prefix: bytes = b""
    section: int = 0


def find_tables(table: SymbolTable) -> TableMap:
    """Find the labels ``kallsyms_*`` in a symbol table.

    Labels that are undefined, or all at one address as in the first link of a build, do not count. Raises
    :class:`NotThereError` where there are none.
    """
    found = find_labels(table)
    if found is not None:
        mask = (1 << table.abi.bits) - 1
        addresses = {name: int(table.value[entry]) & mask for name, entry in found.entries.items()}
        last = max(addresses, key=addresses.__getitem__)
        return TableMap(addresses, found.prefix, int(table.section[found.entries[last]]))
    raise NotThereError(
        "no symbol kallsyms_names or the like tells where the tables are: give --release, and where one of them "
        "is, as in --address num_syms=0xffffffff82000000"
    )


def has_labels(image: Image) -> bool:
    """Tell whether an image has a symbol table in which the tables' labels stand."""
    if image.section(".symtab") is None:
        return False
    try:
        find_tables(read_symbols(image))
    except NotThereError:
        return False
    return True


def tables_of(
    release: Release, abi: Abi, addresses: Mapping[str, int], *, base_relative: bool | None = None
) -> tuple[str, ...]:
    """Return the tables that a release has, in order: with offsets or with whole addresses.

    Where the release leaves the choice, what is among ``addresses`` decides, then the option, then the default of
    Kconfig: offsets, but on ia64.
    """
    if release.relative == "option" and base_relative is None:
        base_relative = "addresses" not in addresses and (
            "offsets" in addresses or default_base_relative(abi)
        )
    absolute = release.relative == "never" or (release.relative == "option" and not base_relative)
    return written_tables(release, whole_addresses=absolute)


def complete_tables(
    known: TableMap, release: Release, memory: Memory, *, base_relative: bool | None = None
) -> TableMap:
    """Return a map of all tables of the release, those that are missing found from those that are known.

    Raises :class:`UsageError` that says what is missing, where nothing leads there.
    """
    order = tables_of(release, memory.abi, known.addresses, base_relative=base_relative)
    addresses = {name: address for name, address in known.addresses.items() if name in order}
    sizes = _Sizes(addresses, release, memory)
    while len(addresses) < len(order):
        before = len(addresses)
        for first, second in pairwise(order):
            _step(first, second, addresses, sizes)
        if len(addresses) == before:
            raise UsageError(_missing(order, addresses, release))
    return TableMap(addresses, known.prefix, known.section)


def _step(first: str, second: str, addresses: dict[str, int], sizes: _Sizes) -> None:
    """Derive the address of one of two neighbours from the other's."""
    if (first in addresses) == (second in addresses):
        return
    size = sizes.of(first)
    if size is None:
        return
    room = size + -size % sizes.align
    if first in addresses:
        addresses[second] = addresses[first] + room
    else:
        addresses[first] = addresses[second] - room


def _missing(order: tuple[str, ...], addresses: Mapping[str, int], release: Release) -> str:
    missing = ", ".join(f"kallsyms_{name}" for name in order if name not in addresses)
    given = ", ".join(f"kallsyms_{name}" for name in order if name in addresses)
    told = f"{given} alone does not tell" if given else "nothing tells"
    return (
        f"{told} where {missing} is in {release.name}: "
        "give --address num_syms=HEX or --address names=HEX, from which all others follow"
    )


@dataclass(frozen=True, slots=True)
class _Sizes:
    """The sizes of tables, as far as the addresses known so far tell them."""

    addresses: Mapping[str, int]
    release: Release
    memory: Memory

    @property
    def align(self) -> int:
        return table_alignment(self.release, self.memory.abi)

    def of(self, name: str) -> int | None:
        """Return the bytes of a table, None where they cannot be told yet."""
        if name == "token_table":
            return self._tokens()
        count = 0
        if TABLES[name].entries not in ("one", "codes"):
            if "num_syms" not in self.addresses:
                return None
            count = read_count(self.memory, self.addresses["num_syms"], self.release)
        entries = table_entries(name, count)
        if entries is None:
            return self._names(count)
        return entries * table_width(name, self.release, self.memory.abi)

    def _names(self, count: int) -> int | None:
        if "names" not in self.addresses:
            return None
        _, starts = read_records(self.memory, self.addresses["names"], count, self.release)
        return int(starts[-1]) if len(starts) == count + 1 else None

    def _tokens(self) -> int | None:
        if "token_table" not in self.addresses:
            return None
        tokens = split_tokens(read_tokens(self.memory, self.addresses["token_table"]))
        return sum(map(len, tokens)) + CODES if len(tokens) == CODES else None


def read_tokens(memory: Memory, address: int) -> bytes:
    """Return the bytes at ``kallsyms_token_table``: as many as it can have, or as there are."""
    return memory.read(address, min(memory.room(address), _LONGEST_TOKENS))


def read_records(
    memory: Memory, address: int, count: int, release: Release
) -> tuple[bytes, NDArray[np.int64]]:
    """Return the bytes at ``kallsyms_names``, and where each record begins, as :func:`walk_records` does.

    As much is read as the records need, for behind them there may be gigabytes, as in a dump of memory.
    """
    room, size = memory.room(address), count * _USUAL_RECORD
    while True:
        size = min(size, room)
        data = memory.read(address, size) if size else b""
        starts = walk_records(data, count, release)
        if len(starts) > count or size == room:
            return data, starts
        size *= 2


def read_count(memory: Memory, address: int, release: Release) -> int:
    """Return ``kallsyms_num_syms``; :class:`InputError` for a number that cannot be."""
    count = int(memory.numbers(address, 1, table_width("num_syms", release, memory.abi))[0])
    if not 0 <= count <= memory.room(address):
        raise InputError(
            f"{memory.name}: kallsyms_num_syms at {address:#x} reads {count & (1 << memory.abi.bits) - 1:,}, "
            f"more than there is room for: give another --release than {release.name}, or the right --address"
        )
    return count
