# SPDX-License-Identifier: GPL-2.0-or-later
"""Ranges of addresses: those of an entry, and which unit an address belongs to.

Follows DWARF 5, sections 2.17 and 7.28 (``.debug_rnglists``), DWARF 4, section 2.17.3 (``.debug_ranges``), and
``.debug_aranges``. clang leaves that out, and a file may have it of some units alone: of the others their own
ranges are read.
"""

from __future__ import annotations

from bisect import bisect_right
from functools import cached_property
from struct import Struct
from typing import TYPE_CHECKING

from elfsyms.image.dwarf_forms import ADDRESS_FORMS, AT, WIDE_LENGTH, DamageError, unsigned

if TYPE_CHECKING:
    from collections.abc import Iterator

    from elfsyms.image.dwarf_entries import Entry, Information, Unit
    from elfsyms.image.dwarf_walk import Found

__all__ = ["UnitIndex", "ranges_found", "ranges_of"]

_RNGLISTX = 0x23
# Kinds of rows of .debug_rnglists.
_END, _BASEX, _STARTX_ENDX, _STARTX_LENGTH, _OFFSET_PAIR, _BASE, _START_END, _START_LENGTH = range(8)

Span = tuple[int, int]


def ranges_of(info: Information, unit: Unit, entry: Entry) -> list[Span]:
    """Return the addresses of an entry as pairs of start and end."""
    values = entry.values
    if AT.RANGES in values:
        if entry.offset not in info.lists:
            info.lists[entry.offset] = _list(info, unit, entry)
        return info.lists[entry.offset]
    low, high = values.get(AT.LOW_PC), values.get(AT.HIGH_PC)
    if low is None or high is None:
        return []
    form = entry.forms[AT.HIGH_PC]
    return [(low, high if form in ADDRESS_FORMS else low + high)]


def ranges_found(info: Information, unit: Unit, found: Found) -> list[Span]:
    """Return the addresses of an entry that a walk found, without decoding it where its abbreviation tells all."""
    at, values, abbreviation = found
    if abbreviation.pcs is None:
        return ranges_of(info, unit, info.entry(unit, at))
    low_at, high_at, size = abbreviation.pcs
    low = info.number(info.data, values + low_at, unit.address_size)
    high = info.number(info.data, values + high_at, size or unit.address_size)
    return [(low, low + high if size else high)]


def _list(info: Information, unit: Unit, entry: Entry) -> list[Span]:
    cursor = _list_offset(info, unit, entry)
    base = info.top(unit).values.get(AT.LOW_PC, unit.bases.get(AT.LOW_PC, 0))
    rows = _listed(info, unit, cursor, base) if unit.version >= 5 else _old(info, unit, cursor, base)
    return [(start, end) for start, end in rows if start < end]


def _list_offset(info: Information, unit: Unit, entry: Entry) -> int:
    """Return where an entry's list begins."""
    number = int(entry.values[AT.RANGES])
    if entry.forms[AT.RANGES] != _RNGLISTX:
        return number + unit.bases.get(AT.GNU_RANGES_BASE, 0)
    base = unit.bases.get(AT.RNGLISTS_BASE, 12)
    table = info.sections.get(".debug_rnglists")
    return base + info.number(table, base + number * unit.offset_size, unit.offset_size)


def _old(info: Information, unit: Unit, cursor: int, base: int) -> Iterator[Span]:
    data, size, begin = info.sections.get(".debug_ranges"), unit.address_size, cursor
    most = (1 << 8 * size) - 1
    while cursor + 2 * size <= len(data):
        start, end = info.number(data, cursor, size), info.number(data, cursor + size, size)
        cursor += 2 * size
        if not start and not end:
            info.charge(".debug_ranges", cursor - begin)
            return
        if start == most:
            base = end
        else:
            yield base + start, base + end
    raise DamageError("a list of .debug_ranges has no end")


