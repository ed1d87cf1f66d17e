# SPDX-License-Identifier: GPL-2.0-or-later
"""Rows of text made of columns, some thousands of rows at once.

A column is few different texts, and which of them a row has (:class:`Coded`), or a text a row. Columns of the first
kind that stand side by side are merged to one, so that a row of JSON consists of a dozen pieces and not of seventy;
what is left is joined row by row. Formatted value by value, a whole kernel's rows take five times as long.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from elfsyms.image.nm_text import hex_digits
from elfsyms.inspect.column_values import Coded

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from elfsyms.inspect.column_values import Numbers

__all__ = ["Cells", "decimal", "hexadecimal", "row_texts", "same", "used"]

_DIGITS = 16  # of the widest number
_MOST_PAIRS = 1 << 10  # of texts of two columns, from which on merging them would cost more than it saves
_SMALL = 1 << 17  # numbers below which a table is faster than a sort
_REPEATED = 2  # rows a text, from which on each text is made once

# The texts of a column, bytes: those of a Coded, or one a row.
Cells: TypeAlias = "Coded | list[bytes]"


def same(text: bytes, count: int) -> Coded:
    """Return a column that has one text in so many rows."""
    return Coded([text], np.zeros(count, np.int64))


def decimal(column: Numbers, nothing: bytes) -> Cells:
    """Return numbers, and ``nothing`` for what is none."""
    known = column.says
    codes, found = _different(column.numbers[known])
    if len(found) * _REPEATED > len(column):
        return [nothing if number is None else b"%d" % number for number in column]
    which = np.zeros(len(column), np.int64)
    which[known] = codes + 1
    return Coded([nothing, *(b"%d" % number for number in found.tolist())], which)


def hexadecimal(values: NDArray[np.uint64], wide: int = 0) -> list[bytes]:
    """Return numbers as ``0x...``, without zeros before them, blanks behind those that are less than ``wide``.

    >>> hexadecimal(np.array([0, 0xC0008000], np.uint64))
    [b'0x0', b'0xc0008000']
    """
    digits = hex_digits(values)
    blanks = np.where(values == 0, _DIGITS - 1, (digits != ord("0")).argmax(axis=1))
    cells = np.zeros((len(values), max(wide, _DIGITS + 2)), np.uint8)  # what ends in zeros ends before them
    cells[:, :2], cells[:, 2:wide] = (ord("0"), ord("x")), ord(" ")
    found = np.flatnonzero(np.bincount(blanks)).tolist()
    for blank in found:
        rows = slice(None) if len(found) == 1 else np.flatnonzero(blanks == blank)
        cells[rows, 2 : _DIGITS + 2 - blank] = digits[rows, blank:]
    texts: list[bytes] = cells.view(f"S{cells.shape[1]}").ravel().tolist()
    return texts


def used(column: Coded) -> Coded:
    """Return a column of those of its different values alone that a row has."""
    codes, found = _numbered(_indices(column), len(column.words))
    return Coded([column.words[code] for code in found.tolist()], codes)


def row_texts(columns: Sequence[Cells]) -> list[bytes]:
    """Return the texts of columns side by side, one a row.

    >>> row_texts([Coded([b"kept", b"dropped"], np.array([1, 0])), same(b": ", 2), [b"main", b"run"]])
    [b'dropped: main', b'kept: run']
    """
    return list(map(b"".join, zip(*_merged(columns), strict=True)))


def _merged(columns: Sequence[Cells]) -> list[Cells]:
    """Join columns of few different texts that stand side by side, to one where that is not too many pairs."""
    merged: list[Cells] = []
    run = _Run()
    for column in columns:
        if not isinstance(column, Coded):
            merged += [*run.joined(), column]
            run = _Run()
        elif not run.take(column):
            merged += run.joined()
            run = _Run()
            run.take(column)
    return [*merged, *run.joined()]


class _Run:
    """Columns of few different texts side by side, and which row has which of the texts that they make."""

    def __init__(self) -> None:
        self._columns: list[Coded] = []
        self._codes: NDArray[np.int64] | None = None
        self._count = 1

    def take(self, column: Coded) -> bool:
        """Take one more column, unless the pairs that it could make are too many."""
        pairs = self._count * len(column.words)
        if self._columns and pairs > max(_MOST_PAIRS, self._count):
            return False
        if len(column.words) == 1 and self._columns and len(self._columns[-1].words) == 1:
            column = Coded([self._columns.pop().words[0] + column.words[0]], column.codes)
        self._columns.append(column)
        if self._codes is None or len(column.words) > 1:
            before = 0 if self._codes is None else self._codes * len(column.words)
            self._codes, found = _numbered(before + _indices(column), pairs)
            self._count = len(found)
        return True

    def joined(self) -> list[Cells]:
        """Return the column that they make: each of its texts is that of one of the rows that have it."""
        if self._codes is None or len(self._columns) == 1:
            return [*self._columns]
        rows = np.empty(self._count, np.int64)
        rows[self._codes] = np.arange(len(self._codes))
        texts = zip(*(Coded(one.words, one.codes[rows]) for one in self._columns), strict=True)
        return [Coded(list(map(b"".join, texts)), self._codes)]


def _different(values: NDArray[np.integer]) -> tuple[NDArray[np.int64], NDArray[np.integer]]:
    """Return the number of each of some values among the different ones, and these."""
    most = int(values.max(initial=0)) + 1
    if most <= _SMALL and int(values.min(initial=0)) >= 0:
        return _numbered(values.astype(np.int64), most)
    found, codes = np.unique(values, return_inverse=True)
    return codes, found


def _numbered(keys: NDArray[np.int64], most: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the number of each of some keys below ``most`` among the different ones, and these."""
    there = np.zeros(most, np.bool_)
    there[keys] = True
    found = np.flatnonzero(there)
    number = np.empty(most, np.int64)
    number[found] = np.arange(len(found))
    return number[keys], found


def _indices(column: Coded) -> NDArray[np.int64]:
    """Return the index of each row's word, those that count from the end from the beginning."""
    codes = column.codes.astype(np.int64)
    return codes if codes.min(initial=0) >= 0 else codes % len(column.words)
