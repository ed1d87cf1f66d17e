#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Fuzz elfsyms: seeded, in process, each input with its limits.

    tests/fuzz/run.py                        20,000 inputs over all targets
    tests/fuzz/run.py --long --jobs 2        500,000, in two processes
    tests/fuzz/run.py --target decode --seed 17 --inputs 1     one input again

An input follows from target and seed alone. Each may take 2 s of processor time and 300 MB more than the process
has; one that waits without end, or ends its process, is found by who watches that. What breaks a promise
(``targets.py``) is told with its seed, and kept in ``corpus/``, whose files ``test_fuzz.py`` runs ever after.
"""

from __future__ import annotations

import argparse
import faulthandler
import gc
import hashlib
import os
import resource
import signal
import sys
import time
from collections import Counter
from dataclasses import dataclass, replace
from functools import cache
from importlib import import_module
from math import inf
from multiprocessing import get_context
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, NoReturn

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parents[1])]

from targets import TARGETS, Finding, Target  # noqa: E402 (found by the line above)

if TYPE_CHECKING:
    from collections.abc import Callable, MutableSequence, Sequence
    from multiprocessing.process import BaseProcess
    from typing import TypeAlias

    Counts: TypeAlias = MutableSequence[int]

SECONDS, MEMORY = 2.0, 300 << 20
WALL = 120  # seconds, of a process that may share its core: nothing but waiting takes so long
FORK = get_context("fork")
_SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 (a folder of its own is made there)
_FOLDERS = (
    _SHARED_MEMORY if os.access(_SHARED_MEMORY, os.W_OK) else None
)  # on a disk a folder costs milliseconds


class TooSlowError(BaseException):
    """An input took longer than it may; no handler of ours takes it for an error of its own."""


def _too_slow(*_: object) -> NoReturn:
    raise TooSlowError


def check(target: Target, data: bytes) -> str:
    """Run one input in a folder of its own, under its limits; return what was found, empty if nothing."""
    signal.signal(signal.SIGPROF, _too_slow)
    used = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * resource.getpagesize()
    unlimited = resource.RLIM_INFINITY
    with TemporaryDirectory(prefix="fuzz-", dir=_FOLDERS) as folder:
        resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, unlimited))
        signal.setitimer(signal.ITIMER_PROF, SECONDS)
        try:
            target.check(Path(folder), data)
        except Finding as finding:
            return str(finding)
        except TooSlowError:
            return f"more than {SECONDS} s of processor time"
        except Exception as error:  # noqa: BLE001 (that is what is looked for)
            return f"{type(error).__name__}: {error}"
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
            resource.setrlimit(resource.RLIMIT_AS, (unlimited, unlimited))
    return ""


@dataclass(frozen=True, slots=True)
class Run:
    """What one process runs of a run: each ``jobs``-th input, of those of targets in turn, into a folder."""

    names: Sequence[str]
    seed: int
    inputs: int
    keep: Path
    job: int = 0
    jobs: int = 1
    until: float = inf

    def turn(self, at: int) -> tuple[str, int]:
        """Return the target and the seed of an input."""
        turns = [name for name in self.names for _ in range(TARGETS[name].share)]
        name = turns[at % len(turns)]
        share = TARGETS[name].share
        return name, self.seed + at // len(turns) * share + at % len(turns) - turns.index(name)


def keep_finding(run: Run, at: int, data: bytes, found: str) -> None:
    """Tell what was found, and keep its input."""
    name, seed = run.turn(at)
    path = run.keep / f"{name}-{hashlib.sha256(data).hexdigest()[:12]}"
    path.write_bytes(data)
    print(f"{name} --seed {seed}: {found}\n  kept as {path}", flush=True)


def fuzz(run: Run, counts: Counts, first: int) -> None:
    """Run the inputs of a job from one on; print what is found, and count.

    ``counts`` is shared with who watches: inputs by target, findings, and the number of the input at hand.
    """
    for at in range(first, run.inputs, run.jobs):
        if time.monotonic() > run.until:
            break
        name, seed = run.turn(at)
        counts[-1] = at
        data = TARGETS[name].make(Random(f"{name} {seed}"))  # noqa: S311 (no secret)
        faulthandler.dump_traceback_later(WALL, exit=True)
        found = check(TARGETS[name], data)
        counts[run.names.index(name)] += 1
        if at // run.jobs % 50 == 0:
            gc.collect()  # elfsyms leaves that to the end of its process
        if found:
            counts[-2] += 1
            keep_finding(run, at, data, found)
    faulthandler.cancel_dump_traceback_later()


def watch(run: Run, counts: Counts) -> None:
    """Fuzz in a process of its own, on one core: objects are made in the process itself then.

    An input of which the process dies, or for which it waits without end, is a finding; another process goes on
    behind it.
    """
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cores[run.job % len(cores)]})
    first = run.job
    while True:
        child = _start(fuzz, run, counts, first)
        child.join()
        if child.exitcode == 0:
            break
        at = int(counts[-1])
        name, seed = run.turn(at)
        counts[-2] += 1
        data = TARGETS[name].make(Random(f"{name} {seed}"))  # noqa: S311 (no secret)
        keep_finding(run, at, data, f"the process left with {child.exitcode}, or took {WALL} s")
        first = at + run.jobs


def _start(work: Callable[..., None], *arguments: object) -> BaseProcess:
    child = FORK.Process(target=work, args=arguments)
    child.start()
    return child


def prepare(names: Sequence[str]) -> None:
    """Do what no input pays for: make the seeds, import what is costly, have each command's click command once."""
    for module in ("lief", "pyarrow.parquet", "pyarrow.compute"):
        import_module(module)
    for name in names:
        TARGETS[name].make(Random(name))  # noqa: S311 (no secret)
    app = import_module("elfsyms.cli.app")
    vars(app)["load_command"] = cache(app.load_command)
    gc.freeze()  # what is there stays: no collection looks at it


