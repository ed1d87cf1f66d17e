#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The kernel's own kallsyms tools of a release, built from Debian's ``linux-source`` packages in the cache.

    scripts/stock.py 6.12                        # build them, say where they are
    scripts/stock.py 7.3 --tree                  # unpack the whole source tree, to build a kernel with
    scripts/stock.py 6.1 --map vmlinux           # what the release's nm and mksysmap print
    scripts/stock.py 6.1 vmlinux --all-symbols   # what its generator prints; options are the generator's own

Follows the release's own ``scripts/link-vmlinux.sh``: up to 6.0 the generator reads raw ``nm -n`` text, from
6.1 the map that mksysmap filtered; up to 6.9 mksysmap is a shell script that runs nm, from 6.10 a sed script.
No text of the kernel is in this repository.

Leaves out the final link and BTF, and releases that Debian has no source package of.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from debian import DebianError, locked, run
from sources import parts_tree, source_tree, tree_version

if TYPE_CHECKING:
    from collections.abc import Sequence

    from toolchains import Toolchain

__all__ = [
    "StockFailure",
    "StockTools",
    "assemble",
    "assembly",
    "generator_input",
    "stock_tools",
    "system_map",
]

# Headers that the generated text includes up to 6.19, and the only fact it wants of them.
HEADERS = ("asm/types.h", "asm/bitsperlong.h")


@dataclass(frozen=True, slots=True)
class StockTools:
    """The tools of one release, and how that release runs them."""

    version: str  # as the tree's Makefile has it: 6.12.117, 7.3.0-rc7
    tree: Path
    kallsyms: Path
    mksysmap: Path
    map_is_sed: bool  # 6.10 and later: `nm -n X | sed -f mksysmap`
    reads_map: bool  # 6.1 and later: the generator reads a file, the filtered map

    @property
    def series(self) -> str:
        """The first two numbers of the release: ``6.12``."""
        return ".".join(self.version.split(".")[:2])


@dataclass(frozen=True, slots=True)
class StockFailure:
    """The stock generator refused: its exit status (negative: the signal) and its words."""

    status: int
    stderr: str


def stock_tools(release: str) -> StockTools:
    """Return the tools of the nearest version of a release's series that Debian has, built in the cache."""
    tree = parts_tree(release)
    source = (tree / "scripts" / "kallsyms.c").read_text(encoding="utf-8", errors="replace")
    mksysmap = tree / "scripts" / "mksysmap"
    return StockTools(
        version=tree_version(tree),
        tree=tree,
        kallsyms=_build(tree),
        mksysmap=mksysmap,
        map_is_sed=b"sed" in mksysmap.read_bytes().partition(b"\n")[0],
        reads_map="getopt_long" in source,
    )


def _build(tree: Path) -> Path:
    """Compile the generator of a tree, once."""
    program = tree / "scripts" / "kallsyms"
    with locked(tree):
        if not program.exists():
            include = f"-I{tree / 'scripts' / 'include'}"
            run(["gcc", "-O2", "-w", include, "-o", f"{program}.part", str(tree / "scripts" / "kallsyms.c")])
            Path(f"{program}.part").rename(program)
    return program


def system_map(tools: StockTools, vmlinux: Path, nm: str = "nm", exclude_object: Path | None = None) -> bytes:
    """Return the text of ``System.map`` as the release makes it.

    ``exclude_object``: the previous pass's table object, whose symbols 6.4 to 6.9 leave out.
    """
    if tools.map_is_sed:
        return _stdout(["sed", "-f", str(tools.mksysmap)], stdin=_listing(vmlinux, nm))
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "System.map"
        operands = [str(path) for path in (vmlinux, target, exclude_object) if path]
        _stdout(["sh", str(tools.mksysmap), *operands], nm=nm)
        return target.read_bytes()


def generator_input(
    tools: StockTools, vmlinux: Path, nm: str = "nm", exclude_object: Path | None = None
) -> bytes:
    """Return what the release's build feeds its generator: the map from 6.1 on, raw ``nm -n`` text before."""
    if tools.reads_map:
        return system_map(tools, vmlinux, nm, exclude_object)
    return _listing(vmlinux, nm)


