# SPDX-License-Identifier: GPL-2.0-or-later
"""Where each pair of bytes stands in the symbols that are compressed, and how often.

Positions come from one sort at the beginning. Sorted are the 255 most frequent pairs alone, by rank, which a single
pass of a byte's radix sort does: 0.06 s for 200,000 symbols, where all pairs took 0.25 s and twice the memory. A
rarer pair, should one be called for, is looked up.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["BytePairs"]

_CODES = 256
_RANKS = 255
_BLOCK = 1 << 18  # bytes that are worked on at once
_MUCH = 1 << 25  # bytes from which on positions take half the room, and a tenth more time: take converts them
_SORTED = 1 << 16  # bytes whose positions are sorted at once: numbers of two bytes tell them apart


class BytePairs:
    """Where each pair of bytes stands at the beginning, and how often.

    Works in blocks that fit the cache, which takes half the time and a third of the memory of one go. A rare pair
    is looked up among the codes as they are then: the code of a token is no byte of any symbol.
    """

    def __init__(self, codes: NDArray[np.uint8]) -> None:
        """Count and sort the pairs of some symbols' bytes, a zero behind each symbol."""
        self.codes = codes
        self.counts = np.zeros(_CODES * _CODES, np.int64)
        for start in range(0, len(codes), _BLOCK):
            for pairs in self._pairs(start, _BLOCK):
                self.counts += np.bincount(pairs, minlength=_CODES * _CODES)
        # Which bytes there are: each begins a pair.
        self.used: NDArray[np.bool_] = self.counts.reshape(_CODES, _CODES).max(axis=0) > 0
        self.used[0] = False  # the separator
        self.counts[::_CODES] = 0  # pairs of which the first
        self.counts[:_CODES] = 0  # or the second is a separator
        top = np.argsort(-self.counts, kind="stable")[:_RANKS]
        self.rank = np.full(_CODES * _CODES, _RANKS, np.uint8)
        self.rank[top] = np.arange(_RANKS)
        self.rank[self.counts == 0] = _RANKS
        self.index_type = np.int32 if _MUCH < len(codes) < 1 << 31 else np.int64
        # One array, as what is freed in small pieces stays with the process, and without gaps, as pages are large.
        room = np.empty(len(codes), np.uint16)
        self.sorted: list[tuple[int, NDArray[np.uint16], list[int]]] = []
        for start in range(0, len(codes), _SORTED):
            positions, ends = self._sort(start, room)
            room = room[len(positions) :]
            self.sorted.append((start, positions, ends))

    def positions(self, first: int, second: int) -> NDArray[np.signedinteger]:
        """Return the positions of a pair, ascending."""
        rank = int(self.rank[first + _CODES * second])
        if rank == _RANKS:
            return self._rare(first, second)
        found = [positions[ends[rank] : ends[rank + 1]] for _, positions, ends in self.sorted]
        starts = np.array([start for start, _, _ in self.sorted], self.index_type)
        positions = np.repeat(starts, [len(part) for part in found])
        positions += np.concatenate(found)
        return positions

    def _rare(self, first: int, second: int) -> NDArray[np.signedinteger]:
        """Look for a pair among the codes, block by block."""
        found = []
        for start in range(0, len(self.codes), _BLOCK):
            block = self.codes[start : start + _BLOCK + 1]
            places = np.flatnonzero((block[:-1] == first) & (block[1:] == second))
            found.append((places + start).astype(self.index_type))
        return np.concatenate(found)

    def _pairs(self, start: int, size: int) -> tuple[NDArray[np.uint16], NDArray[np.uint16]]:
        """Return each byte of a block with the one behind it, as a number: first + 256 * second.

        Those that begin at even places of the block, and those at odd ones: each is the block itself, read two
        bytes at a time, so that nothing is copied.
        """
        block = self.codes[start : start + size + 1]
        even, odd = len(block) // 2, (len(block) - 1) // 2
        return block[: 2 * even].view("<u2"), block[1 : 1 + 2 * odd].view("<u2")

    def _sort(self, start: int, room: NDArray[np.uint16]) -> tuple[NDArray[np.uint16], list[int]]:
        """Return the frequent pairs' positions in a block by rank, and where in them each rank begins and ends.

        They are put at the beginning of ``room``.
        """
        even, odd = self._pairs(start, _SORTED)
        ranks = np.empty(len(even) + len(odd), np.uint8)
        ranks[0::2] = self.rank.take(even)
        ranks[1::2] = self.rank.take(odd)
        ends = [0, *np.cumsum(np.bincount(ranks, minlength=_RANKS)[:_RANKS]).tolist()]
        positions = room[: ends[-1]]
        positions[:] = np.argsort(ranks, kind="stable")[: ends[-1]]
        return positions, ends
