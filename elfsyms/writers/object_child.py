# SPDX-License-Identifier: GPL-2.0-or-later
"""The child that composes objects with LIEF: a process that is told of layouts, and answers with bytes.

Orders and answers go through two pipes: a byte that tells which, and what belongs to it. Who starts a child, and
when, is decided in ``object_worker.py``.
"""

from __future__ import annotations

import os
import pickle
import signal
from contextlib import suppress
from typing import TYPE_CHECKING, BinaryIO, ClassVar

from elfsyms.errors import ElfsymsError, ProgramError

if TYPE_CHECKING:
    from elfsyms.pipeline.layout import Layout

__all__ = ["DeathError", "ObjectWorker", "read_answer"]

PRELOAD, LAYOUT = b"!", b"L"  # what the child is told
DONE, FAILED = b"0", b"1"  # and what it answers


class DeathError(ProgramError):
    """The child died with an object half made."""


class ObjectWorker:
    """A child that makes one object after another; :meth:`kill` it, or let it end with this process."""

    _killed: ClassVar[set[int]] = set()  # process ids that nobody waited for yet

    def __init__(self) -> None:
        """Start it."""
        self.wait_for_killed()
        to_child, from_parent = os.pipe()
        to_parent, from_child = os.pipe()
        self._pid = os.fork()
        if self._pid == 0:
            os.close(from_parent)
            os.close(to_parent)
            _compose(os.fdopen(to_child, "rb"), os.fdopen(from_child, "wb"))
        os.close(to_child)
        os.close(from_child)
        self._to_child, self._to_parent = os.fdopen(from_parent, "wb"), os.fdopen(to_parent, "rb")
        self._preloaded = False
        self.is_busy = False

    def is_alive(self) -> bool:
        """Tell whether it is still there."""
        with suppress(ChildProcessError):
            return os.waitpid(self._pid, os.WNOHANG)[0] == 0
        return False

    def preload(self) -> None:
        """Have LIEF imported: it looks as if it were needed."""
        if not self._preloaded:
            self._preloaded = True
            with suppress(BrokenPipeError):  # it died; whoever wants an object will be told
                self._to_child.write(PRELOAD)
                self._to_child.flush()

    def send(self, layout: Layout) -> None:
        """Have an object made."""
        self._preloaded = self.is_busy = True
        with suppress(BrokenPipeError):  # it died; who wants the object will be told
            self._to_child.write(LAYOUT)
            pickle.dump(layout, self._to_child, protocol=5)  # not first in one piece, which is as large again
            self._to_child.flush()

    def receive(self) -> bytes:
        """Return the object; raises what :func:`elfsyms.writers.object.write_object` raises, or that it died."""
        answer = read_answer(self._to_parent)
        self.is_busy = False
        if isinstance(answer, Exception):
            raise answer
        return answer

    def kill(self) -> None:
        """End it, whatever it is doing."""
        if self.is_alive():
            # Which takes 10 ms: the next one waits for that, or who leaves.
            os.kill(self._pid, signal.SIGKILL)
            self._killed.add(self._pid)
        self._to_parent.close()
        with suppress(BrokenPipeError):  # it was dead, with something left to say to it
            self._to_child.close()

    @classmethod
    def wait_for_killed(cls) -> None:
        """Have the system forget the children that were killed, lest a process of many jobs collects them."""
        while cls._killed:
            with suppress(ChildProcessError):  # somebody else waited
                os.waitpid(cls._killed.pop(), 0)


def _send(stream: BinaryIO, data: bytes) -> None:
    stream.write(len(data).to_bytes(8, "little"))
    stream.write(data)
    stream.flush()


def _receive(stream: BinaryIO) -> bytes:
    """Return what :func:`_send` sent; :class:`EOFError` where its end does not come."""
    head = stream.read(8)
    size = int.from_bytes(head, "little")
    data = stream.read(size)
    if len(head) < 8 or len(data) < size:
        raise EOFError
    return data


def read_answer(stream: BinaryIO) -> bytes | Exception:
    """Read a child's answer: an object, or why there is none; :class:`DeathError` where it does not come whole."""
    outcome = stream.read(1)
    try:
        answer = _receive(stream)
    except EOFError:
        raise DeathError(
            "the process that composes the object died: is there memory enough? Try again with -o X.S"
        ) from None
    if outcome == DONE:
        return answer
    error: Exception = pickle.loads(answer)  # noqa: S301 (our own child's)
    return error


def _compose(orders: BinaryIO, objects: BinaryIO) -> None:
    """Be the child: make objects as long as there are orders, and leave at once."""
    try:
        while order := orders.read(1):
            from elfsyms.writers.object import preload, write_object  # noqa: PLC0415 (this is what takes the time)

            if order == PRELOAD:
                with suppress(Exception):  # whoever sends a layout will be told
                    preload()
                continue
            try:
                image = write_object(pickle.load(orders))  # noqa: S301 (our own parent's)
                objects.write(DONE)
                _send(objects, image)
            except Exception as error:  # noqa: BLE001 (the parent raises it)
                objects.write(FAILED)
                _send(objects, pickle.dumps(_as_told(error)))
    finally:
        os._exit(0)  # LIEF's teardown takes 0.1 s; the parent's buffers and handlers are not ours


def _as_told(error: Exception) -> ElfsymsError:
    """Return an error as one with a sentence: what else it has to tell, its traceback, goes through no pipe."""
    if isinstance(error, ElfsymsError):
        return error
    from elfsyms.failures import program_error  # noqa: PLC0415 (for what nobody thought of)

    return program_error(error)
