# SPDX-License-Identifier: GPL-2.0-or-later
"""Headers, sections and bytes of an ELF file, of either class and byte order, against ``readelf`` and the gABI."""

from __future__ import annotations

import re
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest
from elfmaker import Section, Symbol, elf_file, vmlinux

from elfsyms.errors import InputError
from elfsyms.image.elf import Image, open_image, read_abi

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

TEXT = 0xFFFFFFFF81000000
CLASSES = [(64, "<"), (64, ">"), (32, "<"), (32, ">")]


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Callable[[bytes], Image]]:
    """Return a function that gives bytes a file and opens it; the files are closed in the end."""
    images: list[Image] = []

    def write_and_open(data: bytes) -> Image:
        path = tmp_path / "vmlinux"
        path.write_bytes(data)
        images.append(open_image(path))
        return images[-1]

    yield write_and_open
    for image in images:
        image.close()


@pytest.mark.parametrize(("bits", "order"), CLASSES)
def test_identity_is_that_of_the_header(opened: Callable[[bytes], Image], bits: int, order: str) -> None:
    """Class, byte order, machine and flags are those of the ELF header."""
    data = vmlinux([Symbol("_text", 0x1000)], bits=bits, order=order, machine=8, flags=0x70001007)
    abi = opened(data).abi
    assert (abi.bits, abi.byte_order, abi.machine, abi.flags) == (bits, order, 8, 0x70001007)
    assert abi.word == bits // 8


def test_os_abi_is_that_of_the_header(tmp_path: Path) -> None:
    """EI_OSABI and EI_ABIVERSION are bytes 7 and 8 of the identification."""
    data = bytearray(vmlinux([Symbol("_text", 0x1000)]))
    data[7:9] = b"\x03\x05"
    path = tmp_path / "vmlinux"
    path.write_bytes(data)
    abi = read_abi(path)
    assert (abi.os_abi, abi.abi_version) == (3, 5)


@pytest.mark.parametrize("machine", [62, 258, 0xFEED, 0x9026])
def test_machine_stays_a_number(opened: Callable[[bytes], Image], machine: int) -> None:
    """``e_machine`` is handed on as it is, whether or not anybody has a name for it."""
    assert opened(vmlinux([Symbol("_text", 0x1000)], machine=machine)).abi.machine == machine


@pytest.mark.parametrize(("bits", "order"), CLASSES)
def test_sections_are_those_that_readelf_lists(
    opened: Callable[[bytes], Image], bits: int, order: str
) -> None:
    """Name, address, offset and size of every section are those that ``readelf -S`` shows."""
    if shutil.which("readelf") is None:
        pytest.skip("readelf (binutils) is not installed")
    symbols = [Symbol("_text", 0x1000), Symbol("a", 0x9000, ".data"), Symbol("b", 0xA000, ".bss")]
    image = opened(vmlinux(symbols, bits=bits, order=order, machine=8))
    command = ["readelf", "-SW", str(image.path)]
    text = subprocess.run(command, check=True, capture_output=True, text=True, env={"LC_ALL": "C"}).stdout
    rows = re.findall(r"\[ *\d+\] (\.\S+) +[A-Z]+ +([0-9a-f]+) ([0-9a-f]+) ([0-9a-f]+)", text)
    wanted = [(name, *(int(number, 16) for number in numbers)) for name, *numbers in rows]
    assert [(s.name, s.address, s.offset, s.size) for s in image.sections[1:]] == wanted
    assert len(wanted) >= 7


def test_bytes_at_an_address_come_from_the_section_there(opened: Callable[[bytes], Image]) -> None:
    """An address is looked up in the allocated sections; what ends behind the section is not there."""
    image = opened(elf_file([Symbol("_text", 0x2000)], [Section(".text", 0x2000, b"0123456789", flags="ax")]))
    assert image.read(0x2003, 4) == b"3456"
    assert image.read(0x2007, 4) is None
    assert image.read(0x1FFF, 1) is None
    assert image.read_some(0x2007, 100) == b"789"
    assert image.read_some(0x3000, 100) == b""


