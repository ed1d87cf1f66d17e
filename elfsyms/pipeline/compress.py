# SPDX-License-Identifier: GPL-2.0-or-later
"""The two-byte token compression, with exactly the kernel's choice of tokens.

It is byte-pair coding. Bytes that occur in no symbol are free codes; from 255 down, each free code becomes the
token of the pair of codes that is then the most frequent; of equally frequent ones that of the smallest second
code, then of the smallest first. Occurrences are replaced from left to right. Follows ``scripts/kallsyms.c`` since
2.6.14, ``optimize_result`` and ``find_best_token``.

The kernel's program walks over all symbols for each token, some 190 times. Here a token costs the positions that it
changes. All symbols lie in one array of bytes, a zero behind each. A code covers the bytes of its text; it is at
the first and at the last of them, with zeros between, so that both neighbours are one step away:

    bytes   a  b  c  a  b  c  0        codes   N  0  N  N  0  N  0        N the code of "abc"

Where a token began is the inside of another one later, or that token still: tokens grow together and never
come apart, so that it cannot be the last byte of a token then. Code 0, should it be needed, is the last one that is
given away, when nothing is asked any more. A byte pair's positions are found at the beginning (``byte_pairs.py``);
those of a pair with a token in it are among those of the newer of its two tokens.
``take`` and ``compress`` stand where an index in brackets would do: on half a million of them, a tenth of the time.

The older algorithm, of 2.6.12 and 2.6.13, is in ``substrings.py``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from elfsyms.pipeline.byte_pairs import BytePairs

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Compressed", "PairsRunOutError", "compress_pairs", "leave_plain"]

_CODES = 256
_NO_CODE = 0  # a separator, or the inside of a token
_BLOCK, _SYMBOLS = 1 << 18, 1 << 14  # bytes and symbols that are worked on at once


class PairsRunOutError(Exception):
    """No pair is left for a free code, where the generator would not stop."""


@dataclass(frozen=True, slots=True, eq=False)
class Compressed:
    """Symbols as codes, and what the codes stand for.

    ``codes`` (uint8): those of all symbols, one symbol after the other; ``sizes`` (int64): how many codes each
    symbol has. ``tokens``: the text of each of the 256 codes, empty where a code is not used. ``pairs``: for each
    token made, in the order of making, its code and the two codes that it replaced.
    """

    codes: NDArray[np.uint8]
    sizes: NDArray[np.int64]
    tokens: tuple[bytes, ...]
    pairs: tuple[tuple[int, int, int], ...]

    def first_codes(self) -> NDArray[np.uint8]:
        """Return the first code of each symbol."""
        return self.codes.take(np.cumsum(self.sizes) - self.sizes)


def compress_pairs(
    material: NDArray[np.uint8],
    sizes: NDArray[np.int64],
    *,
    stops_at_zero: bool = True,
    in_place: bool = False,
) -> Compressed:
    r"""Compress symbols: ``material`` (uint8) has them one after the other, each followed by a zero.

    ``sizes`` (int64) tells how long each is without its zero. ``in_place`` spares a copy of the material, which is
    of no use then. Raises :class:`PairsRunOutError` where pairs run out before free codes do, unless
    ``stops_at_zero``.

    >>> small = compress_pairs(np.frombuffer(b"Tabab\0Tab\0", np.uint8), np.array([5, 3]))
    >>> small.tokens[255], small.codes.tobytes(), small.sizes.tolist()
    (b'ab', b'\xfd\xfe', [1, 1])
    """
    state = _State(material if in_place else material.copy(), sizes)
    used = state.byte_pairs.used
    for code in (np.flatnonzero(~used)[::-1]).tolist():
        first, second, count = state.best_pair()
        if count == 0:
            if not stops_at_zero:
                raise PairsRunOutError
            break
        state.replace(first, second, code)
    return state.result(used)


def leave_plain(material: NDArray[np.uint8], sizes: NDArray[np.int64]) -> Compressed:
    """Leave symbols as they are, each byte the code of itself; ``material`` and ``sizes`` as for the others."""
    plain = np.ones(len(material), np.bool_)
    plain[np.cumsum(sizes + 1) - 1] = False
    codes = material[plain]
    used = set(np.unique(codes).tolist())
    tokens = tuple(bytes([code]) if code in used else b"" for code in range(_CODES))
    return Compressed(codes, sizes, tokens, ())


class _State:
    """The symbols between two tokens. See the module's text for ``codes``."""

    def __init__(self, codes: NDArray[np.uint8], sizes: NDArray[np.int64]) -> None:
        self.sizes = sizes
        self.codes = codes  # the last is a separator, for codes[-1] to find before the first
        self.lengths = [1] * _CODES
        self.texts = [bytes([code]) for code in range(_CODES)]
        self.pairs: list[tuple[int, int, int]] = []
        self.positions: dict[int, NDArray[np.signedinteger]] = {}
        self.byte_pairs = BytePairs(codes)
        self.counts = self.byte_pairs.counts.astype(np.int32).reshape(_CODES, _CODES)  # [second, first]

    def best_pair(self) -> tuple[int, int, int]:
        """Return the pair to replace next, first and second code, and its count."""
        best = int(np.argmax(self.counts))  # the first of the highest: smallest second, then smallest first
        return best % _CODES, best // _CODES, int(self.counts.flat[best])

    def replace(self, first: int, second: int, code: int) -> None:
        """Make ``code`` the token of a pair, in every symbol."""
        positions = self._occurrences(first, second)
        if first == second:
            positions = _without_overlaps(positions, self.lengths[first])
        middle = positions + self.lengths[first]
        end = middle + self.lengths[second]
        adjoining = positions[1:] == end[:-1]  # the next occurrence begins where this one ends
        before = self.codes.take(positions - 1)
        after = self.codes.take(end)
        self._count(first, second, code, len(positions), before, after, adjoining)
        if self.lengths[first] > 1:
            self.codes[middle - 1] = _NO_CODE
        if self.lengths[second] > 1:
            self.codes[middle] = _NO_CODE
        self.codes[positions] = code
        self.codes[end - 1] = code
        self.lengths[code] = self.lengths[first] + self.lengths[second]
        self.texts[code] = self.texts[first] + self.texts[second]
        self.positions[code] = positions  # where it stands, or once stood
        self.pairs.append((code, first, second))

    def _occurrences(self, first: int, second: int) -> NDArray[np.signedinteger]:
        """Find where a pair stands, ascending."""
        newer = min(
            (c for c in (first, second) if c in self.positions), default=None
        )  # given away from 255 down
        if newer is None:
            return self._at_pair(self.byte_pairs.positions(first, second), first, second)
        positions = self.positions[newer] = self._still(newer)
        if newer == first:
            return positions.compress(self.codes[self.lengths[first] :].take(positions) == second)
        positions = positions.compress(self.codes.take(positions - 1) == first)
        return positions - self.lengths[first]

    def _still(self, token: int) -> NDArray[np.signedinteger]:
        """Return the positions where a token still stands."""
        positions = self.positions[token]
        return positions.compress(self.codes.take(positions) == token)

    def _at_pair(
        self, positions: NDArray[np.signedinteger], first: int, second: int
    ) -> NDArray[np.signedinteger]:
        """Narrow positions to those at which a pair of bytes still stands."""
        stands = self.codes.take(positions) == first
        stands &= self.codes[1:].take(positions) == second
        return positions.compress(stands)

    def _count(
        self,
        first: int,
        second: int,
        code: int,
        total: int,
        before: NDArray[np.uint8],
        after: NDArray[np.uint8],
        adjoining: NDArray[np.bool_],
    ) -> None:
        """Move the counts of the pairs around the positions. A pair between two occurrences counts as ``after``."""
        free = np.ones(total, np.bool_)
        free[1:] = ~adjoining
        left = np.bincount(before.compress(free), minlength=_CODES)
        right = np.bincount(after, minlength=_CODES)
        left[_NO_CODE] = right[_NO_CODE] = 0  # a separator makes no pair
        joined = int(adjoining.sum())
        self.counts[second, first] -= total
        self.counts[first, :] -= left
        self.counts[:, second] -= right
        self.counts[code, :] += left
        self.counts[:, code] += right
        self.counts[first, code] -= (
            joined  # what follows is not the pair's first code any more, but the token
        )
        self.counts[code, code] += joined

    def result(self, used: NDArray[np.bool_]) -> Compressed:
        """Gather the codes, now that every token is made. The state is of no use any more then."""
        del self.byte_pairs  # room for what is gathered
        zero = self.positions.pop(_NO_CODE, None)
        for token in list(self.positions):
            self.codes[self._still(token) + (self.lengths[token] - 1)] = _NO_CODE
            del self.positions[token]
        alive = self.codes != _NO_CODE
        if zero is not None:
            alive[zero] = True
        made = {code for code, _, _ in self.pairs}
        return Compressed(
            codes=_compressed(self.codes, alive),
            sizes=_count_between(alive, np.cumsum(self.sizes + 1) - 1),  # where the symbols' separators are
            tokens=tuple(t if used[c] or c in made else b"" for c, t in enumerate(self.texts)),
            pairs=tuple(self.pairs),
        )


