# SPDX-License-Identifier: GPL-2.0-or-later
"""Modules: what of their symbols reaches ``/proc/kallsyms``, by rules, and as a booted kernel shows it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from elfmaker import Section, Symbol, elf_file

from elfsyms.cli.app import run
from elfsyms.errors import InputError
from elfsyms.image.elf import SHT_SYMTAB, open_image
from elfsyms.image.module import open_module
from elfsyms.inspect.module_symbols import KEPT, module_symbols
from elfsyms.releases.trace_rules import TRACE_RULES

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


def test_a_kernel_that_never_unloads_has_no_exit(tmp_path: Path) -> None:
    """Without mod_unload in vermagic, code for leaving goes with what is freed after the start."""
    assert told(make(tmp_path, b"vermagic=6.12.118 SMP \0"))["leave"] == "TR606"


def test_before_2633_all_was_kept(tmp_path: Path) -> None:
    """Old loaders copied the whole table, undefined symbols and all."""
    found = told(make(tmp_path, b"vermagic=2.6.32 SMP mod_unload \0"))
    assert (found["start"], found["schedule"], found["licence"]) == ("t", "U", "r")


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
