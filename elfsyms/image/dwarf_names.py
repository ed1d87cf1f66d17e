# SPDX-License-Identifier: GPL-2.0-or-later
"""Functions by name in DWARF: where one is defined, and where it was inlined.

``.debug_info`` of a distribution's kernel has 260 MB and no index of names. The name stands once in ``.debug_str``
(linkers merge strings), and entries refer to it by its offset there: so the section is searched for that number,
and what is found is decoded and must be what was looked for. The same finds inlined instances, which refer to their
function by its offset in the unit (``DW_AT_abstract_origin``).

What is counted: *copies*, instances in the code; and *call sites*, the different lines and columns that they came
from in each unit. A function of a header is defined anew in each unit that includes it.

Split units are asked one by one (:func:`definitions`). Leaves out references of unusual widths.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

import numpy as np

from elfsyms.image.dwarf_forms import AT, REF4, REF_ADDR, TAG

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager

    from numpy.typing import NDArray

    from elfsyms.image.dwarf import Dwarf
    from elfsyms.image.dwarf_entries import Entry, Information, Unit
    from elfsyms.image.linetable import LineTable

__all__ = ["Definition", "FunctionNames", "definitions"]

_SITE = (AT.CALL_FILE, AT.CALL_LINE, AT.CALL_COLUMN)
_WIDE = b"\xff" * 4  # what a unit whose offsets have 64 bits begins with
_CHUNK = 1 << 24  # bytes that are searched at once
_FEW_NEEDLES = 4  # a search for each takes a tenth of a second in a kernel, one for all a second
_FEW = 8  # functions whose instances in other units (link time optimization) are looked for, too


@dataclass(frozen=True, slots=True)
class Definition:
    """A function of a name: where its source is, in which units, and how often it was inlined.

    ``units`` are the sources of the units that define it; ``own_code`` tells whether it has code of its own.
    ``copies`` and ``call_sites`` are of the units that were read, ``read`` of the ``of`` that may name it.
    """

    name: str
    file: str
    line: int
    units: tuple[str, ...]
    own_code: bool
    copies: int
    call_sites: int
    read: int = 1
    of: int = 1


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


def definitions(
    dwarf: Dwarf,
    name: str,
    most: int | None = None,
    progress: Callable[[int, int], None] | None = None,
    addresses: Sequence[int] = (),
) -> tuple[Definition, ...]:
    """Return the functions of a name in a file and in its split units, as :class:`FunctionNames` has them."""
    found = [*FunctionNames(dwarf).definitions(name, most, progress, addresses)]
    read = max((one.read for one in found), default=0)
    of = max((one.of for one in found), default=0)
    for unit in dwarf.split_units(name):
        of += 1
        if most is None or read < most:
            read += 1
            found += FunctionNames(unit).definitions(name)
    merged: dict[tuple[str, int], Definition] = {}
    for one in found:
        old = merged.get((one.file, one.line))
        merged[one.file, one.line] = one if old is None else _merged(old, one)
    return tuple(replace(one, read=read, of=of) for one in merged.values())


class FunctionNames:
    """The functions of one file, or of one split unit, by name."""

    def __init__(self, dwarf: Units) -> None:
        """Take the debug information of an open file."""
        self._dwarf, self._info = dwarf, dwarf.info

    def definitions(
        self,
        name: str,
        most: int | None = None,
        progress: Callable[[int, int], None] | None = None,
        addresses: Sequence[int] = (),
    ) -> tuple[Definition, ...]:
        """Return the functions of a name (a mangled one, too), by file and line; none where there is no such.

        At most ``most`` units are read, for a function of a header is in thousands. ``progress`` is called with how
        many were read, and how many there are. ``addresses`` of symbols of the name make it faster. Raises
        :class:`InputError` for debug information that is damaged.
        """
        with self._dwarf.damage_told():
            offsets = sorted(set(self._entries(name, addresses)))
            units = sorted({self._unit_of(cursor).offset for cursor in offsets})
            chosen = set(units if most is None else units[:most])
            found: dict[tuple[str, int], Definition] = {}
            wanted = [cursor for cursor in offsets if self._unit_of(cursor).offset in chosen]
            for number, cursor in enumerate(wanted):
                self._add(found, self._unit_of(cursor), cursor, name, few=len(offsets) <= _FEW)
                if progress is not None:
                    progress(number + 1, len(wanted))
            return tuple(replace(one, read=len(chosen), of=len(units)) for one in found.values())

    def _add(
        self, found: dict[tuple[str, int], Definition], unit: Unit, cursor: int, name: str, *, few: bool
    ) -> None:
        """Add what one entry of a unit tells."""
        entry = self._info.entry(unit, cursor)
        names = (entry.values.get(AT.NAME), entry.values.get(AT.LINKAGE_NAME))
        if entry.tag != TAG.SUBPROGRAM or AT.DECLARATION in entry.values or name not in names:
            return
        source = self._declared(unit, entry)
        instances = {one.offset: one for one in self._instances(unit, entry, few=few)}.values()
        inlined = [one for one in instances if one.tag == TAG.INLINED]
        # A file's number is the unit's own.
        sites = {(self._unit_of(one.offset).offset, *map(one.values.get, _SITE)) for one in inlined}
        own = AT.LOW_PC in entry.values or AT.RANGES in entry.values or len(inlined) < len(instances)
        new = Definition(name, *source, (self._dwarf.source(unit),), own, len(inlined), len(sites))
        old = found.get(source)
        found[source] = new if old is None else _merged(old, new)

    def _declared(self, unit: Unit, entry: Entry) -> tuple[str, int]:
        """Return file and line of a definition, which may stand where it was declared."""
        for _ in range(4):
            values = entry.values
            if AT.DECL_LINE in values:
                number = values.get(AT.DECL_FILE, 0)
                return self._dwarf.lines(unit).file(number), int(values[AT.DECL_LINE])
            origin = values.get(AT.SPECIFICATION, values.get(AT.ABSTRACT_ORIGIN))
            if origin is None:
                break
            unit = self._info.holding(origin)
            entry = self._info.entry(unit, origin)
        return "", 0

    # Entries of a name.

    def _entries(self, name: str, addresses: Sequence[int]) -> Iterator[int]:
        """Yield where entries begin that may be functions of a name."""
        wanted = name.encode("utf-8", "surrogateescape")
        numbers = self._strings(wanted, addresses)
        yield from self._holding([self._number(number, 4) for number in numbers])
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
        used = {number for address in addresses for number in self._named_at(address, wanted, tails)}
        return sorted({*found} - {*tails} | used) if used else found

    def _named_at(self, address: int, wanted: bytes, numbers: list[int]) -> Iterator[int]:
        """Yield the strings, of some, by which the unit that holds an address names functions."""
        offset = self._dwarf.unit_at(address)
        if offset is None:
            return
        unit = self._info.unit(offset)
        needles = {self._number(number, 4): number for number in numbers}
        for at in _found_at(self._info.data[unit.first : unit.end], list(needles)):
            begin = unit.first + at
            if self._may_name(unit, begin):
                entry = self._entry_at(unit, begin)
                if entry is not None and entry.values.get(AT.NAME) == wanted.decode("utf-8", "replace"):
                    yield needles[bytes(self._info.data[begin : begin + 4])]

    def _holding(self, needles: list[bytes]) -> Iterator[int]:
        """Yield the entries that have one of some needles, all of one length, for a function's name."""
        for at in _found_at(self._info.data, needles):
            unit = self._unit_of(at)
            if at >= unit.first and self._may_name(unit, at):
                yield from self._covering(unit, at)

    def _covering(self, unit: Unit, at: int) -> Iterator[int]:
        """Yield where the entry begins that an offset lies in, nothing where none is."""
        found = self._info.covering(unit, at)
        if found is not None:
            yield found

    def _entry_at(self, unit: Unit, at: int) -> Entry | None:
        """Return the entry that an offset lies in, None where none does."""
        return next((self._info.entry(unit, begin) for begin in self._covering(unit, at)), None)

    def _may_name(self, unit: Unit, at: int) -> bool:
        """Tell whether a function's name can stand somewhere: behind a code of functions, where that is fixed."""
        for code, abbreviation in unit.abbreviations.functions:
            for attribute in (AT.NAME, AT.LINKAGE_NAME):
                if abbreviation.has(attribute):
                    cursor = abbreviation.cursor(attribute)
                    begin = at - cursor - len(code)
                    if cursor < 0 or self._info.data[begin : begin + len(code)] == code:
                        return True
        return False

    def _indexed(self, numbers: list[int]) -> Iterator[int]:
        """Yield the entries that name a string by its index in a table of offsets, as clang's do."""
        table = self._info.sections.get(".debug_str_offsets")
        for at in _found_at(table, [self._number(number, 4) for number in numbers]):
            bases, units = self._tables
            which = bisect_right(bases, at) - 1
            if which >= 0 and (at - bases[which]) % 4 == 0:
                for unit in units[bases[which]]:
                    yield from self._by_index(self._info.unit(unit), (at - bases[which]) // 4)

    def _by_index(self, unit: Unit, index: int) -> Iterator[int]:
        needles = [self._number(index, size) for size in (1, 2, 3, 4) if index < 1 << 8 * size]
        for needle in {*needles, _leb(index)}:
            for cursor in _found_at(self._info.data[unit.first : unit.end], [needle]):
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

    # Instances.

    def _instances(self, unit: Unit, entry: Entry, *, few: bool) -> Iterator[Entry]:
        """Yield what refers to a function as its origin, and has code.

        Link time optimization has some in other units, and dwz takes what units share out of them.
        """
        if unit.abbreviations.origins <= {REF4, REF_ADDR}:
            needle = self._number(entry.offset - unit.offset, 4)
            for at in _found_at(self._info.data[unit.first : unit.end], [needle]):
                yield from self._of_origin(unit, unit.first + at, entry.offset)
        else:  # dwz makes references as short as can be, too short to be searched for
            every = self._info.located(unit, (TAG.INLINED, TAG.SUBPROGRAM))
            yield from (one for one in every if one.values.get(AT.ABSTRACT_ORIGIN) == entry.offset)
        top = self._info.top(unit)
        producer = str(top.values.get(AT.PRODUCER, ""))
        if few and ("GNU" not in producer or "-flto" in producer or top.tag == TAG.PARTIAL_UNIT):
            for at in _found_at(self._info.data, [self._number(entry.offset, unit.offset_size)]):
                yield from self._of_origin(self._unit_of(at), at, entry.offset)

    def _of_origin(self, unit: Unit, at: int, origin: int) -> Iterator[Entry]:
        """Yield the entry that an offset lies in, if it is an instance of a function."""
        if at < unit.first:
            return
        entry = self._entry_at(unit, at)
        if entry is None:
            return
        located = AT.LOW_PC in entry.values or AT.RANGES in entry.values
        if entry.values.get(AT.ABSTRACT_ORIGIN) == origin and located:
            yield entry

    def _unit_of(self, cursor: int) -> Unit:
        return self._info.holding(cursor)

    def _number(self, number: int, size: int) -> bytes:
        return number.to_bytes(size, self._info.order)


def _merged(old: Definition, new: Definition) -> Definition:
    return replace(
        old,
        units=(*old.units, *new.units),
        own_code=old.own_code or new.own_code,
        copies=old.copies + new.copies,
        call_sites=old.call_sites + new.call_sites,
    )


def _found_at(data: memoryview, needles: list[bytes]) -> Iterator[int]:
    """Yield where one of some needles stands, all of one length: one by one where they are few."""
    if len(needles) <= _FEW_NEEDLES:
        for needle in needles:
            yield from _each(re.compile(re.escape(needle), re.DOTALL), data)
    else:
        yield from _found_together(data, needles)


def _each(pattern: re.Pattern[bytes], data: memoryview) -> Iterator[int]:
    """Yield where a pattern is found, overlapping or not."""
    found = pattern.search(data)
    while found is not None:
        yield found.start()
        found = pattern.search(data, found.start() + 1)


def _found_together(data: memoryview, needles: list[bytes]) -> Iterator[int]:
    """Yield where one of many needles stands: many offsets are looked at at once."""
    size, known = len(needles[0]), set(needles)
    wanted = np.array([list(needle) for needle in needles], np.uint8)
    lead = 1 if size > 2 else 0  # the lowest byte but one: those above are zero, or as good as
    for start in range(0, len(data), _CHUNK):
        piece = np.frombuffer(data[start : start + _CHUNK + size - 1], np.uint8)
        count = len(piece) - size + 1
        if count <= 0:
            return
        at = _candidates(piece, wanted, lead, count)
        for i in range(size):
            at = at[np.isin(piece[at + i], wanted[:, i])]
        yield from (
            cursor + start for cursor in at.tolist() if piece[cursor : cursor + size].tobytes() in known
        )


def _candidates(
    piece: NDArray[np.uint8], wanted: NDArray[np.uint8], lead: int, count: int
) -> NDArray[np.int64]:
    """Return the offsets whose two bytes at ``lead`` are those of a needle."""
    if wanted.shape[1] < lead + 2:
        return np.flatnonzero(np.isin(piece[lead : lead + count], wanted[:, lead]))
    marks = np.zeros(1 << 16, np.bool_)
    marks[wanted[:, lead].astype(np.int64) | wanted[:, lead + 1].astype(np.int64) << 8] = True
    pairs = np.ndarray((len(piece) - 1,), "<u2", piece, strides=(1,))
    return np.flatnonzero(marks[pairs[lead : lead + count]])


def _leb(number: int) -> bytes:
    """Encode a ULEB128 number."""
    parts = []
    while number >= 0x80:
        parts.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*parts, number])
