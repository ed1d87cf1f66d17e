# SPDX-License-Identifier: GPL-2.0-or-later
"""Make an object in a process of its own, which is ready by the time its layout is.

Importing LIEF takes half a second of CPU, as long as computing the tables does. So the main job forks before it
does anything else: the child imports LIEF on another core, waits for a layout, and sends back the object's bytes.
The pipeline itself knows nothing of it, and the bytes are those of :func:`elfsyms.writers.object.write_object`.
Where a pass cache may spare LIEF altogether, the child waits until it is told that it does not.

Fork early: a process with threads (numpy starts some) must not be forked. Where there is one core only, or no
``fork``, the object is made in place.
"""

from __future__ import annotations

import os
import pickle
import signal
from typing import TYPE_CHECKING, BinaryIO

from elfsyms.errors import EncodeError

if TYPE_CHECKING:
    from elfsyms.layout import Layout
    from elfsyms.passcache import PassCache
    from elfsyms.writers.readback import ObjectPlan

__all__ = ["ObjectMaker"]


class ObjectMaker:
    """A process that makes one object. Start it early; :meth:`order` and :meth:`fetch` once, or :meth:`close`."""

    def __init__(self, *, wait: bool = False) -> None:
        """Start the process, if it pays; ``wait`` leaves LIEF alone until :meth:`hurry` or :meth:`order`."""
        self._hurried = False
        self._pid = 0
        self._image: bytes | None = None
        self._plan: ObjectPlan | None = None
        if not hasattr(os, "fork") or len(os.sched_getaffinity(0)) < 2:
            return
        to_child, from_parent = os.pipe()
        to_parent, from_child = os.pipe()
        self._pid = os.fork()
        if self._pid == 0:
            os.close(from_parent)
            os.close(to_parent)
            _serve(os.fdopen(to_child, "rb"), os.fdopen(from_child, "wb"))
        os.close(to_child)
        os.close(from_child)
        self._to_child, self._to_parent = os.fdopen(from_parent, "wb"), os.fdopen(to_parent, "rb")
        if not wait:
            self.hurry()

    def hurry(self) -> None:
        """Have LIEF imported: it looks as if it were needed."""
        if self._pid and not self._hurried:
            self._to_child.write(b"!")
            self._to_child.flush()
            self._hurried = True

    def order(self, layout: Layout, cache: PassCache | None = None) -> None:
        """Hand over the layout; the object is made meanwhile, or at once where the cache has its frame."""
        self._layout, self._cache = layout, cache
        if cache is not None:
            from elfsyms.writers.frames import object_from_frame  # noqa: PLC0415 (numpy; not before the fork)
            from elfsyms.writers.object import plan_object  # noqa: PLC0415 (as above)

            self._plan = plan_object(layout)
            self._image = object_from_frame(self._plan, cache)
        if self._image is not None:
            self.close()
        elif self._pid:
            self.hurry()
            pickle.dump(layout, self._to_child, protocol=5)
            self._to_child.close()

    def fetch(self) -> bytes:
        """Return the object of the layout that was handed over; raises what ``write_object`` raises."""
        if self._image is None:
            self._image = self._composed()
            if self._cache is not None and self._plan is not None:
                from elfsyms.writers.frames import keep_frame  # noqa: PLC0415 (as above)

                keep_frame(self._plan, self._image, self._cache)
        return self._image

    def _composed(self) -> bytes:
        if not self._pid:
            from elfsyms.writers.object import write_object  # noqa: PLC0415 (LIEF takes half a second)

            return write_object(self._layout)
        try:
            failed = self._to_parent.read(1)
            answer = self._to_parent.read()
        finally:
            self.close()
        if failed == b"0":
            return answer
        if failed == b"1":
            error: Exception = pickle.loads(answer)  # noqa: S301 (our own child's)
            raise error
        raise EncodeError(
            "the process that composes the object died: is there memory enough? Try again with -o X.S"
        )

    def close(self) -> None:
        """End the process, whatever it is doing."""
        if self._pid:
            self._to_child.close()
            self._to_parent.close()
            os.kill(self._pid, signal.SIGKILL)
            os.waitpid(self._pid, os.WNOHANG)  # taking it down takes 10 ms, and nobody waits for that
            self._pid = 0


def _serve(layouts: BinaryIO, objects: BinaryIO) -> None:
    """Be the child: import LIEF, read a layout, answer with an object or an error, and leave at once."""
    try:
        from elfsyms.writers.object import preload, write_object  # noqa: PLC0415 (this is what takes the time)

        if not layouts.read(1):
            return
        preload()
        request = layouts.read()
        if request:
            try:
                image = write_object(pickle.loads(request))  # noqa: S301 (our own parent's)
                objects.write(b"0")
                objects.write(image)
            except Exception as error:  # noqa: BLE001 (the parent raises it)
                objects.write(b"1" + pickle.dumps(error))
            objects.flush()
    finally:
        os._exit(0)  # LIEF's teardown takes 0.1 s; the parent's buffers and handlers are not ours
