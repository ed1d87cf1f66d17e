# SPDX-License-Identifier: GPL-2.0-or-later
"""The tables themselves, as typed arrays.

Takes the kept records of a release through order and compression, and encodes their addresses. What it makes is
the meaning of each table (numbers, offsets, texts); ``layout.py`` turns it into bytes, ``writers/assembly.py`` into
text. Follows ``scripts/kallsyms.c``, ``write_src``. The address table is in ``addresses.py``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from elfsyms.errors import EncodeError
from elfsyms.image.records import gather
from elfsyms.pipeline.addresses import AddressSource, encode_addresses
from elfsyms.pipeline.background import Background
from elfsyms.pipeline.compress import PairsRunOutError, compress_pairs, leave_plain
from elfsyms.pipeline.names import NameTables, cached_names
from elfsyms.pipeline.order import is_name_order, name_order
from elfsyms.pipeline.shared_order import in_table_order, shared_order
from elfsyms.pipeline.spare_memory import LARGE, release_free_memory
from elfsyms.pipeline.substrings import compress_substrings
from elfsyms.releases.table_labels import written_tables

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from elfsyms.image.elf import Abi
    from elfsyms.image.records import Records
    from elfsyms.pipeline.addresses import Addresses
    from elfsyms.pipeline.cache import PassCache
    from elfsyms.pipeline.compress import Compressed
    from elfsyms.pipeline.filters import Boundaries
    from elfsyms.pipeline.order import Ordered
    from elfsyms.releases.format_history import Release
    from elfsyms.releases.options import Options

__all__ = [
    "Tables",
    "check_count",
    "compress_names",
    "length_sizes",
    "make_tables",
    "name_sizes",
    "table_names",
    "with_letters",
]

_MARKER_STEP = 256
_MOST_SEQUENCES = 1 << 24
_LONGEST_SHORT = 0x7F  # what one byte of ULEB128 can say
_LONGEST_ULEB = 0x3FFF
_LONGEST_BYTE = 0xFF


@dataclass(frozen=True, slots=True, eq=False)
class Tables:
    """Every table of a release.

    ``records`` are the symbols in table order; the stream of ``names`` has one piece a symbol of ``name_sizes``
    (int64) bytes, lengths included; ``markers`` (int64) are the offsets in it of every 256th symbol; ``sequences``
    (int64) the symbols' indices in the order of their names, empty where the release has no such table.
    """

    release: Release
    options: Options
    abi: Abi
    records: Records
    percpu: NDArray[np.bool_]
    boundaries: Boundaries
    addresses: Addresses
    compressed: Compressed
    name_sizes: NDArray[np.int64]
    markers: NDArray[np.int64]
    token_index: tuple[int, ...]
    sequences: NDArray[np.int64]

    @property
    def names(self) -> NDArray[np.uint8]:
        """The stream of lengths and codes (uint8), made whenever it is asked for: who writes it asks once."""
        return _name_stream(self.compressed, self.name_sizes)

    def labels(self) -> tuple[str, ...]:
        """Return the tables that this release writes with these options, in their order."""
        return table_names(self.release, self.options, self.addresses)

    def overlong(self) -> dict[int, int]:
        """Return the names with more codes than their length's byte can tell, by index, with how many they have.

        Before names had a limit (3.13) the generator printed such a length whole, and the assembler cut it: the
        kernel loses its way in the names from there on.
        """
        if self.release.length_encoding != "byte" or self.release.compression == "substrings":
            return {}
        lengths = self.name_sizes - 1
        return {int(index): int(lengths[index]) for index in np.flatnonzero(lengths > _LONGEST_BYTE)}


def make_tables(
    ordered: Ordered,
    boundaries: Boundaries,
    release: Release,
    options: Options,
    abi: Abi,
    cache: PassCache | None = None,
) -> Tables:
    """Make the tables of the kept symbols; ``cache`` remembers what their names alone decide.

    Raises :class:`EncodeError` for a symbol out of range, too many symbols, or none where the release needs one.
    """
    records, percpu = ordered.records, ordered.percpu
    check_count(len(records), release, options)
    source = AddressSource(records, percpu, boundaries, release, options)
    compressed, sequences = _names(records, release, options, cache)
    sizes = name_sizes(compressed, release)
    lengths = np.cumsum([len(text) + 1 for text in compressed.tokens])
    return Tables(
        release=release,
        options=options,
        abi=abi,
        records=records,
        percpu=percpu,
        boundaries=boundaries,
        addresses=encode_addresses(source, compressed.first_codes()),
        compressed=compressed,
        name_sizes=sizes,
        markers=(np.cumsum(sizes) - sizes)[::_MARKER_STEP].copy(),  # or all of them stay in memory
        token_index=(0, *lengths[:-1].tolist()),
        sequences=sequences,
    )


def with_letters(records: Records) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Lay letter and name of each record one after the other, each followed by a zero.

    Returns the bytes, and the size of each without its zero.
    """
    sizes = records.size + 2
    # What stands around a name in its pool comes along, and makes room for letter and zero.
    material = gather(np.frombuffer(records.pool, np.uint8), records.start - 1, sizes)
    ends = np.cumsum(sizes)
    material[ends - 1] = 0
    material[ends - sizes] = records.letter
    return material, sizes - 1


