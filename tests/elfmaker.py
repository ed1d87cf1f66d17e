# SPDX-License-Identifier: GPL-2.0-or-later
"""A tiny kernel for a test: an ELF file made of the symbols and sections that the test is about, nothing else.

    vmlinux([Symbol("_text", 0xFFFFFFFF81000000), Symbol("jiffies", 0xFFFFFFFF82000000, section=".data")],
            release="6.12.0", bits=64, order="<", machine=62)

returns the bytes of a file. Sections that symbols name and nobody describes are made up; ``.rodata`` holds the
``linux_banner`` of the release. Sections, symbols, class, byte order and machine can all be said. Made with
``struct`` alone, on purpose: what tests elfsyms must not be made by it.

Follows the gABI, with its escape for more than 0xfeff sections. Leaves out program headers.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Section", "Symbol", "elf_file", "vmlinux"]

ET_REL, ET_EXEC, ET_DYN, ET_CORE = 1, 2, 3, 4
BINDINGS = {"local": 0, "global": 1, "weak": 2, "unique": 10}
KINDS = {"notype": 0, "object": 1, "func": 2, "section": 3, "file": 4, "common": 5, "tls": 6, "ifunc": 10}
RESERVED = {"UND": 0, "ABS": 0xFFF1, "COMMON": 0xFFF2}  # what a symbol may have for a section
SECTION_TYPES = {"progbits": 1, "symtab": 2, "strtab": 3, "rela": 4, "note": 7, "nobits": 8, "rel": 9}
SECTION_TYPES["symtab_shndx"] = 18
FLAGS = {"w": 1, "a": 2, "x": 4, "s": 0x10000000}  # s: SHF_IA_64_SHORT and SHF_MIPS_GPREL, small data
LORESERVE, XINDEX = 0xFF00, 0xFFFF  # section numbers from here on are not what they say
PAGE = 0x1000

HEADER = {32: "16sHHIIIIIHHHHHH", 64: "16sHHIQQQIHHHHHH"}
SECTION = {32: "IIIIIIIIII", 64: "IIQQQQIIQQ"}
SYMBOL = {32: "IIIBBH", 64: "IBBHQQ"}


@dataclass(frozen=True)
class Symbol:
    """An entry of ``.symtab``; ``section`` is a section's name, or ABS, UND or COMMON."""

    name: str | bytes
    value: int = 0
    section: str | int = ".text"  # a name, or the number itself where names are not unique
    binding: str = "global"
    type: str | int = "func"  # a name, or the number itself
    size: int = 0

    @property
    def octets(self) -> bytes:
        """The name as it lies in the file."""
        return self.name.encode() if isinstance(self.name, str) else self.name


@dataclass(frozen=True)
class Section:
    """A section with its bytes; ``flags`` are letters of ``wax``; ``size`` is for ``nobits``.

    ``type`` and ``flags`` may be numbers, too.
    """

    name: str
    address: int = 0
    data: bytes = b""
    type: str | int = "progbits"
    flags: str | int = "a"
    link: str = ""  # another section's name
    info: str | int = 0  # another section's name, or a number
    entry_size: int = 0
    size: int = 0


# How sections are made up that a symbol names: type and flags.
USUAL = {
    ".text": ("progbits", "ax"),
    ".init.text": ("progbits", "ax"),
    ".rodata": ("progbits", "a"),
    ".data": ("progbits", "aw"),
    ".data..percpu": ("progbits", "aw"),
    ".bss": ("nobits", "aw"),
}


def vmlinux(
    symbols: Sequence[Symbol],
    *,
    release: str | None = "6.12.0",
    bits: int = 64,
    order: str = "<",
    machine: int = 62,
    sections: Sequence[Section] = (),
    flags: int = 0,
) -> bytes:
    """Return a linked kernel; without ``release`` it has no ``linux_banner``."""
    known = {section.name for section in sections}
    named = {s.section for s in symbols if isinstance(s.section, str)} - RESERVED.keys() - known
    made_up = [_usual(name, symbols) for name in sorted(named)]
    everything = list(symbols)
    if release is not None:
        text = f"Linux version {release} (builder@host) #1 SMP\n".encode() + b"\0"
        address = _free_page(symbols, [*sections, *made_up], bits)
        made_up.append(Section(".banner", address, text))
        everything.append(Symbol("linux_banner", address, ".banner", type="object", size=len(text)))
    return elf_file(everything, [*made_up, *sections], bits=bits, order=order, machine=machine, flags=flags)


def _usual(name: str, symbols: Sequence[Symbol]) -> Section:
    """Make up a section that begins where its lowest symbol is."""
    kind, flags = USUAL.get(name, ("progbits", "aw"))
    lowest = min(symbol.value for symbol in symbols if symbol.section == name)
    return Section(name, lowest, bytes(16) if kind == "progbits" else b"", kind, flags, size=16)


