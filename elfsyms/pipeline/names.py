# SPDX-License-Identifier: GPL-2.0-or-later
"""The compressed names and their order, made or taken from the pass cache.

A kernel's link makes the tables two or three times over the same names at other addresses, and what the names
compress to depends on nothing but the names. An entry holds the codes, the tokens and the order of names, under the
names with their letters in table order, the algorithm, and the cut of LTO names.

What comes from the cache is not believed: the codes are expanded and compared with the names, and the order is
looked at (0.04 s for 200,000 names, where making both takes 0.3). So an entry of whatever origin spells the right
names; that its tokens are those that the kernel's program would choose follows from who can write there.
"""

from __future__ import annotations

import struct
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from elfsyms.pipeline.background import Background
from elfsyms.pipeline.compress import Compressed
from elfsyms.pipeline.expansion import expands_to

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from elfsyms.pipeline.cache import PassCache

__all__ = ["NameTables", "cached_names"]

_KIND = "names"
_HEAD = struct.Struct("<5Q")  # codes, symbols, sequences, bytes of tokens, pairs
_CODES = 256

NameTables = tuple[Compressed, "NDArray[np.int64]"]
"""The compressed names, and the indices of the symbols in the order of their names."""


def cached_names(
    cache: PassCache,
    material: NDArray[np.uint8],
    sizes: NDArray[np.int64],
    settings: tuple[object, ...],
    make: Callable[[], NameTables],
    is_order: Callable[[NDArray[np.int64]], bool],
) -> NameTables:
    """Return what ``make`` makes of ``material`` under ``settings``, from the cache if it has it and it is right.

    ``material`` and ``sizes`` are those of :func:`elfsyms.pipeline.tables.with_letters`; ``is_order`` tells whether
    sequences are those of the names.
    """
    source = (repr(settings).encode(), material.data)
    tables = _unpack(cache.get(_KIND, *source) or b"")
    if tables is not None and _is_right(tables, material, sizes, is_order):
        return tables
    tables = make()
    cache.put(_KIND, _pack(tables), *source)
    return tables


def _is_right(
    tables: NameTables,
    material: NDArray[np.uint8],
    sizes: NDArray[np.int64],
    is_order: Callable[[NDArray[np.int64]], bool],
) -> bool:
    compressed, sequences = tables
    expanded = Background(expands_to, compressed, material, sizes)
    in_order = is_order(sequences)
    return expanded.result() and in_order


def _pack(tables: NameTables) -> bytes:
    compressed, sequences = tables
    tokens = b"".join(compressed.tokens)
    numbers = (
        len(compressed.codes),
        len(compressed.sizes),
        len(sequences),
        len(tokens),
        len(compressed.pairs),
    )
    return b"".join(
        [
            _HEAD.pack(*numbers),
            np.array([len(token) for token in compressed.tokens], "<u4").tobytes(),
            compressed.sizes.astype("<u4").tobytes(),
            sequences.astype("<u4").tobytes(),
            tokens,
            bytes(code for pair in compressed.pairs for code in pair),
            compressed.codes.tobytes(),
        ]
    )


def _unpack(body: bytes) -> NameTables | None:
    """Return what :func:`_pack` packed; None for what it cannot have made."""
    if len(body) < _HEAD.size + 4 * _CODES:
        return None
    codes, symbols, sequences, texts, pairs = _HEAD.unpack_from(body)
    sizes = (_HEAD.size, 4 * _CODES, 4 * symbols, 4 * sequences, texts, 3 * pairs, codes)
    if sum(sizes) != len(body):
        return None
    ends = [sum(sizes[: count + 1]) for count in range(len(sizes))]
    _, lengths, counts, order, text, pair, code = (body[a:b] for a, b in pairwise([0, *ends]))
    token_ends = np.cumsum(np.frombuffer(lengths, "<u4"), dtype=np.int64).tolist()
    if token_ends[-1] != texts:
        return None
    compressed = Compressed(
        codes=np.frombuffer(code, np.uint8),
        sizes=np.frombuffer(counts, "<u4").astype(np.int64),
        tokens=tuple(text[a:b] for a, b in pairwise([0, *token_ends])),
        pairs=tuple((pair[at], pair[at + 1], pair[at + 2]) for at in range(0, len(pair), 3)),
    )
    return compressed, np.frombuffer(order, "<u4").astype(np.int64)
