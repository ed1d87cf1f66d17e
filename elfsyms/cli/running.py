# SPDX-License-Identifier: GPL-2.0-or-later
"""The file that a command works on where none is named: the running kernel's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from elfsyms.cli.streams import say
from elfsyms.errors import NotThereError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["file_or_running", "kernel_file"]


def file_or_running(first: Path | None, rest: list[str]) -> tuple[Path, list[str]]:
    """Return file and words of a command line whose first word may be no file: then the running kernel is meant.

    A word with a slash is always a file, and so is vmlinux; ``-`` with other words behind it is a kernel on
    standard input. Raises what :func:`kernel_file` does.
    """
    if first is None:
        return kernel_file(None), rest
    if (str(first) == "-" and rest) or first.exists() or "/" in str(first) or str(first).startswith("vmlinu"):
        return first, rest
    try:
        return kernel_file(None), [str(first), *rest]
    except NotThereError as error:
        raise NotThereError(f"{first} is no file, so that the running kernel is asked; {error}") from None


def kernel_file(given: Path | None) -> Path:
    """Return the file that was named, or the running kernel's, which is said.

    Raises :class:`elfsyms.errors.NotThereError` where the running kernel's cannot be found.
    """
    if given is not None:
        return given
    from elfsyms.detect.running import find_running  # noqa: PLC0415 (not where a file is named)

    running = find_running()
    for remark in running.remarks:
        say(f"elfsyms: warning: {remark}")
    say(f"elfsyms: {running.path}, the running kernel")
    return running.path
