# SPDX-License-Identifier: GPL-2.0-or-later
"""The symbol table as arrays, and what each symbol is by the ELF file alone.

:class:`SymbolTable` is a struct of numpy arrays, one element an entry of ``.symtab``, in the file's order. Names
are not copied: an entry has the offset and length of its name in the string table. The values are the file's own;
what an nm shows of them is made by ``nm_values.py``.

Also here: the class of a symbol (absolute, per-CPU, relative to ``_text``), from section facts, never from
letters. Follows the gABI chapter "Symbol Table". Knows nothing of releases and rules.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

import numpy as np

from elfsyms.errors import InputError
from elfsyms.image.equal_names import Texts, indices_of
from elfsyms.image.sections import Sections, most_name_bytes

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from elfsyms.image.elf import Abi, Image, RawSymtab

__all__ = [
    "CLASS_NAMES",
    "SymbolClass",
    "SymbolTable",
    "classify",
    "entry_type",
    "no_symbols",
    "read_symbols",
]

STB_LOCAL, STB_GLOBAL, STB_WEAK, STB_GNU_UNIQUE = 0, 1, 2, 10
STT_OBJECT, STT_FUNC, STT_SECTION, STT_FILE, STT_COMMON, STT_GNU_IFUNC = 1, 2, 3, 4, 5, 10
SHN_UNDEF = 0
# Reserved indices as signed 16-bit numbers, so that they cannot be taken for sections of the same number.
SHN_XINDEX, SHN_COMMON, SHN_ABS, SHN_LORESERVE = -1, -14, -15, -256

_ENTRY = {
    32: [("name", "u4"), ("value", "u4"), ("size", "u4"), ("info", "u1"), ("other", "u1"), ("section", "i2")],
    64: [("name", "u4"), ("info", "u1"), ("other", "u1"), ("section", "i2"), ("value", "u8"), ("size", "u8")],
}


# Where per-CPU variables live: .data..percpu since 2.6.33, .data.percpu before, .percpu on a few ports.
_PERCPU_SECTIONS = (".data..percpu", ".data.percpu", ".percpu")


@dataclass(frozen=True, slots=True, eq=False)
class SymbolTable:
    """Every entry of ``.symtab``, the null entry included, in the file's order. All arrays have one length.

    ``name_start`` and ``name_size`` (int64) tell where in ``strings`` the name lies, without its NUL. ``value`` and
    ``size`` are uint64. ``section`` (int64) is a section header's index, or a negative ``SHN_`` number.
    """

    abi: Abi
    sections: Sections
    strings: bytes
    name_start: NDArray[np.int64]
    name_size: NDArray[np.int64]
    value: NDArray[np.uint64]
    size: NDArray[np.uint64]
    binding: NDArray[np.uint8]
    type: NDArray[np.uint8]
    section: NDArray[np.int64]

    def __len__(self) -> int:
        """Return the number of entries, the null entry included."""
        return len(self.value)

    def name(self, index: int) -> bytes:
        """Return the name of one entry."""
        start = int(self.name_start[index])
        return self.strings[start : start + int(self.name_size[index])]

    def address_of(self, name: bytes) -> int | None:
        """Return the value of the last defined symbol of that name, or None."""
        found = self.find(name)
        defined = [i for i in found if self.section[i] != SHN_UNDEF]
        return int(self.value[defined[-1]]) if defined else None

    def find(self, name: bytes) -> list[int]:
        """Return the entries of exactly that name, in the table's order."""
        return indices_of(Texts(self.strings, self.name_start, self.name_size), name)

    def section_name(self, index: int) -> str:
        """Return the name of the section that an entry is defined in, ``ABS``, ``UND`` or the like."""
        number = int(self.section[index])
        if 0 < number < len(self.sections):
            return self.sections[number].name
        special = {SHN_UNDEF: "UND", SHN_ABS: "ABS", SHN_COMMON: "COM"}
        return special.get(number, f"{number & 0xFFFF:#x}")


class SymbolClass(IntEnum):
    """What a symbol's value means when the kernel is moved."""

    RELATIVE = 0  # moves with the image
    ABSOLUTE = 1  # SHN_ABS: a number, not an offset
    PERCPU = 2  # an offset into each CPU's area, or its first copy
    UNDEFINED = 3


CLASS_NAMES = {kind.value: kind.name.lower() for kind in SymbolClass}


def read_symbols(image: Image) -> SymbolTable:
    """Decode the symbol table of an open image, with the values that the file has.

    Raises :class:`InputError` for a table that is missing, empty, cut short, or names outside its strings.
    """
    raw = image.raw_symtab()
    entry = entry_type(image.abi)
    _check_size(image, len(raw.entries), entry.itemsize)
    entries = np.frombuffer(raw.entries, entry)
    start = entries["name"].astype(np.int64)
    sizes = _name_ends(image, raw.strings, start) - start
    _check_names(image, raw, sizes)
    return SymbolTable(
        abi=image.abi,
        sections=image.sections,
        strings=raw.strings + bytes(8),  # so that eight bytes can be fetched of any name
        name_start=start,
        name_size=sizes,
        value=entries["value"].astype(np.uint64),
        size=entries["size"].astype(np.uint64),
        binding=(entries["info"] >> 4).astype(np.uint8),
        type=(entries["info"] & 15).astype(np.uint8),
        section=_section_numbers(image, entries, raw),
    )


