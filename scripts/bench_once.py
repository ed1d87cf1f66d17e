#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Measure a pass and a fill of whole kernels beside the stock chain, interleaved, on two cores and on one.

    scripts/bench_once.py VMLINUX... [--rounds 5]

For each kernel, medians of: stock's pass (``nm -n | sed -f mksysmap``, the generator, the assembler), the same on
one core, elfsyms' pass likewise, its pass with names known from the pass before, and ``elfsyms fill`` of the kernel
whose tables were taken out again (``unfilled.py``), names known: as a process of its own, and asked of the process
that the hook starts once for a build, which is how a build has it. Every one makes ``System.map`` too. The build ID
is a hash of the whole file, debug information included; so fill is measured with it, and without (its note has
another type then).

What elfsyms made is compared: the objects' tables are those of stock when linked, which the tests hold; here the
maps must be stock's, and the filled file the kernel itself.
"""

from __future__ import annotations

import argparse
import filecmp
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bench import Run, elfsyms_command, environment, interleaved, stock_command, timed
from debian import DebianError
from unfilled import neutral_writes

from elfsyms.image.elf import open_image
from elfsyms.writers.buildid import find_note
from elfsyms.writers.inplace import overwrite

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

ONE_CORE = ("taskset", "-c", "0")
NOTE_TYPE = 8  # where in a note its type stands
TICKS = os.sysconf("SC_CLK_TCK")


class Server:
    """The process that the hook starts for a build; it does one job after another."""

    def __init__(self, cache: Path) -> None:
        """Start it, and wait until it answers."""
        asked, self._ask = os.pipe()
        self._answer, answered = os.pipe()
        words = [
            "kbuild",
            "serve",
            str(os.getpid()),
            str(asked),
            str(answered),
            "--once",
            "--cache",
            str(cache),
        ]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "elfsyms", *words], pass_fds=(asked, answered), env=environment()
        )
        os.close(asked)
        os.close(answered)
        self.ask(["--version"])

    def ask(self, arguments: Sequence[str]) -> None:
        """Have a job done."""
        os.write(self._ask, b"".join(os.fsencode(word) + b"\n" for word in (*arguments, "")))
        answer = os.read(self._answer, 16)
        if answer != b"0\n":
            raise DebianError(f"elfsyms {' '.join(arguments)} left with {answer.decode().strip()}")

    def timed(self, arguments: Sequence[str]) -> Run:
        """Have a job done, and read what it took."""
        start, before = time.perf_counter(), self._used()
        self.ask(arguments)
        wall = time.perf_counter() - start
        status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
        most = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))
        return Run(wall, self._used() - before, most / 1024)

    def close(self) -> None:
        """End it."""
        os.close(self._ask)
        os.close(self._answer)
        self.process.wait()

    def _used(self) -> float:
        fields = Path(f"/proc/{self.process.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS


@dataclass(frozen=True, slots=True)
class Unfilled:
    """A copy of a kernel whose tables can be taken out again and again."""

    path: Path
    writes: tuple[tuple[int, bytes], ...]

    def empty(self) -> Path:
        """Take the tables out."""
        overwrite(self.path, self.writes)
        return self.path


def emptied(vmlinux: Path, target: Path, *, has_id: bool) -> Unfilled:
    """Make such a copy; without its build ID, the note has another type."""
    shutil.copyfile(vmlinux, target)
    if not has_id:
        with open_image(vmlinux) as image:
            note = find_note(image)
        if note is not None:
            overwrite(target, [(note.offset + NOTE_TYPE, bytes(4))])
    return Unfilled(target, tuple(neutral_writes(target)))


def kinds_of(vmlinux: Path, folder: Path, server: Server) -> dict[str, Callable[[], Run]]:
    """Return what to run for a kernel, by name."""
    facts = json.loads(_output([sys.executable, "-m", "elfsyms", str(vmlinux), "--json"]))
    stock = stock_command(vmlinux, facts["release"], facts["options"], folder)
    ours = elfsyms_command(vmlinux, folder)
    cache = ["--cache", str(folder / "cache")]
    whole, bare = (emptied(vmlinux, folder / f"id-{has_id}", has_id=has_id) for has_id in (True, False))
    maps = ["--system-map", str(folder / "filled.map"), "--quiet", *cache]

    def fill(copy: Unfilled) -> Run:
        return timed([sys.executable, "-m", "elfsyms", "fill", str(copy.empty()), *maps])

    def ask(copy: Unfilled) -> Run:
        return server.timed(["fill", str(copy.empty()), *maps])

    return {
        "stock": lambda: timed(stock),
        "stock, one core": lambda: timed([*ONE_CORE, *stock]),
        "elfsyms": lambda: timed(ours),
        "elfsyms, one core": lambda: timed([*ONE_CORE, *ours]),
        "elfsyms, names known": lambda: timed([*ours, *cache]),
        "fill, names known, a process": lambda: fill(bare),
        "fill, names known, asked of the build's process": lambda: ask(bare),
        "the same with the build ID, a process": lambda: fill(whole),
        "the same with the build ID, asked": lambda: ask(whole),
    }


def report(runs: dict[str, list[Run]]) -> list[str]:
    """Return the lines of a table."""
    two, one = (statistics.median(run.wall for run in runs[name]) for name in ("stock", "stock, one core"))
    lines = [
        "| process | wall, median (s) | CPU (s) | largest (MB) | wall to stock's | to stock's on one core |",
        "|---|---|---|---|---|---|",
    ]
    for name, found in runs.items():
        wall = statistics.median(run.wall for run in found)
        cpu = statistics.median(run.cpu for run in found)
        memory = max(run.memory for run in found)
        lines.append(
            f"| {name} | {wall:.2f} | {cpu:.2f} | {memory:.0f} | {wall / two:.3f} | {wall / one:.3f} |"
        )
    return lines


def checks(vmlinux: Path, folder: Path) -> list[str]:
    """Return what of the results is not as it must be."""
    stock = (folder / "map").read_bytes()
    wrong = [name for name in ("ours.map", "filled.map") if (folder / name).read_bytes() != stock]
    same = filecmp.cmp(vmlinux, folder / "id-True", shallow=False)
    return [*wrong, *([] if same else ["the filled kernel"])]


def _output(command: Sequence[str]) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True, env=environment()).stdout


def main() -> int:
    """Measure the kernels of the command line."""
    parser = argparse.ArgumentParser(description="A pass and a fill beside the stock chain, in one run.")
    parser.add_argument("vmlinux", type=Path, nargs="+")
    parser.add_argument("--rounds", type=int, default=5, help="interleaved runs of each (5)")
    wanted = parser.parse_args()
    differing = 0
    for vmlinux in wanted.vmlinux:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            server = Server(folder / "cache")
            try:
                runs = interleaved(kinds_of(vmlinux, folder, server), wanted.rounds)
            except DebianError as error:
                print(f"bench_once: {error}", file=sys.stderr)
                return 3
            finally:
                server.close()
            wrong = checks(vmlinux, folder)
        print("\n".join([f"{vmlinux}:", "", *report(runs), ""]))
        print(
            f"differs: {', '.join(wrong)}" if wrong else "Maps and filled kernel are stock's to the byte.",
            "\n",
        )
        differing += len(wrong)
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main())
