# SPDX-License-Identifier: GPL-2.0-or-later
"""Kernels built with ``LLVM=1``: llvm-nm's letters, names and order, against llvm-nm itself, and who uses it."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import groupby
from typing import TYPE_CHECKING, Any

import pytest
from conftest import sample_names
from elfmaker import Section, Symbol, elf_file
from hostile_tables import CROWDED_MACHINES, crowded_table, hostile_table, make_file
from llvmnm import llvm_nm_text, need_llvm

from elfsyms.errors import UsageError
from elfsyms.image.elf import open_image
from elfsyms.image.listing import list_symbols
from elfsyms.image.nm_text import map_text
from elfsyms.image.nm_values import shown_values
from elfsyms.image.symbols import read_symbols
from elfsyms.image.which_nm import GNU, Nm, banner_nm, parse_nm
from elfsyms.pipeline.kernel import load

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

X86_64, MIPS, ARM, AARCH64, RISCV, CSKY = 62, 8, 40, 183, 243, 252
TEXT = Section(".text", 0x1000, bytes(64), flags="ax")

# Names that llvm-nm hides: machine, name, the version since which it does, that until which it does.
HIDDEN_FACTS = [
    (ARM, "$a", 13, 99),
    (ARM, "$abc", 13, 99),
    (ARM, "$x", 99, 99),
    (ARM, "", 14, 99),
    (AARCH64, "$x.1", 13, 99),
    (AARCH64, "$xy", 13, 99),
    (AARCH64, "$m", 99, 99),
    (AARCH64, "", 99, 99),
    (CSKY, "$t", 18, 99),
    (RISCV, "$x", 18, 99),
    (RISCV, "", 13, 19),
    (RISCV, ".L0 ", 19, 99),
    (RISCV, ".L0", 99, 99),
    (RISCV, ".L12", 99, 99),
    (MIPS, ".L1", 99, 99),
    (X86_64, ".L1", 99, 99),
]

# Letters in which the two programs differ: the symbol, GNU's letter, LLVM's.
DIFFERING_LETTERS = [
    (Symbol("o", 1, ".data", "weak", "common"), "V", "W"),
    (Symbol("c", 0x1000, ".data", "global", "common"), "D", "C"),
    (Symbol("p", 1, ".pdata"), "P", "R"),
    (Symbol("z", 1, ".zdebug_info", "local"), "N", "n"),
]

BANNERS = [
    (b"Linux version 6.12.1 (me@here) (gcc (Debian 12.2.0-14) 12.2.0, GNU ld 2.40) #1", None),
    (b"Linux version 5.4.0 (me@here) (gcc version 9.3.0 (Ubuntu 9.3.0-17ubuntu1~20.04)) #1", None),
    (b"Linux version 6.12.1 (me@here) (clang version 18.1.8, GNU ld 2.40) #1", None),
    (b"Linux version 7.3.0 (me@here) (Debian clang version 19.1.7, Debian LLD 19.1.7) #1", 19),
    (
        b"Linux version 5.10.1 (b@c) (Android (7284624, r416183b) clang version 12.0.5, LLD 12.0.5 (/b)) #1",
        12,
    ),
    (b"Linux version 6.1.0 (gcc (GNU) 12.2.0, LLD 15.0.7) #1 SMP", 15),
]


def listed(path: Path, nm: Nm) -> bytes:
    """Return what elfsyms makes of an nm's list."""
    with open_image(path) as image:
        return map_text(list_symbols(shown_values(read_symbols(image), nm), nm).lines, image.abi)


def with_ties_sorted(text: bytes) -> list[bytes]:
    """Return the lines, those of one address and name in a fixed order: llvm-nm's sort leaves that to chance."""
    groups = groupby(text.split(b"\n"), key=_without_letter)
    return [line for _, group in groups for line in sorted(group)]


def _without_letter(line: bytes) -> bytes:
    """Return address and name of a line."""
    return re.sub(rb"^([0-9a-f]+|  +) . ", rb"\1 ", line)


@pytest.mark.parametrize("name", sample_names())
def test_samples_are_listed_as_llvm_nm_does(sample: Callable[[str], Path], name: str) -> None:
    """The text of ``llvm-nm -n`` is reproduced byte for byte on every sample, by every version there is."""
    path = sample(name)
    for version in need_llvm():
        assert listed(path, Nm("llvm", version)) == llvm_nm_text(path, version)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(0, 330, 3))
