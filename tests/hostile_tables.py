# SPDX-License-Identifier: GPL-2.0-or-later
"""Random and hostile symbol tables as ELF files, each made by a seed and the same each time.

A seed draws what a table is like: how many symbols, what their names are made of, how long they are, where they
lie, what sections, bindings and types they claim. Names hold every byte but NUL, pieces of map lines included,
for the stock tools pass text along; addresses lie at the edges of what a table can say. Written with ``struct``
alone and raw numbers, for ``elfmaker`` refuses, as it should, what is tried here.

Follows the gABI. Leaves out files that are damaged: those are for the tests of the reader.
"""

from __future__ import annotations

import random
import struct
from dataclasses import dataclass

__all__ = [
    "CROWDED_MACHINES",
    "Entry",
    "HostileTable",
    "crowded_table",
    "hostile_table",
    "make_file",
    "random_options",
]

SHN_ABS, SHN_COMMON, SHN_XINDEX, SHN_LORESERVE = 0xFFF1, 0xFFF2, 0xFFFF, 0xFF00
PROGBITS, SYMTAB, STRTAB, NOTE, NOBITS, SYMTAB_SHNDX = 1, 2, 3, 7, 8, 18
WRITE, ALLOC, EXEC = 1, 2, 4
ET_EXEC, NOBITS_SIZE = 2, 16
_FORMS = {32: ("16sHHIIIIIHHHHHH", "10I"), 64: ("16sHHIQQQIHHHHHH", "IIQQQQIIQQ")}  # file and section headers

# Class, byte order, e_machine and e_flags of targets that binutils-multiarch knows.
MACHINES: tuple[tuple[int, str, int, int], ...] = (
    (64, "<", 62, 0),
    (64, "<", 62, 0),
    (64, "<", 183, 0),
    (64, ">", 183, 0),
    (64, ">", 22, 0),
    (64, "<", 21, 2),
    (64, ">", 21, 1),
    (64, ">", 43, 0),
    (64, "<", 8, 0x20000000),
    (64, ">", 8, 0x20000000),
    (32, "<", 3, 0),
    (32, "<", 40, 0x05000000),
    (32, ">", 40, 0x05000000),
    (32, "<", 8, 0x1000),
    (32, ">", 8, 0x1000),
    (32, ">", 20, 0),
    (32, ">", 4, 0),
    (32, ">", 22, 0),
    (64, "<", 243, 0),
    (64, "<", 258, 0),
    (64, "<", 0x9026, 0),
    (64, "<", 50, 0x10),
    (32, ">", 15, 0),
    (32, "<", 42, 0),
)

# Name, type and flags of sections, in the order of their numbers from 1 on.
SECTIONS: tuple[tuple[str, int, int], ...] = (
    (".text", PROGBITS, ALLOC | EXEC),
    (".init.text", PROGBITS, ALLOC | EXEC),
    (".rodata", PROGBITS, ALLOC),
    (".data", PROGBITS, ALLOC | WRITE),
    (".data..percpu", PROGBITS, ALLOC | WRITE),
    (".bss", NOBITS, ALLOC | WRITE),
    (".sbss", NOBITS, ALLOC | WRITE),
    (".sdata", PROGBITS, ALLOC | WRITE),
    (".notes", NOTE, ALLOC),
    (".comment", PROGBITS, 0),
    (".debug_info", PROGBITS, 0),
    (".zdebug_line", PROGBITS, 0),
    (".line", PROGBITS, 0),
    (".stabstr", PROGBITS, 0),
    (".gdb_index", PROGBITS, 0),
    (".gdb_index2", PROGBITS, 0),
    (".gnu.linkonce.wi.x", PROGBITS, 0),
    (".gnu.debuglto_.debug_x", PROGBITS, 0),
    (".debug_alloc", PROGBITS, ALLOC),
    (".scratch", PROGBITS, WRITE),
    (".nowhere", NOBITS, 0),
    (".pdata", PROGBITS, ALLOC),
    (".idata$2", PROGBITS, ALLOC | EXEC),
    (".edata5", NOBITS, ALLOC | WRITE),
    (".drectve.x", PROGBITS, 0),
    (".pdatax", PROGBITS, ALLOC),
)
EVERYDAY = 6  # of these, so many are what a kernel mostly has


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split(" "))


