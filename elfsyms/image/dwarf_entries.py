# SPDX-License-Identifier: GPL-2.0-or-later
"""Units and entries of ``.debug_info``, read one by one and passed over fast.

A kernel has 4,000 units with 20 million entries, of which a question wants some: they are passed over by the sizes
that their abbreviations tell (``dwarf_walk.py``), and decoded when somebody asks. pyelftools decodes each that it
passes, which takes half a second for a unit such as ``kernel/sched/core.c``.

What units share, lists and tables, is referred to by offsets. Compilers have each referred to once, or a few times;
a small file could have all its entries name one long list. So what is read of a section is counted
(:meth:`Information.charge`), and strings are read when somebody asks for them (:meth:`Information.said`).

Follows DWARF 5, chapter 7 (versions 2 to 5, 32- and 64-bit forms). Leaves out supplementary files and type units by
signature: such references lead nowhere. Of split units see ``dwarf_split.py``.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from functools import cached_property
from struct import Struct
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
    LEBS,
    LENGTHS,
    NUMBERS,
    PREFIXED,
    REFERENCES,
    SDATA,
    STRING,
    STRX,
    TEXTS,
    WIDE_LENGTH,
    DamageError,
    form_step,
    signed,
    unsigned,
)

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping

__all__ = ["Entry", "Information", "Sections", "Tables", "Text", "Unit"]

_SLACK = 10_000  # bytes of a section that may be read beside those that it has
_LONGEST = 1 << 16  # bytes of a string; systems have no path of more than 4096
# Text, or where it is: a section's name and an offset.
Text = str | tuple[str, int]
Tables = dict[tuple[int, int, int, int], Abbreviations]  # by offset, version, and widths

_BASES = {name: name for name in (AT.STR_OFFSETS_BASE, AT.ADDR_BASE, AT.RNGLISTS_BASE)}
_BASES[AT.GNU_ADDR_BASE] = AT.ADDR_BASE


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
    passed: list[int]  # where some entries begin, ascending, the first one before all
    bases: dict[int, int] = field(default_factory=dict)  # DW_AT_*_base, once the top entry was read


@dataclass(frozen=True, slots=True)
class Entry:
    """A decoded entry: ``values`` by attribute; references are offsets in the section, strings are :data:`Text`."""

    offset: int
    tag: int
    children: bool
    values: dict[int, Any]
    behind: int
    forms: dict[int, int]


class Information:
    """``.debug_info`` of a file, with what it refers to."""

    def __init__(self, sections: Sections, byte_order: str, tables: Tables | None = None) -> None:
        """Take the sections; ``byte_order`` is struct's prefix.

        ``tables`` has the abbreviations that others read of the same section before, and gets those read here.
        """
        self.sections = sections
        self.order: Literal["little", "big"] = "little" if byte_order == "<" else "big"
        self.data = sections.get(".debug_info")
        self.word = Struct(f"{byte_order}I").unpack_from  # four bytes as a number, fast
        self._abbreviations: Tables = {} if tables is None else tables
        self._shared: dict[Hashable, Abbreviation] = {}
        self._units: dict[int, Unit] = {}
        self._tops: dict[int, Entry] = {}
        self._left: dict[str, int] = {}
        self.lists: dict[int, list[tuple[int, int]]] = {}  # of ranges, by the entries that have one

    def charge(self, section: str, size: int) -> None:
        """Count bytes that are read of what a section shares out, each once by whoever refers to it.

        Raises :class:`DamageError` where that is far more than there is.
        """
        left = self._left.get(section)
        if left is None:
            left = 2 * len(self.sections.get(section)) + _SLACK
        self._left[section] = left - size
        if left < size:
            raise DamageError(f"what {section} has is referred to again and again, as no compiler does")

    def number(self, data: memoryview, cursor: int, size: int) -> int:
        """Return the number of so many bytes."""
        return int.from_bytes(data[cursor : cursor + size], self.order)

    def octets(self, number: int, size: int) -> bytes:
        """Return so many bytes of a number."""
        return number.to_bytes(size, self.order)

    def offsets(self) -> list[tuple[int, int]]:
        """Return where each unit begins and ends, in their order."""
        return self._offsets

    @cached_property
    def _offsets(self) -> list[tuple[int, int]]:
        found, cursor, data, word = [], 0, self.data, self.word
        while cursor + 11 <= len(data):
            end = cursor + 4 + word(data, cursor)[0]
            if end == cursor + 4 + WIDE_LENGTH:
                end = cursor + 12 + self.number(data, cursor + 4, 8)
            if not cursor < end <= len(data):
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
        return (self.number(self.data, cursor + 4, 8), 8) if length == WIDE_LENGTH else (length, 4)

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
            made = Abbreviations(declared, table, (version, address, wide), self._shared)
            self.charge(".debug_abbrev", made.size)
            self._abbreviations[key] = made
        known = self._abbreviations[key]
        return Unit(offset, end, cursor, version, address, wide, known, [cursor])

    def based(self, offset: int, bases: Mapping[int, int]) -> Unit:
        """Return the unit at an offset, where another says what it counts from (by DW_AT_*_base)."""
        unit = self.unit(offset)
        unit.bases = dict(bases)
        self._tops.pop(offset, None)
        return unit

    # Entries.

    def top(self, unit: Unit) -> Entry:
        """Return a unit's own entry; the bases that other forms count from are known then."""
        if unit.offset not in self._tops:
            self._tops[unit.offset] = self._top(unit)
        return self._tops[unit.offset]

    def _top(self, unit: Unit) -> Entry:
        entry = self.entry(unit, unit.first)
        own = {_BASES[name]: value for name, value in entry.values.items() if name in _BASES}
        bases = {**unit.bases, **own}
        if bases == unit.bases:
            return entry
        unit.bases = bases
        return self.entry(unit, unit.first)

    def entry(self, unit: Unit, offset: int) -> Entry:
        """Decode the entry at an offset."""
        code, cursor = unsigned(self.data, offset)
        abbreviation = self.abbreviation(unit, code, offset)
        values: dict[int, Any] = {}
        for (name, form, constant), step in zip(abbreviation.attributes, abbreviation.steps, strict=True):
            value: Any = constant
            if step > 0:
                number = self.number(self.data, cursor, step)
                value = number if form in LENGTHS else self._meaning(unit, form, number)
                cursor += step
            elif form != IMPLICIT:
                value, cursor = self.value(unit, form, cursor, self.data)
            if value is not None:
                values[name] = value
        forms = {name: form for name, form, _ in abbreviation.attributes}
        return Entry(offset, abbreviation.tag, abbreviation.children, values, cursor, forms)

    def skip(self, unit: Unit, abbreviation: Abbreviation, cursor: int) -> int:
        """Return the offset behind an entry's values, which begin at one."""
        if abbreviation.size >= 0:
            return cursor + abbreviation.size
        data = self.data
        for fixed, form in abbreviation.jumps:
            cursor += fixed
            if form in PREFIXED:
                size, cursor = unsigned(data, cursor)
                cursor += size
            elif form in LEBS:
                while data[cursor] >= 0x80:
                    cursor += 1
                cursor += 1
            elif form:
                _, cursor = self.value(unit, form, cursor, data)
        return cursor

    def abbreviation(self, unit: Unit, code: int, cursor: int) -> Abbreviation:
        """Return what a code stands for that was read just before an offset, or at it."""
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
            return TEXTS[form], number
        if form in STRX:
            table = self.sections.get(".debug_str_offsets")
            cursor = unit.bases.get(AT.STR_OFFSETS_BASE, 8) + number * unit.offset_size
            return ".debug_str", self.number(table, cursor, unit.offset_size)
        if form in ADDRX:
            cursor = unit.bases.get(AT.ADDR_BASE, 8) + number * unit.address_size
            return self.number(self.sections.get(".debug_addr"), cursor, unit.address_size)
        return number

    def said(self, entry: Entry, *attributes: int) -> str | None:
        """Return the text of the first of some attributes that an entry has, None where it has none."""
        value = next((entry.values[name] for name in attributes if name in entry.values), None)
        return None if value is None else self.text(value)

    def text(self, text: Text) -> str:
        """Return a text."""
        if isinstance(text, tuple):
            section, cursor = text
            return self.string(self.sections.get(section), cursor)[0]
        return str(text)

    def string(self, data: memoryview, cursor: int) -> tuple[str, int]:
        """Return the string at an offset, and the offset behind its zero: most are short."""
        start, step = cursor, 64
        while cursor < len(data):
            at = bytes(data[cursor : cursor + step]).find(0)
            if at >= 0:
                end = cursor + at
                return bytes(data[start:end]).decode("utf-8", "replace"), end + 1
            cursor, step = cursor + step, step * 4
            if cursor - start > _LONGEST:
                raise DamageError("a string of the debug information is longer than any name")
        raise DamageError("a string of the debug information has no end")
