# SPDX-License-Identifier: GPL-2.0-or-later
"""What fuzzing of images starts from: kernels without symbols, packed in every container, cores, and modules."""

from __future__ import annotations

import shutil
import sys
import tempfile
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.append(str(Path(__file__).parents[1]))

import dwarfmaker
from containermaker import CODECS, CONTAINERS
from imagemaker import boundary_tables, made_image
from mutate import mutate_bytes, mutate_elf
from seeds import kernels
from test_core import _core, _note
from test_module import make as make_module

from elfsyms.image.elf import open_image

if TYPE_CHECKING:
    from random import Random

__all__ = ["core", "debug", "image", "module"]

_NOISE = 1 << 13  # bytes around the tables
_VERSIONS = (
    ("2.6.30", (32, "<", 40)),
    ("4.19", (64, "<", 62)),
    ("5.10", (64, ">", 22)),
    ("6.6", (64, "<", 183)),
    ("6.12", (32, ">", 20)),
    ("7.0", (64, "<", 62)),
)


@cache
def bare_images() -> tuple[bytes, ...]:
    """Return raw images with tables somewhere in them, of several generations."""
    return tuple(
        made_image(boundary_tables(release, machine), seed, _NOISE, banner=f"{release}.9").data
        for seed, (release, machine) in enumerate(_VERSIONS)
    )


@cache
def cores() -> tuple[bytes, ...]:
    """Return cores with notes that lead to the tables, and such that do not."""
    return _core(_note("OSRELEASE=6.12.0-made\nPAGESIZE=4096\n")), _core(b"")


@cache
def modules() -> tuple[bytes, ...]:
    """Return modules with a symbol of every kind."""
    folder = Path(tempfile.mkdtemp())
    try:
        infos = (b"vermagic=6.12.118 SMP mod_unload \0", b"vermagic=6.12.118 SMP \0name=toy\0")
        return tuple(make_module(folder, info).read_bytes() for info in infos)
    finally:
        shutil.rmtree(folder)


def image(draw: Random) -> bytes:
    """Return an image, mostly packed, with changes to what is inside, or to what is around it, or to both."""
    data = draw.choice(bare_images())
    where = draw.random()
    if where < 0.6:
        data = mutate_bytes(draw, data)
    if draw.random() < 0.7:
        data = CODECS[draw.choice(list(CODECS))](data)
        if where > 0.8:
            data = mutate_bytes(draw, data)
        data = CONTAINERS[draw.choice(list(CONTAINERS))](data)
    return mutate_bytes(draw, data) if where > 0.5 else data


def core(draw: Random) -> bytes:
    """Return a damaged core."""
    return mutate_elf(draw, cores())


def module(draw: Random) -> bytes:
    """Return a damaged module."""
    return mutate_elf(draw, modules())


_KINDS = (
    "gcc-dwarf4",
    "gcc-dwarf5",
    "gcc-dwarf64",
    "zlib",
    "zstd",
    "dwz",
    "clang-dwarf5",
    "clang-thinlto",
    "s390x",
)


@cache
def programs() -> tuple[tuple[bytes, tuple[tuple[int, int], ...]], ...]:
    """Return programs with debug information, and where their debug sections lie; of compilers that are here."""
    folder = Path(tempfile.mkdtemp())
    try:
        made = []
        for kind in _KINDS:
            if not dwarfmaker.missing(kind):
                path = dwarfmaker.build(folder, kind, shown="/made")
                with open_image(path) as program:
                    spans = [(s.offset, s.size) for s in program.sections if s.name.startswith(".debug_")]
                made.append((path.read_bytes(), tuple(span for span in spans if span[1])))
        return tuple(made) or ((kernels()[0], ()),)
    finally:
        shutil.rmtree(folder)


def debug(draw: Random) -> bytes:
    """Return a program whose debug sections are damaged, and now and then its headers."""
    data, spans = draw.choice(programs())
    if not spans or draw.random() < 0.1:
        return mutate_elf(draw, [data])
    changed = bytearray(data)
    for _ in range(draw.choice((1, 1, 2, 4, 16))):
        start, size = draw.choice(spans)
        at = start + draw.randrange(size)
        kind = draw.randrange(4)
        if kind == 0:
            changed[at] ^= 1 << draw.randrange(8)
        elif kind == 1:
            changed[at] = draw.choice((0, 1, 0x7F, 0x80, 0xFF))
        elif kind == 2:
            end = min(at + draw.choice((2, 4, 8)), start + size)
            changed[at:end] = draw.choice((b"\xff", b"\0", b"\x80")) * (end - at)
        else:
            other, length = draw.choice(spans)
            source = other + draw.randrange(length)
            end = min(at + draw.choice((4, 16, 64)), start + size)
            changed[at:end] = changed[source : source + end - at].ljust(end - at, b"\0")
    return bytes(changed)
