# SPDX-License-Identifier: GPL-2.0-or-later
"""The anchor of a search without labels: ``kallsyms_token_index`` behind ``kallsyms_token_table``.

256 strictly rising 16-bit numbers that begin with 0, and in front of them 256 texts that end in NUL at exactly
these offsets: every kernel from 2.6.12 on with compressed names has that, whatever its release, class or
machine. A third law tells the true ones from chance: a byte that occurs in any text is a code that stands for
itself, for the generator gives no other meaning to a byte that names use.

The scan looks at one row of 16 bytes in 256, which each index of 512 bytes must cover, wherever it begins: 64 MiB
take some 30 ms. Follows ``scripts/kallsyms.c``, ``write_src``. Leaves out the other tables (``name_layouts.py``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from elfsyms.releases.table_labels import CODES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

__all__ = ["TokenAnchor", "find_token_anchors"]

_ROW = 256  # bytes from one sample to the next
_SAMPLE = 18  # bytes of a sample: eight numbers at an even place or an odd one, and one byte to be even
_CHUNK = _ROW << 18  # bytes looked at in one go: 64 MiB
_WIDEST_PADDING = 256  # bytes; ``.align 8`` of before 5.0 on arm64 and others
_LONGEST_TEXT = 4096  # bytes; a text is part of a name, and names are no longer


@dataclass(frozen=True, slots=True)
class TokenAnchor:
    """Where the two token tables lie (offsets in the bytes searched), their byte order, and the 256 texts."""

    byte_order: Literal["<", ">"]
    table: int
    index: int
    tokens: tuple[bytes, ...]

    @property
    def size(self) -> int:
        """The bytes of the token table, padding apart."""
        return sum(map(len, self.tokens)) + CODES


def find_token_anchors(data: NDArray[np.uint8]) -> tuple[list[TokenAnchor], int]:
    """Return the anchors in the order of their offsets, and how many indices lacked the texts (near misses)."""
    offsets = sorted(set(_indices(data)))
    anchors = [anchor for index, order in offsets if (anchor := _anchor(data, index, order))]
    return anchors, len(offsets) - len(anchors)


def _indices(data: NDArray[np.uint8]) -> Iterator[tuple[int, Literal["<", ">"]]]:
    """Yield offset and byte order of every 256 numbers that rise from 0."""
    for start in range(0, len(data), _CHUNK):
        samples = _samples(data[start : start + _CHUNK + _SAMPLE])
        for parity in (0, 1):
            for order in ("<", ">"):
                for row in _rising_rows(samples, parity, order).tolist():
                    if (at := _run_start(data, start + parity + row * _ROW, order)) is not None:
                        yield at, order


def _samples(data: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the first bytes of every row, side by side, so that each is fetched from memory once."""
    count = max(len(data) - _SAMPLE, 0) // _ROW + (len(data) >= _SAMPLE)
    rows = np.ndarray((count, _SAMPLE), np.uint8, data.data if count else b"", strides=(_ROW, 1))
    return np.ascontiguousarray(rows)


def _rising_rows(samples: NDArray[np.uint8], parity: int, order: Literal["<", ">"]) -> NDArray[np.int64]:
    """Return the rows that have eight rising numbers from a byte on, each test on what the last one left."""
    if not len(samples):
        return np.empty(0, np.int64)
    numbers = np.ndarray((len(samples), 8), f"{order}u2", samples, parity, (_SAMPLE, 2))
    rows = np.flatnonzero(numbers[:, 0] < numbers[:, 1])
    for column in range(1, 7):
        rows = rows[numbers[rows, column] < numbers[rows, column + 1]]
    return rows


def _run_start(data: NDArray[np.uint8], inside: int, order: Literal["<", ">"]) -> int | None:
    """Return where 256 numbers that rise from 0 begin, of which one lies at ``inside``."""
    first = max(inside - 2 * CODES, inside % 2)
    around = data[first : inside + 2 * CODES]
    numbers = around[: len(around) // 2 * 2].view(f"{order}u2")
    middle = (inside - first) // 2
    falls = np.flatnonzero(numbers[1 : middle + 1] <= numbers[:middle])
    start = int(falls[-1]) + 1 if falls.size else 0
    run = numbers[start : start + CODES]
    if len(run) < CODES or run[0] != 0 or not bool((run[1:] > run[:-1]).all()):
        return None
    return first + 2 * start


def _anchor(data: NDArray[np.uint8], index: int, order: Literal["<", ">"]) -> TokenAnchor | None:
    """Return the anchor whose index lies there, if texts of exactly these lengths end in front of it."""
    offsets = data[index : index + 2 * CODES].view(f"{order}u2").astype(np.int64)
    first = max(index - int(offsets[-1]) - _LONGEST_TEXT - _WIDEST_PADDING, 0)
    before = data[first:index]
    ends = np.flatnonzero(before == 0)
    trailing = _trailing_zeros(before)
    for last in range(len(ends) - 1, max(len(ends) - trailing, CODES - 1) - 1, -1):
        mine = ends[last - CODES + 1 : last + 1]
        start = int(mine[0]) + 1 - int(offsets[1])
        if start >= 0 and bool((mine[:-1] - start + 1 == offsets[1:]).all()):
            texts = tuple(before[start : int(mine[-1])].tobytes().split(b"\0"))
            return TokenAnchor(order, first + start, index, texts) if _closed(texts) else None
    return None


def _trailing_zeros(data: NDArray[np.uint8]) -> int:
    """Return how many zeros end the bytes, those of the last text and of the padding, no more than these can be."""
    tail = data[-_WIDEST_PADDING - CODES :]
    others = np.flatnonzero(tail)
    return len(tail) - 1 - int(others[-1]) if others.size else len(tail)


def _closed(tokens: tuple[bytes, ...]) -> bool:
    """Tell whether each byte in a text stands for itself, and there are some."""
    used = set(b"".join(tokens))
    return bool(used) and all(tokens[code] == bytes([code]) for code in used)
