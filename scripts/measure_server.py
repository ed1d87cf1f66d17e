#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Have one server do thousands of jobs, and tell what it and its child hold after some of them.

    scripts/measure_server.py VMLINUX [--jobs 10000]

The server is asked as the hook asks it (``kbuild serve``), for the jobs of builds in turn: objects with maps,
assembly with a cache, empty tables, room, and a kernel that is not there. Prints a row for each of 100, 1,000,
5,000 and 10,000 jobs: memory of their own of the server and its child (anonymous pages, in kB), open files,
threads, children, and hidden or temporary files that are left. What does not grow is the same in all rows but the
first.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import astuple, dataclass
from itertools import cycle, islice
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from bench import environment

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["Held", "measured"]

LOOKS = (100, 1_000, 5_000, 10_000)
MISSING = "nowhere"
JOBS: tuple[tuple[str, ...], ...] = (
    ("KERNEL", "-o", "x.o", "--system-map", "x.map", "-q"),
    ("KERNEL", "-o", "x.S", "--cache", "cache", "-q"),
    ("KERNEL", "--empty", "-o", "empty.o", "-q"),
    (MISSING, "-o", "x.o", "-q"),
    ("KERNEL", "-o", "cached.o", "--cache", "cache", "-q"),
    ("reserve", "KERNEL", "-o", "room.o", "-q"),
)


@dataclass(frozen=True, slots=True)
class Held:
    """What a server holds after some jobs; memory in kB."""

    jobs: int
    server: int
    child: int
    files: int
    child_files: int
    threads: int
    children: int
    leftovers: int


def measured(kernel: Path, folder: Path, looks: Sequence[int]) -> Iterator[Held]:
    """Have a server do jobs in a folder, and yield what is held at each look."""
    (folder / "tmp").mkdir()
    done = 0
    with served(folder) as (server, requests, answers):
        for words in islice(cycle(JOBS), max(looks)):
            job = [str(kernel.resolve()) if word == "KERNEL" else word for word in words]
            requests.write("".join(f"{word}\n" for word in (*job, "")).encode())
            code = int(answers.readline())
            if code != (4 if MISSING in job else 0):
                raise RuntimeError(f"job {done + 1:,} ({' '.join(job)}) ended with {code}")
            done += 1
            if done in looks:
                yield held(server, done, folder)


@contextmanager
def served(folder: Path) -> Iterator[tuple[int, BinaryIO, BinaryIO]]:
    """Run a server in a folder; give its process id and the pipes to it and from it."""
    (asked, ask), (answered, answer) = os.pipe(), os.pipe()
    process = subprocess.Popen(
        [sys.executable, "-m", "elfsyms", "kbuild", "serve", str(os.getpid()), str(asked), str(answer)],
        cwd=folder,
        env=environment() | {"TMPDIR": str(folder / "tmp"), "ELFSYMS_TEMPLATES": ""},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        pass_fds=(asked, answer),
    )
    os.close(asked)
    os.close(answer)
    with process, os.fdopen(answered, "rb") as answers, os.fdopen(ask, "wb", buffering=0) as requests:
        yield process.pid, requests, answers


def held(server: int, jobs: int, folder: Path) -> Held:
    """Look at a server between two jobs, once it waits for the next."""
    time.sleep(1)  # it collects what is garbage before it waits
    children = [int(word) for word in proc(server, f"task/{server}/children").split()]
    return Held(
        jobs,
        own_memory(server),
        sum(map(own_memory, children)),
        open_files(server),
        sum(map(open_files, children)),
        sum(len(list(Path(f"/proc/{process}/task").iterdir())) for process in (server, *children)),
        len(children),
        sum(path.name.startswith(".") or path.parent.name == "tmp" for path in folder.rglob("*")),
    )


def proc(process: int, name: str) -> str:
    """Return what the system tells of a process."""
    return Path(f"/proc/{process}/{name}").read_text(encoding="utf-8")


def own_memory(process: int) -> int:
    """Return the kB of a process that are backed by no file."""
    found = re.search(r"^RssAnon:\s+(\d+) kB", proc(process, "status"), re.MULTILINE)
    return int(found[1]) if found else 0


def open_files(process: int) -> int:
    """Return how many files a process has open."""
    return len(list(Path(f"/proc/{process}/fd").iterdir()))


def main() -> None:
    """Measure what the command line names."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("vmlinux", type=Path)
    parser.add_argument("--jobs", type=int, default=LOOKS[-1])
    wanted = parser.parse_args()
    looks = [look for look in LOOKS if look < wanted.jobs] + [wanted.jobs]
    print("| jobs | server kB | child kB | files | child's files | threads | children | leftovers |")
    print("|---|---|---|---|---|---|---|---|", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        for row in measured(wanted.vmlinux, Path(folder), looks):
            print(f"| {' | '.join(f'{value:,}' for value in astuple(row))} |", flush=True)


if __name__ == "__main__":
    main()
