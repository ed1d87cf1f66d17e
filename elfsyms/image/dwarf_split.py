# SPDX-License-Identifier: GPL-2.0-or-later
"""Split units (``-gsplit-dwarf``): a skeleton in the file, and the unit's entries in a file of its own.

The skeleton has addresses, lines and the name of a ``.dwo``; that has functions and their names, and counts into
the skeleton's part of ``.debug_addr``. Both have one identity, for files are left over from earlier builds. The
``.dwo`` are looked for where they were compiled, beside the file and above it; a package of them (``.dwp``) is
beside it.

Follows DWARF 5, sections 3.1.2, 3.1.3 and 7.3.2, and GNU's form of them in version 4. Leaves out type units.
"""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from elfsyms.image.dwarf_dwo import DwoFile, PackageUnits, damage_told, identity_of
from elfsyms.image.dwarf_forms import AT
from elfsyms.image.dwarf_package import read_package
from elfsyms.image.dwarf_pubnames import PublicNames
from elfsyms.image.linetable import joined

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping
    from contextlib import AbstractContextManager
    from pathlib import Path

    from elfsyms.image.dwarf_dwo import UnitFile
    from elfsyms.image.dwarf_entries import Information, Unit
    from elfsyms.image.linetable import LineTable

__all__ = ["SplitFiles", "SplitUnit"]

_SKELETON = 4  # DW_UT_skeleton
_KEPT = 1 << 25  # bytes of files that are kept for the next question


@dataclass(frozen=True, slots=True)
class _Skeleton:
    """What a skeleton tells of its unit; ``bases`` are what the unit's entries count from."""

    name: str
    folder: str
    identity: int
    bases: Mapping[int, int]


class SplitUnit:
    """The entries of a split unit; the lines are the skeleton's."""

    def __init__(self, units: UnitFile, unit: Unit, folder: str, lines: LineTable) -> None:
        """Take a unit of a file, and what its skeleton has: the folder it was compiled in, and the lines."""
        self.info, self.unit, self.path = units.info, unit, units.path
        self._units, self._folder, self._lines = units, folder, lines

    def damage_told(self) -> AbstractContextManager[None]:
        """Turn what a damaged file leads to into a sentence."""
        return damage_told(self.path)

    def lines(self, _unit: Unit) -> LineTable:
        """Return the line table, whose files the entries number."""
        return self._lines

    def source(self, unit: Unit) -> str:
        """Return the path of the unit's own source file."""
        top = self.info.top(unit)
        parts = (self.info.said(top, name) or "" for name in (AT.COMP_DIR, AT.NAME))
        return joined(self._folder, *parts)

    def unit_at(self, _address: int) -> int | None:
        """Return None: which unit has an address the skeletons tell."""
        return None

    def may_name(self, name: bytes) -> bool:
        """Tell whether the unit has a name, as an entry's own text or among its strings."""
        own = self.info.data[self.unit.offset : self.unit.end]
        if re.search(re.escape(name) + b"\0", own):
            return True
        return self._units.lists(name, self.unit.bases[AT.STR_OFFSETS_BASE], self.unit.offset_size)


class SplitFiles:
    """The split units of one file, each read when somebody asks for it.

    ``unread`` are the files that were wanted and are not there, or not of this build, with a word on why.
    """

    def __init__(self, info: Information, path: Path) -> None:
        """Take the information that has the skeletons, and its file."""
        self._info, self._path = info, path
        self._order = "<" if info.order == "little" else ">"
        self._files: dict[tuple[int, int], DwoFile] = {}
        self._loaded: dict[DwoFile, int] = {}  # with their sizes, the one used last behind all others
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
        units = self._units(skeleton, name)
        if units is None:
            return None
        with damage_told(units.path):
            own = units.info.based(units.offsets[skeleton.identity], skeleton.bases)
            found = SplitUnit(units, own, skeleton.folder, lines(unit))
            return found if name is None or found.may_name(name) else None

    def _units(self, skeleton: _Skeleton, name: bytes | None) -> UnitFile | None:
        """Return what has the unit of a skeleton, None where that cannot be had, or does not have a name."""
        identity = skeleton.identity
        units, why = self._package.units(identity) if self._package else None, "not there"
        if units is not None:
            return units
        for path in self._paths(skeleton):
            try:
                file = self._file(path)
                if name is not None and file.lacks(identity, name):
                    return None
                with damage_told(path):
                    if file.has(identity):
                        return file.units
                why = "of another build"
            except OSError as error:
                why = error.strerror or str(error)
        self.unread[skeleton.name] = why
        return None

    def _file(self, path: Path) -> DwoFile:
        """Return a file; what the others hold is dropped where it comes to much."""
        status = path.stat()
        key = (status.st_dev, status.st_ino)
        if key not in self._files:
            self._files[key] = DwoFile(path, self._info.sections, self._order)
        file = self._files[key]
        self._loaded.pop(file, None)
        while self._loaded and sum(self._loaded.values()) + status.st_size > _KEPT:
            oldest = next(iter(self._loaded))
            del self._loaded[oldest]
            oldest.drop()
        self._loaded[file] = status.st_size
        return file

    def _paths(self, skeleton: _Skeleton) -> Iterator[Path]:
        """Yield the files that may be a skeleton's: where it was compiled, and beside the file that has it.

        A module lies deep in its build folder, and names the file from the top of that: folders above count, too.
        """
        beside = self._path.absolute().parent
        above = (folder / skeleton.name for folder in (beside, *beside.parents))
        for path in dict.fromkeys((beside / skeleton.folder / skeleton.name, *above)):
            with suppress(OSError):  # a name that is too long for any file
                if path.is_file():
                    yield path

    @cached_property
    def _package(self) -> PackageUnits | None:
        path = self._path.with_name(f"{self._path.name}.dwp")
        with suppress(OSError):  # as above
            if path.is_file():
                with damage_told(path):
                    return PackageUnits(read_package(path), self._info.sections, self._order)
        return None


def _skeleton(info: Information, unit: Unit) -> _Skeleton | None:
    """Return what a unit tells of its split one, None where it is whole."""
    top = info.top(unit)
    values, name = top.values, info.said(top, AT.DWO_NAME, AT.GNU_DWO_NAME)
    identity = identity_of(info, unit, _SKELETON)
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
    return _Skeleton(name, info.said(top, AT.COMP_DIR) or "", identity, bases)
