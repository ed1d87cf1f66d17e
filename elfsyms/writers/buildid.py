# SPDX-License-Identifier: GPL-2.0-or-later
"""The build ID of a file whose contents changed after its link, as its linker would have computed it.

A linker hashes what it wrote, the ID itself counted as zero. Each does so in its own way, and none writes down
how. So every way of the linker that ``.comment`` names is tried on the file as it was linked; only one that
reproduces the ID inside is used on the file as it will be. Where none does (another linker, ``--build-id=uuid``,
a value given to the linker), the ID stays: it is unique still. How each linker hashes is in
``linker_hashes.py``.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from elfsyms.image.elf import SHT_NOTE
from elfsyms.writers.linker_hashes import GNU_WAYS, LLD_WAYS, LinkedFile, Note

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from elfsyms.image.elf import Image
    from elfsyms.writers.linker_hashes import Way, Write

__all__ = ["BuildId", "find_note", "new_build_id"]

_OWNER: Final = b"GNU\0"
_NT_GNU_BUILD_ID: Final = 3


@dataclass(frozen=True, slots=True)
class BuildId:
    """The ID that a file has, and the one that it is to have.

    ``algorithm`` tells how the linker computed it: ``sha1``, ``md5`` or ``blake3``; empty where that is not
    known, or where there is no ID.
    """

    old: bytes = b""
    new: bytes = b""
    algorithm: str = ""
    writes: tuple[Write, ...] = ()


def new_build_id(image: Image, writes: Sequence[Write]) -> BuildId:
    """Return the ID that a file is to have once these ranges were written to it."""
    note = find_note(image)
    if note is None:
        return BuildId()
    with image.path.open("rb") as stream:
        return _recomputed(LinkedFile(image, stream.fileno(), note), writes)


def _recomputed(file: LinkedFile, writes: Sequence[Write]) -> BuildId:
    note = file.note
    old = file.read(note.id_offset, note.size)
    for way in _ways(file.image):
        if note.size not in way.sizes:
            continue
        before, after = way.compute(file, writes)
        if before == old:
            changed = ((note.id_offset, after),) if after != old else ()
            return BuildId(old, after, way.sizes[note.size], changed)
    return BuildId(old, old)


def _ways(image: Image) -> tuple[Way, ...]:
    """Return the ways of the linker that ``.comment`` tells of: LLD leaves its name, GNU ld nothing of its own."""
    comment = image.section(".comment")
    if comment is None:
        return (*GNU_WAYS, *LLD_WAYS)
    linkers = [text for text in image.section_bytes(comment).split(b"\0") if text.startswith(b"Linker: ")]
    return LLD_WAYS if any(b"LLD" in linker for linker in linkers) else GNU_WAYS  # Debian's is "Debian LLD"


def find_note(image: Image) -> Note | None:
    """Find the note; Linux gathers all of its notes in one section."""
    for section in image.sections:
        if section.type == SHT_NOTE:
            for offset, size in _notes(image.section_bytes(section), image.abi.byte_order):
                return Note(section.offset + offset, size)
    return None


def _notes(data: bytes, order: str) -> Iterator[tuple[int, int]]:
    """Yield offset and ID's size of each build ID in a section of notes."""
    offset = data.find(_OWNER)
    while offset >= 12:
        name, size, kind = struct.unpack_from(f"{order}III", data, offset - 12)
        if (name, kind) == (len(_OWNER), _NT_GNU_BUILD_ID) and offset + len(_OWNER) + size <= len(data):
            yield offset - 12, size
        offset = data.find(_OWNER, offset + 1)
