# SPDX-License-Identifier: GPL-2.0-or-later
"""Signals that end a program: held back while files are half changed, and told in time where files must be removed.

Ctrl-C is an exception in Python, so what is to be removed is. SIGTERM and SIGHUP, which batch systems, ``timeout``
and terminals that go away send, end a process at once, as they should: but not between the file that it made and
what removes it (:func:`signals_unwind`). Nothing can be done about ``kill -9``.
"""

from __future__ import annotations

import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["signals_held", "signals_unwind"]

_HELD = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
_UNWOUND = (signal.SIGTERM, signal.SIGHUP)


@contextmanager
def signals_held() -> Iterator[None]:
    """Hold back the signals that end a program; they come when it is over.

    A mask would keep them from this thread alone, and numpy's libraries start others. Where this is not the main
    thread, nothing interrupts it but what ends the process.
    """
    came: list[int] = []
    before = {number: signal.getsignal(number) for number in _HELD}
    held = {n: handler for n, handler in before.items() if handler not in (None, signal.SIG_IGN)}
    try:
        for number in held:
            signal.signal(number, lambda arrived, _: came.append(arrived))
    except ValueError:  # not the main thread
        held = {}
    try:
        yield
    finally:
        for number, handler in held.items():
            signal.signal(number, handler)
        for sent in came:
            signal.raise_signal(sent)


class _EndedError(BaseException):
    """A signal came that is to end the process."""


@contextmanager
def signals_unwind() -> Iterator[None]:
    """Have SIGTERM and SIGHUP do what ``finally`` says before they end the process.

    Where somebody handles or ignores one of them, or this is not the main thread, it stays as it is.
    """
    came: list[int] = []
    inside: list[bool] = []

    def unwind(number: int, _: object) -> None:
        came.append(number)
        if inside:
            raise _EndedError

    mine = [number for number in _UNWOUND if signal.getsignal(number) is signal.SIG_DFL]
    try:
        for number in mine:
            signal.signal(number, unwind)
    except ValueError:  # not the main thread
        mine = []
    try:
        inside.append(True)
        if came:
            raise _EndedError
        yield
    finally:
        inside.clear()
        for number in mine:
            signal.signal(number, signal.SIG_DFL)
        for sent in came:  # this is the end
            signal.raise_signal(sent)
