# SPDX-License-Identifier: GPL-2.0-or-later
"""The build-id: the note by which a linker tells one link from every other.

Follows the gABI chapter "Note Section" and ``NT_GNU_BUILD_ID`` of ``elf.h``. The kernel's linker scripts gather
all notes in ``.notes``; elsewhere it is ``.note.gnu.build-id``.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from elfsyms.image.elf import Image

__all__ = ["build_id", "build_id_in", "notes"]

SHT_NOTE = 7
_NT_GNU_BUILD_ID = 3
_HEADER = 12


def build_id(image: Image) -> str:
    """Return the build-id as hexadecimal digits, empty where the file has none."""
    sections = image.of_type(SHT_NOTE)
    found = (build_id_in(image.section_bytes(section), image.abi.byte_order) for section in sections)
    return next(filter(None, found), "")


def build_id_in(data: bytes, byte_order: str) -> str:
    """Return the build-id among some notes as hexadecimal digits, empty where there is none."""
    found = (
        text for owner, kind, text in notes(data, byte_order) if (owner, kind) == (b"GNU", _NT_GNU_BUILD_ID)
    )
    return next(found, b"").hex()


def notes(data: bytes, byte_order: str) -> Iterator[tuple[bytes, int, bytes]]:
    r"""Yield owner, type and contents of each note; ends quietly at one that is cut.

    >>> list(notes(bytes.fromhex("04000000 02000000 03000000") + b"GNU\0\xab\xcd\0\0", "<"))
    [(b'GNU', 3, b'\xab\xcd')]
    """
    offset = 0
    while offset + _HEADER <= len(data):
        owner, size, kind = struct.unpack_from(f"{byte_order}III", data, offset)
        start = offset + _HEADER + _aligned(owner)
        if start + size > len(data):
            return
        yield (
            data[offset + _HEADER : offset + _HEADER + owner].rstrip(b"\0"),
            kind,
            data[start : start + size],
        )
        offset = start + _aligned(size)


def _aligned(size: int) -> int:
    return (size + 3) & ~3
