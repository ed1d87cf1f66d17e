# SPDX-License-Identifier: GPL-2.0-or-later
"""Facts about many symbols, each made when it is looked at: a glob may stand for every symbol of a kernel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, overload

import numpy as np

from elfsyms.inspect.explanation import SymbolFacts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from elfsyms.inspect.symbol_facts import FactsMaker

__all__ = ["LazyFacts", "entries_of_answer"]


class LazyFacts(Sequence[SymbolFacts]):
    """The facts about some entries, whose indices in ``.symtab`` are ``entries`` (int64)."""

    def __init__(self, maker: FactsMaker, entries: NDArray[np.int64]) -> None:
        """Take what makes facts, and the entries."""
        self._maker = maker
        self.entries = entries

    def __len__(self) -> int:
        """Return the number of symbols."""
        return len(self.entries)

    def __iter__(self) -> Iterator[SymbolFacts]:
        """Make them one by one; by default an IndexError of whatever damage would end a sequence early."""
        return (self._maker.facts(entry) for entry in self.entries.tolist())

    @overload
    def __getitem__(self, which: int) -> SymbolFacts: ...
    @overload
    def __getitem__(self, which: slice) -> LazyFacts: ...
    def __getitem__(self, which: int | slice) -> SymbolFacts | LazyFacts:
        """Make the facts about one symbol, or return those about some."""
        if isinstance(which, slice):
            return LazyFacts(self._maker, self.entries[which])
        return self._maker.facts(int(self.entries[which]))


def entries_of_answer(symbols: Sequence[SymbolFacts]) -> NDArray[np.int64]:
    """Return the entries of an answer without making facts about them."""
    if isinstance(symbols, LazyFacts):
        return symbols.entries
    return np.array([facts.symbol for facts in symbols], np.int64)
