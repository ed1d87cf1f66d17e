# SPDX-License-Identifier: GPL-2.0-or-later
"""Debug information of every kind that compilers, linkers and packers make, beside LLVM's reader."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from dwarfmaker import RECIPES, SOURCES, build, missing

from elfsyms.image.dwarf_functions import definitions
from elfsyms.image.elf import open_image

pytestmark = pytest.mark.slow

SYMBOLIZER = "llvm-symbolizer-19"
NOTHING = [("", "", 0)]


@pytest.fixture(params=RECIPES)
def program(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Return a program with debug information of a kind."""
    lacks = missing(request.param)
    if lacks:
        pytest.skip(f"needs {lacks}")
    return build(tmp_path, request.param)


def symbolized(program: Path, addresses: list[int]) -> list[list[tuple[str, str, int]]]:
    """Return what LLVM says of addresses: function, file and line, innermost first."""
    command = [SYMBOLIZER, "--inlines", "--output-style=JSON", "-e", str(program), *map(hex, addresses)]
    answers = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    return [
        [(one["FunctionName"], one["FileName"].replace("/./", "/"), one["Line"]) for one in answer["Symbol"]]
        for answer in answers
    ]


@pytest.mark.skipif(shutil.which(SYMBOLIZER) is None, reason=f"needs {SYMBOLIZER}")
def test_every_address_has_the_functions_and_lines_that_llvm_shows(program: Path) -> None:
    """Of each byte of the code: the same functions, files and lines.

    Where LLVM knows no line of the innermost, which clang has of code of its own, nothing may be said.
    """
    with open_image(program) as image:
        dwarf, text = image.dwarf(), image.section(".text")
        assert dwarf is not None
        assert text is not None
        addresses = list(range(text.address, text.address + text.size))
        told = [[(f.function, f.file, f.line) for f in dwarf.frames(address)] for address in addresses]
    wanted = symbolized(program, addresses)
    assert sum(one != NOTHING for one in wanted) > len(addresses) // 2
    for address, own, theirs in zip(addresses, told, wanted, strict=True):
        if own or theirs[0][2]:
            assert own == theirs, f"{address:#x}"


def test_every_function_is_found_where_it_is_defined(program: Path) -> None:
    """By name, each function leads to its line in the source."""
    lines = {
        (name, file): number
        for file, text in SOURCES.items()
        for number, line in enumerate(text.splitlines(), 1)
        for name in ("twice", "up", "first", "lookup", "helper", "main")
        if f"int {name}(" in line and not line.endswith(";")
    }
    with open_image(program) as image:
        dwarf = image.dwarf()
        assert dwarf is not None
        for (name, file), line in lines.items():
            (found,) = definitions(dwarf, name)
            assert (Path(found.file).name, found.line) == (file, line)
            assert found.own_code or found.copies, f"{name} went somewhere"
            assert len({Path(unit).name for unit in found.units}) == (2 if name == "twice" else 1)
            assert found.read == found.of
        assert not dwarf.split.unread
