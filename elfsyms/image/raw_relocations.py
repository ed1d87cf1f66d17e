# SPDX-License-Identifier: GPL-2.0-or-later
"""Relative relocations in a raw image, which has no section header that tells where they are.

A relocatable arm64, riscv64 or x86-64 kernel carries ``.rela.dyn`` along: entries of 24 bytes, each with the
machine's own number for "the addend, moved by as much as the kernel is" and no symbol. Thousands of these in a
row are nothing else. ``SHT_RELR`` needs no search: the addends lie in the fields already, so that they read
right.

Where machine and address are known, as of a dump, each run of entries counts; else the longest, if it is long.
Follows the gABI, chapter "Relocation"; the numbers are in ``machines.py``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from elfsyms.e_machine import EM_AARCH64, EM_PPC64, EM_RISCV, EM_S390, EM_X86_64
from elfsyms.image.machines import RELATIVE
from elfsyms.image.relocated import Patch

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from elfsyms.image.elf import Abi

__all__ = ["RelativeRelocations", "dump_patches", "find_relative_relocations"]

# x86-64; arm64; riscv and loongarch; s390x; ppc64
_NUMBERS = tuple(RELATIVE[machine, 64] for machine in (EM_X86_64, EM_AARCH64, EM_RISCV, EM_S390, EM_PPC64))
_ENTRY = 24
_FEWEST = 64  # entries in a row, where neither the machine nor the address is known
_RUN = 4  # where both are, so that no chance makes one


@dataclass(frozen=True, slots=True, eq=False)
class RelativeRelocations:
    """Where the run lies in the bytes, and its entries: linked addresses of fields and of what they point to."""

    offset: int
    fields: NDArray[np.uint64]
    targets: NDArray[np.uint64]


def find_relative_relocations(data: NDArray[np.uint8], byte_order: str) -> RelativeRelocations | None:
    """Return the longest run of relative relocations, or None where there is none worth the name."""
    runs = [run for phase in (0, 4) for run in _runs(data[phase:], byte_order, phase)]
    offset, count = max(runs, key=lambda run: run[1], default=(0, 0))
    if count < _FEWEST:
        return None
    rows = data[offset : offset + count * _ENTRY].view(f"{byte_order}u8").reshape(count, 3)
    return RelativeRelocations(offset, rows[:, 0].astype(np.uint64), rows[:, 2].astype(np.uint64))


def _runs(data: NDArray[np.uint8], byte_order: str, phase: int) -> list[tuple[int, int]]:
    """Return offset and length of the longest run of each number, in words of one alignment."""
    words = data[: len(data) // 8 * 8].view(f"{byte_order}u8")
    found = []
    for number in _NUMBERS:
        at = np.flatnonzero(words == number)
        for residue in range(3):
            mine = at[at % 3 == residue]
            if mine.size >= _FEWEST:
                found.append(_longest(mine, phase))
    return found


def _longest(at: NDArray[np.int64], phase: int) -> tuple[int, int]:
    """Return offset and length of the longest run of words that are three apart."""
    breaks = np.flatnonzero(np.diff(at) != 3)
    first = np.concatenate([[0], breaks + 1])
    last = np.concatenate([breaks, [at.size - 1]])
    longest = int(np.argmax(last - first))
    return phase + 8 * int(at[first[longest]]) - 8, int(last[longest] - first[longest]) + 1


def dump_patches(data: bytes, base: int, abi: Abi) -> tuple[Patch, ...]:
    """Return the words that relocations inside a raw image fill in, whose first byte lies at ``base``.

    A kernel's boot image holds its own table of them (``.rela.dyn``), but no header says where: an entry is known
    by its type, by an offset inside the image, and by others like it before or behind.
    """
    kind, word = RELATIVE.get((abi.machine, abi.bits)), abi.word
    if kind is None:
        return ()
    words = np.frombuffer(data[: len(data) // word * word], f"{abi.byte_order}u{word}")
    if len(words) < 3 * _RUN:
        return ()
    offset, info, addend = words[:-2], words[1:-1], words[2:]
    inside = (offset >= base) & (offset < base + len(data)) & (offset % word == 0)
    entries = np.flatnonzero(inside & (info == kind))
    chosen = entries[_in_runs(entries)]
    addresses, first = np.unique(offset[chosen].astype(np.uint64), return_index=True)
    return (Patch(word, addresses, addend[chosen][first].astype(np.uint64)),) if addresses.size else ()


def _in_runs(entries: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Mark the entries, of three words each, that belong to a run of several without a gap."""
    begins = np.diff(entries, prepend=-1) != 3
    number = np.cumsum(begins) - 1
    return np.asarray(np.bincount(number)[number] >= _RUN) if len(entries) else np.zeros(0, np.bool_)
