# SPDX-License-Identifier: GPL-2.0-or-later
"""The tables themselves, as typed arrays.

Takes the kept records of a release through order and compression, and encodes their addresses. What it makes is
the meaning of each table (numbers, offsets, texts); ``layout.py`` turns it into bytes, ``writers/assembly.py`` into
text. Follows ``scripts/kallsyms.c``, ``write_src``; the eras of the address table are in the release's traits.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from elfsyms.compress import PairsRunOutError, compress_pairs
from elfsyms.errors import EncodeError
from elfsyms.order import name_order, table_order
from elfsyms.records import gather
from elfsyms.substrings import compress_substrings

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from elfsyms.compress import Compressed
    from elfsyms.elf import Abi
    from elfsyms.filters import Landmarks, Verdicts
    from elfsyms.options import Options
    from elfsyms.records import Records
    from elfsyms.releases import Release

__all__ = ["Addresses", "Tables", "make_tables", "with_letters"]

_MARKER_STEP = 256
_MOST_SEQUENCES = 1 << 24
_LONGEST_ULEB = 0x3FFF


@dataclass(frozen=True, slots=True, eq=False)
class Addresses:
    """The address table in one of its four forms; arrays have one element a symbol.

    ========  ==============================================================================================
    form      ``value``
    ========  ==============================================================================================
    word      uint64: an address where ``anchored`` is False, a distance from ``_text`` where it is True
    base      int64: the 32-bit offset from ``base``, as printed; ``base`` is a distance from ``_text``
    place     int64: the distance from ``_text``; the table holds that from each entry's own place
    plain     uint64: the low 32 bits of the address
    ========  ==============================================================================================
    """

    form: str
    value: NDArray[np.uint64] | NDArray[np.int64]
    anchored: NDArray[np.bool_] | None = None
    base: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Tables:
    """Every table of a release.

    ``records`` are the symbols in table order; ``names`` (uint8) is the stream of lengths and codes, with one
    piece a symbol of ``name_sizes`` (int64) bytes, lengths included; ``markers`` (int64) are the offsets in it of
    every 256th symbol; ``sequences`` (int64) the symbols' places in the order of their names, empty where the
    release has no such table.
    """

    release: Release
    options: Options
    abi: Abi
    records: Records
    percpu: NDArray[np.bool_]
    landmarks: Landmarks
    addresses: Addresses
    compressed: Compressed
    names: NDArray[np.uint8]
    name_sizes: NDArray[np.int64]
    markers: NDArray[np.int64]
    token_index: tuple[int, ...]
    sequences: NDArray[np.int64]

    def labels(self) -> tuple[str, ...]:
        """Return the tables that this release writes with these options, in their order."""
        absent = {"offsets", "relative_base"} if self.addresses.form == "word" else {"addresses"}
        return tuple(name for name in self.release.tables if name not in absent)


def make_tables(verdicts: Verdicts, release: Release, options: Options, abi: Abi) -> Tables:
    """Make the tables of the kept symbols.

    Raises :class:`EncodeError` for a symbol out of range, too many symbols, or none where the release needs one.
    """
    order = table_order(verdicts.kept, release)
    records, percpu = verdicts.kept.take(order), verdicts.percpu[order]
    _check_count(len(records), release)
    compressed = _compress(records, release)
    names, name_sizes = _name_stream(compressed, release)
    lengths = np.cumsum([len(text) + 1 for text in compressed.tokens])
    return Tables(
        release=release,
        options=options,
        abi=abi,
        records=records,
        percpu=percpu,
        landmarks=verdicts.landmarks,
        addresses=_addresses(records, percpu, verdicts.landmarks, release, options),
        compressed=compressed,
        names=names,
        name_sizes=name_sizes,
        markers=(np.cumsum(name_sizes) - name_sizes)[::_MARKER_STEP],
        token_index=tuple([0, *lengths[:-1].tolist()]),
        sequences=name_order(records, release, lto_clang=options.lto_clang)
        if release.sequence_width
        else np.empty(0, np.int64),
    )


def with_letters(records: Records) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Lay letter and name of each record side by side; return the bytes and the size of each."""
    sizes = records.size + 1
    letters = np.arange(len(records), dtype=np.int64)
    pool = np.concatenate([records.letter, np.frombuffer(records.pool, np.uint8)])
    start = np.column_stack([letters, records.start + len(records)])
    size = np.column_stack([np.ones_like(letters), records.size])
    return gather(pool, start.ravel(), size.ravel()), sizes


def _check_count(count: int, release: Release) -> None:
    if count == 0 and not release.empty_allowed:
        raise EncodeError(
            f"no symbol is left for the tables, and {release.name} makes none without ('No valid symbol.'): "
            "give --all-symbols, or see 'elfsyms ledger' for the rules that dropped them"
        )
    if release.sequence_width == 3 and count > _MOST_SEQUENCES:
        raise EncodeError(
            f"{count:,} symbols are more than kallsyms_seqs_of_names can count (3 bytes: {_MOST_SEQUENCES:,}): "
            "keep fewer, with --no-all-symbols"
        )


def _compress(records: Records, release: Release) -> Compressed:
    material, sizes = with_letters(records)
    try:
        if release.compression == "substrings":
            return compress_substrings(material, sizes)
        return compress_pairs(material, sizes, stops_at_zero=release.stops_at_zero)
    except PairsRunOutError:
        raise EncodeError(
            f"{len(records)} symbols are too few for {release.name}, whose token search does not end when no pair "
            "is left: give --release 3.0 or later, or more symbols"
        ) from None


