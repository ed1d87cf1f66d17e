# SPDX-License-Identifier: GPL-2.0-or-later
"""Linked, an object of ours gives the bytes that the assembler's object gives, on every machine at hand.

The oracle is the target's own assembler, given the same small tables as text written by hand: one set for
each era of the kernel's tables. Objects of both kinds are linked into a small image by GNU ld, lld and mold,
in every version found, and the tables in the images compared. The ABI of our object is read from an assembled
one, as a kernel build does it. Missing tools, and targets that a linker does not know, are skipped by name.

``scripts/toolchains.py`` brings newer tools, and those of targets that Debian stable lacks, into a cache
folder; they are used when they are there, and never fetched from here.
"""

from __future__ import annotations

import shutil
import struct
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from elftools.elf.elffile import ELFFile
from everyday import everyday_first, the_rest_slow

from elfsyms.image.elf import Abi, read_abi
from elfsyms.image.machines import machine_of
from elfsyms.pipeline.layout import Label, Layout, RelocationKind, Relocations
from elfsyms.writers.object import write_object

sys.path.append(str(Path(__file__).parents[1] / "scripts"))

from debian import cache_folder
from toolchains import private_tool

Era = Callable[[Abi], Layout]

EM_RISCV, EM_LOONGARCH = 243, 258
WORD, PLACE = RelocationKind.WORD, RelocationKind.PC_RELATIVE


class Target(NamedTuple):
    """A target's assembler and linker: GNU's by triplet, unless ``assembler`` names another."""

    name: str
    triplet: str
    as_options: tuple[str, ...] = ()
    emulation: str = ""
    code: str = ".long 0"  # what a linker that relaxes would shorten
    assembler: tuple[str, ...] = ()


RISCV_CODE = ".rept 64\n\tcall _start\n\t.endr"
LOONGARCH_CODE = ".rept 64\n\tla.pcrel $a0, _start\n\t.endr"

TARGETS = (
    Target("x86-64", "x86_64-linux-gnu"),
    Target("i386", "i686-linux-gnu"),
    Target("arm64", "aarch64-linux-gnu"),
    Target("arm64-big", "aarch64-linux-gnu", ("-EB",), "aarch64linuxb"),
    Target("arm", "arm-linux-gnueabihf"),
    Target("arm-big", "arm-linux-gnueabihf", ("-EB",), "armelfb_linux_eabi"),
    Target("riscv64", "riscv64-linux-gnu", code=RISCV_CODE),
    Target("riscv64-big", "riscv64-linux-gnu", ("-mbig-endian",), "elf64briscv", RISCV_CODE),
    Target("riscv32", "riscv64-linux-gnu", ("-march=rv32imac", "-mabi=ilp32"), "elf32lriscv", RISCV_CODE),
    Target("loongarch64", "loongarch64-linux-gnu", code=LOONGARCH_CODE),
    Target("ppc64", "powerpc64-linux-gnu"),
    Target("ppc64le", "powerpc64le-linux-gnu"),
    Target("ppc32", "powerpc-linux-gnu"),
    Target("s390x", "s390x-linux-gnu"),
    Target("s390", "s390x-linux-gnu", ("-m31",), "elf_s390"),
    Target("mips", "mips-linux-gnu"),
    Target("mipsel", "mipsel-linux-gnu"),
    Target("mips64", "mips64-linux-gnuabi64"),
    Target("mips64el", "mips64el-linux-gnuabi64"),
    Target("sparc64", "sparc64-linux-gnu"),
    Target("sparc32", "sparc64-linux-gnu", ("-32",), "elf32_sparc"),
    Target("m68k", "m68k-linux-gnu"),
    Target("parisc", "hppa-linux-gnu"),
    Target("parisc64", "hppa64-linux-gnu"),
    Target("sh", "sh4-linux-gnu"),
    Target("alpha", "alpha-linux-gnu"),
    Target("arcv2", "arc-linux-gnu"),
    Target("arc", "arc-linux-gnu", ("-mcpu=arc700",)),
    Target("ia64", "ia64-linux-gnu"),
    Target("openrisc", "or1k-elf"),
    Target("xtensa", "xtensa-lx106-elf"),
    Target("hexagon", "", assembler=("llvm-mc", "-triple=hexagon", "-filetype=obj")),
)

