# SPDX-License-Identifier: GPL-2.0-or-later
"""Split units (``-gsplit-dwarf``): a skeleton in the file, and the unit's entries in a file of its own.

The skeleton has addresses, lines and the name of a ``.dwo``; that has functions and their names, and counts into
the skeleton's part of ``.debug_addr``. Both have one identity, for files are left over from earlier builds. The
``.dwo`` are looked for where they were compiled, and beside the file; a package of them (``.dwp``) is beside it.

Follows DWARF 5, sections 3.1.2, 3.1.3 and 7.3.2, and GNU's form of them in version 4. Leaves out type units.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from io import BytesIO
from posixpath import join, normpath
from struct import error as too_short
from typing import TYPE_CHECKING

import numpy as np

from elfsyms.errors import InputError
from elfsyms.files import read_regular
from elfsyms.image.dwarf_entries import Information
from elfsyms.image.dwarf_forms import AT
from elfsyms.image.dwarf_package import PARTS, read_package
from elfsyms.image.dwarf_pubnames import PublicNames
from elfsyms.image.dwarf_sections import DebugSections
from elfsyms.image.elf import read_image
from elfsyms.image.packed_sections import has_compressed

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping
    from contextlib import AbstractContextManager
    from pathlib import Path

    from elfsyms.image.dwarf_entries import Sections, Unit
    from elfsyms.image.dwarf_package import Package
    from elfsyms.image.linetable import LineTable

__all__ = ["DamagedFileError", "SplitFiles", "SplitUnit", "damage_told"]

_SKELETON, _SPLIT = 4, 5  # DW_UT_*
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


@dataclass(frozen=True, slots=True)
class _Skeleton:
    """What a skeleton tells of its unit; ``bases`` are what the unit's entries count from."""

    name: str
    folder: str
    identity: int
    bases: Mapping[int, int]


