# SPDX-License-Identifier: GPL-2.0-or-later
"""The line program of a unit: from an address to a file's number and a line.

The state machine of DWARF 5, section 6.2, as far as address, file and line: everything else that a row has is
skipped. It runs once a unit; what it leaves is a table that addresses are looked up in.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, replace
from functools import cached_property
from posixpath import join, normpath
from typing import TYPE_CHECKING, Any

from elfsyms.image.dwarf_forms import AT, DamageError, signed, unsigned

if TYPE_CHECKING:
    from collections.abc import Iterator

    from elfsyms.image.dwarf_entries import Information, Unit

__all__ = ["LineTable", "read_line_table"]

_COPY, _ADVANCE_PC, _ADVANCE_LINE, _SET_FILE, _CONST_ADD_PC, _FIXED_ADVANCE = 1, 2, 3, 4, 8, 9
_KNOWN = (_COPY, _ADVANCE_PC, _ADVANCE_LINE, _SET_FILE, _CONST_ADD_PC, _FIXED_ADVANCE)
_END_SEQUENCE, _SET_ADDRESS = 1, 2
_MORE = 0x80  # of a byte of a LEB128 number: others follow
_PATH, _DIRECTORY = 1, 2  # DW_LNCT_*


@dataclass(frozen=True)
class LineTable:
    """A line program and what its header says.

    ``files`` are parts of a path (the unit's folder, the file's, its name) by the numbers that the program uses.
    """

    code: memoryview | bytes
    files: tuple[tuple[str, str, str], ...]
    minimum: int
    line_base: int
    line_range: int
    opcode_base: int
    lengths: tuple[int, ...]
    little: bool

    @classmethod
    def empty(cls) -> LineTable:
        """Return the table of a unit that has none."""
        return cls(b"", (), 1, 0, 1, 1, (), little=True)

    def file(self, number: int) -> str:
        """Return the path of a file by its number."""
        return normpath(join(*self.files[number])) if 0 <= number < len(self.files) else "?"

    def find(self, address: int) -> tuple[int, int] | None:
        """Return file number and line of an address, None where no row holds it.

        Of several rows at one address the last holds it: those before it are empty.
        """
        starts, spans = self._spans
        index = bisect_right(starts, address) - 1
        if index < 0 or address >= spans[index][1]:
            return None
        return spans[index][2:]

    @cached_property
    def _spans(self) -> tuple[list[int], list[tuple[int, int, int, int]]]:
        """Where each row begins that holds an address, ascending; begin and end again, file and line of each."""
        spans, before = [], None
        for row in self._rows():
            if before is not None and before[0] < row[0]:
                spans.append((before[0], row[0], before[1], before[2]))
            before = None if row[3] else row
        spans.sort()
        return [span[0] for span in spans], spans

    def _rows(self) -> Iterator[tuple[int, int, int, bool]]:  # noqa: C901, PLR0912 (one branch an opcode)
        """Yield address, file, line of each row, and whether it only ends a sequence."""
        code, size, offset = self.code, len(self.code), 0
        at, file, line = 0, 1, 1
        base, width, first, minimum = self.line_base, self.line_range, self.opcode_base, self.minimum
        const = (255 - first) // width * minimum
        idle = {opcode: count for opcode, count in enumerate(self.lengths, 1) if opcode not in _KNOWN}
        while offset < size:
            opcode = code[offset]
            offset += 1
            if opcode >= first:
                opcode -= first
                at += opcode // width * minimum
                line += base + opcode % width
                yield at, file, line, False
            elif opcode in idle:  # before the others: every other opcode of a compiler's program is
                for _ in range(idle[opcode]):
                    while code[offset] >= _MORE:
                        offset += 1
                    offset += 1
            elif opcode == _COPY:
                yield at, file, line, False
            elif opcode == 0:
                length, offset = unsigned(code, offset)
                kind = code[offset] if length else 0
                if kind == _END_SEQUENCE:
                    yield at, file, line, True
                    at, file, line = 0, 1, 1
                elif kind == _SET_ADDRESS:
                    at = int.from_bytes(
                        code[offset + 1 : offset + length], "little" if self.little else "big"
                    )
                offset += length
            elif opcode == _ADVANCE_LINE:
                value, offset = signed(code, offset)
                line += value
            elif opcode == _SET_FILE:
                file, offset = unsigned(code, offset)
            elif opcode == _ADVANCE_PC:
                value, offset = unsigned(code, offset)
                at += value * minimum
            elif opcode == _CONST_ADD_PC:
                at += const
            else:  # _FIXED_ADVANCE
                at += int.from_bytes(code[offset : offset + 2], "little" if self.little else "big")
                offset += 2


def read_line_table(info: Information, unit: Unit) -> LineTable:
    """Read the header of a unit's line program; the program itself runs when an address is asked for."""
    top = info.top(unit).values
    if AT.STMT_LIST not in top:
        return LineTable.empty()
    data, offset = info.sections.get(".debug_line"), int(top[AT.STMT_LIST])
    length, wide = info.number(data, offset, 4), 4
    offset += 4
    if length == 0xFFFFFFFF:
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
    root = str(top.get(AT.COMP_DIR, ""))
    own = replace(unit, offset_size=wide)  # assemblers make tables of 32 bits beside units of 64
    files = _new_files(info, own, offset, root) if version >= 5 else _old_files(info, offset, root)
    return LineTable(
        code=data[begin:end],
        files=files,
        minimum=minimum,
        line_base=base,
        line_range=max(line_range, 1),
        opcode_base=opcode_base,
        lengths=lengths,
        little=info.order == "little",
    )


def _old_files(info: Information, offset: int, root: str) -> tuple[tuple[str, str, str], ...]:
    """Read the files of versions 2 to 4: folders, then names with a folder's number, from 1."""
    data = info.sections.get(".debug_line")
    folders, files = [""], [("", "", "")]
    while data[offset]:
        text, offset = info.string(data, offset)
        folders.append(text)
    offset += 1
    while data[offset]:
        name, offset = info.string(data, offset)
        number, offset = unsigned(data, offset)
        for _ in range(2):
            _, offset = unsigned(data, offset)
        files.append((root, _folder(folders, number), name))
    return tuple(files)


def _new_files(info: Information, unit: Unit, offset: int, root: str) -> tuple[tuple[str, str, str], ...]:
    """Read the files of version 5: rows in forms that the header tells, of folders, then of names, from 0."""
    folders, offset = _table(info, unit, offset)
    files, _ = _table(info, unit, offset)
    names = [str(row.get(_PATH, "")) for row in folders]
    return tuple(
        (root, _folder(names, int(row.get(_DIRECTORY, 0))), str(row.get(_PATH, ""))) for row in files
    )


def _table(info: Information, unit: Unit, offset: int) -> tuple[list[dict[int, Any]], int]:
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
            row[kind], offset = info.value(unit, form, offset, data)
        found.append(row)
    return found, offset


def _folder(folders: list[str], number: int) -> str:
    return folders[number] if number < len(folders) else ""