LIMITS = (126, 127, 128, 129, 130, 498, 499, 500, 501, 510, 511, 512, 513, 514, 2047, 2048, 2049, 2050)
LANDMARKS = _words(
    "_text _stext _etext _sinittext _einittext __per_cpu_start __per_cpu_end _end _sextratext "
    "_stext_l1 _etext_l1"
)
WHOLE_NAMES = _words(
    "__gp __kernel_sigtramp __kernel_syscall_via_break __kernel_syscall_via_epc kallsyms_addresses "
    "kallsyms_num_syms kallsyms_names kallsyms_markers kallsyms_token_table kallsyms_token_index "
    "kallsyms_offsets kallsyms_relative_base kallsyms_seqs_of_names _SDA_BASE_ _SDA2_BASE_ L0 L00 $ $a "
    "$d $t $x $x.1 $m $p.y $b .L .L1 .. _.L_ __kvm_nvhe_ __kvm_nvhe_$ __pi_$ __pi_.L __pi_\\ \\ a A 0 0x "
    "0xg f ff +1 -1 - +"
)
HEADS = _words(
    "__crc_ __kstrtab_ __kstrtabns_ __efistub_ __kvm_nvhe_ __kvm_nvhe_$ __kvm_nvhe_.L __pi_ __pi_$ "
    "__pi_.L .LASANPC .L __kcfi_typeid_ __kvm_nvhe___kcfi_typeid_ __pi___kcfi_typeid_ "
    "__AArch64ADRPThunk_ __ARMV5PILongThunk_ __ARMV7PILongThunk_ __ThumbV7PILongThunk_ __LA25Thunk_ "
    "__microLA25Thunk_ __Thunk_ __x_Thunk_ __start_ __stop_ __end_ __mod_device_table__ "
    "__UNIQUE_ID_modinfo __UNIQUE_ID_modinfo_ _ __ ___ $ L0 L1\1 kallsyms_ aaaaaaaa"
)
TAILS = _words(
    "_veneer _from_arm _from_thumb .long_branch. .plt_branch. .llvm.123 .llvm. .a.b _start _end 123 "
    "12x \\ Thunk_ _compiled. .constprop.0"
)
# What a name may carry on with that a reader takes for a line of its own, or for the end of one.
LINES = (
    b"\nffffffff81000000 T forged",
    b"\nff t u",
    b"\n12345678901234567 T forged",
    b"\n-1 T forged",
    b"\n+ff T forged",
    b"\n0xff T forged",
    b"\n  ff T forged",
    b"\nff T ",
    b" ",
    b"\t\v\f\r",
    b" a x",
    b" N $a",
    b" L0",
    b" 5 T next",
    b"\n                 U $x",
)
# Lines that the newer readers give up over.
BROKEN_LINES = (
    b"\n T forged",
    b"\nff  forged",
    b"\nff \x80 forged",
    b"\nff T",
    b"\nff ",
    b"\nff",
    b"\n",
    b"\nzz\nff t u",
    b"\n-\n+",
    b"\n- T x",
)

