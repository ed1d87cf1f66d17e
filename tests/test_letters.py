# SPDX-License-Identifier: GPL-2.0-or-later
"""nm's letters, against a table of facts (binutils, ``bfd_decode_symclass``) and against GNU nm itself."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from elfmaker import Section, Symbol, elf_file
from gnunm import nm_text
from hypothesis import given, settings
from hypothesis import strategies as st

from elfsyms.image.elf import open_image
from elfsyms.image.gnu_letters import hidden_symbols, nm_letters
from elfsyms.image.listing import list_symbols
from elfsyms.image.nm_text import map_text
from elfsyms.image.nm_values import shown_values
from elfsyms.image.symbols import read_symbols
from elfsyms.image.which_nm import GNU

X86_64, I386, MIPS, PPC, PPC64, S390, ARM, IA64, AARCH64, RISCV = 62, 3, 8, 20, 21, 22, 40, 50, 183, 243

# A section (name, type, flags), and the letters of a local and of a global symbol in it.
SECTION_FACTS = [
    (".text", "progbits", "ax", "t", "T"),
    (".init.text", "progbits", "ax", "t", "T"),
    (".text.rwx", "progbits", "wax", "t", "T"),
    (".altinstr_replacement", "progbits", "ax", "t", "T"),
    (".code_not_loaded", "progbits", "x", "t", "T"),
    (".rodata", "progbits", "a", "r", "R"),
    (".rodata.written", "progbits", "wa", "d", "D"),
    (".data", "progbits", "wa", "d", "D"),
    (".init.data", "progbits", "wa", "d", "D"),
    (".notes", "note", "a", "r", "R"),
    (".bss", "nobits", "wa", "b", "B"),
    (".bss.readonly", "nobits", "a", "b", "B"),
    (".brk_unloaded", "nobits", "", "b", "B"),
    (".debug_info", "progbits", "", "N", "N"),
    (".zdebug_info", "progbits", "", "N", "N"),
    (".stab", "progbits", "", "N", "N"),
    (".line", "progbits", "", "N", "N"),
    (".gdb_index", "progbits", "", "N", "N"),
    (".gnu.debuglto_.debug_info", "progbits", "", "N", "N"),
    (".gnu.linkonce.wi.1", "progbits", "", "N", "N"),
    (".comment", "progbits", "", "n", "N"),
    (".modinfo_like", "progbits", "w", "?", "?"),
    (".edata", "progbits", "ax", "e", "E"),
    (".idata", "progbits", "wa", "i", "I"),
    (".idata$4", "progbits", "wa", "i", "I"),
    (".pdata.x", "progbits", "a", "p", "P"),
    (".drectve1", "progbits", "a", "i", "I"),
    (".idatax", "progbits", "wa", "d", "D"),
    (".pdata_x", "progbits", "a", "r", "R"),
    (".sdata", "progbits", "wa", "d", "D"),
    (".sbss", "nobits", "wa", "b", "B"),
]

# A symbol, and its letter; it lies in .data where it does not say otherwise.
SYMBOL_FACTS = [
    (Symbol("f", 1, ".text", "weak", "func"), "W"),
    (Symbol("f", 1, ".text", "weak", "notype"), "W"),
    (Symbol("o", 1, ".data", "weak", "object"), "V"),
    (Symbol("o", 1, ".data", "weak", "common"), "V"),
    (Symbol("o", 1, "ABS", "weak", "object"), "V"),
    (Symbol("t", 1, ".data", "weak", "tls"), "W"),
    (Symbol("f", 0, "UND", "weak", "func"), "w"),
    (Symbol("o", 0, "UND", "weak", "object"), "v"),
    (Symbol("t", 0, "UND", "weak", "tls"), "w"),
    (Symbol("f", 0, "UND", "global", "func"), "U"),
    (Symbol("o", 0, "UND", "global", "object"), "U"),
    (Symbol("c", 8, "COMMON", "global", "object"), "C"),
    (Symbol("c", 8, "COMMON", "global", "common"), "C"),
    (Symbol("i", 1, ".text", "global", "ifunc"), "i"),
    (Symbol("i", 1, ".text", "local", "ifunc"), "i"),
    (Symbol("i", 1, ".text", "weak", "ifunc"), "i"),
    (Symbol("i", 0, "UND", "global", "ifunc"), "U"),
    (Symbol("u", 1, ".data", "unique", "object"), "u"),
    (Symbol("a", 1, "ABS", "local", "notype"), "a"),
    (Symbol("a", 1, "ABS", "global", "notype"), "A"),
    (Symbol("a", 1, "ABS", "weak", "notype"), "W"),
    (Symbol("t", 1, ".data", "global", "tls"), "D"),
]

# Small data has letters of its own on some machines only: section, machine, class, letter.
SMALL_FACTS = [
    (".sdata", "progbits", "wa", PPC64, 64, "G"),
    (".sbss", "nobits", "wa", PPC64, 64, "S"),
    (".sdata.x", "progbits", "wa", PPC64, 64, "G"),
    (".short", "progbits", "was", IA64, 64, "G"),
    (".short", "nobits", "was", IA64, 64, "S"),
    (".short", "progbits", "was", MIPS, 32, "D"),
    (".sdata", "progbits", "wa", PPC, 32, "D"),
    (".short", "progbits", "was", X86_64, 64, "D"),
]

# Names that nm hides, as targets of their own, by machine: the name, and whether it is hidden there.
HIDDEN_FACTS = [
    (ARM, "$a", True),
    (ARM, "$d.4", True),
    (ARM, "$z", True),
    (ARM, "$ab", False),
    (ARM, "$A", False),
    (ARM, ".L1", False),
    (AARCH64, "$x", True),
    (AARCH64, "$d.1", True),
    (AARCH64, "$t", False),
    (AARCH64, "$xy", False),
    (AARCH64, "__pi_$x", False),
    (RISCV, ".L12", True),
    (RISCV, "$x", True),
    (RISCV, "$xrv64i2p1", True),
    (RISCV, "$d", True),
    (RISCV, "L0", False),
    (RISCV, "L0\1", True),
    (RISCV, "L0\2", False),
    (RISCV, "L12\1", False),
    (RISCV, ".L1\n", True),
    (RISCV, "\n", False),
    (ARM, "$a\n", False),
    (MIPS, "L5\1x", True),
    (MIPS, "L1\2", False),
    (MIPS, ".L1", True),
    (MIPS, "$L1", False),
    (MIPS, "$a", False),
    (X86_64, ".L1", False),
    (X86_64, "$a", False),
    (S390, ".L1", False),
]

BIG_ENDIAN = {MIPS, PPC, S390}
NARROW = {MIPS, PPC, ARM, I386}


def file_of(section: tuple[str, str, str], symbols: list[Symbol], machine: int, bits: int) -> bytes:
    """Return an executable of a machine with one section, and the symbols, which are moved into it."""
    name, kind, flags = section
    order = ">" if machine in BIG_ENDIAN else "<"
    body = Section(name, 0x1000, b"" if kind == "nobits" else bytes(16), kind, flags, size=16)
    return elf_file(
        [replace(s, section=name) for s in symbols], [body], bits=bits, order=order, machine=machine
    )


def letters_of(path: Path, data: bytes) -> list[str]:
    """Return the letters of all symbols but the null entry."""
    path.write_bytes(data)
    with open_image(path) as image:
        return [chr(letter) for letter in nm_letters(read_symbols(image)).tolist()[1:]]


def stock_letters(path: Path) -> dict[str, str]:
    """Return GNU nm's letter of each name."""
    rows = (line.rsplit(maxsplit=2)[-2:] for line in nm_text(path).decode().splitlines())
    return {name: letter for letter, name in rows}


