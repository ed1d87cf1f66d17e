#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Fuzz elfsyms: seeded, in process, each input with its limits.

    tests/fuzz/run.py                        20,000 inputs over all targets
    tests/fuzz/run.py --long                 500,000
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
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import NoReturn

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parents[1])]

from targets import TARGETS, Finding, Target  # noqa: E402 (found by the line above)

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


def fuzz(names: list[str], first: int, inputs: int, keep: Path) -> Counter[str]:
    """Run inputs of targets in turn; return how many each had, and print what is found."""
    done: Counter[str] = Counter()
    current = keep / f".current-{os.getpid()}"  # should the process die of an input, this is it
    for at in range(inputs):
        name, seed = names[at % len(names)], first + at // len(names)
        data = TARGETS[name].make(Random(f"{name} {seed}"))  # noqa: S311 (no secret)
        current.write_bytes(data)
        found = check(TARGETS[name], data)
        done[name] += 1
        if at % 50 == 0:
            gc.collect()  # elfsyms leaves that to the end of its process
        if found:
            done["findings"] += 1
            path = keep / f"{name}-{hashlib.sha256(data).hexdigest()[:12]}"
            path.write_bytes(data)
            print(f"{name} --seed {seed}: {found}\n  kept as {path}", flush=True)
    current.unlink()
    return done


def main() -> int:
    """Fuzz."""
    parser = argparse.ArgumentParser(description="Fuzz elfsyms.")
    parser.add_argument("--inputs", type=int, default=20_000)
    parser.add_argument("--long", action="store_true", help="500,000 inputs")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--target", choices=TARGETS, action="append")
    parser.add_argument("--keep", type=Path, default=HERE / "corpus")
    wanted = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})  # one core: objects are made in this process
    start = time.monotonic()
    inputs = 500_000 if wanted.long else wanted.inputs
    done = fuzz(wanted.target or list(TARGETS), wanted.seed, inputs, wanted.keep)
    found = done.pop("findings", 0)
    print(", ".join(f"{name} {count:,}" for name, count in sorted(done.items())))
    print(f"{done.total():,} inputs in {time.monotonic() - start:.0f} s, {found:,} findings")
    return int(found > 0)


if __name__ == "__main__":
    sys.exit(main())
