# SPDX-License-Identifier: GPL-2.0-or-later
"""Packages of split units (``.dwp``): many ``.dwo`` in one file, with an index by their identities.

Follows DWARF 5, section 7.3.5, and GNU's version 2 of the index. Leaves out type units.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from elfsyms.image.dwarf_forms import DamageError
from elfsyms.image.dwarf_sections import DebugSections
from elfsyms.image.elf import open_image

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["PARTS", "Package", "read_package"]

# The columns of the index (DW_SECT_*) of which each unit has a part of its own.
PARTS = {".debug_info": 1, ".debug_abbrev": 3, ".debug_str_offsets": 6, ".debug_rnglists": 8}
_INDEX = ".debug_cu_index"
_SECTIONS = ("info", "abbrev", "str_offsets", "rnglists", "str")


def read_package(path: Path) -> Package:
    """Read a package's index; its sections are mapped. :class:`InputError` where that cannot be done."""
    with open_image(path) as image:
        sections = DebugSections(image)
        names = [f".debug_{name}.dwo" for name in _SECTIONS]
        kept = {name: sections.get(name) for name in (*names, _INDEX)}
        return Package(path, kept, image.abi.byte_order)


class Package:
    """The units of a package by their identities."""

    def __init__(self, path: Path, sections: dict[str, memoryview], byte_order: str) -> None:
        """Take the sections by name; ``byte_order`` is struct's prefix."""
        self.path, self._sections = path, sections
        self._rows = _rows(sections[_INDEX], byte_order)

    def get(self, name: str) -> memoryview:
        """Return the bytes of a section."""
        return self._sections.get(name, memoryview(b""))

    def parts(self, identity: int) -> dict[str, tuple[int, int]] | None:
        """Return start and size of what a unit has in each section, None where it is not in the package."""
        columns = self._rows.get(identity)
        if columns is None:
            return None
        return {name: columns[kind] for name, kind in PARTS.items() if kind in columns}


def _rows(data: memoryview, order: str) -> dict[int, dict[int, tuple[int, int]]]:
    """Take the index apart: by identity and column, a start and a size."""
    if not data:
        return {}
    _version, columns, units, slots = _numbers(data, 0, 4, f"{order}u4").tolist()
    hashes = _numbers(data, 16, slots, f"{order}u8")
    places = _numbers(data, 16 + 8 * slots, slots, f"{order}u4")
    cursor = 16 + 12 * slots
    kinds = _numbers(data, cursor, columns, f"{order}u4").tolist()
    starts = _numbers(data, cursor + 4 * columns, units * columns, f"{order}u4").reshape(units, columns)
    cursor += 4 * columns * (1 + units)
    sizes = _numbers(data, cursor, units * columns, f"{order}u4").reshape(units, columns)
    used = np.flatnonzero((places > 0) & (places <= units)).tolist()
    return {
        int(hashes[slot]): dict(
            zip(kinds, zip(starts[row].tolist(), sizes[row].tolist(), strict=True), strict=True)
        )
        for slot in used
        for row in [int(places[slot]) - 1]
    }


def _numbers(data: memoryview, at: int, count: int, kind: str) -> NDArray[np.uint64]:
    """Return so many numbers at an offset."""
    if at + count * np.dtype(kind).itemsize > len(data):
        raise DamageError(f"the index of units in {_INDEX} reaches past its end")
    return np.frombuffer(data, kind, count, at).astype(np.uint64)