LOCAL_AND_GLOBAL = [Symbol("local", 0x1000, binding="local"), Symbol("global", 0x1001)]


@pytest.mark.parametrize(
    ("name", "kind", "flags", "local", "global_"), SECTION_FACTS, ids=[fact[0] for fact in SECTION_FACTS]
)
def test_letter_by_section(
    tmp_path: Path, name: str, kind: str, flags: str, local: str, global_: str
) -> None:
    """A symbol's letter is its section's, by flags, type and a few names; upper case where it is global."""
    data = file_of((name, kind, flags), LOCAL_AND_GLOBAL, X86_64, 64)
    assert letters_of(tmp_path / "vmlinux", data) == [local, global_]


@pytest.mark.parametrize(
    ("name", "kind", "flags", "local", "global_"), SECTION_FACTS, ids=[fact[0] for fact in SECTION_FACTS]
)
def test_letter_by_section_is_that_of_nm(
    tmp_path: Path, name: str, kind: str, flags: str, local: str, global_: str
) -> None:
    """GNU nm agrees with the table of facts."""
    path = tmp_path / "vmlinux"
    path.write_bytes(file_of((name, kind, flags), LOCAL_AND_GLOBAL, X86_64, 64))
    assert stock_letters(path) == {"local": local, "global": global_}


