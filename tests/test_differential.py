# SPDX-License-Identifier: GPL-2.0-or-later
"""Random and hostile symbol tables, made into ELF files: elfsyms and the kernel's own tools must agree.

Each table goes through ``nm``, and through ``mksysmap`` and ``scripts/kallsyms`` of five releases, built from
Debian's sources, with options drawn at random; listing, ``System.map`` and ``.S`` text must be equal to the
byte, and where the stock generator gives up, elfsyms must refuse with an error of its own.

One thing of stock is not defined: a name of exactly the longest size kept, with its letter and its NUL, is one byte
longer than the buffers it is expanded into (``char buf[KSYM_NAME_LEN]`` in ``write_src``; two side by side in
``compare_names`` of 6.1, which sorts wrongly or crashes). The answer for a table with such a name is that of the
same source built with buffers one byte longer.
"""

from __future__ import annotations

import os
import random
import re
import subprocess
import sys
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hostile_tables import CROWDED_MACHINES, crowded_table, hostile_table, random_options

from elfsyms.detect.request import Findings
from elfsyms.errors import ElfsymsError, EncodeError
from elfsyms.image.nm_text import map_text
from elfsyms.pipeline.kernel import Kernel, load
from elfsyms.releases.format_history import find_release
from elfsyms.releases.options import Options
from elfsyms.writers.build import assembly_of

sys.path.append(str(Path(__file__).parents[1] / "scripts"))

from debian import DebianError
from stock import StockFailure, StockTools, assembly, stock_tools, system_map

if TYPE_CHECKING:
    from hostile_tables import HostileTable

pytestmark = pytest.mark.stock

RELEASES = ("5.10", "6.1", "6.12", "7.2", "7.3")
SEEDS = range(330)


@dataclass(frozen=True, slots=True)
class Stock:
    """A release's tools, and its generator with room for the longest name's NUL."""

    tools: StockTools
    roomy: StockTools


@pytest.fixture(scope="module")
def stock(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Stock]:
    """Return the tools of every release; skip where they cannot be had."""
    folder = tmp_path_factory.mktemp("roomy")
    try:
        return {release: _stock(stock_tools(release), folder) for release in RELEASES}
    except (DebianError, OSError) as error:
        pytest.skip(f"no stock tools: {error}")


def _stock(tools: StockTools, folder: Path) -> Stock:
    """Build a release's generator once more, with one byte more in each buffer that a name is expanded into."""
    text = (tools.tree / "scripts" / "kallsyms.c").read_text(encoding="utf-8")
    text, changed = re.subn(r"(\bchar \w*buf\[KSYM_NAME_LEN)\]", r"\1 + 1]", text)
    assert changed
    program = folder / f"kallsyms-{tools.version}"
    source = program.with_suffix(".c")
    source.write_text(text, encoding="utf-8")
    include = f"-I{tools.tree / 'scripts' / 'include'}"
    subprocess.run(["gcc", "-O2", "-w", include, "-o", program, source], check=True)
    same = {name: getattr(tools, name) for name in ("version", "tree", "mksysmap", "map_is_sed", "reads_map")}
    return Stock(tools, StockTools(kallsyms=program, **same))


@pytest.mark.parametrize("seed", SEEDS)
def test_hostile_tables_become_what_stock_makes_of_them(
    seed: int, stock: dict[str, Stock], tmp_path: Path
) -> None:
    """Whatever a symbol table holds, listing, map and assembly are those of nm and of five releases' own tools."""
    draw = random.Random(seed)  # noqa: S311 (no secret)
    assert not differences(hostile_table(seed), stock, draw, tmp_path)


@pytest.mark.parametrize("machine", CROWDED_MACHINES)
def test_more_sections_than_a_symbol_can_number(
    machine: tuple[int, str, int, int], stock: dict[str, Stock], tmp_path: Path
) -> None:
    """Section numbers from 0xff00 on are those of ``SHT_SYMTAB_SHNDX``, not the reserved ones they look like."""
    assert not differences(crowded_table(machine), stock, random.Random(0), tmp_path)  # noqa: S311 (no secret)