# Debian's package and the program. "new" ones come from the cache of scripts/toolchains.py.
LINKERS = {
    "bfd": ("binutils-{triplet}", "{triplet}-ld.bfd"),
    "bfd-new": ("binutils-{triplet}", "{triplet}-ld.bfd"),
    "lld": ("lld", "ld.lld"),
    "lld-19": ("lld-19", "ld.lld-19"),
    "lld-new": ("lld", "ld.lld"),
    "mold": ("mold", "ld.mold"),
    "mold-new": ("mold", "ld.mold"),
}

# Debian's own of the day; the tests of other versions are slow ones.
EVERYDAY_LINKERS = {"bfd", "lld", "mold"}

# What each links for certain, lest a mistake of this file pass for a lack of theirs.
KNOWN = {
    "bfd": {target.name for target in TARGETS} - {"hexagon"},
    "lld": {"x86-64", "i386", "arm64", "arm", "riscv64", "ppc64le", "mips", "mipsel", "mips64el"},
    "mold": {"x86-64", "i386", "arm64", "arm", "riscv64", "s390x"},
}

START = """\
	.globl _start
	.text
_start:
	{code}
	.section .rodata, "a"
	.byte 1, 2, 3
"""

# Defines _text as vmlinux.lds does. Tables lie right after code that relaxation shortens, and other data.
SCRIPT = """\
ENTRY(_start)
SECTIONS {
	. = 0x400000;
	.text : { _text = .; *(.text .text.*) }
	.rodata : { *start.o(.rodata) *(.rodata .rodata.*) }
	.data : { *(.data .sdata) }
	.bss : { *(.bss .sbss) }
}
"""


def relative_base(abi: Abi) -> Layout:
    """Kernels 4.6 to 6.19: offsets, and one word to which they are relative."""
    blob = struct.pack(f"{abi.byte_order}5B3x2I{abi.word}x", 4, 0x54, 0x61, 0x62, 0xFF, 0, 0x1234)
    labels = (
        Label(b"kallsyms_names", 0, 5),
        Label(b"kallsyms_offsets", 8),
        Label(b"kallsyms_relative_base", 16),
    )
    return _layout(abi, blob, labels, WORD, {16: 0x10})


RELATIVE_BASE = """\
	.section .rodata, "a"
	.globl kallsyms_names
	.balign 8
kallsyms_names:
	.byte 0x04, 0x54, 0x61, 0x62, 0xff
	.size kallsyms_names, . - kallsyms_names
	.globl kallsyms_offsets
	.balign 8
kallsyms_offsets:
	.long 0
	.long 0x1234
	.globl kallsyms_relative_base
	.balign 8
kallsyms_relative_base:
	PTR _text + 0x10
	.balign 8
"""


def addresses(abi: Abi) -> Layout:
    """Kernels up to 6.10: a word for each symbol, those of absolute symbols without relocation."""
    word = abi.word
    blob = bytes(2 * word) + struct.pack(abi.byte_order + {4: "I", 8: "Q"}[word], 0x77) + bytes(word)
    labels = (Label(b"kallsyms_addresses", 0),)
    return _layout(abi, blob, labels, WORD, {0: 0, word: 0x123456, 3 * word: -0x20})


ADDRESSES = """\
	.section .rodata, "a"
	.globl kallsyms_addresses
	.balign 8
kallsyms_addresses:
	PTR _text + 0
	PTR _text + 0x123456
	PTR 0x77
	PTR _text - 0x20
"""


