#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Measure elfsyms beside the stock chain on the same kernel, in one run.

    scripts/bench.py VMLINUX [--pairs 9] [--svg docs/bench.svg]

Whole processes, interleaved, so that a noisy machine is noisy for both: stock is what ``link-vmlinux.sh`` runs
(``nm -n | sed -f mksysmap``, the generator, ``gcc -c``), elfsyms the main job with ``--system-map``, and a second
pass over the same names at other addresses with ``--cache``. Medians are told, with the ratio of medians and the
memory of the largest process. Then the steps of the pipeline in one process, and how their cost grows with the
number of symbols. Leaves out the link itself.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from debian import DebianError
from stock import stock_tools

from elfsyms.errors import EncodeError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

HERE = Path(__file__).parent
SECOND_PASS_OFFSET = 0x2000  # what the tables of a first pass push the rest of the image up by


@dataclass(frozen=True, slots=True)
class Run:
    """One run: wall and CPU seconds, and the resident set of the largest process in MB."""

    wall: float
    cpu: float
    memory: float


def environment() -> dict[str, str]:
    """Return this process's environment for an elfsyms as it is installed: with its bytecode kept."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def timed(command: Sequence[str], reads: Path = Path(os.devnull), *, may_say_no: bool = False) -> Run:
    """Run a command to its end in a process of its own that reads a file, and read what it took.

    Exit code 1, an answer that is no, is a failure unless it ``may_say_no``.
    """
    with reads.open("rb") as stdin:
        start = time.perf_counter()
        process = subprocess.Popen(
            command, stdin=stdin, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=environment()
        )
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - start
    if os.waitstatus_to_exitcode(status) not in ((0, 1) if may_say_no else (0,)):
        words = process.stderr.read().decode() if process.stderr else ""
        raise DebianError(f"{command[0]} failed: {words.strip() or status}")
    if process.stderr:
        process.stderr.close()
    return Run(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def stock_command(vmlinux: Path, release: str, options: Sequence[str], folder: Path) -> list[str]:
    """Return the stock chain as one shell command, as the kernel's own script runs it."""
    tools = stock_tools(release)
    include = folder / "include"
    for name in ("types.h", "bitsperlong.h"):
        (include / "asm").mkdir(parents=True, exist_ok=True)
        (include / "asm" / name).write_text("#define BITS_PER_LONG 64\n", encoding="utf-8")
    script = (
        f"export LC_ALL=C; nm -n '{vmlinux}' | sed -f '{tools.mksysmap}' > '{folder}/map' && "
        f"'{tools.kallsyms}' {' '.join(options)} '{folder}/map' > '{folder}/kallsyms.S' && "
        f"gcc -D__ASSEMBLY__ -I'{include}' -c -o '{folder}/stock.o' '{folder}/kallsyms.S'"
    )
    return ["sh", "-c", script]


def elfsyms_command(vmlinux: Path, folder: Path, *more: str) -> list[str]:
    """Return the main job."""
    outputs = ["-o", str(folder / "ours.o"), "--system-map", str(folder / "ours.map")]
    return [sys.executable, "-m", "elfsyms", str(vmlinux), *outputs, "--quiet", *more]


def interleaved(kinds: dict[str, Callable[[], Run]], rounds: int) -> dict[str, list[Run]]:
    """Run all kinds in turn, so many times; the first round only warms caches and does not count."""
    runs: dict[str, list[Run]] = {name: [] for name in kinds}
    for _ in range(rounds + 1):
        for name, run in kinds.items():
            runs[name].append(run())
    return {name: found[1:] for name, found in runs.items()}


def report(runs: dict[str, list[Run]]) -> list[str]:
    """Return the lines of the table of whole processes."""
    stock = runs["stock"]
    lines = [
        "| process | wall, median (s) | least (s) | CPU (s) | largest process (MB) | ratio of walls |",
        "|---|---|---|---|---|---|",
    ]
    for name, found in runs.items():
        wall = statistics.median(run.wall for run in found)
        ratio = wall / statistics.median(run.wall for run in stock)
        lines.append(
            f"| {name} | {wall:.2f} | {min(run.wall for run in found):.2f} | "
            f"{statistics.median(run.cpu for run in found):.2f} | "
            f"{max(run.memory for run in found):.0f} | {ratio:.3f} |"
        )
    return lines


def compare(vmlinux: Path, pairs: int, folder: Path) -> list[str]:
    """Measure one kernel and return what to say of it."""
    facts = json.loads(_output([sys.executable, "-m", "elfsyms", str(vmlinux), "--json"]))
    release, options = facts["release"], facts["options"]
    lines = [f"{release}, {facts['symbols']:,} of {facts['entries'] - 1:,} symbols, {' '.join(options)}", ""]
    moved, cache = folder / "moved", folder / "cache"
    _output([sys.executable, str(HERE / "moved.py"), str(vmlinux), str(moved), hex(SECOND_PASS_OFFSET)])
    commands = {
        "stock": stock_command(vmlinux, release, options, folder),
        "elfsyms": elfsyms_command(vmlinux, folder),
        "elfsyms, second pass": elfsyms_command(moved, folder, "--cache", str(cache)),
    }
    timed(elfsyms_command(vmlinux, folder, "--cache", str(cache)))  # the first pass fills the cache
    lines += report(interleaved({name: partial(timed, command) for name, command in commands.items()}, pairs))
    return lines


def _output(command: Sequence[str]) -> str:
    """Run a command for its answer."""
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def table(title: str, rows: Sequence[tuple[str, float]]) -> list[str]:
    """Return a table of seconds."""
    return ["", f"| {title} | seconds |", "|---|---|", *(f"| {name} | {value:.3f} |" for name, value in rows)]


def growth_lines(points: Sequence[tuple[int, dict[str, float]]]) -> list[str]:
    """Return the table of steps by number of symbols."""
    steps = list(points[0][1])
    lines = [
        "",
        f"| symbols | {' | '.join(steps)} | microseconds a symbol |",
        "|---" * (len(steps) + 2) + "|",
    ]
    for count, seconds in points:
        cells = " | ".join(f"{seconds[step]:.3f}" for step in steps)
        lines.append(f"| {count:,} | {cells} | {1e6 * sum(seconds.values()) / count:.2f} |")
    return lines


def main() -> int:
    """Measure, print, and draw."""
    parser = argparse.ArgumentParser(description="elfsyms beside the stock chain, in one run.")
    parser.add_argument("vmlinux", type=Path)
    parser.add_argument("--pairs", type=int, default=9, help="interleaved runs of each (9)")
    parser.add_argument("--svg", type=Path, help="draw the growth into this file")
    wanted = parser.parse_args()
    try:
        with tempfile.TemporaryDirectory() as folder:
            print("\n".join(compare(wanted.vmlinux, wanted.pairs, Path(folder))))
        # Only now: a process that begins as a copy of a large one counts as large.
        from benchsteps import GROWTH, growth, startup_seconds, step_seconds  # noqa: PLC0415 (as said)

        print("\n".join(table("start-up", startup_seconds())))
        print("\n".join(table("step", list(step_seconds(wanted.vmlinux).items()))))
        points = growth(wanted.vmlinux, GROWTH)
        print("\n".join(growth_lines(points)))
    except EncodeError as error:  # a part of a kernel need not be one: from 7.0 on any can be encoded
        print(f"bench: no growth: {error}", file=sys.stderr)
        return 5
    except DebianError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 3
    if wanted.svg:
        from benchplot import plot  # noqa: PLC0415 (as above)

        wanted.svg.write_text(plot(points), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
