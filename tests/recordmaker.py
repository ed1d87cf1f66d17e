# SPDX-License-Identifier: GPL-2.0-or-later
"""Records of a few symbols, without an ELF file around them; names may share their tails, as linkers do it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from elfsyms.image.records import Records

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["records_of"]


def records_of(rows: Sequence[tuple[int, str, bytes]]) -> Records:
    """Return the records of rows of address, letter and name; a name lies in a longer one where it can."""
    pool = b"\0"
    for name in sorted({name for _, _, name in rows}, key=len, reverse=True):
        if name + b"\0" not in pool:
            pool += name + b"\0"
    return Records(
        symbol=np.arange(1, len(rows) + 1, dtype=np.int64),
        address=np.array([address for address, _, _ in rows], np.uint64),
        letter=np.array([ord(letter) for _, letter, _ in rows], np.uint8),
        defined=np.ones(len(rows), np.bool_),
        pool=pool,
        start=np.array([pool.index(name + b"\0") for _, _, name in rows], np.int64),
        size=np.array([len(name) for _, _, name in rows], np.int64),
    )
