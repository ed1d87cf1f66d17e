# SPDX-License-Identifier: GPL-2.0-or-later
"""What fuzzing of questions starts from: kernels with the lists that tracers go by, and with room for tables."""

from __future__ import annotations

import shutil
import struct
import sys
import tempfile
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

sys.path.append(str(Path(__file__).parents[1]))

from elfmaker import Section, Symbol
from mutate import mutate_elf
from roommaker import toy_of
from seeds import kernels
from test_traceability import ARM64, ARM64_NOPS, TABLES, TEXT, btf, tiny

if TYPE_CHECKING:
    from random import Random

__all__ = ["room", "traced"]

# Bytes of slack, and the linker's options.
_LINKS: tuple[tuple[int, tuple[str, ...]], ...] = (
    (0, ()),
    (16, ()),
    (0, ("--emit-relocs",)),
    (0, ("-pie", "--no-dynamic-linker", "-z", "notext", "--build-id=sha1")),
)
_NAMES = ("schedule", "static_one", "in_a_list", "do_work.part.0", "x" * 100)


@cache
def traced_kernels() -> tuple[bytes, ...]:
    """Return kernels with the places that ftrace patches, kprobes' blacklist, and more that only some have."""
    calls = [("register_kprobe", 0), ("schedule", 4), ("static_one", 0), ("static_one", -TEXT)]
    labels = [("__noinstr_text_start", "__noinstr_text_end", "in_a_list", "do_work.part.0")]
    twice = [Symbol("schedule", TEXT + 0x40, binding="local")]
    deny = Section(".BTF_ids", TABLES + 0x5000, struct.pack("<II", 1, 3))
    denies = Symbol("btf_id_deny", TABLES + 0x5000, ".BTF_ids", type="object")
    types = btf("schedule", "static_one", "in_a_list", "in_a_list")
    made = (
        tiny(*_NAMES),
        tiny(*_NAMES, calls=calls, blacklist=["in_a_list"], labels=labels, more=twice),
        tiny(*_NAMES, calls=calls, release="5.18.0", messages=b""),
        tiny(*_NAMES, release="7.3.0", blacklist=["schedule"], sections=[types, deny], more=[denies]),
        tiny(*_NAMES, machine=ARM64, calls=[(n, -8) for n in _NAMES], code=dict.fromkeys(_NAMES, ARM64_NOPS)),
    )
    return tuple(one.file() for one in made)


def traced(draw: Random) -> bytes:
    """Return a damaged kernel that tracers know."""
    return mutate_elf(draw, traced_kernels())


@cache
def kernels_with_room() -> tuple[bytes, ...]:
    """Return kernels linked once, with room that is yet to be filled; a kernel without where nothing links here."""
    folder = Path(tempfile.mkdtemp())
    try:
        toy = toy_of(folder, "6.12")
        made = []
        for slack, options in _LINKS:
            toy.in_passes(*options)
            made.append(toy.with_room(*options, slack=slack).read_bytes())
        return tuple(made)
    except pytest.skip.Exception:
        return kernels()[:1]
    finally:
        shutil.rmtree(folder)


def room(draw: Random) -> bytes:
    """Return a damaged kernel with room."""
    return mutate_elf(draw, kernels_with_room())