def test_hostile_tables_are_listed_as_llvm_nm_does(seed: int, tmp_path: Path) -> None:
    """Whatever a symbol table holds, the lines are those of llvm-nm, in its order but for full ties."""
    path = tmp_path / "vmlinux"
    table = hostile_table(seed)
    if any(b"\n" in entry.name for entry in table.entries):  # whose lines cannot be told apart
        table = replace(table, entries=tuple(e for e in table.entries if b"\n" not in e.name))
        table = replace(table, data=make_file(table.entries, table.machine))
    path.write_bytes(table.data)
    for version in need_llvm():
        ours, stock = listed(path, Nm("llvm", version)), llvm_nm_text(path, version)
        assert with_ties_sorted(ours) == with_ties_sorted(stock)


@pytest.mark.parametrize("machine", CROWDED_MACHINES)
def test_more_sections_than_a_symbol_can_number(machine: tuple[int, str, int, int], tmp_path: Path) -> None:
    """Section numbers from 0xff00 on are looked up as llvm-nm does."""
    path = tmp_path / "vmlinux"
    path.write_bytes(crowded_table(machine).data)
    version = need_llvm()[-1]
    assert listed(path, Nm("llvm", version)) == llvm_nm_text(path, version)


@pytest.mark.parametrize(("machine", "name", "since", "until"), HIDDEN_FACTS)
def test_names_of_the_target_are_hidden(
    tmp_path: Path, machine: int, name: str, since: int, until: int
) -> None:
    """Mapping symbols and fake labels are hidden from the version on that knows them; llvm-nm says so too."""
    path = tmp_path / "vmlinux"
    bits = 32 if machine in (ARM, MIPS, CSKY) else 64
    symbols = [Symbol(name, 0x1000, ".text", "local", "notype")]
    path.write_bytes(elf_file(symbols, [TEXT], bits=bits, machine=machine))
    for version in (13, 14, 17, 18, 19, 22):
        assert (listed(path, Nm("llvm", version)) == b"") == (since <= version < until)
    for version in need_llvm():
        assert (llvm_nm_text(path, version) == b"") == (since <= version < until)


@pytest.mark.parametrize(("symbol", "gnu", "llvm"), DIFFERING_LETTERS)
def test_letters_that_differ(tmp_path: Path, symbol: Symbol, gnu: str, llvm: str) -> None:
    """llvm-nm knows no section by name but ``.debug``, and goes by type for what is common; it says so too."""
    path = tmp_path / "vmlinux"
    sections = [
        Section(".data", 0, bytes(16), flags="wa"),
        Section(".pdata", 0, bytes(16), flags="a"),
        Section(".zdebug_info", 0, bytes(16), flags=""),
    ]
    path.write_bytes(elf_file([symbol], sections))
    assert listed(path, GNU).split()[1] == gnu.encode()
    assert listed(path, Nm("llvm")).split()[1] == llvm.encode()
    assert llvm_nm_text(path, need_llvm()[-1]).split()[1] == llvm.encode()


def test_smaller_of_two_equal_names_comes_first(tmp_path: Path) -> None:
    """llvm-nm breaks ties of value and name by size, GNU nm by the table's order."""
    symbols = [
        Symbol("twin", 0x1000, ".text", "local", "func", size=8),
        Symbol("twin", 0x1000, ".text", "global", "func", size=4),
    ]
    path = tmp_path / "vmlinux"
    path.write_bytes(elf_file(symbols, [TEXT]))
    assert [line.split()[1] for line in listed(path, GNU).splitlines()] == [b"t", b"T"]
    assert [line.split()[1] for line in listed(path, Nm("llvm")).splitlines()] == [b"T", b"t"]
    assert listed(path, Nm("llvm")) == llvm_nm_text(path, need_llvm()[-1])


def test_addresses_of_mips_are_not_sign_extended(tmp_path: Path) -> None:
    """llvm-nm shows 32-bit MIPS addresses with eight digits."""
    path = tmp_path / "vmlinux"
    path.write_bytes(elf_file([Symbol("f", 0x80001000)], [TEXT], bits=32, order=">", machine=MIPS))
    assert listed(path, Nm("llvm")) == b"80001000 T f\n"
    assert llvm_nm_text(path, need_llvm()[-1]) == b"80001000 T f\n"


