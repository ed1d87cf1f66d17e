# SPDX-License-Identifier: GPL-2.0-or-later
"""DWARF: the source line of an address, with the functions that were inlined there.

``.debug_aranges`` leads from an address to its unit, the unit's tree to the functions around it, the unit's line
program (``linetable.py``) to the line, and ``DW_AT_call_line`` from an inlined function to its caller's line. Only
units that hold an address asked for are read, since a kernel has 4,000. Of split units (``-gsplit-dwarf``), whose
functions stand in files of their own, lines alone are known. Leaves out these files, and supplementary ones.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from posixpath import join, normpath
from typing import TYPE_CHECKING

from elfsyms.e_machine import EM_LOONGARCH, EM_RISCV
from elfsyms.errors import InputError
from elfsyms.image.dwarf_entries import Information
from elfsyms.image.dwarf_forms import AT, TAG
from elfsyms.image.dwarf_ranges import UnitIndex, ranges_of
from elfsyms.image.dwarf_sections import DebugSections
from elfsyms.image.elf import RELOCATABLE
from elfsyms.image.linetable import LineTable, read_line_table

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from elfsyms.image.dwarf_entries import Entry, Unit
    from elfsyms.image.elf import Image

__all__ = ["Dwarf", "Frame", "read_dwarf"]

# Their modules have sums of relocations, of 6 and 8 bits too, that are not made here.
_BY_PAIRS = (EM_RISCV, EM_LOONGARCH)
_NEEDED = (".debug_info", ".debug_abbrev", ".debug_line")
_NESTING = (TAG.INLINED, TAG.LEXICAL_BLOCK, TAG.TRY_BLOCK)
_ORIGINS = (AT.ABSTRACT_ORIGIN, AT.SPECIFICATION)


@dataclass(frozen=True, slots=True)
class Frame:
    """A function at an address, and where in its source: innermost first in a row of them."""

    function: str
    file: str
    line: int


@dataclass(frozen=True, slots=True)
class _Functions:
    """A unit with what is asked of it again: its functions' ranges, ascending, and its line table."""

    unit: Unit
    spans: tuple[tuple[int, int, Entry], ...]
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
            return "" if offset is None else self.source(self.info.unit(offset))

    def unit_at(self, address: int) -> int | None:
        """Return the offset of the unit that has an address, None where none does."""
        return self._index.find(address)

    @cached_property
    def split_files(self) -> tuple[str, ...]:
        """The files that have the functions of units, as units name them: they are not read.

        Raises what :meth:`frames` does.
        """
        if re.search(rb"\.dwo\0", self._sections.get(".debug_str")) is None:
            return ()
        with self.damage_told():
            tops = [self.info.top(self.info.unit(offset)).values for offset, _ in self.info.offsets()]
            named = (values.get(AT.DWO_NAME, values.get(AT.GNU_DWO_NAME)) for values in tops)
            return tuple(str(name) for name in named if name is not None)

    def source(self, unit: Unit) -> str:
        """Return the path of a unit's own source file."""
        values = self.info.top(unit).values
        return normpath(join(str(values.get(AT.COMP_DIR, "")), str(values.get(AT.NAME, ""))))

    @contextmanager
    def damage_told(self) -> Iterator[None]:
        """Turn what a damaged file leads to into a sentence."""
        try:
            yield
        except (LookupError, OverflowError, RecursionError, TypeError, ValueError, InputError) as why:
            raise InputError(f"{self.path}: its debug information is damaged ({why})") from why

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
            frames.append(Frame(self.name(entry), file, line))
            if entry.tag == TAG.INLINED:
                call = entry.values
                file = unit.lines.file(call[AT.CALL_FILE]) if AT.CALL_FILE in call else "?"
                line = call.get(AT.CALL_LINE, 0)
        return tuple(frames) or (Frame("", file, line),)

    def _around(self, unit: _Functions, address: int) -> list[Entry]:
        """Return the function that holds an address and what is inlined there, innermost first."""
        index = bisect_right([start for start, _, _ in unit.spans], address) - 1
        if index < 0 or address >= unit.spans[index][1]:
            return []
        entry = unit.spans[index][2]
        chain = [entry]
        while (inner := self._inner(unit.unit, entry, address)) is not None:
            entry = inner
            if entry.tag == TAG.INLINED:
                chain.append(entry)
        return chain[::-1]

    def _inner(self, unit: Unit, entry: Entry, address: int) -> Entry | None:
        """Return the nested block or inlined function of an entry that holds an address, or None."""
        for child in self.info.children(unit, entry, _NESTING):
            if any(start <= address < end for start, end in ranges_of(self.info, unit, child)):
                return child
        return None

    def name(self, entry: Entry) -> str:
        """Return a function's name: its own, or that of what it is an instance of."""
        for _ in range(4):
            if AT.NAME in entry.values:
                return str(entry.values[AT.NAME])
            origin = next((entry.values[a] for a in _ORIGINS if a in entry.values), None)
            if origin is None:
                break
            entry = self.info.entry(self.info.holding(origin), origin)
        return ""

    def lines(self, unit: Unit) -> LineTable:
        """Return a unit's line table."""
        if unit.offset not in self._lines:
            self._lines[unit.offset] = read_line_table(self.info, unit)
        return self._lines[unit.offset]

    def _unit(self, offset: int) -> _Functions:
        if offset not in self._functions:
            unit = self.info.unit(offset)
            top = self.info.top(unit)
            spans = [
                (start, end, child)
                for child in self.info.children(unit, top, (TAG.SUBPROGRAM,))
                for start, end in ranges_of(self.info, unit, child)
            ]
            spans.sort(key=lambda span: span[0])
            self._functions[offset] = _Functions(unit, tuple(spans), self.lines(unit))
        return self._functions[offset]
