# SPDX-License-Identifier: GPL-2.0-or-later
"""A line on the terminal for what takes more than a second: which command, for how long, at which step.

It stands on standard error, and only where that is a terminal; it is taken away before anything else is printed,
and when the command ends, so that nothing of it is left on the screen. A thread of its own draws it: the work
knows nothing of it but the step that it may tell (:func:`step`).
"""

from __future__ import annotations

import os
import sys
import time
from contextlib import contextmanager, suppress
from threading import Event, Lock, Thread
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["hide", "progress", "step"]

_PATIENCE = 1.0  # seconds before the first line
_BEAT = 0.5  # seconds between two
_CLEAR = "\r\x1b[K"


class _Line:
    """The one line of the process: what it says, and whether it is on the screen."""

    def __init__(self, command: str) -> None:
        self.command, self.step, self.shown = command, "", False
        self.start = time.monotonic()
        self.lock, self.over = Lock(), Event()

    def run(self) -> None:
        """Draw, until it is over."""
        pause = _PATIENCE
        while not self.over.wait(pause):
            pause = _BEAT
            with self.lock:
                self.draw()

    def draw(self) -> None:
        text = f"{self.command}: {int(time.monotonic() - self.start)} s{self.step and ', '}{self.step}"
        self.write(_CLEAR + text[: _width() - 1])
        self.shown = True

    def hide(self) -> None:
        with self.lock:
            if self.shown:
                self.write(_CLEAR)
                self.shown = False

    def write(self, text: str) -> None:
        with suppress(OSError, ValueError):  # nobody looks any more
            sys.stderr.write(text)
            sys.stderr.flush()


_lines: list[_Line] = []  # one, or none


@contextmanager
def progress(command: str) -> Iterator[None]:
    """Show that a command is at work, from its second second on, where somebody looks."""
    if _lines or not sys.stderr.isatty() or os.environ.get("TERM") == "dumb":
        yield
        return
    line = _Line(command)
    _lines.append(line)
    drawing = Thread(target=line.run, daemon=True)
    drawing.start()
    try:
        yield
    finally:
        line.over.set()
        drawing.join()
        line.hide()
        _lines.clear()


def step(text: str) -> None:
    """Say what is done now; shown only if the command takes long."""
    for line in _lines:
        line.step = text


def hide() -> None:
    """Take the line off the screen, before something else is printed there."""
    for line in _lines:
        line.hide()


def _width() -> int:
    with suppress(OSError):
        return os.get_terminal_size(sys.stderr.fileno()).columns or 80  # a terminal may not say
    return 80