ALPHABETS = (
    b"abcdefghijklmnopqrstuvwxyz_0123456789",
    b"abc_",
    b"0123456789abcdefABCDEF",
    b"_",
    bytes(b for b in range(1, 256) if b not in b" \t\n\v\f\r"),
    b"ab\"'\\$.*/",
    bytes(b for b in range(1, 256) if b != ord("\n")),
    b"ab \t\"'\\$",
    bytes(range(1, 256)),
    b"ab \t\n\"'\\$",
)
CLEAN = 4  # of these, so many can stand in a line


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of ``.symtab``, in numbers."""

    name: bytes
    value: int
    section: int
    info: int
    size: int = 0


@dataclass(frozen=True, slots=True)
class HostileTable:
    """The file, and what it is for."""

    data: bytes
    machine: tuple[int, str, int, int]
    entries: tuple[Entry, ...]


def hostile_table(seed: int) -> HostileTable:
    """Return the table of a seed."""
    draw = random.Random(seed)  # noqa: S311 (no secret)
    machine = draw.choice(MACHINES)
    entries = _Maker(draw, machine).entries()
    return HostileTable(make_file(entries, machine), machine, entries)


def random_options(draw: random.Random, known: tuple[str, ...]) -> tuple[str, ...]:
    """Choose among the options that a release knows; usually all symbols, else few are left."""
    likely = {"--all-symbols": 0.7, "--pc-relative": 0.7}
    return tuple(option for option in known if draw.random() < likely.get(option, 0.5))


class _Maker:
    """Draws the entries of one table."""

    def __init__(self, draw: random.Random, machine: tuple[int, str, int, int]) -> None:
        self.draw = draw
        self.bits = machine[0]
        self.top: int = (1 << self.bits) - 1
        self.text: int = (
            draw.choice((0xFFFFFFFF81000000, 0xFFFFFFFFC1000000, 0x80000000, 0x1000, 0)) & self.top
        )
        self.alphabets = draw.choice(
            (ALPHABETS[:CLEAN], ALPHABETS[:1], ALPHABETS[:-2], ALPHABETS[4:-2], ALPHABETS)
        )
        self.whole_names = draw.choice((0, 0.05, 0.2))
        self.wild_names = draw.choice((0, 0, 0.02, 0.3))
        self.wild_places = draw.choice((0, 0, 0, 0.01, 0.3))
        self.wild_kinds = draw.choice((0, 0.05, 0.05, 1))
        self.forged_lines = draw.choice((0, 0, 0.01, 0.2))
        self.lines = draw.choice((LINES, LINES, LINES + BROKEN_LINES))
        self.long_names = draw.choice((0, 0.02, 0.3))
        self.aliases = draw.choice((0, 0, 0.3, 0.97, 1))
        self.made: list[Entry] = []

    def entries(self) -> tuple[Entry, ...]:
        """Draw boundaries and others, in any order, local ones first as the gABI wants."""
        count = self.draw.choice((0, 0, 1, 2, 3, 8, 30, 100, 100, 300, 300, 300, 2500))
        for _ in range(count):
            self.made.append(self._entry(self._name()))
        bare = count <= 2 and self.draw.random() < 0.5
        if bare:  # what nobody lists, or shows without an address
            self.made += [Entry(b"file.c", 0, SHN_ABS, 4), Entry(b"undefined", 0, 0, 0x10)]
        for name, place in () if bare else self._boundaries():
            self.made.append(Entry(name, place & self.top, 1, self._info(1)))
        self.draw.shuffle(self.made)
        return tuple(sorted(self.made, key=lambda entry: entry.info >> 4 != 0))

    def _boundaries(self) -> list[tuple[bytes, int]]:
        places = dict.fromkeys(LANDMARKS, self.text)
        bounds = {"_etext": 0x8000, "_sinittext": 0x10000, "_einittext": 0x11000, "__per_cpu_end": 0x4000}
        places.update({name: self.text + distance for name, distance in bounds.items()})
        places["__per_cpu_start"] = self.draw.choice((0, self.text, self.text + 0x2000))
        if places["__per_cpu_start"] == 0 and self.draw.random() < 0.8:
            places["__per_cpu_end"] = 0x3000
        kept = [name for name in LANDMARKS if self.draw.random() < 0.85]
        if self.draw.random() < self.wild_names:
            kept += self.draw.choices(LANDMARKS, k=3)
        wild = self.wild_places / 3
        return [(n.encode(), self._place() if self.draw.random() < wild else places[n]) for n in kept]

    def _entry(self, name: bytes) -> Entry:
        section = self._section()
        place = self._place()
        if self.made and self.draw.random() < self.aliases:
            place = self.draw.choice(self.made[-3:]).value
        if self.made and self.draw.random() < self.wild_names:
            name = self.draw.choice(self.made).name
        return Entry(name, place, section, self._info(section), self.draw.choice((0, 8, 0x2000)))

    def _place(self) -> int:
        near = self.text + self.draw.choice((8, 0x100, 0x8000, 0x12000, 0x1000000)) * self.draw.random()
        if self.draw.random() >= self.wild_places:
            return int(near) & self.top
        edges = (
            0x7FFFFFFF,
            0x80000000,
            0x80000001,
            0xFFFFFFFF,
            0x100000000,
            -1,
            -0x80000000,
            -0x80000001,
            -0x1000,
        )
        edge = self.text + self.draw.choice(edges)
        any_place = self.draw.getrandbits(64)
        wild: int = self.draw.choice((0, 1, 0x7FFFFFFF, 0x80000000, self.top, edge, edge, edge, any_place))
        return wild & self.top

    def _section(self) -> int:
        if self.draw.random() >= self.wild_kinds:
            return self.draw.randint(1, EVERYDAY)
        ours = len(SECTIONS)
        odd = (0, SHN_ABS, SHN_COMMON, ours + 1, ours + 2, ours + 3, ours + 9, 0xFF20, 0xFF3F, 0xFFF3, 0xFFFE)
        number: int = self.draw.choice([*range(1, ours + 1), *odd])
        return number

    def _info(self, section: int) -> int:
        if self.draw.random() >= self.wild_kinds:
            return self.draw.choice((0, 1, 2)) << 4 | (2 if section <= 2 else 1)
        kind: int = self.draw.choice([*range(16), 0, 1, 2, 1, 2])
        return self.draw.choice((0, 0, 1, 1, 2, 10, 3, 13)) << 4 | kind

    def _name(self) -> bytes:
        if self.draw.random() < self.whole_names:
            return self.draw.choice((*WHOLE_NAMES, "", *LANDMARKS)).encode()
        name = self._plain()
        if self.draw.random() < 0.1:
            name = self.draw.choice(HEADS).encode() + name
        if self.draw.random() < 0.1:
            name += self.draw.choice(TAILS).encode()
        if self.draw.random() < self.forged_lines:
            place = self.draw.choice((0, len(name), self.draw.randint(0, len(name))))
            name = name[:place] + self.draw.choice(self.lines) + name[place:]
        return name

    def _plain(self) -> bytes:
        long = self.draw.random() < self.long_names
        size = self.draw.choice(LIMITS) if long else self.draw.randint(1, self.draw.choice((1, 3, 12, 40)))
        return bytes(self.draw.choices(self.draw.choice(self.alphabets), k=size))


CROWDED_MACHINES = ((64, "<", 62, 0), (64, ">", 22, 0), (32, "<", 40, 0x05000000))


def crowded_table(machine: tuple[int, str, int, int]) -> HostileTable:
    """Return a table whose symbols lie in sections of numbers around and above 0xff00."""
    numbers = (1, 2, 0xFEFF, 0xFF00, 0xFF01, 0xFFF1, 0xFFF2, 0xFFFF, 0x10000, 0x10003)
    entries = [Entry(b"in_%x" % n, 0x1000 + at, n, 1 << 4 | 1) for at, n in enumerate(numbers)]
    return HostileTable(make_file(entries, machine, crowd=0x10010), machine, tuple(entries))


def make_file(
    entries: list[Entry] | tuple[Entry, ...], machine: tuple[int, str, int, int], crowd: int = 0
) -> bytes:
    """Return a linked ELF file of these entries and the known sections, and of more sections up to ``crowd``.

    Section numbers from 0xff00 on are the reserved ones, unless there is a crowd: then each is a section's.
    """
    bits, order, *_ = machine
    strings = _Strings()
    form = order + ("IIIBBH" if bits == 32 else "IBBHQQ")
    symbols = [bytes(struct.calcsize(form))]
    for entry in entries:
        escaped = crowd and entry.section >= SHN_LORESERVE
        symbols.append(
            _symbol(form, strings.add(entry.name), SHN_XINDEX if escaped else entry.section, entry)
        )
    sections = [_Section(*kind) for kind in SECTIONS]
    sections += [_Section(*SECTIONS[at % EVERYDAY]) for at in range(crowd - len(sections))]
    at = len(sections) + 1
    local = 1 + sum(entry.info >> 4 == 0 for entry in entries)
    sections += [
        _Section(".symtab", SYMTAB, 0, b"".join(symbols), at + 1, local, len(symbols[0])),
        _Section(".strtab", STRTAB, 0, strings.blob),
    ]
    if crowd:
        numbers = struct.pack(f"{order}{1 + len(entries)}I", 0, *(entry.section for entry in entries))
        sections.append(_Section(".symtab_shndx", SYMTAB_SHNDX, 0, numbers, at, 0, 4))
    return _lay_out(sections, machine)


@dataclass(frozen=True, slots=True)
class _Section:
    name: str
    type: int
    flags: int
    data: bytes = b""
    link: int = 0
    info: int = 0
    entry_size: int = 0


class _Strings:
    """A string table that gives equal names one place."""

    def __init__(self) -> None:
        self.blob = b"\0"
        self._places = {b"": 0}

    def add(self, name: bytes) -> int:
        if name not in self._places:
            self._places[name] = len(self.blob)
            self.blob += name + b"\0"
        return self._places[name]


def _symbol(form: str, name: int, section: int, entry: Entry) -> bytes:
    if form.endswith("H"):
        return struct.pack(form, name, entry.value, entry.size, entry.info, 0, section)
    return struct.pack(form, name, entry.info, 0, section, entry.value, entry.size)


def _lay_out(sections: list[_Section], machine: tuple[int, str, int, int]) -> bytes:
    """Lay out header, contents and section headers, the names of sections last."""
    bits, order, number, flags = machine
    header, row_form = (order + form for form in _FORMS[bits])
    names = _Strings()
    starts = [names.add(section.name.encode()) for section in [*sections, _Section(".shstrtab", STRTAB, 0)]]
    sections = [*sections, _Section(".shstrtab", STRTAB, 0, names.blob)]
    body = bytearray(struct.calcsize(header))
    rows = []
    for start, s in zip(starts, sections, strict=True):
        size = NOBITS_SIZE if s.type == NOBITS else len(s.data)
        rows.append((start, s.type, s.flags, 0, len(body), size, s.link, s.info, 1, s.entry_size))
        body += s.data + bytes(-len(s.data) % 8)
    count, place = len(rows) + 1, len(body)
    crowded = count >= SHN_LORESERVE  # then the null section's header has the numbers
    null = (0, 0, 0, 0, 0, count, count - 1, 0, 0, 0) if crowded else (0,) * 10
    body += b"".join(struct.pack(row_form, *row) for row in (null, *rows))
    ident = bytes((*b"\x7fELF", bits // 32, 1 if order == "<" else 2, 1, *bytes(9)))
    counts = (0, SHN_XINDEX) if crowded else (count, count - 1)
    sizes = (struct.calcsize(header), 0, 0, struct.calcsize(row_form), *counts)
    struct.pack_into(header, body, 0, ident, ET_EXEC, number, 1, 0, 0, place, flags, *sizes)
    return bytes(body)
