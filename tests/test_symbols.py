# SPDX-License-Identifier: GPL-2.0-or-later
"""The symbol table as arrays: every class and byte order, BFD's values, section numbers, names, classes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from elfmaker import Section, Symbol, elf_file, vmlinux

from elfsyms.errors import InputError
from elfsyms.image.elf import open_image
from elfsyms.image.nm_values import shown_values
from elfsyms.image.symbols import SHN_ABS, SymbolClass, SymbolTable, classify, no_symbols, read_symbols
from elfsyms.image.which_nm import GNU

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

EM_MIPS, EM_ARM, EM_X86_64 = 8, 40, 62
CLASSES = [(64, "<"), (64, ">"), (32, "<"), (32, ">")]


@pytest.fixture
def read(tmp_path: Path) -> Callable[[bytes], SymbolTable]:
    """Return a function that reads the symbols of a file of some bytes."""

    def read_bytes(data: bytes) -> SymbolTable:
        path = tmp_path / "vmlinux"
        path.write_bytes(data)
        with open_image(path) as image:
            return shown_values(read_symbols(image), GNU)

    return read_bytes


def value_of(table: SymbolTable, name: bytes) -> int:
    """Return the value of the only symbol of a name."""
    (index,) = table.find(name)
    return int(table.value[index])


@pytest.mark.parametrize(("bits", "order"), CLASSES)
def test_every_field_of_an_entry(read: Callable[[bytes], SymbolTable], bits: int, order: str) -> None:
    """Name, value, size, binding, type and section are those of the entry, in the file's order."""
    symbols = [
        Symbol("static", 0x1010, ".text", "local", "func", 7),
        Symbol("_text", 0x1000, ".text", "global", "notype"),
        Symbol("table", 0x2000, ".data", "weak", "object", 0x12345678),
    ]
    table = read(vmlinux(symbols, release=None, bits=bits, order=order, machine=21))
    assert [table.name(index) for index in range(len(table))] == [b"", b"static", b"_text", b"table"]
    assert table.value.tolist() == [0, 0x1010, 0x1000, 0x2000]
    assert table.size.tolist() == [0, 7, 0, 0x12345678]
    assert table.binding.tolist() == [0, 0, 1, 2]
    assert table.type.tolist() == [0, 2, 0, 1]
    assert [table.section_name(index) for index in range(len(table))] == ["UND", ".text", ".text", ".data"]


def test_names_that_share_their_tails(read: Callable[[bytes], SymbolTable]) -> None:
    """A name may lie in the tail of a longer one, as linkers merge strings; each is read whole."""
    names = [b"write", b"vfs_write", b"ksys_write", b"e", b""]
    symbols = [Symbol(name, 0x1000 + at) for at, name in enumerate(names)]
    table = read(elf_file(symbols, [Section(".text", 0x1000, bytes(16))], share_tails=True))
    assert table.strings.count(b"write\0") == 2
    assert [table.name(index) for index in range(1, 6)] == names


@pytest.mark.parametrize("name", [b"write", b"vfs_write", b"e"])
def test_find_means_the_whole_name(read: Callable[[bytes], SymbolTable], name: bytes) -> None:
    """Looking for a name finds neither longer names that end so, nor shorter ones inside."""
    symbols = [Symbol(text, 0x1000) for text in ("write", "vfs_write", "e", "rite")]
    table = read(elf_file(symbols, [Section(".text", 0x1000, bytes(16))], share_tails=True))
    assert [table.name(index) for index in table.find(name)] == [name]


def test_address_is_that_of_the_last_defined_symbol(read: Callable[[bytes], SymbolTable]) -> None:
    """Of several symbols of a name the last defined one counts, as for the kernel's reader."""
    symbols = [
        Symbol("twice", 0x1000, binding="local"),
        Symbol("twice", 0x1004),
        Symbol("twice", 0, "UND"),
        Symbol("absent", 0, "UND"),
    ]
    table = read(elf_file(symbols, [Section(".text", 0x1000, bytes(16))]))
    assert table.address_of(b"twice") == 0x1004
    assert table.address_of(b"absent") is None
    assert table.address_of(b"wic") is None


@pytest.mark.parametrize(("bits", "order"), CLASSES)
def test_escaped_section_numbers(read: Callable[[bytes], SymbolTable], bits: int, order: str) -> None:
    """``SHN_XINDEX`` stands for the number in ``SHT_SYMTAB_SHNDX``; other reserved numbers for themselves."""
    symbols = [
        Symbol("a", 0x2000, ".data"),
        Symbol("b", 5, "ABS"),
        Symbol("c", 0, "UND"),
        Symbol("d", 0x1000, ".text"),
        Symbol("e", 8, "COMMON"),
    ]
    sections = [Section(".text", 0x1000, bytes(4)), Section(".data", 0x2000, bytes(4))]
    table = read(elf_file(symbols, sections, bits=bits, order=order, machine=EM_MIPS, extended=True))
    assert [table.section_name(i) for i in range(1, 6)] == [".data", "ABS", "UND", ".text", "COM"]


def test_section_numbers_of_a_kernel_with_many_sections(read: Callable[[bytes], SymbolTable]) -> None:
    """Numbers from 0x8000 on are no negative ones, and those from 0xff00 on no reserved ones."""
    sections = [Section(f".text.{number}", number, b"") for number in range(0xFF20)]
    numbers = [0, 0x7FFE, 0x7FFF, 0x8000, 0xFEFE, 0xFEFF, 0xFFF0, 0xFF1F]
    symbols = [Symbol(f"f{n}", n, f".text.{n}") for n in numbers if n < len(sections)]
    symbols.append(Symbol("absolute", 1, "ABS"))
    table = read(elf_file(symbols, sections))
    assert [table.section_name(i + 1) for i, s in enumerate(symbols[:-1])] == [
        s.section for s in symbols[:-1]
    ]
    assert table.section[-1] == SHN_ABS


