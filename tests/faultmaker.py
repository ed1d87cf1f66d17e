# SPDX-License-Identifier: GPL-2.0-or-later
"""Faults: system calls that fail, and processes killed at any moment.

``inject`` has strace fail one call of a command; ``writing_calls`` tells which calls there are. ``killed`` forks a
process that has everything loaded, and kills it after a time, so that a thousand kills take seconds.
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

__all__ = ["ROOT", "command", "inject", "killed", "writing_calls"]

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


def killed(work: Callable[[], object], seconds: float) -> bool:
    """Do work in a process of its own, and kill it after a time; tell whether it was still at it."""
    process = os.fork()
    if process == 0:
        try:
            work()
        finally:
            os._exit(0)
    time.sleep(seconds)
    os.kill(process, signal.SIGKILL)
    return os.waitpid(process, 0)[1] == signal.SIGKILL
