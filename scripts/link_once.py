#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A small kernel linked once: how long it takes beside stock, and what changes between builds cost.

    scripts/link_once.py 6.12                     # interleaved rounds: stock, the hook, one link
    scripts/link_once.py 7.3 arm64 --rounds 5
    scripts/link_once.py 6.12 --cases             # a file touched, symbols added, a build killed, and so on
    scripts/link_once.py 7.3 --llvm=-19 --set LTO_CLANG_THIN

Every result is compared with what stock makes of the same objects, to the byte.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from debian import DebianError
from small_kernel import (
    FIXED,
    PORTS,
    Kernel,
    KernelError,
    Link,
    add_build_arguments,
    build_asked_for,
    compile_kernel,
    configure,
    hook,
    link,
    make_command,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

__all__ = ["CASES", "ELFSYMS", "ONCE", "case", "killed_build", "same_files"]

ELFSYMS = f"{sys.executable} -m elfsyms"
ONCE = "ELFSYMS_LINK=once"
FILE = "lib/bcd.c"  # compiled in a second, and in every kernel
FILES = ("vmlinux", "vmlinux.unstripped", "System.map")


def same_files(left: Link, right: Link) -> list[str]:
    """Return which of the files of two links differ."""
    folders = left.vmlinux.parent, right.vmlinux.parent
    pairs = ([folder / name for folder in folders] for name in FILES)
    return [one.name for one, other in pairs if one.exists() and one.read_bytes() != other.read_bytes()]


def rounds(kernel: Kernel, count: int, folder: Path) -> list[str]:
    """Measure interleaved rounds; return the lines of a table, and of one with each kind's steps."""
    kinds: dict[str, Callable[[], Link]] = {
        "stock": lambda: link(kernel, folder / "stock"),
        "hook, as many links": lambda: link(kernel, folder / "passes", elfsyms=ELFSYMS),
        "one link, first build": lambda: link(kernel, folder / "first", elfsyms=ELFSYMS, settings=[ONCE]),
        "one link, later build": lambda: link(
            kernel, folder / "later", elfsyms=ELFSYMS, settings=[ONCE], again=True
        ),
    }
    found: dict[str, list[Link]] = {name: [] for name in kinds}
    for _ in range(count):
        for name, run in kinds.items():
            found[name].append(run())
    stock = statistics.median(run.seconds for run in found["stock"])
    lines = ["| link stage | links | wall, median (s) | ratio to stock | result |", "|---|---|---|---|---|"]
    for name, runs in found.items():
        wall = statistics.median(run.seconds for run in runs)
        result = ", ".join(same_files(found["stock"][-1], runs[-1])) or "identical"
        lines.append(f"| {name} | {len(runs[-1].links)} | {wall:.2f} | {wall / stock:.2f} | {result} |")
    for name, runs in found.items():
        lines += ["", f"| {name}: step | median (s) |", "|---|---|"]
        lines += [f"| {step} | {seconds:.2f} |" for step, seconds in _median_steps(runs)]
    return lines


def _median_steps(runs: Sequence[Link]) -> list[tuple[str, float]]:
    """Return the steps of the last of several runs, each with the median of its seconds."""
    seconds: dict[str, list[float]] = {}
    for run in runs:
        for step, taken in run.steps():
            seconds.setdefault(step, []).append(taken)
    return [(step, statistics.median(seconds[step])) for step, _ in runs[-1].steps()]


@contextmanager
def edited(kernel: Kernel, change: Callable[[str], str]) -> Iterator[Kernel]:
    """Have a source file changed for a while; the tree is one of hard links, so the file is replaced."""
    path = kernel.source / FILE
    before, times = path.read_bytes(), path.stat()
    path.unlink()
    path.write_text(change(before.decode()), encoding="utf-8")
    try:
        yield kernel
    finally:
        path.write_bytes(before)
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
        (kernel.objects / FILE).with_suffix(".o").unlink(missing_ok=True)


@contextmanager
def configured(kernel: Kernel, line: str) -> Iterator[Kernel]:
    """Have the configuration changed for a while."""
    config = kernel.objects / ".config"
    before = config.read_bytes()
    config.write_bytes(before + f"{line}\n".encode())
    configure(kernel, "olddefconfig")
    try:
        yield kernel
    finally:
        config.write_bytes(before)
        configure(kernel, "olddefconfig")


@contextmanager
def cleaned(kernel: Kernel) -> Iterator[Kernel]:
    """Have all objects removed by ``make clean``, and with them what earlier links remembered; some minutes."""
    configure(kernel, "clean")
    yield kernel


@contextmanager
def elsewhere(kernel: Kernel) -> Iterator[Kernel]:
    """Have a second build tree of the same source for a while.

    objtool is built anew there, for its path is in its command line, and every object after it: some minutes.
    """
    with tempfile.TemporaryDirectory(dir=kernel.objects.parent) as folder:
        objects = Path(folder) / "objects"
        subprocess.run(["cp", "--archive", str(kernel.objects), str(objects)], check=True)
        with configured(replace(kernel, objects=objects), "# CONFIG_KALLSYMS_ALL is not set") as other:
            yield other


def _inside(text: str) -> str:
    return text.replace("10", "11", 1)


def _functions(count: int) -> Callable[[str], str]:
    lines = "".join(f"void elfsyms_case_{i}(void); void elfsyms_case_{i}(void) {{ }}\n" for i in range(count))
    return lambda text: f"{text}\n{lines}"


# What happens between two builds: its name, what does it, and the links that the next build takes.
CASES: dict[str, tuple[Callable[[Kernel], object], int]] = {
    "nothing": (lambda kernel: edited(kernel, lambda text: text), 1),
    "a function changed inside": (lambda kernel: edited(kernel, _inside), 1),
    "a function added": (lambda kernel: edited(kernel, _functions(1)), 2),
    "10,000 functions added": (lambda kernel: edited(kernel, _functions(10_000)), 2),
    "the configuration changed": (
        lambda kernel: configured(kernel, "# CONFIG_KALLSYMS_SELFTEST is not set"),
        2,
    ),
    "make clean": (cleaned, 2),
    "another O=": (elsewhere, 2),
}


def case(kernel: Kernel, name: str, folder: Path, *settings: str) -> tuple[int, list[str]]:
    """Build, let something happen, build again; return the links of that, and what differs from stock's."""
    change, _ = CASES[name]
    link(kernel, folder / "before", elfsyms=ELFSYMS, settings=[ONCE, *settings], again=True)
    with change(kernel) as changed:  # type: ignore[attr-defined] # each is a context manager
        after = link(changed, folder / "after", elfsyms=ELFSYMS, settings=[ONCE, *settings], again=True)
        stock = link(changed, folder / "stock")
    return len(after.links), same_files(stock, after)


def killed_build(kernel: Kernel, at: str, folder: Path) -> tuple[bool, list[str]]:
    """Kill a build at a step, with all its processes; build again.

    Return whether a final vmlinux was there in between, and what differs from stock's in the end.
    """
    final = kernel.objects / "vmlinux"
    final.unlink(missing_ok=True)
    with hook(kernel.source):
        command = make_command(kernel, "vmlinux", [f"ELFSYMS={ELFSYMS}", ONCE])
        environment = {**os.environ, **FIXED}
        with subprocess.Popen(
            command,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        ) as process:
            next((line for line in process.stdout or () if line.startswith(f"  {at}")), None)
            os.killpg(process.pid, signal.SIGKILL)
    was_there = final.exists()
    again = link(kernel, folder / "again", elfsyms=ELFSYMS, settings=[ONCE], again=True)
    return was_there, same_files(link(kernel, folder / "stock"), again)


def _cases(kernel: Kernel, folder: Path) -> list[str]:
    lines = ["| between two builds | links | expected at most | result |", "|---|---|---|---|"]
    for name, (_, most) in CASES.items():
        count, differing = case(kernel, name, folder)
        lines.append(f"| {name} | {count} | {most} | {', '.join(differing) or 'identical'} |")
    for step in ("LD      .tmp_vmlinux_once", "FILL"):
        was_there, differing = killed_build(kernel, step, folder)
        left = "a final vmlinux" if was_there else "no final vmlinux"
        lines.append(
            f"| killed at {step.split()[0]}, which left {left} | | | {', '.join(differing) or 'identical'} |"
        )
    return lines


def main() -> int:
    """Measure what the command line names."""
    parser = argparse.ArgumentParser(description="A small kernel, linked once.")
    parser.add_argument("release")
    parser.add_argument("port", nargs="?", choices=PORTS, default="x86_64")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--cases", action="store_true", help="what changes between builds cost")
    parser.add_argument("--trees", type=Path, help="a folder with source and objects, compiled elsewhere")
    add_build_arguments(parser)
    wanted = parser.parse_args()
    folder = Path(tempfile.mkdtemp())
    try:
        port, build = PORTS[wanted.port], build_asked_for(wanted)
        if wanted.trees:
            kernel = Kernel(wanted.release, port, build, wanted.trees / "source", wanted.trees / "objects")
        else:
            kernel = compile_kernel(wanted.release, port, build)
        print("\n".join(_cases(kernel, folder) if wanted.cases else rounds(kernel, wanted.rounds, folder)))
    except (DebianError, KernelError) as error:
        print(f"link_once: {error}", file=sys.stderr)
        return 3
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