@pytest.mark.parametrize("order", ["<", ">"])
def test_mips32_addresses_are_sign_extended(read: Callable[[bytes], SymbolTable], order: str) -> None:
    """BFD sign-extends addresses of 32-bit MIPS, as nm shows them; those of other machines stay."""
    symbols = [Symbol("_text", 0x80100000, type="notype"), Symbol("low", 0x7FFFFFFF, type="notype")]
    mips = read(vmlinux(symbols, release=None, bits=32, order=order, machine=EM_MIPS))
    assert value_of(mips, b"_text") == 0xFFFFFFFF80100000
    assert value_of(mips, b"low") == 0x7FFFFFFF
    i386 = read(vmlinux(symbols, release=None, bits=32, order=order, machine=3))
    assert value_of(i386, b"_text") == 0x80100000


@pytest.mark.parametrize(
    ("machine", "bits", "kind", "shown"),
    [
        (EM_ARM, 32, "func", 0x1000),
        (EM_ARM, 32, "ifunc", 0x1000),
        (EM_ARM, 32, "object", 0x1001),
        (EM_ARM, 32, "notype", 0x1001),
        (EM_MIPS, 32, "func", 0x1000),
        (EM_MIPS, 64, "func", 0x1000),
        (EM_MIPS, 32, "object", 0x1001),
        (EM_X86_64, 64, "func", 0x1001),
    ],
)
def test_mode_bit_is_no_part_of_an_address(
    read: Callable[[bytes], SymbolTable], machine: int, bits: int, kind: str, shown: int
) -> None:
    """The lowest bit of a function's value is Thumb or MIPS16 mode, which BFD clears; elsewhere it counts."""
    symbols = [Symbol("odd", 0x1001, type=kind)]
    assert value_of(read(vmlinux(symbols, release=None, bits=bits, machine=machine)), b"odd") == shown


@pytest.mark.parametrize(
    ("symbol", "kind"),
    [
        (Symbol("jiffies", 0x2000, ".data", type="object"), SymbolClass.RELATIVE),
        (Symbol("this_cpu_off", 0x18, ".data..percpu", type="object"), SymbolClass.PERCPU),
        (Symbol("old", 0x18, ".data.percpu", type="object"), SymbolClass.PERCPU),
        (Symbol("__per_cpu_start", 0x0, "ABS"), SymbolClass.PERCPU),
        (Symbol("__per_cpu_end", 0x3000, ".data"), SymbolClass.PERCPU),
        (Symbol("low_number", 0x18, "ABS"), SymbolClass.ABSOLUTE),
        (Symbol("missing", 0, "UND"), SymbolClass.UNDEFINED),
        (Symbol("__per_cpu_offset", 0x2000, ".data", type="object"), SymbolClass.RELATIVE),
        (Symbol("near_percpu", 0x20, ".text"), SymbolClass.RELATIVE),
    ],
)
def test_class_is_by_section(read: Callable[[bytes], SymbolTable], symbol: Symbol, kind: SymbolClass) -> None:
    """Absolute is SHN_ABS, per-CPU is the per-CPU section or a bound of it, never an address that looks so."""
    table = read(vmlinux([Symbol("_text", 0x1000), symbol], release=None))
    assert classify(table)[table.find(symbol.octets)[0]] == kind


def test_no_symbols_has_the_null_entry_alone(tmp_path: Path) -> None:
    """The table of a first link has an ABI and nothing else."""
    path = tmp_path / "vmlinux"
    path.write_bytes(vmlinux([Symbol("_text", 0x1000)], bits=32, order=">", machine=EM_MIPS))
    with open_image(path) as image:
        table = no_symbols(image)
    assert len(table) == 1
    assert table.abi.machine == EM_MIPS


@pytest.mark.parametrize("bits", [32, 64])
def test_symtab_of_the_null_entry_alone_is_refused(read: Callable[[bytes], SymbolTable], bits: int) -> None:
    """A symbol table without symbols is that of a stripped file."""
    with pytest.raises(InputError, match=r"\.symtab holds no symbols .*stripped"):
        read(elf_file([], [Section(".text", 0x1000, bytes(4))], bits=bits))


@pytest.mark.parametrize("bits", [32, 64])
def test_half_an_entry_is_damage(read: Callable[[bytes], SymbolTable], bits: int) -> None:
    """A symbol table whose size is no multiple of an entry's is called damaged, not stripped."""
    data = elf_file([Symbol("_text", 0x1000)], [Section(".text", 0x1000, bytes(4))], bits=bits)
    whole = {32: 2 * 16, 64: 2 * 24}[bits].to_bytes(bits // 8, "little")
    at = data.rindex(whole)  # sh_size of .symtab, the last number of this size
    with pytest.raises(InputError, match=r"is damaged: \.symtab has .* no whole entries"):
        read(data[:at] + bytes([whole[0] - 5]) + data[at + 1 :])


def test_name_outside_of_the_strings_is_refused(read: Callable[[bytes], SymbolTable]) -> None:
    """A name that begins behind the string table means a damaged file."""
    data = bytearray(elf_file([Symbol("_text", 0x1000)], [Section(".text", 0x1000, bytes(4))]))
    entry = data.index(b"\0_text\0") - 24  # the string table follows the one entry, padded to 16
    while data[entry : entry + 4] != b"\1\0\0\0":
        entry -= 4
    data[entry : entry + 4] = b"\xff\0\0\0"
    with pytest.raises(InputError, match="name lies outside the string table"):
        read(bytes(data))
