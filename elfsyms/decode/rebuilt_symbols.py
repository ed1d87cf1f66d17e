# SPDX-License-Identifier: GPL-2.0-or-later
"""The symbols of a vmlinux that is made of an image, so that nm prints each with the letter that the tables have.

nm tells a symbol's letter by its section, so a symbol whose section would give another letter than its own goes
to an empty section of the right kind. Sizes are those that the kernel computes: up to the next higher address.

Leaves out the sections (``rebuilt_sections.py``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from elfsyms.decode.rebuilt_sections import BSS, DATA, KINDS, RODATA, TEXT, kind_of
from elfsyms.image.symbols import SHN_ABS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from elfsyms.image.records import Records
    from elfsyms.writers.elf_image import ImagePart

__all__ = ["bindings", "sections_and_kinds", "sizes", "types"]

_KIND_OF = {
    ord("t"): TEXT,
    ord("r"): RODATA,
    ord("d"): DATA,
    ord("b"): BSS,
    ord("g"): DATA,
    ord("s"): BSS,
}
_OBJECT, _FUNC, _NOTYPE = 1, 2, 0


def sections_and_kinds(
    lines: Records, parts: list[ImagePart], *, percpu_letter: bool
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the section number and the kind of each symbol: where it lies, unless its letter says otherwise.

    ``percpu_letter``: the lines are of tables, where A may stand for what is per CPU; of a map it means a number.
    """
    kinds = np.array([kind_of(part) for part in parts], np.int64)
    at = _containing(lines.address, parts)
    lower = lines.letter | 0x20
    wanted = np.full(len(lines), -1, np.int64)
    for letter, kind in _KIND_OF.items():
        wanted[lower == letter] = kind
    there = np.where(at >= 0, kinds[np.maximum(at, 0)], -2)
    other = len(parts) - len(KINDS) + (wanted[:, None] == np.array(KINDS)).argmax(1)
    free = (wanted < 0) & (at >= 0)
    chosen = np.where((there == wanted) | free, at, np.where(wanted < 0, -1, other))
    section = np.where(chosen >= 0, chosen + 1, SHN_ABS)
    percpu = np.array([part.name.startswith(".data..percpu") for part in parts])
    absolute = (lower == ord("a")) & ~(percpu_letter & (at >= 0) & percpu[np.maximum(at, 0)])
    section[absolute] = SHN_ABS
    return section, np.where(chosen >= 0, kinds[np.maximum(chosen, 0)], 0)


def _containing(address: NDArray[np.uint64], parts: list[ImagePart]) -> NDArray[np.int64]:
    """Return the number of the part that each address lies in, its end included where no other begins; else -1."""
    order = sorted((part.address, number) for number, part in enumerate(parts) if part.size)
    if not order:
        return np.full(len(address), -1, np.int64)
    starts = np.array([start for start, _ in order], np.uint64)
    numbers = np.array([number for _, number in order], np.int64)
    sizes = np.array([parts[number].size for _, number in order], np.uint64)
    slot = np.searchsorted(starts, address, side="right") - 1
    inside = (slot >= 0) & (address - starts[np.maximum(slot, 0)] <= sizes[np.maximum(slot, 0)])
    return np.where(inside, numbers[np.maximum(slot, 0)], -1)


def sizes(address: NDArray[np.uint64], section: NDArray[np.int64]) -> NDArray[np.uint64]:
    """Return the distance to the next higher address; 0 for the last one and for numbers."""
    distinct = np.unique(address[section != SHN_ABS])
    after = np.searchsorted(distinct, address, side="right")
    known = (after < len(distinct)) & (section != SHN_ABS)
    following = distinct[np.minimum(after, len(distinct) - 1)] if len(distinct) else address
    return np.where(known, following - address, np.uint64(0))


def bindings(letter: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return ``STB_WEAK`` for w and v, ``STB_GLOBAL`` for capitals and ?, else ``STB_LOCAL``."""
    lower = letter | 0x20
    weak = np.isin(lower, list(b"wv"))
    capital = (letter >= ord("A")) & (letter <= ord("Z"))
    binding = np.where(weak, 2, np.where(capital, 1, 0)).astype(np.uint8)
    binding[letter == ord("u")] = 10  # STB_GNU_UNIQUE
    return binding


def types(kind: NDArray[np.int64], letter: NDArray[np.uint8], thumb: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Return ``STT_FUNC`` for code, ``STT_OBJECT`` for data, ``STT_NOTYPE`` for numbers and odd code."""
    lower = letter | 0x20
    result = np.where(kind == TEXT, _FUNC, np.where(kind == 0, _NOTYPE, _OBJECT)).astype(np.uint8)
    result[lower == ord("v")] = _OBJECT
    result[lower == ord("w")] = np.where(
        result[lower == ord("w")] == _OBJECT, _NOTYPE, result[lower == ord("w")]
    )
    result[letter == ord("i")] = 10  # STT_GNU_IFUNC
    result[thumb & (result == _FUNC)] = _NOTYPE
    return result