@pytest.mark.parametrize(("banner", "version"), BANNERS, ids=[str(version) for _, version in BANNERS])
def test_banner_that_names_lld_tells_of_llvm_nm(banner: bytes, version: int | None) -> None:
    """The linker in the banner tells the nm, for ``LLVM=1`` chooses both; clang alone does not."""
    assert banner_nm(banner) == (None if version is None else Nm("llvm", version))


@pytest.mark.parametrize(
    ("text", "nm"),
    [
        ("gnu", GNU),
        ("nm", GNU),
        ("aarch64-linux-gnu-nm", GNU),
        ("/opt/cross/bin/mips-nm", GNU),
        ("gcc-nm", GNU),
        ("llvm", Nm("llvm")),
        ("llvm-19", Nm("llvm", 19)),
        ("llvm-nm", Nm("llvm")),
        ("llvm-nm-16", Nm("llvm", 16)),
        ("/opt/my llvm/bin/llvm-nm", Nm("llvm")),
        ("ccache llvm-nm-21", Nm("llvm", 21)),
        ("nm -B", GNU),
        ("gcc-nm --plugin=/opt/plugin.so", GNU),
        ("x86_64-linux-gnu-nm-2.40", GNU),
        ("nm.real", GNU),
        ("llvm-nm-19.1 --no-llvm-bc", Nm("llvm", 19)),
    ],
)
def test_nm_by_name(text: str, nm: Nm) -> None:
    """``--nm`` takes a family, a version, or whatever make's ``NM`` is."""
    assert parse_nm(text) == nm


@pytest.mark.parametrize("text", ["", "lvm", "llvm-", "llvm-x", "eu-objdump"])
def test_unknown_nm_is_refused(text: str) -> None:
    """A word that is no nm is refused, with those that are."""
    with pytest.raises(UsageError, match="--nm takes gnu, llvm"):
        parse_nm(text)


def test_nm_that_is_a_link_is_followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nm is a link to llvm-nm, as on systems of LLVM's tools alone, it is llvm-nm."""
    (tmp_path / "llvm-nm-18").write_text("#!/bin/sh\n", encoding="utf-8")
    (tmp_path / "llvm-nm-18").chmod(0o755)
    (tmp_path / "nm").symlink_to("llvm-nm-18")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert parse_nm("nm") == Nm("llvm", 18)
    assert parse_nm("gnu") == GNU


def kernel_file(path: Path, banner: str, symbols: list[Symbol]) -> Path:
    """Write a kernel of a banner and a few symbols."""
    data = Section(".rodata", 0x2000, banner.encode() + b"\0", flags="a")
    path.write_bytes(elf_file([Symbol("linux_banner", 0x2000, ".rodata"), *symbols], [TEXT, data]))
    return path


@pytest.mark.parametrize(
    ("request_", "found"),
    [
        ({}, "llvm-19"),
        ({"nm": GNU}, "gnu"),
        ({"nm": Nm("llvm")}, "llvm-19"),
        ({"nm": Nm("llvm", 15)}, "llvm-15"),
    ],
    ids=["banner", "gnu", "llvm", "llvm-15"],
)
def test_kernel_finds_its_nm(tmp_path: Path, request_: dict[str, Any], found: str) -> None:
    """The banner decides unless ``--nm`` does; it lends ``llvm`` its version, and the finding is told."""
    path = kernel_file(
        tmp_path / "vmlinux",
        "Linux version 6.12.0 (clang version 19.1.7, LLD 19.1.7) #1",
        [Symbol("f", 0x1000)],
    )
    with load(path, **request_) as kernel:
        assert str(kernel.nm) == found
        assert found in [finding.value for finding in kernel.findings.found if finding.what == "nm"]


def test_map_of_an_llvm_kernel_is_llvm_nms(tmp_path: Path) -> None:
    """What differs between the programs reaches ``System.map`` and the tables."""
    symbols = [
        Symbol("_text", 0x1000),
        Symbol("twin", 0x1010, ".text", "local", "func", size=8),
        Symbol("twin", 0x1010, ".text", "global", "func", size=4),
    ]
    banner = "Linux version 6.12.0 (clang version 19.1.7, LLD 19.1.7) #1"
    with load(kernel_file(tmp_path / "vmlinux", banner, symbols)) as kernel:
        lines = kernel.system_map.splitlines()
        assert [line[17:] for line in lines if line.endswith(b"twin")] == [b"T twin", b"t twin"]
