#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Fuzz elfsyms guided by coverage, with atheris: the targets, promises and limits are those of ``run.py``.

    tests/fuzz/guided.py                              # the readers that matter most, 5 minutes each
    tests/fuzz/guided.py decode lines --seconds 600   # two targets, 10 minutes each
    tests/fuzz/guided.py server --runs 10000          # the same run each time

Needs ``pip install --group fuzz``. Starts from inputs that ``run.py`` would draw, and from ``corpus/``; an input
that reaches new code of elfsyms is kept for the run and changed further, by libFuzzer and by ``mutate.py``. What
breaks a promise goes into ``corpus/``, once a kind. Each target runs in a process of its own, on one core.
"""

from __future__ import annotations

import argparse
import gc
import hashlib
import importlib.util
import os
import pkgutil
import re
import resource
import subprocess
import sys
import tempfile
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parents[1])]

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

# The readers of what comes from elsewhere.
CHOSEN = ("list", "decode", "image", "core", "dwarf", "lines", "module", "symbolize-log", "server", "atlas")
SEEDS = 200  # drawn inputs to start from
LARGEST = 1 << 18  # bytes of an input
WALL = 120  # seconds that an input may wait
_STATE = re.compile(
    r"^#(?P<runs>\d+)\s+(?P<what>INITED|DONE)\s+cov: (?P<edges>\d+) ft: (?P<features>\d+)", re.MULTILINE
)


@dataclass(frozen=True, slots=True)
class Growth:
    """What a run of a target came to.

    Inputs run; edges and features of the code that the first inputs reached, and that all did; findings; seconds of
    processor time.
    """

    runs: int
    edges: tuple[int, int]
    features: tuple[int, int]
    findings: int
    seconds: float = 0

    def __str__(self) -> str:
        """Return a line for people."""
        edges, features = (f"{first:,} to {last:,}" for first, last in (self.edges, self.features))
        return (
            f"{self.runs:,} inputs in {self.seconds:.0f} s of processor time, edges {edges}, "
            f"features {features}, {self.findings} findings"
        )


def is_missing() -> bool:
    """Tell whether atheris is not installed."""
    return importlib.util.find_spec("atheris") is None


def instrumented() -> Any:
    """Import the whole package with its branches counted, and what fuzzes it; return atheris."""
    import atheris  # noqa: PLC0415 (not everybody has it)

    with atheris.instrument_imports(include=["elfsyms"]):
        package = import_module("elfsyms")
        for module in pkgutil.walk_packages(package.__path__, "elfsyms."):
            import_module(module.name)
    return atheris


def changing(atheris: Any) -> Callable[[bytes, int, int], bytes]:
    """Return how inputs are changed: half of the time as libFuzzer does, by what it saw compared."""
    from mutate import mutate_elf, mutate_text  # noqa: PLC0415 (elfsyms is imported before)
    from targets import WORDS  # noqa: PLC0415 (as above)

    def change(data: bytes, most: int, seed: int) -> bytes:
        draw = Random(seed)  # noqa: S311 (no secret)
        if not data or draw.random() < 0.5:
            mutated: bytes = atheris.Mutate(data, most)  # another function than before Fuzz() was called
            return mutated
        made = mutate_elf(draw, [data]) if data[:4] == b"\x7fELF" else mutate_text(draw, [data], WORDS)
        return made[:most]

    return change


def fuzz(name: str, keep: Path, options: Sequence[str]) -> None:
    """Fuzz one target in this process, which libFuzzer ends."""
    atheris = instrumented()
    from run import check, prepare  # noqa: PLC0415 (elfsyms is imported before)
    from targets import TARGETS  # noqa: PLC0415 (as above)

    prepare([name])
    target, told, done = TARGETS[name], set[str](), 0

    def one(data: bytes) -> None:
        nonlocal done
        found = check(target, data) if data else ""
        done += 1
        if done % 50 == 0:
            gc.collect()  # elfsyms leaves that to the end of its process
        kind = re.sub(r"[0-9]+|/\S+", "", found)
        if found and kind not in told:
            told.add(kind)
            path = keep / f"{name}-{hashlib.sha256(data).hexdigest()[:12]}"
            path.write_bytes(data)
            print(f"FOUND {name}: {found}\n  kept as {path}", file=sys.__stderr__, flush=True)

    with tempfile.TemporaryDirectory(prefix="guided-") as folder:
        for number, data in enumerate(first_inputs(name)):
            (Path(folder) / str(number)).write_bytes(data)
        words = [sys.argv[0], *options, f"-max_len={LARGEST}", f"-timeout={WALL}", "-rss_limit_mb=0"]
        atheris.Setup([*words, folder], one, custom_mutator=changing(atheris))
        atheris.Fuzz()


def first_inputs(name: str) -> Iterable[bytes]:
    """Yield what a run starts from."""
    from targets import TARGETS  # noqa: PLC0415 (elfsyms is imported before)

    yield from (path.read_bytes() for path in sorted((HERE / "corpus").glob(f"{name}-" + "?" * 12)))
    for seed in range(SEEDS):
        yield TARGETS[name].make(Random(f"{name} {seed}"))[:LARGEST]  # noqa: S311 (no secret)


def run_apart(name: str, keep: Path, options: Sequence[str]) -> Growth:
    """Fuzz a target in a process of its own; show what is found. One that dies is a finding, too."""
    command = [sys.executable, __file__, "--inside", name, "--keep", str(keep), "--", *options]
    before = sum(resource.getrusage(resource.RUSAGE_CHILDREN)[:2])
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, errors="replace") as child:
        lines = list(watched(child.stderr or ()))
    seconds = sum(resource.getrusage(resource.RUSAGE_CHILDREN)[:2]) - before
    growth = growth_of("".join(lines))
    if growth is None or child.returncode:
        print(f"{name}: the process left with {child.returncode}:\n{''.join(lines[-20:])}")
        raise SystemExit(1)
    return replace(growth, seconds=seconds)


def watched(lines: Iterable[str]) -> Iterable[str]:
    """Pass lines on; print findings at once."""
    for line in lines:
        if line.startswith(("FOUND ", "  kept as ")):
            print(line, end="", flush=True)
        yield line


def growth_of(text: str) -> Growth | None:
    """Return what libFuzzer's lines tell of a run; None where it did not come to its end."""
    states = {match["what"]: match for match in _STATE.finditer(text)}
    if len(states) < 2:
        return None
    first, last = states["INITED"], states["DONE"]
    edges, features = ((int(first[what]), int(last[what])) for what in ("edges", "features"))
    return Growth(int(last["runs"]), edges, features, text.count("\nFOUND "))


def main() -> int:
    """Fuzz, guided."""
    parser = argparse.ArgumentParser(description="Fuzz elfsyms, guided by coverage.")
    parser.add_argument("targets", nargs="*", default=CHOSEN, metavar="TARGET")
    parser.add_argument("--seconds", type=int, default=300, help="for each target")
    parser.add_argument("--runs", type=int, help="so many inputs, and no limit of time")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path, default=HERE / "corpus")
    parser.add_argument("--inside", help=argparse.SUPPRESS)
    wanted = parser.parse_args()
    if is_missing():
        print("atheris is not installed: pip install --group fuzz", file=sys.stderr)
        return 2
    if wanted.inside:
        fuzz(wanted.inside, wanted.keep, wanted.targets)
    limit = f"-max_total_time={wanted.seconds}" if wanted.runs is None else f"-runs={wanted.runs}"
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})  # objects are made in the process itself then
    grown = []
    for name in wanted.targets:
        grown.append(run_apart(name, wanted.keep, [limit, f"-seed={wanted.seed}"]))
        print(f"{name}: {grown[-1]}", flush=True)
    return int(any(one.findings for one in grown))


if __name__ == "__main__":
    sys.exit(main())
