# SPDX-License-Identifier: GPL-2.0-or-later
"""The layout of tables, read back from an object that an earlier link or build made of them.

Labels, sizes and relocations are all that room is reserved by, and an object has them: one that elfsyms wrote, one
that the kernel's own tools assembled, or one that reserves room itself. What the tables hold is not looked at.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from elfsyms.errors import InputError
from elfsyms.image.elf import SHT_REL, SHT_RELA
from elfsyms.image.machines import machine_of
from elfsyms.image.relocated import entries_of
from elfsyms.image.symbols import SHN_UNDEF, STB_GLOBAL, read_symbols
from elfsyms.pipeline.layout import Label, Layout, RelocationKind, Relocations
from elfsyms.writers.object import SECTION_FLAGS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from elfsyms.image.elf import Image, Section
    from elfsyms.image.relocated import Entries
    from elfsyms.image.symbols import SymbolTable

__all__ = ["layout_of_object"]

_NAMES = b"kallsyms_names"
_MOST_ALIGNED = 1 << 16  # bytes: the largest page
_KINDS = {b"kallsyms_relative_base": RelocationKind.WORD, b"kallsyms_offsets": RelocationKind.PC_RELATIVE}


def layout_of_object(image: Image) -> Layout:
    """Return the layout that an object was made of, without the contents of its tables.

    Raises :class:`InputError` for an object without tables, or with relocations that no tables have.
    """
    table = read_symbols(image)
    section = _section(image, table)
    labels = _labels(image, table, section)
    return Layout(
        abi=image.abi,
        section=section.name,
        blob=bytes(len(image.section_bytes(section))),
        align=_align(image, section),
        labels=labels,
        relocations=tuple(_relocations(image, section, labels)),
        anchor=_anchor(image, table),
    )


def _section(image: Image, table: SymbolTable) -> Section:
    """Return the section with the tables, whose labels are global."""
    named = [entry for name in (_NAMES, b"_" + _NAMES) for entry in table.find(name)]
    used = [entry for entry in named if table.binding[entry] == STB_GLOBAL]
    numbers = [int(table.section[entry]) for entry in used if table.section[entry] > SHN_UNDEF]
    section = image.sections[numbers[0]] if numbers and numbers[0] < len(image.sections) else None
    if section is None or section.name not in SECTION_FLAGS:
        raise InputError(
            f"{image.path} is an object without tables of symbols: give a vmlinux, or the object that was linked "
            "into it (.tmp_vmlinux2.kallsyms.o)"
        )
    return section


def _align(image: Image, section: Section) -> int:
    align = max(section.align, 1)
    if align > _MOST_ALIGNED or align & (align - 1):
        raise InputError(
            f"{image.path}: section {section.name} has an alignment of {align:#x}: it is damaged"
        )
    return align


def _labels(image: Image, table: SymbolTable, section: Section) -> tuple[Label, ...]:
    own = np.flatnonzero((table.section == section.index) & (table.binding == STB_GLOBAL)).tolist()
    labels = [Label(_name(image, table, at), int(table.value[at]), int(table.size[at])) for at in own]
    outside = next((label for label in labels if label.offset + label.size > section.size), None)
    if outside is not None:
        name = outside.name.decode("ascii")
        raise InputError(f"{image.path}: {name} does not lie in section {section.name}: it is damaged")
    return tuple(sorted(labels, key=lambda label: label.offset))


def _name(image: Image, table: SymbolTable, entry: int) -> bytes:
    """Return the name of a symbol that goes into another object; :class:`InputError` for one that is no text."""
    name = table.name(entry)
    if not name.isascii():
        raise InputError(f"{image.path}: symbol {name!r} is none that an object of tables has: it is damaged")
    return name


def _anchor(image: Image, table: SymbolTable) -> bytes:
    """Return the symbol that is defined elsewhere: all is relative to it."""
    undefined = np.flatnonzero((table.section == SHN_UNDEF) & (table.name_size > 0)).tolist()
    return _name(image, table, undefined[0]) if undefined else b"_text"


def _relocations(image: Image, section: Section, labels: tuple[Label, ...]) -> Iterator[Relocations]:
    """Yield a group for each table with relocations, told by where they lie."""
    sources = (s for s in image.sections if s.type in (SHT_REL, SHT_RELA) and s.info == section.index)
    starts = np.array([label.offset for label in labels], np.int64)
    for source in sources:
        entries = entries_of(image, source)
        index = np.searchsorted(starts, entries.offset, side="right") - 1
        for number in np.unique(index).tolist():
            name = labels[number].name.removeprefix(b"_") if number >= 0 else b""
            if name not in _KINDS:
                raise InputError(
                    f"{image.path}: {source.name} relocates {name.decode('utf-8', 'replace') or 'no table'}, "
                    "which the linker then has to fill in: link these tables in passes"
                )
            yield _group(image, section, entries, index == number, _KINDS[name])


def _group(
    image: Image, section: Section, entries: Entries, which: NDArray[np.bool_], kind: RelocationKind
) -> Relocations:
    """Return the relocations of a table, one an offset: assemblers may write two (RISC-V, LoongArch)."""
    offsets = np.unique(entries.offset[which])
    addends = np.zeros(
        len(offsets), np.int64
    )  # of offsets they follow from the link, and are filled in after it
    if kind is RelocationKind.WORD:
        addends[:] = _addend(image, section, entries, int(np.flatnonzero(which)[0]))
    return Relocations(kind, offsets.astype(np.uint64), addends)


def _addend(image: Image, section: Section, entries: Entries, row: int) -> int:
    """Return the addend of a word, which stands in the entry or in the word itself."""
    if entries.explicit and not machine_of(image.abi).in_place:
        return int(entries.addend[row])
    offset = section.offset + int(entries.offset[row])
    data = image.read_at(offset, image.abi.word)
    if len(data) < image.abi.word:
        raise InputError(f"{image.path}: a relocation of section {section.name} lies behind the file's end")
    return int(np.frombuffer(data, f"{image.abi.byte_order}i{image.abi.word}")[0])