def table_names(release: Release, options: Options, addresses: Addresses) -> tuple[str, ...]:
    """Return the tables that a release writes with some options and addresses, in their order."""
    whole = addresses.form == "word"
    return written_tables(release, whole_addresses=whole, uncompressed=options.uncompressed)


def check_count(count: int, release: Release, options: Options) -> None:
    """Raise :class:`EncodeError` where a release has no tables of so many symbols."""
    every = options.all_symbols
    if count == 0 and not release.empty_allowed:
        raise EncodeError(
            f"no symbol is left for the tables, and {release.name} makes none without ('No valid symbol.'): "
            f"{'' if every else 'give --all-symbols, or '}see 'elfsyms ledger' for the rules that dropped them"
        )
    if release.sequence_width == 3 and count > _MOST_SEQUENCES:
        raise EncodeError(
            f"{count:,} symbols are more than kallsyms_seqs_of_names can count (3 bytes: {_MOST_SEQUENCES:,}): "
            f"keep fewer{', with --no-all-symbols' if every else ''}"
        )


def _names(records: Records, release: Release, options: Options, cache: PassCache | None) -> NameTables:
    """Compress the names and put them in order, or take both from an earlier pass over the same names."""
    cut = release.lto_cut if options.lto_clang else ""
    order = None
    if cache is not None and not cut and release.compression != "substrings":
        order = shared_order(records)
        records = records.take(order)
    material, sizes = with_letters(records)

    def make() -> NameTables:
        sequences = Background(_sequences, records, release, options)
        if len(records) > LARGE:  # two things done at once take too much memory
            sequences.result()
            release_free_memory(len(records))
        compressed = _compress(material, sizes, release, options, in_place=cache is None)
        release_free_memory(len(records))
        return compressed, sequences.result()

    def is_order(sequences: NDArray[np.int64]) -> bool:
        if not release.sequence_width:
            return not len(sequences)
        return is_name_order(sequences, records, release, lto_clang=options.lto_clang)

    compression = "none" if options.uncompressed else release.compression
    settings = (compression, release.stops_at_zero, release.sequence_width > 0, cut)
    names = make() if cache is None else cached_names(cache, material, sizes, settings, make, is_order)
    return names if order is None else in_table_order(names, order)


def compress_names(records: Records, release: Release, options: Options) -> Compressed:
    """Compress the names of records with their letters; raises what :func:`make_tables` does for names."""
    material, sizes = with_letters(records)
    return _compress(material, sizes, release, options, in_place=True)


def _sequences(records: Records, release: Release, options: Options) -> NDArray[np.int64]:
    if not release.sequence_width:
        return np.empty(0, np.int64)
    return name_order(records, release, lto_clang=options.lto_clang)


def _compress(
    material: NDArray[np.uint8],
    sizes: NDArray[np.int64],
    release: Release,
    options: Options,
    *,
    in_place: bool,
) -> Compressed:
    if options.uncompressed:
        return leave_plain(material, sizes)
    try:
        if release.compression == "substrings":
            return compress_substrings(material, sizes)
        return compress_pairs(material, sizes, stops_at_zero=release.stops_at_zero, in_place=in_place)
    except PairsRunOutError:
        raise EncodeError(
            f"{len(sizes)} symbols are too few for {release.name}, whose token search does not end when no pair "
            "is left: give --release 3.0 or later, or more symbols"
        ) from None


def length_sizes(codes: NDArray[np.int64], release: Release) -> NDArray[np.int64]:
    """Return how many bytes (int64) the length of each of some names takes, which have so many codes."""
    return np.where((codes > _LONGEST_SHORT) & (release.length_encoding == "uleb128"), 2, 1)


def name_sizes(compressed: Compressed, release: Release) -> NDArray[np.int64]:
    """Return the bytes of each symbol in the stream of names (int64), its length included.

    Raises :class:`EncodeError` for a name whose length cannot be told.
    """
    sizes = compressed.sizes
    if release.length_encoding == "uleb128" and len(sizes) and int(sizes.max()) > _LONGEST_ULEB:
        raise EncodeError(
            f"a name of {int(sizes.max())} codes is longer than two bytes of ULEB128 can tell ({_LONGEST_ULEB}): "
            "shorten it"
        )
    return length_sizes(sizes, release) + sizes


def _name_stream(compressed: Compressed, whole: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Put its length before each symbol's codes: one byte, or ULEB128 of at most two."""
    sizes = compressed.sizes
    two = whole - sizes > 1
    start = np.cumsum(whole) - whole
    stream = np.empty(int(whole.sum()), np.uint8)
    codes = np.ones(len(stream), np.bool_)
    stream[start] = np.where(two, (sizes & 0x7F) | 0x80, sizes & 0xFF)
    stream[start[two] + 1] = (sizes[two] >> 7) & 0x7F
    codes[start] = False
    codes[start[two] + 1] = False
    stream[codes] = compressed.codes
    return stream
