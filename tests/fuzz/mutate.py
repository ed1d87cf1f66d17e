# SPDX-License-Identifier: GPL-2.0-or-later
"""Mutations, each drawn from a seeded generator: of any bytes, of an ELF file's own fields, and of text."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["mutate_bytes", "mutate_elf", "mutate_text"]

INTERESTING = (
    *(0, 1, 2, 3, 7, 8, 0x7F, 0x80, 0xFF, 0xFF00, 0xFFF1, 0xFFFF, 0x10000, 0x7FFFFFFF, 0x80000000),
    *(0xFFFFFFFF, 1 << 32, 1 << 40, 1 << 60, (1 << 63) - 1, 1 << 63, (1 << 64) - 1),
)
MOST = 1 << 20  # bytes of an input

Mutation: TypeAlias = Callable[[random.Random, bytearray], None]


def mutate_elf(draw: random.Random, seeds: Sequence[bytes]) -> bytes:
    """Return a seed with one to six changes, most of them to what an ELF file's readers look at."""
    data = bytearray(draw.choice(seeds))
    for _ in range(draw.choice((1, 1, 1, 2, 3, 6))):
        if data:
            draw.choice(_OF_ELF if draw.random() < 0.7 else _OF_BYTES)(draw, data)
    return bytes(data[:MOST])


def mutate_bytes(draw: random.Random, seed: bytes) -> bytes:
    """Return a seed with some bytes changed, cut, moved or repeated."""
    data = bytearray(seed)
    for _ in range(draw.choice((1, 1, 2, 4))):
        if data:
            draw.choice(_OF_BYTES)(draw, data)
    return bytes(data[:MOST])


def mutate_text(draw: random.Random, seeds: Sequence[bytes], words: Sequence[bytes]) -> bytes:
    """Return a seed with changes, some of them words that its readers know."""
    data = bytearray(draw.choice(seeds))
    for _ in range(draw.choice((1, 2, 4, 8))):
        if draw.random() < 0.5:
            place = draw.randint(0, len(data))
            data[place : place + draw.choice((0, 0, 1, 4))] = draw.choice(words)
        elif data:
            draw.choice(_OF_BYTES)(draw, data)
    return bytes(data[:MOST])


def flip(draw: random.Random, data: bytearray) -> None:
    """Change a bit."""
    data[draw.randrange(len(data))] ^= 1 << draw.randrange(8)


def overwrite(draw: random.Random, data: bytearray) -> None:
    """Put a number that is likely to be on some edge somewhere."""
    _put(draw, data, draw.randrange(len(data)), draw.choice((1, 2, 4, 8)))


def cut(draw: random.Random, data: bytearray) -> None:
    """Drop the end."""
    del data[draw.randrange(len(data)) :]


def remove(draw: random.Random, data: bytearray) -> None:
    """Drop some bytes in the midst."""
    place = draw.randrange(len(data))
    del data[place : place + draw.choice((1, 8, 24, 256))]


def repeat(draw: random.Random, data: bytearray) -> None:
    """Have some bytes twice, or a thousand times."""
    place, size = draw.randrange(len(data)), draw.choice((1, 8, 24, 256))
    data[place:place] = data[place : place + size] * draw.choice((1, 2, 1000))


def move(draw: random.Random, data: bytearray) -> None:
    """Copy some bytes to another place."""
    source, target, size = draw.randrange(len(data)), draw.randrange(len(data)), draw.choice((1, 8, 64))
    piece = data[source : source + size]
    data[target : target + len(piece)] = piece


def header_field(draw: random.Random, data: bytearray) -> None:
    """Change the ELF header."""
    place = draw.choice((4, 5, 6, 7, 8, 16, 18, 20, *range(24, 64, 2)))
    _put(draw, data, place, draw.choice((1, 2, 4, 8)))


def section_field(draw: random.Random, data: bytearray) -> None:
    """Change a field of a section header, also to another section's."""
    table = _sections(data)
    if table is None:
        flip(draw, data)
        return
    start, step, count, _ = table
    offsets = (0, 4, 8, 16, 24, 32, 40, 44, 48, 56) if step == 64 else tuple(range(0, 40, 4))
    field = draw.choice(offsets)
    place = start + step * draw.randrange(count) + field
    if draw.random() < 0.4:
        other = start + step * draw.randrange(count) + field
        data[place : place + 4] = data[other : other + 4]
    else:
        _put(draw, data, place, draw.choice((4, 8)) if step == 64 else 4)


def symbol_field(draw: random.Random, data: bytearray) -> None:
    """Change an entry of the first symbol table."""
    table = _symbols(data)
    if table is None:
        flip(draw, data)
        return
    start, size, step = table
    place = start + step * draw.randrange(max(size // step, 1)) + draw.randrange(step)
    _put(draw, data, place, draw.choice((1, 2, 4, 8)))


def string_bytes(draw: random.Random, data: bytearray) -> None:
    """Put what terminals, shells, map readers and UTF-8 decoders trip over into names, or take their zeros."""
    zeros = [place for place in range(0, len(data), 7) if data[place : place + 1].isalpha()]
    if zeros:
        place = draw.choice(zeros)
        piece = draw.choice(HOSTILE)
        data[place : place + len(piece)] = piece


HOSTILE = (
    *(
        b"\n",
        b" ",
        b"\t",
        b"\0",
        b"\x1b[2J",
        b"\x1b]0;x\x07",
        b"\xc2\x9b31m",
        b"\xe2\x80\xae",
        b"\xff\xfe",
        b'"',
    ),
    *(b"\nffffffff81000040 T forged", b"\\", b"%n%s", b"$(id)", b"\r\n", b"kallsyms_", b"_text\0", b"\x80"),
)
_OF_BYTES: tuple[Mutation, ...] = (flip, flip, overwrite, cut, remove, repeat, move)
_OF_ELF: tuple[Mutation, ...] = (
    header_field,
    section_field,
    section_field,
    symbol_field,
    symbol_field,
    string_bytes,
)


def _put(draw: random.Random, data: bytearray, place: int, width: int) -> None:
    value = draw.choice(INTERESTING) if draw.random() < 0.7 else draw.getrandbits(64)
    octets = (value & (1 << 8 * width) - 1).to_bytes(width, draw.choice(("little", "big")))
    data[place : place + width] = octets


def _sections(data: bytearray) -> tuple[int, int, int, str] | None:
    """Return where section headers are, the size of one, their number, and the byte order; None where none are."""
    if len(data) < 64 or data[:4] != b"\x7fELF":
        return None
    order, wide = ">" if data[5] == 2 else "<", data[4] == 2
    start = struct.unpack_from(f"{order}{'Q' if wide else 'I'}", data, 40 if wide else 32)[0]
    count = struct.unpack_from(f"{order}H", data, 60 if wide else 48)[0]
    step = 64 if wide else 40
    return (start, step, count, order) if count and start + step * count <= len(data) else None


def _symbols(data: bytearray) -> tuple[int, int, int] | None:
    """Return where the symbol table is, its size, and that of an entry."""
    table = _sections(data)
    if table is None:
        return None
    start, step, count, order = table
    form, offset = (f"{order}QQ", 24) if step == 64 else (f"{order}II", 16)
    for row in range(start, start + step * count, step):
        if struct.unpack_from(f"{order}I", data, row + 4)[0] == 2:
            place, size = struct.unpack_from(form, data, row + offset)
            if size and place + size <= len(data):
                return place, size, 24 if step == 64 else 16
    return None
