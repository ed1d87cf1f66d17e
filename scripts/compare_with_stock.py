#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Compare what elfsyms makes of whole kernels with what the kernel's own tools make, byte for byte.

    scripts/compare_with_stock.py $(scripts/fetch_kernel.py --suite bookworm --release 6.12)
    scripts/compare_with_stock.py vmlinux --release 6.1 --no-all-symbols

Three things of each file: the map, the ``.S`` text, and the bytes of the tables once linked into an image
that has ``_text`` where the kernel has it (elfsyms' object against the stock text assembled by the target's
own assembler). Release and options are those that elfsyms finds in the file; what the command line adds is
handed through to it, and the stock generator runs with what elfsyms then says it used. Where stock fails,
elfsyms must fail.

One line a file, and the first differences after it. Exit: 0 all equal, 1 something differs, 3 a tool or a
package is missing. Leaves out what the final link and the third pass do: the file given is the input.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from itertools import islice, zip_longest
from pathlib import Path
from typing import TYPE_CHECKING

from debian import DebianError
from stock import StockFailure, StockTools, assemble, assembly, generator_input, stock_tools, system_map
from toolchains import target_of, toolchain

from elfsyms import load
from elfsyms.errors import ElfsymsError, EncodeError
from elfsyms.image.elf import read_abi

if TYPE_CHECKING:
    from collections.abc import Sequence

    from toolchains import Toolchain

TABLES_FROM_TEXT = 0x1000000  # bytes from _text to the tables in the linked image, as in a real kernel
ENCODE_ERROR = EncodeError.exit_code
DIFFERENCES = 3  # lines shown of each kind

SCRIPT = """\
_text = {text:#x};
SECTIONS
{{
    . = {tables:#x};
    .tables : {{ *(.rodata) }}
    /DISCARD/ : {{ *(.note*) *(.comment) *(.data) }}
}}
"""


@dataclass(frozen=True, slots=True)
class Made:
    """What one side makes of a file; ``refusal`` is its own sentence where it makes no tables."""

    release: str
    options: tuple[str, ...]
    map_text: bytes
    text: bytes
    tables: Path | None  # the object
    seconds: float  # from the file to the map and the object
    refusal: str = ""


def ours(vmlinux: Path, folder: Path, arguments: Sequence[str]) -> Made:
    """Run elfsyms: once for the object and the map, which is timed, once for the text and its facts."""
    tables, text, sysmap = folder / "ours.o", folder / "ours.S", folder / "ours.map"
    command = [sys.executable, "-m", "elfsyms", str(vmlinux), *arguments]
    start = time.perf_counter()
    done = _quietly([*command, "--quiet", "-o", str(tables), "--system-map", str(sysmap)])
    seconds = time.perf_counter() - start
    if done.returncode == ENCODE_ERROR:
        return _refused(vmlinux, arguments, done.stderr.strip(), seconds)
    if done.returncode:
        raise DebianError(f"elfsyms did not read {vmlinux}: {done.stderr.strip()}")
    said = json.loads(_quietly([*command, "--json", "-o", str(text)]).stdout)
    options = tuple(said["options"])
    return Made(said["release"], options, sysmap.read_bytes(), text.read_bytes(), tables, seconds)


def _refused(vmlinux: Path, arguments: Sequence[str], words: str, seconds: float) -> Made:
    """Return what elfsyms would have gone by: what it finds, and what the command line adds or denies."""
    release = arguments[arguments.index("--release") + 1] if "--release" in arguments else None
    with load(vmlinux, release=release) as kernel:
        denied = {f"--{name.removeprefix('--no-')}" for name in arguments if name.startswith("--no-")}
        added = {name for name in arguments if kernel.release.knows(name)}
        options = tuple(sorted(({*kernel.options.given()} | added) - denied))
        return Made(kernel.release.name, options, kernel.system_map, b"", None, seconds, words)


def stock(vmlinux: Path, folder: Path, tools: StockTools, options: Sequence[str], cross: Toolchain) -> Made:
    """Run the release's own chain: nm, mksysmap, the generator, the preprocessor and the assembler."""
    target = folder / "stock.o"
    start = time.perf_counter()
    symbols = generator_input(tools, vmlinux)
    text = assembly(tools, symbols, options)
    if isinstance(text, bytes):
        assemble(text, cross, target)
    seconds = time.perf_counter() - start
    map_text = symbols if tools.reads_map else system_map(tools, vmlinux)
    if isinstance(text, StockFailure):
        return Made(tools.version, tuple(options), map_text, b"", None, seconds, text.stderr.strip())
    return Made(tools.version, tuple(options), map_text, text, target, seconds)


def linked(tables: Path, text_address: int, cross: Toolchain) -> bytes:
    """Link an object at its address in an image with ``_text``; return the bytes of the tables."""
    script, image, flat = (tables.with_suffix(suffix) for suffix in (".lds", ".elf", ".bin"))
    mask = (1 << cross.target.bits) - 1
    where = {"text": text_address & mask, "tables": (text_address + TABLES_FROM_TEXT) & mask}
    script.write_text(SCRIPT.format(**where), encoding="utf-8")
    for command in (
        [*cross.ld, "-e", "0", "-T", str(script), "-o", str(image), str(tables)],
        [*cross.objcopy, "-O", "binary", "-j", ".tables", str(image), str(flat)],
    ):
        done = _quietly(command)
        if done.returncode:
            raise DebianError(f"{Path(command[0]).name} refused {tables.name}: {done.stderr.strip()}")
    return flat.read_bytes()