def _listed(info: Information, unit: Unit, cursor: int, base: int) -> Iterator[Span]:
    data, size, begin = info.sections.get(".debug_rnglists"), unit.address_size, cursor

    def address(cursor: int) -> tuple[int, int]:
        return info.number(data, cursor, size), cursor + size

    def indexed(cursor: int) -> tuple[int, int]:
        number, behind = unsigned(data, cursor)
        at = unit.bases.get(AT.ADDR_BASE, 8) + number * size
        return info.number(info.sections.get(".debug_addr"), at, size), behind

    while cursor < len(data):
        kind, cursor = data[cursor], cursor + 1
        if kind == _END:
            info.charge(".debug_rnglists", cursor - begin)
            return
        if kind in (_BASE, _BASEX):
            base, cursor = (address if kind == _BASE else indexed)(cursor)
            continue
        if kind > _START_LENGTH:
            raise DamageError(f"a list of .debug_rnglists has a row of a kind {kind} that is not known")
        first = {_OFFSET_PAIR: None, _START_END: address, _START_LENGTH: address}.get(kind, indexed)
        second = {_START_END: address, _STARTX_ENDX: indexed}.get(kind)
        start, cursor = unsigned(data, cursor) if first is None else first(cursor)
        end, cursor = unsigned(data, cursor) if second is None else second(cursor)
        if kind == _OFFSET_PAIR:
            yield base + start, base + end
        else:
            yield start, end if second is not None else start + end
    raise DamageError("a list of .debug_rnglists has no end")


class UnitIndex:
    """Which unit an address belongs to."""

    def __init__(self, info: Information) -> None:
        """Take the units; nothing is read yet."""
        self._info = info

    def find(self, address: int) -> int | None:
        """Return the offset of the unit that holds an address, None where none does."""
        starts, rows = self._rows
        cursor = bisect_right(starts, address) - 1
        return rows[cursor][1] if cursor >= 0 and address < rows[cursor][0] else None

    @cached_property
    def _rows(self) -> tuple[list[int], list[Span]]:
        """The starts of all ranges, ascending; the end and the unit's offset of each."""
        named: set[int] = set()
        tabled = list(self._tabled(named))
        rows = sorted([*tabled, *self._own(named)])
        return [start for start, _, _ in rows], [(end, offset) for _, end, offset in rows]

    def _own(self, named: set[int]) -> Iterator[tuple[int, int, int]]:
        """Yield start, end and offset of the units that the table does not name."""
        for offset, _ in self._info.offsets():
            if offset in named:
                continue
            unit = self._info.unit(offset)
            for start, end in ranges_of(self._info, unit, self._info.top(unit)):
                yield start, end, offset

    def _tabled(self, named: set[int]) -> Iterator[tuple[int, int, int]]:
        """Yield the rows of the table, and add to ``named`` the units that it is about."""
        info, cursor = self._info, 0
        data = info.sections.get(".debug_aranges")
        order = "<" if info.order == "little" else ">"
        head, wide_head = Struct(f"{order}IHIBB"), Struct(f"{order}IQHQBB")
        pair = {4: Struct(f"{order}II"), 8: Struct(f"{order}QQ")}  # of an address and a length, by size
        while cursor + wide_head.size <= len(data):
            start = cursor
            length, _, offset, size, _ = head.unpack_from(data, cursor)
            at, end = cursor + head.size, cursor + 4 + length
            if length == WIDE_LENGTH:
                _, length, _, offset, size, _ = wide_head.unpack_from(data, cursor)
                at, end = cursor + wide_head.size, cursor + 12 + length
            named.add(offset)
            if size not in (4, 8) or end > len(data):
                raise DamageError("the index of addresses in .debug_aranges makes no sense")
            at += -(at - start) % (2 * size)
            pairs = pair[size].iter_unpack(data[at : at + (end - at) // (2 * size) * (2 * size)])
            yield from [(low, low + long, offset) for low, long in pairs if long]
            cursor = end
