# SPDX-License-Identifier: GPL-2.0-or-later
"""Functions by name in DWARF: where one is defined, and where it was inlined.

``dwarf_names.py`` finds the entries of a name. Inlined instances refer to their function by its offset in the unit
(``DW_AT_abstract_origin``), and are found by that number as names are by theirs.

What is counted: *copies*, instances in the code; and *call sites*, the different lines and columns that they came
from in each unit. A function of a header is defined anew in each unit that includes it.

Split units are asked one by one (:func:`definitions`). Leaves out references of unusual widths.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from elfsyms.image.byte_search import found_at
from elfsyms.image.dwarf_forms import AT, REF4, REF_ADDR, TAG
from elfsyms.image.dwarf_names import NamedEntries
from elfsyms.image.dwarf_walk import located

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    from elfsyms.image.dwarf import Dwarf
    from elfsyms.image.dwarf_entries import Entry, Unit
    from elfsyms.image.dwarf_names import Units

__all__ = ["Definition", "FunctionNames", "definitions"]

_SITE = (AT.CALL_FILE, AT.CALL_LINE, AT.CALL_COLUMN)
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


def definitions(
    dwarf: Dwarf,
    name: str,
    most: int | None = None,
    progress: Callable[[int, int], None] | None = None,
    addresses: Sequence[int] = (),
) -> tuple[Definition, ...]:
    """Return the functions of a name in a file and in its split units, as :class:`FunctionNames` has them."""
    dwarf.expect_search()
    found = [*FunctionNames(dwarf).definitions(name, most, progress, addresses)]
    read = max((one.read for one in found), default=0)
    of = max((one.of for one in found), default=0)
    for unit in dwarf.split_units(name, addresses, None if most is None else most - read):
        of += 1
        if unit is not None and (most is None or read < most):
            read += 1
            found += FunctionNames(unit).definitions(name)
    return _merged(found, read, of)


class FunctionNames:
    """The functions of one file, or of one split unit, by name."""

    def __init__(self, dwarf: Units) -> None:
        """Take the debug information of an open file."""
        self._dwarf, self._info = dwarf, dwarf.info
        self._named = NamedEntries(dwarf)

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
            offsets = sorted(set(self._named.find(name, addresses)))
            by_unit: dict[int, list[int]] = {}
            for cursor in offsets:
                by_unit.setdefault(self._info.holding(cursor).offset, []).append(cursor)
            chosen = sorted(by_unit)[:most]
            found: list[Definition] = []
            done, wanted = 0, sum(len(by_unit[unit]) for unit in chosen)
            for unit in chosen:
                found += self._in_unit(self._info.unit(unit), by_unit[unit], name, few=len(offsets) <= _FEW)
                done += len(by_unit[unit])
                if progress is not None:
                    progress(done, wanted)
            return _merged(found, len(chosen), len(by_unit))

    def _in_unit(self, unit: Unit, cursors: list[int], name: str, *, few: bool) -> Iterator[Definition]:
        """Yield what entries of one unit tell of functions of a name."""
        functions = self._bodies(unit, cursors, name)
        if functions:
            instances = self._instances(unit, {entry.offset for entry in functions}, few=few)
            source = self._dwarf.source(unit)
            places: dict[tuple[str, int], list[Entry]] = {}
            for entry in functions:
                places.setdefault(self._declared(unit, entry), []).append(entry)
            for (file, line), bodies in places.items():
                every = {at: one for body in bodies for at, one in instances.get(body.offset, {}).items()}
                yield Definition(name, file, line, (source,), *self._counts(bodies, every.values()))

    def _bodies(self, unit: Unit, cursors: list[int], name: str) -> list[Entry]:
        """Return the entries that define functions of a name, of those that may.

        A method's definition has no name, and refers to the declaration.
        """
        named = [entry for cursor in cursors if self._is_named(entry := self._info.entry(unit, cursor), name)]
        found = {entry.offset: entry for entry in named if AT.DECLARATION not in entry.values}
        declared = {entry.offset for entry in named} - found.keys()
        if declared and unit.abbreviations.has_scopes:
            bodies = self._referring(unit, declared)
            found |= {one.offset: one for one in bodies if one.values.get(AT.SPECIFICATION) in declared}
        return list(found.values())

    def _is_named(self, entry: Entry, name: str) -> bool:
        """Tell whether an entry is a function of a name."""
        names = (self._info.said(entry, AT.NAME), self._info.said(entry, AT.LINKAGE_NAME))
        return entry.tag == TAG.SUBPROGRAM and name in names

    def _counts(self, bodies: Sequence[Entry], instances: Collection[Entry]) -> tuple[bool, int, int]:
        """Return whether a function has code of its own, its inlined copies and their call sites.

        It may have several definitions in a unit: each function of another that Rust inlines it into brings one.
        """
        inlined = [one for one in instances if one.tag == TAG.INLINED]
        # A file's number is the unit's own.
        sites = {(self._info.holding(one.offset).offset, *map(one.values.get, _SITE)) for one in inlined}
        return any(map(_has_code, bodies)) or len(inlined) < len(instances), len(inlined), len(sites)

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

    def _instances(self, unit: Unit, functions: set[int], *, few: bool) -> dict[int, dict[int, Entry]]:
        """Return what refers to functions of a unit as its origin, and has code, by these and by its offset.

        Link time optimization has some in other units, and dwz takes what units share out of them.
        """
        found: dict[int, dict[int, Entry]] = {}
        for entry in self._candidates(unit, functions, few=few):
            origin = entry.values.get(AT.ABSTRACT_ORIGIN)
            if origin in functions and _has_code(entry):
                found.setdefault(origin, {})[entry.offset] = entry
        return found

    def _candidates(self, unit: Unit, functions: set[int], *, few: bool) -> Iterator[Entry]:
        """Yield entries that may refer to functions of a unit."""
        if unit.abbreviations.origins <= {REF4, REF_ADDR}:
            yield from self._referring(unit, functions)
        else:  # dwz makes references as short as can be, too short to be searched for
            every = located(self._info, unit, (TAG.INLINED, TAG.SUBPROGRAM))
            yield from (self._info.entry(unit, found[0]) for found in every)
        top = self._info.top(unit)
        producer = self._info.said(top, AT.PRODUCER) or ""
        if few and ("GNU" not in producer or "-flto" in producer or top.tag == TAG.PARTIAL_UNIT):
            needles = {self._info.octets(offset, unit.offset_size) for offset in functions}
            for at in found_at(self._info.data, needles):
                yield from self._holding(self._info.holding(at), at)

    def _referring(self, unit: Unit, offsets: set[int]) -> Iterator[Entry]:
        """Yield entries of a unit that have one of some of its offsets somewhere."""
        needles = {self._info.octets(offset - unit.offset, 4) for offset in offsets}
        for at in found_at(self._info.data[unit.first : unit.end], needles):
            yield from self._holding(unit, unit.first + at)

    def _holding(self, unit: Unit, at: int) -> Iterator[Entry]:
        """Yield the entry of a unit that an offset lies in, nothing where none does."""
        entry = self._named.entry_at(unit, at) if at >= unit.first else None
        if entry is not None:
            yield entry


def _has_code(entry: Entry) -> bool:
    return AT.LOW_PC in entry.values or AT.RANGES in entry.values


def _merged(found: list[Definition], read: int, of: int) -> tuple[Definition, ...]:
    """Return one of each file and line; ``read`` and ``of`` are said of all."""
    same: dict[tuple[str, int], list[Definition]] = {}
    for one in found:
        same.setdefault((one.file, one.line), []).append(one)
    return tuple(
        replace(
            some[0],
            units=tuple(unit for one in some for unit in one.units),
            own_code=any(one.own_code for one in some),
            copies=sum(one.copies for one in some),
            call_sites=sum(one.call_sites for one in some),
            read=read,
            of=of,
        )
        for some in same.values()
    )
