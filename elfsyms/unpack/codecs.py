# SPDX-License-Identifier: GPL-2.0-or-later
"""The compressions that kernels come in, each by a library that is kept by others, and none without a bound.

A stream may be followed by other bytes (kernels append the unpacked size), so each is read to its own end. What
it gives is bounded: a stream that goes on beyond :data:`MOST_BYTES` is refused before the memory is taken.

Leaves out writing, and dictionaries.
"""

from __future__ import annotations

import bz2
import lzma
import struct
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from elfsyms.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["CODECS", "MOST_BYTES", "Codec", "MissingLibraryError", "codec_of"]

MOST_BYTES = 1 << 29  # what one stream may unpack to; the largest kernels have a fifth of that
_LEGACY_BLOCK = 8 << 20  # bytes that a block of the legacy LZ4 format unpacks to at most
_ZSTD_STEP = 1 << 10  # bytes fed at a time: each three of them may stand for 128 KiB
_LZO_BLOCK = 64 << 20  # bytes that a block of an lzop file may claim


class MissingLibraryError(InputError):
    """A stream that the library of the extra ``images`` would unpack, which is not installed."""


@dataclass(frozen=True, slots=True)
class Codec:
    """A compression: its name, the bytes that its streams begin with, and what unpacks one up to a bound.

    ``unpack`` raises :class:`ValueError` with a few words for a stream that is damaged, cut or too large.
    """

    name: str
    magic: bytes
    unpack: Callable[[memoryview, int], bytes]

    def open(self, data: memoryview, name: str, most: int = MOST_BYTES) -> bytes:
        """Return what a stream unpacks to.

        Raises :class:`InputError` for one that cannot be unpacked, :class:`MissingLibraryError` where that is known
        only with a library that is not there.
        """
        try:
            return self.unpack(data, most)
        except (
            ValueError,
            LookupError,
            OSError,
            EOFError,
            RuntimeError,
            MemoryError,
            lzma.LZMAError,
            zlib.error,
            struct.error,
        ) as error:
            raise InputError(f"{name}: its {self.name} stream cannot be unpacked ({error})") from error


class _TooLargeError(ValueError):
    def __init__(self, most: int) -> None:
        super().__init__(f"it unpacks to more than {most:,} bytes, which no kernel does")


def _bounded(result: bytes, most: int) -> bytes:
    if len(result) > most:
        raise _TooLargeError(most)
    return result


def _in_steps(machine: Any, data: memoryview, most: int) -> bytes:
    """Run a decompressor object of the standard library's kind to the end of its stream."""
    result = _bounded(machine.decompress(data, most + 1), most)
    if not machine.eof:
        raise ValueError("it is cut short")
    return result


def _gzip(data: memoryview, most: int) -> bytes:
    return _in_steps(zlib.decompressobj(31), data, most)


def _bzip2(data: memoryview, most: int) -> bytes:
    return _in_steps(bz2.BZ2Decompressor(), data, most)


def _xz(data: memoryview, most: int) -> bytes:
    return _in_steps(lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=most), data, most)


def _lzma(data: memoryview, most: int) -> bytes:
    """Unpack the old format, which may lack an end mark: then what its header says is the end."""
    machine = lzma.LZMADecompressor(lzma.FORMAT_ALONE, memlimit=most)
    size = int.from_bytes(data[5:13], "little")
    return _in_steps(machine, data, most if size == (1 << 64) - 1 else min(size, most))


def _zstd(data: memoryview, most: int) -> bytes:
    try:
        import zstandard  # noqa: PLC0415 (only for what needs it)
    except ImportError as error:
        raise _missing("zstandard", "zstd") from error
    machine = zstandard.ZstdDecompressor(max_window_size=1 << 31).decompressobj()
    pieces, size, at = [], 0, 0
    try:
        while not machine.eof and at < len(data):
            pieces.append(machine.decompress(data[at : at + _ZSTD_STEP]))
            size, at = size + len(pieces[-1]), at + _ZSTD_STEP
            if size > most:
                raise _TooLargeError(most)
    except zstandard.ZstdError as error:
        raise ValueError(str(error)) from error
    if not machine.eof:
        raise ValueError("it is cut short")
    return b"".join(pieces)


