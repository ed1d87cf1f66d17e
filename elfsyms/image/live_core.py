# SPDX-License-Identifier: GPL-2.0-or-later
"""The part of ``/proc/kcore`` that is worth a search: its smaller segments, as a core of their own.

``/proc/kcore`` is as large as the address space, and cannot be mapped. Where its notes do not name the tables
(before 6.0), they lie in the segment of the kernel's text and data, which is as large as the kernel and which many
machines have (``CONFIG_ARCH_PROC_KCORE_TEXT``); on others the image is part of the map of all memory.

Follows ``fs/proc/kcore.c``. Leaves out the map of all memory.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from elfsyms.errors import InputError
from elfsyms.image.elf import PT_LOAD

if TYPE_CHECKING:
    from collections.abc import Iterator

    from elfsyms.image.elf import Abi, Image, Segment

__all__ = ["smaller_segments"]

_HEADER = {32: "16sHHIIIIIHHHHHH", 64: "16sHHIQQQIHHHHHH"}
_ET_CORE = 4


def smaller_segments(image: Image, most: int) -> bytes:
    """Return an ELF core of the segments of a core, the smallest first, as many as have ``most`` bytes together.

    Those that cannot be read are left out.
    """
    pieces = sorted(_readable(image, most), key=lambda piece: piece[0].address)
    offset = _sizes(image.abi)[0] + _sizes(image.abi)[1] * len(pieces)
    headers = []
    for segment, data in pieces:
        headers.append(_program_header(image.abi, segment, offset, len(data)))
        offset += len(data)
    return b"".join([_header(image.abi, len(pieces)), *headers, *(data for _, data in pieces)])


def _readable(image: Image, most: int) -> Iterator[tuple[Segment, bytes]]:
    loads = [segment for segment in image.segments() if segment.type == PT_LOAD and segment.file_size]
    for segment in sorted(loads, key=lambda segment: segment.file_size):
        most -= segment.file_size
        if most < 0:
            return
        try:
            yield segment, image.read_at(segment.offset, segment.file_size)
        except InputError:
            continue


def _sizes(abi: Abi) -> tuple[int, int]:
    """Return the bytes of the ELF header and of a program header."""
    return (52, 32) if abi.bits == 32 else (64, 56)


def _header(abi: Abi, count: int) -> bytes:
    header, segment = _sizes(abi)
    ident = bytes([0x7F, 0x45, 0x4C, 0x46, abi.bits // 32, 1 if abi.byte_order == "<" else 2, 1])
    numbers = (_ET_CORE, abi.machine, 1, 0, header, 0, abi.flags, header, segment, count, 0, 0, 0)
    return struct.pack(abi.byte_order + _HEADER[abi.bits], ident, *numbers)


def _program_header(abi: Abi, segment: Segment, offset: int, size: int) -> bytes:
    address, flags = segment.address, segment.flags
    if abi.bits == 32:
        return struct.pack(f"{abi.byte_order}8I", PT_LOAD, offset, address, 0, size, size, flags, 1)
    return struct.pack(f"{abi.byte_order}2I6Q", PT_LOAD, flags, offset, address, 0, size, size, 1)
