# SPDX-License-Identifier: GPL-2.0-or-later
"""Program headers: what the loader maps of a file, or a core dump has of memory.

All are read at once: a damaged header may claim sixty thousand of them. Follows the gABI, chapter "Program Header".
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from elfsyms.image.sections import header_rows

__all__ = ["Segment", "read_segments"]


@dataclass(frozen=True, slots=True)
class Segment:
    """One program header: what the loader maps from the file, or a core dump has of memory."""

    type: int
    flags: int
    offset: int
    address: int
    file_size: int
    size: int


_FIELDS = ("type", "flags", "offset", "address", "file_size", "size")
_ORDER = {  # the two classes have the flags in other places
    32: ("type", "offset", "address", "physical", "file_size", "size", "flags", "align"),
    64: ("type", "flags", "offset", "address", "physical", "file_size", "size", "align"),
}


def read_segments(data: bytes, step: int, bits: int, byte_order: str) -> tuple[Segment, ...]:
    """Return the program headers in a table of ``step`` bytes each.

    Raises :class:`ValueError` for headers that are shorter than their class has them.
    """
    rows = header_rows(data, step, _segment_type(bits, byte_order))
    columns = (rows[name].tolist() for name in _FIELDS)
    return tuple(Segment(*values) for values in zip(*columns, strict=True))


def _segment_type(bits: int, byte_order: str) -> np.dtype[np.void]:
    word = f"{byte_order}u{bits // 8}"
    number = f"{byte_order}u4"
    return np.dtype([(name, number if name in ("type", "flags") else word) for name in _ORDER[bits]])
