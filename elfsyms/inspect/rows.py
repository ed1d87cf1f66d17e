# SPDX-License-Identifier: GPL-2.0-or-later
"""The entries of a kernel as rows, and what several columns need of them, made once.

A column (:mod:`elfsyms.inspect.columns`) takes the values of some rows from here.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from elfsyms.image.sorting import distinct
from elfsyms.image.symbols import SymbolClass
from elfsyms.inspect.column_values import Names
from elfsyms.inspect.entries import Entries, entries_of_kernel
from elfsyms.inspect.objects import file_entries
from elfsyms.inspect.probe_anchor import probe_anchor
from elfsyms.pipeline.background import Background
from elfsyms.pipeline.spare_memory import LARGE
from elfsyms.trace.facts import Facts
from elfsyms.trace.kernel_facts import KernelFacts
from elfsyms.trace.traceability import ask

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from elfsyms.pipeline.kernel import Kernel
    from elfsyms.releases.rules import Rule

__all__ = ["Rows", "Which"]

Which: TypeAlias = "NDArray[np.int64]"  # rows of Entries


class Rows:
    """The entries of a kernel, and what columns of them share. ``kaslr``: how far the kernel was moved."""

    def __init__(self, kernel: Kernel, kaslr: int = 0) -> None:
        """Take a kernel; its entries are collected at once."""
        self.kernel, self.kaslr = kernel, kaslr
        self._asked: dict[str, NDArray[np.int16]] = {}
        self.entries: Entries = entries_of_kernel(kernel)
        self.rules: tuple[Rule, ...] = kernel.release.book.rules

    def kept(self) -> Which:
        """Return the rows of the tables, in their order."""
        rows = np.flatnonzero(self.entries.index >= 0)
        return rows[np.argsort(self.entries.index[rows])]

    def kept_where(self, marks: NDArray[np.bool_]) -> Which:
        """Return the rows of the tables whose record is marked, in their order.

        They may be fewer than the marks: a name that forges a line makes two records of one entry.
        """
        kept = self.kept()
        return kept[marks[self.entries.index[kept]]]

    @classmethod
    def with_names(cls, kernel: Kernel, kaslr: int = 0) -> Rows:
        """Take a kernel whose equal names will be asked for: they are found beside the entries."""
        names = Background(lambda: kernel.equal_names)
        if len(kernel.symbols) > LARGE:  # two things done at once take too much memory
            names.result()
        rows = cls(kernel, kaslr)
        names.result()
        return rows

    @cached_property
    def address(self) -> NDArray[np.uint64]:
        """Addresses as the running kernel has them."""
        entries = self.entries
        moves = entries.moves | ((entries.index < 0) & (entries.kind == SymbolClass.RELATIVE))
        moved = entries.address + np.where(moves, np.uint64(self.kaslr), np.uint64(0))
        return moved & np.uint64((1 << self.kernel.image.abi.bits) - 1)

    @cached_property
    def extents(self) -> NDArray[np.int64]:
        """The distance of each kept row to the next address of the tables; 0 for the others and for the last."""
        kept = distinct(self.entries.address[self.entries.index >= 0])
        after = np.minimum(kept.searchsorted(self.entries.address, "right"), len(kept) - 1)
        distance = (kept[after] - self.entries.address).astype(np.int64)
        return np.where((self.entries.index >= 0) & (distance > 0), distance, 0)

    @cached_property
    def shadowed(self) -> NDArray[np.bool_]:
        """Which rows a lookup of their address does not find."""
        return np.asarray(self.entries.alias > 0)

    @cached_property
    def _trace_facts(self) -> Facts:
        return Facts(KernelFacts(self.kernel))

    def trace_rules(self, question: str) -> NDArray[np.int16]:
        """Return, for each entry of the symbol table, the rule that says no to who asks, or ``CAN``."""
        if question not in self._asked:
            self._asked[question] = ask(self._trace_facts, question)
        return self._asked[question]

    @cached_property
    def anchor(self) -> tuple[bytes, int] | None:
        """What a probe's distance is counted from."""
        return probe_anchor(self.kernel.symbols, self._kept_addresses)

    def _kept_addresses(self, symbols: list[int]) -> list[int]:
        """Return the addresses of those of some entries of the symbol table that are in the tables."""
        found = self.entries.rows_of(np.array(symbols, np.int64))
        addresses: list[int] = self.entries.address[found[self.entries.index[found] >= 0]].tolist()
        return addresses

    @cached_property
    def files(self) -> NDArray[np.int64]:
        """The STT_FILE entry of each entry of the symbol table."""
        return file_entries(self.kernel.symbols)

    def names(self, symbols: Which) -> Names:
        """Return the names of entries."""
        table = self.kernel.symbols
        return Names(table.strings, table.name_start[symbols], table.name_size[symbols])
