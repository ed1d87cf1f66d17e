# SPDX-License-Identifier: GPL-2.0-or-later
"""Modules: what of their symbols reaches ``/proc/kallsyms``, by rules, and as a booted kernel shows it."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest
from elfmaker import Section, Symbol, elf_file

from elfsyms.cli.app import run
from elfsyms.errors import InputError, NotThereError, UsageError
from elfsyms.image.elf import SHT_SYMTAB, open_image
from elfsyms.image.module import open_module
from elfsyms.inspect.module_symbols import KEPT, module_symbols
from elfsyms.releases.trace_rules import TRACE_RULES
from elfsyms.trace.lookup import module_lookup

if TYPE_CHECKING:
    from pathlib import Path

ET_REL = 1


@pytest.fixture
def module(tmp_path: Path) -> Path:
    """Return a module with a symbol of every kind, for a 6.12 that unloads modules."""
    return make(tmp_path, b"vermagic=6.12.118 SMP mod_unload \0")


def make(folder: Path, modinfo: bytes) -> Path:
    """Write the module."""
    sections = [
        Section(".text", 0, bytes(64), flags="ax"),
        Section(".init.text", 0, bytes(64), flags="ax"),
        Section(".exit.text", 0, bytes(64), flags="ax"),
        Section(".rodata", 0, bytes(64)),
        Section(".data", 0, bytes(64), flags="aw"),
        Section(".bss", 0, b"", "nobits", "aw", size=64),
        Section(".data..percpu", 0, bytes(64), flags="aw"),
        Section(".modinfo", 0, modinfo),
        Section(".comment", 0, bytes(8), flags=""),
        Section("__ksymtab", 0, bytes(16)),
    ]
    symbols = [
        Symbol("", 0, ".text", "local", "section"),
        Symbol("toy.c", 0, "ABS", "local", "file"),
        Symbol("run", 8, ".text", "local"),
        Symbol("start", 0, ".init.text", "local"),
        Symbol("leave", 0, ".exit.text", "local"),
        Symbol("constant", 0, ".rodata", "local", "object"),
        Symbol("counter", 0, ".data", "local", "object"),
        Symbol("zero", 0, ".bss", "local", "object"),
        Symbol("each", 0, ".data..percpu", "local", "object"),
        Symbol("licence", 0, ".modinfo", "local", "object"),
        Symbol("remark", 0, ".comment", "local", "object"),
        Symbol("__ksymtab_shared", 0, "__ksymtab", "local", "notype"),
        Symbol("shared", 16, ".text"),
        Symbol("maybe", 24, ".text", "weak"),
        Symbol("schedule", 0, "UND", type="notype"),
    ]
    path = folder / "toy-one.ko"
    path.write_bytes(elf_file(symbols, sections, kind=ET_REL))
    return path


def told(path: Path, **options: bool) -> dict[str, str]:
    """Return the letter of each named symbol that is kept, or the rule that leaves it behind."""
    found = module_symbols(open_module(path), **options)
    rules = found.rule.tolist()
    return {
        found.table.name(entry).decode(): chr(found.letters[entry]) if at == KEPT else TRACE_RULES[at].id
        for entry, at in enumerate(rules)
        if found.table.name_size[entry]
    }


def test_what_is_exported_has_a_capital_and_nothing_else(tmp_path: Path) -> None:
    """Marks among the exports are none (arm64's $d), nor is a static symbol of an exported one's name."""
    sections = [
        Section(".text", 0, bytes(64), flags="ax"),
        Section(".rodata", 0, bytes(64)),
        Section("__ksymtab", 0, bytes(16)),
        Section(".modinfo", 0, b"vermagic=6.12.118 SMP mod_unload \0"),
    ]
    symbols = [
        Symbol("$d", 0, "__ksymtab", "local", "notype"),
        Symbol("$d", 0, ".rodata", "local", "notype"),
        Symbol("__ksymtab_shared", 0, "__ksymtab", "local", "notype"),
        Symbol("shared", 0, ".text", "local"),
        Symbol("shared", 16, ".text"),
    ]
    path = tmp_path / "toy.ko"
    path.write_bytes(elf_file(symbols, sections, kind=ET_REL))
    letters = [line.split()[1] for line in module_symbols(open_module(path)).lines()]
    assert letters == [b"r", b"r", b"r", b"t", b"T"]


def test_a_symbol_table_outside_its_file_is_refused(module: Path) -> None:
    """A module whose headers say more than it has is damaged, and said to be."""
    data = bytearray(module.read_bytes())
    with open_image(module) as image:
        index = image.of_type(SHT_SYMTAB)[0].index
    start = int.from_bytes(data[40:48], "little") + 64 * index  # e_shoff
    data[start + 32 : start + 40] = (24 * 100_000).to_bytes(8, "little")  # sh_size
    module.write_bytes(data)
    with pytest.raises(InputError, match=r"toy-one\.ko is truncated: section \.symtab"):
        open_module(module)


def test_what_outlives_the_start_is_kept(module: Path) -> None:
    """Loaded sections but those of the start have their symbols, with a letter by section and export."""
    assert told(module) == {
        "toy.c": "TR603",
        "run": "t",
        "start": "TR605",
        "leave": "t",
        "constant": "r",
        "counter": "d",
        "zero": "b",
        "each": "a",
        "licence": "TR604",
        "remark": "TR604",
        "__ksymtab_shared": "r",
        "shared": "T",
        "maybe": "w",
        "schedule": "TR602",
    }


def test_without_kallsyms_all_code_alone_is_kept(module: Path) -> None:
    """In a kernel without CONFIG_KALLSYMS_ALL data of modules has no symbols."""
    found = told(module, all_symbols=False)
    assert {name: found[name] for name in ("run", "constant", "counter", "each")} == {
        "run": "t",
        "constant": "TR607",
        "counter": "TR607",
        "each": "TR608",
    }


def test_before_45_per_cpu_symbols_were_dropped_in_any_case(tmp_path: Path) -> None:
    """The loader clears the per-CPU section's flag, and kept its symbols from 4.5 on alone."""
    assert told(make(tmp_path, b"vermagic=4.4.0 SMP mod_unload \0"))["each"] == "TR608"
    assert told(make(tmp_path, b"vermagic=4.5.0 SMP mod_unload \0"))["each"] == "a"


def test_a_live_patch_keeps_all_that_has_a_name(tmp_path: Path) -> None:
    """The loader copies the whole table of a live patch, undefined symbols too."""
    found = told(make(tmp_path, b"livepatch=Y\0vermagic=6.12.118 SMP mod_unload \0"))
    assert (found["start"], found["schedule"], found["licence"]) == ("t", "U", "?")


def test_stats_count_what_the_loader_allocates(
    module: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    """Kept symbols and an empty one take an entry, a letter, and their names with a zero each."""
    kept = ("run", "leave", "constant", "counter", "zero", "each", "__ksymtab_shared", "shared", "maybe")
    found = module_symbols(open_module(module))
    assert found.memory() == {
        "symbols": 24 * (len(kept) + 1),
        "names": 1 + sum(len(name) + 1 for name in kept),
        "letters": len(kept) + 1,
    }
    assert run(["stats", str(module)]) == 0
    assert capsysbinary.readouterr().out.startswith(b"toy_one: 9 of 15 symbols, ")


PACKERS = {".gz": ["gzip", "-c"], ".xz": ["xz", "-c", "--check=crc32"], ".zst": ["zstd", "-c", "-q"]}


@pytest.mark.parametrize("suffix", PACKERS)
def test_a_packed_module_is_read_as_it_is(module: Path, suffix: str) -> None:
    """What the kernel's build packs a module with changes nothing."""
    if not shutil.which(PACKERS[suffix][0]):
        pytest.skip(f"needs {PACKERS[suffix][0]}")
    packed = module.with_name(f"toy-one.ko{suffix}")
    packed.write_bytes(
        subprocess.run([*PACKERS[suffix], str(module)], capture_output=True, check=True).stdout
    )
    assert (told(packed), open_module(packed).name) == (told(module), "toy_one")


TARGETS = [
    f"{name}-linux-gnu{'eabihf' if name == 'arm' else ''}"
    for name in ("aarch64", "riscv64", "s390x", "powerpc64", "arm", "mips", "loongarch64")
]
CODE = """
    .section .modinfo, "a"
    .asciz "vermagic=6.12.0 SMP mod_unload "
    .text
    .globl first
first:
    nop
.Lmark:
    nop
    .type second, %function
second:
    nop
    .data
    .globl counter
counter:
    .long 0
    .section .init.text, "ax"
starts:
    nop
    .section .ARM.exidx.init.text, "a"
unwinds:
    .long 0
"""
# Where the machines' module loaders differ (arch/*/kernel/module*.c): what is freed once the module has started.
FREED = {"powerpc64-linux-gnu": ("t", "r"), "arm-linux-gnueabihf": ("TR605", "TR605")}


@pytest.mark.parametrize("target", TARGETS)
def test_modules_of_other_machines(target: str, tmp_path: Path) -> None:
    """Assembled for any machine, big-endian or not, names and letters are the same, and marks have no size."""
    if not shutil.which(f"{target}-as"):
        pytest.skip(f"needs {target}-as")
    path = tmp_path / "toy.ko"
    keep = ["-L"]  # local labels stay, as RISC-V's do
    subprocess.run(
        [f"{target}-as", *keep, "-o", str(path), "-"], input=CODE.encode(), check=True, capture_output=True
    )
    found = told(path)
    assert {name: found[name] for name in ("first", "second", "counter")} == {
        "first": "t",
        "second": "t",
        "counter": "d",
    }
    assert (found["starts"], found["unwinds"]) == FREED.get(target, ("TR605", "r"))
    lookup = module_lookup(open_module(path))
    (first,), (second,) = lookup.named(b"first"), lookup.named(b"second")
    assert first.address + first.size == second.address
    assert not lookup.named(b".Lmark")


def test_names_that_a_kernel_and_modules_share(
    module: Path, tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    """Each is listed with its object, numbered within it, and explain names the modules."""
    kernel = tmp_path / "vmlinux"
    kernel.write_bytes(
        elf_file(
            [
                Symbol("_text", 0, "ABS"),
                Symbol("_stext", 0x1000, ".text"),
                Symbol("run", 0x1000, ".text"),
                Symbol("_etext", 0x1100, ".text"),
            ],
            [Section(".text", 0x1000, bytes(0x100), flags="ax")],
        )
    )
    options = ["--release", "6.12", "--all-symbols"]
    assert run(["list", str(kernel), *options, "--duplicates", "--modules", str(module)]) == 0
    shown = [row.split() for row in capsysbinary.readouterr().out.decode().splitlines()]
    assert [(row[1], row[2], row[-1]) for row in shown] == [("T", "run", ".text"), ("t", "run", "[toy_one]")]
    assert run(["explain", str(kernel), "run", *options, "--modules", str(tmp_path)]) == 0
    assert "toy_one: 0x8 in .text, letter t" in capsysbinary.readouterr().out.decode()
    assert run(["explain", str(kernel), "maybe", *options, "--modules", str(tmp_path)]) == 3
    alone = capsysbinary.readouterr().out.decode()
    assert "maybe  in modules\n  module   toy_one: 0x18 in .text, letter w" in alone
    assert "kprobe   by name" not in alone
    with pytest.raises(NotThereError, match="vmlinux is no module"):
        run(["list", str(kernel), *options, "--duplicates", "--modules", str(kernel)])
    with pytest.raises(UsageError, match="--modules goes with --duplicates"):
        run(["list", str(kernel), "--modules", str(module)])


def test_a_kernel_that_never_unloads_has_no_exit(tmp_path: Path) -> None:
    """Without mod_unload in vermagic, code for leaving goes with what is freed after the start."""
    assert told(make(tmp_path, b"vermagic=6.12.118 SMP \0"))["leave"] == "TR606"


def test_before_2633_all_was_kept(tmp_path: Path) -> None:
    """Old loaders copied the whole table, undefined symbols and all."""
    found = told(make(tmp_path, b"vermagic=2.6.32 SMP mod_unload \0"))
    assert (found["start"], found["schedule"], found["licence"]) == ("t", "U", "?")


def test_commands_take_modules(module: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    """list, explain and ledger know a module by its name."""
    assert run(["list", str(module), "--filter", "*r*"]) == 0
    shown = capsysbinary.readouterr().out.decode().splitlines()
    assert shown[0] == "0000000000000008 t run\t[toy_one]"
    assert run(["explain", str(module), "run"]) == 0
    assert run(["explain", str(module), "start"]) == 1
    assert "TR605" in capsysbinary.readouterr().out.decode()
    assert run(["explain", str(module), "nothing"]) == 3
    assert run(["ledger", str(module)]) == 0
    rows = capsysbinary.readouterr().out.decode().splitlines()
    numbers = [int(row.split()[0].replace(",", "")) for row in rows if row.split()[0].isdigit()]
    assert sum(numbers[:-1]) == numbers[-1]


@pytest.mark.parametrize(
    "line", [" ? run+0x4/0x10 [toy_one]", "run+4", "=> run [toy_one]", "run()", "kprobe:toy_one:run"]
)
def test_a_line_of_a_trace_finds_the_modules_symbol(
    module: Path, line: str, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    """Who is sent to the module's file with a pasted line is answered there."""
    assert run(["explain", str(module), line]) == 0
    told = capsysbinary.readouterr().out.decode()
    assert told.startswith("run [toy_one]  kept\n")
    assert ("offset   +0x4, at 0xc in .text" in told) == ("+" in line)


@pytest.mark.parametrize(
    "only", [("--filter", "s*ed"), ("--regex", "^sh.*d$"), ("--from", "names")], ids=lambda only: only[0]
)
def test_a_modules_list_is_narrowed_as_a_kernels_is(
    module: Path,
    only: tuple[str, str],
    capsysbinary: pytest.CaptureFixture[bytes],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A glob, a regular expression and a file of names each leave the names that they mean."""
    monkeypatch.chdir(module.parent)
    (module.parent / "names").write_text("shared\nnot-there\n")
    assert run(["list", str(module), *only]) == 0
    assert capsysbinary.readouterr().out == b"0000000000000010 T shared\t[toy_one]\n"


@pytest.mark.parametrize("option", [("--release", "6.1"), ("--nm", "gnu"), ("--format", "system-map")])
def test_what_is_a_kernels_alone_is_refused_beside_a_module(module: Path, option: tuple[str, str]) -> None:
    """An option that a module's answer does not follow is a mistake of usage, not passed over."""
    with pytest.raises(UsageError, match="is a module"):
        run(["list", str(module), *option])