def _compressed(codes: NDArray[np.uint8], marks: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Return the marked codes, in blocks: numpy makes a number of eight bytes of each mark."""
    result = np.empty(int(np.count_nonzero(marks)), np.uint8)
    at = 0
    for start in range(0, len(codes), _BLOCK):
        block = codes[start : start + _BLOCK].compress(marks[start : start + _BLOCK])
        result[at : at + len(block)] = block
        at += len(block)
    return result


def _count_between(marks: NDArray[np.bool_], ends: NDArray[np.int64]) -> NDArray[np.int64]:
    """Count the marks before each end and behind the one before; an end itself has none.

    In blocks, for a sum makes a number of each mark.

    >>> _count_between(np.array([True, True, False, True, False]), np.array([2, 4])).tolist()
    [2, 1]
    """
    counts = np.zeros(len(ends), np.int64)
    begin = 0
    for first in range(0, len(ends), _SYMBOLS):
        block = ends[first : first + _SYMBOLS] + (1 - begin)
        symbols = marks[begin : begin + int(block[-1])].view(np.uint8)
        starts = np.append(0, block[:-1])
        counts[first : first + _SYMBOLS] = np.add.reduceat(symbols, starts, dtype=np.uint32)
        begin += int(block[-1])
    return counts


def _without_overlaps(positions: NDArray[np.signedinteger], length: int) -> NDArray[np.signedinteger]:
    """Take every second one of positions that follow each other by ``length``, as a scan from the left does.

    >>> _without_overlaps(np.array([0, 1, 2, 7]), 1).tolist()
    [0, 2, 7]
    """
    run = np.ones(len(positions), np.bool_)
    run[1:] = positions[1:] != positions[:-1] + length
    number = np.arange(len(positions))
    start = np.maximum.accumulate(np.where(run, number, 0))
    return positions.compress((number - start) % 2 == 0)
