# SPDX-License-Identifier: GPL-2.0-or-later
"""llvm-nm's letter for every symbol, and the symbols that it does not list.

Follows LLVM (tried with 13 to 22): ``llvm/tools/llvm-nm/llvm-nm.cpp``, ``getNMSectionTagAndName`` and
``getSymbolNMTypeChar``; ``ELFObjectFile::getSymbolFlags`` for what is hidden. ``gnu_letters.py`` does the same for
GNU nm. Unlike it, llvm-nm knows no sections by name but ``.debug…``, no small data, and hides names by their first
two characters. Leaves out LLVM 12 and before, and the order of symbols that are equal in value, name and size,
which its sort leaves to chance.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from elfsyms.e_machine import EM_AARCH64, EM_ARM, EM_CSKY, EM_RISCV
from elfsyms.image import symbols as sym
from elfsyms.image.elf import SHF_ALLOC, SHF_EXECINSTR, SHF_WRITE, SHT_NOBITS
from elfsyms.image.gnu_letters import (
    letters_by_section,
    mark_weak_and_undefined,
    matching_names,
    upper_case,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from elfsyms.image.elf import Section
    from elfsyms.image.symbols import SymbolTable
    from elfsyms.image.which_nm import Nm

__all__ = ["common_symbols", "llvm_hidden", "llvm_letters", "llvm_section_letter"]

# Names that it hides, by machine: the pattern, and the LLVM since which it holds, the newest first.
_SPECIAL_NAMES: dict[int, tuple[tuple[int, re.Pattern[bytes]], ...]] = {
    EM_ARM: ((14, re.compile(rb"\Z|\$[adt]")), (0, re.compile(rb"\$[adt]"))),
    EM_AARCH64: ((0, re.compile(rb"\$[dx]")),),
    EM_CSKY: ((18, re.compile(rb"\$[dt]")),),
    EM_RISCV: (
        (19, re.compile(rb"\.L0 \Z|\$[dx]")),
        (18, re.compile(rb"\Z|\$[dx]")),
        (13, re.compile(rb"\Z")),
    ),
}


def llvm_letters(table: SymbolTable) -> NDArray[np.uint8]:
    """Return the letter (an ASCII code) that ``llvm-nm`` prints for each entry."""
    letter = letters_by_section(table, llvm_section_letter, absent="?")
    absolute = table.section == sym.SHN_ABS
    known = np.isin(table.binding, (sym.STB_LOCAL, sym.STB_GLOBAL, sym.STB_WEAK))
    # Later lines win: the reverse of the order in which getNMSectionTagAndName asks.
    letter[~known] = ord("?")
    letter[absolute] = ord("a")
    letter = np.where(table.binding == sym.STB_LOCAL, letter, upper_case(letter))
    letter[(table.binding == sym.STB_GNU_UNIQUE) & ~absolute] = ord("u")
    letter[common_symbols(table)] = ord("C")
    mark_weak_and_undefined(letter, table, table.type == sym.STT_OBJECT)
    nowhere = (table.section < 0) | (table.section >= len(table.sections))
    letter[nowhere & ~absolute & ~common_symbols(table)] = ord("?")
    return letter.astype(np.uint8)


def llvm_section_letter(section: Section, machine: int) -> str:  # noqa: ARG001 (the same on all)
    """Return the lower-case letter of the symbols of a section."""
    if section.flags & SHF_EXECINSTR:
        return "t"
    if section.type == SHT_NOBITS:
        return "b"
    if section.flags & SHF_ALLOC:
        return "d" if section.flags & SHF_WRITE else "r"
    if section.name.startswith(".debug"):
        return "N"
    return "?" if section.flags & SHF_WRITE else "n"


def llvm_hidden(table: SymbolTable, nm: Nm) -> NDArray[np.bool_]:
    """Tell which entries are the target's own names (mapping symbols, fake labels) that llvm-nm hides."""
    rows = _SPECIAL_NAMES.get(table.abi.machine, ())
    return matching_names(table, next((pattern for since, pattern in rows if nm.is_since(since)), None))


def common_symbols(table: SymbolTable) -> NDArray[np.bool_]:
    """Tell which symbols llvm-nm takes for common ones: by their type, too, wherever they lie."""
    common = (table.section == sym.SHN_COMMON) | (table.type == sym.STT_COMMON)
    return np.asarray(common & (table.section != sym.SHN_UNDEF))