def _lz4(data: memoryview, most: int) -> bytes:
    try:
        from lz4 import frame  # noqa: PLC0415 (as above)
    except ImportError as error:
        raise _missing("lz4", "lz4") from error
    return _in_steps(frame.LZ4FrameDecompressor(), data, most)


def _lz4_legacy(data: memoryview, most: int) -> bytes:
    """Unpack blocks, each behind its size, until what follows is none: the end, or the size that kernels append."""
    try:
        from lz4 import block  # noqa: PLC0415 (as above)
    except ImportError as error:
        raise _missing("lz4", "lz4") from error
    result = bytearray()
    at = 4
    while at + 4 < len(data):
        size = int.from_bytes(data[at : at + 4], "little")
        if not 0 < size <= min(_LEGACY_BLOCK + _LEGACY_BLOCK // 255 + 16, len(data) - at - 4):
            break
        piece = data[at + 4 : at + 4 + size]
        try:
            result += block.decompress(piece, uncompressed_size=_LEGACY_BLOCK)
        except block.LZ4BlockError as error:
            raise ValueError(str(error)) from error
        if len(result) > most:
            raise _TooLargeError(most)
        at += 4 + size
    if not result:
        raise ValueError("it is cut short")
    return bytes(result)


def _lzo(data: memoryview, most: int) -> bytes:
    """Unpack an lzop file: blocks of two sizes, checksums and bytes, up to a size of zero."""
    try:
        import lzallright  # noqa: PLC0415 (as above)
    except ImportError as error:
        raise _missing("lzallright", "lzo") from error
    at, checks = _lzo_header(data)
    result = bytearray()
    while size := int.from_bytes(data[at : at + 4], "big"):
        packed = int.from_bytes(data[at + 4 : at + 8], "big")
        extra = 4 * (checks[0] + (checks[1] if packed < size else 0))
        piece = bytes(data[at + 8 + extra : at + 8 + extra + packed])
        if len(piece) < packed or size > _LZO_BLOCK or packed > size:
            raise ValueError("a block of it is cut short or makes no sense")
        if len(result) + size > most:
            raise _TooLargeError(most)
        try:
            result += (
                piece if packed == size else lzallright.LZOCompressor.decompress(piece, output_size_hint=size)
            )
        except lzallright.LZOError as error:
            raise ValueError(str(error)) from error
        at += 8 + extra + packed
    return bytes(result)


def _lzo_header(data: memoryview) -> tuple[int, tuple[int, int]]:
    """Return where the blocks begin, and how many checksums each has of its unpacked and packed bytes."""
    writer = int.from_bytes(data[9:11], "big")  # the lzop that wrote it, in hexadecimal digits
    new = writer >= 0x0940
    at = 9 + 2 + 2 + (2 if new else 0) + 1 + (1 if new else 0)
    flags = int.from_bytes(data[at : at + 4], "big")
    at += 4 + (4 if flags & 0x800 else 0) + 4 + 4 + (4 if new else 0)
    at += 1 + data[at] + 4  # the name, and the header's checksum
    plain = bool(flags & 0x1) + bool(flags & 0x100)
    packed = bool(flags & 0x2) + bool(flags & 0x200)
    return at, (plain, packed)


def _missing(package: str, codec: str) -> MissingLibraryError:
    """Say how to get a library of the extra ``images``."""
    return MissingLibraryError(f"{codec} streams need the Python package {package}: install elfsyms[images]")


CODECS: tuple[Codec, ...] = (
    Codec("gzip", b"\x1f\x8b\x08", _gzip),
    Codec("bzip2", b"BZh", _bzip2),
    Codec("xz", b"\xfd7zXZ\0", _xz),
    Codec("zstd", b"(\xb5/\xfd", _zstd),
    Codec("lz4", b"\x04\x22\x4d\x18", _lz4),
    Codec("lz4 legacy", b"\x02\x21\x4c\x18", _lz4_legacy),
    Codec("lzo", b"\x89LZO\0\r\n\x1a\n", _lzo),
    Codec("lzma", b"\x5d\0\0", _lzma),
)


def codec_of(start: memoryview | bytes) -> Codec | None:
    """Return the compression whose streams begin like that."""
    head = bytes(start[:16])
    return next((codec for codec in CODECS if head.startswith(codec.magic)), None)
