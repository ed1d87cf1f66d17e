# SPDX-License-Identifier: GPL-2.0-or-later
"""What fuzzing starts from: valid kernels of every generation, class and byte order, with and without tables."""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1]))

from elfmaker import Section, Symbol, vmlinux
from hostile_tables import hostile_table
from tablemaker import MACHINES, TEXT, filler, kernel_of, linked_kernel

from elfsyms.writers.build import object_of

__all__ = ["GENERATIONS", "files", "kernels", "objects"]

# One release of each shape of the tables, from the first to the newest.
GENERATIONS = (
    *("2.6.12", "2.6.20", "2.6.30", "3.4", "3.15", "4.6", "4.19", "5.10"),
    *("6.1.100", "6.2", "6.6", "6.12", "6.15", "7.0", "7.3"),
)


@cache
def kernels() -> tuple[bytes, ...]:
    """Return linked kernels without tables: plain, with sections of every kind, and with hostile names."""
    made = []
    for at, release in enumerate(GENERATIONS):
        bits, order, machine = MACHINES[at % len(MACHINES)]
        text = TEXT[bits]
        symbols = [
            Symbol("_text", text),
            Symbol("_stext", text),
            Symbol("_etext", text + 0x8000),
            *filler(text)[
                : 40 if release == "2.6.12" else None
            ],  # whose search looks at all substrings: slow
        ]
        symbols += [Symbol("data", text + 0x9000, ".data", type="object"), Symbol("absolute", 7, "ABS")]
        symbols += [Symbol("weak", text + 3, binding="weak"), Symbol("undefined", 0, "UND", type="notype")]
        symbols += [Symbol("bss", text + 0xA000, ".bss", type="object"), Symbol("", text, type="section")]
        made.append(vmlinux(symbols, release=release, bits=bits, order=order, machine=machine))
    return (*made, *(hostile_table(seed).data for seed in range(6)))


@cache
def _made() -> tuple[tuple[bytes, bytes], ...]:
    """Return a kernel with tables and their object, for each generation."""
    made = []
    for at, release in enumerate(GENERATIONS):
        machine = MACHINES[at % len(MACHINES)]
        text = TEXT[machine[0]]
        with kernel_of([Symbol("_text", text), *filler(text)], machine, release) as kernel:
            made.append((linked_kernel(kernel.tables), object_of(kernel)))
    return tuple(made)


def objects() -> tuple[bytes, ...]:
    """Return objects of tables."""
    return tuple(made for _, made in _made())


@cache
def files() -> tuple[bytes, ...]:
    """Return the kernels, and kernels and objects with tables of every generation inside."""
    made = [one for pair in _made() for one in pair]
    tail = Section(".comment", data=b"Linker: LLD 15.0.7\0", flags="")
    made.append(vmlinux([Symbol("_text", TEXT[64]), *filler(TEXT[64])], release="6.6", sections=[tail]))
    return (*kernels(), *made)