def places(abi: Abi) -> Layout:
    """Kernels from 7.0 on: the distance of each symbol from its own entry, 32 bits wide."""
    blob = struct.pack(f"{abi.byte_order}I16x", 4)
    labels = (Label(b"kallsyms_num_syms", 0), Label(b"kallsyms_offsets", 4, 16))
    return _layout(abi, blob, labels, PLACE, {4: 0, 8: -5, 12: 0x123456, 16: -0x20})


PLACES = """\
	.section .rodata, "a"
	.globl kallsyms_num_syms
	.balign 4
kallsyms_num_syms:
	.long 4
	.globl kallsyms_offsets
	.balign 4
kallsyms_offsets:
	.long _text - . + (0)
	.long _text - . + (-5)
	.long _text - . + (1193046)
	.long _text - . + (-32)
	.size kallsyms_offsets, . - kallsyms_offsets
	.balign 8
"""

ERAS: dict[Era, str] = {relative_base: RELATIVE_BASE, addresses: ADDRESSES, places: PLACES}


def _layout(
    abi: Abi, blob: bytes, labels: tuple[Label, ...], kind: RelocationKind, addends: dict[int, int]
) -> Layout:
    group = Relocations(kind, np.array([*addends], np.uint64), np.array([*addends.values()], np.int64))
    return Layout(abi, ".rodata", blob + bytes(-len(blob) % 8), 8, labels, (group,))


@dataclass(frozen=True, slots=True)
class Kit:
    """A target's assembler, the ABI of what it makes, and an object with code to link tables with."""

    target: Target
    assembler: tuple[str, ...]
    abi: Abi
    start: Path

    def assemble(self, text: str, path: Path) -> Path:
        """Assemble a text in which PTR stands for a pointer-wide directive."""
        pointer = {32: ".long", 64: ".quad"}[self.abi.bits]
        return _assemble(self.assembler, text.replace("PTR", pointer), path)

    def skip_unsayable(self, era: Era) -> None:
        """Skip PC-relative tables where no relocation is for them."""
        if era is places and machine_of(self.abi).pc_relative is None:
            pytest.skip(f"the assembler of {self.target.name} cannot say `_text - .`")

    def skip_paired(self, era: Era) -> None:
        """Skip PC-relative tables where ours differ from the assembler's on purpose."""
        if era is places and self.abi.machine in {EM_RISCV, EM_LOONGARCH}:
            pytest.skip("on purpose one relocation, not the assembler's pair: machines.py says why")

    def stock(self, era: Era, path: Path) -> Path:
        """Return the assembler's object of an era's tables."""
        self.skip_unsayable(era)
        return self.assemble(ERAS[era], path / "stock.o")

    def ours(self, era: Era, path: Path) -> Path:
        """Return our object of an era's tables."""
        self.skip_unsayable(era)
        (path / "ours.o").write_bytes(write_object(era(self.abi)))
        return path / "ours.o"


