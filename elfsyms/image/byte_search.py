# SPDX-License-Identifier: GPL-2.0-or-later
"""Where some byte strings of one length stand in a section, of which there may be 300 MB.

A regular expression looks at a byte a step. Here two bytes are compared at once, as numbers: at every other byte
such a pair begins, and a string has two of its bytes there, or the first of these one before. What fits is
compared whole.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from elfsyms.image.sorting import distinct

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from numpy.typing import NDArray

__all__ = ["found_at"]

_FAR = 1 << 12  # bytes from which on pairs are faster
_CHUNK = 1 << 17  # pairs that are compared at once: they stay in a processor's cache
_FEW_PAIRS = 10  # comparing a chunk with one takes a tenth of what a look into a table of all takes
_FEW_FOUND = 64  # candidates in a chunk that are compared one by one
_FEW = 8  # byte strings that are looked for one by one
_MANY = 64  # bytes of data for each byte string: with fewer, all places are compared


def found_at(data: memoryview, needles: Collection[bytes]) -> Iterator[int]:
    """Yield where one of some byte strings stands, all of one length, overlapping or not, in any order."""
    known = needles if isinstance(needles, set) else set(needles)
    if not known:
        return
    size = len(next(iter(known)))
    if len(known) > _FEW and (size <= 2 or len(data) < _MANY * len(known)):
        yield from (at for at in range(len(data) - size + 1) if bytes(data[at : at + size]) in known)
    elif len(data) >= _FAR and size > 2:
        yield from _by_pairs(data, known, size)
    else:
        yield from _one_by_one(data, known)


def _one_by_one(data: memoryview, needles: set[bytes]) -> Iterator[int]:
    for needle in needles:
        pattern = re.compile(re.escape(needle), re.DOTALL)
        found = pattern.search(data)
        while found is not None:
            yield found.start()
            found = pattern.search(data, found.start() + 1)


def _by_pairs(data: memoryview, known: set[bytes], size: int) -> Iterator[int]:
    whole = np.frombuffer(data, np.uint8)
    skip = whole.__array_interface__["data"][0] % 2  # numbers that are not aligned are slow
    pairs = whole[skip : skip + (len(whole) - skip) // 2 * 2].view(np.uint16)
    # Zeros are everywhere: numbers have theirs at one end or the other.
    lead = min((0, size - 3), key=lambda at: sum(one[at : at + 3].count(0) for one in known))
    words = b"".join(one[lead : lead + 2] + one[lead + 1 : lead + 3] for one in known)
    wanted = distinct(np.frombuffer(words, np.uint16))
    for first in range(0, len(pairs), _CHUNK):
        marks = _marked(pairs[first : first + _CHUNK], wanted)
        fits = _few_marked(marks)
        if fits is None:
            many = (np.flatnonzero(marks) + first) * 2 + skip - lead
            begins = _fitting(whole, np.concatenate((many, many - 1)), known).tolist()
        else:
            ends = [(fit + first) * 2 + skip - lead for fit in fits]
            begins = [at for end in ends for at in (end, end - 1)]
        for at in begins:
            if at >= 0 and bytes(data[at : at + size]) in known:
                yield at


def _few_marked(marks: NDArray[np.bool_]) -> list[int] | None:
    """Return which are marked, None where they are many; numpy's own search takes three times as long for few."""
    octets, at = marks.tobytes(), -1
    found: list[int] = []
    while len(found) <= _FEW_FOUND:
        at = octets.find(1, at + 1)
        if at < 0:
            return found
        found.append(at)
    return None


def _marked(pairs: NDArray[np.uint16], wanted: NDArray[np.uint16]) -> NDArray[np.bool_]:
    """Mark the numbers that are one of some."""
    if len(wanted) > _FEW_PAIRS:
        table = np.zeros(1 << 16, np.bool_)
        table[wanted] = True
        return np.asarray(table[pairs])
    marks = pairs == wanted[0]
    for number in wanted[1:]:
        marks |= pairs == number
    return np.asarray(marks)


def _fitting(whole: NDArray[np.uint8], begins: NDArray[np.int64], needles: set[bytes]) -> NDArray[np.int64]:
    """Return the offsets at which each byte is that of a needle, not of the same one for all."""
    letters = np.frombuffer(b"".join(needles), np.uint8).reshape(len(needles), -1)
    begins = begins[(begins >= 0) & (begins <= len(whole) - letters.shape[1])]
    for i, column in enumerate(letters.T):
        table = np.zeros(256, np.bool_)
        table[column] = True
        begins = begins[table[whole[begins + i]]]
    return begins
