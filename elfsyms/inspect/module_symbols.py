# SPDX-License-Identifier: GPL-2.0-or-later
"""What of a module's symbols reaches ``/proc/kallsyms``, and why the others do not.

The loader copies the symbols that outlive the module's start (``kernel/module/kallsyms.c``, ``is_core_symbol``)
and gives each a letter by its section (``elf_type``); a capital where the name is exported. Rules TR601 to TR608 of
:mod:`elfsyms.releases.trace_rules` say what stays behind. The release, and whether modules can be unloaded, stand
in the module's own ``vermagic``; whether its kernel has CONFIG_KALLSYMS_ALL does not. A live patch
(``livepatch=Y`` in ``.modinfo``) keeps all its symbols.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from elfsyms.e_machine import EM_ALPHA, EM_IA64, EM_MIPS
from elfsyms.image.elf import SHF_ALLOC, SHF_EXECINSTR, SHF_WRITE, SHT_NOBITS
from elfsyms.image.module import NOT_LOADED, PERCPU, freed_at_exit, freed_at_start, group_of
from elfsyms.image.symbols import SHN_ABS, SHN_UNDEF, STB_LOCAL, STB_WEAK, read_symbols
from elfsyms.releases.trace_rules import TRACE_RULES, trace_rule
from elfsyms.releases.versions import NEXT, When, parse_version

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
_SMALL = 0x10000000  # SHF_ALPHA_GPREL, SHF_IA_64_SHORT, SHF_MIPS_GPREL
_HAVE_SMALL = (EM_MIPS, EM_IA64, EM_ALPHA)
_PERCPU_SINCE: Version = (4, 4, 302, 0)  # before, the loader let go of per-CPU symbols in any case
_TYPES_SINCE = When("5.2..")  # letters have an array of their own (1c7651f43777, in the 5.2 merge window)
_LIVEPATCH = b"livepatch=Y"


@dataclass(frozen=True, slots=True, eq=False)
class ModuleSymbols:
    """The symbols of a module: of each entry the rule that leaves it behind, or :data:`KEPT`, and its letter.

    ``offset`` (uint64) is the distance from the start of its section; ``version`` the release it is for.
    """

    name: str
    table: SymbolTable
    offset: NDArray[np.uint64]
    rule: NDArray[np.int16]
    letters: bytes
    version: Version

    def kept(self) -> list[int]:
        """Return the entries that are kept, in the table's order, which is that of ``/proc/kallsyms``."""
        kept: list[int] = np.flatnonzero(self.rule == KEPT).tolist()
        return kept

    def numbers(self) -> dict[int, tuple[int, int]]:
        """Return of each kept entry its number among those of its name, from 1, and how many these are."""
        counts = Counter(self.table.name(entry) for entry in self.kept())
        seen: Counter[bytes] = Counter()
        numbers = {}
        for entry in self.kept():
            name = self.table.name(entry)
            seen[name] += 1
            numbers[entry] = seen[name], counts[name]
        return numbers

    def memory(self) -> dict[str, int]:
        """Return the bytes that the kept symbols take of the module's memory: symbols, names, and letters.

        An entry without a name stands before them (``layout_symtab``).
        """
        kept = self.kept()
        entry = 24 if self.table.abi.bits == 64 else 16
        sizes = {
            "symbols": entry * (len(kept) + 1),
            "names": int(self.table.name_size[kept].sum()) + len(kept) + 1,
        }
        return sizes | ({"letters": len(kept) + 1} if self.version in _TYPES_SINCE else {})

    def lines(self) -> Iterator[bytes]:
        """Yield the lines of ``/proc/kallsyms``, each with the offset in its section for an address."""
        digits = self.table.abi.bits // 4
        for entry in self.kept():
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
    text = next((part for part in _modinfo(module) if part.startswith(b"vermagic=")), b"").decode("latin-1")
    words = text.removeprefix("vermagic=").split()
    return (parse_version(words[0]), "mod_unload" in words) if words else (NEXT, True)


def _modinfo(module: ModuleFile) -> list[bytes]:
    section = module.image.section(".modinfo")
    return module.image.section_bytes(section).split(b"\0") if section else []