def _free_page(symbols: Sequence[Symbol], sections: Sequence[Section], bits: int) -> int:
    """Find a page behind everything, so that it is as near as it can be; in front where there is none."""
    ends = [s.address + max(len(s.data), s.size) for s in sections]
    values = [s.value for s in symbols if s.section not in RESERVED]
    behind = (max([*ends, *values, PAGE]) // PAGE + 1) * PAGE
    if behind + PAGE < 1 << bits:
        return behind
    in_front = (min([*(s.address for s in sections), *values]) // PAGE - 1) * PAGE
    if in_front < 0:
        raise ValueError("no room for linux_banner, give release=None")
    return in_front


def elf_file(
    symbols: Sequence[Symbol],
    sections: Sequence[Section] = (),
    *,
    bits: int = 64,
    order: str = "<",
    machine: int = 62,
    flags: int = 0,
    kind: int = ET_EXEC,
    extended: bool = False,
    share_tails: bool = False,
    os_abi: int = 0,
) -> bytes:
    """Return an ELF file of exactly these sections and symbols, with the tables that hold them.

    ``extended`` puts every section number into ``.symtab_shndx``; those from 0xff00 on always are there.
    ``share_tails`` lets a name lie in the tail of a longer one, as linkers do.
    """
    symbols = sorted(symbols, key=lambda symbol: symbol.binding != "local")  # the gABI wants them first
    named = RESERVED | {section.name: 1 + index for index, section in enumerate(sections)}
    numbers = [s.section if isinstance(s.section, int) else named[s.section] for s in symbols]
    limit = 1 if extended else LORESERVE
    wide = [0, *(_wide(n, s.section, limit) for n, s in zip(numbers, symbols, strict=True))]
    strings, offsets = _string_table([symbol.octets for symbol in symbols], share_tails=share_tails)
    short = [XINDEX if far else number for number, far in zip(numbers, wide[1:], strict=True)]
    entries = _symbol_table(symbols, short, offsets, order + SYMBOL[bits], bits)
    first_global = 1 + sum(symbol.binding == "local" for symbol in symbols)
    size = struct.calcsize(order + SYMBOL[bits])
    whole = [
        Section("", type="", flags=""),
        *sections,
        Section(".symtab", 0, entries, "symtab", "", ".strtab", first_global, size),
        Section(".strtab", 0, strings, "strtab", ""),
    ]
    if any(wide):
        far = struct.pack(f"{order}{len(wide)}I", *wide)
        whole.append(Section(".symtab_shndx", 0, far, "symtab_shndx", "", ".symtab", entry_size=4))
    labels = b"\0" + b"".join(section.name.encode() + b"\0" for section in [*whole, Section(".shstrtab")])
    whole.append(Section(".shstrtab", 0, labels, "strtab", ""))
    return _assemble(whole, bits, order, (kind, machine, flags, os_abi))


def _wide(number: int, section: str | int, limit: int) -> int:
    """Return what ``.symtab_shndx`` has for a section: its number, or 0 where the entry itself says it."""
    return number if section not in RESERVED and number >= limit else 0


def _string_table(names: Sequence[bytes], *, share_tails: bool) -> tuple[bytes, dict[bytes, int]]:
    """Return the strings, and the offset of each name in them."""
    offsets: dict[bytes, int] = {b"": 0}
    parts = [b"\0"]
    at = 1
    for name in sorted(set(names), key=lambda name: (-len(name), name)) if share_tails else names:
        if name in offsets:
            continue
        parts.append(name + b"\0")
        for cut in range(len(name) if share_tails else 1):
            offsets.setdefault(name[cut:], at + cut)
        at += len(name) + 1
    return b"".join(parts), offsets


def _symbol_table(
    symbols: Sequence[Symbol], numbers: Sequence[int], offsets: dict[bytes, int], form: str, bits: int
) -> bytes:
    entries = [bytes(struct.calcsize(form))]
    for symbol, number in zip(symbols, numbers, strict=True):
        kind = symbol.type if isinstance(symbol.type, int) else KINDS[symbol.type]
        info = BINDINGS[symbol.binding] << 4 | kind
        value = symbol.value & (1 << bits) - 1
        offset = offsets[symbol.octets]
        row32 = (offset, value, symbol.size, info, 0, number)
        row64 = (offset, info, 0, number, value, symbol.size)
        entries.append(struct.pack(form, *(row32 if bits == 32 else row64)))
    return b"".join(entries)


def _assemble(sections: Sequence[Section], bits: int, order: str, identity: tuple[int, ...]) -> bytes:
    """Lay out header, contents and section headers."""
    kind, machine, flags, os_abi = identity
    body = bytearray(struct.calcsize(order + HEADER[bits]))
    header_size = len(body)
    rows = []
    numbers = {section.name: index for index, section in reversed(list(enumerate(sections)))}
    label = 1
    for section in sections:
        body += bytes(-len(body) % 16)
        rows.append(_section_header(section, label, numbers, len(body), bits))
        body += section.data
        label += len(section.name) + 1
    count, last = len(rows), len(rows) - 1
    if count >= LORESERVE:  # then the first header, which is empty otherwise, has the numbers
        rows[0] = (0, 0, 0, 0, 0, count, last, 0, 0, 0)
        count, last = 0, XINDEX
    body += bytes(-len(body) % 16)
    table = len(body)
    for row in rows:
        body += struct.pack(order + SECTION[bits], *row)
    ident = b"\x7fELF" + bytes([bits // 32, 1 if order == "<" else 2, 1, os_abi]) + bytes(8)
    sizes = (header_size, 0, 0, struct.calcsize(order + SECTION[bits]), count, last)
    header = (ident, kind, machine, 1, 0, 0, table, flags, *sizes)
    body[:header_size] = struct.pack(order + HEADER[bits], *header)
    return bytes(body)


def _section_header(
    section: Section, label: int, numbers: dict[str, int], offset: int, bits: int
) -> tuple[int, ...]:
    if section.type == "":
        return (0,) * 10
    return (
        label,
        section.type if isinstance(section.type, int) else SECTION_TYPES[section.type],
        section.flags if isinstance(section.flags, int) else sum(FLAGS[letter] for letter in section.flags),
        section.address & (1 << bits) - 1,
        offset,
        section.size if section.type == "nobits" else len(section.data),
        numbers[section.link] if section.link else 0,
        numbers[section.info] if isinstance(section.info, str) else section.info,
        1,
        section.entry_size,
    )