def text_address(map_text: bytes) -> int:
    """Return the value of ``_text`` in a map, 0 where there is none."""
    match = re.search(rb"^([0-9a-f]+) . _text$", map_text, re.MULTILINE)
    return int(match[1], 16) if match else 0


def compare(vmlinux: Path, arguments: Sequence[str], release: str | None) -> list[str]:
    """Compare one file, print its line, and return what differs."""
    abi = read_abi(vmlinux)
    cross = toolchain(target_of(abi.machine, abi.bits, abi.byte_order))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if release:  # both sides go by the version that Debian has of it
            arguments = [*arguments, "--release", stock_tools(release).version]
        mine = ours(vmlinux, folder, arguments)
        tools = stock_tools(mine.release)
        theirs = stock(vmlinux, folder, tools, mine.options, cross)
        differences = _refusals(mine, theirs) or [
            *_lines("map", mine.map_text, theirs.map_text),
            *_lines(".S", mine.text, theirs.text),
            *_bytes(mine, theirs, cross),
        ]
    verdict = "DIFFERS" if differences else "equal"
    print(f"{vmlinux}: {verdict}; {_facts(mine, theirs)}", flush=True)
    return differences


def _facts(mine: Made, theirs: Made) -> str:
    sizes = f"map {len(mine.map_text):,} B, .S {len(mine.text):,} B"
    if mine.refusal and theirs.refusal:
        sizes = "both refuse"
    options = " ".join(mine.options) or "no options"
    times = f"elfsyms {mine.seconds:.2f} s, stock {theirs.seconds:.2f} s"
    return f"{mine.release} against {theirs.release}, {options}; {sizes}; {times}"


def _refusals(mine: Made, theirs: Made) -> list[str]:
    """Return a difference where one side alone refuses."""
    if bool(mine.refusal) == bool(theirs.refusal):
        return []
    return [f"elfsyms: {mine.refusal or 'no complaint'}", f"stock: {theirs.refusal or 'no complaint'}"]


def _lines(what: str, mine: bytes, theirs: bytes) -> list[str]:
    """Return the first lines that differ."""
    if mine == theirs:
        return []
    pairs = enumerate(zip_longest(mine.split(b"\n"), theirs.split(b"\n"), fillvalue=b"(no line)"), 1)
    unequal = ((number, one, other) for number, (one, other) in pairs if one != other)
    shown = [
        f"{what} line {number}: elfsyms {_shown(one)}, stock {_shown(other)}"
        for number, one, other in islice(unequal, DIFFERENCES)
    ]
    return shown or [f"{what}: {len(mine):,} bytes, stock {len(theirs):,}"]


def _shown(line: bytes) -> str:
    return repr(line.decode(errors="replace"))


def _bytes(mine: Made, theirs: Made, cross: Toolchain) -> list[str]:
    """Link both objects and return where the tables differ first."""
    if mine.tables is None or theirs.tables is None:
        return []
    address = text_address(theirs.map_text)
    one, other = (linked(side.tables, address, cross) for side in (mine, theirs) if side.tables)
    if one == other:
        return []
    common = min(len(one), len(other))
    first = next((index for index in range(common) if one[index] != other[index]), common)
    if first == common and not any(one[common:] + other[common:]):
        return [
            f"linked tables: equal, then {len(one) - common} zeros of elfsyms, {len(other) - common} of stock"
        ]
    here = slice(first, first + 8)
    words = f"elfsyms {one[here].hex(' ')}, stock {other[here].hex(' ')}"
    return [f"linked tables, byte {first:#x} of {len(one):,} and {len(other):,}: {words}"]


def _quietly(command: Sequence[str]) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "LC_ALL": "C"}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def _arguments() -> tuple[argparse.Namespace, list[str]]:
    parser = argparse.ArgumentParser(
        description="Compare elfsyms with the kernel's own tools.",
        epilog="Any other option is handed to elfsyms: --all-symbols, --config FILE, ...",
    )
    parser.add_argument("vmlinux", nargs="+", type=Path)
    parser.add_argument("--release", help="for elfsyms and for the choice of the stock tools")
    return parser.parse_known_args()


def main() -> int:
    """Compare every file of the command line."""
    wanted, arguments = _arguments()
    differs = False
    for vmlinux in wanted.vmlinux:
        try:
            differences = compare(vmlinux, arguments, wanted.release)
        except (DebianError, ElfsymsError) as error:
            print(f"compare_with_stock: {error}", file=sys.stderr)
            return 3
        print("".join(f"  {line}\n" for line in differences), end="")
        differs |= bool(differences)
    return int(differs)


if __name__ == "__main__":
    sys.exit(main())
