# SPDX-License-Identifier: GPL-2.0-or-later
"""Text in nm's form: ``ADDRESS LETTER NAME``, a line a symbol.

This is ``System.map`` when the records are those that the release's ``mksysmap`` leaves. Follows ``binutils/nm.c``,
``print_value`` and ``set_print_width``: at least 16 digits for ELF64 and 8 for ELF32, blanks of that width for an
undefined symbol. A 32-bit MIPS address, which BFD sign-extends, so has 16 digits from 0x80000000 on and 8 below.
Built by array steps: formatted line by line, 200,000 symbols take three times as long.
"""

from __future__ import annotations

from io import BytesIO
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from elfsyms.image.records import gather

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from elfsyms.image.elf import Abi
    from elfsyms.image.records import Records

__all__ = ["hex_digits", "map_lines", "map_text"]

_HEX = np.frombuffer(b"".join(b"%02x" % byte for byte in range(256)), "u2")
_BLOCK = 1 << 13  # records
_DIGITS, _HEAD = 16, 19  # of the widest address; of that, a blank, the letter, a blank
_BETWEEN = 4  # a blank, the letter, a blank; behind the name a newline


def map_lines(records: Records, abi: Abi) -> list[bytes]:
    """Return the records as ``nm`` prints them, one text each, without the newline that ends it."""
    lines: list[bytes] = []
    for text, ends in _texts(records, abi):
        starts = [0, *ends.tolist()]
        lines += [text[start : end - 1].tobytes() for start, end in pairwise(starts)]
    return lines


def map_text(records: Records, abi: Abi) -> bytes:
    """Return the records as ``nm`` prints them, a line each."""
    size = int(_digits(records, abi).sum()) + int(records.size.sum()) + _BETWEEN * len(records)
    whole = BytesIO(bytes(size))  # which hands out what it holds, where a join would have everything twice
    for text, _ in _texts(records, abi):
        whole.write(text.data)
    return whole.getvalue()


def _texts(records: Records, abi: Abi) -> Iterator[tuple[NDArray[np.uint8], NDArray[np.int64]]]:
    """Yield the text in blocks of records that fit the cache, as :func:`_text` makes it."""
    for first in range(0, len(records), _BLOCK):
        yield _text(records.part(first, first + _BLOCK), abi)


def _text(records: Records, abi: Abi) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Return the text, and where each record's piece of it ends, behind its newline."""
    head = np.full((len(records), _HEAD), ord(" "), np.uint8)
    head[:, :_DIGITS] = np.where(records.defined[:, None], hex_digits(records.address), ord(" "))
    head[:, _DIGITS + 1] = records.letter
    blank = _DIGITS - _digits(records, abi)
    size = np.column_stack([_HEAD - blank, records.size + 1])  # a name, and what ends it in its pool
    names = gather(np.frombuffer(records.pool, np.uint8), records.start, size[:, 1])
    begin = np.cumsum(size[:, 1]) - size[:, 1]
    start = np.column_stack([np.arange(len(records)) * _HEAD + blank, head.size + begin])
    text = gather(np.concatenate([head.ravel(), names]), start.ravel(), size.ravel())
    ends = np.cumsum(size.sum(axis=1))
    text[ends - 1] = ord("\n")
    return text, ends


def _digits(records: Records, abi: Abi) -> NDArray[np.int64]:
    """Return how many columns each address takes."""
    wide = records.defined & (records.address >> np.uint64(32) != 0)
    return np.where(wide | (abi.bits == 64), _DIGITS, _DIGITS // 2)


def hex_digits(address: NDArray[np.uint64]) -> NDArray[np.uint8]:
    """Return the 16 lower-case digits of each number (uint8), one row each."""
    pairs = address.astype(">u8").view(np.uint8).reshape(len(address), 8)
    return _HEX[pairs].view(np.uint8).reshape(len(address), _DIGITS)
