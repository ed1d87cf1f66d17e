# SPDX-License-Identifier: GPL-2.0-or-later
"""Files of split units: a ``.dwo``, or what one unit has in a package, and which units these hold.

A file is named by another file, and may be named for all of its units: so it is read once for the questions that
follow each other, and its units are found by their identities.

Follows DWARF 5, sections 3.1.2, 3.1.3 and 7.3.2, and GNU's form of them in version 4. Leaves out type units.
"""

from __future__ import annotations

import os
import re
from contextlib import contextmanager
from errno import EFBIG, ENOEXEC
from functools import cached_property
from io import BytesIO
from struct import error as too_short
from typing import TYPE_CHECKING

import numpy as np

from elfsyms.errors import InputError
from elfsyms.files import MOST, open_regular
from elfsyms.image.dwarf_entries import Information
from elfsyms.image.dwarf_forms import AT
from elfsyms.image.dwarf_package import PARTS
from elfsyms.image.dwarf_sections import DebugSections
from elfsyms.image.elf import read_image
from elfsyms.image.packed_sections import has_compressed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from elfsyms.image.dwarf_entries import Sections, Tables, Unit
    from elfsyms.image.dwarf_package import Package

__all__ = [
    "DamagedFileError",
    "DwoFile",
    "PackageUnits",
    "UnitFile",
    "damage_told",
    "identity_of",
]

_SPLIT = 5  # DW_UT_split_compile
_MAGIC = b"\x7fELF"
# Of a split unit, what stays in the file with the skeleton.
_WHOLE = (".debug_addr", ".debug_ranges", ".debug_line", ".debug_line_str")


class DamagedFileError(InputError):
    """Debug information that is damaged; the sentence names the file."""


@contextmanager
def damage_told(path: Path) -> Iterator[None]:
    """Turn what a damaged file leads to into a sentence."""
    try:
        yield
    except DamagedFileError:
        raise
    except (LookupError, OverflowError, RecursionError, TypeError, ValueError, too_short, InputError) as why:
        raise DamagedFileError(f"{path}: its debug information is damaged ({why})") from why


class SplitSections:
    """The sections that a split unit reads, by the names that they have in a whole file."""

    def __init__(
        self, whole: Sections, split: Sections, parts: Mapping[str, tuple[int, int]] | None = None
    ) -> None:
        """Take the skeleton's file and the split one; ``parts`` are the unit's own, where that is a package."""
        self._whole, self._split, self._parts = whole, split, parts

    def get(self, name: str) -> memoryview:
        """Return the bytes of a section."""
        if name in _WHOLE:
            return self._whole.get(name)
        data = self._split.get(f"{name}.dwo")
        if self._parts is None or name not in PARTS:
            return data
        start, size = self._parts.get(name, (0, 0))
        return data[start : start + size]


