# SPDX-License-Identifier: GPL-2.0-or-later
"""DWARF: the source line of an address, with the functions that were inlined there.

The second module that touches pyelftools, beside ``elf.py``: what it parses here are units and entries, one unit at
a time and only those that hold an address asked for, since a kernel has 4,000. The line program of a unit is run
here (``linetable.py``), for pyelftools takes half a second for that of ``kernel/sched/core.c``.

Follows DWARF 4 and 5: ``.debug_aranges`` leads from an address to its unit, the unit's tree to the functions
around it, ``DW_AT_call_line`` from an inlined function to its caller's line. Without ``.debug_aranges``, as clang
leaves it out, every unit's ranges are read. Leaves out split DWARF, and supplementary files.
"""

from __future__ import annotations

from bisect import bisect_right
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from posixpath import join, normpath
from typing import TYPE_CHECKING, Any, BinaryIO

from elfsyms.errors import InputError
from elfsyms.image.linetable import LineTable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["Dwarf", "Frame", "read_dwarf"]

_NEEDED = (".debug_info", ".debug_abbrev", ".debug_line")
_FUNCTION, _INLINED = "DW_TAG_subprogram", "DW_TAG_inlined_subroutine"
_NESTING = (_INLINED, "DW_TAG_lexical_block", "DW_TAG_try_block")


@dataclass(frozen=True, slots=True)
class Frame:
    """A function at an address, and where in its source: innermost first in a row of them."""

    function: str
    file: str
    line: int


@dataclass(frozen=True, slots=True)
class _Unit:
    """A unit with what is asked of it again: its own entry, its functions' ranges, its line table."""

    unit: Any
    functions: tuple[tuple[int, int, Any], ...]  # start, end, entry; ascending
    lines: LineTable


def read_dwarf(stream: BinaryIO, path: Path) -> Dwarf | None:
    """Return the debug information of an ELF file, None where it has none; sections are read when asked for.

    Raises :class:`InputError` for sections that are damaged.
    """
    from elftools.elf.elffile import ELFFile  # noqa: PLC0415 (60 ms; few commands need it)

    elf = ELFFile(stream)
    if any(elf.get_section_by_name(name) is None for name in _NEEDED):
        return None
    return Dwarf(elf, path)


