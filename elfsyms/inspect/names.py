# SPDX-License-Identifier: GPL-2.0-or-later
"""Entries by name, for one question or for very many.

One name is looked for in the string table, in a millisecond; from the second dozen on all names are put into a
dictionary, which costs as much as a hundred such searches. Names that may be meant instead are found in the
same two ways; past a dozen absent names only variants are looked for, by their stem, and no close spellings.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from elfsyms.image.suffixes import base_name
from elfsyms.inspect.similar import Near, close_spellings, variant_reason, variants

if TYPE_CHECKING:
    from elfsyms.pipeline.kernel import Kernel

__all__ = ["NameIndex"]

_FEW = 12  # questions


class NameIndex:
    """The names of a kernel's symbol table."""

    def __init__(self, kernel: Kernel) -> None:
        """Take a kernel; nothing is read yet."""
        self._kernel = kernel
        self._asked = self._absent = 0

    @property
    def many(self) -> bool:
        """Whether so many names were asked for that each gets a short answer."""
        return self._asked > _FEW

    def find(self, name: bytes) -> list[int]:
        """Return the entries of a name, in the table's order."""
        self._asked += 1
        return self._by_name.get(name, []) if self.many else self._kernel.symbols.find(name)

    def near(self, name: bytes, *, spellings: bool) -> list[Near]:
        """Return variants of a name, and where there are none, with ``spellings``, names a slip or two away."""
        lines = self._kernel.listing.lines
        self._absent += spellings
        if self._absent > _FEW:
            return self._near_by_stem(name)
        found = variants(lines, name)
        return found or (close_spellings(lines, name) if spellings else [])

    def _near_by_stem(self, name: bytes) -> list[Near]:
        names = self._kernel.symbols
        found = [(symbol, names.name(symbol)) for symbol in self._by_stem.get(base_name(name), ())]
        return [Near(symbol, other, variant_reason(name, other)) for symbol, other in found if other != name]

    @cached_property
    def _by_name(self) -> dict[bytes, list[int]]:
        table = self._kernel.symbols
        ends = (table.name_start + table.name_size).tolist()
        entries: dict[bytes, list[int]] = {}
        for symbol, (start, end) in enumerate(zip(table.name_start.tolist(), ends, strict=True)):
            entries.setdefault(table.strings[start:end], []).append(symbol)
        return entries

    @cached_property
    def _by_stem(self) -> dict[bytes, list[int]]:
        """The listed symbols whose names compilers changed, by what the source calls them."""
        lines = self._kernel.listing.lines
        stems: dict[bytes, list[int]] = {}
        for symbol, name in zip(lines.symbol.tolist(), lines.names(), strict=True):
            if b"." in name:
                stems.setdefault(base_name(name), []).append(symbol)
        return stems
