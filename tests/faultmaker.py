# SPDX-License-Identifier: GPL-2.0-or-later
"""Faults: system calls that fail, and processes killed at any moment.

``inject`` has strace fail one call of a command; ``writing_calls`` tells which calls there are. ``killed`` forks a
process that has everything loaded, and kills it some time after it began to write, so that a thousand kills take
seconds, and next to none of them come before there is something to lose, or after.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from command import environment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

__all__ = ["ROOT", "command", "inject", "killed", "writing_calls", "writing_time"]

ROOT = Path(__file__).parents[1]
# Calls that change files; of those that open files only some do.
WRITING = ("write", "fchmod", "rename", "link", "linkat", "unlink", "flock", "mkdir", "pwrite64")
ON_ONE_CORE = """
import os
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
from elfsyms.__main__ import main
main()
"""
_CALL = re.compile(r"^\d+ +(\w+)\((.*)", re.MULTILINE)


def command(arguments: Sequence[str]) -> list[str]:
    """Return a command line of elfsyms on one core, so that it is one process."""
    return [sys.executable, "-P", "-c", ON_ONE_CORE, *arguments]


def strace(
    folder: Path, options: Sequence[str], arguments: Sequence[str]
) -> subprocess.CompletedProcess[str]:
    """Run elfsyms under strace in a folder."""
    log = folder.parent / "strace.log"
    return subprocess.run(
        ["strace", "-f", "-o", str(log), *options, *command(arguments)],
        cwd=folder,
        env=environment(PYTHONPATH=str(ROOT), PYTHONDONTWRITEBYTECODE="1"),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def writing_calls(folder: Path, arguments: Sequence[str]) -> Iterator[tuple[str, int]]:
    """Yield each call of a run that changes files: its name, and the how manieth of that name it is."""
    names = ",".join((*WRITING, "openat"))
    strace(folder, ["-e", f"trace=?{names.replace(',', ',?')}"], arguments)
    seen: dict[str, int] = {}
    for name, words in _CALL.findall(
        (folder.parent / "strace.log").read_text(encoding="utf-8", errors="replace")
    ):
        seen[name] = seen.get(name, 0) + 1
        if name != "openat" or "O_CREAT" in words or str(folder) in words:
            yield name, seen[name]


def inject(
    folder: Path, arguments: Sequence[str], name: str, which: int, error: str
) -> subprocess.CompletedProcess[str]:
    """Run elfsyms with one call failing."""
    return strace(
        folder, ["-e", f"trace={name}", "-e", f"inject={name}:error={error}:when={which}"], arguments
    )


WRITES = {"os.mkdir", "os.rename", "os.remove", "os.link", "os.truncate", "os.chmod"}  # audit events


def at_first_write(act: Callable[[], object]) -> None:
    """Do something once, when this process is about to change its first file."""
    waiting = [act]

    def heard(event: str, arguments: tuple[object, ...]) -> None:
        opens = event == "open" and isinstance(flags := arguments[2], int) and flags & os.O_CREAT
        if waiting and (opens or event in WRITES):
            waiting.pop()()

    sys.addaudithook(heard)


def in_child(work: Callable[[], object]) -> int:
    """Do work in a process of its own, which has everything loaded; return how it ended, as ``waitpid`` tells."""
    process = os.fork()
    if process == 0:
        try:
            work()
        finally:
            os._exit(0)
    return os.waitpid(process, 0)[1]


def writing_time(work: Callable[[], object], prepare: Callable[[], object]) -> float:
    """Return how many seconds work takes from its first change of a file on: the median of some runs.

    ``prepare`` sees to it that each has something to do.
    """
    times = []
    for _ in range(9):
        prepare()
        answer, ask = os.pipe()

        def timed(ask: int = ask) -> None:
            begin: list[float] = []
            at_first_write(lambda: begin.append(time.perf_counter()))
            work()
            os.write(ask, str(time.perf_counter() - begin[0]).encode())

        in_child(timed)
        times.append(float(os.read(answer, 100)))
        os.close(answer)
        os.close(ask)
    return sorted(times)[len(times) // 2]


def killed(work: Callable[[], object], seconds: float) -> bool:
    """Do work in a process of its own that dies so long after it changed its first file; tell whether it did.

    SIGALRM, which nobody handles, ends it where it stands, as SIGKILL does, and comes to the microsecond.
    """

    def doomed() -> None:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        at_first_write(lambda: signal.setitimer(signal.ITIMER_REAL, max(seconds, 1e-6)))
        work()

    return in_child(doomed) == signal.SIGALRM
