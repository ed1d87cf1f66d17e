# SPDX-License-Identifier: GPL-2.0-or-later
"""What of a module's symbols reaches ``/proc/kallsyms``, and why the others do not.

The loader copies the symbols that outlive the module's start (``kernel/module/kallsyms.c``, ``is_core_symbol``)
and gives each a letter by its section (``elf_type``); a capital where the name is exported. Rules TR601 to TR608 of
:mod:`elfsyms.releases.trace_rules` say what stays behind. The release, and whether modules can be unloaded, stand
in the module's own ``vermagic``; whether its kernel has CONFIG_KALLSYMS_ALL does not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from elfsyms.image.elf import SHF_ALLOC, SHF_EXECINSTR, SHF_WRITE, SHT_NOBITS
from elfsyms.image.module import PERCPU, group_of
from elfsyms.image.symbols import SHN_ABS, SHN_UNDEF, STB_WEAK, read_symbols
from elfsyms.releases.trace_rules import TRACE_RULES, trace_rule
from elfsyms.releases.versions import NEXT, parse_version

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from elfsyms.image.elf import Section
    from elfsyms.image.module import ModuleFile
    from elfsyms.image.symbols import SymbolTable
    from elfsyms.releases.versions import Version

__all__ = ["KEPT", "ModuleSymbols", "module_symbols", "vermagic"]

KEPT = -1
_EXPORTS, _EXPORT = "__ksymtab", b"__ksymtab_"


@dataclass(frozen=True, slots=True, eq=False)
class ModuleSymbols:
    """The symbols of a module: of each entry the rule that leaves it behind, or :data:`KEPT`, and its letter.

    ``offset`` (uint64) is the distance from the start of its section.
    """

    name: str
    table: SymbolTable
    offset: NDArray[np.uint64]
    rule: NDArray[np.int16]
    letters: bytes

    def lines(self) -> Iterator[bytes]:
        """Yield the lines of ``/proc/kallsyms``, each with the offset in its section for an address."""
        digits = self.table.abi.bits // 4
        for entry in np.flatnonzero(self.rule == KEPT).tolist():
            offset = int(self.offset[entry])
            letter = self.letters[entry : entry + 1]
            yield b"%0*x %b %b\t[%b]" % (digits, offset, letter, self.table.name(entry), self.name.encode())

    def counts(self) -> dict[str, int]:
        """Return how many entries each rule leaves behind, by its id, and how many are kept."""
        found = {
            TRACE_RULES[index].id: int((self.rule == index).sum())
            for index in np.unique(self.rule).tolist()
            if index != KEPT
        }
        return {**found, "kept": int((self.rule == KEPT).sum())}


def vermagic(module: ModuleFile) -> tuple[Version, bool]:
    """Return the release that a module is for, and whether its kernel unloads modules; the newest if unsaid."""
    section = module.image.section(".modinfo")
    data = module.image.section_bytes(section) if section else b""
    text = next((part for part in data.split(b"\0") if part.startswith(b"vermagic=")), b"").decode("latin-1")
    words = text.removeprefix("vermagic=").split()
    return (parse_version(words[0]), "mod_unload" in words) if words else (NEXT, True)


def module_symbols(module: ModuleFile, *, all_symbols: bool = True) -> ModuleSymbols:
    """Return what reaches ``/proc/kallsyms`` of a module, in a kernel with or without CONFIG_KALLSYMS_ALL."""
    table = read_symbols(module.image)
    version, unloads = vermagic(module)
    rule = np.full(len(table), KEPT, np.int16)
    for name, marks in _rules(module, table, all_symbols=all_symbols, unloads=unloads):
        index = trace_rule(name)
        if version in TRACE_RULES[index].when:
            rule[marks & (rule == KEPT)] = index
    bases = np.array([module.bases.get(number, 0) for number in range(len(module.image.sections))], np.uint64)
    inside = (table.section > 0) & (table.section < len(bases))
    offset = table.value - bases[np.where(inside, table.section, 0)]
    return ModuleSymbols(module.name, table, offset, rule, _letters(module, table))


def _rules(
    module: ModuleFile, table: SymbolTable, *, all_symbols: bool, unloads: bool
) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    """Yield the rules in their order, with the entries that they leave behind."""
    sections = module.image.sections
    inside = (table.section > 0) & (table.section < len(sections))
    of = np.where(inside, table.section, 0)

    def those(chosen: list[bool]) -> NDArray[np.bool_]:
        return np.asarray(inside & np.array(chosen)[of])

    exits = [section.name.startswith(".exit") for section in sections]
    percpu = those([section.name == PERCPU for section in sections])
    yield "TR601", table.name_size == 0
    yield "TR602", table.section == SHN_UNDEF
    yield "TR603", ~inside
    yield "TR604", those([group_of(section) is None for section in sections])
    yield "TR605", those([section.name.startswith(".init") for section in sections])
    if not unloads:
        yield "TR606", those(exits)
    if not all_symbols:
        yield "TR608", percpu
        yield "TR607", those([not section.flags & SHF_EXECINSTR for section in sections])


def _letters(module: ModuleFile, table: SymbolTable) -> bytes:
    """Return the letter of each entry."""
    sections = module.image.sections
    exports = next((section.index for section in sections if section.name == _EXPORTS), -1)
    exported = {
        table.name(entry).removeprefix(_EXPORT) for entry in np.flatnonzero(table.section == exports).tolist()
    }
    letters = bytearray()
    for entry, (number, binding) in enumerate(
        zip(table.section.tolist(), table.binding.tolist(), strict=True)
    ):
        section = sections[number] if 0 < number < len(sections) else None
        letter = _letter(section, number, weak=binding == STB_WEAK, is_object=int(table.type[entry]) == 1)
        letters += letter.upper() if table.name(entry) in exported else letter
    return bytes(letters)


def _letter(section: Section | None, number: int, *, weak: bool, is_object: bool) -> bytes:  # noqa: PLR0911 (a list)
    """Return a letter by the section that a symbol lies in (``elf_type``)."""
    if weak:
        return b"v" if is_object else b"w"
    if section is None:
        return {SHN_UNDEF: b"U", SHN_ABS: b"a"}.get(number, b"?")
    if section.name == PERCPU:
        return b"a"
    if section.flags & SHF_EXECINSTR:
        return b"t"
    if section.flags & SHF_ALLOC and section.type != SHT_NOBITS:
        return b"d" if section.flags & SHF_WRITE else b"r"
    if section.type == SHT_NOBITS:
        return b"b"
    return b"n" if section.name.startswith(".debug") else b"?"
