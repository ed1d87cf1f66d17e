# SPDX-License-Identifier: GPL-2.0-or-later
"""The file that a command works on where none is named: the running kernel's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from elfsyms.cli.streams import say

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["kernel_file"]


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
