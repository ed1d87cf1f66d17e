#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Measure time and memory over kernels of 1.25, 2.5 and 5 million symbols (``many_symbols.py`` makes them).

    scripts/measure_many.py vmlinux                     # the main job, and decode of what it made
    scripts/measure_many.py vmlinux --millions 5        # this size alone

Prints a row for each: symbols, wall and processor seconds, peak memory of the largest process. What is linear
takes as long for each million in all rows.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from bench import timed

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).parent
ELFSYMS = (sys.executable, "-m", "elfsyms")


def many(vmlinux: Path, millions: float, folder: Path) -> tuple[Path, int]:
    """Make a kernel of at least so many symbols; return its path and their number."""
    path, symbols, copies = folder / "many", 0, 1
    while symbols < millions * 1e6:
        copies = copies if not symbols else -(-int(millions * 1e6) // (symbols // copies))
        made = subprocess.run(
            [sys.executable, str(HERE / "many_symbols.py"), vmlinux, path, "--copies", str(copies)],
            check=True,
            capture_output=True,
            text=True,
        )
        symbols = int(made.stdout.split()[0].replace(",", ""))
    return path, symbols


def release_of(vmlinux: Path) -> str:
    """Return the release of a kernel, which the object of its tables does not tell."""
    done = subprocess.run([*ELFSYMS, vmlinux, "--json"], check=True, capture_output=True)
    return str(json.loads(done.stdout)["release"])


def rows(vmlinux: Path, millions: float) -> Iterator[str]:
    """Measure one size; yield a row of the table for the main job, and one for decode."""
    with tempfile.TemporaryDirectory(dir=vmlinux.parent) as name:
        folder = Path(name)
        path, symbols = many(vmlinux, millions, folder)
        made = folder / "tables.o"
        jobs = {
            "main job": (str(path), "-o", str(made), "--system-map", str(folder / "map"), "-q"),
            "decode": ("decode", str(made), "--release", release_of(vmlinux)),
        }
        for job, words in jobs.items():
            took = timed([*ELFSYMS, *words])
            yield f"| {job} | {symbols:,} | {took.wall:.1f} | {took.cpu:.1f} | {took.memory:,.0f} |"


def main() -> None:
    """Measure what the command line names."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("vmlinux", type=Path)
    parser.add_argument("--millions", type=float, action="append")
    wanted = parser.parse_args()
    print("| job | symbols | s | s of CPU | MB |\n|---|---|---|---|---|", flush=True)
    for millions in wanted.millions or (1.25, 2.5, 5):
        for row in rows(wanted.vmlinux, millions):
            print(row, flush=True)


if __name__ == "__main__":
    main()
