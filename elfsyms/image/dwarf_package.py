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
        self._rows, columns = _read_index(sections[_INDEX], byte_order)
        self._columns = {name: columns[kind] for name, kind in PARTS.items() if kind in columns}
        for name, column in self._columns.items():
            _check_apart(name, column, len(sections[f"{name}.dwo"]))

    def get(self, name: str) -> memoryview:
        """Return the bytes of a section."""
        return self._sections.get(name, memoryview(b""))

    def parts(self, identity: int) -> dict[str, tuple[int, int]] | None:
        """Return start and size of what a unit has in each section, None where it is not in the package."""
        row = self._rows.get(identity)
        if row is None:
            return None
        return {name: (int(starts[row]), int(sizes[row])) for name, (starts, sizes) in self._columns.items()}


def _read_index(
    data: memoryview, order: str
) -> tuple[dict[int, int], dict[int, tuple[NDArray[np.uint64], NDArray[np.uint64]]]]:
    """Take the index apart: the row of each identity; and by column, a start and a size for each row."""
    if not data:
        return {}, {}
    _version, columns, units, slots = _numbers(data, 0, 4, f"{order}u4").tolist()
    hashes = _numbers(data, 16, slots, f"{order}u8")
    places = _numbers(data, 16 + 8 * slots, slots, f"{order}u4")
    cursor = 16 + 12 * slots
    kinds = _numbers(data, cursor, columns, f"{order}u4").tolist()
    starts = _numbers(data, cursor + 4 * columns, units * columns, f"{order}u4").reshape(units, columns)
    cursor += 4 * columns * (1 + units)
    sizes = _numbers(data, cursor, units * columns, f"{order}u4").reshape(units, columns)
    used = np.flatnonzero((places > 0) & (places <= units))
    rows = dict(zip(hashes[used].tolist(), (places[used].astype(np.int64) - 1).tolist(), strict=True))
    return rows, {kind: (starts[:, at], sizes[:, at]) for at, kind in enumerate(kinds)}


def _check_apart(name: str, column: tuple[NDArray[np.uint64], NDArray[np.uint64]], size: int) -> None:
    """Raise :class:`DamageError` where units' parts of a section lie over each other: each would be read anew."""
    parts = np.unique(np.stack(column), axis=1)
    if int(parts[1].sum()) > size:
        raise DamageError(f"the parts that units have of {name} lie over each other")


def _numbers(data: memoryview, at: int, count: int, kind: str) -> NDArray[np.uint64]:
    """Return so many numbers at an offset."""
    if at + count * np.dtype(kind).itemsize > len(data):
        raise DamageError(f"the index of units in {_INDEX} reaches past its end")
    return np.frombuffer(data, kind, count, at).astype(np.uint64)
