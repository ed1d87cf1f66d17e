# SPDX-License-Identifier: GPL-2.0-or-later
"""A function in a thread of its own, while the caller goes on.

numpy lets other threads run while it sorts and gathers, so that putting names in order during their compression
takes no time of its own where there is a second core. ``concurrent.futures`` would do the same, and takes 10 ms to
import.
"""

from __future__ import annotations

from threading import Thread
from typing import TYPE_CHECKING, Generic, ParamSpec, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Background"]

P = ParamSpec("P")
T = TypeVar("T")


class Background(Generic[T]):
    """A call that is under way; :meth:`result` waits for it and returns what it returned, or raises what it did."""

    def __init__(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> None:
        """Start the call."""
        self._found: list[T] = []
        self._error: BaseException | None = None

        def run() -> None:
            try:
                self._found.append(function(*args, **kwargs))
            except BaseException as error:  # noqa: BLE001 (result() raises it)
                self._error = error

        self._thread = Thread(target=run, daemon=True)
        self._thread.start()

    def result(self) -> T:
        """Return what the call returned."""
        self._thread.join()
        if self._error is not None:
            raise self._error
        return self._found[0]
