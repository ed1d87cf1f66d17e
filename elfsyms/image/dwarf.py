# SPDX-License-Identifier: GPL-2.0-or-later
"""DWARF: the source line of an address, with the functions that were inlined there.

``.debug_aranges`` leads from an address to its unit, the unit's tree to the functions around it, the unit's line
program (``linetable.py``) to the line, and ``DW_AT_call_line`` from an inlined function to its caller's line. Only
units that hold an address asked for are read, since a kernel has 4,000. Functions of split units stand in files of
their own (``dwarf_split.py``). Leaves out supplementary files.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from elfsyms.e_machine import EM_LOONGARCH, EM_RISCV
from elfsyms.image.dwarf_dwo import damage_told
from elfsyms.image.dwarf_entries import Information
from elfsyms.image.dwarf_forms import AT, TAG, DamageError
from elfsyms.image.dwarf_ranges import UnitIndex, ranges_found
from elfsyms.image.dwarf_sections import DebugSections
from elfsyms.image.dwarf_split import SplitFiles
from elfsyms.image.dwarf_walk import children, located
from elfsyms.image.elf import RELOCATABLE
from elfsyms.image.linetable import LineTable, joined, read_line_table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from elfsyms.image.dwarf_entries import Entry, Unit
    from elfsyms.image.dwarf_split import SplitUnit
    from elfsyms.image.dwarf_walk import Found
    from elfsyms.image.elf import Image

__all__ = ["Dwarf", "Frame", "read_dwarf"]

# Their modules have sums of relocations, of 6 and 8 bits too, that are not made here.
_BY_PAIRS = (EM_RISCV, EM_LOONGARCH)
_NEEDED = (".debug_info", ".debug_abbrev", ".debug_line")
_NESTING = (TAG.INLINED, TAG.LEXICAL_BLOCK, TAG.TRY_BLOCK)
_DEEPEST = 256  # functions that are inlined into each other; compilers stop long before
_ORIGINS = (AT.ABSTRACT_ORIGIN, AT.SPECIFICATION)


@dataclass(frozen=True, slots=True)
class Frame:
    """A function at an address, and where in its source: innermost first in a row of them."""

    function: str
    file: str
    line: int


@dataclass(frozen=True, slots=True)
class _Functions:
    """A unit with what is asked of it again: its functions' ranges, ascending, with offsets, and its lines.

    ``info`` has its functions: that of a file of its own for a split unit.
    """

    info: Information
    unit: Unit
    spans: tuple[tuple[int, int, int], ...]
    lines: LineTable


def read_dwarf(image: Image) -> Dwarf | None:
    """Return the debug information of an ELF file, None where it has none; sections are read when asked for.

    That of RISC-V's and LoongArch's modules is not read.
    """
    if image.file_type == RELOCATABLE and image.abi.machine in _BY_PAIRS:
        return None
    sections = DebugSections(image)
    if not all(sections.has(name) for name in _NEEDED):
        return None
    return Dwarf(sections, image.abi.byte_order, image.path)


class Dwarf:
    """The debug information of one file."""

    def __init__(self, sections: DebugSections, byte_order: str, path: Path) -> None:
        """Take the sections of an open file; :func:`read_dwarf` does it."""
        self._sections, self._order, self.path = sections, byte_order, path
        self._functions: dict[int, _Functions] = {}
        self._lines: dict[int, LineTable] = {}
        self._tables: dict[int, LineTable] = {}  # by their own offsets

    def expect_search(self) -> None:
        """Prepare for a search of all entries."""
        self._sections.expect_all(".debug_info")

    @cached_property
    def info(self) -> Information:
        """The units and entries."""
        return Information(self._sections, self._order)

    @cached_property
    def _index(self) -> UnitIndex:
        return UnitIndex(self.info)

    def frames(self, address: int) -> tuple[Frame, ...]:
        """Return the functions at an address, innermost first; none where the file does not know.

        Raises :class:`InputError` for debug information that is damaged.
        """
        with self.damage_told():
            return self._frames(address)

    def unit_file(self, address: int) -> str:
        """Return the path of the source file that an address was compiled from, empty where nobody knows.

        Raises what :meth:`frames` does.
        """
        with self.damage_told():
            offset = self._index.find(address)
            return "" if offset is None else self._unit_source(self.info.unit(offset))

    def line_file(self, address: int) -> str:
        """Return the path of the file that an address's line lies in, empty where nobody knows.

        No split unit is opened. Raises what :meth:`frames` does.
        """
        with self.damage_told():
            offset = self._index.find(address)
            if offset is None:
                return ""
            lines = self.lines(self.info.unit(offset))
            found = lines.find(address)
            return "" if found is None else lines.file(found[0])

    def unit_at(self, address: int) -> int | None:
        """Return the offset of the unit that has an address, None where none does."""
        return self._index.find(address)

    @cached_property
    def split(self) -> SplitFiles:
        """The split units, and which of their files could not be read."""
        return SplitFiles(self.info, self.path)

    def split_units(
        self, name: str, addresses: Sequence[int] = (), most: int | None = None
    ) -> Iterator[SplitUnit | None]:
        """Yield the split units that have a name, among others those that define a function of it.

        Behind ``most`` of them None stands for one that an index tells of: it is not opened. ``addresses`` of
        symbols of the name lead to units that the index does not name. Raises what :meth:`frames` does.
        """
        text, opened = name.encode("utf-8", "surrogateescape"), 0
        if not self.split.exist:
            return
        with self.damage_told():
            units = [*self.split.candidates(text, {self.unit_at(address) for address in addresses})]
        for offset, known in units:
            if known and most is not None and opened >= most:
                yield None
                continue
            with self.damage_told():
                found = self.split.open(self.info.unit(offset), self.lines, None if known else text)
            if found is not None:
                opened += 1
                yield found

    def _unit_source(self, unit: Unit) -> str:
        """Return the path of the source file of a unit, split or whole."""
        split = self.split.open(unit, self.lines)
        return split.source(split.unit) if split else self.source(unit)

    def source(self, unit: Unit) -> str:
        """Return the path of a whole unit's own source file; empty where its entry does not have it."""
        top = self.info.top(unit)
        name = self.info.said(top, AT.NAME)
        return "" if name is None else joined(self.info.said(top, AT.COMP_DIR) or "", name)

    def damage_told(self) -> AbstractContextManager[None]:
        """Turn what a damaged file leads to into a sentence."""
        return damage_told(self.path)

    def _frames(self, address: int) -> tuple[Frame, ...]:
        offset = self._index.find(address)
        if offset is None:
            return ()
        unit = self._unit(offset)
        found = unit.lines.find(address)
        if found is None:
            return ()
        file, line = unit.lines.file(found[0]), found[1]
        frames = []
        for entry in self._around(unit, address):
            frames.append(Frame(function_name(unit.info, entry), file, line))
            if entry.tag == TAG.INLINED:
                call = entry.values
                file = unit.lines.file(call[AT.CALL_FILE]) if AT.CALL_FILE in call else "?"
                line = int(call.get(AT.CALL_LINE, 0))
        return tuple(frames) or (Frame("", file, line),)

    def _around(self, unit: _Functions, address: int) -> list[Entry]:
        """Return the function that holds an address and what is inlined there, innermost first."""
        index = bisect_right([start for start, _, _ in unit.spans], address) - 1
        if index < 0 or address >= unit.spans[index][1]:
            return []
        entry = unit.info.entry(unit.unit, unit.spans[index][2])
        chain = [entry]
        while (inner := self._inner(unit, entry, address)) is not None:
            entry = inner
            if entry.tag == TAG.INLINED:
                chain.append(entry)
            if len(chain) > _DEEPEST:
                raise DamageError(f"more than {_DEEPEST} functions are inlined into each other")
        return chain[::-1]

    def _inner(self, functions: _Functions, entry: Entry, address: int) -> Entry | None:
        """Return the nested block or inlined function of an entry that holds an address, or None."""
        info, unit = functions.info, functions.unit
        for found in children(info, unit, entry, _NESTING):
            if any(start <= address < end for start, end in ranges_found(info, unit, found)):
                return info.entry(unit, found[0])
        return None

    def lines(self, unit: Unit) -> LineTable:
        """Return a unit's line table."""
        if unit.offset not in self._lines:
            self._lines[unit.offset] = read_line_table(self.info, unit, self._tables)
        return self._lines[unit.offset]

    def _unit(self, offset: int) -> _Functions:
        if offset not in self._functions:
            whole = self.info.unit(offset)
            split = self.split.open(whole, self.lines)
            info, unit = (split.info, split.unit) if split else (self.info, whole)
            spans = [
                (start, end, found[0])
                for found in _functions(info, unit)
                for start, end in ranges_found(info, unit, found)
            ]
            spans.sort(key=lambda span: span[0])
            self._functions[offset] = _Functions(info, unit, tuple(spans), self.lines(whole))
        return self._functions[offset]


def _functions(info: Information, unit: Unit) -> Iterator[Found]:
    """Yield the functions of a unit that have addresses."""
    if unit.abbreviations.has_scopes:
        return located(info, unit, (TAG.SUBPROGRAM,))
    return children(info, unit, info.top(unit), (TAG.SUBPROGRAM,))


def function_name(info: Information, entry: Entry) -> str:
    """Return a function's name: its own, or that of what it is an instance of."""
    for _ in range(4):
        name = info.said(entry, AT.NAME)
        if name is not None:
            return name
        origin = next((entry.values[a] for a in _ORIGINS if a in entry.values), None)
        if origin is None:
            break
        entry = info.entry(info.holding(origin), origin)
    return ""
