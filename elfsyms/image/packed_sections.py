# SPDX-License-Identifier: GPL-2.0-or-later
"""Compressed sections (``SHF_COMPRESSED``): a header that tells how, and to how many bytes; then the stream.

The size is not believed: a stream that claims to be many times as long as it is gets no memory. Follows the gABI,
chapter "Sections", "Section Compression".
"""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING

from elfsyms.errors import InputError

if TYPE_CHECKING:
    from elfsyms.image.elf import Abi

__all__ = ["has_compressed", "unpack_section"]

_COMPRESSED = 1 << 11  # SHF_COMPRESSED
# Of an ELF file's class: where its header has the table of sections (offset; size and count of headers), and the
# fields of a section's header as far as the flags.
_TABLE = {2: (0x28, "Q", 0x3A, "IIQ"), 1: (0x20, "I", 0x2E, "III")}

_HEADER = {64: "IIQQ", 32: "III"}  # of an ELF file's class: kind, (reserved,) size, alignment
_SIZE = {64: 2, 32: 1}  # which of the fields is the size
_ZLIB, _ZSTD = 1, 2
_MOST_TIMES, _SMALL = 64, 1 << 20  # debug information is packed to a third; zeros may be much smaller


def has_compressed(data: bytes) -> bool:
    """Tell whether an ELF file may have compressed sections: what does not look like one may."""
    at, wide, sizes, fields = _TABLE.get(data[4] if len(data) > 64 else 0, _TABLE[1])
    order = ">" if data[5:6] == b"\2" else "<"
    try:
        (start,) = struct.unpack_from(order + wide, data, at)
        step, count = struct.unpack_from(f"{order}HH", data, sizes)
        headers = [struct.unpack_from(order + fields, data, start + step * at) for at in range(count)]
    except struct.error:
        return True
    return not headers or any(flags & _COMPRESSED for _, _, flags in headers)


def unpack_section(data: memoryview, abi: Abi, name: str) -> bytes:
    """Return what a compressed section holds; ``name`` is for :class:`InputError`, where it cannot be unpacked."""
    header = struct.Struct(abi.byte_order + _HEADER[abi.bits])
    if len(data) < header.size:
        raise InputError(f"{name} cannot be unpacked (it is shorter than its header)")
    fields, packed = header.unpack_from(data), data[header.size :]
    kind, size = fields[0], fields[_SIZE[abi.bits]]
    if size > len(packed) * _MOST_TIMES + _SMALL:
        raise InputError(f"{name} cannot be unpacked ({len(packed):,} bytes claim to be {size:,})")
    if kind == _ZSTD:
        from elfsyms.unpack.codecs import codec_of  # noqa: PLC0415 (only for such sections)

        codec = codec_of(packed)
        if codec is not None and codec.name == "zstd":
            return bytes(codec.open(packed, name, size))
    if kind != _ZLIB:
        raise InputError(f"{name} cannot be unpacked (kind {kind} is not known, or not what it holds)")
    try:
        unpacked = zlib.decompressobj().decompress(packed, size) if size else b""
    except zlib.error as why:
        raise InputError(f"{name} cannot be unpacked ({why})") from why
    if len(unpacked) < size:
        raise InputError(f"{name} cannot be unpacked (it holds less than it claims)")
    return unpacked
