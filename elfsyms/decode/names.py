# SPDX-License-Identifier: GPL-2.0-or-later
"""The stream of compressed names, read back: where each record begins, and the text that its codes stand for.

Follows ``kernel/kallsyms.c``, ``kallsyms_expand_symbol``. The records are a chain, each known by the length of the
one before, and are walked one by one (20 ms for 200,000); so the markers are not needed, and can be checked.
Everything else is done for all symbols at once. Leaves out what a symbol's address is (``encodings.py``).
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Literal

import numpy as np

from elfsyms.image.records import gather
from elfsyms.releases.table_labels import CODES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from elfsyms.releases.format_history import Release

__all__ = ["PLAIN_TOKENS", "Texts", "expand", "split_tokens", "walk_lengths", "walk_records"]

PLAIN_TOKENS = tuple(bytes([code]) for code in range(CODES))  # of names that are not compressed
_BLOCK = 1 << 13  # records
_MORE = 0x80  # the bit of a ULEB128 byte that says another one follows


@dataclass(frozen=True, slots=True, eq=False)
class Texts:
    """Symbols as texts, letter first: ``pool`` has them side by side, ``start`` and ``size`` (int64) find them.

    A zero is behind the last one: what writes lines takes a byte behind each name.
    """

    pool: bytes
    start: NDArray[np.int64]
    size: NDArray[np.int64]


def walk_records(stream: bytes, count: int, release: Release) -> NDArray[np.int64]:
    """Return where each record begins, and last where the last one ends (int64, ``count + 1``).

    Shorter where the stream ends before the last record does.

    >>> from elfsyms.releases.format_history import find_release
    >>> walk_records(bytes([1, 65, 2, 66, 67]), 2, find_release("6.0")).tolist()
    [0, 2, 5]
    """
    return walk_lengths(stream, count, release.length_encoding)


def walk_lengths(
    stream: bytes, count: int, encoding: Literal["byte", "uleb128"], markers: Sequence[int] = ()
) -> NDArray[np.int64]:
    """Return what :func:`walk_records` does, for an encoding of lengths.

    With ``markers``, shorter also where a 256th record does not begin where its marker says.
    """
    extend = {"byte": _extend_bytes, "uleb128": _extend_uleb128}[encoding]
    starts = array("q", [0])  # a list takes five times as much
    for block in range(-(-count // CODES)):
        if markers and markers[block] != starts[-1]:
            break
        wanted = min(CODES, count - block * CODES)
        some = [starts[-1]]
        extend(stream, some, wanted)
        starts.extend(some[1:])
        if len(some) <= wanted:
            break
    return np.array(starts, np.int64)


def _extend_bytes(stream: bytes, starts: list[int], count: int) -> None:
    """Add the starts of the next records, as many as the stream has whole."""
    at, end = starts[-1], len(stream)
    for _ in range(count):
        if at >= end:
            return
        at += 1 + stream[at]
        if at > end:
            return
        starts.append(at)


def _extend_uleb128(stream: bytes, starts: list[int], count: int) -> None:
    """Add the starts of the next records, as many as the stream has whole."""
    at, end = starts[-1], len(stream)
    for _ in range(count):
        if at >= end:
            return
        size = stream[at]
        if size >= _MORE:
            if at + 1 >= end:
                return
            size = 1 + (size - _MORE | stream[at + 1] << 7)
        at += 1 + size
        if at > end:
            return
        starts.append(at)


def split_tokens(data: bytes) -> tuple[bytes, ...]:
    r"""Return the texts of the 256 codes, which end in NULs; fewer where the bytes end before.

    >>> split_tokens(b"ab\0\0c\0rest")
    (b'ab', b'', b'c')
    """
    return tuple(data.split(b"\0", CODES)[:-1][:CODES])


def expand(
    stream: bytes, starts: NDArray[np.int64], tokens: Sequence[bytes], encoding: Literal["byte", "uleb128"]
) -> Texts:
    """Replace the codes of each record by their texts; ``starts`` as :func:`walk_records` gives it.

    Works in blocks of records: each code takes a number of eight bytes, four times over.
    """
    octets = np.frombuffer(stream, np.uint8)
    texts = np.frombuffer(b"".join(tokens), np.uint8)
    token_sizes = np.array([len(token) for token in tokens], np.int64)
    token_starts = np.cumsum(token_sizes) - token_sizes
    size = np.zeros(len(starts) - 1, np.int64)
    pool = BytesIO()
    for first in range(0, len(size), _BLOCK):
        bounds = starts[first : first + _BLOCK + 1]
        codes, last = _codes(octets[bounds[0] : bounds[-1]], bounds - bounds[0], encoding)
        lengths = token_sizes.take(codes)
        ends = np.append(0, np.cumsum(lengths)).take(last)
        size[first : first + _BLOCK] = np.diff(ends, prepend=0)
        pool.write(gather(texts, token_starts.take(codes), lengths).data)
    pool.write(b"\0")
    return Texts(pool.getvalue(), np.cumsum(size) - size, size)


def _codes(
    octets: NDArray[np.uint8], starts: NDArray[np.int64], encoding: Literal["byte", "uleb128"]
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Return the codes of some records without their lengths, and how many there are up to the end of each."""
    begin = starts[:-1]
    long = (octets[begin] >= _MORE) & (encoding == "uleb128")
    is_code = np.ones(len(octets), np.bool_)
    is_code[begin] = False
    is_code[begin[long] + 1] = False
    return octets[is_code], np.cumsum(np.diff(starts) - 1 - long)
