# SPDX-License-Identifier: GPL-2.0-or-later
"""The bytes of the tables as a treemap: by the section of the symbols, and in each by table.

What a symbol takes in its own right (its name, its address, its index in the sequence) counts under its section;
what all share (markers, tokens, the count, padding) is a box of its own. The boxes add up to the section's bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from elfsyms.pipeline.table_sizes import table_sizes
from elfsyms.report.treemap import Box, squarify

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from elfsyms.pipeline.tables import Tables

__all__ = ["SHARED", "Region", "SectionBytes", "regions", "section_bytes"]

_LEAST = 0.004  # of all bytes: smaller sections are one box together
_ASPECT = 2.2
_SHARED_TABLES = ("num_syms", "markers", "token_table", "token_index", "relative_base")
SHARED = "shared by all"


@dataclass(frozen=True, slots=True)
class SectionBytes:
    """The bytes that the symbols of a section take in all, by table; ``sections`` are those meant."""

    title: str
    sections: tuple[str, ...]
    symbols: int
    tables: dict[str, int]

    @property
    def total(self) -> int:
        """The sum over the tables."""
        return sum(self.tables.values())


@dataclass(frozen=True, slots=True)
class Region:
    """A section's box, and in it one for each table; both as shares of the whole."""

    bytes: SectionBytes
    box: Box
    parts: tuple[tuple[str, int, Box], ...]


def section_bytes(tables: Tables, names: Sequence[str], number: NDArray[np.int64]) -> list[SectionBytes]:
    """Count bytes by section, the largest first, what is shared last.

    ``number`` has for each symbol, in table order, the index of its section among ``names``.
    """
    count = np.bincount(number, minlength=len(names))
    stream = np.bincount(number, weights=tables.name_sizes.astype(np.float64), minlength=len(names))
    wide = tables.addresses.entry_size(tables.abi)
    address = "addresses" if tables.addresses.form == "word" else "offsets"
    found = [
        _one(name, int(count[i]), {"names": int(stream[i]), address: wide * int(count[i])}, tables)
        for i, name in enumerate(names)
    ]
    found.sort(key=lambda one: (-one.total, one.title))
    return [*_merged(found), _shared(tables)]


def regions(counted: Sequence[SectionBytes]) -> list[Region]:
    """Lay the sections out as a treemap, and their tables in each."""
    boxes = squarify([one.total for one in counted], aspect=_ASPECT)
    return [_region(one, box) for one, box in zip(counted, boxes, strict=True)]


def _region(one: SectionBytes, box: Box) -> Region:
    parts = sorted(one.tables.items(), key=lambda part: -part[1])
    inner = squarify([size for _, size in parts], box, _ASPECT)
    return Region(one, box, tuple((name, size, b) for (name, size), b in zip(parts, inner, strict=True)))


def _one(section: str, count: int, sizes: dict[str, int], tables: Tables) -> SectionBytes:
    if tables.release.sequence_width:
        sizes["seqs_of_names"] = tables.release.sequence_width * count
    return SectionBytes(section, (section,), count, sizes)


def _merged(found: list[SectionBytes]) -> list[SectionBytes]:
    """Put the small sections together."""
    whole = sum(one.total for one in found)
    large = [one for one in found if one.total >= _LEAST * whole]
    small = [one for one in found if one.total < _LEAST * whole]
    if len(small) < 2:
        return found
    sums: dict[str, int] = {}
    for one in small:
        for table, size in one.tables.items():
            sums[table] = sums.get(table, 0) + size
    names = tuple(one.title for one in small)
    return [
        *large,
        SectionBytes(f"{len(small)} small sections", names, sum(o.symbols for o in small), sums),
    ]


def _shared(tables: Tables) -> SectionBytes:
    sizes = table_sizes(tables)
    return SectionBytes(SHARED, (), 0, {label: sizes[label] for label in _SHARED_TABLES if label in sizes})
