# SPDX-License-Identifier: GPL-2.0-or-later
"""Outputs to files, all or nothing.

A file is written beside its destination and renamed over it, so that a build that is interrupted, or a disk that
is full, leaves what was there before. ``-`` is standard output.
"""

from __future__ import annotations

import os
import stat
import sys
import tempfile
from pathlib import Path

from elfsyms.errors import OutputError

__all__ = ["write_output"]


def write_output(path: str | Path, data: bytes | bytearray | memoryview) -> None:
    """Write ``data`` to a file, atomically, or to standard output for ``-``.

    Raises :class:`OutputError` when it cannot; an existing file is left as it was. A device or pipe is written
    to as it is. A closed standard output raises :class:`BrokenPipeError`, which the command line takes quietly.
    """
    if str(path) == "-":
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
        return
    path = Path(path)
    try:
        if _is_special(path):
            path.write_bytes(data)
        else:
            _replace(path.resolve(), data)
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror}; what was there is as it was") from error


def _is_special(path: Path) -> bool:
    try:
        return not stat.S_ISREG(path.stat().st_mode)
    except FileNotFoundError:
        return False


def _replace(path: Path, data: bytes | bytearray | memoryview) -> None:
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
        Path(name).chmod(_mode(path))
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _mode(path: Path) -> int:
    """Return the permissions of the file that is replaced, or those of a new one."""
    try:
        return stat.S_IMODE(path.stat().st_mode)
    except FileNotFoundError:
        mask = os.umask(0)
        os.umask(mask)
        return 0o666 & ~mask
