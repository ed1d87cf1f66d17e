# SPDX-License-Identifier: GPL-2.0-or-later
"""Which symbol of one image is which of another.

Symbols are paired by name. A name that both have equally often is paired in order; where one has more of it
(static functions share names), those at the same address are paired first, then the rest in order, and what
remains belongs to one side alone. The usual case, two lists of the very same names, costs one comparison.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from elfsyms.image.records import Records

__all__ = ["Pairing", "pair_records", "same_in_order"]


@dataclass(frozen=True, slots=True, eq=False)
class Pairing:
    """Indices (int64) in two lists of records: ``first[i]`` is ``second[i]``; ``first`` ascends."""

    first: NDArray[np.int64]
    second: NDArray[np.int64]
    only_first: NDArray[np.int64]
    only_second: NDArray[np.int64]


def pair_records(a: Records, b: Records) -> Pairing:
    """Pair the symbols of two images by name."""
    names_a, names_b = list(a.names()), list(b.names())
    if names_a == names_b:
        everyone, nobody = np.arange(len(a)), np.empty(0, np.int64)
        return Pairing(everyone, everyone, nobody, nobody)
    indices_a, indices_b = _indices(names_a), _indices(names_b)
    pairs: list[tuple[int, int]] = []
    for name, mine in indices_a.items():
        theirs = indices_b.get(name, [])
        pairs += zip(mine, theirs, strict=True) if len(mine) == len(theirs) else _uneven(mine, theirs, a, b)
    return _pairing(sorted(pairs), len(a), len(b))


def same_in_order(a: Records, b: Records) -> bool:
    """Tell whether two lists have the same names, letters and addresses, in the same order."""
    return (
        len(a) == len(b)
        and np.array_equal(a.address, b.address)
        and np.array_equal(a.letter, b.letter)
        and list(a.names()) == list(b.names())
    )


def _indices(names: list[bytes]) -> dict[bytes, list[int]]:
    indices: dict[bytes, list[int]] = {}
    for index, name in enumerate(names):
        indices.setdefault(name, []).append(index)
    return indices


def _uneven(mine: list[int], theirs: list[int], a: Records, b: Records) -> list[tuple[int, int]]:
    """Pair a name that one side has more often."""
    waiting = {int(b.address[index]): index for index in reversed(theirs)}
    pairs = [(index, waiting.pop(where)) for index in mine if (where := int(a.address[index])) in waiting]
    taken_a, taken_b = {pair[0] for pair in pairs}, {pair[1] for pair in pairs}
    rest_a = (index for index in mine if index not in taken_a)
    rest_b = (index for index in theirs if index not in taken_b)
    return [*pairs, *zip(rest_a, rest_b, strict=False)]


def _pairing(pairs: list[tuple[int, int]], count_a: int, count_b: int) -> Pairing:
    table = np.array(pairs, np.int64).reshape(-1, 2)
    first, second = table[:, 0], table[:, 1]
    only_first = np.setdiff1d(np.arange(count_a), first, assume_unique=True)
    only_second = np.setdiff1d(np.arange(count_b), second, assume_unique=True)
    return Pairing(first, second, only_first, only_second)
