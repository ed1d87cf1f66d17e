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
from typing import TYPE_CHECKING, Final

from elfsyms.errors import OutputError
from elfsyms.image.elf import TORN
from elfsyms.staging import signals_held

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = ["check_writable", "overwrite"]

_WHOLE: Final = b"\x7fELF"


def check_writable(path: Path) -> None:
    """Raise :class:`OutputError` where a file cannot be opened to write into it; nothing is changed."""
    os.close(_opened(path))


def overwrite(path: Path, writes: Sequence[tuple[int, bytes]]) -> None:
    """Write ranges, each ``(offset, bytes)``, over those of an ELF file.

    Raises :class:`OutputError`: where the file cannot be opened nothing was changed; where it is said to be
    damaged, it says so of itself, too.
    """
    handle = _opened(path)
    try:
        with signals_held():
            _write(handle, 0, TORN)
            for offset, data in writes:
                _write(handle, offset, data)
            _write(handle, 0, _WHOLE)
    except OSError as error:
        raise OutputError(
            f"cannot write {path}: {error.strerror}; it is damaged, and no ELF file any more: link it again"
        ) from error
    finally:
        os.close(handle)


def _opened(path: Path) -> int:
    try:
        return os.open(path, os.O_RDWR)
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror}; what was there is as it was") from error


def _write(handle: int, offset: int, data: bytes) -> None:
    """Write all of it; the system may take less at a time."""
    rest = memoryview(data)
    while rest:
        done = os.pwrite(handle, rest, offset)
        rest, offset = rest[done:], offset + done
