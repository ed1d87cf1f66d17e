# SPDX-License-Identifier: GPL-2.0-or-later
"""The steps of the pipeline, timed in one process, on a kernel and on tables made from it of other sizes."""

from __future__ import annotations

import dataclasses
import gc
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import numpy as np

from elfsyms.detect.detect import detect
from elfsyms.image.listing import list_symbols
from elfsyms.image.nm_values import shown_values
from elfsyms.image.symbols import SymbolTable, read_symbols
from elfsyms.pipeline.compress import compress_pairs
from elfsyms.pipeline.filters import judge
from elfsyms.pipeline.kernel import load
from elfsyms.pipeline.layout import lay_out
from elfsyms.pipeline.order import name_order, order_kept
from elfsyms.pipeline.tables import make_tables, with_letters
from elfsyms.writers.object import preload, write_object

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from elfsyms.pipeline.kernel import Kernel

__all__ = ["GROWTH", "growth", "startup_seconds", "step_seconds"]

GROWTH = (0.125, 0.25, 0.5, 1.0, 4.0)
REPEATS = 5
COPY_DISTANCE = np.uint64(0x8000000)  # more than a kernel is long, so that copies share no address
STARTS = {
    "python alone": "pass",
    "import numpy": "import numpy",
    "import typer": "import typer",
    "import pyelftools": "import elftools.elf.elffile",
    "import lief": "import lief",
}


def startup_seconds() -> list[tuple[str, float]]:
    """Return what starting and importing takes, each in a process of its own, the least of some runs."""
    commands = {name: [sys.executable, "-c", code] for name, code in STARTS.items()}
    commands["elfsyms --version"] = [sys.executable, "-m", "elfsyms", "--version"]
    commands["elfsyms --help"] = [sys.executable, "-m", "elfsyms", "--help"]
    return [(name, min(_process(command) for _ in range(REPEATS))) for name, command in commands.items()]


def _process(command: Sequence[str]) -> float:
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def step_seconds(vmlinux: Path) -> dict[str, float]:
    """Return the least time of each step over some rounds."""
    preload()
    rounds = []
    for _ in range(REPEATS):
        with load(vmlinux) as kernel:
            rounds.append(_round(kernel, None))
    return {step: min(found[step] for found in rounds) for step in rounds[0]}


def growth(vmlinux: Path, factors: Sequence[float]) -> list[tuple[int, dict[str, float]]]:
    """Return the number of symbols and the steps' times for tables of other sizes made from a kernel's."""
    points = []
    for factor in factors:
        with load(vmlinux) as kernel:
            table = resized(kernel.symbols, factor)
            rounds = [_round(kernel, table) for _ in range(REPEATS)]
        points.append((len(table), {step: min(found[step] for found in rounds) for step in rounds[0]}))
    return points


def resized(table: SymbolTable, factor: float) -> SymbolTable:
    """Return a table with so many times the entries: every n-th, or all again under other names."""
    if factor <= 1:
        return _taken(table, np.arange(0, len(table), round(1 / factor)))
    copies = round(factor)
    names = [table.name(index) for index in range(len(table))]
    pool = b"\0".join(b"%b.%d" % (name, copy) if copy else name for copy in range(copies) for name in names)
    size = np.array([len(name) for name in pool.split(b"\0")], np.int64)
    repeated = _taken(table, np.tile(np.arange(len(table)), copies))
    shift = np.repeat(np.arange(copies, dtype=np.uint64) * COPY_DISTANCE, len(table))
    return dataclasses.replace(
        repeated,
        strings=pool + b"\0",
        name_start=np.cumsum(size + 1) - size - 1,
        name_size=size,
        value=np.where(repeated.section > 0, repeated.value + shift, repeated.value),
    )


def _taken(table: SymbolTable, indices: np.ndarray[tuple[int], np.dtype[np.int64]]) -> SymbolTable:
    arrays = ("name_start", "name_size", "value", "size", "binding", "type", "section")
    return dataclasses.replace(table, **{name: getattr(table, name)[indices] for name in arrays})


def _round(kernel: Kernel, table: SymbolTable | None) -> dict[str, float]:
    """Time every step once, over a table or over the kernel's own."""
    gc.disable()
    clock = _Clock()
    symbols = shown_values(read_symbols(kernel.image), kernel.nm) if table is None else table
    clock.lap("read")
    listing = list_symbols(symbols)
    clock.lap("classify, list")
    own = table is None
    findings = detect(kernel.image, symbols, listing, kernel.nm, kernel.request) if own else kernel.findings
    clock.lap("find release" if own else "")
    verdicts = judge(symbols, listing, findings.release, findings.options)
    clock.lap("rules, map")
    ordered = order_kept(verdicts, findings.release)
    clock.lap("order")
    name_order(ordered.records, findings.release)
    clock.lap("name order")
    compress_pairs(*with_letters(ordered.records))
    clock.lap("compress")
    tables = make_tables(ordered, verdicts.boundaries, findings.release, findings.options, kernel.image.abi)
    clock.lap("")
    layout = lay_out(tables)
    clock.lap("layout")
    write_object(layout)
    clock.lap("write object")
    return clock.laps


class _Clock:
    def __init__(self) -> None:
        self.laps: dict[str, float] = {}
        self.last = time.perf_counter()

    def lap(self, name: str) -> None:
        """Note the time since the last lap; an empty name only starts anew."""
        now = time.perf_counter()
        if name:
            self.laps[name] = now - self.last
        self.last = time.perf_counter()
