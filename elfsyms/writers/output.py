# SPDX-License-Identifier: GPL-2.0-or-later
"""Outputs to files, all of a run or none.

A file is written beside its destination and renamed over it (``staging.py``), so that a build that is interrupted,
or a disk that is full, leaves what was there before. Everything that can fail is done before the first rename.
``-`` is standard output. It, a device and a pipe cannot be taken back: they are written to when all files are
ready, before any of these is renamed.
"""

from __future__ import annotations

import errno
import os
import stat
import sys
from itertools import compress
from pathlib import Path
from typing import TYPE_CHECKING

from elfsyms.errors import OutputError, UsageError
from elfsyms.signals import signals_unwind
from elfsyms.staging import Data, Staged, commit, named, real_path, stage

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["check_different", "real_path", "write_output", "write_outputs"]


def check_different(files: Mapping[str, str | Path | None]) -> None:
    """Raise :class:`UsageError` where two files of a command are one, or two go to standard output.

    ``files`` are what its arguments are called, with what was given; None is none. Those that begin with ``-`` are
    outputs, the others inputs. Devices and pipes may be shared.
    """
    given = [str(path) for path in files.values() if path]
    real = [real_path(path) for path in given if path != "-"]
    regular = [path for path in real if os.path.isfile(path) or not os.path.exists(path)]  # noqa: PTH110, PTH113
    if len(set(regular)) < len(regular):
        *first, last = files
        raise UsageError(
            f"{', '.join(first)} and {last} must be different files: one would overwrite another"
        )
    if [str(path) for name, path in files.items() if name.startswith("-")].count("-") > 1:
        raise UsageError("only one thing can go to standard output: give the others a file")


def write_output(path: str | Path, data: Data) -> None:
    """Write ``data`` to one output; see :func:`write_outputs`."""
    write_outputs([(path, data)])


def write_outputs(outputs: Sequence[tuple[str | Path, Data]]) -> None:
    """Write several files, all of them or none; ``-`` is standard output.

    Files are renamed in the order given: should the process be killed between two renames, the last one tells
    by being new that all are. Raises :class:`OutputError` when one cannot be written, whose sentence tells what
    is so then; existing files are left as they were. A reader of standard output that went away has all that it
    wanted: the files are written, and then :class:`BrokenPipeError` is raised, which the command line takes
    quietly.
    """
    with signals_unwind():
        reader_left = _write_all(outputs)
    if reader_left:
        raise reader_left


def _write_all(outputs: Sequence[tuple[str | Path, Data]]) -> BrokenPipeError | None:
    """Write all files or none; return whether the reader of standard output went away."""
    staged: list[Staged] = []
    reader_left: BrokenPipeError | None = None
    try:
        kinds = [_is_direct(path) for path, _ in outputs]
        for path, data in compress(outputs, (not direct for direct in kinds)):
            staged.append(stage(path, data))
        for path, data in compress(outputs, kinds):
            try:
                _write_direct(path, data)
            except BrokenPipeError as error:
                reader_left = error
        if staged:
            commit(staged)
    finally:
        for file in staged:
            file.discard()
    return reader_left


def _is_direct(path: str | Path) -> bool:
    """Tell whether an output is written to as it is, because it cannot be replaced."""
    if str(path) == "-":
        return True
    with named(path, "what was there is as it was"):
        try:
            return not stat.S_ISREG(Path(path).stat().st_mode)
        except FileNotFoundError:
            return False


def _write_direct(path: str | Path, data: Data) -> None:
    if str(path) != "-":
        with named(path, "no file was changed"):
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
        if error.errno == errno.ENOMEM:
            raise MemoryError from error
        raise OutputError(f"cannot write to standard output: {error.strerror}") from error
