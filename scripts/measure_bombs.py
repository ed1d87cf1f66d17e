#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Measure what ``elfsyms decode`` costs of small files that unpack to very much: memory and time, by compression.

    scripts/measure_bombs.py [--megabytes 1] [--megabytes 2.7]

Each file has the size asked for: one stream that goes on and on, filled up with noise; streams in streams; a bare
stream somewhere in a file, and hundreds of them. Prints a row for each: exit code, seconds, peak memory.
"""

from __future__ import annotations

import argparse
import bz2
import gzip
import lzma
import os
import random
import struct
import subprocess
import sys
import tempfile
import time
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import lz4.block
import lz4.frame
import lzallright
import zstandard
from bench import environment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LONG = 256 << 20  # bytes that the streams unpack to: more than files of a few megabytes may
_PIECE = (b"Linux version 6.12.0 (not a kernel) " * 3000)[: 1 << 16]
_LZOP = b"\x89LZO\0\r\n\x1a\n" + struct.pack(">3H2B", 0x1040, 0x20A0, 0x0940, 1, 5)


def content(size: int) -> Iterator[bytes]:
    """Yield so many bytes, which no page of is all zeros."""
    for _ in range(size // len(_PIECE)):
        yield _PIECE


def _in_steps(machine: Any, size: int) -> bytes:
    packed: list[bytes] = [machine.compress(piece) for piece in content(size)]
    last: bytes = machine.flush()
    return b"".join((*packed, last))


def lz4_frame(size: int) -> bytes:
    """Write blocks of 4 MB."""
    machine = lz4.frame.LZ4FrameCompressor(block_size=lz4.frame.BLOCKSIZE_MAX4MB)
    return b"".join((machine.begin(), *(machine.compress(p) for p in content(size)), machine.flush()))


def lz4_legacy(size: int) -> bytes:
    """Write what kernels have: blocks of 8 MB."""
    block: bytes = lz4.block.compress(b"".join(content(8 << 20)), store_size=False, mode="high_compression")
    return struct.pack("<I", 0x184C2102) + (struct.pack("<I", len(block)) + block) * (size >> 23)


def lzop(size: int, claimed: int = 1 << 22) -> bytes:
    """Write an lzop file without checksums, of blocks that claim a size."""
    block = lzallright.LZOCompressor().compress(b"".join(content(1 << 22)))
    flags, name = struct.pack(">4I", 0, 0, 0, 0), b"\0" + bytes(4)
    return _LZOP + flags + name + (struct.pack(">2I", claimed, len(block)) + block) * (size >> 22) + bytes(4)


PACKERS: dict[str, Callable[[int], bytes]] = {
    "gzip": lambda size: _in_steps(zlib.compressobj(9, wbits=31), size),
    "bzip2": lambda size: _in_steps(bz2.BZ2Compressor(9), size),
    "xz": lambda size: _in_steps(lzma.LZMACompressor(preset=1), size),
    "lzma": lambda size: _in_steps(lzma.LZMACompressor(lzma.FORMAT_ALONE, preset=1), size),
    "zstd": lambda size: _in_steps(zstandard.ZstdCompressor(3).compressobj(), size),
    "zstd, long window": lambda size: _in_steps(
        zstandard.ZstdCompressor(
            compression_params=zstandard.ZstdCompressionParameters(window_log=29)
        ).compressobj(),
        size,
    ),
    "lz4": lz4_frame,
    "lz4 legacy": lz4_legacy,
    "lzo": lzop,
    "lzo, blocks that claim more": lambda size: lzop(size, 64 << 20),
}


def files(size: int) -> Iterator[tuple[str, bytes]]:
    """Yield files of so many bytes, and what they are."""
    noise = random.Random(size).randbytes(size)  # noqa: S311 (no secret)

    def filled(start: bytes) -> bytes:
        return (start + noise)[:size]

    long = {name: pack(LONG) for name, pack in PACKERS.items()}
    for name, packed in long.items():
        yield name, filled(packed)
    inner = gzip.compress(long["gzip"], 9)
    yield "gzip in gzip", filled(inner)
    yield "gzip in gzip in gzip", filled(gzip.compress(inner, 9))
    yield "xz in gzip in zstd", filled(zstandard.compress(gzip.compress(long["xz"])))
    yield "no header, gzip somewhere", filled(noise[:5000] + long["gzip"])
    for name in ("gzip", "xz", "zstd", "lz4"):
        piece = PACKERS[name](48 << 20)
        count = max(1, size // len(piece))
        yield f"no header, {count} of {name}, 48 MB each", filled((b"no header" + piece) * count)


def made(folder: Path, size: int) -> list[tuple[str, Path]]:
    """Write the files, in a process that goes again: what is run later would count its memory as its own."""
    if os.fork() == 0:
        for name, data in files(size):
            (folder / name).write_bytes(data)
        os._exit(0)
    os.wait()
    return [(path.name, path) for path in sorted(folder.iterdir(), key=lambda path: path.stat().st_ctime_ns)]


def measured(path: Path) -> tuple[int, float, float]:
    """Return exit code, wall seconds and peak memory in MB of ``decode`` of a file."""
    start = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "elfsyms", "decode", str(path)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=environment(),
    )
    _, status, usage = os.wait4(process.pid, 0)
    return os.waitstatus_to_exitcode(status), time.perf_counter() - start, usage.ru_maxrss / 1024


def main() -> None:
    """Measure files of the sizes that the command line names."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--megabytes", type=float, action="append")
    print("| file | MB | exit | s | peak MB |\n|---|---|---|---|---|", flush=True)
    for megabytes in parser.parse_args().megabytes or (1, 2.7):
        with tempfile.TemporaryDirectory() as folder:
            for name, path in made(Path(folder), int(megabytes * 1e6)):
                code, wall, memory = measured(path)
                print(f"| {name} | {megabytes} | {code} | {wall:.1f} | {memory:,.0f} |", flush=True)


if __name__ == "__main__":
    main()