def run_jobs(whole: Run, jobs: Sequence[int]) -> Counter[str]:
    """Do some jobs of a run, each in a process; return how many inputs targets had, and how many were findings."""
    prepare(whole.names)
    columns = [*whole.names, "findings", "at"]
    counts = [FORK.Array("q", len(columns), lock=False) for _ in jobs]
    parts = [_start(watch, replace(whole, job=job), counts[at]) for at, job in enumerate(jobs)]
    for part in parts:
        part.join()
    gc.unfreeze()
    done = sum((Counter(dict(zip(columns, list(each), strict=True))) for each in counts), Counter())
    del done["at"]
    return done


def table(done: Counter[str]) -> str:
    """Return the inputs by kind and command."""
    kinds: dict[str, list[str]] = {}
    for name, count in sorted(done.items()):
        kinds.setdefault(TARGETS[name].kind, []).append(f"{name} {count:,}")
    return "\n".join(f"{kind}: {', '.join(rows)}" for kind, rows in sorted(kinds.items()))


def main() -> int:
    """Fuzz."""
    parser = argparse.ArgumentParser(description="Fuzz elfsyms.")
    parser.add_argument("--inputs", type=int, default=20_000)
    parser.add_argument("--long", action="store_true", help="500,000 inputs")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--only", type=int, help="only the job of this number, from 0, of so many")
    parser.add_argument("--minutes", type=float, default=inf, help="stop after so many")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--target", choices=TARGETS, action="append")
    parser.add_argument("--keep", type=Path, default=HERE / "corpus")
    wanted = parser.parse_args()
    start = time.monotonic()
    names = wanted.target or list(TARGETS)
    inputs = 500_000 if wanted.long else wanted.inputs
    until = start + 60 * wanted.minutes
    jobs = range(wanted.jobs) if wanted.only is None else [wanted.only]
    done = run_jobs(Run(names, wanted.seed, inputs, wanted.keep, jobs=wanted.jobs, until=until), jobs)
    found = done.pop("findings", 0)
    print(table(done))
    print(f"{done.total():,} inputs in {time.monotonic() - start:.0f} s, {found:,} findings")
    return int(found > 0)


if __name__ == "__main__":
    sys.exit(main())
