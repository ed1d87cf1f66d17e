#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Measure every question of those who trace beside plain ``elfsyms list`` of the same kernel, interleaved.

    scripts/bench_questions.py VMLINUX [--rounds 5] [--only WORD] [--log FILE]

Whole processes in turn, so that a busy machine is busy for all; the first round does not count. For each question
the medians of wall and CPU, and their ratios to those of ``list``. Where no ``--log`` is given, symbolize reads one
that is made of the kernel's own symbols: 20 oopses of 12 calls each.
"""

from __future__ import annotations

import argparse
import random
import statistics
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from bench import interleaved, timed
from debian import DebianError

from elfsyms.pipeline.kernel import load
from elfsyms.trace.lookup import kernel_lookup

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench import Run

NEEDS = """_text
kprobe:tcp_v4_rcv
fentry:tcp_v4_rcv
ftrace:schedule
livepatch:schedule
kprobe:do_exit
"""
# By name: the words behind the command, of which VMLINUX and NEEDS stand for files; all may read the log.
QUESTIONS: dict[str, str] = {
    "list": "list VMLINUX",
    "list --where ftrace=no": "list VMLINUX --where ftrace=no",
    "list --where kprobe=no": "list VMLINUX --where kprobe=no",
    "list --where kprobe=yes": "list VMLINUX --where kprobe=yes",
    "list --where fentry=yes": "list VMLINUX --where fentry=yes",
    "list --where livepatch=yes": "list VMLINUX --where livepatch=yes",
    "list --where section!=.text": "list VMLINUX --where section!=.text",
    "list --where type=FUNC": "list VMLINUX --where type=FUNC",
    "list --duplicates": "list VMLINUX --duplicates",
    "list --csv": "list VMLINUX --csv",
    "list --tsv": "list VMLINUX --tsv",
    "list --json": "list VMLINUX --json",
    "list --filter tcp_*": "list VMLINUX --filter tcp_*",
    "list --regex ^tcp_": "list VMLINUX --regex ^tcp_",
    "explain schedule": "explain VMLINUX schedule",
    "explain schedule --no-source": "explain VMLINUX schedule --no-source",
    "explain jiffies": "explain VMLINUX jiffies",
    "explain vfs_read": "explain VMLINUX vfs_read",
    "explain *": "explain VMLINUX *",
    "explain * --json": "explain VMLINUX * --json",
    "check": "check VMLINUX --needs NEEDS",
    "symbolize": "symbolize VMLINUX",
    "symbolize --no-lines": "symbolize VMLINUX --no-lines",
    "stats": "stats VMLINUX",
}


def made_log(vmlinux: Path) -> str:
    """Return a log of 20 oopses, each of a dozen calls in functions taken by chance, the same every time."""
    chance = random.Random(14)  # noqa: S311 (no secret)
    with load(vmlinux) as kernel:
        names = [name for name in kernel.ordered.records.names() if name.startswith((b"tcp_", b"vfs_"))]
        lookup = kernel_lookup(kernel)
        lines = []
        for _ in range(20):
            lines.append("Call Trace:")
            for name in chance.sample(names, 12):
                found = lookup.named(name)[0]
                offset = chance.randrange(max(found.size, 1))
                lines.append(f" {name.decode()}+{offset:#x}/{found.size:#x}")
    return "\n".join(lines) + "\n"


def rows(runs: dict[str, list[Run]]) -> list[str]:
    """Return the table: medians, and ratios to the first."""
    first = next(iter(runs.values()))
    lines = [
        "| question | wall (s) | CPU (s) | wall to list | CPU to list | memory (MB) |",
        "|---|---|---|---|---|---|",
    ]
    for name, found in runs.items():
        wall, cpu = (statistics.median(getattr(run, of) for run in found) for of in ("wall", "cpu"))
        walls, cpus = (statistics.median(getattr(run, of) for run in first) for of in ("wall", "cpu"))
        memory = max(run.memory for run in found)
        lines.append(
            f"| {name} | {wall:.2f} | {cpu:.2f} | {wall / walls:.2f} | {cpu / cpus:.2f} | {memory:.0f} |"
        )
    return lines


def main() -> int:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description="The questions of those who trace beside plain list.")
    parser.add_argument("vmlinux", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", default="", help="questions that have this word, and list")
    parser.add_argument("--log", type=Path)
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        needs, log = Path(name, "needs"), Path(name, "log")
        needs.write_text(NEEDS, encoding="utf-8")
        if wanted.log is None:
            log.write_text(made_log(wanted.vmlinux), encoding="utf-8")
        files = {"VMLINUX": wanted.vmlinux, "NEEDS": needs}
        kinds: dict[str, Callable[[], Run]] = {}
        for question, words in QUESTIONS.items():
            if question == "list" or wanted.only in question:
                arguments = [str(files.get(word, word)) for word in words.split(" ")]
                command = [sys.executable, "-m", "elfsyms", *arguments]
                kinds[question] = partial(timed, command, wanted.log or log, may_say_no=True)
        try:
            print("\n".join(rows(interleaved(kinds, wanted.rounds))))
        except DebianError as error:
            print(f"bench_questions: {error}", file=sys.stderr)
            return 3
    return 0


if __name__ == "__main__":
    sys.exit(main())
