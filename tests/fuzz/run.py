#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Fuzz elfsyms: seeded, in process, each input with its limits.

    tests/fuzz/run.py                        20,000 inputs over all targets
    tests/fuzz/run.py --long --jobs 2        500,000, in two processes
    tests/fuzz/run.py --target decode --seed 17 --inputs 1     one input again

An input follows from target and seed alone. Each may take 2 s of processor time and 300 MB more than the process
has. What breaks a promise (``targets.py``) is told with its seed, and kept in ``corpus/``, whose files
``test_fuzz.py`` runs ever after.
"""

from __future__ import annotations

import argparse
import gc
import hashlib
import os
import resource
import signal
import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from functools import partial
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
    from collections.abc import Callable

SECONDS, MEMORY = 2.0, 300 << 20


class TooSlowError(BaseException):
    """An input took longer than it may; no handler of ours takes it for an error of its own."""


def _too_slow(*_: object) -> NoReturn:
    raise TooSlowError


def check(target: Target, data: bytes) -> str:
    """Run one input in a folder of its own, under its limits; return what was found, empty if nothing."""
    signal.signal(signal.SIGPROF, _too_slow)
    used = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * resource.getpagesize()
    unlimited = resource.RLIM_INFINITY
    with TemporaryDirectory(prefix="fuzz-") as folder:
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


def fuzz(
    names: list[str], first: int, inputs: int, keep: Path, job: int = 0, jobs: int = 1, until: float = inf
) -> Counter[str]:
    """Run each of so many inputs of targets in turn that is this job's; print what is found.

    Returns how many inputs each target had.
    """
    done: Counter[str] = Counter()
    current = keep / f".current-{os.getpid()}"  # should the process die of an input, this is it
    for at in range(job, inputs, jobs):
        if time.monotonic() > until:
            break
        name, seed = names[at % len(names)], first + at // len(names)
        data = TARGETS[name].make(Random(f"{name} {seed}"))  # noqa: S311 (no secret)
        current.write_bytes(data)
        found = check(TARGETS[name], data)
        done[name] += 1
        if at // jobs % 50 == 0:
            gc.collect()  # elfsyms leaves that to the end of its process
        if found:
            done["findings"] += 1
            path = keep / f"{name}-{hashlib.sha256(data).hexdigest()[:12]}"
            path.write_bytes(data)
            print(f"{name} --seed {seed}: {found}\n  kept as {path}", flush=True)
    current.unlink(missing_ok=True)
    return done


def run_jobs(work: Callable[..., Counter[str]], jobs: int) -> Counter[str]:
    """Fuzz in several processes, on a core each: objects are made in the process itself then."""
    cores = sorted(os.sched_getaffinity(0))
    with ProcessPoolExecutor(jobs, mp_context=get_context("fork")) as pool:
        parts = [pool.submit(_one_job, work, cores[job % len(cores)], job, jobs) for job in range(jobs)]
        return sum((part.result() for part in parts), Counter())


def _one_job(work: Callable[..., Counter[str]], core: int, job: int, jobs: int) -> Counter[str]:
    os.sched_setaffinity(0, {core})
    return work(job=job, jobs=jobs)


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
    parser.add_argument("--minutes", type=float, default=inf, help="stop after so many")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--target", choices=TARGETS, action="append")
    parser.add_argument("--keep", type=Path, default=HERE / "corpus")
    wanted = parser.parse_args()
    start = time.monotonic()
    inputs = 500_000 if wanted.long else wanted.inputs
    until = start + 60 * wanted.minutes
    names = wanted.target or list(TARGETS)
    done = run_jobs(partial(fuzz, names, wanted.seed, inputs, wanted.keep, until=until), wanted.jobs)
    found = done.pop("findings", 0)
    print(table(done))
    print(f"{done.total():,} inputs in {time.monotonic() - start:.0f} s, {found:,} findings")
    return int(found > 0)


if __name__ == "__main__":
    sys.exit(main())