def differences(table: HostileTable, stock: dict[str, Stock], draw: random.Random, folder: Path) -> list[str]:
    """Compare elfsyms with every stock tool; return what differs, in words."""
    path = folder / "vmlinux"
    path.write_bytes(table.data)
    with load(path) as kernel:
        listed = listing(path)
        found = _lines("nm", map_text(kernel.listing.lines, kernel.symbols.abi), listed)
        for release in stock.values():
            found += _release_differences(kernel, path, listed, release, draw)
    return found


def listing(path: Path) -> bytes:
    """Return what ``nm -n`` prints."""
    environment = {**os.environ, "LC_ALL": "C"}
    return subprocess.run(["nm", "-n", path], env=environment, capture_output=True, check=True).stdout


def _release_differences(
    shared: Kernel, path: Path, listed: bytes, stock: Stock, draw: random.Random
) -> list[str]:
    given = random_options(draw, find_release(stock.tools.version).options)
    what = f"{stock.tools.version} {' '.join(given)}"
    kernel = _kernel_as(shared, stock.tools.version, given)
    map_made = stock_map(stock.tools, path)
    source = map_made if stock.tools.reads_map else listed
    made = assembly(stock.tools, source, given)
    mine = _mine(kernel)
    if _overruns(kernel, mine) or (isinstance(made, StockFailure) and made.status < 0):
        made = assembly(stock.roomy, source, given)
    if isinstance(made, StockFailure):
        assert made.status == 1, f"{what}: the generator was not built to survive this: {made}"
        if isinstance(mine, EncodeError):
            return _map_of_refused(kernel, what, map_made)
        return [f"{what}: only stock fails: {made.stderr[-200:]}"]
    if isinstance(mine, ElfsymsError):
        return [f"{what}: only elfsyms fails: {mine}"]
    return _lines(f"{what} .S", mine, made) + _lines(f"{what} map", kernel.system_map, map_made)


def _map_of_refused(kernel: Kernel, what: str, map_made: bytes) -> list[str]:
    """Compare the map where tables cannot be; none is made of lines over which the generator gives up."""
    try:
        return _lines(f"{what} map", kernel.system_map, map_made)
    except EncodeError as error:
        return [] if "line format error" in str(error) else [f"{what}: no map: {error}"]


def stock_map(tools: StockTools, path: Path) -> bytes:
    """Return the text that mksysmap writes; up to 6.9 it says that it failed when nothing is left (grep does)."""
    try:
        return system_map(tools, path)
    except DebianError as error:
        if tools.map_is_sed or "status 1" not in str(error):
            raise
        return b""


def _kernel_as(shared: Kernel, version: str, given: tuple[str, ...]) -> Kernel:
    """Return a kernel to be treated as of a release, that shares what does not depend on the release."""
    options = Options(**{option.removeprefix("--").replace("-", "_"): True for option in given})
    kernel = Kernel(shared.image, shared.request)
    findings = Findings(find_release(version), options)
    kernel.__dict__.update(symbols=shared.symbols, listing=shared.listing, findings=findings)
    return kernel


def _mine(kernel: Kernel) -> bytes | ElfsymsError:
    try:
        return assembly_of(kernel)
    except ElfsymsError as error:
        return error


def _overruns(kernel: Kernel, mine: bytes | ElfsymsError) -> bool:
    """Tell whether a name has the longest size, for which stock's buffers are one byte too short."""
    if isinstance(mine, ElfsymsError):
        return False
    return bool((kernel.tables.records.size == kernel.release.name_limit).any())


def _lines(what: str, mine: bytes, stock: bytes) -> list[str]:
    """Say which line differs first."""
    pairs = enumerate(zip_longest(mine.split(b"\n"), stock.split(b"\n")), 1)
    return next(([f"{what} line {at}: {one!r}, stock {two!r}"] for at, (one, two) in pairs if one != two), [])
