# SPDX-License-Identifier: GPL-2.0-or-later
"""Whether compressed symbols expand to given ones.

Nothing is expanded: the text of each code is compared with the bytes at the offset where it must stand, eight at a
time, in blocks of symbols that fit the cache.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from elfsyms.image.records import MASKS, numbers_everywhere

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from elfsyms.pipeline.compress import Compressed

__all__ = ["expands_to"]

_BLOCK = 1 << 11  # symbols
_CHUNK = 8


def expands_to(compressed: Compressed, material: NDArray[np.uint8], sizes: NDArray[np.int64]) -> bool:
    """Tell whether codes and tokens are those of some compression of ``material``.

    ``material`` and ``sizes`` are what :func:`elfsyms.pipeline.compress.compress_pairs` takes. Tokens must be made
    of the codes that ``pairs`` tell, and every code that is used must have a text.
    """
    tokens, counts = compressed.tokens, compressed.sizes
    if len(counts) != len(sizes) or int(counts.sum()) != len(compressed.codes):
        return False
    if any(tokens[code] != tokens[one] + tokens[other] for code, one, other in compressed.pairs):
        return False
    texts = _Texts(tokens, material)
    offset = begin = 0
    for first in range(0, len(counts), _BLOCK):
        count, size = counts[first : first + _BLOCK], sizes[first : first + _BLOCK]
        end = begin + int(count.sum())
        if not texts.stand_at(compressed.codes[begin:end], count, size, offset):
            return False
        begin, offset = end, offset + int(size.sum()) + len(size)
    return True


class _Texts:
    """The texts of codes, in numbers of eight bytes, and the symbols they are to be found in."""

    def __init__(self, tokens: Sequence[bytes], material: NDArray[np.uint8]) -> None:
        rounds = range(0, max(map(len, tokens), default=0), _CHUNK)
        self.lengths = np.array([len(token) for token in tokens], np.int64)
        self.chunks = [
            np.array([int.from_bytes(token[at : at + _CHUNK], "little") for token in tokens], np.uint64)
            for at in rounds
        ]
        self.masks = [MASKS[np.clip(self.lengths - at, 0, _CHUNK)] for at in rounds]
        self.numbers = numbers_everywhere(material.tobytes() + bytes(_CHUNK))
        self.last = len(self.numbers) - 1

    def stand_at(
        self, codes: NDArray[np.uint8], count: NDArray[np.int64], size: NDArray[np.int64], start: int
    ) -> bool:
        """Tell whether the codes of some symbols, so many each, expand to those of such sizes from an offset on."""
        index = codes.astype(np.intp)
        length = self.lengths.take(index)
        if not int(length.min(initial=1)) or not int(count.min(initial=1)):
            return False  # a code without a text, or a symbol without a code: each has its letter at least
        last = np.cumsum(count) - 1
        step = length.copy()
        step[last] += 1  # the zero behind each symbol
        ends = np.cumsum(step)
        if not np.array_equal(ends.take(last), np.cumsum(size + 1)):
            return False
        offset = ends - step + start
        for at, (chunk, mask) in enumerate(zip(self.chunks, self.masks, strict=True)):
            if at:
                longer = np.flatnonzero(length > at * _CHUNK)
                index, offset, length = index.take(longer), offset.take(longer), length.take(longer)
            found = self.numbers[np.minimum(offset + at * _CHUNK, self.last)]
            if not np.array_equal(found & mask.take(index), chunk.take(index)):
                return False
        return True
