# SPDX-License-Identifier: GPL-2.0-or-later
"""Which records have the same name: of all records by sorting them once, of few by a look at all for each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np

from elfsyms.image.equal_names import indices_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from elfsyms.image.equal_names import EqualNames, Texts
    from elfsyms.image.records import Records

__all__ = ["FewNames", "ManyNames", "SameNames"]


class SameNames(Protocol):
    """For each of some records of a table: the ``first`` of its name in the table, and how many have the name."""

    @property
    def first(self) -> NDArray[np.int64]:
        """For each record, the first of its name."""

    @property
    def count(self) -> NDArray[np.int64]:
        """For each record, how many have its name."""

    def find(self, names: Texts) -> NDArray[np.int64]:
        """Return for other names the first record of the table that has it, -1 where none has."""

    def among(self, names: Texts) -> NDArray[np.int64]:
        """Count for each of the records how many of some other names are its own."""


class ManyNames:
    """Of all records of a table."""

    def __init__(self, equal: EqualNames) -> None:
        """Take the names of the table."""
        self._equal = equal

    @property
    def first(self) -> NDArray[np.int64]:
        """For each record, the first of its name."""
        return self._equal.first

    @property
    def count(self) -> NDArray[np.int64]:
        """For each record, how many have its name."""
        return self._equal.count

    def find(self, names: Texts) -> NDArray[np.int64]:
        """Return for other names the first record of the table that has it, -1 where none has."""
        return self._equal.find(names)

    def among(self, names: Texts) -> NDArray[np.int64]:
        """Count for each of the records how many of some other names are its own."""
        found = self.find(names)
        return np.bincount(found[found >= 0], minlength=len(self.first))[self.first]


class FewNames:
    """Of some records of a table, which ``which`` (int64) are."""

    def __init__(self, table: Records, which: NDArray[np.int64]) -> None:
        """Take a table, and which of its records."""
        self._table, self._names = table, [table.name(index) for index in which.tolist()]
        found = [indices_of(table, name) for name in self._names]
        self.first = np.array([indices[0] for indices in found], np.int64)
        self.count = np.array([len(indices) for indices in found], np.int64)

    def find(self, names: Texts) -> NDArray[np.int64]:
        """Return for other names the first record of the table that has it, -1 where none has."""
        pieces = zip(names.start.tolist(), names.size.tolist(), strict=True)
        found = (indices_of(self._table, names.pool[start : start + size]) for start, size in pieces)
        return np.array([indices[0] if indices else -1 for indices in found], np.int64)

    def among(self, names: Texts) -> NDArray[np.int64]:
        """Count for each of the records how many of some other names are its own."""
        return np.array([len(indices_of(names, name)) for name in self._names], np.int64)
