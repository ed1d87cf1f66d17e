# SPDX-License-Identifier: GPL-2.0-or-later
"""A call in a process of its own, while the caller goes on.

Thousands of small array steps in two threads wait for each other (``background.py`` is for few large ones); a
process that is forked has all that was made before, and shares nothing that it waits for. It sends back what the
call returns. It must read no file that was open before: two processes move one offset.

A process that has threads is not forked: one of them may hold what the child would wait for. There, on one core,
and where there is no ``fork``, the call is made when its result is asked for; and so it is where the child died,
or met an error, which is met here then.
"""

from __future__ import annotations

import os
import pickle
import signal
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Generic, NoReturn, Self, TypeVar

from elfsyms.signals import signals_held

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

__all__ = ["Forked", "forks_well", "leave_nobody"]

T = TypeVar("T")

_HEAD = 8  # bytes, the size of what follows
_PR_SET_PDEATHSIG = 1
_LIVING: set[int] = set()  # process ids of children that nobody waited for yet


def forks_well() -> bool:
    """Tell whether a child of this process would come to life whole, and have a core of its own."""
    with suppress(OSError, AttributeError):
        threads = list(Path("/proc/self/task").iterdir())
        return hasattr(os, "fork") and len(os.sched_getaffinity(0)) > 1 and len(threads) == 1
    return False


class Forked(Generic[T]):
    """A call that is under way: :meth:`result` has what it returns. Behind a ``with`` block no child is left."""

    def __init__(self, call: Callable[[], T]) -> None:
        """Start the call, where it pays; what it returns must be small, and can be pickled."""
        self._call = call
        self._child: tuple[int, int] | None = None  # its process id, and where its answer comes from
        if forks_well():
            with signals_held(), suppress(OSError):  # no room for a child
                self._child = _start(call)
                _LIVING.add(self._child[0])

    def __enter__(self) -> Self:
        """Return the call itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the child, whatever it is doing, and wait until it is gone."""
        child, self._child = self._child, None
        if child is not None:
            pid, answer = child
            os.close(answer)
            _end(pid)

    def result(self) -> T:
        """Return what the call returned, or raise what it raised."""
        answer = b"" if self._child is None else _read(self._child[1])
        head, data = answer[:_HEAD], answer[_HEAD:]
        if len(head) < _HEAD or len(data) < int.from_bytes(head, "little"):
            return self._call()
        found: T = pickle.loads(data)  # noqa: S301 (our own child's)
        return found


def leave_nobody() -> None:
    """End all children that an interrupt left, between their start and the block that ends them."""
    for pid in list(_LIVING):
        _end(pid)


def _end(pid: int) -> None:
    with suppress(ProcessLookupError, ChildProcessError):  # somebody else waited
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    _LIVING.discard(pid)


def _read(descriptor: int) -> bytes:
    with os.fdopen(os.dup(descriptor), "rb") as stream:
        return stream.read()


def _start(call: Callable[[], object]) -> tuple[int, int]:
    """Fork; return the child's process id, and the pipe from which its answer is to be read."""
    answer, to_parent = os.pipe()
    parent = os.getpid()
    try:
        pid = os.fork()
    except OSError:
        os.close(answer)
        os.close(to_parent)
        raise
    if pid == 0:
        _be_child(call, parent, to_parent)
    os.close(to_parent)
    return pid, answer


def _be_child(call: Callable[[], object], parent: int, to_parent: int) -> NoReturn:
    """Make the call, send what it returns, and leave at once: the parent's buffers and handlers are not ours."""
    try:
        _end_with(parent)
        data = pickle.dumps(call())
        with os.fdopen(to_parent, "wb") as stream:
            stream.write(len(data).to_bytes(_HEAD, "little") + data)
    finally:
        os._exit(0)


def _end_with(parent: int) -> None:
    """Have the system end this process with its parent, and hold neither a terminal nor a pipe of that."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
        signal.signal(number, signal.SIG_DFL)
    nothing = os.open(os.devnull, os.O_RDWR)
    for standard in range(3):
        os.dup2(nothing, standard)
    import ctypes  # noqa: PLC0415 (10 ms, which the child has)

    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # it died before the system was told
        os._exit(1)
