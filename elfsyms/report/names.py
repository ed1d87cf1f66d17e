# SPDX-License-Identifier: GPL-2.0-or-later
"""What stands out among the names: those that several symbols have, and addresses that have several names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from elfsyms.inspect.entries import Entries
    from elfsyms.pipeline.kernel import Kernel

__all__ = ["Crowd", "Crowds", "duplicates", "shared_addresses"]

_MOST = 12


@dataclass(frozen=True, slots=True)
class Crowd:
    """Several symbols that have something in common: how many, and what to show of them."""

    count: int
    name: bytes
    others: tuple[bytes, ...]
    address: int


@dataclass(frozen=True, slots=True)
class Crowds:
    """How many crowds there are, how many symbols are in them, and the largest."""

    groups: int
    symbols: int
    largest: tuple[Crowd, ...]


def duplicates(kernel: Kernel, entries: Entries) -> Crowds:
    """Return the names that several symbols of the tables have."""
    first = np.flatnonzero((entries.sympos == 1) & (entries.alike > 1))
    largest = first[np.argsort(-entries.alike[first], kind="stable")][:_MOST]
    crowds = (
        Crowd(int(entries.alike[i]), _name(kernel, entries, i), (), int(entries.address[i]))
        for i in largest.tolist()
    )
    return Crowds(len(first), int((entries.alike > 1).sum()), tuple(crowds))


def shared_addresses(kernel: Kernel, entries: Entries) -> Crowds:
    """Return the addresses that several symbols of the tables have."""
    first = np.flatnonzero((entries.alias == 0) & (entries.aliases > 1))
    largest = first[np.argsort(-entries.aliases[first], kind="stable")][:_MOST]
    return Crowds(
        len(first),
        int((entries.aliases > 1).sum()),
        tuple(_aliases(kernel, entries, i) for i in largest.tolist()),
    )


def _aliases(kernel: Kernel, entries: Entries, first: int) -> Crowd:
    """Take the rows at the address of a first alias: they follow it, with some that were dropped among them."""
    end = int(entries.address.searchsorted(entries.address[first], "right"))
    rows = np.arange(first + 1, end)
    others = tuple(_name(kernel, entries, i) for i in rows[entries.alias[rows] > 0].tolist())
    return Crowd(len(others) + 1, _name(kernel, entries, first), others, int(entries.address[first]))


def _name(kernel: Kernel, entries: Entries, row: int) -> bytes:
    return kernel.symbols.name(int(entries.symbol[row]))
