# SPDX-License-Identifier: GPL-2.0-or-later
"""The line program of a unit: from an address to a file's number and a line.

The state machine of DWARF 5, section 6.2, as far as address, file and line: everything else that a row has is
skipped. It runs only as far as it must: until the row that holds the address.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["LineTable"]

_COPY, _ADVANCE_PC, _ADVANCE_LINE, _SET_FILE, _CONST_ADD_PC, _FIXED_ADVANCE = 1, 2, 3, 4, 8, 9
_END_SEQUENCE, _SET_ADDRESS = 1, 2


@dataclass(frozen=True, slots=True)
class LineTable:
    """A line program and what its header says; ``files`` are paths by the numbers that the program uses."""

    code: bytes
    files: tuple[str, ...]
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
        return self.files[number] if 0 <= number < len(self.files) else "?"

    def find(self, address: int) -> tuple[int, int] | None:
        """Return file number and line of an address, None where no row holds it.

        Of several rows at one address the last holds it: those before it are empty.
        """
        before: tuple[int, int, int] | None = None
        for at, file, line, ends in self._rows():
            if before is not None and before[0] <= address < at:
                return before[1], before[2]
            before = None if ends else (at, file, line)
        return None

    def _rows(self) -> Iterator[tuple[int, int, int, bool]]:  # noqa: C901, PLR0912 (one branch an opcode)
        """Yield address, file, line of each row, and whether it only ends a sequence."""
        code, size, place = self.code, len(self.code), 0
        at, file, line = 0, 1, 1
        base, width, first, minimum = self.line_base, self.line_range, self.opcode_base, self.minimum
        const = (255 - first) // width * minimum
        while place < size:
            opcode = code[place]
            place += 1
            if opcode >= first:
                opcode -= first
                at += opcode // width * minimum
                line += base + opcode % width
                yield at, file, line, False
            elif opcode == _COPY:
                yield at, file, line, False
            elif opcode == _ADVANCE_PC:
                value, place = _unsigned(code, place)
                at += value * minimum
            elif opcode == _ADVANCE_LINE:
                value, place = _signed(code, place)
                line += value
            elif opcode == _SET_FILE:
                file, place = _unsigned(code, place)
            elif opcode == _CONST_ADD_PC:
                at += const
            elif opcode == _FIXED_ADVANCE:
                at += int.from_bytes(code[place : place + 2], "little" if self.little else "big")
                place += 2
            elif opcode == 0:
                length, place = _unsigned(code, place)
                kind = code[place] if length else 0
                if kind == _END_SEQUENCE:
                    yield at, file, line, True
                    at, file, line = 0, 1, 1
                elif kind == _SET_ADDRESS:
                    at = int.from_bytes(code[place + 1 : place + length], "little" if self.little else "big")
                place += length
            else:
                for _ in range(self.lengths[opcode - 1]):
                    _, place = _unsigned(code, place)


def _unsigned(code: bytes, place: int) -> tuple[int, int]:
    """Decode a ULEB128 number; return it and the place behind it."""
    value = shift = 0
    while True:
        byte = code[place]
        place += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, place
        shift += 7


def _signed(code: bytes, place: int) -> tuple[int, int]:
    """Decode an SLEB128 number; return it and the place behind it."""
    start = place
    value, place = _unsigned(code, place)
    bits = 7 * (place - start)
    return value - (1 << bits) if value >> (bits - 1) else value, place