def _name_stream(
    compressed: Compressed, release: Release
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Put its length before each symbol's codes: one byte, or ULEB128 of at most two."""
    sizes = compressed.sizes
    if release.length_encoding == "uleb128" and len(sizes) and int(sizes.max()) > _LONGEST_ULEB:
        raise EncodeError(
            f"a name of {int(sizes.max())} codes is longer than two bytes of ULEB128 can tell ({_LONGEST_ULEB}): "
            "shorten it"
        )
    two = (sizes > 0x7F) & (release.length_encoding == "uleb128")
    head = np.where(two, 2, 1)
    whole = head + sizes
    start = np.cumsum(whole) - whole
    stream = np.empty(int(whole.sum()), np.uint8)
    codes = np.ones(len(stream), np.bool_)
    stream[start] = np.where(two, (sizes & 0x7F) | 0x80, sizes & 0xFF)
    stream[start[two] + 1] = (sizes[two] >> 7) & 0x7F
    codes[start] = False
    codes[start[two] + 1] = False
    stream[codes] = compressed.codes
    return stream, whole


def _addresses(
    records: Records, percpu: NDArray[np.bool_], landmarks: Landmarks, release: Release, options: Options
) -> Addresses:
    if release.place_relative:
        if not options.pc_relative:
            return Addresses("plain", records.address & np.uint64(0xFFFFFFFF))
        return _place(records, landmarks)
    if release.relative == "always" or options.base_relative:
        return _offsets(records, percpu, landmarks, release, options)
    return _words(records, percpu, landmarks, release)


def _words(
    records: Records, percpu: NDArray[np.bool_], landmarks: Landmarks, release: Release
) -> Addresses:
    """Encode as ``kallsyms_addresses``."""
    if release.addresses == "number":
        return Addresses("word", records.address, np.zeros(len(records), np.bool_))
    number = percpu if release.number_by == "percpu" else np.isin(records.letter, list(b"Aa"))
    distance = records.address - np.uint64(landmarks.text)
    return Addresses("word", np.where(number, records.address, distance), ~number)


def _place(records: Records, landmarks: Landmarks) -> Addresses:
    """Encode as place-relative offsets; the generator checks the distance from ``_text``."""
    distance = (records.address - np.uint64(landmarks.text)).astype(np.int64)
    wrong = (distance < -(1 << 31)) | (distance >= 1 << 31)
    if bool(wrong.any()):
        _refuse(records, wrong, f"{_far(records, wrong, landmarks.text)} from _text", "2 GiB either way")
    return Addresses("place", distance)


def _offsets(
    records: Records, percpu: NDArray[np.bool_], landmarks: Landmarks, release: Release, options: Options
) -> Addresses:
    """Encode as ``kallsyms_offsets`` from a base; per-CPU symbols as themselves, the others then negative."""
    base = _base(records, percpu, landmarks, release)
    distance = (records.address - np.uint64(base)).astype(np.int64)
    if not options.absolute_percpu:
        wrong = (distance < 0) | (distance > 0xFFFFFFFF)
        value = distance
    else:
        value = np.where(percpu, records.address.astype(np.int64), -distance - 1)
        low, high = np.where(percpu, 0, -(1 << 31)), np.where(percpu, (1 << 31) - 1, -1)
        wrong = (value < low) | (value > high)
    if bool(wrong.any()):
        limit = "2 GiB above it" if options.absolute_percpu else "4 GiB above it"
        where = f"{_far(records, wrong, base)} from the relative base {base:#x}"
        _refuse(records, wrong, where, limit, _advice(release, options, records, wrong, percpu))
    return Addresses("base", value, base=base - landmarks.text)


def _base(
    records: Records, percpu: NDArray[np.bool_], landmarks: Landmarks, release: Release
) -> int:
    if release.base == "lowest":
        return landmarks.lowest
    among = records.address if release.base == "first" else records.address[~percpu]
    return int(among[0]) if len(among) else 0


def _refuse(
    records: Records, wrong: NDArray[np.bool_], where: str, limit: str, advice: str = "keep it out of the table"
) -> None:
    index = int(np.flatnonzero(wrong)[0])
    more = int(wrong.sum()) - 1
    others = f" (and {more:,} more)" if more else ""
    raise OutOfRangeError(
        records.symbol[index],
        f"{records.name(index).decode('utf-8', 'replace')} at {int(records.address[index]):#x}{others}",
        f"lies {where}; offsets reach {limit}",
        advice,
    )


def _far(records: Records, wrong: NDArray[np.bool_], origin: int) -> str:
    distance = int(records.address[int(np.flatnonzero(wrong)[0])]) - origin
    return f"{'-' if distance < 0 else '+'}{abs(distance):#x}"


def _advice(
    release: Release,
    options: Options,
    records: Records,
    wrong: NDArray[np.bool_],
    percpu: NDArray[np.bool_],
) -> str:
    """Say which option would encode the symbol."""
    if release.relative == "option":
        return "--no-base-relative writes whole addresses"
    if release.knows("--absolute-percpu") and not options.absolute_percpu:
        return "--absolute-percpu encodes per-CPU symbols at low addresses"
    return "keep it out of the table, or give it an address in the image"


class OutOfRangeError(EncodeError):
    """A symbol that the offsets cannot reach."""

    def __init__(self, symbol: int, what: str, where: str, advice: str) -> None:
        """Say which symbol (its entry in the symbol table), how far off, and what would help."""
        super().__init__(f"symbol {what} {where}: {advice}")
        self.symbol = int(symbol)
        self.what, self.where, self.advice = what, where, advice
