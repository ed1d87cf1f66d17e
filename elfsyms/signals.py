# SPDX-License-Identifier: GPL-2.0-or-later
"""Signals that end a program: noted, held back while files are half changed, and told where files must be removed.

Ctrl-C is an exception in Python, so what is to be removed is; but who made another exception of it knows nothing of
the signal (:func:`interrupts_noted`). SIGTERM and SIGHUP, which batch systems, ``timeout``
and terminals that go away send, end a process at once, as they should: but not between the file that it made and
what removes it (:func:`signals_unwind`). Nothing can be done about ``kill -9``.
"""

from __future__ import annotations

import signal
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

__all__ = ["interrupts_noted", "signals_held", "signals_unwind"]

_HELD = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
_UNWOUND = (signal.SIGTERM, signal.SIGHUP)


@contextmanager
def interrupts_noted(came: list[int]) -> Iterator[None]:
    """Raise Ctrl-C as Python does, and note it in a list, for what is raised may not be what arrives.

    Imports in C make an ImportError of it without a cause (numpy's), Python 3.11 a RuntimeError while a class is
    made; a callback has nobody to raise it to, and would print it. Where somebody handles or ignores the signal, or
    this is not the main thread, it stays as it is.
    """
    before, told = signal.getsignal(signal.SIGINT), sys.unraisablehook

    def note(number: int, frame: FrameType | None) -> None:
        came.append(number)
        signal.default_int_handler(number, frame)

    def tell(what: sys.UnraisableHookArgs) -> None:
        if not issubclass(what.exc_type, KeyboardInterrupt):
            told(what)

    try:
        if before is signal.default_int_handler:
            signal.signal(signal.SIGINT, note)
            sys.unraisablehook = tell
    except ValueError:  # not the main thread
        pass
    try:
        yield
    finally:
        sys.unraisablehook = told
        if signal.getsignal(signal.SIGINT) is note:
            signal.signal(signal.SIGINT, before)


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
