# SPDX-License-Identifier: GPL-2.0-or-later
"""The line table of a unit: from an address to a file's path and a line.

Reads the header of DWARF 5, section 6.2.4, and that of versions 2 to 4; ``line_program.py`` runs what follows it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import cached_property
from posixpath import join, normpath
from typing import TYPE_CHECKING, Any

import numpy as np

from elfsyms.image.dwarf_forms import AT, TEXTS, UDATA, WIDE_LENGTH, DamageError, unsigned
from elfsyms.image.line_program import LineProgram, run_program

if TYPE_CHECKING:
    from collections.abc import Sequence

    from elfsyms.image.dwarf_entries import Information, Text, Unit
    from elfsyms.image.line_program import Spans

__all__ = ["FileTable", "LineTable", "joined", "read_line_table"]

_LONGEST = 4096  # characters of a path: PATH_MAX
_PATH, _DIRECTORY = 1, 2  # DW_LNCT_*
_LEB128 = rb"[\x80-\xff]*[\x00-\x7f]"
_OLD_FOLDER = re.compile(rb"[^\0]+\0", re.DOTALL)
_OLD_FILE = re.compile(rb"[^\0]+\0(%b)%b%b" % (_LEB128, _LEB128, _LEB128), re.DOTALL)


@dataclass(frozen=True, slots=True)
class FileTable:
    """The files of a program by number: each has a folder's number, and a name. Text is read when asked for."""

    info: Information
    root: str
    folders: Sequence[Text]
    files: Sequence[tuple[int, Text]]

    def path(self, number: int) -> str:
        """Return the path of a file, a question mark for none."""
        if not 0 <= number < len(self.files):
            return "?"
        folder, name = self.files[number]
        above = self.folders[folder] if folder < len(self.folders) else ""
        return joined(self.root, self.info.text(above), self.info.text(name))


def joined(*parts: str) -> str:
    """Return a path of its parts; :class:`DamageError` for one that no system has."""
    path = normpath(join(*parts))
    if len(path) > _LONGEST:
        raise DamageError(f"a path of the debug information has {len(path):,} characters")
    return path


@dataclass(frozen=True)
class LineTable:
    """A line program, which runs when an address is asked for, and the files that it names."""

    program: LineProgram
    files: FileTable

    def file(self, number: int) -> str:
        """Return the path of a file by its number."""
        if number not in self._paths:
            self._paths[number] = self.files.path(number)
        return self._paths[number]

    @cached_property
    def _paths(self) -> dict[int, str]:
        return {}

    def find(self, address: int) -> tuple[int, int] | None:
        """Return file number and line of an address, None where no row holds it.

        Of several rows at one address the last holds it: those before it are empty.
        """
        index = int(self._spans.begin.searchsorted(np.uint64(address), "right")) - 1
        if index < 0 or address >= int(self._spans.end[index]):
            return None
        return int(self._spans.file[index]), int(self._spans.line[index])

    @cached_property
    def _spans(self) -> Spans:
        return run_program(self.program)


def read_line_table(info: Information, unit: Unit, known: dict[int, LineTable]) -> LineTable:
    """Read the header of a unit's line program; the program itself runs when an address is asked for.

    ``known`` has those of units before, by their offsets: units may share one.
    """
    top = info.top(unit)
    if AT.STMT_LIST not in top.values:
        return LineTable(LineProgram(b"", 1, 0, 1, 1, (), little=True), FileTable(info, "", (), ()))
    offset, root = int(top.values[AT.STMT_LIST]), info.said(top, AT.COMP_DIR) or ""
    if offset not in known:
        known[offset] = _read(info, unit, offset)
    table = known[offset]
    return table if root == table.files.root else replace(table, files=replace(table.files, root=root))


def _read(info: Information, unit: Unit, offset: int) -> LineTable:
    data, start = info.sections.get(".debug_line"), offset
    length, wide = info.number(data, offset, 4), 4
    offset += 4
    if length == WIDE_LENGTH:
        length, wide, offset = info.number(data, offset, 8), 8, offset + 8
    end = offset + length
    version = info.number(data, offset, 2)
    offset += 4 if version >= 5 else 2
    begin = offset + wide + info.number(data, offset, wide)
    offset += wide
    minimum = data[offset]
    offset += 3 if version >= 4 else 2  # the maximum of operations, and whether rows are statements
    base = data[offset] - 256 if data[offset] > 127 else data[offset]
    line_range, opcode_base = data[offset + 1], data[offset + 2]
    lengths = tuple(data[offset + 3 : offset + 2 + opcode_base])
    offset += 2 + opcode_base
    own = replace(unit, offset_size=wide)  # assemblers make tables of 32 bits beside units of 64
    files, offset = _new_files(info, own, offset) if version >= 5 else _old_files(info, offset)
    info.charge(".debug_line", offset - start)
    little = info.order == "little"
    program = LineProgram(data[begin:end], minimum, base, max(line_range, 1), opcode_base, lengths, little)
    return LineTable(program, files)


def _old_files(info: Information, offset: int) -> tuple[FileTable, int]:
    """Read the files of versions 2 to 4: folders, then names with a folder's number, from 1.

    Return where they end.
    """
    data = info.sections.get(".debug_line")
    folders: list[Text] = [""]
    files: list[tuple[int, Text]] = [(0, "")]
    while (name := _OLD_FOLDER.match(data, offset)) is not None:
        folders.append((".debug_line", offset))
        offset = name.end()
    offset = _behind_zero(data, offset)
    while (name := _OLD_FILE.match(data, offset)) is not None:
        files.append((unsigned(name[1], 0)[0], (".debug_line", offset)))
        offset = name.end()
    return FileTable(info, "", folders, files), _behind_zero(data, offset)


def _behind_zero(data: memoryview, offset: int) -> int:
    """Return the offset behind the zero that ends a list."""
    if data[offset]:
        raise DamageError("a list of files in .debug_line has no end")
    return offset + 1


def _new_files(info: Information, unit: Unit, offset: int) -> tuple[FileTable, int]:
    """Read the files of version 5: rows in forms that the header tells, of folders, then of names, from 0.

    Return where they end.
    """
    folders, offset = _table(info, unit, offset)
    files, offset = _table(info, unit, offset)
    return FileTable(info, "", [name for _, name in folders], files), offset


def _table(info: Information, unit: Unit, offset: int) -> tuple[list[tuple[int, Text]], int]:
    """Read rows of a folder's number and a name; return them, and the offset behind."""
    data = info.sections.get(".debug_line")
    count, offset = data[offset], offset + 1
    forms = []
    for _ in range(count):
        kind, offset = unsigned(data, offset)
        form, offset = unsigned(data, offset)
        forms.append((kind, form))
    rows, offset = unsigned(data, offset)
    if rows > len(data) - offset:  # each takes a byte at least
        raise DamageError("a table of files in .debug_line has more rows than there are bytes")
    found = []
    for _ in range(rows):
        row: dict[int, Any] = {}
        for kind, form in forms:
            if form in TEXTS:
                row[kind] = TEXTS[form], info.number(data, offset, unit.offset_size)
                offset += unit.offset_size
            elif form == UDATA:
                row[kind], offset = unsigned(data, offset)
            else:
                row[kind], offset = info.value(unit, form, offset, data)
        found.append((int(row.get(_DIRECTORY, 0)), row.get(_PATH, "")))
    return found, offset