def assembly(tools: StockTools, symbols: bytes, options: Sequence[str] = ()) -> bytes | StockFailure:
    """Return the ``.S`` text that the release's generator makes of its input, or how it failed."""
    with tempfile.NamedTemporaryFile(suffix=".syms") as stream:
        stream.write(symbols)
        stream.flush()
        command = [str(tools.kallsyms), *options, *([stream.name] if tools.reads_map else [])]
        stdin = b"" if tools.reads_map else symbols
        done = subprocess.run(command, input=stdin, capture_output=True, check=False)
    if done.returncode:
        return StockFailure(done.returncode, done.stderr.decode(errors="replace"))
    return done.stdout


def assemble(text: bytes, tools: Toolchain, target: Path) -> Path:
    """Assemble a generated ``.S`` as the kernel does, preprocessor first, into an object at ``target``."""
    with tempfile.TemporaryDirectory() as folder:
        preprocessed = _preprocess(text, tools.target.bits, Path(folder))
        _stdout([*tools.as_, "-o", str(target), str(preprocessed)])
    return target


def _preprocess(text: bytes, bits: int, folder: Path) -> Path:
    """Run the host's preprocessor, with headers that say no more than the target's width."""
    for name in HEADERS:
        header = folder / "include" / name
        header.parent.mkdir(parents=True, exist_ok=True)
        header.write_text(f"#define BITS_PER_LONG {bits}\n", encoding="utf-8")
    source, target = folder / "kallsyms.S", folder / "kallsyms.s"
    source.write_bytes(text)
    options = ["-undef", "-nostdinc", "-D__ASSEMBLY__", f"-I{folder / 'include'}"]
    _stdout(["gcc", "-E", "-x", "assembler-with-cpp", *options, "-o", str(target), str(source)])
    return target


def _listing(vmlinux: Path, nm: str) -> bytes:
    return _stdout([nm, "-n", str(vmlinux)])


def _stdout(command: Sequence[str], *, stdin: bytes = b"", nm: str = "nm") -> bytes:
    """Run a stock tool in the C locale; its failure here is a failure of the set-up, not a result."""
    environment = {**os.environ, "LC_ALL": "C", "NM": nm}
    done = subprocess.run(command, input=stdin, env=environment, capture_output=True, check=False)
    if done.returncode:
        words = (done.stderr.decode(errors="replace").splitlines() or ["it said nothing"])[-1]
        raise DebianError(f"{Path(command[0]).name} failed with status {done.returncode}: {words}")
    return done.stdout


def _arguments() -> tuple[argparse.Namespace, list[str]]:
    parser = argparse.ArgumentParser(description="The kernel's own kallsyms tools of a release.")
    parser.add_argument("release", help="6.12 or 6.12.117")
    parser.add_argument("vmlinux", nargs="?", type=Path, help="run the chain on this file")
    parser.add_argument("--map", action="store_true", help="print the System.map instead of the .S")
    parser.add_argument("--tree", action="store_true", help="unpack the whole source tree, print its path")
    return parser.parse_known_args()


def _print(wanted: argparse.Namespace, options: Sequence[str]) -> int:
    if wanted.tree:
        print(source_tree(wanted.release))
        return 0
    tools = stock_tools(wanted.release)
    if wanted.vmlinux is None:
        print(f"{tools.version}\t{tools.kallsyms}\t{tools.mksysmap}")
        return 0
    made: bytes | StockFailure = system_map(tools, wanted.vmlinux)
    if not wanted.map:
        made = assembly(tools, generator_input(tools, wanted.vmlinux), options)
    if isinstance(made, StockFailure):
        print(made.stderr, end="", file=sys.stderr)
        return made.status if made.status > 0 else 1
    sys.stdout.buffer.write(made)
    return 0


def main() -> int:
    """Build the tools, and run them if a vmlinux is given."""
    wanted, options = _arguments()
    if shutil.which("gcc") is None:
        print("stock: gcc is not installed: it builds the generator", file=sys.stderr)
        return 3
    try:
        return _print(wanted, options)
    except DebianError as error:
        print(f"stock: {error}", file=sys.stderr)
        return 3


if __name__ == "__main__":
    sys.exit(main())
