# SPDX-License-Identifier: GPL-2.0-or-later
"""GNU nm's letter for every symbol, and the symbols that it does not list.

Follows GNU binutils (2.35 to 2.47 agree on kernels): ``bfd/syms.c``, ``bfd_decode_symclass`` and
``decode_section_type`` with its table of COFF section names; ``bfd/elf.c``, ``elf_slurp_symbol_table`` for the
flags; the targets' ``is_target_special_symbol`` for what stays hidden. ``llvm_letters.py`` does the same for
llvm-nm, with helpers from here. Leaves out ``I`` (indirect, not in ELF), ``p``/``e`` sections of PE files other
than by name, and the section numbers from 0xff00 to 0xff04 that mean something on MIPS or x86-64: a linker leaves
none of them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from elfsyms.e_machine import (
    EM_AARCH64,
    EM_ALPHA,
    EM_ARM,
    EM_CSKY,
    EM_IA64,
    EM_MIPS,
    EM_PPC,
    EM_PPC64,
    EM_RISCV,
)
from elfsyms.image import symbols as sym
from elfsyms.image.elf import (
    SHF_ALLOC,
    SHF_EXECINSTR,
    SHF_WRITE,
    SHT_NOBITS,
    SHT_NULL,
    SHT_SHLIB,
    SHT_STRTAB,
    SHT_SYMTAB,
    SHT_SYMTAB_SHNDX,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from elfsyms.image.elf import Section
    from elfsyms.image.symbols import SymbolTable

__all__ = [
    "hidden_symbols",
    "letters_by_section",
    "mark_weak_and_undefined",
    "matching_names",
    "nm_letters",
    "section_letter",
    "upper_case",
]

STT_TLS = 6

# What BFD takes for its own bookkeeping, or for nothing, and has no section for. Of string tables only those of
# the symbols and of the sections' names are.
_NO_SECTION = (SHT_NULL, SHT_SYMTAB, SHT_SHLIB, SHT_SYMTAB_SHNDX)
_OWN_STRINGS = (".strtab", ".shstrtab")

# COFF names that nm tells by name when they are followed by the end, ".", "$" or a digit.
_COFF_SECTION = re.compile(r"\.([eip]data|drectve)(?:[.$0-9]|$)")
_COFF_LETTER = {"drectve": "i", "edata": "e", "idata": "i", "pdata": "p"}

_DEBUG_SECTION = re.compile(
    r"\.debug|\.gnu\.debuglto_\.debug_|\.gnu\.linkonce\.wi\.|\.zdebug|\.line|\.stab|\.gdb_index$"
)

# Types from here on are the system's or the machine's; BFD knows these of GNU's on all machines.
_SHT_LOOS = 0x60000000
_SHT_GNU = range(0x6FFFFFF5, 0x70000000)


@dataclass(frozen=True, slots=True)
class _Small:
    """What makes a section one of small data: a flag, or how its name begins.

    ``foreign`` tells that BFD asks only for section types that it leaves to the machine's own code: of the
    ordinary ones of such machines, nm shows plain b and d.
    """

    flag: int = 0
    names: tuple[str, ...] = ()
    foreign: bool = False

    def holds(self, section: Section) -> bool:
        """Tell whether a section is one."""
        if self.foreign and (section.type < _SHT_LOOS or section.type in _SHT_GNU):
            return False
        return bool(section.flags & self.flag) or section.name.startswith(self.names)


# Compared with nm for every combination of flags, types and names (tests/test_letters_combined.py). Other machines
# have small data too (xtensa, RISC-V), which BFD does not mark.
_SMALL: dict[int, _Small] = {
    EM_IA64: _Small(flag=0x10000000),  # SHF_IA_64_SHORT
    EM_ALPHA: _Small(flag=0x10000000),  # SHF_ALPHA_GPREL
    EM_PPC64: _Small(names=(".sbss", ".sdata")),
    EM_MIPS: _Small(flag=0x10000000, foreign=True),  # SHF_MIPS_GPREL
    EM_PPC: _Small(names=(".sbss", ".sdata", ".PPC.EMB.sbss", ".PPC.EMB.sdata"), foreign=True),
}
_NOT_SMALL = _Small(flag=0, names=("\0",))

# Names that nm hides as the target's own, by machine.
_SPECIAL_NAME = {
    EM_ARM: re.compile(rb"\$[a-z](?:\.|\Z)"),
    EM_AARCH64: re.compile(rb"\$[xdmfp](?:\.|\Z)"),
    EM_RISCV: re.compile(rb"\Z|\.L|\.\.|_\.L_|L[0-9]\x01|\$[xd]"),
    EM_MIPS: re.compile(rb"\.L|\.\.|_\.L_|L[0-9]\x01"),
    EM_CSKY: re.compile(rb"\$[td](?:\.|\Z)"),
}


def nm_letters(table: SymbolTable) -> NDArray[np.uint8]:
    """Return the letter (an ASCII code) that ``nm`` prints for each entry."""
    lower = letters_by_section(table, _bfd_letter, absent="a")
    letter = np.where(table.binding == sym.STB_GLOBAL, upper_case(lower), lower)
    known = np.isin(table.binding, (sym.STB_LOCAL, sym.STB_GLOBAL, sym.STB_WEAK, sym.STB_GNU_UNIQUE))
    objects = np.isin(table.type, (sym.STT_OBJECT, sym.STT_COMMON))
    # Later lines win: the reverse of the order in which bfd_decode_symclass asks.
    letter[~known] = ord("?")
    letter[table.binding == sym.STB_GNU_UNIQUE] = ord("u")
    mark_weak_and_undefined(letter, table, objects)
    common = table.section == sym.SHN_COMMON
    letter[common] = ord("C")
    if table.abi.machine == EM_MIPS:  # small enough for its global pointer, whose limit BFD has at 0
        letter[common & (table.size == 0) & (table.type != STT_TLS)] = ord("c")
    return letter.astype(np.uint8)


def section_letter(section: Section, machine: int) -> str:  # noqa: PLR0911 (one for each of nm's letters)
    """Return the lower-case letter of the symbols of a section."""
    if coff := _COFF_SECTION.match(section.name):
        return _COFF_LETTER[coff[1]]
    if section.flags & SHF_EXECINSTR:
        return "t"
    if section.type == SHT_NOBITS:
        return "s" if _is_small(section, machine) else "b"
    if section.flags & SHF_ALLOC:
        if not section.flags & SHF_WRITE:
            return "r"
        return "g" if _is_small(section, machine) else "d"
    if _DEBUG_SECTION.match(section.name):
        return "N"
    return "?" if section.flags & SHF_WRITE else "n"


def hidden_symbols(table: SymbolTable) -> NDArray[np.bool_]:
    """Tell which entries are the target's own names (mapping symbols, local labels) that nm hides."""
    return matching_names(table, _SPECIAL_NAME.get(table.abi.machine))


