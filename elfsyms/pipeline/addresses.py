# SPDX-License-Identifier: GPL-2.0-or-later
"""The address table: how each kept symbol's address is written, in the four forms of twenty years.

Follows ``scripts/kallsyms.c``: ``write_src``, ``symbol_absolute`` and the checks of the offsets. Which form and
which base a release has is in its traits. Knows nothing of names but to name a symbol that cannot be reached.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from elfsyms.pipeline.out_of_range import Reach, check_reach

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from elfsyms.image.elf import Abi
    from elfsyms.image.records import Records
    from elfsyms.pipeline.filters import Boundaries
    from elfsyms.releases.format_history import Release
    from elfsyms.releases.options import Options

__all__ = ["OFFSET_SIZE", "AddressSource", "Addresses", "encode_addresses", "lowest_of", "needs_first_codes"]

OFFSET_SIZE = 4  # bytes of an entry that is no whole address


@dataclass(frozen=True, slots=True, eq=False)
class Addresses:
    """The address table in one of its four forms; arrays have one element a symbol.

    ===========  ==========================================================================================
    form         ``value``
    ===========  ==========================================================================================
    word         uint64: an address where ``anchored`` is False, a distance from ``_text`` where it is True
    base         int64: the 32-bit offset from ``base``, as printed; ``base`` is a distance from ``_text``
    pc-relative  int64: the distance from ``_text``; the table holds that from each entry itself
    plain        uint64: the low 32 bits of the address
    ===========  ==========================================================================================
    """

    form: str
    value: NDArray[np.uint64] | NDArray[np.int64]
    anchored: NDArray[np.bool_] | None = None
    base: int = 0

    def entry_size(self, abi: Abi) -> int:
        """Return the bytes of one entry: a pointer's where the table has whole addresses, else 4."""
        return abi.word if self.form == "word" else OFFSET_SIZE


@dataclass(frozen=True, slots=True, eq=False)
class AddressSource:
    """What the address table depends on: records in table order, which are per-CPU (bool), and by what rules."""

    records: Records
    percpu: NDArray[np.bool_]
    boundaries: Boundaries
    release: Release
    options: Options


def encode_addresses(source: AddressSource, first_codes: NDArray[np.uint8]) -> Addresses:
    """Make the address table.

    ``first_codes`` (uint8) are the first codes of the compressed symbols; one era alone looks at them, the one
    that :func:`needs_first_codes` tells. Raises :class:`OutOfRangeError`.
    """
    if source.release.no_relative_base:
        return _pc_relative(source) if source.options.pc_relative else _plain(source)
    if source.release.relative == "always" or source.options.base_relative:
        return _offsets(source)
    return _words(source, first_codes)


def needs_first_codes(release: Release, options: Options) -> bool:
    """Tell whether the address table depends on the compressed symbols (``number_by``, until 4.5)."""
    relative = release.no_relative_base or release.relative == "always" or options.base_relative
    return not relative and release.addresses == "text" and release.number_by == "first code"


def _words(source: AddressSource, first_codes: NDArray[np.uint8]) -> Addresses:
    """Encode as ``kallsyms_addresses``.

    Until 4.5 an absolute symbol's address is a plain number. The generator looks for the letter A when the
    symbol is compressed already: where a token hides the letter it misses it, and where the code of a token
    happens to be that of A or a, it takes the symbol for absolute. What it prints is what counts.
    """
    records = source.records
    if source.release.addresses == "number":
        return Addresses("word", records.address, np.zeros(len(records), np.bool_))
    by_percpu = source.release.number_by == "percpu"
    number = source.percpu if by_percpu else np.isin(first_codes, list(b"Aa"))
    distance = records.address - np.uint64(source.boundaries.text)
    return Addresses("word", np.where(number, records.address, distance), ~number)


def _plain(source: AddressSource) -> Addresses:
    """Encode as 32-bit numbers: 7.0 and later without ``--pc-relative``."""
    return Addresses("plain", source.records.address & np.uint64(0xFFFFFFFF))


def _pc_relative(source: AddressSource) -> Addresses:
    """Encode as PC-relative offsets; what the generator checks is the distance from ``_text``."""
    text = source.boundaries.text
    distance = (source.records.address - np.uint64(text)).astype(np.int64)
    wrong = (distance < -(1 << 31)) | (distance >= 1 << 31)
    everyone = np.ones(len(wrong), np.bool_)
    check_reach(source.records, everyone, wrong, Reach(text, "_text", 1 << 31, "2 GiB either way"))
    return Addresses("pc-relative", distance)


def _offsets(source: AddressSource) -> Addresses:
    """Encode as ``kallsyms_offsets`` from a base; per-CPU symbols as themselves, the others then negative."""
    base = _base(source)
    distance = (source.records.address - np.uint64(base)).astype(np.int64)
    name = f"the relative base {base:#x}{_whose(source, base)}"
    percpu = source.percpu
    if not source.options.absolute_percpu:
        wrong = (distance < 0) | (distance > 0xFFFFFFFF)
        everyone = np.ones(len(wrong), np.bool_)
        check_reach(source.records, everyone, wrong, Reach(base, name, 1 << 32, "4 GiB above it"))
        return Addresses("base", distance, base=base - source.boundaries.text)
    value = np.where(percpu, source.records.address.astype(np.int64), -distance - 1)
    high = percpu & ((value < 0) | (value >= 1 << 31))
    check_reach(source.records, high, high, Reach(0, "0, as a per-CPU symbol", 1 << 31, "2 GiB above it"))
    wrong = ~percpu & ((value < -(1 << 31)) | (value >= 0))
    check_reach(source.records, ~percpu, wrong, Reach(base, name, 1 << 31, "2 GiB above it"))
    return Addresses("base", value, base=base - source.boundaries.text)


def _base(source: AddressSource) -> int:
    """Return the relative base, by the release's rule."""
    if source.release.base == "lowest":
        return source.boundaries.lowest
    address = source.records.address
    among = address if source.release.base == "first" else address[~source.percpu]
    return int(among[0]) if len(among) else 0


def lowest_of(records: Records, percpu: NDArray[np.bool_]) -> int:
    """Return the lowest address of the records that are not per-CPU, 0 where there is none."""
    among = records.address[~percpu]
    return int(among.min()) if len(among) else 0


def _whose(source: AddressSource, base: int) -> str:
    """Name the symbol that the base is the address of: often it, not the one out of range, is the stray one."""
    indices = np.flatnonzero(source.records.address == np.uint64(base))
    return f" (of {source.records.name(int(indices[0])).decode('utf-8', 'replace')})" if len(indices) else ""
