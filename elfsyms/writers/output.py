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
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from elfsyms.errors import OutputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["write_output", "write_outputs"]

Data: TypeAlias = bytes | bytearray | memoryview


def write_output(path: str | Path, data: Data) -> None:
    """Write ``data`` to one output; see :func:`write_outputs`."""
    write_outputs([(path, data)])


def write_outputs(outputs: Sequence[tuple[str | Path, Data]]) -> None:
    """Write several files atomically, all of them or none; ``-`` is standard output.

    Raises :class:`OutputError` when one cannot be written; existing files are left as they were. A device
    or pipe is written to as it is. A reader that went away raises :class:`BrokenPipeError`, which the command
    line takes quietly.
    """
    staged: list[tuple[Path, Path]] = []
    try:
        for path, data in outputs:
            if _is_direct(path):
                _write_direct(path, data)
            else:
                staged.append(_stage(Path(path), data))
        while staged:
            _rename(*staged[0])
            del staged[0]
    finally:
        for temporary, _ in staged:
            temporary.unlink(missing_ok=True)


def _is_direct(path: str | Path) -> bool:
    """Tell whether an output is written to as it is, because it cannot be replaced."""
    if str(path) == "-":
        return True
    with _named(path):
        try:
            return not stat.S_ISREG(Path(path).stat().st_mode)
        except FileNotFoundError:
            return False


def _write_direct(path: str | Path, data: Data) -> None:
    if str(path) != "-":
        with _named(path):
            Path(path).write_bytes(data)
        return
    if sys.stdout is None:
        raise OutputError("cannot write to standard output: it is closed; give -o a file")
    try:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise OutputError(f"cannot write to standard output: {error.strerror}") from error


def _stage(path: Path, data: Data) -> tuple[Path, Path]:
    """Write data to a temporary file beside its destination; return both."""
    with _named(path):
        path = path.resolve()  # what a link stands for is replaced, not the link
        handle, name = tempfile.mkstemp(prefix=f".{path.name[:40]}.", dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as stream:
                stream.write(data)
            Path(name).chmod(_mode(path))
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    return Path(name), path


def _rename(temporary: Path, path: Path) -> None:
    with _named(path):
        temporary.replace(path)


@contextmanager
def _named(path: str | Path) -> Iterator[None]:
    """Turn the system's errors into one that names the output."""
    try:
        yield
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror}; what was there is as it was") from error


def _mode(path: Path) -> int:
    """Return the permissions of the file that is replaced, or those of a new one."""
    try:
        return stat.S_IMODE(path.stat().st_mode)
    except FileNotFoundError:
        mask = os.umask(0)
        os.umask(mask)
        return 0o666 & ~mask
