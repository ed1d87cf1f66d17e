# SPDX-License-Identifier: GPL-2.0-or-later
"""Files that are read: those that elfsyms finds by itself, and those that somebody names.

What is found in a tree or a cache may be anything but what its name says: a FIFO in a file's place would be waited
for without end, ``/dev/zero`` be read without end. So only regular files are read, and not more of them than
anything real has. What somebody names may be a pipe on purpose (``-``, ``/dev/stdin``, a shell's ``<(...)``): it is
spooled, once, so that every command can read it as often and in whatever order it likes.
"""

from __future__ import annotations

import errno
import os
import shutil
import stat
import sys
import tempfile
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO

from elfsyms.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "MOST",
    "STANDARD_INPUT",
    "open_input",
    "open_regular",
    "read_regular",
    "read_standard_input",
    "read_text",
    "reading",
]

STANDARD_INPUT = "-"

MOST = 1 << 26  # bytes: scripts and configurations have some 300,000
_MOST_TEXT = 1 << 30  # bytes: a System.map has 10 MB, a log of a year less
_NULL = os.makedev(1, 3)


@contextmanager
def reading(path: str | os.PathLike[str]) -> Iterator[None]:
    """Name a file that cannot be read: an :class:`OSError` within becomes an :class:`InputError`."""
    try:
        yield
    except OSError as error:
        raise InputError(f"cannot read {os.fspath(path)}: {error.strerror or error}") from error


def open_regular(path: str | os.PathLike[str], flags: int = 0, folder: int | None = None) -> int:
    """Open a regular file to read, without waiting for anybody; :class:`OSError` where it is none.

    ``flags`` are more of those of :func:`os.open`; ``folder`` is an open one that ``path`` starts from.
    """
    flags |= os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
    handle = os.open(path, flags, dir_fd=folder)
    mode = os.fstat(handle).st_mode
    if stat.S_ISREG(mode):
        return handle
    os.close(handle)
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), os.fspath(path))
    raise OSError(errno.EINVAL, "Not a regular file", os.fspath(path))


def read_regular(path: str | os.PathLike[str], most: int = MOST) -> bytes:
    """Return what a regular file holds; :class:`OSError` where it is none, or has more than ``most`` bytes."""
    with os.fdopen(open_regular(path), "rb") as stream:
        return _read(stream, os.fspath(path), most)


def read_text(path: str | os.PathLike[str]) -> bytes:
    """Return all of a text that somebody named; :class:`OSError` for what cannot be read, or goes on and on."""
    with open_input(path) as stream:
        return _read(stream, os.fspath(path), _MOST_TEXT)


def read_standard_input() -> bytes:
    """Return all that comes by standard input, as :func:`read_text` does of a file."""
    if sys.stdin is None:
        raise OSError(errno.EBADF, "it is closed", "standard input")
    return _read(sys.stdin.buffer, "standard input", _MOST_TEXT)


def _read(stream: BinaryIO, name: str, most: int) -> bytes:
    """Read to the end, in pieces, for a read reserves what it is told to."""
    data = bytearray()
    while piece := stream.read(min(1 << 20, most + 1 - len(data))):
        data += piece
    if len(data) > most:
        raise OSError(errno.EFBIG, os.strerror(errno.EFBIG), name)
    return bytes(data)


_spools: dict[str, BinaryIO] = {}  # what was spooled, by the name that it was given under


def open_input(path: str | os.PathLike[str]) -> BinaryIO:
    """Open what somebody named, to be read in any order; ``-`` is standard input.

    A pipe or a socket is copied to a file without a name, which goes with the process; opened again, it is the
    same. Raises :class:`OSError` for what cannot be read, and for devices, which may have no end.
    """
    name = os.fspath(path)
    source = "/dev/stdin" if name == STANDARD_INPUT else name
    if source in _spools:
        return _reopened(_spools[source])
    stream = open(source, "rb")  # noqa: PTH123, SIM115 (handed out)
    status = os.fstat(stream.fileno())
    mode = status.st_mode
    if stat.S_ISCHR(mode) and status.st_rdev != _NULL and not stream.isatty():
        stream.close()
        raise OSError(errno.EINVAL, "it is a device", name)
    if not (stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)):
        return stream
    with stream:
        spool = tempfile.TemporaryFile()  # noqa: SIM115 (kept for the next who asks)
        shutil.copyfileobj(stream, spool, 1 << 20)
        spool.flush()
    _spools[source] = spool
    return _reopened(spool)


def _reopened(spool: BinaryIO) -> BinaryIO:
    """Return another handle of a spool, at its beginning."""
    return open(f"/proc/self/fd/{spool.fileno()}", "rb")  # noqa: PTH123 (handed out)