def mark_weak_and_undefined(
    letter: NDArray[np.unsignedinteger], table: SymbolTable, objects: NDArray[np.bool_]
) -> None:
    """Set the letters of weak, indirect and undefined symbols, on which all programs agree.

    ``objects`` (bool) marks what a program takes for data.
    """
    weak, undefined = table.binding == sym.STB_WEAK, table.section == sym.SHN_UNDEF
    letter[weak] = np.where(objects, ord("V"), ord("W"))[weak]
    letter[table.type == sym.STT_GNU_IFUNC] = ord("i")
    letter[undefined] = np.where(weak, np.where(objects, ord("v"), ord("w")), ord("U"))[undefined]


def letters_by_section(
    table: SymbolTable, letter_of: Callable[[Section, int], str], *, absent: str
) -> NDArray[np.uint8]:
    """Return each entry's section letter; ``absent`` where it is in no section that there is."""
    machine = table.abi.machine
    letters = table.sections.ask(table.section, lambda s: ord(letter_of(s, machine)), ord(absent))
    return letters.astype(np.uint8)


def upper_case(letters: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return letters in upper case; what is no letter stays."""
    small = (letters >= ord("a")) & (letters <= ord("z"))
    return np.where(small, letters - np.uint8(32), letters)


def matching_names(table: SymbolTable, special: re.Pattern[bytes] | None) -> NDArray[np.bool_]:
    """Tell which entries have names that a pattern matches at their beginning; none where there is no pattern.

    Such names are empty or begin with one of a few bytes, and only those are looked at.
    """
    matching = np.zeros(len(table), np.bool_)
    if special:
        first = np.frombuffer(table.strings, np.uint8)[table.name_start]
        for index in np.flatnonzero(np.isin(first, list(b"\0$.L_"))).tolist():
            matching[index] = special.match(table.name(index)) is not None
    return matching


def _bfd_letter(section: Section, machine: int) -> str:
    """Return a section's letter; ``a``, as of absolute symbols, for one that BFD keeps to itself."""
    own_strings = section.type == SHT_STRTAB and section.name in _OWN_STRINGS
    return "a" if own_strings or section.type in _NO_SECTION else section_letter(section, machine)


def _is_small(section: Section, machine: int) -> bool:
    return _SMALL.get(machine, _NOT_SMALL).holds(section)
