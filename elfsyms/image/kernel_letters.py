# SPDX-License-Identifier: GPL-2.0-or-later
"""The letters of a kernel tree that lists symbols itself, without an nm.

The generator after 7.3 reads the ELF file: it prints what ``nm -n`` would, but for small differences. It knows no
sections by name but those for debugging, no small data, and no names of the target's own to hide; values are the
file's. Follows ``scripts/kallsyms-sysmap.c`` of two public trees of October 2026, not yet released.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from elfsyms.image import symbols as sym
from elfsyms.image.elf import SHF_ALLOC, SHF_EXECINSTR, SHF_WRITE, SHT_NOBITS
from elfsyms.image.gnu_letters import letters_by_section, mark_weak_and_undefined, upper_case

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from elfsyms.image.elf import Section
    from elfsyms.image.symbols import SymbolTable

__all__ = ["kernel_letters"]

_DEBUG = (".debug", ".zdebug", ".gnu.debuglto_.debug_", ".gnu.linkonce.wi.", ".line", ".stab")


def kernel_letters(table: SymbolTable) -> NDArray[np.uint8]:
    """Return the letter (an ASCII code) that the kernel's own listing has for each entry."""
    lower = letters_by_section(table, _section_letter, absent="?")
    lower[table.section >= sym.SHN_LORESERVE & 0xFFFF] = ord("?")  # numbers that do not fit the entry
    lower[table.section == sym.SHN_ABS] = ord("a")
    letter = np.where(table.binding == sym.STB_GLOBAL, upper_case(lower), lower)
    known = np.isin(table.binding, (sym.STB_LOCAL, sym.STB_GLOBAL))
    # Later lines win: the reverse of the order in which elf_symbol_type asks.
    letter[~known] = ord("?")
    letter[table.binding == sym.STB_GNU_UNIQUE] = ord("u")
    mark_weak_and_undefined(letter, table, table.type == sym.STT_OBJECT)
    letter[table.section == sym.SHN_COMMON] = ord("C")
    return letter.astype(np.uint8)


def _section_letter(section: Section, machine: int) -> str:  # noqa: ARG001 (the same on all)
    """Return the lower-case letter of the symbols of a section."""
    if section.flags & SHF_EXECINSTR:
        return "t"
    if section.flags & SHF_ALLOC:
        if section.type == SHT_NOBITS:
            return "b"
        return "d" if section.flags & SHF_WRITE else "r"
    if section.name.startswith(_DEBUG):
        return "N"
    return "?" if section.type == SHT_NOBITS or section.flags & SHF_WRITE else "n"
