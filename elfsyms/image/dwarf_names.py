# SPDX-License-Identifier: GPL-2.0-or-later
"""Entries of functions by their names in DWARF.

``.debug_info`` of a distribution's kernel has 260 MB and no index of names. The name stands once in ``.debug_str``
(linkers merge strings), and entries refer to it by its offset there: so the section is searched for that number,
and what is found is decoded and must be what was looked for.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

from elfsyms.image.byte_search import found_at
from elfsyms.image.dwarf_forms import AT
from elfsyms.image.dwarf_walk import covering

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from contextlib import AbstractContextManager

    from elfsyms.image.dwarf_entries import Entry, Information, Unit
    from elfsyms.image.linetable import LineTable

__all__ = ["NamedEntries", "Units"]

_WIDE = b"\xff" * 4  # what a unit whose offsets have 64 bits begins with
_FEW_NEEDLES = 4  # offsets of a name that are all searched for


class Units(Protocol):
    """What has units: a file's debug information, or a split unit."""

    @property
    def info(self) -> Information:
        """The units and entries."""

    def damage_told(self) -> AbstractContextManager[None]:
        """Turn what damage leads to into a sentence."""

    def lines(self, unit: Unit, /) -> LineTable:
        """Return a unit's line table."""

    def source(self, unit: Unit, /) -> str:
        """Return the path of a unit's own source file."""

    def unit_at(self, address: int, /) -> int | None:
        """Return the offset of the unit that has an address, None where that is not known."""


class NamedEntries:
    """The entries of one file, or of one split unit, by name."""

    def __init__(self, dwarf: Units) -> None:
        """Take the debug information of an open file."""
        self._dwarf, self._info = dwarf, dwarf.info

    def find(self, name: str, addresses: Sequence[int]) -> Iterator[int]:
        """Yield where entries begin that may be functions of a name."""
        wanted = name.encode("utf-8", "surrogateescape")
        numbers = self._strings(wanted, addresses)
        yield from self._holding([self._info.octets(number, 4) for number in numbers])
        yield from self._indexed(numbers)
        if len(wanted) < self._inline:
            yield from self._holding([wanted + b"\0"])

    @cached_property
    def _inline(self) -> int:
        """Names of fewer bytes stand in their entries, as a reference would be no shorter."""
        wide = any(self._info.data[start : start + 4] == _WIDE for start, _ in self._info.offsets())
        return 8 if wide else 4

    def _strings(self, wanted: bytes, addresses: Sequence[int]) -> list[int]:
        """Return where the name may stand in ``.debug_str``: by itself, or as the end of other names.

        Linkers merge the ends of strings, and all that name it then refer to one of these: a unit that has code of
        a symbol of the name tells which.
        """
        text = self._info.sections.get(".debug_str")
        found = [one.start() for one in re.finditer(re.escape(wanted) + b"\0", text)]
        tails = [number for number in found if number and text[number - 1]]
        if len(tails) <= _FEW_NEEDLES:
            return found
        units = {offset for address in addresses if (offset := self._dwarf.unit_at(address)) is not None}
        used = {number for offset in sorted(units) for number in self._named_in(offset, wanted, tails)}
        return sorted({*found} - {*tails} | used) if used else found

    def _named_in(self, offset: int, wanted: bytes, numbers: list[int]) -> Iterator[int]:
        """Yield the strings, of some, by which a unit names functions."""
        unit = self._info.unit(offset)
        needles = {self._info.octets(number, 4): number for number in numbers}
        for at in found_at(self._info.data[unit.first : unit.end], list(needles)):
            begin = unit.first + at
            if self._may_name(unit, begin):
                entry = self.entry_at(unit, begin)
                if entry is not None and self._info.said(entry, AT.NAME) == wanted.decode("utf-8", "replace"):
                    yield needles[bytes(self._info.data[begin : begin + 4])]

    def _holding(self, needles: list[bytes]) -> Iterator[int]:
        """Yield the entries that have one of some needles, all of one length, for a function's name."""
        for at in found_at(self._info.data, needles):
            unit = self._info.holding(at)
            if at >= unit.first and self._may_name(unit, at):
                yield from self._covering(unit, at)

    def _covering(self, unit: Unit, at: int) -> Iterator[int]:
        """Yield where the entry begins that an offset lies in, nothing where none is."""
        found = covering(self._info, unit, at)
        if found is not None:
            yield found

    def entry_at(self, unit: Unit, at: int) -> Entry | None:
        """Return the entry that an offset lies in, None where none does."""
        return next((self._info.entry(unit, begin) for begin in self._covering(unit, at)), None)

    def _may_name(self, unit: Unit, at: int) -> bool:
        """Tell whether a function's name can stand somewhere: behind a code of functions, where that is fixed."""
        data, places = self._info.data, unit.abbreviations.function_names
        if places is None:
            return True
        for (cursor, size), codes in places.items():
            begin = at - cursor - size
            if bytes(data[begin : begin + size]) in codes:
                return True
        return False

    def _indexed(self, numbers: list[int]) -> Iterator[int]:
        """Yield the entries that name a string by its index in a table of offsets, as clang's do."""
        table = self._info.sections.get(".debug_str_offsets")
        indices: dict[int, set[int]] = {}  # by the base that they count from
        for at in found_at(table, [self._info.octets(number, 4) for number in numbers]):
            bases, _ = self._tables
            which = bisect_right(bases, at) - 1
            if which >= 0 and (at - bases[which]) % 4 == 0:
                indices.setdefault(bases[which], set()).add((at - bases[which]) // 4)
        for base, some in indices.items():
            needles = self._of_indices(some)
            for offset in self._tables[1][base]:
                yield from self._by_index(self._info.unit(offset), needles)

    def _of_indices(self, indices: set[int]) -> list[set[bytes]]:
        """Return what indices are in entries, by the size in bytes."""
        sized: dict[int, set[bytes]] = {}
        for index in indices:
            wide = [self._info.octets(index, size) for size in (1, 2, 3, 4) if index < 1 << 8 * size]
            for needle in (*wide, _leb(index)):
                sized.setdefault(len(needle), set()).add(needle)
        return list(sized.values())

    def _by_index(self, unit: Unit, needles: list[set[bytes]]) -> Iterator[int]:
        """Yield the entries of a unit that have one of some needles for a function's name."""
        for some in needles:
            for cursor in found_at(self._info.data[unit.first : unit.end], some):
                if self._may_name(unit, unit.first + cursor):
                    yield from self._covering(unit, unit.first + cursor)

    @cached_property
    def _tables(self) -> tuple[list[int], dict[int, list[int]]]:
        """The bases of the tables of string offsets, ascending, and the units of each: LTO has one for several."""
        units: dict[int, list[int]] = {}
        for offset, _ in self._info.offsets():
            unit = self._info.unit(offset)
            self._info.top(unit)  # which has the bases
            if AT.STR_OFFSETS_BASE in unit.bases:
                units.setdefault(unit.bases[AT.STR_OFFSETS_BASE], []).append(offset)
        return sorted(units), units


def _leb(number: int) -> bytes:
    """Encode a ULEB128 number."""
    parts = []
    while number >= 0x80:
        parts.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*parts, number])
