# SPDX-License-Identifier: GPL-2.0-or-later
"""The anchor for names that are not compressed, as OpenWrt's kernels have them: there are no token tables.

A record is a length, a letter and a name. Every kernel has ``_text`` or ``_stext``; where one stands behind its
letter and the right length, the stream of names is near. Each word in front that could be ``kallsyms_num_syms``
is tried: from there on, record must follow record up to that symbol, and ``num_syms`` of them must end at their
markers.

Follows OpenWrt's ``203-kallsyms_uncompressed.patch`` of 2016 to 2026. Leaves out the tables behind
(``address_layouts.py``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

from elfsyms.decode.name_layouts import FORMS, Encoding, Form, NameLayout, padded
from elfsyms.detect.name_records import walk_lengths
from elfsyms.releases.table_labels import CODES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from mmap import mmap

    from numpy.typing import NDArray

__all__ = ["PlainNames", "find_plain_names"]

_WANTED = (b"_stext", b"_text")
_LETTERS = b"ABCDGINRSTUVWabcdginrstuvwpei?-"
_REACHES = (1 << 12, 1 << 16, 1 << 20, 1 << 22)  # bytes between num_syms and the symbol
_MOST_SYMBOLS = 1 << 23
_MOST_FOUND = 64  # occurrences that are looked at
_NUMBERS: tuple[tuple[Literal["<", ">"], int], ...] = tuple(
    (o, a) for o in ("<", ">") for a in (4, 8, 16, 256)
)


@dataclass(frozen=True, slots=True)
class PlainNames:
    """A stream of plain names that is proved, its byte order, and where the table behind it begins."""

    byte_order: Literal["<", ">"]
    layout: NameLayout
    behind: int


def find_plain_names(data: bytes | mmap, octets: NDArray[np.uint8]) -> list[PlainNames]:
    """Return the streams of names that are not compressed; ``octets`` are the same bytes as ``data``."""
    for record in _records(data):
        for reach in _REACHES:
            if found := list(_streams(octets, record, reach)):
                return found
    return []


def _records(data: bytes | mmap) -> Iterator[int]:
    """Yield where a record of a symbol that every kernel has begins."""
    for name in _WANTED:
        at, seen = data.find(name), 0
        while at >= 0 and seen < _MOST_FOUND:
            if at >= 2 and data[at - 1] in b"tTaA" and data[at - 2] == len(name) + 1:
                seen += 1
                yield at - 2
            at = data.find(name, at + 1)


def _streams(octets: NDArray[np.uint8], record: int, reach: int) -> Iterator[PlainNames]:
    first = max(record - reach, 0)
    window = octets[first : record + 4]
    for byte_order, align in _NUMBERS:
        numbers = np.ndarray((max(record - first, 0),), f"{byte_order}u4", window, strides=(1,))
        for offset in _starts(octets, first, record, numbers, align):
            yield from _prove(octets, offset, int(numbers[offset - first]), align, byte_order)


def _starts(
    octets: NDArray[np.uint8], first: int, record: int, numbers: NDArray[np.uint32], align: int
) -> Iterator[int]:
    """Yield the offsets of numbers from behind which records follow each other up to the known one."""
    offsets = np.flatnonzero((numbers > 0) & (numbers < _MOST_SYMBOLS)) + first
    offsets = offsets[offsets + align <= record]
    letters = np.isin(octets[np.minimum(offsets + align + 1, len(octets) - 1)], list(_LETTERS))
    for offset in offsets[letters].tolist():
        if _leads(octets, offset + align, record) or _leads(octets, offset + align - 4, record):
            yield offset


def _leads(octets: NDArray[np.uint8], at: int, record: int) -> bool:
    while at < record:
        size = int(octets[at])
        head = 2 if size >= 0x80 else 1
        if size < 2 or int(octets[at + head]) not in _LETTERS:
            return False
        at += head + (size if head == 1 else size - 0x80 | int(octets[at + 1]) << 7)
    return at == record


def _prove(
    octets: NDArray[np.uint8], word: int, count: int, align: int, byte_order: Literal["<", ">"]
) -> Iterator[PlainNames]:
    """Yield the readings whose markers agree with the records, for each width of markers and sequences."""
    for form in FORMS:
        if form.align != align:
            continue
        shift = 4 if form.count_width == 8 and byte_order == ">" else 0
        names = word - shift + align
        stream = octets[names : names + count * CODES].tobytes()
        for encoding in get_args(Encoding):
            starts = walk_lengths(stream, count, encoding)
            if len(starts) == count + 1:
                yield from _with_markers(octets, (word - shift, names), starts, form, byte_order, encoding)


def _with_markers(
    octets: NDArray[np.uint8],
    offsets: tuple[int, int],
    starts: NDArray[np.int64],
    form: Form,
    byte_order: Literal["<", ">"],
    encoding: Encoding,
) -> Iterator[PlainNames]:
    num_syms, names = offsets
    count, width = len(starts) - 1, form.count_width
    blocks = -(-count // CODES)
    markers = names + padded(int(starts[-1]), form.align)
    end = markers + padded(blocks * width, form.align)
    if end > len(octets):
        return
    values = np.frombuffer(octets, f"{byte_order}u{width}", blocks, markers).astype(np.int64)
    if not np.array_equal(values, starts[:-1:CODES]):
        return
    sequences = end if form.sequence_width else None
    behind = end + padded(count * form.sequence_width, form.align)
    layout = NameLayout(form, (encoding,), count, num_syms, names, markers, sequences, starts)
    yield PlainNames(byte_order, layout, behind)
