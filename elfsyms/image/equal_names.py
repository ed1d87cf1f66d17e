# SPDX-License-Identifier: GPL-2.0-or-later
"""Which names of a long list are equal, and where a name stands in it, by array steps.

A dictionary of 200,000 names takes a quarter of a second to make; here each name has a key of 64 bits, the keys are
sorted, and names whose keys are equal are compared byte by byte: 30 ms. Where two different names have one key, by
chance or by design, all keys are made anew by Python's own salted hash, until none have.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import count
from typing import TYPE_CHECKING, Literal, Protocol

import numpy as np

from elfsyms.image.records import MASKS, chunks, numbers_everywhere

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["EqualNames", "Texts", "indices_of", "name_keys"]

_FACTOR = np.uint64(0x9E3779B97F4A7C15)  # odd, and of no pattern: 2**64 divided by the golden ratio
_HALF = np.uint64(32)
_STEP = 8  # bytes of a name that are looked at together
_SIDES: tuple[Literal["left"], Literal["right"]] = ("left", "right")


class _Pieces(Protocol):
    """What has names as pieces of a pool: :class:`Texts`, and records."""

    @property
    def pool(self) -> bytes: ...
    @property
    def start(self) -> NDArray[np.int64]: ...
    @property
    def size(self) -> NDArray[np.int64]: ...


@dataclass(frozen=True, slots=True, eq=False)
class Texts:
    """Pieces of a pool of bytes: ``start`` and ``size`` (int64) of each."""

    pool: bytes
    start: NDArray[np.int64]
    size: NDArray[np.int64]


def indices_of(pieces: _Pieces, name: bytes) -> list[int]:
    """Return which of some names are a given one, ascending.

    Those as long, whose last eight bytes are the same, are looked at: 0.3 ms for 200,000.
    """
    alike = np.flatnonzero(pieces.size == len(name))
    if not name:
        return alike.tolist()
    at = max(len(name) - _STEP, 0)
    tail = numbers_everywhere(pieces.pool)[pieces.start.take(alike) + at] & MASKS[len(name) - at]
    same = alike.compress(tail == np.uint64(int.from_bytes(name[at:], "little")))
    return [index for index in same.tolist() if pieces.pool.startswith(name, int(pieces.start[index]))]


class EqualNames:
    """The names of a list: for each the ``first`` (int64) of its name, and how many there are.

    >>> names = EqualNames(Texts(b"run.stop.run", np.array([0, 4, 9]), np.array([3, 4, 3])))
    >>> names.first, names.number, names.count
    (array([0, 1, 0]), array([1, 1, 2]), array([2, 1, 2]))
    >>> names.indices(b"run"), names.indices(b"stopped")
    ([0, 2], [])
    >>> names.find(Texts(b"stop!", np.array([0, 1]), np.array([4, 4])))
    array([ 1, -1])
    """

    def __init__(self, pieces: _Pieces) -> None:
        """Take the names; they are grouped at once."""
        self._texts = Texts(pieces.pool, pieces.start, pieces.size)
        self._salt = next(salt for salt in count() if self._group(salt))

    def _group(self, salt: int) -> bool:
        """Sort the names by their keys; return False where different names have one key."""
        keys = name_keys(self._texts, salt)
        self._order = np.argsort(
            keys
        )  # a stable one takes four times as long: the few equal ones are put right
        self._sorted = keys[self._order]
        again = self._sorted[1:] == self._sorted[:-1]
        begins = np.append(True, ~again)[: len(keys)]
        self._begin = np.maximum.accumulate(np.where(begins, np.arange(len(keys)), 0))
        several = np.flatnonzero(~begins | np.append(again, False)[: len(keys)])
        order = self._order[several]
        self._order[several] = order[np.lexsort((order, self._begin[several]))]
        behind, ahead = self._order[1:][again], self._order[self._begin[1:][again]]
        return bool(_equal(self._texts, behind, self._texts, ahead).all())

    @cached_property
    def first(self) -> NDArray[np.int64]:
        """For each name, the index of the first of the same."""
        return self._placed(self._order[self._begin])

    @cached_property
    def number(self) -> NDArray[np.int64]:
        """For each name, its number among the same, from 1."""
        return self._placed(np.arange(len(self._order)) - self._begin + 1)

    @cached_property
    def count(self) -> NDArray[np.int64]:
        """For each name, how many are the same."""
        counts = np.bincount(self._begin, minlength=len(self._order))
        return self._placed(counts[self._begin])

    def indices(self, name: bytes) -> list[int]:
        """Return the indices of those that are equal to a name, ascending."""
        text = Texts(name, np.zeros(1, np.int64), np.array([len(name)]))
        key = name_keys(text, self._salt)[0]
        begin, end = (int(self._sorted.searchsorted(key, side)) for side in _SIDES)
        found: list[int] = self._order[begin:end].tolist()
        return found if found and self._name(found[0]) == name else []

    def _name(self, index: int) -> bytes:
        start = int(self._texts.start[index])
        return self._texts.pool[start : start + int(self._texts.size[index])]

    def find(self, pieces: _Pieces) -> NDArray[np.int64]:
        """Return for other names the index of the first here that is the same, -1 where none is."""
        texts = Texts(pieces.pool, pieces.start, pieces.size)
        found = np.full(len(texts.start), -1, np.int64)
        if not len(self._order):
            return found
        keys = name_keys(texts, self._salt)
        at = np.minimum(self._sorted.searchsorted(keys), len(self._sorted) - 1)
        which = np.flatnonzero(self._sorted[at] == keys)
        here = self._order[at[which]]
        same = _equal(texts, which, self._texts, here)
        found[which[same]] = here[same]
        return found

    def _placed(self, values: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return values of the sorted names in the order of the list."""
        placed = np.empty(len(values), np.int64)
        placed[self._order] = values
        return placed


def name_keys(texts: Texts, salt: int) -> NDArray[np.uint64]:
    """Return a key of each name: equal for equal names, and nearly always different for others."""
    if salt:
        ends = (texts.start + texts.size).tolist()
        pieces = zip(texts.start.tolist(), ends, strict=True)
        hashes = (hash((salt, texts.pool[start:end])) for start, end in pieces)
        return np.fromiter(hashes, np.int64, len(ends)).view(np.uint64)
    numbers = numbers_everywhere(texts.pool)
    keys = texts.size.astype(np.uint64) * _FACTOR
    which, at = np.arange(len(keys)), 0
    while len(which):
        mixed = (keys[which] ^ chunks(numbers, texts.start[which], texts.size[which], at)) * _FACTOR
        keys[which] = mixed ^ (mixed >> _HALF)
        at += _STEP
        which = which[texts.size[which] > at]
    return keys


def _equal(
    ones: Texts, which: NDArray[np.int64], others: Texts, those: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Compare some names with as many others, byte by byte."""
    mine, theirs = numbers_everywhere(ones.pool), numbers_everywhere(others.pool)
    start, size, other = ones.start[which], ones.size[which], others.start[those]
    same: NDArray[np.bool_] = size == others.size[those]
    at = 0
    left = np.flatnonzero(same)
    while len(left):
        equal = chunks(mine, start[left], size[left], at) == chunks(theirs, other[left], size[left], at)
        same[left[~equal]] = False
        at += _STEP
        left = left[equal & (size[left] > at)]
    return same
