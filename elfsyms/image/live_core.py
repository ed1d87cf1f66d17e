# SPDX-License-Identifier: GPL-2.0-or-later
"""Some segments of memory as an ELF core of their own.

``/proc/kcore`` is as large as the address space, and cannot be mapped: what was read of it becomes a file that can.

Follows the gABI, chapter "Program Header". Leaves out which segments are worth it (``decode/live_memory.py``).
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from elfsyms.image.elf import PT_LOAD

if TYPE_CHECKING:
    from collections.abc import Sequence

    from elfsyms.image.elf import Abi
    from elfsyms.image.segments import Segment

__all__ = ["core_of"]

_HEADER = {32: "16sHHIIIIIHHHHHH", 64: "16sHHIQQQIHHHHHH"}
_ET_CORE = 4


def core_of(abi: Abi, pieces: Sequence[tuple[Segment, bytes]]) -> bytes:
    """Return an ELF core of segments with their bytes, at the segments' addresses."""
    offset = _sizes(abi)[0] + _sizes(abi)[1] * len(pieces)
    headers = []
    for segment, data in pieces:
        headers.append(_program_header(abi, segment, offset, len(data)))
        offset += len(data)
    return b"".join([_header(abi, len(pieces)), *headers, *(data for _, data in pieces)])


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