@pytest.fixture(scope="module", params=everyday_first(TARGETS))
def kit(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Kit:
    """Return the kit of each target whose assembler is there."""
    target: Target = request.param
    program = target.assembler or (f"{target.triplet}-as", *target.as_options)
    package = f"binutils-{target.triplet}".replace("lx106-elf", "lx106")
    assembler = (_tool(package, program[0]), *program[1:])
    start = tmp_path_factory.mktemp(target.name) / "start.o"
    _assemble(assembler, START.format(code=target.code), start)
    start.with_suffix(".lds").write_text(SCRIPT, encoding="ascii")
    return Kit(target, assembler, read_abi(start), start)


@pytest.fixture(params=ERAS, ids=lambda era: era.__name__)
def era(request: pytest.FixtureRequest) -> Era:
    """Return the function that lays out each era's tables."""
    function: Era = request.param
    return function


@pytest.mark.parametrize("linker", the_rest_slow(LINKERS, lambda _, name: name in EVERYDAY_LINKERS))
def test_linked_tables_equal_those_of_the_assemblers_object(
    kit: Kit, era: Era, linker: str, tmp_path: Path
) -> None:
    """A linker cannot tell our object from the assembler's: the tables in the image are the same bytes."""
    link = _link(linker, kit)
    stock = _stock_tables(linker, kit, link, kit.stock(era, tmp_path))
    assert _tables(link, [kit.ours(era, tmp_path), kit.start], tmp_path / "image") == stock


def test_partially_linked_tables_equal_those_of_the_assemblers_object(
    kit: Kit, era: Era, tmp_path: Path
) -> None:
    """``ld -r`` carries our relocations through as it does the assembler's."""
    link = _link("bfd", kit)
    stock = _stock_tables("bfd", kit, link, kit.stock(era, tmp_path))
    partial = tmp_path / "partial.o"
    _run(*link[:-1], "-r", "-o", partial, kit.ours(era, tmp_path))
    assert _tables(link, [partial, kit.start], tmp_path / "image") == stock


def test_relocations_are_those_of_the_assembler(kit: Kit, era: Era, tmp_path: Path) -> None:
    """Each machine's row of the table says what its assembler writes: numbers, places, symbol and addends."""
    kit.skip_paired(era)
    assert _relocations(kit.ours(era, tmp_path)) == _relocations(kit.stock(era, tmp_path))


def test_symbols_are_those_of_the_assembler(kit: Kit, era: Era, tmp_path: Path) -> None:
    """Our object has the assembler's symbols, mapping symbols included, in its order; but none of sections."""
    kit.skip_paired(era)
    assert _symbols(kit.ours(era, tmp_path)) == _symbols(kit.stock(era, tmp_path))


def test_linked_symbols_are_those_of_the_assemblers_object(kit: Kit, era: Era, tmp_path: Path) -> None:
    """An image of GNU ld has the same symbols in the same order, whichever object it was linked from."""
    kit.skip_paired(era)
    link = _link("bfd", kit)
    stock, ours = (_linked_symbols(link, make(era, tmp_path), kit.start) for make in (kit.stock, kit.ours))
    assert ours == stock


def test_align_means_what_the_table_says(kit: Kit, tmp_path: Path) -> None:
    """``.align 4`` aligns to 16 bytes where it is a power of two, to 4 elsewhere."""
    path = kit.assemble('\t.section .rodata, "a"\n\t.byte 1\n\t.align 4\n\t.byte 2\n', tmp_path / "align.o")
    alignment = _read(path).get_section_by_name(".rodata")["sh_addralign"]
    assert alignment == (16 if machine_of(kit.abi).align_is_power else 4)


def test_readelf_has_nothing_to_complain_of(kit: Kit, era: Era, tmp_path: Path) -> None:
    """Nothing in our object makes ``readelf -aW`` warn."""
    result = _run(_tool("binutils", "readelf"), "-aW", kit.ours(era, tmp_path))
    assert result.stderr == ""


@pytest.mark.parametrize("mode", ["-pie", "-shared"])
@pytest.mark.parametrize(
    "linker",
    the_rest_slow(["bfd", "bfd-new", "lld", "lld-19", "lld-new"], lambda _, name: name in EVERYDAY_LINKERS),
)
def test_relocatable_kernels_get_the_same_tables(kit: Kit, linker: str, mode: str, tmp_path: Path) -> None:
    """Position-independent images, those of relocatable kernels, get the same bytes too."""
    link = _link(linker, kit, mode, "-Bsymbolic")
    stock = _stock_tables(f"{linker} {mode}", kit, link, kit.stock(places, tmp_path))
    assert _tables(link, [kit.ours(places, tmp_path), kit.start], tmp_path / "image") == stock


def _link(kind: str, kit: Kit, *options: str) -> list[str]:
    """Return the command that links an image with a linker, which is skipped where it is missing."""
    target = kit.target
    if kind.startswith("bfd") and not target.triplet:
        pytest.skip(f"GNU ld does not know {target.name}")
    package, program = (text.format(triplet=target.triplet) for text in LINKERS[kind])
    command = [_tool(package, program, new=kind.endswith("-new")), *options]
    if kind.startswith("mold"):
        # mold reads no SECTIONS: its own layout has to do, in which nothing stands before _start in .text
        return [*command, "--defsym=_text=_start", "-e", "_start"]
    emulation = ["-m", target.emulation] if target.emulation else []
    return [*command, *emulation, f"--script={kit.start.with_suffix('.lds')}"]


def _tool(package: str, program: str, *, new: bool = False) -> str:
    """Return a program on PATH or in the cache (``new``: only there), or skip the test."""
    found = None if new else shutil.which(program)
    package = package.replace("_", "-")
    if not found and (cache_folder() / "tools" / package / "unpacked").exists():
        (found,) = private_tool(package, program)
    if not found:
        pytest.skip(f"no {program}: install {package}, or run scripts/toolchains.py")
    return found


def _assemble(assembler: tuple[str, ...], text: str, path: Path) -> Path:
    source = path.with_suffix(".S")
    source.write_text(text, encoding="ascii")
    _run(*assembler, "-o", path, source)
    return path


def _tables(link: list[str], objects: list[Path], image: Path) -> bytes:
    """Link objects and return the image's ``.rodata``."""
    _run(*link, "-o", image, *objects)
    data: bytes = _read(image).get_section_by_name(".rodata").data()
    return data


def _linked_symbols(link: list[str], tables: Path, start: Path) -> list[tuple[str, str, str]]:
    """Link tables last, as a kernel does; return name, type and binding of the image's symbols.

    Leaves out values: ia64's assembler aligns even an empty ``.text``, and what follows with it.
    """
    image, named = tables.with_suffix(".image"), tables.with_name("tables.o")
    tables.replace(named)
    _run(*link, "-o", image, start, named)
    return [(name, kind, binding) for name, _, _, kind, binding, _ in _symbols(image)]


def _read(path: Path) -> Any:
    return ELFFile(BytesIO(path.read_bytes()))


def _stock_tables(kind: str, kit: Kit, link: list[str], stock: Path) -> bytes:
    """Return the tables of the assembler's object, linked; skip a target that the linker does not know."""
    try:
        return _tables(link, [stock, kit.start], stock.with_suffix(".image"))
    except subprocess.CalledProcessError as error:
        if kit.target.name in KNOWN.get(kind, ()):
            pytest.fail(f"{kind}: {error.stderr}")
        reason = next(iter(error.stderr.splitlines()), f"it ended with {error.returncode}")
        pytest.skip(f"{kind} does not link {kit.target.name}: {reason}")


def _run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, encoding="utf-8", check=True)


def _relocations(path: Path) -> list[tuple[int, int, str, int | None]]:
    """Return place, type, symbol and addend (None: in the section's bytes) of each relocation."""
    elf = _read(path)
    section = elf.get_section_by_name(".rela.rodata") or elf.get_section_by_name(".rel.rodata")
    symbols = elf.get_section(section["sh_link"])
    return [
        (
            entry["r_offset"],
            entry["r_info_type"],
            symbols.get_symbol(entry["r_info_sym"]).name,
            entry.entry.get("r_addend"),
        )
        for entry in section.iter_relocations()
    ]


def _symbols(path: Path) -> list[tuple[str, int, int, str, str, bool]]:
    """Return name, value, size, type and binding of each symbol, and whether it is defined."""
    found = [
        (
            symbol.name,
            symbol["st_value"],
            symbol["st_size"],
            symbol["st_info"]["type"],
            symbol["st_info"]["bind"],
            symbol["st_shndx"] != "SHN_UNDEF",
        )
        for symbol in _read(path).get_section_by_name(".symtab").iter_symbols()
    ]
    return [symbol for symbol in found if symbol[3] != "STT_SECTION"]