class UnitFile:
    """A file of split units, or what one of them has in a package."""

    def __init__(
        self, path: Path, sections: SplitSections, order: str, names: Names, tables: Tables | None = None
    ) -> None:
        """Take the sections, and what finds names among their strings; ``tables`` as :class:`Information` does."""
        self.path, self.info, self._names = path, Information(sections, order, tables), names
        self._last: tuple[tuple[bytes, int, int], int] | None = None

    @cached_property
    def offsets(self) -> dict[int, int]:
        """Where the units are, by their identities."""
        units = (self.info.unit(offset) for offset, _ in self.info.offsets())
        found = ((identity_of(self.info, unit, _SPLIT), unit.offset) for unit in units)
        return {identity: offset for identity, offset in found if identity is not None}

    def lists(self, name: bytes, base: int, wide: int) -> bool:
        """Tell whether a table of string offsets has a name, from a base on; its numbers have ``wide`` bytes."""
        key = name, wide, base % wide
        if self._last is None or self._last[0] != key:
            self._last = key, self._last_place(*key)
        return self._last[1] >= base

    def _last_place(self, name: bytes, wide: int, phase: int) -> int:
        """Return the last offset of the table at which a number leads to a name, -1 for none."""
        table, found = self.info.sections.get(".debug_str_offsets")[phase:], self._names.find(name)
        order = "<" if self.info.order == "little" else ">"
        places = np.flatnonzero(np.isin(np.frombuffer(table, f"{order}u{wide}", len(table) // wide), found))
        return phase + wide * int(places[-1]) if len(places) else -1


class Names:
    """Where names stand among strings; that of the last one is known."""

    def __init__(self, strings: memoryview) -> None:
        """Take the strings."""
        self._strings = strings
        self._known: tuple[bytes, list[int]] = b"", []

    def find(self, name: bytes) -> list[int]:
        """Return the offsets of a name, by itself or as the end of others."""
        if name != self._known[0]:
            text = re.escape(name) + b"\0"
            self._known = name, [one.start() for one in re.finditer(text, self._strings)]
        return self._known[1]


class DwoFile:
    """A ``.dwo`` and which units it has; what it holds is read when it is asked for, and again once dropped."""

    def __init__(self, path: Path, whole: Sections, order: str) -> None:
        """Take a file, and the sections that have the skeletons."""
        self._path, self._whole, self._order = path, whole, order
        self._glanced, self._identities = False, frozenset[int]()
        self._data: bytes | None = None
        self._units: UnitFile | None = None

    def lacks(self, identity: int, name: bytes) -> bool:
        """Tell at a glance, once, that the file has a unit and not a name; raises :class:`OSError`."""
        if self._glanced:
            return False
        self._glanced, data = True, self._read()
        octets = identity.to_bytes(8, "little" if self._order == "<" else "big")
        return name + b"\0" not in data and octets in data and not has_compressed(data)

    def has(self, identity: int) -> bool:
        """Tell whether the file has a unit; raises what :attr:`units` does."""
        self._identities = self._identities or frozenset(self.units.offsets)
        return identity in self._identities

    @property
    def units(self) -> UnitFile:
        """The units; :class:`OSError` for a file that is not to be read, :class:`InputError` for a damaged one."""
        if self._units is None:
            sections = DebugSections(read_image(self._path, BytesIO(self._read())))
            strings = Names(sections.get(".debug_str.dwo"))
            self._units = UnitFile(self._path, SplitSections(self._whole, sections), self._order, strings)
        return self._units

    def drop(self) -> None:
        """Forget what the file holds."""
        self._data = self._units = None

    def _read(self) -> bytes:
        if self._data is None:
            self._data = read_elf(self._path)
        return self._data


def read_elf(path: Path) -> bytes:
    """Return a small ELF file's bytes; :class:`OSError` for any other.

    A name in a file may lead anywhere: what says that it has no bytes, as files of ``/proc`` do that lose what is
    read of them, is not read, and of what is no ELF file nothing is told.
    """
    with os.fdopen(open_regular(path), "rb") as stream:
        size = os.fstat(stream.fileno()).st_size
        if size > MOST:
            raise OSError(EFBIG, os.strerror(EFBIG), str(path))
        if size < len(_MAGIC) or stream.read(len(_MAGIC)) != _MAGIC:
            raise OSError(ENOEXEC, "no ELF file", str(path))
        return _MAGIC + stream.read(size - len(_MAGIC))


class PackageUnits:
    """The units of a package, with what they share."""

    def __init__(self, package: Package, whole: Sections, order: str) -> None:
        """Take a package, and the sections that have the skeletons."""
        self._package, self._whole, self._order = package, whole, order
        self._names = Names(package.get(".debug_str.dwo"))
        self._tables: dict[int, Tables] = {}  # abbreviations, by where their part begins
        self._units: dict[int, UnitFile] = {}

    def units(self, identity: int) -> UnitFile | None:
        """Return what a unit has in the package, None where it is not there; :class:`InputError` for damage."""
        parts = self._package.parts(identity)
        if parts is None:
            return None
        if identity not in self._units:
            path, sections = self._package.path, SplitSections(self._whole, self._package, parts)
            tables = self._tables.setdefault(parts.get(".debug_abbrev", (0, 0))[0], {})
            self._units[identity] = UnitFile(path, sections, self._order, self._names, tables)
        with damage_told(self._package.path):
            return self._units[identity] if identity in self._units[identity].offsets else None


def identity_of(info: Information, unit: Unit, kind: int) -> int | None:
    """Return what a skeleton and its split unit have in common; None for a unit of another kind."""
    if unit.version < 5:
        number = info.top(unit).values.get(AT.GNU_DWO_ID)
        return None if number is None else int(number)
    at = unit.offset + (14 if unit.offset_size == 8 else 6)
    return info.number(info.data, unit.first - 8, 8) if info.data[at] == kind else None
