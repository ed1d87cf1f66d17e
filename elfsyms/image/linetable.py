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
        code, size, offset = self.code, len(self.code), 0
        at, file, line = 0, 1, 1
        base, width, first, minimum = self.line_base, self.line_range, self.opcode_base, self.minimum
        const = (255 - first) // width * minimum
        while offset < size:
            opcode = code[offset]
            offset += 1
            if opcode >= first:
                opcode -= first
                at += opcode // width * minimum
                line += base + opcode % width
                yield at, file, line, False
            elif opcode == _COPY:
                yield at, file, line, False
            elif opcode == _ADVANCE_PC:
                value, offset = _unsigned(code, offset)
                at += value * minimum
            elif opcode == _ADVANCE_LINE:
                value, offset = _signed(code, offset)
                line += value
            elif opcode == _SET_FILE:
                file, offset = _unsigned(code, offset)
            elif opcode == _CONST_ADD_PC:
                at += const
            elif opcode == _FIXED_ADVANCE:
                at += int.from_bytes(code[offset : offset + 2], "little" if self.little else "big")
                offset += 2
            elif opcode == 0:
                length, offset = _unsigned(code, offset)
                kind = code[offset] if length else 0
                if kind == _END_SEQUENCE:
                    yield at, file, line, True
                    at, file, line = 0, 1, 1
                elif kind == _SET_ADDRESS:
                    at = int.from_bytes(
                        code[offset + 1 : offset + length], "little" if self.little else "big"
                    )
                offset += length
            else:
                for _ in range(self.lengths[opcode - 1]):
                    _, offset = _unsigned(code, offset)


def _unsigned(code: bytes, offset: int) -> tuple[int, int]:
    """Decode a ULEB128 number; return it and the offset behind it."""
    value = shift = 0
    while True:
        byte = code[offset]
        offset += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, offset
        shift += 7


def _signed(code: bytes, offset: int) -> tuple[int, int]:
    """Decode an SLEB128 number; return it and the offset behind it."""
    start = offset
    value, offset = _unsigned(code, offset)
    bits = 7 * (offset - start)
    return value - (1 << bits) if value >> (bits - 1) else value, offset
