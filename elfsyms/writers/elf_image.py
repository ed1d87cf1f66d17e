# SPDX-License-Identifier: GPL-2.0-or-later
"""A vmlinux made anew: a kernel's bytes at their addresses, and a symbol table over them.

What was recovered from an image becomes a file that nm, gdb, addr2line, perf, Ghidra and IDA read, and that every
command here takes as a vmlinux. Written with numpy, and not with LIEF as objects are (``object.py``): a table of
200,000 symbols is one array here, made in 0.1 s, and the commands make one in memory each time they are given an
image; LIEF takes 1.3 s for the symbols alone, and holds the image three times.

Follows the gABI. Leaves out relocations, notes and debug information, which an image does not have.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from elfsyms.image.records import gather
from elfsyms.image.symbols import entry_type
from elfsyms.writers.skeleton import HEADER, SECTION_HEADER

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from elfsyms.image.elf import Abi

__all__ = ["ImagePart", "ImageSymbols", "write_image"]

ET_EXEC = 2
PROGBITS, SYMTAB, STRTAB, NOBITS = 1, 2, 3, 8
WRITE, ALLOC, EXEC = 1, 2, 4
_SEGMENT = {32: "IIIIIIII", 64: "IIQQQQQQ"}
_PT_LOAD = 1
_ALIGN = 16


@dataclass(frozen=True, slots=True)
class ImagePart:
    """One section: its bytes at an address, or without bytes its size in memory (``data`` None)."""

    name: str
    flags: int
    address: int
    size: int
    data: memoryview | None


@dataclass(frozen=True, slots=True, eq=False)
class ImageSymbols:
    """The symbols as arrays of one length, names in ``pool``.

    ``section`` (int64) counts parts from 1 on, or is ``SHN_ABS``.
    """

    pool: bytes
    start: NDArray[np.int64]
    name_size: NDArray[np.int64]
    value: NDArray[np.uint64]
    size: NDArray[np.uint64]
    binding: NDArray[np.uint8]
    type: NDArray[np.uint8]
    section: NDArray[np.int64]


def write_image(parts: Sequence[ImagePart], symbols: ImageSymbols, abi: Abi) -> bytes:
    """Return the file: header, program headers, the parts' bytes, symbols, strings, section headers."""
    file = _Pieces(_header_size(parts, abi))
    names, rows = _Names(), [(0,) * 10]
    offsets = []
    for part in parts:
        kind = NOBITS if part.data is None else PROGBITS
        offsets.append(file.add(part.data))
        rows.append(
            (names.add(part.name), kind, part.flags, part.address, offsets[-1], part.size, 0, 0, 1, 0)
        )
    table, strings, local = _symbols(symbols, abi)
    entry, link = entry_type(abi).itemsize, len(rows) + 1
    symtab = (SYMTAB, 0, 0, file.add(table), len(table), link, local, abi.word, entry)
    rows.append((names.add(".symtab"), *symtab))
    rows.append((names.add(".strtab"), STRTAB, 0, 0, file.add(strings), len(strings), 0, 0, 1, 0))
    title = names.add(".shstrtab")
    rows.append((title, STRTAB, 0, 0, file.add(names.blob), len(names.blob), 0, 0, 1, 0))
    offset = file.add(b"".join(SECTION_HEADER[abi.bits].of(abi.byte_order).pack(*row) for row in rows))
    return b"".join([_headers(parts, offsets, abi, offset, len(rows)), *file.pieces])


class _Pieces:
    """What follows the headers, in the order of the file, aligned."""

    def __init__(self, start: int) -> None:
        self.pieces: list[bytes | memoryview] = []
        self.size = start

    def add(self, data: bytes | memoryview | None) -> int:
        """Add bytes, and return where they begin."""
        padding = bytes(-self.size % _ALIGN)
        offset = self.size + len(padding)
        if data is not None:
            self.pieces += [padding, data]
            self.size = offset + len(data)
        return offset


class _Names:
    """A string table that grows."""

    def __init__(self) -> None:
        self.blob = b"\0"

    def add(self, name: str) -> int:
        offset = len(self.blob)
        self.blob += name.encode("utf-8", "surrogateescape") + b"\0"
        return offset


def _symbols(symbols: ImageSymbols, abi: Abi) -> tuple[bytes, bytes, int]:
    """Return the symbol table, its strings, and the number of local entries, which stand first."""
    order = np.argsort(symbols.binding != 0, kind="stable")
    size = symbols.name_size[order]
    ends = np.cumsum(size + 1)
    rows = np.zeros(len(order) + 1, entry_type(abi))
    pool = np.frombuffer(symbols.pool, np.uint8)
    strings = np.zeros(int(ends[-1]) + 1 if len(ends) else 1, np.uint8)
    inside = np.ones(len(strings), np.bool_)
    inside[0] = False
    inside[ends] = False
    strings[inside] = gather(pool, symbols.start[order], size)
    rows["name"][1:] = ends - size
    mask = np.uint64((1 << abi.bits) - 1)
    rows["value"][1:] = symbols.value[order] & mask
    rows["size"][1:] = symbols.size[order] & mask
    rows["info"][1:] = symbols.binding[order] << 4 | symbols.type[order]
    rows["section"][1:] = symbols.section[order]
    return rows.tobytes(), strings.tobytes(), 1 + int((symbols.binding == 0).sum())


def _header_size(parts: Sequence[ImagePart], abi: Abi) -> int:
    segments = sum(part.size > 0 for part in parts)
    header = HEADER[abi.bits].of(abi.byte_order).size
    segment = struct.calcsize(abi.byte_order + _SEGMENT[abi.bits])
    return header + segments * segment


def _headers(parts: Sequence[ImagePart], offsets: Sequence[int], abi: Abi, offset: int, count: int) -> bytes:
    """Return the file's header and the program headers, one a part that takes memory."""
    order, bits = abi.byte_order, abi.bits
    rows = [_segment(part, offset, bits) for part, offset in zip(parts, offsets, strict=True) if part.size]
    header, section = HEADER[bits].of(order), SECTION_HEADER[bits].of(order)
    start = header.size
    ident = bytes(
        (*b"\x7fELF", bits // 32, 1 if order == "<" else 2, 1, abi.os_abi, abi.abi_version, *bytes(7))
    )
    entry = next((part.address for part in parts if part.flags & EXEC), 0)
    segment = struct.calcsize(order + _SEGMENT[bits])
    sizes = (start, segment, len(rows), section.size, count, count - 1)
    fields = (ident, ET_EXEC, abi.machine, 1, entry, start, offset, abi.flags, *sizes)
    segments = b"".join(struct.pack(order + _SEGMENT[bits], *row) for row in rows)
    return header.pack(*fields) + segments


def _segment(part: ImagePart, offset: int, bits: int) -> tuple[int, ...]:
    flags = 4 | (2 if part.flags & WRITE else 0) | (1 if part.flags & EXEC else 0)
    held = 0 if part.data is None else part.size
    if bits == 32:
        return _PT_LOAD, offset, part.address, part.address, held, part.size, flags, 1
    return _PT_LOAD, flags, offset, part.address, part.address, held, part.size, 1
