# SPDX-License-Identifier: GPL-2.0-or-later
"""A :class:`Layout` as a relocatable ELF object: what the assembler would make of the release's ``.S``.

The only module that touches LIEF, and only inside functions: importing it takes half a second of CPU, which
:func:`preload` lets another process spend while the tables are computed.

LIEF cannot make an ELF file from nothing, and takes a section's contents slowly: 65 ms for a list of 5 MiB,
321 ms for an array. So an image is made for it to parse. It has the header, with all that LIEF lets nobody
change later (class, byte order, machine), then the tables, the packed relocations, and room for the rest;
sections are laid over these ranges, and LIEF composes symbols, string tables and section headers. 11 MB with
200,000 relocations take 45 ms, most of it the first touch of LIEF's copies; 20 ms with memory at hand. Since
LIEF logs errors where others raise, ``readback.py`` then checks the result against the plan.

Follows the gABI, chapters "ELF Header", "Sections" and "Symbol Table". Leaves out what an assembler adds and
no link was found to miss: empty ``.text``, ``.data`` and ``.bss``, section symbols, attribute sections, and on
RISC-V and LoongArch a local symbol at each relocated field (``machines.py`` says why).
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np

from elfsyms.errors import EncodeError
from elfsyms.image.machines import machine_of
from elfsyms.writers.readback import ObjectPlan, PlannedSection, PlannedSymbol, check_object
from elfsyms.writers.relocations import relocation_entries, tables_with_addends
from elfsyms.writers.skeleton import SYMBOL, skeleton

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import lief

    from elfsyms.image.elf import Abi
    from elfsyms.image.machines import Machine
    from elfsyms.pipeline.layout import Layout

__all__ = ["plan_object", "preload", "write_object"]

SHT_PROGBITS, SHT_SYMTAB, SHT_STRTAB, SHT_RELA, SHT_REL = 1, 2, 3, 4, 9
SHF_WRITE, SHF_ALLOC, SHF_INFO_LINK = 0x1, 0x2, 0x40

SECTION_FLAGS: Final = {".rodata": SHF_ALLOC, ".data": SHF_ALLOC | SHF_WRITE}
TABLES = 1  # index of the section with the tables, the first after the null one


def preload() -> None:
    """Import LIEF, for a process that has time to do so before its layout is there."""
    import lief  # noqa: F401, PLC0415 (0.5 s of CPU, see above)


def write_object(layout: Layout) -> bytes:
    """Return the bytes of the object; equal layouts give equal bytes.

    Raises :class:`InputError` for a machine whose relocations are not known, and :class:`EncodeError` for a
    layout that its object format cannot express, or when the object read back is not the one planned.
    """
    plan = plan_object(layout)
    image = _compose(plan)
    check_object(image, plan)
    return image


def plan_object(layout: Layout) -> ObjectPlan:
    """Plan the object of a layout; raises what :func:`write_object` raises of machines and relocations."""
    layout = replace(layout, relocations=tuple(group for group in layout.relocations if group.offsets.size))
    machine = machine_of(layout.abi)
    symbols = _symbols(layout, machine)
    return ObjectPlan(
        abi=replace(layout.abi, flags=layout.abi.flags & ~machine.linked_flags),
        sections=_sections(layout, machine, symbols),
        symbols=symbols,
    )


def _symbols(layout: Layout, machine: Machine) -> tuple[PlannedSymbol, ...]:
    """List the mapping symbol, the labels, then the anchor if anything is relative to it, as an assembler does.

    A mapping symbol says that data begin here. A linked image keeps it, in its symbol table alone.
    """
    mapped = machine.mapping_symbol if layout.blob else ""
    mapping = [PlannedSymbol(mapped.encode(), TABLES, local=True)] if mapped else []
    labels = [PlannedSymbol(label.name, TABLES, label.offset, label.size) for label in layout.labels]
    anchor = [PlannedSymbol(layout.anchor, section=0)] if layout.relocations else []
    return (*mapping, *labels, *anchor)


def _sections(
    layout: Layout, machine: Machine, symbols: Sequence[PlannedSymbol]
) -> tuple[PlannedSection, ...]:
    symtab = TABLES + (2 if layout.relocations else 1)
    bulk = [_tables(layout, machine)]
    if layout.relocations:
        bulk.append(_relocations(layout, machine, symtab, anchor=len(symbols)))
    note = PlannedSection(".note.GNU-stack", SHT_PROGBITS, size=0)
    names = [*(section.name for section in (*bulk, note)), ".symtab", ".strtab", ".shstrtab"]
    return (
        *bulk,
        _symbol_table(layout.abi, symbols, strtab=symtab + 1),
        PlannedSection(".strtab", SHT_STRTAB, _room(symbol.name for symbol in symbols)),
        PlannedSection(".shstrtab", SHT_STRTAB, _room(name.encode() for name in names)),
        note,
    )


def _tables(layout: Layout, machine: Machine) -> PlannedSection:
    content = tables_with_addends(layout, machine)
    return PlannedSection(
        layout.section,
        SHT_PROGBITS,
        content.size,
        content,
        flags=SECTION_FLAGS[layout.section],
        align=layout.align,
    )


def _relocations(layout: Layout, machine: Machine, symtab: int, anchor: int) -> PlannedSection:
    entries = relocation_entries(layout, machine, symbol=anchor)
    content = entries.view(np.uint8)
    return PlannedSection(
        (".rela" if machine.rela else ".rel") + layout.section,
        SHT_RELA if machine.rela else SHT_REL,
        content.size,
        content,
        flags=SHF_INFO_LINK,
        link=symtab,
        info=TABLES,
        align=layout.abi.word,
        entry_size=entries.itemsize,
    )


def _symbol_table(abi: Abi, symbols: Sequence[PlannedSymbol], strtab: int) -> PlannedSection:
    entry_size = SYMBOL[abi.bits].of(abi.byte_order).size
    return PlannedSection(
        ".symtab",
        SHT_SYMTAB,
        (1 + len(symbols)) * entry_size,
        link=strtab,
        info=1 + sum(symbol.local for symbol in symbols),  # the first global one; the null symbol is local
        align=abi.word,
        entry_size=entry_size,
    )


def _room(names: Iterable[bytes]) -> int:
    """Return the most that a string table of these names can take; LIEF lets names share their tails."""
    return 1 + sum(len(name) + 1 for name in names)


def _compose(plan: ObjectPlan) -> bytes:
    parts, offsets = skeleton(plan)
    image = b"".join(parts)
    with _quiet():
        binary = _parse(image)
        for section, offset in zip(plan.sections, offsets, strict=True):
            _lay(binary, section, offset)
        for symbol in (PlannedSymbol(b"", section=0), *plan.symbols):
            binary.add_symtab_symbol(_symbol(symbol))
        names = [section.name for section in plan.sections]
        binary.header.section_name_table_idx = 1 + names.index(".shstrtab")
        binary.header.section_header_offset = len(image)
        return binary.write_to_bytes(_builder())


def _parse(image: bytes) -> lief.ELF.Binary:
    import lief  # noqa: PLC0415 (0.5 s of CPU, see above)

    config = lief.ELF.ParserConfig()
    config.parse_overlay = False  # what follows the headers is section contents to be, nothing to carry along
    binary = lief.ELF.parse(image, config)
    if binary is None or not binary.sections:
        raise EncodeError("LIEF cannot parse the image that the object is made from: report this as a bug")
    binary.sections[0].name = ""  # without a string table, LIEF took the file's first bytes for the name
    return binary


def _lay(binary: lief.ELF.Binary, section: PlannedSection, offset: int) -> None:
    """Add a section over the image's bytes; given a size before its offset, LIEF would zero some of them."""
    import lief  # noqa: PLC0415 (0.5 s of CPU, see above)

    new = lief.ELF.Section(section.name, lief.ELF.Section.TYPE(section.type))
    added = binary.add(
        new if section.size else new.as_frame(),
        loaded=False,
        pos=lief.ELF.Binary.SEC_INSERT_POS.POST_SECTION,
    )
    if added is None:
        raise EncodeError(f"LIEF cannot add {section.name} to the object: report this as a bug")
    if section.size:
        added.offset, added.size = offset, section.size
    added.flags, added.link, added.information = section.flags, section.link, section.info
    added.alignment, added.entry_size = section.align, section.entry_size


def _symbol(planned: PlannedSymbol) -> lief.ELF.Symbol:
    import lief  # noqa: PLC0415 (0.5 s of CPU, see above)

    symbol = lief.ELF.Symbol()
    symbol.name = planned.name.decode()
    symbol.shndx, symbol.value, symbol.size = planned.section, planned.value, planned.size
    if planned.name and not planned.local:  # the null symbol is all zeros
        symbol.binding = lief.ELF.Symbol.BINDING.GLOBAL
    return symbol


def _builder() -> lief.ELF.Builder.config_t:
    """Have LIEF build the symbol table alone: left on, its pass over relocations takes 70 ms for 200,000."""
    import lief  # noqa: PLC0415 (0.5 s of CPU, see above)

    config = lief.ELF.Builder.config_t()
    config.rela = config.jmprel = config.relr = config.symtab = config.dyn_str = False
    return config


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep LIEF from writing to the terminal: "Relocations are empty" is no news to the user."""
    import lief  # noqa: PLC0415 (0.5 s of CPU, see above)

    level = lief.logging.get_level()
    lief.logging.set_level(lief.logging.LEVEL.OFF)
    try:
        yield
    finally:
        lief.logging.set_level(level)
