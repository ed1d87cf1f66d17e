#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Make a kernel of many symbols from a real one: all of its symbols again and again, under other names.

    scripts/many_symbols.py VMLINUX OUTPUT --copies 25

Each copy lies further up, and its names end in its number, so that the tables grow as those of a larger kernel do.
The new symbol and string tables go behind the file's end. For 64-bit little-endian files.
"""

from __future__ import annotations

import argparse
import shutil
import struct
from pathlib import Path

import numpy as np

DISTANCE = 0x4000000  # between copies: 25 of a kernel of 60 MB reach less than 2 GiB
SYMTAB = 2
ENTRY = np.dtype(
    [("name", "<u4"), ("info", "u1"), ("other", "u1"), ("section", "<u2"), ("value", "<u8"), ("size", "<u8")]
)


def headers(data: bytes) -> tuple[int, list[tuple[int, ...]]]:
    """Return where the section headers are, and each of them."""
    start, size, count = struct.unpack_from("<Q", data, 40)[0], 64, struct.unpack_from("<H", data, 60)[0]
    return start, list(struct.iter_unpack("<IIQQQQIIQQ", data[start : start + size * count]))


def copies_of(entries: np.ndarray, strings: bytes, copies: int) -> tuple[np.ndarray, bytes]:
    """Return a symbol table of so many copies, and its string table."""
    names = [strings[start : strings.index(b"\0", start)] for start in entries["name"].tolist()]
    tables, pool, start = [], bytearray(b"\0"), 1
    for copy in range(copies):
        mark = b".%d" % copy if copy else b""
        marked = [name + mark if name else b"" for name in names]
        sizes = np.array([len(name) + 1 for name in marked], np.int64)
        table = entries.copy()
        table["name"] = np.cumsum(sizes) - sizes + start
        moved = table["value"] >= 1 << 63  # not per-CPU symbols, which begin at 0
        table["value"][moved] += np.uint64(copy * DISTANCE)
        tables.append(table)
        pool += b"\0".join(marked) + b"\0"
        start = len(pool)
    return np.concatenate(tables), bytes(pool)


def main() -> None:
    """Make the file."""
    parser = argparse.ArgumentParser(description="A kernel of many symbols, from a real one.")
    parser.add_argument("vmlinux", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--copies", type=int, default=25)
    wanted = parser.parse_args()
    data = wanted.vmlinux.read_bytes()
    start, rows = headers(data)
    symtab = next(index for index, row in enumerate(rows) if row[1] == SYMTAB)
    strtab = rows[symtab][6]
    entries = np.frombuffer(data, ENTRY, rows[symtab][5] // ENTRY.itemsize, rows[symtab][4])
    strings = data[rows[strtab][4] : rows[strtab][4] + rows[strtab][5]]
    table, pool = copies_of(entries, strings, wanted.copies)
    shutil.copyfile(wanted.vmlinux, wanted.output)
    with wanted.output.open("r+b") as stream:
        for index, content in ((symtab, table.tobytes()), (strtab, pool)):
            offset = -(-stream.seek(0, 2) // 16) * 16
            stream.seek(offset)
            stream.write(content)
            stream.seek(start + 64 * index + 24)
            stream.write(struct.pack("<QQ", offset, len(content)))
    print(f"{len(table) - wanted.copies:,} symbols, {len(pool):,} bytes of names")


if __name__ == "__main__":
    main()
