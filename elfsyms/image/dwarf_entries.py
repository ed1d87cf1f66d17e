# SPDX-License-Identifier: GPL-2.0-or-later
"""Units and entries of ``.debug_info``, read one by one and passed over fast.

A kernel has 4,000 units with 20 million entries, of which a question wants some: entries are passed over by the
sizes that their abbreviations tell, and decoded when somebody asks. pyelftools decodes each that it passes, which
takes half a second for a unit such as ``kernel/sched/core.c``.

Follows DWARF 5, chapter 7 (versions 2 to 5, 32- and 64-bit forms). Leaves out split units, supplementary files and
type units by signature: such references lead nowhere.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass, field
from functools import cached_property
from itertools import count
from typing import TYPE_CHECKING, Any, Literal

from elfsyms.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from elfsyms.image.dwarf_sections import DebugSections

__all__ = [
    "ADDRESS_FORMS",
    "AT",
    "REF4",
    "REF_ADDR",
    "TAG",
    "Abbreviation",
    "Abbreviations",
    "DamageError",
    "Entry",
    "Information",
    "Unit",
    "signed",
    "unsigned",
]


class DamageError(InputError):
    """Debug information that cannot be followed; the sentence says where."""


class AT:
    """Attributes."""

    SIBLING, NAME, STMT_LIST, LOW_PC, HIGH_PC, COMP_DIR, PRODUCER = 0x01, 0x03, 0x10, 0x11, 0x12, 0x1B, 0x25
    INLINE, ABSTRACT_ORIGIN, DECL_FILE, DECL_LINE, DECLARATION = 0x20, 0x31, 0x3A, 0x3B, 0x3C
    SPECIFICATION, RANGES, CALL_COLUMN, CALL_FILE, CALL_LINE = 0x47, 0x55, 0x57, 0x58, 0x59
    STR_OFFSETS_BASE, ADDR_BASE, RNGLISTS_BASE, LINKAGE_NAME = 0x72, 0x73, 0x74, 0x6E
    DWO_NAME, GNU_DWO_NAME = 0x76, 0x2130


class TAG:
    """Kinds of entries."""

    LEXICAL_BLOCK, COMPILE_UNIT, INLINED, SUBPROGRAM, TRY_BLOCK = 0x0B, 0x11, 0x1D, 0x2E, 0x32
    PARTIAL_UNIT = 0x3C


_ADDR, _STRP, _STRING, REF_ADDR, _INDIRECT, _IMPLICIT, _LINE_STRP = 0x01, 0x0E, 0x08, 0x10, 0x16, 0x21, 0x1F
_BLOCK1, _BLOCK2, _BLOCK4, _BLOCK, _EXPRLOC, _SDATA, _FLAG_PRESENT = 0x0A, 0x03, 0x04, 0x09, 0x18, 0x0D, 0x19
REF4 = 0x13
_FIXED = {
    0x0B: 1, 0x05: 2, 0x06: 4, 0x07: 8, 0x1E: 16, 0x0C: 1, _FLAG_PRESENT: 0, _IMPLICIT: 0, 0x11: 1, 0x12: 2,
    0x13: 4, 0x14: 8, 0x20: 8, 0x25: 1, 0x26: 2, 0x27: 3, 0x28: 4, 0x29: 1, 0x2A: 2, 0x2B: 3, 0x2C: 4,
    0x1C: 4, 0x24: 8,
}  # fmt: skip
_OFFSETS = (_STRP, _LINE_STRP, 0x17, REF_ADDR, 0x1D, 0x1F20, 0x1F21)  # as wide as the unit's offsets
_NUMBERS = (0x0F, 0x15, 0x1A, 0x1B, 0x22, 0x23)  # ULEB128
_BLOCKS = {_BLOCK1: 1, _BLOCK2: 2, _BLOCK4: 4, _BLOCK: 0, _EXPRLOC: 0}  # bytes of the length, 0: ULEB128
_REFERENCES = (0x11, 0x12, 0x13, 0x14, 0x15)  # within the unit
_TEXTS = {_STRP: ".debug_str", _LINE_STRP: ".debug_line_str"}
_BASES = (AT.STR_OFFSETS_BASE, AT.ADDR_BASE, AT.RNGLISTS_BASE)
_STRX, _ADDRX = (0x1A, 0x25, 0x26, 0x27, 0x28), (0x1B, 0x29, 0x2A, 0x2B, 0x2C)
ADDRESS_FORMS = (_ADDR, *_ADDRX)
# Into other files, which are not read, and type units: what stands there leads nowhere.
_ELSEWHERE = (0x1C, 0x1D, 0x1F20, 0x1F21, 0x20, 0x24)
# How to pass a value over: a number of bytes, or one of these.
_LEB, _TEXT, _CODED = -1, -2, -3
_MARKED = 64  # entries between two that are remembered, of those passed over
_MOST_BITS = 7 * 32  # of a LEB128 number, padding included


@dataclass(frozen=True, slots=True)
class Abbreviation:
    """What entries of one code have: tag, whether they have children, and attributes with forms and constants.

    ``steps`` pass the values over, ``size`` all of them at once (-1 where sizes vary). ``sibling`` is where, behind
    the code, DW_AT_sibling lies; -1 if nowhere known. ``located``: whether they have addresses.
    """

    tag: int
    children: bool
    attributes: tuple[tuple[int, int, int], ...]
    steps: tuple[int, ...]
    size: int
    sibling: int
    located: bool

    def cursor(self, attribute: int) -> int:
        """Return how far behind the code an attribute lies; -1 where that varies, or it is not there."""
        at = 0
        for (name, _, _), step in zip(self.attributes, self.steps, strict=True):
            if name == attribute:
                return at
            if step < 0:
                break
            at += step
        return -1

    def has(self, attribute: int) -> bool:
        """Tell whether entries have an attribute."""
        return any(name == attribute for name, _, _ in self.attributes)


# A declaration in .debug_abbrev: code, tag, whether there are children, then pairs of attribute and form, and the
# constant behind DW_FORM_implicit_const; two zeros end it.
_LEB128 = rb"[\x80-\xff]*[\x00-\x7f]"
_SOME = rb"[\x80-\xff]*[\x01-\x7f]"
_DECLARATION = re.compile(
    rb"(?P<code>%b)(?P<tag>%b)(?P<children>[\x00\x01])"
    rb"(?P<pairs>(?:%b(?:\x21%b|(?!\x21)%b))*)\x00\x00" % (_SOME, _LEB128, _SOME, _LEB128, _SOME),
    re.DOTALL,
)


class Abbreviations:
    """The abbreviations of a unit, by code; each is taken apart when it is first asked for."""

    def __init__(
        self,
        data: memoryview,
        cursor: int,
        widths: tuple[int, int, int],
        shared: dict[tuple[bytes, tuple[int, int, int]], Abbreviation],
    ) -> None:
        """Find the declarations that begin at an offset.

        ``widths`` (version, address, offset) are what forms' sizes depend on; ``shared`` has what units of the same
        widths declare alike.
        """
        self._widths, self._shared = widths, shared
        self._known: dict[int, Abbreviation] = {}
        self._declared: dict[int, re.Match[bytes]] = {}
        while (found := _DECLARATION.match(data, cursor)) is not None:
            self._declared[unsigned(found["code"], 0)[0]] = found
            cursor = found.end()
        if cursor >= len(data) or data[cursor]:
            raise DamageError(f"the table at {cursor:#x} of .debug_abbrev makes no sense")

    def get(self, code: int) -> Abbreviation | None:
        """Return the abbreviation of a code, None where there is none."""
        found = self._known.get(code)
        if found is None and code in self._declared:
            found = self._known[code] = self._read(self._declared[code])
        return found

    @cached_property
    def origins(self) -> frozenset[int]:
        """The forms by which functions and inlined ones refer to what they are instances of."""
        declared = [self.get(code) for code in self._declared]
        return frozenset(
            form
            for one in declared
            if one and one.tag in (TAG.INLINED, TAG.SUBPROGRAM)
            for name, form, _ in one.attributes
            if name == AT.ABSTRACT_ORIGIN
        )

    @cached_property
    def functions(self) -> tuple[tuple[bytes, Abbreviation], ...]:
        """The abbreviations of functions that are no declarations, each with its code as entries have it."""
        tag = bytes([TAG.SUBPROGRAM])
        declared = [
            (one["code"], self.get(code)) for code, one in self._declared.items() if one["tag"] == tag
        ]
        return tuple((code, found) for code, found in declared if found and not found.has(AT.DECLARATION))

    def _read(self, declared: re.Match[bytes]) -> Abbreviation:
        key = (declared[0][len(declared["code"]) :], self._widths)
        if key not in self._shared:
            self._shared[key] = self._taken_apart(declared)
        return self._shared[key]

    def _taken_apart(self, declared: re.Match[bytes]) -> Abbreviation:
        attributes, steps, at, sibling = [], [], 0, -1
        pairs, cursor = declared["pairs"], 0
        while cursor < len(pairs):
            name, cursor = unsigned(pairs, cursor)
            form, cursor = unsigned(pairs, cursor)
            constant, cursor = signed(pairs, cursor) if form == _IMPLICIT else (0, cursor)
            step = _step(form, *self._widths)
            if name == AT.SIBLING and form == REF4:
                sibling = at
            at = at + step if at >= 0 and step >= 0 else -1
            attributes.append((name, form, constant))
            steps.append(step)
        located = any(name in (AT.LOW_PC, AT.RANGES) for name, _, _ in attributes)
        tag, children = unsigned(declared["tag"], 0)[0], declared["children"] == b"\1"
        return Abbreviation(tag, children, tuple(attributes), tuple(steps), at, sibling, located)


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

    def __init__(self, sections: DebugSections, byte_order: str) -> None:
        """Take the sections; ``byte_order`` is struct's prefix."""
        self.sections = sections
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
        return Unit(offset, end, cursor, version, address, wide, self._abbreviations[key])

    # Entries.

    def top(self, unit: Unit) -> Entry:
        """Return a unit's own entry; the bases that other forms count from are known then."""
        entry = self.entry(unit, unit.first)
        bases = {name: entry.values[name] for name in _BASES if name in entry.values}
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
            if form != _IMPLICIT:
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
            elif step == _LEB:
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
        if form in _NUMBERS:
            number, behind = unsigned(data, cursor)
            return self._meaning(unit, form, number), behind
        if form == _SDATA:
            return signed(data, cursor)
        if form == _STRING:
            return self.string(data, cursor)
        if form in _BLOCKS:
            return self._block(form, cursor, data)
        if form == _INDIRECT:
            inner, cursor = unsigned(data, cursor)
            return self.value(unit, inner, cursor, data)
        if form == _FLAG_PRESENT:
            return 1, cursor
        size = _step(form, unit.version, unit.address_size, unit.offset_size)
        return self._meaning(unit, form, self.number(data, cursor, size)), cursor + size

    def _block(self, form: int, cursor: int, data: memoryview) -> tuple[None, int]:
        size = _BLOCKS[form]
        length, cursor = (self.number(data, cursor, size), cursor + size) if size else unsigned(data, cursor)
        return None, cursor + length

    def _meaning(self, unit: Unit, form: int, number: int) -> Any:
        """Return what a number of a form stands for, None for what leads nowhere."""
        if form in _ELSEWHERE:
            return None
        if form in _REFERENCES:
            return unit.offset + number
        if form in _TEXTS:
            return self.text(_TEXTS[form], number)
        if form in _STRX:
            table = self.sections.get(".debug_str_offsets")
            cursor = unit.bases.get(AT.STR_OFFSETS_BASE, 8) + number * unit.offset_size
            return self.text(".debug_str", self.number(table, cursor, unit.offset_size))
        if form in _ADDRX:
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


