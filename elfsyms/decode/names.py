# SPDX-License-Identifier: GPL-2.0-or-later
"""The stream of compressed names, read back: the text that the codes of each record stand for.

Follows ``kernel/kallsyms.c``, ``kallsyms_expand_symbol``; done for all symbols at once. Leaves out where each
record begins (``detect/name_records.py``), and what a symbol's address is (``addresses.py``).
"""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Literal

import numpy as np

from elfsyms.releases.table_labels import CODES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


__all__ = ["PLAIN_TOKENS", "Texts", "expand", "split_tokens"]

PLAIN_TOKENS = tuple(bytes([code]) for code in range(CODES))  # of names that are not compressed
_BLOCK = 1 << 12  # records
_WORD = 8  # bytes
_MORE = 0x80  # the bit of a ULEB128 byte that says another one follows


@dataclass(frozen=True, slots=True, eq=False)
class Texts:
    """Symbols as texts, letter first: ``pool`` has them side by side, ``start`` and ``size`` (int64) find them.

    A zero is behind the last one: what writes lines takes a byte behind each name.
    """

    pool: bytes
    start: NDArray[np.int64]
    size: NDArray[np.int64]


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
    octets = np.frombuffer(stream, np.uint8)
    table = _table(tokens)
    pool, sizes = BytesIO(), [np.empty(0, np.int64)]
    for first in range(0, len(starts) - 1, _BLOCK):  # blocks that fit the cache
        part = starts[first : first + _BLOCK + 1]
        texts, size = _expand(octets, part, table, encoding)
        pool.write(texts)
        sizes.append(size)
    size = np.concatenate(sizes)
    pool.write(b"\0")
    return Texts(pool.getvalue(), np.cumsum(size) - size, size)


@dataclass(frozen=True, slots=True, eq=False)
class _Table:
    """The texts of all codes: their sizes, and their bytes in words, ``words[at]`` those from 8 * at on."""

    sizes: NDArray[np.int64]
    words: NDArray[np.uint64]


def _table(tokens: Sequence[bytes]) -> _Table:
    sizes = np.array([len(token) for token in tokens], np.int64)
    width = -(-max(int(sizes.max(initial=0)), 1) // _WORD) * _WORD
    octets = b"".join(token.ljust(width, b"\0") for token in tokens)
    words = np.frombuffer(octets, "<u8").reshape(len(tokens), width // _WORD)
    return _Table(sizes, np.ascontiguousarray(words.T))


def _expand(
    octets: NDArray[np.uint8], starts: NDArray[np.int64], table: _Table, encoding: Literal["byte", "uleb128"]
) -> tuple[bytes, NDArray[np.int64]]:
    """Return the texts of some records side by side, and their sizes."""
    first = int(starts[0])
    codes, begin = octets[first : int(starts[-1])], starts[:-1] - first
    lengths = table.sizes.take(codes)
    lengths[begin] = 0
    if encoding == "uleb128":
        lengths[begin[codes.take(begin) >= _MORE] + 1] = 0
    ends = np.cumsum(lengths)
    total = ends.take(starts[1:] - first - 1)
    return _spelled(codes, ends - lengths, lengths, table), np.diff(total, prepend=0)


def _spelled(
    codes: NDArray[np.uint8], offsets: NDArray[np.int64], lengths: NDArray[np.int64], table: _Table
) -> bytes:
    """Lay the texts of codes at their offsets, one behind the other.

    Each is written as a word of eight bytes, whose excess the next ones overwrite: numpy assigns in the order of
    the index. Then the few longer texts get the rest of theirs, byte by byte. A quarter of the time of
    copying them piece by piece.
    """
    total = int(offsets[-1] + lengths[-1])
    result = np.empty(total + _WORD, np.uint8)
    everywhere = np.ndarray((total + 1,), "<u8", result, strides=(1,))
    everywhere[offsets] = table.words[0].take(codes)
    for at in range(_WORD, _WORD * len(table.words)):
        longer = np.flatnonzero(lengths > at)
        codes, offsets, lengths = codes.take(longer), offsets.take(longer), lengths.take(longer)
        shift = np.uint64(8 * (at % _WORD))
        result[offsets + at] = (table.words[at // _WORD].take(codes) >> shift) & np.uint64(0xFF)
    return result[:total].tobytes()
