# SPDX-License-Identifier: GPL-2.0-or-later
"""Units and entries of ``.debug_info``, read one by one and passed over fast.

A kernel has 4,000 units with 20 million entries, of which a question wants some: entries are passed over by the
sizes that their abbreviations tell, and decoded when somebody asks. pyelftools decodes each that it passes, which
takes half a second for a unit such as ``kernel/sched/core.c``.

Follows DWARF 5, chapter 7 (versions 2 to 5, 32- and 64-bit forms). Leaves out supplementary files and type units by
signature: such references lead nowhere. Of split units see ``dwarf_split.py``.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from functools import cached_property
from itertools import count
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, Protocol

from elfsyms.image.dwarf_abbreviations import Abbreviation, Abbreviations
from elfsyms.image.dwarf_forms import (
    ADDRX,
    AT,
    BLOCKS,
    ELSEWHERE,
    FLAG_PRESENT,
    IMPLICIT,
    INDIRECT,
    LEB,
    NUMBERS,
    REFERENCES,
    SDATA,
    STRING,
    STRX,
    TEXTS,
    DamageError,
    form_step,
    signed,
    unsigned,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["Entry", "Information", "Sections", "Unit"]

_BASES = {name: name for name in (AT.STR_OFFSETS_BASE, AT.ADDR_BASE, AT.RNGLISTS_BASE)}
_BASES[AT.GNU_ADDR_BASE] = AT.ADDR_BASE
_MARKED = 64  # entries between two that are remembered, of those passed over


class Sections(Protocol):
    """What has debug sections by name: a file, or the split part of one."""

    def get(self, name: str) -> memoryview:
        """Return the bytes of a section, none where there is no such."""


@dataclass(slots=True)
class Unit:
    """One unit: where it begins and ends, where its first entry is, its version, widths and abbreviations."""

    offset: int
    end: int
    first: int
    version: int
    address_size: int
    offset_size: int
    abbreviations: Abbreviations
    bases: dict[int, int] = field(default_factory=dict)  # DW_AT_*_base, once the top entry was read


@dataclass(frozen=True, slots=True)
class Entry:
    """A decoded entry: ``values`` by attribute; references are offsets in the section, strings are text."""

    offset: int
    tag: int
    children: bool
    values: dict[int, Any]
    behind: int
    forms: dict[int, int]


class Information:
    """``.debug_info`` of a file, with what it refers to."""

    def __init__(
        self, sections: Sections, byte_order: str, bases: Mapping[int, int] = MappingProxyType({})
    ) -> None:
        """Take the sections; ``byte_order`` is struct's prefix.

        ``bases`` (by DW_AT_*_base) are those of units that name none themselves.
        """
        self.sections, self._bases = sections, bases
        self.order: Literal["little", "big"] = "little" if byte_order == "<" else "big"
        self.data = sections.get(".debug_info")
        self._abbreviations: dict[tuple[int, int, int, int], Abbreviations] = {}
        self._shared: dict[tuple[bytes, tuple[int, int, int]], Abbreviation] = {}
        self._units: dict[int, Unit] = {}
        self._passed: dict[int, list[int]] = {}  # by unit: where some entries begin, ascending

    def number(self, data: memoryview, cursor: int, size: int) -> int:
        """Return the number of so many bytes."""
        return int.from_bytes(data[cursor : cursor + size], self.order)

    def offsets(self) -> list[tuple[int, int]]:
        """Return where each unit begins and ends, in their order."""
        return self._offsets

    @cached_property
    def _offsets(self) -> list[tuple[int, int]]:
        found, cursor = [], 0
        while cursor + 11 <= len(self.data):
            length, wide = self._length(cursor)
            end = cursor + length + (12 if wide == 8 else 4)
            if not cursor < end <= len(self.data):
                raise DamageError(f"a unit at {cursor:#x} of .debug_info reaches past its end")
            found.append((cursor, end))
            cursor = end
        return found

    def holding(self, cursor: int) -> Unit:
        """Return the unit that holds an offset."""
        starts = self._starts
        return self.unit(starts[bisect_right(starts, cursor) - 1])

    @cached_property
    def _starts(self) -> list[int]:
        return [start for start, _ in self.offsets()]

    def unit(self, offset: int) -> Unit:
        """Return the unit that begins at an offset."""
        if offset not in self._units:
            self._units[offset] = self._read_unit(offset)
        return self._units[offset]

    def _length(self, cursor: int) -> tuple[int, int]:
        length = self.number(self.data, cursor, 4)
        return (self.number(self.data, cursor + 4, 8), 8) if length == 0xFFFFFFFF else (length, 4)

    def _read_unit(self, offset: int) -> Unit:
        length, wide = self._length(offset)
        cursor = offset + (12 if wide == 8 else 4)
        end = cursor + length
        version = self.number(self.data, cursor, 2)
        cursor += 2
        kind = 1
        if version >= 5:
            kind, address = self.data[cursor], self.data[cursor + 1]
            table = self.number(self.data, cursor + 2, wide)
            cursor += 2 + wide + {4: 8, 5: 8, 2: 8 + wide, 6: 8 + wide}.get(kind, 0)
        else:
            table = self.number(self.data, cursor, wide)
            address = self.data[cursor + wide]
            cursor += wide + 1
        if not 2 <= version <= 5 or address not in (4, 8) or end > len(self.data):
            raise DamageError(f"the unit at {offset:#x} of .debug_info is of version {version}")
        key = (table, version, address, wide)
        if key not in self._abbreviations:
            declared = self.sections.get(".debug_abbrev")
            self._abbreviations[key] = Abbreviations(declared, table, (version, address, wide), self._shared)
        return Unit(offset, end, cursor, version, address, wide, self._abbreviations[key], dict(self._bases))

    # Entries.

    def top(self, unit: Unit) -> Entry:
        """Return a unit's own entry; the bases that other forms count from are known then."""
        entry = self.entry(unit, unit.first)
        own = {_BASES[name]: value for name, value in entry.values.items() if name in _BASES}
        bases = {**self._bases, **own}
        if bases == unit.bases:
            return entry
        unit.bases = bases
        return self.entry(unit, unit.first)

    def entry(self, unit: Unit, offset: int) -> Entry:
        """Decode the entry at an offset."""
        code, cursor = unsigned(self.data, offset)
        abbreviation = self._abbreviation(unit, code, offset)
        values: dict[int, Any] = {}
        for name, form, constant in abbreviation.attributes:
            value = constant
            if form != IMPLICIT:
                value, cursor = self.value(unit, form, cursor, self.data)
            if value is not None:
                values[name] = value
        forms = {name: form for name, form, _ in abbreviation.attributes}
        return Entry(offset, abbreviation.tag, abbreviation.children, values, cursor, forms)

    def children(self, unit: Unit, entry: Entry, tags: tuple[int, ...]) -> Iterator[Entry]:
        """Yield the children of an entry that have one of some tags, and addresses; others are passed over."""
        if not entry.children:
            return
        cursor = entry.behind
        while cursor < unit.end:
            code, behind = unsigned(self.data, cursor)
            if not code:
                return
            abbreviation = self._abbreviation(unit, code, cursor)
            if abbreviation.tag in tags and abbreviation.located:
                yield self.entry(unit, cursor)
            cursor = self._past(unit, abbreviation, behind)

    def located(self, unit: Unit, tags: tuple[int, ...]) -> Iterator[Entry]:
        """Yield all entries of a unit that have one of some tags, and addresses."""
        cursor = unit.first
        while cursor < unit.end:
            code, behind = unsigned(self.data, cursor)
            if code:
                abbreviation = self._abbreviation(unit, code, cursor)
                if abbreviation.tag in tags and abbreviation.located:
                    yield self.entry(unit, cursor)
                behind = self._skip(unit, abbreviation, behind)
            cursor = behind

    def covering(self, unit: Unit, cursor: int) -> int | None:
        """Return where the entry begins that an offset of a unit lies in; None for the end of a list of children.

        Passes over whole subtrees where entries name their sibling, and begins near to where a question before it
        ended.
        """
        known = self._passed.setdefault(unit.offset, [unit.first])
        at = known[bisect_right(known, cursor) - 1]
        for step in count(1):
            code, behind = unsigned(self.data, at)
            after = behind
            if code:
                abbreviation = self._abbreviation(unit, code, at)
                after = self._skip(unit, abbreviation, behind)
                if cursor < after:
                    return at
                if abbreviation.children and abbreviation.sibling >= 0:
                    sibling = unit.offset + self.number(self.data, behind + abbreviation.sibling, 4)
                    after = sibling if after < sibling <= cursor else after
            if after > cursor:
                return at if code else None
            at = after
            if step % _MARKED == 0 and at > known[-1]:
                known.append(at)
        raise AssertionError  # the count has no end

    def _past(self, unit: Unit, abbreviation: Abbreviation, behind: int) -> int:
        """Return the offset of the next sibling of an entry, whose code ends at ``behind``."""
        if abbreviation.children and abbreviation.sibling >= 0:
            return self._sibling(unit, abbreviation, behind)
        cursor = self._skip(unit, abbreviation, behind)
        depth = 1 if abbreviation.children else 0
        while depth and cursor < unit.end:
            code, cursor = unsigned(self.data, cursor)
            if not code:
                depth -= 1
                continue
            inner = self._abbreviation(unit, code, cursor)
            if inner.children and inner.sibling >= 0:
                cursor = self._sibling(unit, inner, cursor)
                continue
            cursor = self._skip(unit, inner, cursor)
            depth += inner.children
        return cursor

    def _sibling(self, unit: Unit, abbreviation: Abbreviation, behind: int) -> int:
        """Return where an entry says that its sibling is: ahead, or a reader would walk in a circle."""
        sibling = unit.offset + self.number(self.data, behind + abbreviation.sibling, 4)
        if not behind < sibling <= unit.end:
            raise DamageError(
                f"the entry before {behind:#x} of .debug_info names a sibling that is not ahead"
            )
        return sibling

    def _skip(self, unit: Unit, abbreviation: Abbreviation, cursor: int) -> int:
        """Return the offset behind an entry's values."""
        if abbreviation.size >= 0:
            return cursor + abbreviation.size
        data = self.data
        for (_, form, _), step in zip(abbreviation.attributes, abbreviation.steps, strict=True):
            if step >= 0:
                cursor += step
            elif step == LEB:
                while data[cursor] >= 0x80:
                    cursor += 1
                cursor += 1
            else:
                _, cursor = self.value(unit, form, cursor, data)
        return cursor

    def _abbreviation(self, unit: Unit, code: int, cursor: int) -> Abbreviation:
        found = unit.abbreviations.get(code)
        if found is None:
            raise DamageError(f"the entry at {cursor:#x} of .debug_info has a code that means nothing")
        return found

    # Values.

    def value(  # noqa: PLR0911 (one a kind of form)
        self, unit: Unit, form: int, cursor: int, data: memoryview
    ) -> tuple[Any, int]:
        """Return the value of a form at an offset of a section, and the offset behind it."""
        if form in NUMBERS:
            number, behind = unsigned(data, cursor)
            return self._meaning(unit, form, number), behind
        if form == SDATA:
            return signed(data, cursor)
        if form == STRING:
            return self.string(data, cursor)
        if form in BLOCKS:
            return self._block(form, cursor, data)
        if form == INDIRECT:
            inner, cursor = unsigned(data, cursor)
            return self.value(unit, inner, cursor, data)
        if form == FLAG_PRESENT:
            return 1, cursor
        size = form_step(form, unit.version, unit.address_size, unit.offset_size)
        return self._meaning(unit, form, self.number(data, cursor, size)), cursor + size

    def _block(self, form: int, cursor: int, data: memoryview) -> tuple[None, int]:
        size = BLOCKS[form]
        length, cursor = (self.number(data, cursor, size), cursor + size) if size else unsigned(data, cursor)
        return None, cursor + length

    def _meaning(self, unit: Unit, form: int, number: int) -> Any:
        """Return what a number of a form stands for, None for what leads nowhere."""
        if form in ELSEWHERE:
            return None
        if form in REFERENCES:
            return unit.offset + number
        if form in TEXTS:
            return self.text(TEXTS[form], number)
        if form in STRX:
            table = self.sections.get(".debug_str_offsets")
            cursor = unit.bases.get(AT.STR_OFFSETS_BASE, 8) + number * unit.offset_size
            return self.text(".debug_str", self.number(table, cursor, unit.offset_size))
        if form in ADDRX:
            cursor = unit.bases.get(AT.ADDR_BASE, 8) + number * unit.address_size
            return self.number(self.sections.get(".debug_addr"), cursor, unit.address_size)
        return number

    def text(self, section: str, cursor: int) -> str:
        """Return the string at an offset of a section."""
        return self.string(self.sections.get(section), cursor)[0]

    def string(self, data: memoryview, cursor: int) -> tuple[str, int]:
        """Return the string at an offset, and the offset behind its zero: most are short."""
        start, step = cursor, 64
        while cursor < len(data):
            at = bytes(data[cursor : cursor + step]).find(0)
            if at >= 0:
                end = cursor + at
                return bytes(data[start:end]).decode("utf-8", "replace"), end + 1
            cursor, step = cursor + step, step * 4
        raise DamageError("a string of the debug information has no end")
