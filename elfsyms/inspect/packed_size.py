# SPDX-License-Identifier: GPL-2.0-or-later
"""The tables compressed as kernel images are.

Follows ``scripts/Makefile.lib``: ``cmd_gzip`` (-9), ``scripts/xz_wrap.sh`` (LZMA2 with a dictionary of 32
MiB, CRC32), ``cmd_zstd22`` (-22 --ultra). The tables are compressed alone, so that the figure is theirs; in
an image they share a window with the rest, which changes little, for nothing else there looks like them. The
branch filters of xz are left out: they are for code.
"""

from __future__ import annotations

import lzma
import shutil
import subprocess
import zlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


__all__ = ["Packed", "packed_sizes"]

_DICTIONARY, _LEAST_DICTIONARY = 32 << 20, 4096
_ZSTD_LEVEL = 22


@dataclass(frozen=True, slots=True)
class Packed:
    """Bytes after compression by a method; None where it cannot be measured here, and why not."""

    method: str
    size: int | None
    missing: str = ""


def packed_sizes(data: bytes) -> tuple[Packed, ...]:
    """Compress by each method that kernels use, side by side."""
    with ThreadPoolExecutor() as pool:
        return tuple(pool.map(lambda method: method(data), _METHODS))


def _gzip(data: bytes) -> Packed:
    compressor = zlib.compressobj(9, zlib.DEFLATED, wbits=31)
    return Packed("gzip -9", len(compressor.compress(data) + compressor.flush()))


def _xz(data: bytes) -> Packed:
    # Beyond the data a dictionary changes nothing but the memory that it takes, 20 times its size.
    dictionary = min(_DICTIONARY, max(1 << len(data).bit_length(), _LEAST_DICTIONARY))
    filters = [{"id": lzma.FILTER_LZMA2, "preset": 6, "dict_size": dictionary}]
    return Packed("xz", len(lzma.compress(data, lzma.FORMAT_XZ, lzma.CHECK_CRC32, filters=filters)))


def _zstd(data: bytes) -> Packed:
    """Ask the program: Python has had no zstd of its own until 3.14."""
    method = f"zstd -{_ZSTD_LEVEL}"
    program = shutil.which("zstd")
    if not program:
        return Packed(method, None, "not measured: install the program zstd")
    command = [program, f"-{_ZSTD_LEVEL}", "--ultra", "-q", "-c"]
    result = subprocess.run(command, input=data, capture_output=True, check=False)
    if result.returncode:
        return Packed(method, None, f"not measured: zstd ended with {result.returncode}")
    return Packed(method, len(result.stdout))


_METHODS: tuple[Callable[[bytes], Packed], ...] = (_zstd, _xz, _gzip)
