# SPDX-License-Identifier: GPL-2.0-or-later
"""At which address the kernel runs, where no header says: by what its own pointers point to.

Tables of distances, and tables whose base a relocation has yet to fill in, tell where symbols lie among each
other, not where. But a kernel is full of pointers to its functions and variables. Each pointer, less each symbol
that lies the right number of bytes from a page's begin, votes for an address of ``_text``; the true one gets
nearly all votes, since chance spreads them over thousands of pages.

Real kernels have ``_text`` at the beginning of a page.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["pointers_in", "vote_for_text"]

_PAGE = 0x1000
_LEAST_ALIGNMENT = 4
_SMALL = 4096  # symbols; tables of so few may be of an image made by hand, which begins anywhere
_MOST_POINTERS = 4096
_FEWEST_VOTES = 24
_BUCKET = 24  # bits: pointers are looked for where most words of the image point to, in steps of 16 MiB
_MOST_WORDS = 1 << 20  # words of an image that are looked at


def pointers_in(data: NDArray[np.uint8], byte_order: str, word: int, span: int) -> NDArray[np.uint64]:
    """Return words that look like pointers into one image of ``span`` bytes: those of the densest such range.

    The range with the most different words, that is: a pair of instructions may occur a hundred thousand times.
    """
    words = data[: len(data) // word * word].view(f"{byte_order}u{word}")
    step = max(len(words) // _MOST_WORDS, 1)
    if step > 1:
        step |= 1  # an odd step meets every field of a structure of 2, 4, 8 words
    sample = words[::step].astype(np.uint64)
    sample = sample[(sample >= np.uint64(1 << _BUCKET)) & (sample < np.uint64((1 << 8 * word) - _PAGE))]
    sample = np.unique(sample)
    if not sample.size:
        return sample
    buckets, counts = np.unique(sample >> np.uint64(_BUCKET), return_counts=True)
    reach = np.uint64((span >> _BUCKET) + 1)
    sums = np.concatenate([[0], np.cumsum(counts)])
    ends = np.searchsorted(buckets, buckets + reach, side="right")
    densest = int(np.argmax(sums[ends] - sums[np.arange(len(buckets))]))
    low, high = buckets[densest], buckets[ends[densest] - 1]
    chosen = (sample >> np.uint64(_BUCKET) >= low) & (sample >> np.uint64(_BUCKET) <= high)
    return np.asarray(sample[chosen])


def vote_for_text(pointers: NDArray[np.uint64], symbols: NDArray[np.uint64], text: int) -> int | None:
    """Return the address of ``_text``, or None where the votes do not decide.

    ``pointers`` are addresses of symbols of the running kernel, among others; ``symbols`` (uint64) are the
    addresses of its symbols on a scale of their own, on which ``_text`` is at ``text``.
    """
    distances = np.unique(symbols) - np.uint64(text & (1 << 64) - 1)  # modulo 2**64
    sample = pointers[:: max(len(pointers) // _MOST_POINTERS, 1)]
    elected = _elect(sample, distances, _PAGE)
    small = len(distances) < _SMALL
    return _elect(sample, distances, _LEAST_ALIGNMENT) if elected is None and small else elected


def _elect(pointers: NDArray[np.uint64], distances: NDArray[np.uint64], align: int) -> int | None:
    """Count votes for addresses that are multiples of ``align``."""
    modulus = np.uint64(align)
    order = np.argsort(distances % modulus, kind="stable")
    within = (distances % modulus)[order]
    first = np.searchsorted(within, pointers % modulus, side="left")
    count = np.searchsorted(within, pointers % modulus, side="right") - first
    ends = np.cumsum(count)
    if not ends.size or not ends[-1]:
        return None
    index = np.repeat(first - (ends - count), count) + np.arange(int(ends[-1]))
    votes = np.repeat(pointers, count) - distances[order[index]]
    addresses, numbers = np.unique(votes, return_counts=True)
    ranked = np.argsort(numbers)
    best = int(numbers[ranked[-1]])
    second = int(numbers[ranked[-2]]) if len(ranked) > 1 else 0
    return int(addresses[ranked[-1]]) if best >= _FEWEST_VOTES and best >= 2 * second else None
