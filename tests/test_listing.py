# SPDX-License-Identifier: GPL-2.0-or-later
"""``nm -n`` reproduced: order, ties, what is left out, and every sample byte for byte."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from conftest import sample_names
from elfmaker import Section, Symbol, elf_file
from gnunm import nm_text

from elfsyms.image.elf import open_image
from elfsyms.image.listing import list_symbols
from elfsyms.image.nm_text import map_text
from elfsyms.image.nm_values import shown_values
from elfsyms.image.symbols import read_symbols
from elfsyms.image.which_nm import GNU

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

TEXT = Section(".text", 0x1000, bytes(64), flags="ax")


def listed(path: Path) -> bytes:
    """Return what elfsyms makes of ``nm -n``."""
    with open_image(path) as image:
        return map_text(list_symbols(shown_values(read_symbols(image), GNU)).lines, image.abi)


def names(path: Path, data: bytes) -> list[str]:
    """Return the names in the order of the list."""
    path.write_bytes(data)
    return [line.split(" ")[-1] for line in listed(path).decode().splitlines()]


@pytest.mark.parametrize("name", sample_names())
def test_samples_are_listed_as_nm_does(sample: Callable[[str], Path], name: str) -> None:
    """The text of ``nm -n`` is reproduced byte for byte, ties included, on every sample."""
    path = sample(name)
    assert listed(path) == nm_text(path)


def test_ties_go_by_name_then_by_place(tmp_path: Path) -> None:
    """Equal values are ordered by name as bytes, equal names by their place in the table."""
    symbols = [
        Symbol("b", 0x1000, type="func", binding="local"),
        Symbol("a", 0x1000, ".data", "local"),
        Symbol("B", 0x1000),
        Symbol("_a", 0x1000),
        Symbol("a", 0x1000),
        Symbol("", 0x1000),
        Symbol("ab", 0x1000),
    ]
    path = tmp_path / "vmlinux"
    data = elf_file(symbols, [TEXT, Section(".data", 0x1000, bytes(4), flags="wa")])
    assert names(path, data) == ["", "B", "_a", "a", "a", "ab", "b"]
    assert b" d a\n0000000000001000 T a\n" in listed(path)
    assert listed(path) == nm_text(path)


def test_undefined_symbols_come_first_by_name(tmp_path: Path) -> None:
    """Undefined symbols stand before all others, among themselves by name, with blanks for an address."""
    symbols = [
        Symbol("z", 0, "UND"),
        Symbol("low", 0, "ABS"),
        Symbol("a", 0, "UND", "weak"),
        Symbol("m", 9, "UND"),
    ]
    path = tmp_path / "vmlinux"
    assert names(path, elf_file(symbols, [TEXT])) == ["a", "m", "z", "low"]
    assert listed(path).startswith(b" " * 17 + b"w a\n")
    assert listed(path) == nm_text(path)


def test_addresses_are_compared_without_a_sign(tmp_path: Path) -> None:
    """The upper half of the address space comes last."""
    symbols = [Symbol("high", 0xFFFFFFFF81000000), Symbol("middle", 1 << 62), Symbol("low", 1)]
    path = tmp_path / "vmlinux"
    assert names(path, elf_file(symbols, [TEXT])) == ["low", "middle", "high"]


def test_files_and_sections_are_no_symbols(tmp_path: Path) -> None:
    """STT_FILE, STT_SECTION and the null entry are not listed."""
    symbols = [
        Symbol("main.c", 0, "ABS", "local", "file"),
        Symbol("", 0x1000, ".text", "local", "section"),
        Symbol("kept", 0x1000),
    ]
    path = tmp_path / "vmlinux"
    assert names(path, elf_file(symbols, [TEXT])) == ["kept"]
    assert listed(path) == nm_text(path)


@pytest.mark.parametrize(
    ("bits", "machine", "value", "address"),
    [
        (64, 62, 0x1000, "0000000000001000"),
        (32, 3, 0xC0001000, "c0001000"),
        (32, 8, 0x80001000, "ffffffff80001000"),
        (32, 8, 0x1000, "00001000"),
    ],
)
def test_width_of_addresses(tmp_path: Path, bits: int, machine: int, value: int, address: str) -> None:
    """Addresses have the digits of the class, those of 32-bit MIPS all that sign extension makes."""
    path = tmp_path / "vmlinux"
    order = ">" if machine == 8 else "<"
    path.write_bytes(elf_file([Symbol("f", value)], [TEXT], bits=bits, order=order, machine=machine))
    assert listed(path).decode() == f"{address} T f\n"
    assert listed(path) == nm_text(path)
