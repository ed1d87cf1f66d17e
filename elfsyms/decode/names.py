# SPDX-License-Identifier: GPL-2.0-or-later
"""The stream of compressed names, read back: where each record begins, and the text that its codes stand for.

Follows ``kernel/kallsyms.c``, ``kallsyms_expand_symbol``. The records are a chain, each known by the length of the
one before, and are walked one by one (20 ms for 200,000); so the markers are not needed, and can be checked.
Everything else is done for all symbols at once. Leaves out what a symbol's address is (``encodings.py``).
"""

from __future__ import annotations

from dataclasses import dataclass
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
_MORE = 0x80  # the bit of a ULEB128 byte that says another one follows


@dataclass(frozen=True, slots=True, eq=False)
class Texts:
    """Symbols as texts, letter first: ``pool`` has them side by side, ``start`` and ``size`` (int64) find them."""

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
    starts = [0]
    for block in range(-(-count // CODES)):
        if markers and markers[block] != starts[-1]:
            break
        known = len(starts)
        wanted = min(CODES, count - block * CODES)
        extend(stream, starts, wanted)
        if len(starts) - known < wanted:
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
    """Replace the codes of each record by their texts; ``starts`` as :func:`walk_records` gives it."""
    octets = np.frombuffer(stream, np.uint8)[: int(starts[-1])]
    begin = starts[:-1]
    long = (octets[begin] >= _MORE) & (encoding == "uleb128")
    is_code = np.ones(len(octets), np.bool_)
    is_code[begin] = False
    is_code[begin[long] + 1] = False
    sizes = np.array([len(token) for token in tokens], np.int64)
    codes = octets[is_code]
    lengths = sizes[codes]
    before = np.concatenate([[0], np.cumsum(lengths)])
    last = np.cumsum(np.diff(starts) - 1 - long)  # codes up to the end of each record
    bounds = before[np.concatenate([[0], last])]
    pool = gather(np.frombuffer(b"".join(tokens), np.uint8), (np.cumsum(sizes) - sizes)[codes], lengths)
    return Texts(pool.tobytes(), bounds[:-1], np.diff(bounds))
