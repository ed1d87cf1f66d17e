# SPDX-License-Identifier: GPL-2.0-or-later
"""Where ``num_syms``, ``names``, ``markers`` and maybe sequences lie in front of an end that is known.

In every release these stand in this order, and what follows them is found first: the token table
(``anchors.py``), or with names that are not compressed, the table behind (``plain_names.py``). Every word in front
could be ``kallsyms_num_syms``; its value then tells how large markers and sequences are, and so where the markers
begin, for each alignment and width that any release has. Few words pass, and those are proved: all records are
walked, each 256th must begin where its marker says, and the last must end at the markers, padding apart.

Follows ``scripts/kallsyms.c``, ``write_src``, and for the combinations of alignment and widths its whole history.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

from elfsyms.detect.name_records import walk_blocks
from elfsyms.releases.table_labels import CODES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

__all__ = ["FORMS", "Form", "NameLayout", "find_name_layouts", "padded"]

Encoding = Literal["byte", "uleb128"]
# Bytes before the end that are looked at, the more only where the less has nothing.
_REACHES = 1 << 23, 1 << 25
_MOST_SYMBOLS = 1 << 23
# Offsets of one form that are proved one by one: images have one to five, bytes made for it a hundred thousand.
_MOST_TRIED = 64
_LONGEST_RECORD = 600  # bytes that a record takes on average at most


@dataclass(frozen=True, slots=True)
class Form:
    """Alignment of every table, width of counts and markers, width of a sequence that lies before the end."""

    align: int
    count_width: Literal[4, 8]
    sequence_width: Literal[0, 3, 4]


# Alignment and width of counts that exist: 4 or 8 bytes, or 2 to the power of that where ``.align`` means so.
_ALIGNS: tuple[tuple[int, Literal[4, 8]], ...] = ((4, 4), (8, 4), (8, 8), (16, 4), (256, 4), (256, 8))
FORMS = tuple(Form(align, width, sequence) for align, width in _ALIGNS for sequence in (0, 3, 4))


@dataclass(frozen=True, slots=True, eq=False)
class NameLayout:
    """One proved reading. Offsets are offsets in the bytes searched; ``starts`` (int64) are those of the records.

    More than one of ``length_encodings`` may lead to these: below 128 lengths are written the same.

    ``sequences`` is the offset of ``kallsyms_seqs_of_names`` where it lies in front of the end, else None.
    """

    form: Form
    length_encodings: tuple[Encoding, ...]
    count: int
    num_syms: int
    names: int
    markers: int
    sequences: int | None
    starts: NDArray[np.int64]


def padded(size: int, align: int) -> int:
    """Return a size with the padding up to an alignment."""
    return size + -size % align


def find_name_layouts(
    data: NDArray[np.uint8], end: int, byte_order: Literal["<", ">"], forms: tuple[Form, ...] = FORMS
) -> list[NameLayout]:
    """Return the readings of what lies before ``end``, where the next table begins, that can be proved."""
    for reach in _REACHES:
        if found := list(_readings(data, end, byte_order, forms, reach)):
            return found
    return []


def _readings(
    data: NDArray[np.uint8], end: int, byte_order: Literal["<", ">"], forms: tuple[Form, ...], reach: int
) -> Iterator[NameLayout]:
    first = max(end - reach, end % 4)
    words = data[first:end].view(f"{byte_order}u4")
    offsets, counts = _plausible(words)
    for form in forms:
        chosen = _agreeing(words, offsets, counts, form, byte_order)[:_MOST_TRIED]
        for offset, count in zip(offsets[chosen].tolist(), counts[chosen].tolist(), strict=True):
            yield from _prove(data, first + 4 * offset, count, end, form, byte_order)


def _plausible(words: NDArray[np.uint32]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the indices of words that could be a number of symbols, and the numbers."""
    offsets = np.flatnonzero((words > 0) & (words < _MOST_SYMBOLS))
    counts = words[offsets].astype(np.int64)
    room = (len(words) - offsets) * 4
    fits = (counts * 2 < room) & (counts * _LONGEST_RECORD + (1 << 12) > room)
    return offsets[fits], counts[fits]


def _agreeing(
    words: NDArray[np.uint32],
    offsets: NDArray[np.int64],
    counts: NDArray[np.int64],
    form: Form,
    byte_order: Literal["<", ">"],
) -> NDArray[np.int64]:
    """Return which of the offsets agree with the markers that their counts lead to: the first, second and last."""
    width, wide = form.count_width, form.count_width == 8
    blocks = -(-counts // CODES)
    markers = len(words) * 4 - _tail(counts, blocks, form)
    names = offsets * 4 + form.align - (4 if wide and byte_order == ">" else 0)
    good = np.flatnonzero(names + 2 * counts <= markers)
    low = 1 if wide and byte_order == ">" else 0
    if wide:
        other = offsets[good] + (-1 if low else 1)
        good = good[(other >= 0) & (words[other] == 0)]
    at, last = markers[good] // 4 + low, (markers[good] + (blocks[good] - 1) * width) // 4 + low
    second = np.minimum(at + width // 4, last)
    some = blocks[good] > 1
    rest = markers[good] - names[good] - words[last]  # bytes of the last block, with padding
    fits = (words[at] == 0) & (~some | (words[second] >= 2 * CODES)) & (some == (words[last] > 0))
    return np.asarray(good[fits & (rest > 0) & (rest <= CODES * _LONGEST_RECORD + form.align)])


def _tail(counts: NDArray[np.int64], blocks: NDArray[np.int64], form: Form) -> NDArray[np.int64]:
    """Return the bytes from the markers to the end."""
    markers = blocks * form.count_width
    sequences = counts * form.sequence_width
    return np.asarray(markers + -markers % form.align + sequences + -sequences % form.align)


def _prove(
    data: NDArray[np.uint8], word: int, count: int, end: int, form: Form, byte_order: Literal["<", ">"]
) -> Iterator[NameLayout]:
    """Yield the readings of one offset for each encoding of lengths that leads exactly to the markers."""
    num_syms = word - (4 if form.count_width == 8 and byte_order == ">" else 0)
    names = num_syms + form.align
    blocks = -(-count // CODES)
    sequences = end - padded(count * form.sequence_width, form.align) if form.sequence_width else None
    offset = (end if sequences is None else sequences) - padded(blocks * form.count_width, form.align)
    markers = np.frombuffer(data, f"{byte_order}u{form.count_width}", blocks, offset).astype(np.int64)
    stream = data[names : offset + 1]
    if bool((markers[1:] <= markers[:-1]).any()) or int(markers[-1]) >= offset - names or markers[0]:
        return
    walks: dict[bytes, list[Encoding]] = {}
    for encoding in get_args(Encoding):
        starts = walk_blocks(stream, count, encoding, markers)
        if starts is None:
            continue
        rest = data[names + int(starts[-1]) : offset]
        if len(rest) < form.align and not rest.any():
            walks.setdefault(starts.tobytes(), []).append(encoding)
    for walk, encodings in walks.items():
        starts = np.frombuffer(walk, np.int64)
        yield NameLayout(form, tuple(encodings), count, num_syms, names, offset, sequences, starts)