class SplitUnit:
    """The entries of a split unit; the lines are the skeleton's."""

    def __init__(self, info: Information, unit: Unit, path: Path, folder: str, lines: LineTable) -> None:
        """Take a unit of a file, and what its skeleton has: the folder it was compiled in, and the lines."""
        self.info, self.unit, self.path = info, unit, path
        self._folder, self._lines = folder, lines

    def damage_told(self) -> AbstractContextManager[None]:
        """Turn what a damaged file leads to into a sentence."""
        return damage_told(self.path)

    def lines(self, _unit: Unit) -> LineTable:
        """Return the line table, whose files the entries number."""
        return self._lines

    def source(self, unit: Unit) -> str:
        """Return the path of the unit's own source file."""
        values = self.info.top(unit).values
        return normpath(join(self._folder, str(values.get(AT.COMP_DIR, "")), str(values.get(AT.NAME, ""))))

    def unit_at(self, _address: int) -> int | None:
        """Return None: which unit has an address the skeletons tell."""
        return None

    def may_name(self, name: bytes) -> bool:
        """Tell whether the unit has a name, as an entry's own text or among its strings."""
        text = re.escape(name) + b"\0"
        if re.search(text, self.info.data):
            return True
        found = [one.start() for one in re.finditer(text, self.info.sections.get(".debug_str"))]
        wide = self.unit.offset_size
        table = self.info.sections.get(".debug_str_offsets")[self.unit.bases[AT.STR_OFFSETS_BASE] :]
        order = "<" if self.info.order == "little" else ">"
        return bool(np.isin(np.frombuffer(table, f"{order}u{wide}", len(table) // wide), found).any())


class SplitFiles:
    """The split units of one file, each read when somebody asks for it.

    ``unread`` are the files that were wanted and are not there, or not of this build, with a word on why.
    """

    def __init__(self, info: Information, path: Path) -> None:
        """Take the information that has the skeletons, and its file."""
        self._info, self._path = info, path
        self._order = "<" if info.order == "little" else ">"
        self.unread: dict[str, str] = {}

    @cached_property
    def exist(self) -> bool:
        """Whether the file has skeletons."""
        return re.search(rb"\.dwo\0", self._info.sections.get(".debug_str")) is not None

    def candidates(self, name: bytes, holding: Collection[int | None]) -> Iterator[tuple[int, bool]]:
        """Yield the units that may have a function of a name, and whether an index tells that they have one.

        ``holding`` are units that have code of a symbol of the name, which the index may know by another one.
        """
        indexed = self._names.units if self._names.tells_of(name) else frozenset()
        naming = self._names.naming(name) if indexed else frozenset()
        for offset, _ in self._info.offsets():
            if offset in naming or offset in holding or offset not in indexed:
                yield offset, offset in naming

    @cached_property
    def _names(self) -> PublicNames:
        return PublicNames(self._info)

    def open(
        self, unit: Unit, lines: Callable[[Unit], LineTable], name: bytes | None = None
    ) -> SplitUnit | None:
        """Return the split unit of a skeleton; None where a unit is whole, or its file cannot be had.

        With a ``name``, None also where the unit does not have it. Raises :class:`InputError` for damage.
        """
        skeleton = _skeleton(self._info, unit)
        if skeleton is None:
            return None
        why = "not there"
        try:
            for path, sections in self._sources(skeleton, name):
                if sections is None:
                    return None
                with damage_told(path):
                    found = self._found(skeleton, path, sections, lines(unit))
                    if found is not None:
                        return found if name is None or found.may_name(name) else None
                why = "of another build"
        except OSError as error:
            why = error.strerror or str(error)
        self.unread[skeleton.name] = why
        return None

    def _sources(
        self, skeleton: _Skeleton, name: bytes | None
    ) -> Iterator[tuple[Path, SplitSections | None]]:
        """Yield where a unit may be; no sections for a file that is the unit's and does not have a name."""
        whole, package = self._info.sections, self._package
        parts = package.parts(skeleton.identity) if package else None
        if package is not None and parts is not None:
            yield package.path, SplitSections(whole, package, parts)
        identity = skeleton.identity.to_bytes(8, self._info.order)
        for path in self._paths(skeleton):
            data = read_regular(path)
            if name is not None and _lacks(data, identity, name + b"\0"):
                yield path, None
            yield path, SplitSections(whole, DebugSections(read_image(path, BytesIO(data))))

    def _paths(self, skeleton: _Skeleton) -> Iterator[Path]:
        """Yield the files that may be a skeleton's: where it was compiled, and beside the file that has it."""
        beside = self._path.parent
        for path in dict.fromkeys((beside / skeleton.folder / skeleton.name, beside / skeleton.name)):
            if path.is_file():
                yield path

    @cached_property
    def _package(self) -> Package | None:
        path = self._path.with_name(f"{self._path.name}.dwp")
        if not path.is_file():
            return None
        with damage_told(path):
            return read_package(path)

    def _found(
        self, skeleton: _Skeleton, path: Path, sections: SplitSections, lines: LineTable
    ) -> SplitUnit | None:
        """Return the skeleton's unit among those of a file, None where it is not there."""
        info = Information(sections, self._order, skeleton.bases)
        for offset, _ in info.offsets():
            unit = info.unit(offset)
            if _identity(info, unit, _SPLIT) == skeleton.identity:
                return SplitUnit(info, unit, path, skeleton.folder, lines)
        return None


def _lacks(data: bytes, identity: bytes, text: bytes) -> bool:
    """Tell at a glance that a file is the one that is wanted, and does not have a text."""
    return text not in data and identity in data and not has_compressed(data)


def _skeleton(info: Information, unit: Unit) -> _Skeleton | None:
    """Return what a unit tells of its split one, None where it is whole."""
    values = info.top(unit).values
    name = values.get(AT.DWO_NAME, values.get(AT.GNU_DWO_NAME))
    identity = _identity(info, unit, _SKELETON)
    if name is None or identity is None:
        return None
    new, wide = unit.version >= 5, unit.offset_size == 8
    bases = {
        AT.LOW_PC: values.get(AT.LOW_PC, 0),
        AT.ADDR_BASE: unit.bases.get(AT.ADDR_BASE, 8 if new else 0),
        AT.GNU_RANGES_BASE: values.get(AT.GNU_RANGES_BASE, 0),
        AT.STR_OFFSETS_BASE: (16 if wide else 8) if new else 0,  # behind the header, which is new, too
        AT.RNGLISTS_BASE: 20 if wide else 12,
    }
    return _Skeleton(str(name), str(values.get(AT.COMP_DIR, "")), identity, bases)


def _identity(info: Information, unit: Unit, kind: int) -> int | None:
    """Return what a skeleton and its split unit have in common; None for a unit of another kind."""
    if unit.version < 5:
        number = info.top(unit).values.get(AT.GNU_DWO_ID)
        return None if number is None else int(number)
    at = unit.offset + (14 if unit.offset_size == 8 else 6)
    return info.number(info.data, unit.first - 8, 8) if info.data[at] == kind else None
