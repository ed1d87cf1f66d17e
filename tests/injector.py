# SPDX-License-Identifier: GPL-2.0-or-later
"""System calls that fail: ``calls`` tells which calls of a line change files, ``inject`` has one of them fail.

The line is done in a child of this process (``allcommands.run``), where all is loaded, so that thousands of faults
take minutes. The child starts strace for itself, and calls ``getppid`` until that is seen in strace's log: from
then on calls are counted, always the same ones. On one core it makes objects itself, and has no other process.
"""

from __future__ import annotations

import ctypes
import importlib
import os
import re
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, NoReturn

import pytest
from allcommands import run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from allcommands import Done, Row

__all__ = ["Call", "calls", "inject", "quick_errors", "thorough_errors"]

# Calls that change something by a handle, and those that do by name.
BY_HANDLE = (
    *("write", "pwrite64", "writev", "pwritev", "pwritev2", "sendfile", "copy_file_range", "splice"),
    *("ftruncate", "fallocate", "fchmod", "fchown", "fsync", "fdatasync", "flock", "close"),
)
BY_NAME = (
    *("rename", "renameat", "renameat2", "link", "linkat", "symlink", "symlinkat", "unlink", "unlinkat"),
    *("mkdir", "mkdirat", "rmdir", "truncate", "chmod", "fchmodat", "utimensat", "mknod", "mknodat"),
    *("open", "openat", "creat"),
)
MARK = "getppid"
UNTRACED = 77  # exit code of a child that nobody traces
TRACED = ",".join(f"?{name}" for name in (*BY_HANDLE, *BY_NAME, MARK))
_OPENS = re.compile("O_CREAT|O_RDWR|O_WRONLY")
_CALL = re.compile(r"^(\d+) +(\w+)\((.*)", re.MULTILINE)
_PR_SET_PTRACER = 0x59616D61


@dataclass(frozen=True, slots=True)
class Call:
    """A system call, and the how manieth of that name it is in its thread, from 1."""

    name: str
    which: int
    words: str  # its arguments as strace shows them


def calls(row: Row, folder: Path) -> list[Call]:
    """Do a line, and return each of its calls that changes a file of the folder, or prints."""
    log = folder.parent / "strace.log"
    if _traced(row, folder, log).code == UNTRACED:
        pytest.skip("strace may not trace processes here")
    return list(_changing(log.read_text(encoding="utf-8", errors="replace"), str(folder.parent)))


def inject(
    row: Row, folder: Path, call: Call, error: str, *, on: bool = False
) -> tuple[Done, list[Call] | None]:
    """Do a line with one call failing, and with all later ones of that name if it is to go ``on``.

    Returns how it ended, and, where that was no call that changes files after all, as something else was counted
    this time, the calls that are.
    """
    log = folder.parent / "inject.log"
    fault = f"inject={call.name}:error={error}:when={call.which}{'+' if on else ''}"
    done = _traced(row, folder, log, "-e", fault)
    changing = list(_changing(log.read_text(encoding="utf-8", errors="replace"), str(folder.parent)))
    hit = any(one.words.endswith("(INJECTED)") for one in changing)
    return done, None if hit else changing


def quick_errors(call: Call) -> tuple[str, ...]:
    """Return one error for a call: each in its turn."""
    return (("ENOSPC", "EIO", "EDQUOT")[call.which % 3],)


def thorough_errors(call: Call) -> tuple[str, ...]:
    """Return all errors that a call may end with, and that are worth a trial."""
    some = ("ENOSPC", "EIO", "EDQUOT")
    return (*some, "EACCES", "EROFS", "EPERM") if call.name in BY_NAME else some


def _changing(log: str, folder: str) -> Iterator[Call]:
    """Yield the calls that change files of a folder, or print, from a log, which shows handles with their paths."""
    seen: dict[tuple[str, str], int] = {}
    written: set[str] = set()  # handles that were opened to write
    for thread, name, words in _CALL.findall(log):
        which = seen[thread, name] = seen.get((thread, name), 0) + 1
        number, _, path = words.partition(">")[0].partition("<")
        if name in {"open", "openat", "creat"}:
            changes = bool(_OPENS.search(words)) and folder in words
            if changes and (opened := re.search(r"= (\d+)<", words)):
                written.add(opened[1])
        elif name == "close":
            changes = folder in path and (number in written or ".elfsyms-" in path)
            written.discard(number)
        elif name in BY_HANDLE:
            changes = folder in path or number in {"1", "2"}
        else:
            changes = name in BY_NAME
        if changes:
            yield Call(name, which, words)


def _traced(row: Row, folder: Path, log: Path, *options: str) -> Done:
    """Do a line under strace, and wait for that to end."""
    log.unlink(missing_ok=True)
    ended, lives = os.pipe()
    try:
        done = run(row, folder, before=partial(_be_traced, log, lives, options))
    finally:
        os.close(lives)
        while os.read(ended, 1):
            pass
        os.close(ended)
    return done


def _be_traced(log: Path, lives: int, options: tuple[str, ...]) -> None:
    """Have strace trace this process from now on; strace holds ``lives`` open until it has written all."""
    importlib.invalidate_caches()  # folders of modules are read again, whether or not one changed meanwhile
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    ctypes.CDLL(None).prctl(_PR_SET_PTRACER, ctypes.c_ulong(-1), 0, 0, 0)  # where only parents may
    seen, tell = os.pipe()
    os.set_blocking(seen, False)
    log.touch()
    if os.fork() == 0:
        os.close(lives)
        _watch(log, tell)
    subprocess.Popen(
        ["strace", "-f", "-y", "-o", str(log), "-e", f"trace={TRACED}", *options, "-p", str(os.getpid())],
        pass_fds=(lives,),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(lives)
    while True:  # no call in here is one of those that are counted
        os.getppid()
        with suppress(BlockingIOError):
            if os.read(seen, 1):
                return
            os._exit(UNTRACED)


def _watch(log: Path, tell: int) -> NoReturn:
    """Be a process that waits until strace has seen the mark."""
    for _ in range(20_000):
        if MARK in log.read_text(encoding="utf-8", errors="replace"):
            os.write(tell, b"!")
            break
        time.sleep(0.001)
    os._exit(0)
