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
    from collections.abc import Callable, Iterator, Sequence

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
    found = [*FunctionNames(dwarf).definitions(name, most, progress, addresses)]
    read = max((one.read for one in found), default=0)
    of = max((one.of for one in found), default=0)
    for unit in dwarf.split_units(name, addresses, None if most is None else most - read):
        of += 1
        if unit is not None and (most is None or read < most):
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
            units = sorted({self._info.holding(cursor).offset for cursor in offsets})
            chosen = set(units if most is None else units[:most])
            found: dict[tuple[str, int], Definition] = {}
            wanted = [cursor for cursor in offsets if self._info.holding(cursor).offset in chosen]
            for number, cursor in enumerate(wanted):
                self._add(found, self._info.holding(cursor), cursor, name, few=len(offsets) <= _FEW)
                if progress is not None:
                    progress(number + 1, len(wanted))
            return tuple(replace(one, read=len(chosen), of=len(units)) for one in found.values())

    def _add(
        self, found: dict[tuple[str, int], Definition], unit: Unit, cursor: int, name: str, *, few: bool
    ) -> None:
        """Add what one entry of a unit tells."""
        entry = self._info.entry(unit, cursor)
        names = (entry.values.get(AT.NAME), entry.values.get(AT.LINKAGE_NAME))
        if entry.tag != TAG.SUBPROGRAM or name not in names:
            return
        if AT.DECLARATION not in entry.values:
            self._add_body(found, unit, entry, name, few=few)
        elif (
            unit.abbreviations.has_scopes
        ):  # a method's definition has no name, and refers to the declaration
            bodies = {one.offset: one for one in self._referring(unit, entry, AT.SPECIFICATION)}
            for body in bodies.values():
                self._add_body(found, unit, body, name, few=few)

    def _add_body(
        self, found: dict[tuple[str, int], Definition], unit: Unit, entry: Entry, name: str, *, few: bool
    ) -> None:
        source = self._declared(unit, entry)
        instances = {one.offset: one for one in self._instances(unit, entry, few=few)}.values()
        inlined = [one for one in instances if one.tag == TAG.INLINED]
        # A file's number is the unit's own.
        sites = {(self._info.holding(one.offset).offset, *map(one.values.get, _SITE)) for one in inlined}
        own = _has_code(entry) or len(inlined) < len(instances)
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

    def _instances(self, unit: Unit, entry: Entry, *, few: bool) -> Iterator[Entry]:
        """Yield what refers to a function as its origin, and has code.

        Link time optimization has some in other units, and dwz takes what units share out of them.
        """
        if unit.abbreviations.origins <= {REF4, REF_ADDR}:
            yield from filter(_has_code, self._referring(unit, entry, AT.ABSTRACT_ORIGIN))
        else:  # dwz makes references as short as can be, too short to be searched for
            every = located(self._info, unit, (TAG.INLINED, TAG.SUBPROGRAM))
            entries = (self._info.entry(unit, found[0]) for found in every)
            yield from (one for one in entries if one.values.get(AT.ABSTRACT_ORIGIN) == entry.offset)
        top = self._info.top(unit)
        producer = str(top.values.get(AT.PRODUCER, ""))
        if few and ("GNU" not in producer or "-flto" in producer or top.tag == TAG.PARTIAL_UNIT):
            for at in found_at(self._info.data, [self._info.octets(entry.offset, unit.offset_size)]):
                instances = self._at(self._info.holding(at), at, entry, AT.ABSTRACT_ORIGIN)
                yield from filter(_has_code, instances)

    def _referring(self, unit: Unit, entry: Entry, by: int) -> Iterator[Entry]:
        """Yield the entries of a unit that refer to one of its own by an attribute."""
        needle = self._info.octets(entry.offset - unit.offset, 4)
        for at in found_at(self._info.data[unit.first : unit.end], [needle]):
            yield from self._at(unit, unit.first + at, entry, by)

    def _at(self, unit: Unit, at: int, origin: Entry, by: int) -> Iterator[Entry]:
        """Yield the entry that an offset lies in, if it refers to another by an attribute."""
        found = self._named.entry_at(unit, at) if at >= unit.first else None
        if found is not None and found.values.get(by) == origin.offset:
            yield found


def _has_code(entry: Entry) -> bool:
    return AT.LOW_PC in entry.values or AT.RANGES in entry.values


def _merged(old: Definition, new: Definition) -> Definition:
    return replace(
        old,
        units=(*old.units, *new.units),
        own_code=old.own_code or new.own_code,
        copies=old.copies + new.copies,
        call_sites=old.call_sites + new.call_sites,
    )
