# SPDX-License-Identifier: GPL-2.0-or-later
"""The compressions that kernels come in, each by a library that is kept by others, and none without a bound.

A stream may be followed by other bytes (kernels append the unpacked size), so each is read to its own end. What
it gives is bounded by the size of the file (:func:`most_unpacked`): a stream that goes on beyond that is refused
before the memory is taken.

Leaves out writing, and dictionaries.
"""

from __future__ import annotations

import bz2
import lzma
import mmap
import struct
import zlib
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from elfsyms.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "CODECS",
    "MOST_BYTES",
    "Codec",
    "MissingLibraryError",
    "TooLargeError",
    "codec_of",
    "most_unpacked",
]

MOST_BYTES = 1 << 29  # what one stream may unpack to; the largest kernels have a fifth of that
# And a file to how many times its bytes, with so many more: kernels are packed to a third or a seventh.
_MOST_TIMES, _SMALL = 32, 64 << 20
_LEGACY_BLOCK = 8 << 20  # bytes that a block of the legacy LZ4 format unpacks to at most
_LEGACY_PACKED = _LEGACY_BLOCK + _LEGACY_BLOCK // 255 + 16  # bytes of one packed, at most
_LEGACY_MAGIC = 0x184C2102
_ZSTD_STEP = 1 << 10  # bytes fed at a time: each three of them may stand for 128 KiB
_ZSTD_LEAST, _ZSTD_CHECKSUM, _ZSTD_SIZED = 16, 0x04, 0xA0  # bytes of a frame; bits of its descriptor
_LZO_BLOCK = 64 << 20  # bytes that a block of an lzop file may claim
_STEP = 1 << 20  # bytes fed, and unpacked, at a time
_GZIP_STEP = 1 << 13  # bytes fed at a time: each stands for 1,032 at most
_PRIVATE: dict[str, int] = (
    {"flags": mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS} if hasattr(mmap, "MAP_PRIVATE") else {}
)


class MissingLibraryError(InputError):
    """A stream that the library of the extra ``images`` would unpack, which is not installed."""


@dataclass(frozen=True, slots=True)
class Codec:
    """A compression: its name, the bytes that its streams begin with, and what unpacks one up to a bound.

    ``unpack`` raises :class:`ValueError` with a few words for a stream that is damaged, cut or too large.
    ``header`` is a regular expression of what streams begin with, for scans: chance has three bytes often.
    """

    name: str
    magic: bytes
    unpack: Callable[[memoryview, int], bytes | mmap.mmap]
    header: bytes = b""

    def open(self, data: memoryview, name: str, most: int | None = None) -> bytes | mmap.mmap:
        """Return what a stream unpacks to, ``most`` bytes of it, or as many as its own size allows.

        Raises :class:`InputError` for one that cannot be unpacked, :class:`MissingLibraryError` where that is known
        only with a library that is not there.
        """
        try:
            return self.unpack(data, most_unpacked(len(data)) if most is None else most)
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


def most_unpacked(size: int) -> int:
    """Return how many bytes a file of so many may unpack to, all that is packed in what was packed together."""
    return min(MOST_BYTES, _SMALL + _MOST_TIMES * size)


class TooLargeError(ValueError):
    """A stream that unpacks to more than its bound."""

    def __init__(self, most: int) -> None:
        """Say the bound, in bytes."""
        super().__init__(f"it unpacks to more than {most:,} bytes, which no kernel of its size does")