def _check_size(image: Image, size: int, of_entry: int) -> None:
    """Refuse a symbol table of nothing but its null entry, or of no whole number of entries."""
    if size % of_entry:
        raise InputError(
            f"{image.path} is damaged: .symtab has {size:,} bytes, which are no whole entries of {of_entry}; "
            "copy it again"
        )
    if size <= of_entry:
        raise InputError(
            f"{image.path}: .symtab holds no symbols ({size} bytes), as of a stripped file; give the unstripped "
            "vmlinux of the build tree"
        )


def entry_type(abi: Abi) -> np.dtype[np.void]:
    """Return the type of one entry of ``.symtab``, fields named as in :class:`SymbolTable`."""
    return np.dtype([(name, abi.byte_order + kind) for name, kind in _ENTRY[abi.bits]])


def no_symbols(image: Image) -> SymbolTable:
    """Return a table of the null entry alone, of the image's ABI."""
    number, byte = np.zeros(1, np.int64), np.zeros(1, np.uint8)
    value = np.zeros(1, np.uint64)
    none = Sections(image.sections.rows[:0])
    return SymbolTable(image.abi, none, b"\0", number, number, value, value, byte, byte, number)


def classify(table: SymbolTable, which: NDArray[np.int64] | None = None) -> NDArray[np.uint8]:
    """Return the :class:`SymbolClass` (uint8) of every entry, or some, from sections and the per-CPU bounds."""
    section = table.section if which is None else table.section[which]
    percpu = table.sections.ask(section, lambda s: s.name.startswith(_PERCPU_SECTIONS), absent=0)
    result = np.full(len(section), SymbolClass.RELATIVE, np.uint8)
    result[percpu != 0] = SymbolClass.PERCPU
    result[section == SHN_ABS] = SymbolClass.ABSOLUTE
    bounds = _percpu_bounds(table)
    result[bounds if which is None else np.isin(which, bounds)] = SymbolClass.PERCPU
    result[section == SHN_UNDEF] = SymbolClass.UNDEFINED
    return result


def _percpu_bounds(table: SymbolTable) -> NDArray[np.int64]:
    """Find ``__per_cpu_start`` and ``__per_cpu_end``, the bounds of the area itself, which lie in any section."""
    found = [index for name in (b"__per_cpu_start", b"__per_cpu_end") for index in table.find(name)]
    return np.array([index for index in found if table.section[index] != SHN_UNDEF], np.int64)


def _name_ends(image: Image, strings: bytes, start: NDArray[np.int64]) -> NDArray[np.int64]:
    """Find the NUL that ends each name."""
    nul = np.flatnonzero(np.frombuffer(strings, np.uint8) == 0)
    if not len(nul) or int(start.max()) > int(nul[-1]):
        raise InputError(
            f"{image.path} is damaged: a symbol's name lies outside the string table; copy it again"
        )
    return np.asarray(nul[np.searchsorted(nul, start)], np.int64)


def _check_names(image: Image, raw: RawSymtab, sizes: NDArray[np.int64]) -> None:
    """Refuse names that take far more than their file, so that no work with them takes more than that either.

    Linkers let equal names, and tails of longer ones, share their bytes: in real kernels names are 1.1 times what
    the string table has. A table of 1 MB in which 40,000 symbols have one name would be 20 GB of map.
    """
    total = int(sizes.sum())
    if total > most_name_bytes(len(raw.strings) + len(raw.entries)):
        raise InputError(
            f"{image.path} is damaged: the names of its symbols are {total:,} bytes long, of {len(raw.strings):,} "
            "bytes of strings; rebuild it"
        )


def _section_numbers(image: Image, entries: NDArray[np.void], raw: RawSymtab) -> NDArray[np.int64]:
    """Resolve ``SHN_XINDEX`` through ``.symtab_shndx``; keep other reserved numbers negative."""
    section = entries["section"].astype(np.int64)
    ordinary = section >= SHN_LORESERVE
    section[(section < 0) & ~ordinary] += 1 << 16  # 0x8000 to 0xfeff are plain indices
    if len(raw.extended_indices) % 4:
        raise InputError(
            f"{image.path} is damaged: .symtab_shndx has {len(raw.extended_indices):,} bytes, which are no whole "
            "numbers of sections; copy it again"
        )
    extended = np.frombuffer(raw.extended_indices, image.abi.byte_order + "u4")
    escaped = np.flatnonzero(section[: len(extended)] == SHN_XINDEX)
    section[escaped] = extended[escaped]
    return section