def symbol_id(symbol: Symbol) -> str:
    """Name a case after what matters of its symbol."""
    return f"{symbol.binding}-{symbol.type}-{symbol.section}"


@pytest.mark.parametrize(
    ("symbol", "letter"), SYMBOL_FACTS, ids=[symbol_id(symbol) for symbol, _ in SYMBOL_FACTS]
)
def test_letter_by_symbol(tmp_path: Path, symbol: Symbol, letter: str) -> None:
    """Binding, type and reserved section numbers have letters of their own; GNU nm's, too."""
    path = tmp_path / "vmlinux"
    sections = [Section(".text", 0, bytes(16), flags="ax"), Section(".data", 0, bytes(16), flags="wa")]
    assert letters_of(path, elf_file([symbol], sections)) == [letter]
    assert stock_letters(path) == {symbol.name: letter}


@pytest.mark.parametrize(("name", "kind", "flags", "machine", "bits", "letter"), SMALL_FACTS)
def test_letter_of_small_data(
    tmp_path: Path, name: str, kind: str, flags: str, machine: int, bits: int, letter: str
) -> None:
    """Small data is g and s only where BFD marks it: 64-bit PowerPC by name, Itanium by flag; nm says so too."""
    path = tmp_path / "vmlinux"
    data = file_of((name, kind, flags), [Symbol("x", 0x1000)], machine, bits)
    assert letters_of(path, data) == [letter]
    assert stock_letters(path) == {"x": letter}


def test_letter_in_a_section_that_is_not_there(tmp_path: Path) -> None:
    """BFD takes a symbol of a section number beyond all sections for absolute."""
    path = tmp_path / "vmlinux"
    data = bytearray(elf_file([Symbol("lost", 0x1000)], [Section(".text", 0x1000, bytes(16), flags="ax")]))
    entry = data.index((0x1000).to_bytes(8, "little"), 64) - 8
    data[entry + 6 : entry + 8] = b"\x77\0"
    assert letters_of(path, bytes(data)) == ["A"]


@pytest.mark.parametrize(("machine", "name", "hidden"), HIDDEN_FACTS)
def test_names_of_the_target_are_hidden(tmp_path: Path, machine: int, name: str, hidden: bool) -> None:
    """Mapping symbols and local labels are hidden on the machines that have such names, and only there."""
    path = tmp_path / "vmlinux"
    symbols = [Symbol(name, 0x1000, binding="local", type="notype")]
    path.write_bytes(file_of((".text", "progbits", "ax"), symbols, machine, 32 if machine in NARROW else 64))
    with open_image(path) as image:
        assert hidden_symbols(read_symbols(image)).tolist()[1:] == [hidden]
    assert (nm_text(path) == b"") == hidden


PIECES = ["$", "a", "d", "x", "t", "L", "0", "_", ".", ".L", "..", "_.L_", "\1", "\2", "f", "$x", "$d."]
NAMES = st.lists(st.lists(st.sampled_from(PIECES), max_size=4).map("".join), min_size=20, max_size=60)


@pytest.mark.slow
@pytest.mark.parametrize("machine", [ARM, AARCH64, RISCV, MIPS, X86_64, S390, PPC64])
@settings(max_examples=15, deadline=None)
@given(names=NAMES)
def test_odd_names_are_listed_as_nm_lists_them(machine: int, names: list[str]) -> None:
    """Whatever names look like, on every machine, ``nm -n`` and elfsyms list the same lines."""
    symbols = [Symbol(name, 0x1000 + at, ".text", "local", "notype") for at, name in enumerate(names)]
    with TemporaryDirectory() as folder:
        path = Path(folder) / "vmlinux"
        path.write_bytes(
            file_of((".text", "progbits", "ax"), symbols, machine, 32 if machine in NARROW else 64)
        )
        with open_image(path) as image:
            text = map_text(list_symbols(shown_values(read_symbols(image), GNU)).lines, image.abi)
        assert text == nm_text(path)
