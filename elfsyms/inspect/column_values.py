# SPDX-License-Identifier: GPL-2.0-or-later
"""The values of a column, as arrays: each of these is a sequence of plain values, too.

Who wants values iterates; who writes a quarter of a million of them as text takes the arrays (``cli/cells.py``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

__all__ = ["Coded", "Names", "Numbers", "sparse"]


@dataclass(frozen=True, slots=True, eq=False)
class Coded(Sequence[Any]):
    """The values of a column of few different ones: the ``words``, and for each row the index of its own, the code.

    A code counts from the end where it is negative, as Python's indices do.
    """

    words: Sequence[Any]
    codes: NDArray[np.integer]

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.codes)

    def __iter__(self) -> Iterator[Any]:
        """Yield the values."""
        return map(self.words.__getitem__, self.codes.tolist())

    def __getitem__(self, row: Any) -> Any:
        """Return the value of a row, or those of some."""
        return Coded(self.words, self.codes[row]) if isinstance(row, slice) else self.words[self.codes[row]]


def sparse(found: Mapping[int, Any], count: int, nothing: Any = None) -> Coded:
    """Return a column of so many rows, of which some have a value, by their index, and the others ``nothing``.

    >>> list(sparse({1: "weak"}, 3))
    [None, 'weak', None]
    """
    codes = np.zeros(count, np.int64)
    codes[list(found)] = np.arange(1, len(found) + 1)
    return Coded([nothing, *found.values()], codes)


@dataclass(frozen=True, slots=True, eq=False)
class Numbers(Sequence[Any]):
    """Numbers, one a row; what is not ``known`` (bool) says nothing, and is None: without it, what is negative."""

    numbers: NDArray[np.integer]
    known: NDArray[np.bool_] | None = None

    @property
    def says(self) -> NDArray[np.bool_]:
        """Which rows have a number."""
        return self.numbers >= 0 if self.known is None else self.known

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.numbers)

    def __iter__(self) -> Iterator[int | None]:
        """Yield the values."""
        numbers, says = self.numbers.tolist(), self.says
        if says.all():
            return iter(numbers)
        return (number if said else None for number, said in zip(numbers, says.tolist(), strict=True))

    def __getitem__(self, row: Any) -> Any:
        """Return the value of a row, or those of some."""
        if isinstance(row, slice):
            return Numbers(self.numbers[row], None if self.known is None else self.known[row])
        return int(self.numbers[row]) if self.says[row] else None


@dataclass(frozen=True, slots=True, eq=False)
class Names(Sequence[bytes]):
    """Names where they stand in a ``pool``: ``start`` and ``size`` (int64), one a row."""

    pool: bytes
    start: NDArray[np.int64]
    size: NDArray[np.int64]

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.start)

    def __iter__(self) -> Iterator[bytes]:
        """Yield the values."""
        return iter(self.texts())

    def texts(self) -> list[bytes]:
        """Return the values."""
        pool = self.pool
        pieces = zip(self.start.tolist(), (self.start + self.size).tolist(), strict=True)
        return [pool[first:last] for first, last in pieces]

    def __getitem__(self, row: Any) -> Any:
        """Return the value of a row, or those of some."""
        start, size = self.start[row], self.size[row]
        return Names(self.pool, start, size) if isinstance(row, slice) else self.pool[start : start + size]
