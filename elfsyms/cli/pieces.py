# SPDX-License-Identifier: GPL-2.0-or-later
"""Lines of text made of columns, some thousands of rows at once, by array steps.

A column is the texts of its rows as pieces of a pool of bytes; lines are those pieces, gathered. Formatted row by
row, a whole kernel's lines take four times as long.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from elfsyms.image.nm_text import hex_digits
from elfsyms.image.records import gather

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from elfsyms.inspect.column_values import Names, Numbers

__all__ = [
    "Pieces",
    "constant",
    "decimal",
    "hexadecimal",
    "lines",
    "names",
    "padding",
    "side_by_side",
    "words",
]

_DIGITS, _WIDE = 16, 18  # of the widest number; of that with its 0x


@dataclass(frozen=True, slots=True, eq=False)
class Pieces:
    """The texts of a column: row's ``pool[start:start + size]``. ``pool`` is uint8, the others int64."""

    pool: NDArray[np.uint8]
    start: NDArray[np.int64]
    size: NDArray[np.int64]

    def take(self, rows: NDArray[np.integer]) -> Pieces:
        """Return some rows, in their order."""
        return Pieces(self.pool, self.start[rows], self.size[rows])


def words(texts: Sequence[str], codes: NDArray[np.integer] | None = None) -> Pieces:
    r"""Return a column whose rows each are one of some texts, by its index; without ``codes``, one after the other.

    >>> column = words(["kept", "dropped"], np.array([1, 0]))
    >>> lines([column, constant("!", 2)])[0].tobytes()
    b'dropped!\nkept!\n'
    """
    whole = "".join(texts)
    pool = np.frombuffer(whole.encode("utf-8", "surrogateescape"), np.uint8)
    encoded: Iterable[str | bytes] = texts
    if len(pool) > len(whole):  # some letters are of several bytes
        encoded = (text.encode("utf-8", "surrogateescape") for text in texts)
    size = np.fromiter(map(len, encoded), np.int64, len(texts))
    start = np.cumsum(size) - size
    column = Pieces(pool, start, size)
    return column if codes is None else column.take(codes)


def constant(text: str, count: int) -> Pieces:
    """Return a column that has one text in so many rows."""
    return words([text], np.zeros(count, np.int64))


def names(column: Names) -> Pieces:
    """Return a column of names; its pool has them side by side, and nothing else."""
    pool = gather(np.frombuffer(column.pool, np.uint8), column.start, column.size)
    return Pieces(pool, np.cumsum(column.size) - column.size, column.size)


def hexadecimal(numbers: NDArray[np.uint64]) -> Pieces:
    r"""Return a column of numbers as ``0x...``, without zeros before them.

    >>> lines([hexadecimal(np.array([0, 0xC0008000], np.uint64))])[0].tobytes()
    b'0x0\n0xc0008000\n'
    """
    digits = hex_digits(numbers)
    blank = np.where(numbers == 0, _DIGITS - 1, (digits != ord("0")).argmax(axis=1))
    cells = np.empty((len(numbers), _WIDE), np.uint8)
    cells[:, _WIDE - _DIGITS :] = digits
    rows = np.arange(len(numbers))
    cells[rows, blank], cells[rows, blank + 1] = ord("0"), ord("x")
    return Pieces(cells.ravel(), rows * _WIDE + blank, _WIDE - blank)


def decimal(column: Numbers) -> Pieces:
    """Return a column of numbers; what is none is empty."""
    found, codes = np.unique(column.numbers, return_inverse=True)
    return words([str(number) if number >= 0 else "" for number in found.tolist()], codes)


def padding(size: NDArray[np.int64]) -> Pieces:
    """Return a column of so many blanks."""
    pool = np.full(int(size.max(initial=0)), ord(" "), np.uint8)
    return Pieces(pool, np.zeros(len(size), np.int64), size)


def side_by_side(columns: Sequence[Pieces]) -> Pieces:
    """Return columns side by side as one."""
    ends = np.cumsum([len(one.pool) for one in columns])
    start = np.column_stack(
        [one.start + (end - len(one.pool)) for one, end in zip(columns, ends, strict=True)]
    )
    size = np.column_stack([one.size for one in columns])
    text = gather(np.concatenate([one.pool for one in columns]), start.ravel(), size.ravel())
    whole = size.sum(axis=1)
    return Pieces(text, np.cumsum(whole) - whole, whole)


def lines(columns: Sequence[Pieces]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Return the lines of columns side by side (uint8), and where each ends, behind its newline (int64)."""
    whole = side_by_side([*columns, constant("\n", len(columns[0].start))])
    return whole.pool, whole.start + whole.size
