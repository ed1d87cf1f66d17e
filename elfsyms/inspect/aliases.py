# SPDX-License-Identifier: GPL-2.0-or-later
"""Where a kept symbol stands: among its aliases at one address, and among the symbols of its name.

A lookup by address finds the first alias only (``kernel/kallsyms.c``, ``get_symbol_pos``), so that the others
are shadowed: the kernel finds them by name, but no trace ever shows them. A lookup by name that finds several
symbols is decided by *sympos*, the number of the one meant, counted from 1 in table order
(``kernel/livepatch/core.c``).
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import numpy as np

from elfsyms.pipeline.addressing import table_addresses
from elfsyms.pipeline.order import alias_keys

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from elfsyms.pipeline.kernel import Kernel

__all__ = ["DECIDERS", "Position", "Standing"]

# What decides between two aliases, the most important first; see order.alias_keys.
DECIDERS = {
    "full": ("weak", "linker script", "underscores"),
    "weak last": ("weak",),
    "listed": (),
}
_SIDES: tuple[Literal["left"], Literal["right"]] = ("left", "right")
_FEW = 16  # names


@dataclass(frozen=True, slots=True)
class Position:
    """Where a symbol stands in the tables.

    ``index`` counts in table order, from 0; ``aliases`` are the entries at its address, itself
    included, in table order. Where another sorts first, ``decided_by`` tells what put it there: ``weak``,
    ``linker script``, ``underscores``, or ``map`` for the order of the map (nm's: by name). ``sympos`` counts
    from 1 among the ``same_name``, the entries of the same name in table order.
    """

    index: int
    count: int
    aliases: tuple[int, ...]
    decided_by: str
    sympos: int
    same_name: tuple[int, ...]

    @property
    def shadowed(self) -> bool:
        """Tell whether a lookup by address finds another symbol."""
        return bool(self.decided_by)


class Standing:
    """The kept symbols of a kernel in table order, made once for many questions."""

    def __init__(self, kernel: Kernel) -> None:
        """Order the kept symbols."""
        self._kernel = kernel
        self.records, self.percpu = kernel.ordered.records, kernel.ordered.percpu
        self.addresses = table_addresses(kernel)
        self._asked = 0
        self._many: dict[bytes | int, tuple[int, ...]] = {}  # by name or address

    @cached_property
    def _index(self) -> NDArray[np.int64]:
        """The index of every entry of the symbol table, -1 where it is not in the tables."""
        index = np.full(len(self._kernel.symbols), -1, np.int64)
        index[self.records.symbol] = np.arange(len(self.records))
        return index

    @cached_property
    def _by_name(self) -> dict[bytes, list[int]]:
        """The indices of the symbols of each name."""
        indices: dict[bytes, list[int]] = {}
        for index, name in enumerate(self.records.names()):
            indices.setdefault(name, []).append(index)
        return indices

    def index(self, symbol: int) -> int | None:
        """Return the index in table order of an entry, None where it is not in the tables."""
        index = int(self._index[symbol])
        return index if index >= 0 else None

    def at(self, address: int) -> range:
        """Return the indices of the symbols at an address, by binary search as the kernel does it."""
        left, right = (int(self.addresses.searchsorted(np.uint64(address), side)) for side in _SIDES)
        return range(left, right)

    def shadowed(self, symbols: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Tell which of some entries, all of them in the tables, a lookup by address does not find."""
        index = self._index[symbols]
        return np.asarray(self.addresses.searchsorted(self.addresses[index], "left") != index)

    def before(self, address: int) -> int | None:
        """Return the index that a lookup of an address finds: the first alias at or next below it."""
        end = int(self.addresses.searchsorted(np.uint64(address), "right"))
        return self.at(int(self.addresses[end - 1]))[0] if end else None

    def extent(self, index: int) -> int:
        """Return the size that a trace prints for the symbol at an index: the distance to the next address.

        The last symbol ends where ``get_symbol_pos`` lets it: with the image, or with its text.
        """
        address = int(self.addresses[index])
        after = int(self.addresses.searchsorted(self.addresses[index], "right"))
        if after < len(self.addresses):
            return int(self.addresses[after]) - address
        ends = (b"_einittext", b"_end" if self._kernel.options.all_symbols else b"_etext")
        known = (self._kernel.symbols.address_of(name) for name in ends)
        return next((end - address for end in known if end is not None and end > address), 0)

    def position(self, symbol: int) -> Position | None:
        """Return where an entry stands, None where it is not in the tables."""
        index = self.index(symbol)
        if index is None:
            return None
        aliases = self.at(int(self.addresses[index]))
        same_name = self._same_name(self.records.name(index))
        return Position(
            index=index,
            count=len(self.records),
            aliases=self._symbols(int(self.addresses[index]), aliases),
            decided_by=self._decider(aliases[0], index) if aliases[0] != index else "",
            sympos=bisect_left(same_name, index) + 1,
            same_name=self._symbols(self.records.name(index), same_name),
        )

    def _symbols(self, key: bytes | int, indices: Sequence[int]) -> tuple[int, ...]:
        """Return the entries at some indices; those that many share are kept, or each would have a copy."""
        found = self._many.get(key)
        if found is None:
            found = tuple(int(self.records.symbol[i]) for i in indices)
            if len(found) > _FEW:
                self._many[key] = found
        return found

    def _same_name(self, name: bytes) -> list[int]:
        """Return the indices of the symbols of a name, ascending.

        One name is looked for in the string table; for many, all names are put in a dictionary, once. Records that
        were read from text may have other names than their symbols.
        """
        self._asked += 1
        if self._asked > _FEW or self.records.pool is not self._kernel.symbols.strings:
            return self._by_name[name]
        indices = (self.index(symbol) for symbol in self._kernel.symbols.find(name))
        return sorted(index for index in indices if index is not None)

    def _decider(self, first: int, other: int) -> str:
        """Return what puts one alias before another: the first key in which they differ."""
        release = self._kernel.release
        deciders = DECIDERS[release.order]
        if deciders:
            keys = alias_keys(self.records, np.array([first, other]), release)
            for decider, key in zip(deciders, keys, strict=True):
                if key[0] != key[1]:
                    return decider
        return "map"
