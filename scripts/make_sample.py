#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Reduce a vmlinux to a sample: its headers, the facts of its sections, a part of its symbols, its banner.

    scripts/make_sample.py vmlinux sample                  # a sparse file
    scripts/make_sample.py vmlinux sample.xz --symbols 4000 --seed 3
    scripts/make_sample.py vmlinux whole.xz --full         # every symbol

What is kept: the ELF header and the program headers; every section header with its name, type, flags,
address and size; a part of ``.symtab`` in its own order, drawn by the seed, with some of every kind that a
rule of kallsyms names (``sample_symbols.py``); the bytes of ``linux_banner``. All other bytes are zero: a
sample holds no code, no data, no configuration.

Sections with contents in memory stay at their file offsets; the others move up behind them, and the debug
sections are empty. The same input and seed give the same bytes.

Leaves out what relocations mean: those of a kernel linked with ``--emit-relocs`` are zero like all else.
"""

from __future__ import annotations

import argparse
import lzma
import re
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
from sample_symbols import Records, Symtab, choose, read_symtab, reduced, structure

from elfsyms.errors import ElfsymsError
from elfsyms.image.elf import SHF_ALLOC, SHT_NOBITS, SHT_SYMTAB, SHT_SYMTAB_SHNDX, Image, open_image

if TYPE_CHECKING:
    from numpy.typing import NDArray

SHT_NULL = 0
DEBUG = re.compile(r"\.(rela?\.)?z?debug")  # sections that a sample has as headers only
FILL = 6000  # symbols of a sample, unless the command line says otherwise

# The gABI's structures: names that are read here are spelt out, the rest is carried along.
SECTION_32 = "name:u4 type:u4 flags:u4 address:u4 offset:u4 size:u4 link:u4 info:u4 align:u4 entry:u4"
SECTION_64 = "name:u4 type:u4 flags:u8 address:u8 offset:u8 size:u8 link:u4 info:u4 align:u8 entry:u8"
HEADER_32 = "ident:V16 rest:V8 entry:u4 phoff:u4 shoff:u4 flags:u4 ehsize:u2 phentsize:u2 phnum:u2 sizes:V6"
HEADER_64 = "ident:V16 rest:V8 entry:u8 phoff:u8 shoff:u8 flags:u4 ehsize:u2 phentsize:u2 phnum:u2 sizes:V6"


def banner(image: Image, symtab: Symtab) -> tuple[int, bytes]:
    """Return the file offset and the bytes of ``linux_banner``; none where there is no such symbol."""
    if b"linux_banner" not in symtab.names:
        return 0, b""
    address = int(symtab.records["value"][symtab.names.index(b"linux_banner")])
    for section in image.sections:
        if section.type != SHT_NOBITS and section.holds(address):
            text = image.section_bytes(section)[address - section.address :].partition(b"\0")[0]
            return section.offset + address - section.address, text
    return 0, b""


def make_sample(source: Path, target: Path, *, count: int | None = FILL, seed: int = 0) -> int:
    """Write a sample of ``source``; return how many symbols it has (``count`` None: all of them)."""
    with open_image(source) as image, source.open("rb") as stream:
        symtab = read_symtab(image)
        kept = np.arange(len(symtab.names)) if count is None else choose(symtab, count, seed)
        pieces = _pieces(image, symtab, kept, stream)
    _write(target, pieces)
    return len(kept)


def _pieces(image: Image, symtab: Symtab, kept: NDArray[np.int64], stream: BinaryIO) -> dict[int, bytes]:
    """Return everything of the sample that is not zero, by file offset."""
    header = _read(stream, 0, structure(HEADER_32, HEADER_64, image.abi), 1)
    start = int(header["phoff"][0])
    programs = _read(stream, start, np.dtype("V1"), int(header["phentsize"][0]) * int(header["phnum"][0]))
    shape = structure(SECTION_32, SECTION_64, image.abi)
    headers = _read(stream, int(header["shoff"][0]), shape, len(image.sections))
    contents = _contents(image, symtab, kept, headers)
    _place(image, headers, contents)
    header["shoff"] = end = _aligned(max(map(sum, _extents(headers))))
    offset, text = banner(image, symtab)
    placed = {int(headers["offset"][index]): data for index, data in contents.items()}
    return placed | {offset: text, start: programs.tobytes(), 0: header.tobytes(), end: headers.tobytes()}


def _read(stream: BinaryIO, offset: int, shape: np.dtype[np.void], count: int) -> Records:
    stream.seek(offset)
    return np.frombuffer(stream.read(shape.itemsize * count), shape, count).copy()


def _contents(image: Image, symtab: Symtab, kept: NDArray[np.int64], headers: Records) -> dict[int, bytes]:
    """Return the bytes of the sections that have any, by index; note the first global in the header."""
    entries, strings, extended, first_global = reduced(symtab, kept)
    contents: dict[int, bytes] = {}
    for section in image.sections:
        if section.type == SHT_SYMTAB:
            contents |= {section.index: entries, section.link: strings}
            headers["info"][section.index] = first_global
        elif section.type == SHT_SYMTAB_SHNDX:
            contents[section.index] = extended
        elif section.name == ".shstrtab":
            contents[section.index] = image.section_bytes(section)
    return contents


def _extents(headers: Records) -> list[tuple[int, int]]:
    """Return offset and size of every section that takes room in the file."""
    there = headers[~np.isin(headers["type"], (SHT_NULL, SHT_NOBITS)) & (headers["size"] > 0)]
    return list(zip(there["offset"].tolist(), there["size"].tolist(), strict=True))


def _place(image: Image, headers: Records, contents: dict[int, bytes]) -> None:
    """Set the sizes of what was reduced, and new offsets for what is not in memory."""
    for section in image.sections:
        if section.index in contents:
            headers["size"][section.index] = len(contents[section.index])
        elif DEBUG.match(section.name):
            headers["size"][section.index] = 0
    loaded = headers["flags"] & SHF_ALLOC != 0
    end = max((sum(extent) for extent in _extents(headers[loaded])), default=0)
    for index in np.flatnonzero(~loaded).tolist()[1:]:  # the null section lies nowhere
        headers["offset"][index] = end = _aligned(end)
        end += int(headers["size"][index])


def _aligned(offset: int) -> int:
    return -(-offset // 8) * 8


def _write(target: Path, pieces: dict[int, bytes]) -> None:
    """Write a sparse file, or an xz file where the name ends so, and rename it into place."""
    with tempfile.TemporaryDirectory(dir=target.absolute().parent) as folder:
        plain = Path(folder) / "plain"
        with plain.open("wb") as stream:
            for offset, data in sorted(pieces.items()):
                stream.seek(offset)
                stream.write(data)
        if target.suffix == ".xz":
            plain = _compress(plain)
        plain.replace(target)


def _compress(plain: Path) -> Path:
    packed = plain.with_suffix(".xz")
    with plain.open("rb") as source, lzma.open(packed, "wb", preset=9 | lzma.PRESET_EXTREME) as sink:
        shutil.copyfileobj(source, sink, 1 << 20)
    return packed


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Reduce a vmlinux to a sample.")
    parser.add_argument("vmlinux", type=Path)
    parser.add_argument("out", type=Path, help="the sample; compressed if the name ends in .xz")
    parser.add_argument("--symbols", type=int, default=FILL, help=f"how many to keep ({FILL})")
    parser.add_argument("--seed", type=int, default=0, help="which of them (0)")
    parser.add_argument("--full", action="store_true", help="keep all symbols")
    return parser.parse_args()


def main() -> int:
    """Write the sample that the command line asks for."""
    wanted = _arguments()
    try:
        count = make_sample(
            wanted.vmlinux, wanted.out, count=None if wanted.full else wanted.symbols, seed=wanted.seed
        )
    except (ElfsymsError, OSError) as error:
        print(f"make_sample: {error}", file=sys.stderr)
        return 4
    print(f"{wanted.out}: {count:,} symbols, {wanted.out.stat().st_size:,} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
