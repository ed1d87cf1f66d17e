# SPDX-License-Identifier: GPL-2.0-or-later
"""What one link pass learned, kept in a folder for the next.

An entry lies under a hash of everything that it follows from, and of this package's version; so whoever asks for
exactly that finds it. Whether it is right, its reader checks: the hash of its contents, which each entry carries,
keeps out accidents only. Entries of names are checked in ``names.py``, templates in ``writers/templates.py``.

Trusted are folders and entries that nobody else can write, and regular files alone: a FIFO would be waited for, a
link to a device read without end. Entries are files of their own, written beside and renamed, so that builds that
share a folder cannot see half of one. The oldest go when there are more than :data:`MOST`. A folder that cannot be
used is no error: things are then made anew, and :attr:`PassCache.error` says why.
"""

from __future__ import annotations

import hashlib
import os
import stat
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from elfsyms._version import __version__
from elfsyms.errors import OutputError
from elfsyms.files import open_regular
from elfsyms.staging import remove_leftovers, replace_file

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["MOST", "PassCache", "has_entries"]

MOST = 16  # entries: names, 5 MB for a whole distribution's kernel, and templates of 1.5 kB
_MAGIC = b"elfsyms pass 3\n"
_DIGEST = 32
_OTHERS = stat.S_IWGRP | stat.S_IWOTH
_LEAST_ROOM, _ROOM = 1 << 20, 8  # bytes that an entry may have, and more for each byte that it follows from


class UntrustedError(OSError):
    """Somebody else can write here."""


class PassCache:
    """A folder of entries, each of a kind and found by what it follows from."""

    def __init__(self, folder: str | Path) -> None:
        """Use a folder; it is made when there is something to put."""
        self.folder = Path(folder)
        self.error = ""  # why nothing could be read or put

    def get(self, kind: str, *source: bytes | memoryview) -> bytes | None:
        """Return the entry that follows from a source, or None where there is no whole one."""
        most = _LEAST_ROOM + _ROOM * sum(map(len, source))
        try:
            with self._trusted_folder() as folder:
                data = _read_entry(_name(kind, source), folder, most)
        except FileNotFoundError:
            return None
        except OSError as error:
            self.error = f"nothing is read from the cache {self.folder}: {error.strerror}"
            return None
        body = data[len(_MAGIC) + _DIGEST :]
        digest = data[len(_MAGIC) : len(_MAGIC) + _DIGEST]
        whole = data.startswith(_MAGIC) and hashlib.sha256(body).digest() == digest
        return body if whole else None

    def put(self, kind: str, body: bytes, *source: bytes | memoryview) -> None:
        """Put an entry under what it follows from; a folder that cannot be used is passed over."""
        path = self.folder / _name(kind, source)
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with self._trusted_folder():
                pass
            _remove_other_than_file(path)
            replace_file(path, _MAGIC + hashlib.sha256(body).digest() + body, mode=0o600)
            self._remove_old()
        except OSError as error:
            self.error = f"nothing can be kept in the cache {self.folder}: {error.strerror}"
        except OutputError as error:
            cause = error.__cause__
            reason = cause.strerror if isinstance(cause, OSError) else str(error)
            self.error = f"nothing can be kept in the cache {self.folder}: {reason}"

    @contextmanager
    def _trusted_folder(self) -> Iterator[int]:
        """Open the folder; :class:`UntrustedError` where others can write to it."""
        handle = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            _check_trusted(handle, "its folder")
            yield handle
        finally:
            os.close(handle)

    def _remove_old(self) -> None:
        """Remove all but the newest entries, and what killed writers left."""
        entries = sorted(self.folder.glob("*.pass"), key=_age)
        for path in entries[:-MOST]:
            path.unlink(missing_ok=True)
        remove_leftovers(self.folder)


def has_entries(folder: str | Path) -> bool:
    """Tell whether a cache has entries, so that it may spare some work."""
    try:
        with os.scandir(folder) as entries:
            return any(entry.name.endswith(".pass") for entry in entries)
    except OSError:
        return False


def _name(kind: str, source: tuple[bytes | memoryview, ...]) -> str:
    digest = hashlib.sha256(f"{__version__} {kind}".encode())
    for part in source:
        digest.update(len(part).to_bytes(8, "little"))
        digest.update(part)
    return f"{digest.hexdigest()}.pass"


def _read_entry(name: str, folder: int, most: int) -> bytes:
    """Read an entry, and note that it was used; raises :class:`OSError` for what is no entry to trust."""
    handle = open_regular(name, os.O_NOFOLLOW, folder)
    with os.fdopen(handle, "rb") as stream:
        _check_trusted(handle, "the entry")
        data = stream.read(most)
        with suppress(OSError):  # it may be read, not touched
            os.utime(handle)
    return data


def _check_trusted(handle: int, what: str) -> None:
    """Raise :class:`UntrustedError` for what belongs to, or can be written by, anybody but this user and root."""
    found = os.fstat(handle)
    if found.st_uid not in (os.geteuid(), 0):
        raise UntrustedError(0, f"{what} belongs to another user")
    if found.st_mode & _OTHERS:
        raise UntrustedError(0, f"others can write to {what}: chmod go-w")


def _remove_other_than_file(path: Path) -> None:
    """Make room for an entry where something lies that no rename would replace as it should."""
    with suppress(FileNotFoundError):
        if not stat.S_ISREG(path.lstat().st_mode):
            path.unlink()


def _age(path: Path) -> float:
    """Return when an entry was last used; another build may have removed it meanwhile."""
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0
