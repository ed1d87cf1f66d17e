# SPDX-License-Identifier: GPL-2.0-or-later
"""Every entry of ``.symtab`` with its fate and its index in the tables, as columns.

What :mod:`elfsyms.inspect.explain` says about one symbol, said of all at once, for those who show or store whole
kernels: array steps over what the pipeline made anyway, a tenth of a second for 200,000 entries. Rows are in
the order of their addresses, and at one address the tables' own, so that aliases stand side by side.

Leaves out the sentences, which ``explain`` makes of the same facts.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from elfsyms.errors import EncodeError
from elfsyms.image.sorting import ascending
from elfsyms.image.symbols import classify
from elfsyms.inspect.aliases import DECIDERS
from elfsyms.pipeline.addressing import addresses_of, moving, seen_address, table_addresses
from elfsyms.pipeline.order import alias_keys

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from elfsyms.image.records import Records
    from elfsyms.pipeline.addresses import Addresses
    from elfsyms.pipeline.kernel import Kernel

__all__ = ["BY_MAP", "NOT_IN_TABLES", "Entries", "Ranks", "entries_of_kernel"]

NOT_IN_TABLES = -1
BY_MAP = len(DECIDERS["full"])  # aliases that no key tells apart stand as nm lists them


@dataclass(frozen=True, slots=True, eq=False)
class Ranks:
    """Where the kept symbols stand, one element each, in table order.

    ``alias`` (int64) counts from 0 among the ``aliases`` (int64) symbols at one address; only alias 0 is found
    by a lookup of the address. ``sympos`` (int64) counts from 1 among the ``alike`` (int64) symbols of one name.
    """

    alias: NDArray[np.int64]
    aliases: NDArray[np.int64]
    sympos: NDArray[np.int64]
    alike: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Entries:
    """Columns of one length, a row an entry of ``.symtab``.

    ``symbol`` (int64) is the entry's index there, ``address`` (uint64) as wide as the kernel's pointers,
    ``letter`` (uint8) the tables', or nm's where it is dropped; ``rule`` and ``map_rule`` (int16) as in
    :class:`elfsyms.pipeline.filters.Verdicts`; ``kind`` (uint8) a ``SymbolClass``. ``index`` (int64) is the index
    in table order, -1 for what is not in the tables; ``alias`` to ``alike`` as in :class:`Ranks`, there -1.
    ``stored`` (int64) is the number in the address table, ``moves`` whether it goes with KASLR, ``percpu``
    whether it is marked per-CPU. ``problem`` is the sentence with which the address table fails, if it does.
    """

    symbol: NDArray[np.int64]
    address: NDArray[np.uint64]
    size: NDArray[np.uint64]
    section: NDArray[np.int64]
    binding: NDArray[np.uint8]
    type: NDArray[np.uint8]
    kind: NDArray[np.uint8]
    letter: NDArray[np.uint8]
    nm_letter: NDArray[np.uint8]
    rule: NDArray[np.int16]
    map_rule: NDArray[np.int16]
    index: NDArray[np.int64]
    stored: NDArray[np.int64]
    moves: NDArray[np.bool_]
    percpu: NDArray[np.bool_]
    addresses: Addresses | None
    problem: str
    kernel: Kernel

    @cached_property
    def ranks(self) -> Ranks:
        """Where the kept symbols stand, in table order: made when it is first asked for."""
        return ranks_of(self.kernel, self.kernel.ordered.records)

    @cached_property
    def alias(self) -> NDArray[np.int64]:
        """See :class:`Ranks`, as are the next."""
        return self._spread(self.ranks.alias)

    @cached_property
    def aliases(self) -> NDArray[np.int64]:
        """How many are at its address."""
        return self._spread(self.ranks.aliases)

    @cached_property
    def decider(self) -> NDArray[np.int64]:
        """What put the first alias before it: an index in ``DECIDERS["full"]``, :data:`BY_MAP` for the map's order.

        -1 for a first alias.
        """
        first = np.arange(len(self.ranks.alias)) - self.ranks.alias
        return self._spread(_deciders(self.kernel, self.kernel.ordered.records, first).astype(np.int64))

    @cached_property
    def sympos(self) -> NDArray[np.int64]:
        """Its number among those of its name."""
        return self._spread(self.ranks.sympos)

    @cached_property
    def alike(self) -> NDArray[np.int64]:
        """How many have its name."""
        return self._spread(self.ranks.alike)

    def _spread(self, ranks: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return what is said of kept symbols for every row."""
        values = np.append(ranks, NOT_IN_TABLES)  # the last is that of an index of -1
        return np.asarray(values[self.index])

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.symbol)

    def rows_of(self, symbols: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the rows of some entries of the symbol table."""
        row = np.empty(len(self), np.int64)
        row[self.symbol] = np.arange(len(self))
        return row[symbols]


def entries_of_kernel(kernel: Kernel) -> Entries:
    """Return the columns of every entry of a kernel's symbol table."""
    table, verdicts = kernel.symbols, kernel.verdicts
    records, percpu = kernel.ordered.records, kernel.ordered.percpu
    addresses, problem = _addresses(kernel)

    def spread(values: NDArray[np.int64], none: int = NOT_IN_TABLES) -> NDArray[np.int64]:
        column = np.full(len(table), none, np.int64)
        column[records.symbol] = values
        return column

    index = spread(np.arange(len(records)))
    letter = kernel.listing.letters.copy()
    letter[records.symbol] = records.letter
    address = seen_address(kernel, table.value)
    order = ascending(address, index)
    stored = addresses.value.astype(np.int64) if addresses else np.zeros(len(records), np.int64)
    moves = moving(addresses, percpu) if addresses else np.zeros(len(records), np.bool_)
    return Entries(
        symbol=order,
        address=address[order],
        size=table.size[order],
        section=table.section[order],
        binding=table.binding[order],
        type=table.type[order],
        kind=classify(table)[order],
        letter=letter[order],
        nm_letter=kernel.listing.letters[order],
        rule=verdicts.rule[order],
        map_rule=verdicts.map_rule[order],
        index=index[order],
        stored=spread(stored, 0)[order],
        moves=spread(moves.astype(np.int64), 0)[order] > 0,
        percpu=spread(percpu.astype(np.int64), 0)[order] > 0,
        addresses=addresses,
        problem=problem,
        kernel=kernel,
    )


def ranks_of(kernel: Kernel, records: Records) -> Ranks:
    """Return where records in table order stand among their aliases and among symbols of their names."""
    address = table_addresses(kernel)
    begin = np.flatnonzero(np.append(True, address[1:] != address[:-1])[: len(address)])
    sizes = np.diff(begin, append=len(address))
    names = kernel.equal_names
    return Ranks(
        alias=np.arange(len(records)) - np.repeat(begin, sizes),
        aliases=np.repeat(sizes, sizes),
        sympos=names.number,
        alike=names.count,
    )


def _addresses(kernel: Kernel) -> tuple[Addresses | None, str]:
    try:
        return addresses_of(kernel), ""
    except EncodeError as error:
        return None, str(error)


def _deciders(kernel: Kernel, records: Records, first: NDArray[np.int64]) -> NDArray[np.int8]:
    """Find what puts the first alias before each of the others: the first key in which they differ."""
    decider = np.full(len(records), -1, np.int8)
    shadowed = np.flatnonzero(first != np.arange(len(records)))
    decider[shadowed] = BY_MAP
    if not DECIDERS[kernel.release.order] or not len(shadowed):
        return decider
    ahead = alias_keys(records, first[shadowed], kernel.release)
    behind = alias_keys(records, shadowed, kernel.release)
    for index in reversed(range(len(ahead))):
        decider[shadowed[ahead[index] != behind[index]]] = index
    return decider