def module_symbols(module: ModuleFile, *, all_symbols: bool = True) -> ModuleSymbols:
    """Return what reaches ``/proc/kallsyms`` of a module, in a kernel with or without CONFIG_KALLSYMS_ALL."""
    table = read_symbols(module.image)
    version, unloads = vermagic(module)
    rule = np.full(len(table), KEPT, np.int16)
    rules = _rules(module, table, all_symbols=all_symbols, unloads=unloads)
    if _LIVEPATCH in _modinfo(module):
        rules = iter([("TR601", table.name_size == 0)])
    for name, marks in rules:
        index = trace_rule(name)
        if version in TRACE_RULES[index].when:
            rule[marks & (rule == KEPT)] = index
    bases = np.array([module.bases.get(number, 0) for number in range(len(module.image.sections))], np.uint64)
    inside = (table.section > 0) & (table.section < len(bases))
    offset = table.value - bases[np.where(inside, table.section, 0)]
    return ModuleSymbols(module.name, table, offset, rule, _letters(module, table), version)


def _rules(
    module: ModuleFile, table: SymbolTable, *, all_symbols: bool, unloads: bool
) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    """Yield the rules in their order, with the entries that they leave behind."""
    sections = module.image.sections
    inside = (table.section > 0) & (table.section < len(sections))
    of = np.where(inside, table.section, 0)

    def those(chosen: list[bool]) -> NDArray[np.bool_]:
        return np.asarray(inside & np.array(chosen)[of])

    machine = module.image.abi.machine
    exits = [freed_at_exit(section, machine) for section in sections]
    percpu = those([section.name == PERCPU for section in sections])
    yield "TR601", table.name_size == 0
    yield "TR602", table.section == SHN_UNDEF
    yield "TR603", ~inside
    yield "TR604", those([group_of(section, machine) is None for section in sections])
    yield "TR605", those([freed_at_start(section, machine) for section in sections])
    if not unloads:
        yield "TR606", those(exits)
    if not all_symbols or vermagic(module)[0] < _PERCPU_SINCE:
        yield "TR608", percpu
    if not all_symbols:
        yield "TR607", those([not section.flags & SHF_EXECINSTR for section in sections])


def _letters(module: ModuleFile, table: SymbolTable) -> bytes:
    """Return the letter of each entry."""
    sections = module.image.sections
    exported = _exported(module, table)
    letters = bytearray()
    for entry, (number, binding) in enumerate(
        zip(table.section.tolist(), table.binding.tolist(), strict=True)
    ):
        section = sections[number] if 0 < number < len(sections) else None
        letter = _letter(section, number, weak=binding == STB_WEAK, is_object=int(table.type[entry]) == 1)
        if section is not None and section.flags & _SMALL and table.abi.machine in _HAVE_SMALL:
            letter = {b"d": b"g", b"b": b"s"}.get(letter, letter)
        letters += letter.upper() if entry in exported else letter
    return bytes(letters)


def _exported(module: ModuleFile, table: SymbolTable) -> set[int]:
    """Return the entries that are exported: of several of a name the global one (``is_exported``)."""
    sections = module.image.sections
    exports = next((section.index for section in sections if section.name == _EXPORTS), -1)
    marks = (table.name(entry) for entry in np.flatnonzero(table.section == exports).tolist())
    names = {mark.removeprefix(_EXPORT) for mark in marks if mark.startswith(_EXPORT)}
    found: dict[bytes, list[int]] = {}
    for entry in range(len(table)) if names else ():
        if table.name(entry) in names:
            found.setdefault(table.name(entry), []).append(entry)
    return {entry for entries in found.values() for entry in _outermost(entries, table)}


def _outermost(entries: list[int], table: SymbolTable) -> list[int]:
    """Return the entries that are not local, or all where all are."""
    return [entry for entry in entries if table.binding[entry] != STB_LOCAL] or entries


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
    loaded = section.flags & SHF_ALLOC and section.name not in NOT_LOADED
    if loaded and section.type != SHT_NOBITS:
        return b"d" if section.flags & SHF_WRITE else b"r"
    if section.type == SHT_NOBITS:
        return b"b"
    return b"n" if section.name.startswith(".debug") else b"?"
