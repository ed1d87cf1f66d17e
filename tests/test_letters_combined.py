# SPDX-License-Identifier: GPL-2.0-or-later
"""Letters on all machines: each combination of section flags, type and name that BFD looks at, held to GNU nm.

One file a machine has a section for each combination, and a symbol in it; nm of the machine lists it, and so does
elfsyms. Which nm reads a machine's files is tried: that of binutils-multiarch, or the target's own.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from functools import cache
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from elfmaker import Section, Symbol, elf_file

from elfsyms.image.elf import open_image
from elfsyms.image.gnu_letters import nm_letters
from elfsyms.image.machines import MACHINES
from elfsyms.image.symbols import read_symbols

sys.path.append(str(Path(__file__).parents[1] / "scripts"))
from debian import DebianError
from toolchains import private_tool

if TYPE_CHECKING:
    from collections.abc import Sequence

# The nm of machines that binutils-multiarch does not read; the others' is "nm".
OWN_NM = {
    "parisc64": "hppa64-linux-gnu-nm",
    "openrisc": "or1k-elf-nm",
    "arc": "arc-linux-gnu-nm",
    "arcv2": "arc-linux-gnu-nm",
    "xtensa": "xtensa-lx106-elf-nm",
    "loongarch64": "loongarch64-linux-gnu-nm",
}
LITTLE_HERE = {"xtensa"}  # of both byte orders, the one that nm knows
EI_OSABI = {15: 3}  # HP-PA files of Linux are marked as such
MACHINE_ROWS = {machine.name: (number, bits) for (number, bits), machine in MACHINES.items()}
# In the quick suite: where BFD knows small data, and one where it does not.
EVERYDAY = {"alpha", "ia64", "ppc32", "ppc64", "mips32", "x86-64"}
RARE = [
    pytest.param(name, marks=() if name in EVERYDAY else pytest.mark.slow) for name in sorted(MACHINE_ROWS)
]

ALLOC, WRITE, EXEC = 2, 1, 4
BASIC = [sum(flags) for flags in product((0, WRITE), (0, ALLOC), (0, EXEC))]
# Others that some target gives a meaning: merge, strings, link order, group, TLS, compressed's neighbour, retain,
# mbind, and the four of the machine's own.
MORE = [0x10, 0x20, 0x80, 0x200, 0x400, 0x200000, 0x1000000, 0x10000000, 0x20000000, 0x40000000, 0x80000000]
FLAGS = [flags | more for flags in BASIC for more in (0, *MORE)]
PROGBITS, NOTE, NOBITS, INIT_ARRAY = 1, 7, 8, 14
TYPES = [PROGBITS, NOTE, NOBITS, INIT_ARRAY]
# The machine's own types (from 0x70000000 on) make BFD read a file as of no machine, unless all of them is right.
FOREIGN_TYPES = [0, 3, 5, 6, 10, 0x60000000, 0x6FFFFFF5, 0x6FFFFFF6]
_WORDS = """
.x .sdata .sbss .sdata2 .sbss2 .sdata.foo .sdatax .sbss.foo .scommon .lit4 .lit8 .lita .got .got2 .srodata .srdata
.data .rodata .bss .text .init .fini .plt .comment .debug .debug_info .debugx .zdebug_info .gnu.debuglto_.debug_info
.gnu.linkonce.wi.x .gnu.linkonce.s.x .gnu.linkonce.sb.x .line .linex .stab .stabstr .gdb_index .gdb_indexx .mdebug
.reginfo .edata .edata.x .edata1 .edatax .idata .idata$4 .pdata .drectve .vars .zerovars .toc .tocbss .opd
.PPC.EMB.sdata0 .PPC.EMB.sbss0 .PPC.EMB.apuinfo .tdata .tbss .note .interp .dynamic .ldata .lbss .lrodata .ltext
.conflict .ucode .xt.lit .xt.prop .rsrc .ctors .IA_64.unwind .noinit .common .PARISC.unwind .arcextmap data code
"""
NAMES = _WORDS.split()
FEW_NAMES = [".x", ".sdata", ".sbss.foo", ".PPC.EMB.sdata0", ".debug", ".edata", ".text"]

Row = tuple[str, int, int]


@cache
def nm_of(machine: str) -> str:
    """Return the nm that reads a machine's files, or skip where there is none."""
    program = OWN_NM.get(machine, "nm")
    found = shutil.which(program)
    if found is None and machine == "loongarch64":
        try:
            (found,) = private_tool("binutils-loongarch64-linux-gnu", program)
        except DebianError as error:
            pytest.skip(str(error))
    if found is None:
        pytest.skip(f"no {program}: install the target's binutils")
    return found


def stock(machine: str, path: Path) -> dict[str, str]:
    """Return nm's letter for each name; empty where nm refuses the file."""
    done = subprocess.run([nm_of(machine), "-p", str(path)], check=False, capture_output=True, text=True)
    rows = (line.split() for line in done.stdout.splitlines())
    return {row[-1]: row[-2] for row in rows}


