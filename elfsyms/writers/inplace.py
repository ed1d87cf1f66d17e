# SPDX-License-Identifier: GPL-2.0-or-later
"""Bytes written over those of a file, so that a torn write cannot be mistaken for a whole one.

A linked kernel is never composed anew, and half a gigabyte with debug information is not copied for five
megabytes of tables. So they are written where they belong, and for that time the file is no ELF file: its magic
number is another one (:data:`TORN`), put there first and taken away last. A write that is killed at any moment
leaves the file as it was, or wholly written, or a file that ``nm``, ``objcopy``, ``ld``, boot loaders and elfsyms
itself refuse to read. The magic number is four bytes of one page, which one ``pwrite`` changes at once. Ctrl-C and
the like wait until all is written.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from elfsyms.errors import OutputError
from elfsyms.image.elf import TORN
from elfsyms.signals import signals_held

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = ["check_writable", "overwrite"]

_WHOLE: Final = b"\x7fELF"
_AS_IT_WAS: Final = "what was there is as it was"


def check_writable(path: Path) -> None:
    """Raise :class:`OutputError` where a file cannot be opened to write into it; nothing is changed."""
    handle = _opened(path)
    with suppress(OSError):  # nothing was written by it
        os.close(handle)


def overwrite(path: Path, writes: Sequence[tuple[int, bytes]]) -> None:
    """Write ranges, each ``(offset, bytes)``, over those of an ELF file.

    Raises :class:`OutputError`: where it does not say that the file is damaged, nothing was changed; where it
    does, the file says so of itself, too.
    """
    handle = _opened(path)
    with signals_held():
        try:
            _write(handle, 0, TORN)
        except OSError as error:
            _close(handle)
            raise OutputError(f"cannot write {path}: {error.strerror}; {_AS_IT_WAS}") from error
        try:
            for offset, data in writes:
                _write(handle, offset, data)
            _write(handle, 0, _WHOLE)
        except OSError as error:
            _close(handle)
            raise _damaged(path, error) from error
        try:
            os.close(handle)
        except OSError as error:  # a file system may tell only now that there is no room
            _tear(path)
            raise _damaged(path, error) from error


def _damaged(path: Path, error: OSError) -> OutputError:
    return OutputError(
        f"cannot write {path}: {error.strerror}; it is damaged, and no ELF file any more: link it again"
    )


def _tear(path: Path) -> None:
    """Take the magic number of a file away of which not all may have been written."""
    with suppress(OSError, OutputError):  # then there is no more to be done
        handle = _opened(path)
        _write(handle, 0, TORN)
        os.close(handle)


def _close(handle: int) -> None:
    """Close a file of which it is known that it is not whole."""
    with suppress(OSError):
        os.close(handle)


def _opened(path: Path) -> int:
    try:
        return os.open(path, os.O_RDWR)
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror}; {_AS_IT_WAS}") from error


def _write(handle: int, offset: int, data: bytes) -> None:
    """Write all of it; the system may take less at a time."""
    rest = memoryview(data)
    while rest:
        done = os.pwrite(handle, rest, offset)
        rest, offset = rest[done:], offset + done
