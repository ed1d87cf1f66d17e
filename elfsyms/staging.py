# SPDX-License-Identifier: GPL-2.0-or-later
"""New contents beside the file that they are to replace, and the step that puts them in its place.

A temporary file is named after its destination, ``.NAME.elfsyms-RANDOM``, and locked (``flock``) as long as its
writer lives. So whoever finds one that nobody holds knows that its writer is dead, and removes it: a run that was
killed leaves nothing for longer than until the next one. Where a file system knows no locks, nothing is removed.

Several files cannot change at one moment: :func:`commit` renames one after the other, with signals held back, and
sets the earlier ones back where a later one fails. Only ``kill -9``, or the power, can come between two renames.
"""

from __future__ import annotations

import fcntl
import os
import stat
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from elfsyms.errors import OutputError
from elfsyms.signals import signals_held, signals_unwind

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = [
    "Data",
    "Staged",
    "commit",
    "leave_nothing",
    "named",
    "real_path",
    "remove_leftovers",
    "replace_file",
    "stage",
]

Data: TypeAlias = bytes | bytearray | memoryview

_MARK = ".elfsyms-"
_NAME = 40  # characters of the destination's name: with the rest they fit the 255 bytes of file systems
_AS_IT_WAS = "what was there is as it was"


@dataclass(slots=True)
class Staged:
    """A temporary file, and the destination that it is for, links followed; ``given`` is how that was named.

    ``before`` is a second name of what stood there.
    """

    path: str
    temporary: str
    given: str
    locks: list[int] = field(default_factory=list)
    before: str = ""

    def keep_before(self) -> None:
        """Give what stands at the destination a second name, from which it can be set back."""
        name = f"{self.temporary}~"
        with suppress(OSError):  # nothing is there, or no second name can be had: told if it matters
            os.link(self.path, name, follow_symlinks=False)
            self.before = name
            handle = os.open(name, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            self.locks.append(handle)
            _lock(handle)

    def set_back(self, *, existed: bool) -> bool:
        """Put what stood at the destination there again; tell whether that is so now."""
        try:
            if self.before:
                os.replace(self.before, self.path)  # noqa: PTH105 (names, not paths, all through)
            elif existed:
                return False
            else:
                os.unlink(self.path)  # noqa: PTH108 (as above)
        except OSError:
            return False
        return True

    def discard(self) -> None:
        """Remove what is left beside the destination, and let go of the locks."""
        for name in filter(None, (self.temporary, self.before)):
            with suppress(OSError):  # renamed by now, or never made
                os.unlink(name)  # noqa: PTH108 (as above)
        for lock in self.locks:
            with suppress(OSError):  # what was written by another handle was there when that was closed
                os.close(lock)
        self.locks.clear()


_made: list[Staged] = []  # by this process; those that hold no lock any more are done with


def real_path(path: str | os.PathLike[str]) -> str:
    """Return what a path stands for, links followed; :class:`OutputError` where the working directory is gone."""
    try:
        return os.path.realpath(path)
    except FileNotFoundError:
        raise OutputError(
            f"cannot write {path}: the working directory was deleted; change to one that exists"
        ) from None


def stage(path: str | os.PathLike[str], data: Data, mode: int | None = None) -> Staged:
    """Write data to a temporary file beside a destination; raises :class:`OutputError`.

    What a link stands for is replaced, not the link. Without a ``mode``, the permissions are those of what is
    replaced, or of a new file.
    """
    real = real_path(path)
    with named(path, _AS_IT_WAS):
        folder, name = os.path.split(real)
        remove_leftovers(folder, f".{name[:_NAME]}{_MARK}")
        staged: Staged | None = None
        try:
            with signals_held():  # or Ctrl-C comes between the file and what removes it
                staged = _new_file(real, str(path))
                _made[:] = [*(one for one in _made if one.locks), staged]
            # A file system may tell only on closing that there is no room; the lock's own handle stays open.
            with os.fdopen(os.dup(staged.locks[0]), "wb") as stream:
                stream.write(data)
            os.fchmod(staged.locks[0], _mode(real) if mode is None else mode)
        except BaseException:
            if staged is not None:
                staged.discard()
            raise
    return staged


def leave_nothing() -> None:
    """Discard what was staged and neither committed nor discarded: an interrupt came between two calls."""
    for staged in _made:
        if staged.locks:
            staged.discard()


def replace_file(path: str | os.PathLike[str], data: Data, mode: int | None = None) -> None:
    """Put new contents into the place of one file, as :func:`stage` and :func:`commit` do."""
    with signals_unwind():
        commit([stage(path, data, mode)])


def commit(files: Sequence[Staged]) -> None:
    """Put staged files into their places, all or none; raises :class:`OutputError`, which tells what is so then."""
    existed = [os.path.lexists(file.path) for file in files]
    done = 0
    with signals_held():
        for file in files[:-1]:
            file.keep_before()
        try:
            for file in files:
                os.replace(file.temporary, file.path)  # noqa: PTH105 (names, not paths, all through)
                done += 1
        except OSError as error:
            stuck = [
                f.given for f, was in zip(files[:done], existed, strict=False) if not f.set_back(existed=was)
            ]
            raise _refused(files[done].given, error, _state(stuck)) from error
        finally:
            for file in files:
                file.discard()


@contextmanager
def named(path: str | os.PathLike[str], state: str) -> Iterator[None]:
    """Turn the system's errors into one that names the output, and tells the state that it is in."""
    try:
        yield
    except OSError as error:
        raise _refused(path, error, state) from error


def _refused(path: str | os.PathLike[str], error: OSError, state: str) -> OutputError:
    return OutputError(f"cannot write {path}: {error.strerror}; {state}")


def _state(stuck: Sequence[str]) -> str:
    """Say what a run that failed half way leaves, given the files that could not be set back."""
    if not stuck:
        return _AS_IT_WAS
    return f"{', '.join(stuck)} is new already and could not be set back: do not use it with what is older"


def _new_file(path: str, given: str) -> Staged:
    """Make a temporary file, and lock it before somebody takes it for a leftover."""
    folder, name = os.path.split(path)
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    while True:
        # tempfile does the same, and takes 10 ms to import.
        temporary = os.path.join(folder, f".{name[:_NAME]}{_MARK}{os.urandom(6).hex()}")  # noqa: PTH118 (a name)
        with suppress(FileExistsError):
            handle = os.open(temporary, flags, 0o600)
            if _lock(handle) and os.fstat(handle).st_nlink:
                return Staged(path, temporary, given, [handle])
            os.close(handle)


def _lock(handle: int) -> bool:
    """Lock a file; False where somebody else has done so. A file system without locks has none to respect."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True


def remove_leftovers(folder: str | os.PathLike[str], start: str = ".") -> None:
    """Remove the temporary files of dead writers whose names begin so from a folder; raises :class:`OSError`."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith(start) and _MARK in entry.name and entry.is_file(follow_symlinks=False):
                _remove_if_dead(entry.path)


def _remove_if_dead(name: str) -> None:
    """Remove a file of ours that nobody holds."""
    with suppress(OSError):  # it is gone, somebody else's, in use, or this file system has no locks
        handle = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
            if os.fstat(handle).st_uid == os.geteuid():
                os.unlink(name)  # noqa: PTH108 (names, not paths, all through)
        finally:
            os.close(handle)


def _mode(path: str) -> int:
    """Return the permissions of the file that is replaced, or those of a new one."""
    try:
        return stat.S_IMODE(os.stat(path).st_mode)  # noqa: PTH116 (as above)
    except FileNotFoundError:
        mask = os.umask(0)
        os.umask(mask)
        return 0o666 & ~mask
