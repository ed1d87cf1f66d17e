# SPDX-License-Identifier: GPL-2.0-or-later
"""Make an object in a process of its own, which is ready by the time its layout is.

Importing LIEF takes half a second of CPU, as long as computing the tables does. So the main job forks before it
does anything else: a child (``object_child.py``) imports LIEF on another core, waits for a layout, and sends back
the object's bytes. The pipeline itself knows nothing of it, and the bytes are those of
:func:`elfsyms.writers.object.write_object`. Where templates may spare LIEF altogether (``templates.py``), the child
waits until it is told that they do not. A process that does many jobs keeps one child for all of them
(:func:`keep_worker`).

Fork early: a process with threads (numpy starts some) must not be forked. The one that does many jobs has none left
between them, since numpy is told to start none (``__main__.py``). Where there is one core only, or no
``fork``, the object is made in place.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

from elfsyms.writers.object_child import DeathError, ObjectWorker

if TYPE_CHECKING:
    from elfsyms.pipeline.cache import PassCache
    from elfsyms.pipeline.layout import Layout
    from elfsyms.writers.readback import ObjectPlan

__all__ = ["ObjectMaker", "has_templates", "keep_worker", "leave_nobody"]


class _Kept:
    """The child that does for all jobs, where this process does many."""

    worker: ObjectWorker | None = None


def keep_worker(*, preload: bool) -> None:
    """Keep one child for all objects from now on; ``preload`` has it import LIEF at once."""
    _Kept.worker = _new_worker()
    if _Kept.worker and preload:
        _Kept.worker.preload()


def leave_nobody() -> None:
    """End all children, and wait until they are gone: each holds this process's folder, and so a file system."""
    worker, _Kept.worker = _Kept.worker, None
    if worker:
        worker.kill()
    ObjectWorker.wait_for_killed()


class ObjectMaker:
    """One object, made elsewhere. Start it early; :meth:`order` and :meth:`fetch` once, or :meth:`close`."""

    def __init__(self, *, wait: bool = False) -> None:
        """Start a child, if it pays.

        ``wait`` leaves LIEF alone until :meth:`order` finds that it is needed; so do templates of earlier builds.
        """
        self._worker = _kept_worker() or _new_worker()
        self._image: bytes | bytearray | None = None
        self._plan: ObjectPlan | None = None
        if self._worker and not wait and not has_templates():
            self._worker.preload()

    def order(self, layout: Layout, cache: PassCache | None = None) -> None:
        """Hand over the layout; the object is made meanwhile, or at once where there is a template for it."""
        from elfsyms.writers.object import plan_object  # noqa: PLC0415 (numpy; not before the fork)
        from elfsyms.writers.readback import without_contents  # noqa: PLC0415 (as above)
        from elfsyms.writers.templates import object_from_template  # noqa: PLC0415 (as above)

        self._stores = _stores(cache)
        if self._stores:
            plan = plan_object(layout)
            made = (object_from_template(plan, store) for store in self._stores)
            self._image = next((image for image in made if image is not None), None)
            self._plan = without_contents(plan)
        if self._image is not None:
            self.close()
            return
        if self._worker:
            self._worker.send(layout)
        # A worker of this job's own has it now; a kept one may have died, and then it is sent again.
        if self._worker in (None, _Kept.worker):
            self._layout = layout

    def fetch(self) -> bytes | bytearray:
        """Return the object of the layout that was handed over; raises what ``write_object`` raises."""
        if self._image is None:
            self._image = self._composed()
            if self._plan is not None:
                from elfsyms.writers.templates import keep_template  # noqa: PLC0415 (as above)

                for store in self._stores:
                    keep_template(self._plan, self._image, store)
        return self._image

    def _composed(self) -> bytes:
        """Take the object from the child, or make it here. A kept one that died gets a second chance as another."""
        was_kept = self._worker is not None and self._worker is _Kept.worker
        try:
            return self._received()
        except DeathError:
            if not was_kept:
                raise
        self._worker = _Kept.worker
        if self._worker:
            self._worker.send(self._layout)
        return self._received()

    def _received(self) -> bytes:
        if self._worker is None:
            from elfsyms.writers.object import write_object  # noqa: PLC0415 (LIEF takes half a second)

            return write_object(self._layout)
        try:
            return self._worker.receive()
        finally:
            self.close()

    def close(self) -> None:
        """Let the child go: end it, unless it is kept and has nothing left to say."""
        worker, self._worker = self._worker, None
        is_kept = worker is _Kept.worker
        if worker is None or (is_kept and not worker.is_busy):
            return
        worker.kill()
        if is_kept:
            _Kept.worker = _new_worker()


def has_templates() -> bool:
    """Tell whether builds before this one kept templates, so that LIEF is probably not needed."""
    from elfsyms.pipeline.cache import has_entries  # noqa: PLC0415 (as above)
    from elfsyms.writers.user_folder import template_folder  # noqa: PLC0415 (as above)

    folder = template_folder()
    return folder is not None and has_entries(folder)


def _stores(cache: PassCache | None) -> list[PassCache]:
    """Return where templates are looked for, and kept: the build's own cache, and the user's folder."""
    from elfsyms.pipeline.cache import PassCache  # noqa: PLC0415 (as above)
    from elfsyms.writers.user_folder import template_folder  # noqa: PLC0415 (as above)

    folder = template_folder()
    return [*([cache] if cache else []), *([PassCache(folder)] if folder else [])]


def _new_worker() -> ObjectWorker | None:
    """Start a child, where it pays and there is room for one."""
    if not hasattr(os, "fork") or len(os.sched_getaffinity(0)) < 2:
        return None
    with suppress(OSError):
        return ObjectWorker()
    return None


def _kept_worker() -> ObjectWorker | None:
    """Return the child that is kept; another one where it died, as it may when memory is short."""
    if _Kept.worker and not _Kept.worker.is_alive():
        _Kept.worker = _new_worker()
    return _Kept.worker