def test_bytes_of_nobits_are_not_there(opened: Callable[[bytes], Image]) -> None:
    """A section without bytes in the file has none at its addresses."""
    image = opened(elf_file([], [Section(".bss", 0x2000, b"", "nobits", "aw", size=64)]))
    assert image.read(0x2000, 4) is None
    assert image.section_bytes(image.sections[1]) == b""


def test_bytes_of_unloaded_sections_have_no_address(opened: Callable[[bytes], Image]) -> None:
    """A debugging section at address 0 does not answer for address 0."""
    image = opened(elf_file([], [Section(".debug_info", 0, b"DWARF", flags="")]))
    assert image.read(0, 4) is None


def test_sign_extended_address_of_32_bits_is_found(opened: Callable[[bytes], Image]) -> None:
    """BFD shows MIPS32 addresses sign-extended; they mean the same place."""
    sections = [Section(".text", 0x80001000, b"abcd", flags="ax")]
    image = opened(elf_file([], sections, bits=32, order=">", machine=8))
    assert image.read(0xFFFFFFFF80001000, 4) == b"abcd"


def test_more_sections_than_the_header_can_count(opened: Callable[[bytes], Image]) -> None:
    """From 0xff00 sections on, the header's count and name index are in the first section header (gABI)."""
    sections = [Section(f".s{number}", number) for number in range(0xFF10)]
    image = opened(elf_file([Symbol("last", 0xFF0F, ".s65295")], sections))
    assert len(image.sections) == 0xFF10 + 5
    assert image.sections[0xFF10].name == ".s65295"
    assert image.sections[0xFF10].address == 0xFF0F


def test_only_what_is_asked_for_is_read(tmp_path: Path) -> None:
    """A file of a terabyte, all but the tables a hole, costs its headers."""
    path = tmp_path / "vmlinux"
    sections = [Section(".debug_info", 0, b"", "nobits", "", size=0), Section(".text", 0x1000, b"abcd")]
    data = bytearray(elf_file([Symbol("_text", 0x1000)], sections))
    with path.open("wb") as stream:
        stream.write(data)
        stream.truncate(1 << 40)
    with open_image(path) as image:
        assert image.read(0x1000, 4) == b"abcd"
        assert len(image.raw_symtab().entries) == 2 * 24


def test_string_table_is_the_one_that_symtab_names(opened: Callable[[bytes], Image]) -> None:
    """Names are in the section of ``sh_link``, not in whichever string table comes first."""
    decoy = Section(".dynstr", 0x5000, b"\0wrong\0", "strtab")
    image = opened(elf_file([Symbol("_text", 0x1000)], [decoy, Section(".text", 0x1000, b"x")]))
    assert image.raw_symtab().strings == b"\0_text\0"


def test_symtab_without_string_table_is_refused(opened: Callable[[bytes], Image]) -> None:
    """A ``.symtab`` whose ``sh_link`` leads to no string table cannot be read."""
    data = bytearray(elf_file([Symbol("_text", 0x1000)], [Section(".text", 0x1000, b"x")]))
    headers = int.from_bytes(data[40:48], "little")
    link = headers + 2 * 64 + 40
    data[link : link + 4] = b"\1\0\0\0"
    with pytest.raises(InputError, match=r"names no string table \(sh_link 1\)"):
        _ = opened(bytes(data)).raw_symtab()


@pytest.mark.parametrize(
    ("start", "kind"),
    [
        (b"\x1f\x8b\x08", "a gzip file, perhaps vmlinuz"),
        (b"\xfd7zXZ\0", "an xz file"),
        (b"MZ\x90\0", "a boot image"),
        (b"!<arch>\n", "an ar archive"),
        (b"", "it is empty"),
        (b"#!/bin/sh", "it begins with 23 21 2f 62"),
    ],
)
def test_what_is_no_elf_file_is_named(opened: Callable[[bytes], Image], start: bytes, kind: str) -> None:
    """People hand over compressed kernels: the error says what the file seems to be."""
    with pytest.raises(InputError, match=rf"is not an ELF file \({kind}"):
        opened(start)