class _Output:
    """Memory that grows by what is added, up to a bound, and is never copied: pages move, bytes do not."""

    def __init__(self, most: int) -> None:
        self._most, self._size = most, 0
        self._memory = mmap.mmap(-1, _STEP, **_PRIVATE)

    def add(self, piece: bytes) -> None:
        end = self._size + len(piece)
        if end > self._most:
            raise TooLargeError(self._most)
        if end > len(self._memory):
            self._memory.resize(max(2 * len(self._memory), -(-end // _STEP) * _STEP))
        self._memory[self._size : end] = piece
        self._size = end

    def __len__(self) -> int:
        return self._size

    def done(self) -> bytes | mmap.mmap:
        if not self._size:
            return b""
        self._memory.resize(self._size)
        return self._memory


def _in_steps(machine: Any, data: memoryview, most: int) -> bytes | mmap.mmap:
    """Run a decompressor object of the standard library's kind to the end of its stream."""
    result, at = _Output(most), 0
    while not machine.eof:
        piece = data[at : at + _STEP] if machine.needs_input else b""
        if machine.needs_input and not len(piece):
            raise ValueError("it is cut short")
        at += len(piece)
        result.add(machine.decompress(piece, _STEP))
    return result.done()


def _gzip(data: memoryview, most: int) -> bytes | mmap.mmap:
    """Unpack gzip; zlib's object has no bound that does not copy its input, so it is fed by little."""
    machine, result, at = zlib.decompressobj(31), _Output(most), 0
    while not machine.eof:
        if at >= len(data):
            raise ValueError("it is cut short")
        result.add(machine.decompress(data[at : at + _GZIP_STEP]))
        at += _GZIP_STEP
    return result.done()


def _bzip2(data: memoryview, most: int) -> bytes | mmap.mmap:
    return _in_steps(bz2.BZ2Decompressor(), data, most)


def _xz(data: memoryview, most: int) -> bytes | mmap.mmap:
    return _in_steps(lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=MOST_BYTES), data, most)


def _lzma(data: memoryview, most: int) -> bytes | mmap.mmap:
    """Unpack the old format, which may lack an end mark: then what its header says is the end."""
    machine = lzma.LZMADecompressor(lzma.FORMAT_ALONE, memlimit=MOST_BYTES)
    size = int.from_bytes(data[5:13], "little")
    return _in_steps(machine, data, most if size == (1 << 64) - 1 else min(size, most))


def _zstd(data: memoryview, most: int) -> bytes | mmap.mmap:
    try:
        import zstandard  # noqa: PLC0415 (only for what needs it)
    except ImportError as error:
        raise _missing("zstandard", "zstd") from error
    machine = zstandard.ZstdDecompressor(max_window_size=MOST_BYTES)
    try:
        with suppress(zstandard.ZstdError):
            if sized := _sized_frame(data, most):
                return bytes(machine.decompress(sized))
        return _zstd_in_steps(machine.decompressobj(), data, most)
    except zstandard.ZstdError as error:
        raise ValueError(str(error)) from error


def _sized_frame(data: memoryview, most: int) -> bytes | None:
    """Return the frame with the size that kernels append written into its header, None where none is appended.

    With a size in its header (RFC 8878, 3.1.1.1: single segment, four bytes) a frame is unpacked straight into the
    result; without, through a window as large as the kernel. A size that is wrong is found out by the library.
    """
    size = int.from_bytes(data[-4:], "little")
    if len(data) < _ZSTD_LEAST or data[4] & ~_ZSTD_CHECKSUM or not len(data) < size <= most:
        return None
    header = bytes([data[4] | _ZSTD_SIZED]) + size.to_bytes(4, "little")
    return b"".join((data[:4], header, data[6:]))


def _zstd_in_steps(machine: Any, data: memoryview, most: int) -> bytes | mmap.mmap:
    result, at = _Output(most), 0
    while not machine.eof:
        if at >= len(data):
            raise ValueError("it is cut short")
        result.add(machine.decompress(data[at : at + _ZSTD_STEP]))
        at += _ZSTD_STEP
    return result.done()


def _lz4(data: memoryview, most: int) -> bytes | mmap.mmap:
    try:
        from lz4 import frame  # noqa: PLC0415 (as above)
    except ImportError as error:
        raise _missing("lz4", "lz4") from error
    return _in_steps(frame.LZ4FrameDecompressor(), data, most)


def _lz4_legacy(data: memoryview, most: int) -> bytes | mmap.mmap:
    """Unpack blocks, each behind its size; all but the last are full, so that what follows that one is not read.

    Behind the last, kernels append their size. More frames may follow, each with the magic number again.
    """
    try:
        from lz4 import block  # noqa: PLC0415 (as above)
    except ImportError as error:
        raise _missing("lz4", "lz4") from error
    result, at, full = _Output(most), 4, True
    while at + 4 <= len(data):
        size = int.from_bytes(data[at : at + 4], "little")
        if size == _LEGACY_MAGIC:
            at, full = at + 4, True
            continue
        if not full or not 0 < size <= _LEGACY_PACKED:
            break
        try:
            piece = block.decompress(data[at + 4 : at + 4 + size], uncompressed_size=_LEGACY_BLOCK)
        except block.LZ4BlockError as error:
            if size == len(result):  # it ended with a full block
                break
            raise ValueError(str(error)) from error
        result.add(piece)
        full = len(piece) == _LEGACY_BLOCK
        at += 4 + size
    if not len(result):
        raise ValueError("it is cut short")
    return result.done()


def _lzo(data: memoryview, most: int) -> bytes | mmap.mmap:
    """Unpack an lzop file: blocks of two sizes, checksums and bytes, up to a size of zero."""
    try:
        import lzallright  # noqa: PLC0415 (as above)
    except ImportError as error:
        raise _missing("lzallright", "lzo") from error
    at, checks = _lzo_header(data)
    result = _Output(most)
    while size := int.from_bytes(data[at : at + 4], "big"):
        packed = int.from_bytes(data[at + 4 : at + 8], "big")
        extra = 4 * (checks[0] + (checks[1] if packed < size else 0))
        piece = bytes(data[at + 8 + extra : at + 8 + extra + packed])
        if len(piece) < packed or size > _LZO_BLOCK or packed > size:
            raise ValueError("a block of it is cut short or makes no sense")
        if len(result) + size > most:
            raise TooLargeError(most)
        if packed < size:
            try:
                piece = lzallright.LZOCompressor.decompress(piece, output_size_hint=size)
            except lzallright.LZOError as error:
                raise ValueError(str(error)) from error
        if len(piece) != size:  # or each of many that claim much would be given memory in vain
            raise ValueError("a block of it holds less than it claims")
        result.add(piece)
        at += 8 + extra + packed
    return result.done()


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
    Codec("gzip", b"\x1f\x8b\x08", _gzip, rb"...[\0-\x1f]"),  # RFC 1952: the upper flags are zero
    Codec("bzip2", b"BZh", _bzip2, rb"BZh[1-9]1AY&SY"),
    Codec("xz", b"\xfd7zXZ\0", _xz),
    Codec("zstd", b"(\xb5/\xfd", _zstd),
    Codec("lz4", b"\x04\x22\x4d\x18", _lz4),
    Codec("lz4 legacy", b"\x02\x21\x4c\x18", _lz4_legacy),
    Codec("lzo", b"\x89LZO\0\r\n\x1a\n", _lzo),
    Codec(
        "lzma", b"\x5d\0\0", _lzma, rb".{5}(?:\xff{8}|.{4}\0{4})\0"
    ),  # a size, if any, below 4 GiB; the coder's zero
)


def codec_of(start: memoryview | bytes) -> Codec | None:
    """Return the compression whose streams begin like that."""
    head = bytes(start[:16])
    return next((codec for codec in CODECS if head.startswith(codec.magic)), None)
