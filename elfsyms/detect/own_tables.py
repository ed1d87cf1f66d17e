# SPDX-License-Identifier: GPL-2.0-or-later
"""What a finished kernel's own tables say of the options that they were made with: letters, count, offsets.

Just enough of the tables is read for that, and only when an option is asked for that nothing else told; reading
them whole is ``decode``'s. Where a table has no bytes, as in a sample of a kernel, nothing is told.

Follows ``kernel/kallsyms.c``: ``kallsyms_get_symbol_type`` and ``kallsyms_sym_address``.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from elfsyms.detect.name_records import first_codes
from elfsyms.releases.matchers import begin_with
from elfsyms.releases.table_labels import CODES, address_of, table_width

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from elfsyms.image.elf import Abi, Image
    from elfsyms.image.records import Records
    from elfsyms.image.symbols import SymbolTable
    from elfsyms.releases.format_history import Release

__all__ = ["OwnTables", "follows_percpu_rule", "kept_anyway"]

_ALL_ONES = 0xFFFFFFFF
_LONGEST_TOKENS = 1 << 17


@dataclass(frozen=True, eq=False)
class OwnTables:
    """The tables of an image, by the addresses of their labels; ``release`` says how they are written."""

    image: Image
    addresses: Mapping[str, int]
    release: Release

    @property
    def abi(self) -> Abi:
        """For whom the image is."""
        return self.image.abi

    def number(self, table: str, index: int = 0) -> int:
        """Return an entry of a table without sign; 0 where there is none."""
        width = table_width(table, self.release, self.abi)
        address = self.addresses.get(table)
        data = self.image.read(address + index * width, width) if address else None
        return int.from_bytes(data or b"", "little" if self.abi.byte_order == "<" else "big")

    @cached_property
    def count(self) -> int:
        """How many symbols ``kallsyms_num_syms`` says there are; 0 where it says nothing."""
        return self.number("num_syms")

    @cached_property
    def letters(self) -> Counter[int]:
        """How many symbols have each letter (an ASCII code); empty where the tables have no bytes."""
        numbers = np.bincount(self._first_codes(), minlength=CODES).tolist()
        found: Counter[int] = Counter()
        for letter, number in zip(self._first_letters(), numbers, strict=True):
            if number and letter is None:
                return Counter()
            if number:
                found[letter or 0] += number
        return found

    def _first_codes(self) -> NDArray[np.uint8]:
        """Return the first code of each record; none where a record is not there whole."""
        address = self.addresses.get("names", 0)
        stream = self.image.read_some(address, self._room("names")) if address else b""
        return first_codes(stream, self.count, self.release.length_encoding, self._markers())

    def _markers(self) -> NDArray[np.int64]:
        """Return where each 256th record begins, as a table says; none where it has no bytes."""
        width = table_width("markers", self.release, self.abi)
        address = self.addresses.get("markers")
        data = self.image.read(address, -(-self.count // CODES) * width) if address else None
        return np.frombuffer(data or b"", f"{self.abi.byte_order}u{width}").astype(np.int64)

    def _room(self, table: str) -> int:
        """Return the bytes up to the next label, or all there are."""
        address = self.addresses[table]
        behind = [other for other in self.addresses.values() if other > address]
        return min(behind) - address if behind else 1 << 30

    def _first_letters(self) -> list[int | None]:
        """Return what the text of each code begins with, None for no text; a code is itself without tokens."""
        address = self.addresses.get("token_table")
        if address is None:
            return list(range(CODES))
        tokens = self.image.read_some(address, _LONGEST_TOKENS).split(b"\0", CODES)[:CODES]
        first = [token[0] if token else None for token in tokens]
        return first + [None] * (CODES - len(first))

    @cached_property
    def percpu_rule(self) -> bool | None:
        """Whether the offsets follow ``--absolute-percpu``; None where they do not tell."""
        address, base = self.addresses.get("offsets"), self.number("relative_base")
        data = self.image.read(address, 4 * self.count) if address and self.count else None
        if not data or not any(data):
            return None
        offset = np.frombuffer(data, f"{self.abi.byte_order}u4").astype(np.int64)
        return follows_percpu_rule(offset, base, self.abi.bits)


def follows_percpu_rule(offset: NDArray[np.int64], base: int, bits: int) -> bool | None:
    """Tell whether offsets (int64, without sign) follow ``--absolute-percpu``; None where either may be.

    Tables are in the order of their addresses, so of the two readings the one that ascends is right; the one that
    ascends more, for a table may be damaged.
    """
    mask = np.uint64((1 << bits) - 1)
    origin = np.uint64(base).astype(np.int64)
    signed = offset.astype(np.int32).astype(np.int64)
    if bool((signed >= 0).all()):  # by that rule, not a symbol would move with the kernel
        return False
    by_rule = np.where(signed >= 0, signed, origin - 1 - signed).astype(np.uint64) & mask
    plain = (origin + offset).astype(np.uint64) & mask
    falls, falls_plain = (int((address[1:] < address[:-1]).sum()) for address in (by_rule, plain))
    if falls != falls_plain:
        return falls < falls_plain
    return True if bool((offset == _ALL_ONES).any()) else None


def kept_anyway(lines: Records, table: SymbolTable, release: Release) -> NDArray[np.bool_]:
    """Mark the lines (bool) that need no ``--all-symbols``.

    These lie in a text range of the release, both ends included, or begin with what is kept wherever it lies.
    """
    inside = begin_with(lines, release.kept_prefixes)
    for pair in release.ranges:
        first, last = (address_of(table, name.encode()) for name in pair)
        if first is not None and last is not None:
            inside |= (lines.address >= np.uint64(first)) & (lines.address <= np.uint64(last))
    return inside