def write(path: Path, machine: str, symbols: Sequence[Symbol], sections: Sequence[Section]) -> None:
    """Write a machine's file."""
    number, bits = MACHINE_ROWS[machine]
    orders = MACHINES[number, bits].byte_orders
    order = "<" if machine in LITTLE_HERE else orders[-1]
    os_abi = EI_OSABI.get(number, 0)
    path.write_bytes(elf_file(symbols, sections, bits=bits, order=order, machine=number, os_abi=os_abi))


def own(path: Path) -> dict[str, str]:
    """Return elfsyms' letter for each name."""
    with open_image(path) as image:
        table = read_symbols(image)
    letters = nm_letters(table).tolist()
    return {table.name(index).decode(): chr(letters[index]) for index in range(1, len(table))}


def need_target(machine: str, folder: Path) -> None:
    """Skip where nm reads the machine's files only as those of any machine, which has rules of none."""
    write(folder / "probe", machine, [Symbol("x", 0x1000)], [Section(".text", 0x1000, bytes(16), flags="ax")])
    objdump = nm_of(machine).removesuffix("nm") + "objdump"
    if machine == "loongarch64" or not shutil.which(objdump):
        return
    told = subprocess.run(
        [objdump, "-f", str(folder / "probe")],
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, "LC_ALL": "C"},
    ).stdout
    if any(f"elf{bits}-{end}\n" in told for bits in (32, 64) for end in ("little", "big")):
        pytest.skip(f"no nm here knows {machine}")


def compare(folder: Path, machine: str, rows: Sequence[Row]) -> int:
    """Compare the letters of symbols in sections of these rows; return how many nm had."""
    sections = [
        Section(name, 0x1000, bytes(0 if kind == NOBITS else 16), kind, flags, size=16)
        for name, kind, flags in rows
    ]
    path = folder / "vmlinux"
    symbols = [Symbol(f"s{at}", 0x1000, at + 1, type="notype") for at in range(len(rows))]
    write(path, machine, symbols, sections)
    wanted = stock(machine, path)
    if len(rows) > 1 and not wanted:  # nm refuses a file for one section: halve it
        return sum(
            compare(folder, machine, half) for half in (rows[: len(rows) // 2], rows[len(rows) // 2 :])
        )
    found = own(path)
    differing = {rows[int(n[1:])]: (found[n], letter) for n, letter in wanted.items() if found[n] != letter}
    assert differing == {}
    return len(wanted)


@pytest.mark.parametrize("machine", RARE)
def test_letters_of_every_combination_are_nms(machine: str, tmp_path: Path) -> None:
    """Flags, types and names that BFD looks at, in all combinations: the letter is the one that nm prints."""
    need_target(machine, tmp_path)
    basic = [(name, kind, flags) for kind in TYPES for name in NAMES for flags in BASIC]
    flagged = [(name, kind, flags) for kind in (PROGBITS, NOBITS) for name in FEW_NAMES for flags in FLAGS]
    assert compare(tmp_path, machine, [*basic, *flagged]) == len(basic) + len(flagged)


@pytest.mark.slow
@pytest.mark.parametrize("machine", sorted(MACHINE_ROWS))
def test_letters_of_rare_section_types_are_nms(machine: str, tmp_path: Path) -> None:
    """Sections of types that no kernel's link makes have nm's letters too, where nm takes the file at all."""
    need_target(machine, tmp_path)
    flags = [0, ALLOC, ALLOC | WRITE, ALLOC | EXEC, ALLOC | WRITE | 0x10000000]
    found = 0
    for kind in FOREIGN_TYPES:
        found += compare(tmp_path, machine, [(name, kind, flag) for name in FEW_NAMES for flag in flags])
    assert found > 0


SYMBOL_TYPES: list[str | int] = ["notype", "object", "func", "common", "tls", "ifunc", 13, 14, 15]


@pytest.mark.parametrize("machine", RARE)
def test_letters_of_every_kind_of_symbol_are_nms(machine: str, tmp_path: Path) -> None:
    """Each type and binding of a symbol, in a section, absolute, common and undefined."""
    need_target(machine, tmp_path)
    places = [".text", ".data", ".bss", ".rodata", "ABS", "COMMON", "UND"]
    rows = list(product(SYMBOL_TYPES, ("local", "global", "weak", "unique"), places))
    symbols = [
        Symbol(f"s{at}", 0x1000 if place != "UND" else 0, place, binding, kind, size=4)
        for at, (kind, binding, place) in enumerate(rows)
    ]
    flags = {".text": "ax", ".data": "wa", ".bss": "wa", ".rodata": "a"}
    sections = [
        Section(
            name,
            0x1000,
            bytes(0 if name == ".bss" else 16),
            "nobits" if name == ".bss" else "progbits",
            f,
            size=16,
        )
        for name, f in flags.items()
    ]
    path = tmp_path / "vmlinux"
    write(path, machine, symbols, sections)
    wanted, found = stock(machine, path), own(path)
    differing = {rows[int(n[1:])]: (found[n], letter) for n, letter in wanted.items() if found[n] != letter}
    assert differing == {}
    assert len(wanted) > len(rows) // 2