def _step(form: int, version: int, address: int, wide: int) -> int:  # noqa: PLR0911 (one a kind of form)
    """Return how many bytes a form has, or how to tell."""
    if form in _FIXED:
        return _FIXED[form]
    if form == _ADDR or (form == REF_ADDR and version == 2):
        return address
    if form in _OFFSETS:
        return wide
    if form in _NUMBERS or form == _SDATA:
        return _LEB
    if form == _STRING:
        return _TEXT
    if form in _BLOCKS or form == _INDIRECT:
        return _CODED
    if not form:
        return 0
    raise DamageError(f"the debug information has values of a form {form:#x} that is not known")


def unsigned(data: memoryview | bytes, cursor: int) -> tuple[int, int]:
    """Decode a ULEB128 number; return it and the offset behind it."""
    value = data[cursor]
    cursor += 1
    if value < 0x80:
        return value, cursor
    value &= 0x7F
    shift = 7
    while True:
        byte = data[cursor]
        cursor += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, cursor
        shift += 7
        if shift >= _MOST_BITS:
            raise DamageError("a number of the debug information has no end")


def signed(data: memoryview | bytes, cursor: int) -> tuple[int, int]:
    """Decode an SLEB128 number; return it and the offset behind it."""
    start = cursor
    value, cursor = unsigned(data, cursor)
    bits = 7 * (cursor - start)
    return value - (1 << bits) if value >> (bits - 1) else value, cursor
