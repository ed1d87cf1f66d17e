# SPDX-License-Identifier: GPL-2.0-or-later
"""Where each record of ``kallsyms_names`` begins: a length, and so many codes.

The records are a chain, each known by the length of the one before. They are walked one by one (20 ms for 200,000),
so that the markers are not needed, and can be checked; or in step from every marker on, a sixth of the time.

Follows ``kernel/kallsyms.c``, ``get_symbol_offset``. Leaves out what the codes stand for (``decode/names.py``).
"""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, Literal

import numpy as np

from elfsyms.releases.table_labels import CODES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from elfsyms.releases.format_history import Release

__all__ = ["first_codes", "walk_blocks", "walk_lengths", "walk_records"]

Encoding = Literal["byte", "uleb128"]
_FEW_BLOCKS = 16  # of 256 records
_MORE = 0x80  # the bit of a ULEB128 byte that says another one follows


def walk_records(stream: bytes, count: int, release: Release) -> NDArray[np.int64]:
    """Return where each record begins, and last where the last one ends (int64, ``count + 1``).

    Shorter where the stream ends before the last record does.

    >>> from elfsyms.releases.format_history import find_release
    >>> walk_records(bytes([1, 65, 2, 66, 67]), 2, find_release("6.0")).tolist()
    [0, 2, 5]
    """
    return walk_lengths(stream, count, release.length_encoding)


def walk_lengths(
    stream: bytes, count: int, encoding: Encoding, markers: Sequence[int] = ()
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


def walk_blocks(
    stream: NDArray[np.uint8], count: int, encoding: Encoding, markers: NDArray[np.int64]
) -> NDArray[np.int64] | None:
    """Return what :func:`walk_lengths` does, all blocks of 256 records at once, each from its marker on.

    None where a block does not end where the next one begins, or the stream ends within a record. ``markers``
    (int64) must ascend within the stream, whose bytes must go on for one behind it. Few blocks are walked record by
    record, which is up to a hundred times as fast: a small file has thousands of places where tables might begin.
    """
    blocks = len(markers)
    if blocks <= _FEW_BLOCKS:
        walked = walk_lengths(stream[:-1].tobytes(), count, encoding, markers.tolist())
        return walked if len(walked) > count else None
    starts = np.zeros((CODES + 1, blocks), np.int64)
    starts[0] = at = markers
    end = len(stream) - 1
    rest = count - (blocks - 1) * CODES  # records of the last block
    beyond = np.zeros(blocks, np.bool_)
    for record in range(CODES):
        size = stream.take(at).astype(np.int64)
        if encoding == "uleb128":
            longer = np.flatnonzero(size >= _MORE)
            more = stream.take(at[longer] + 1, mode="clip").astype(np.int64)
            size[longer] += 1 - _MORE + (more << 7)
        if record >= rest:
            size[-1] = -1
        at = at + size + 1
        beyond |= at > end
        starts[record + 1] = at = np.minimum(at, end)
    if bool(beyond.any()) or not np.array_equal(starts[CODES, :-1], markers[1:]):
        return None
    flat = starts[:CODES].T.ravel()[:count]
    return np.append(flat, starts[rest, -1])


def first_codes(data: bytes, count: int, encoding: Encoding, markers: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Return the first code of each record (uint8); none where one is empty or not there whole.

    ``markers`` (int64) make it fast where they are right; they may be empty.

    >>> first_codes(bytes([1, 65, 2, 66, 67]), 2, "byte", np.array([0])).tolist()
    [65, 66]
    """
    none = np.empty(0, np.uint8)
    if not 0 < count <= len(data):
        return none
    stream = np.frombuffer(data + b"\0", np.uint8)
    starts = walk_blocks(stream, count, encoding, markers) if _can_be(markers, count, len(data)) else None
    if starts is None:
        starts = walk_lengths(data, count, encoding)
    if len(starts) <= count:
        return none
    begin = starts[:-1] + 1
    if encoding == "uleb128":
        begin += stream.take(starts[:-1]) >= _MORE
    return none if bool((begin >= starts[1:]).any()) else stream.take(begin)


def _can_be(markers: NDArray[np.int64], count: int, size: int) -> bool:
    """Tell whether markers are as many as there are blocks, and ascend within the stream from its first byte."""
    return (
        len(markers) == -(-count // CODES)
        and markers[0] == 0
        and markers[-1] < size
        and bool((markers[1:] > markers[:-1]).all())
    )


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
