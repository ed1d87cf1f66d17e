# SPDX-License-Identifier: GPL-2.0-or-later
"""The values of a column, as arrays: each of these is a sequence of plain values, too.

Who wants values iterates; who writes a quarter of a million of them as text takes the arrays (``cli/pieces.py``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Coded", "Names", "Numbers"]


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


@dataclass(frozen=True, slots=True, eq=False)
class Numbers(Sequence[Any]):
    """Numbers, one a row; what is negative says nothing, and is None."""

    numbers: NDArray[np.integer]

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.numbers)

    def __iter__(self) -> Iterator[int | None]:
        """Yield the values."""
        if self.numbers.dtype.kind == "u" or not (self.numbers < 0).any():
            return iter(self.numbers.tolist())
        return (number if number >= 0 else None for number in self.numbers.tolist())

    def __getitem__(self, row: Any) -> Any:
        """Return the value of a row, or those of some."""
        if isinstance(row, slice):
            return Numbers(self.numbers[row])
        number = int(self.numbers[row])
        return number if number >= 0 else None


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
        pieces = zip(self.start.tolist(), (self.start + self.size).tolist(), strict=True)
        return (self.pool[first:last] for first, last in pieces)

    def __getitem__(self, row: Any) -> Any:
        """Return the value of a row, or those of some."""
        start, size = self.start[row], self.size[row]
        return Names(self.pool, start, size) if isinstance(row, slice) else self.pool[start : start + size]
