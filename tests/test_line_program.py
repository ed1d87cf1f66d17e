# SPDX-License-Identifier: GPL-2.0-or-later
"""Line programs by columns, beside the state machine that DWARF 5, section 6.2, describes, one opcode at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elfsyms.image.dwarf_forms import DamageError
from elfsyms.image.line_program import LineProgram, Spans, run_program

if TYPE_CHECKING:
    from collections.abc import Iterator

LENGTHS = (0, 1, 1, 1, 1, 0, 0, 0, 1, 0, 0, 1)  # of the standard opcodes, as compilers have them
BASE, RANGE, FIRST = -5, 14, 13


def leb(number: int, *, signed: bool = False, pad: int = 0) -> bytes:
    """Encode a number in LEB128, with some bytes more than it needs."""
    bits = number.bit_length() + signed  # and one for the sign
    size = max(1, -(-bits // 7)) + pad
    return bytes(number >> 7 * i & 0x7F | (0x80 if i + 1 < size else 0) for i in range(size))


def opcodes() -> st.SearchStrategy[bytes]:
    """Make an opcode with its operands, of any kind."""
    small, pad = st.integers(0, 1 << 20), st.integers(0, 3)
    lines = st.integers(-(1 << 20), 1 << 20)
    return st.one_of(
        st.integers(FIRST, 255).map(lambda opcode: bytes([opcode])),
        st.sampled_from([1, 6, 7, 8, 10, 11]).map(lambda opcode: bytes([opcode])),
        st.builds(
            lambda kind, n, p: bytes([kind]) + leb(n, pad=p), st.sampled_from([2, 4, 5, 12]), small, pad
        ),
        st.builds(lambda n, p: b"\3" + leb(n, signed=True, pad=p), lines, pad),
        st.integers(0, 0xFFFF).map(lambda n: b"\x09" + n.to_bytes(2, "little")),
        st.integers(0, (1 << 63) - 1).map(lambda n: b"\0\x09\2" + n.to_bytes(8, "little")),
        st.just(b"\0\1\1"),
        st.binary(max_size=40).map(lambda data: b"\0" + leb(len(data) + 1) + b"\x80" + data),
        st.just(b"\0\0"),
    )


def rows(code: bytes) -> Iterator[tuple[int, int, int, bool]]:  # noqa: C901 (one branch an opcode)
    """Yield address, file and line of each row, and whether it ends a sequence."""
    at, file, line, offset = 0, 1, 1, 0

    def number(*, signed: bool = False) -> int:
        nonlocal offset
        value = shift = 0
        while True:
            byte = code[offset]
            offset, value, shift = offset + 1, value | (byte & 0x7F) << shift, shift + 7
            if byte < 0x80:
                return value - (1 << shift) if signed and byte & 0x40 else value

    while offset < len(code):
        opcode, offset = code[offset], offset + 1
        if opcode >= FIRST:
            at, line = at + (opcode - FIRST) // RANGE, line + BASE + (opcode - FIRST) % RANGE
            yield at, file, line, False
        elif opcode == 0:
            size = number()
            kind, operand = code[offset : offset + 1], code[offset + 1 : offset + size]
            offset += size
            if size and kind == b"\1":
                yield at, file, line, True
                at, file, line = 0, 1, 1
            elif size and kind == b"\2":
                at = int.from_bytes(operand, "little")
        elif opcode == 1:
            yield at, file, line, False
        elif opcode == 2:
            at += number()
        elif opcode == 3:
            line += number(signed=True)
        elif opcode == 4:
            file = number()
        elif opcode == 8:
            at += (255 - FIRST) // RANGE
        elif opcode == 9:
            at, offset = at + int.from_bytes(code[offset : offset + 2], "little"), offset + 2
        elif opcode in (5, 12):
            number()


def held(code: bytes) -> list[tuple[int, int, int, int]]:
    """Return what rows hold, ascending: begin, end, file, line."""
    found, before = [], None
    for at, file, line, ends in rows(code):
        if before is not None and before[0] < at:
            found.append((before[0], at, before[1], before[2]))
        before = None if ends else (at, file, line)
    return sorted(found)


def listed(spans: Spans) -> list[tuple[int, int, int, int]]:
    """Return spans as rows."""
    columns = (spans.begin, spans.end, spans.file, spans.line)
    return list(zip(*(column.tolist() for column in columns), strict=True))


def program(code: bytes) -> LineProgram:
    """Return a program with the header that GNU as writes."""
    return LineProgram(code, 1, BASE, RANGE, FIRST, LENGTHS, little=True)


@given(st.lists(opcodes(), max_size=60))
def test_columns_say_what_the_state_machine_says(parts: list[bytes]) -> None:
    """Whatever opcodes a program has, the same addresses have the same lines."""
    code = b"".join(parts)
    assert listed(run_program(program(code))) == held(code)


@pytest.mark.parametrize("opcode", [b"\x05\x05", b"\x02\x82\x02", b"\x00\x02\x04\x05"])
def test_operands_that_look_like_opcodes_are_none(opcode: bytes) -> None:
    """A long run in which every byte may be another's operand is read as it begins."""
    code = b"\0\x09\2" + (0x1000).to_bytes(8, "little") + opcode * 500 + b"\x4b" + b"\0\1\1"
    assert listed(run_program(program(code))) == held(code)


def test_an_operand_that_is_missing_is_damage() -> None:
    """A program that ends within an opcode is damaged, wherever its other opcodes begin."""
    with pytest.raises(DamageError):
        run_program(program(b"\x4b\x4b\x02\x80"))


@given(st.binary(max_size=200), st.integers(0, 255), st.integers(1, 255), st.integers(0, 255))
def test_any_bytes_are_read_or_damaged(code: bytes, minimum: int, line_range: int, opcode_base: int) -> None:
    """Bytes by chance are a program, or damage; nothing else comes of them."""
    lengths = tuple(code[: max(opcode_base - 1, 0)])
    try:
        spans = run_program(LineProgram(code, minimum, -3, line_range, opcode_base, lengths, little=False))
    except DamageError:
        return
    assert (spans.begin < spans.end).all()
