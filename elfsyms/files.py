# SPDX-License-Identifier: GPL-2.0-or-later
"""Files that elfsyms finds by itself, in a tree or a cache: they may be anything but what their name says.

A FIFO in a file's place would be waited for without end, ``/dev/zero`` be read without end. So only regular files
are read, and not more of them than anything real has.
"""

from __future__ import annotations

import errno
import os
import stat

__all__ = ["MOST", "open_regular", "read_regular"]

MOST = 1 << 26  # bytes: scripts and configurations have some 300,000


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
        data = stream.read(most + 1)
    if len(data) > most:
        raise OSError(errno.EFBIG, os.strerror(errno.EFBIG), os.fspath(path))
    return data