class Dwarf:
    """The debug information of one file."""

    def __init__(self, elf: Any, path: Path) -> None:
        """Wrap an open file; :func:`read_dwarf` does it."""
        self._elf, self._path = elf, path
        self._units: dict[int, _Unit] = {}

    def frames(self, address: int) -> tuple[Frame, ...]:
        """Return the functions at an address, innermost first; none where the file does not know.

        Raises :class:`InputError` for debug information that is damaged.
        """
        with self._damage_told():
            return self._frames(address)

    def unit_file(self, address: int) -> str:
        """Return the path of the source file that an address was compiled from, empty where nobody knows.

        Raises what :meth:`frames` does.
        """
        with self._damage_told():
            offset = self._unit_at(address)
            if offset is None:
                return ""
            attributes = self._info.get_CU_at(offset).get_top_DIE().attributes
            return normpath(join(_text(attributes, "DW_AT_comp_dir"), _text(attributes, "DW_AT_name")))

    @contextmanager
    def _damage_told(self) -> Iterator[None]:
        """Turn what pyelftools raises over a damaged file into a sentence."""
        from elftools.common.exceptions import DWARFError, ELFError  # noqa: PLC0415 (as above)
        from elftools.construct import ConstructError  # noqa: PLC0415

        try:
            yield
        except (DWARFError, ELFError, ConstructError, LookupError, ValueError, AssertionError) as why:
            raise InputError(f"{self._path}: its debug information is damaged ({why!r})") from why

    def _frames(self, address: int) -> tuple[Frame, ...]:
        offset = self._unit_at(address)
        if offset is None:
            return ()
        unit = self._unit(offset)
        found = unit.lines.find(address)
        if found is None:
            return ()
        file, line = unit.lines.file(found[0]), found[1]
        frames = []
        for entry in self._around(unit, address):
            frames.append(Frame(self._name(entry), file, line))
            if entry.tag == _INLINED:
                call = entry.attributes
                file = unit.lines.file(call["DW_AT_call_file"].value) if "DW_AT_call_file" in call else "?"
                line = call["DW_AT_call_line"].value if "DW_AT_call_line" in call else 0
        return tuple(frames) or (Frame("", file, line),)

    def _around(self, unit: _Unit, address: int) -> list[Any]:
        """Return the function that holds an address and what is inlined there, innermost first."""
        index = bisect_right([start for start, _, _ in unit.functions], address) - 1
        if index < 0 or address >= unit.functions[index][1]:
            return []
        entry = unit.functions[index][2]
        chain = [entry]
        while (inner := self._inner(unit, entry, address)) is not None:
            entry = inner
            if entry.tag == _INLINED:
                chain.append(entry)
        return chain[::-1]

    def _inner(self, unit: _Unit, entry: Any, address: int) -> Any:
        """Return the nested block or inlined function of an entry that holds an address, or None."""
        for child in entry.iter_children():
            if child.tag in _NESTING and any(a <= address < b for a, b in self._ranges(unit.unit, child)):
                return child
        return None

    def _name(self, entry: Any) -> str:
        """Return a function's name: its own, or that of what it is an instance of."""
        for _ in range(4):
            if "DW_AT_name" in entry.attributes:
                name: bytes = entry.attributes["DW_AT_name"].value
                return name.decode("utf-8", "replace")
            origin = next(
                (a for a in ("DW_AT_abstract_origin", "DW_AT_specification") if a in entry.attributes), ""
            )
            if not origin:
                break
            entry = entry.get_DIE_from_attribute(origin)
        return ""

    @cached_property
    def _info(self) -> Any:
        return self._elf.get_dwarf_info(follow_links=False)

    @cached_property
    def _index(self) -> tuple[list[int], list[tuple[int, int]]]:
        """The starts of all ranges, ascending, and the end and the unit's offset of each."""
        aranges = self._info.get_aranges()
        if aranges is not None:
            rows = [(e.begin_addr, e.begin_addr + e.length, e.info_offset) for e in aranges.entries]
        else:
            rows = list(self._all_ranges())
        rows = sorted(row for row in rows if row[0] < row[1])
        return [start for start, _, _ in rows], [(end, offset) for _, end, offset in rows]

    def _all_ranges(self) -> Iterator[tuple[int, int, int]]:
        for unit in self._info.iter_CUs():
            for start, end in self._ranges(unit, unit.get_top_DIE()):
                yield start, end, unit.cu_offset

    def _unit_at(self, address: int) -> int | None:
        starts, rows = self._index
        index = bisect_right(starts, address) - 1
        return rows[index][1] if index >= 0 and address < rows[index][0] else None

    def _unit(self, offset: int) -> _Unit:
        if offset not in self._units:
            unit = self._info.get_CU_at(offset)
            top = unit.get_top_DIE()
            functions = [
                (start, end, child)
                for child in top.iter_children()
                if child.tag == _FUNCTION
                for start, end in self._ranges(unit, child)
            ]
            folder = _text(top.attributes, "DW_AT_comp_dir")
            program = self._info.line_program_for_CU(unit)
            self._units[offset] = _Unit(
                unit, tuple(sorted(functions, key=lambda row: row[0])), _line_table(program, folder)
            )
        return self._units[offset]

    def _ranges(self, unit: Any, entry: Any) -> list[tuple[int, int]]:
        """Return the addresses of an entry as pairs of start and end."""
        attributes = entry.attributes
        if "DW_AT_ranges" in attributes:
            return self._listed(unit, attributes["DW_AT_ranges"].value)
        if "DW_AT_low_pc" not in attributes or "DW_AT_high_pc" not in attributes:
            return []
        low, high = attributes["DW_AT_low_pc"].value, attributes["DW_AT_high_pc"]
        return [(low, high.value if high.form == "DW_FORM_addr" else low + high.value)]

    def _listed(self, unit: Any, offset: int) -> list[tuple[int, int]]:
        from elftools.dwarf.ranges import RangeEntry  # noqa: PLC0415 (as above)

        base, found = _base(unit), []
        for row in self._info.range_lists().get_range_list_at_offset(offset, unit):
            if isinstance(row, RangeEntry):
                shift = 0 if row.is_absolute else base
                found.append((row.begin_offset + shift, row.end_offset + shift))
            else:
                base = row.base_address
        return found


def _base(unit: Any) -> int:
    attributes = unit.get_top_DIE().attributes
    return int(attributes["DW_AT_low_pc"].value) if "DW_AT_low_pc" in attributes else 0


def _text(attributes: Any, name: str) -> str:
    return attributes[name].value.decode("utf-8", "replace") if name in attributes else ""


def _line_table(program: Any, folder: str) -> LineTable:
    """Take what a unit's line program needs from the header that pyelftools parsed."""
    if program is None:
        return LineTable.empty()
    header = program.header
    program.stream.seek(program.program_start_offset)
    code = program.stream.read(program.program_end_offset - program.program_start_offset)
    folders = [part.decode("utf-8", "replace") for part in header["include_directory"]]
    old = header["version"] in (2, 3, 4)
    names = [
        _path(folder, ["", *folders] if old else folders, entry.dir_index, entry.name)
        for entry in header["file_entry"]
    ]
    return LineTable(
        code=code,
        files=("", *names) if old else tuple(names),
        minimum=header["minimum_instruction_length"],
        line_base=header["line_base"],
        line_range=header["line_range"],
        opcode_base=header["opcode_base"],
        lengths=tuple(header["standard_opcode_lengths"]),
        little=program.structs.little_endian,
    )


def _path(root: str, folders: list[str], number: int, name: bytes) -> str:
    folder = folders[number] if number < len(folders) else ""
    return normpath(join(root, folder, name.decode("utf-8", "replace")))
