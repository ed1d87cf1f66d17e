# SPDX-License-Identifier: GPL-2.0-or-later
"""Relative relocations in a raw image, which has no section header that tells where they are.

A relocatable arm64, riscv64 or x86-64 kernel carries ``.rela.dyn`` along: entries of 24 bytes, each with the
machine's own number for "the addend, moved by as much as the kernel is" and no symbol. Thousands of these in a
row are nothing else. ``SHT_RELR`` needs no search: the addends lie in the fields already, so that they read
right.

Follows the gABI, chapter "Relocation", and the psABIs for the numbers. Leaves out 32-bit machines, whose addends
lie in the fields too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from elfsyms.image.relocated import Patch

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["RelativeRelocations", "find_relative_relocations"]

# R_*_RELATIVE: x86-64; arm64; riscv and loongarch; s390x; ppc64
_NUMBERS = (8, 0x403, 3, 12, 22)
_ENTRY = 24
_FEWEST = 64  # entries in a row


@dataclass(frozen=True, slots=True, eq=False)
class RelativeRelocations:
    """Where the run lies in the bytes, and its entries: linked addresses of fields and of what they point to."""

    offset: int
    fields: NDArray[np.uint64]
    targets: NDArray[np.uint64]

    def patch(self, word: int) -> Patch:
        """Return the fields as a patch over the image's bytes at their linked addresses."""
        order = np.argsort(self.fields, kind="stable")
        return Patch(word, self.fields[order], self.targets[order])


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
