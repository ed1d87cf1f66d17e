# SPDX-License-Identifier: GPL-2.0-or-later
"""The build ID of a file whose contents changed after its link, as its linker would have computed it.

A linker hashes what it wrote, the ID itself counted as zero. Each does so in its own way, and none writes down
how. So every way of the linker that ``.comment`` names is tried on the file as it was linked; only one that
reproduces the ID inside is used on the file as it will be. Where none does (another linker, ``--build-id=uuid``,
a value given to the linker), the ID stays: it is unique still.

GNU ld (2.40, ``bfd/elf.c``, ``_bfd_elf_write_object_contents`` and ``elf_checksum_contents`` in ``elfcode.h``):
SHA-1 or MD5 over the ELF header without its two table offsets, the program headers, then each section header
without its file offset, followed by the section's contents, unless it has none or is a symbol or string table
that the linker made for itself. The whole note counts as zero, its header too. The contents of ``--emit-relocs``
sections count.

LLD (``lld/ELF/Writer.cpp``, ``computeHash``): over the file in pieces of 1 MiB, then over the hashes of these;
only the ID counts as zero. Since 15 the hash is BLAKE3, by whatever name it was asked for. That needs the package
``blake3``; without it, the ID stays.
"""

from __future__ import annotations

import hashlib
import mmap
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from elfsyms.image.elf import SHT_NOBITS, SHT_STRTAB, SHT_SYMTAB, SHT_SYMTAB_SHNDX
from elfsyms.pipeline.background import Background

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from elfsyms.image.elf import Image, Section

__all__ = ["BuildId", "new_build_id"]

SHT_NULL: Final = 0
SHT_NOTE: Final = 7
_OWNER: Final = b"GNU\0"
_NT_GNU_BUILD_ID: Final = 3
_NOTE_HEADER: Final = 16  # three words and the owner's name
_PIECE: Final = 1 << 20  # of LLD

# Where e_phoff and e_shoff lie in the ELF header, sh_offset in a section header, and how wide they are.
_TABLE_OFFSETS: Final = {32: (28, 32), 64: (32, 40)}
_SECTION_OFFSET: Final = {32: 16, 64: 24}
_HEADER_SIZE: Final = {32: 52, 64: 64}
_SECTION_SIZE: Final = {32: 40, 64: 64}

Write = tuple[int, bytes]


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


class _Hash(Protocol):
    def update(self, data: bytes | memoryview, /) -> object: ...
    def digest(self) -> bytes: ...


@dataclass(frozen=True, slots=True)
class _Note:
    """Where the note of a build ID lies in the file; ``size`` is that of the ID."""

    offset: int
    size: int

    @property
    def id_offset(self) -> int:
        return self.offset + _NOTE_HEADER


def new_build_id(image: Image, writes: Sequence[Write]) -> BuildId:
    """Return the ID that a file is to have once these ranges were written to it."""
    note = _find_note(image)
    if note is None:
        return BuildId()
    with image.path.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        data = memoryview(mapped)
        try:
            return _recomputed(image, data, note, writes)
        finally:
            data.release()


def _recomputed(image: Image, data: memoryview, note: _Note, writes: Sequence[Write]) -> BuildId:
    old = bytes(data[note.id_offset : note.id_offset + note.size])
    for way in _ways(image):
        if note.size not in way.sizes:
            continue
        before = Background(
            way.compute, image, data, note, ()
        )  # on the other core: hashing needs no interpreter
        new = way.compute(image, data, note, writes)
        if before.result() == old:
            changed = ((note.id_offset, new),) if new != old else ()
            return BuildId(old, new, way.sizes[note.size], changed)
    return BuildId(old, old)


def _ways(image: Image) -> tuple[_Way, ...]:
    """Return all ways, those of the linker first that ``.comment`` names; GNU's says nothing there."""
    comment = image.section(".comment")
    by_lld = comment is not None and b"Linker: LLD" in image.section_bytes(comment)
    return (*_LLD_WAYS, *_GNU_WAYS) if by_lld else (*_GNU_WAYS, *_LLD_WAYS)


def _find_note(image: Image) -> _Note | None:
    """Find the note; Linux gathers all of its notes in one section."""
    for section in image.sections:
        if section.type == SHT_NOTE:
            for offset, size in _notes(image.section_bytes(section), image.abi.byte_order):
                return _Note(section.offset + offset, size)
    return None


def _notes(data: bytes, order: str) -> Iterator[tuple[int, int]]:
    """Yield offset and ID's size of each build ID in a section of notes."""
    offset = data.find(_OWNER)
    while offset >= 12:
        name, size, kind = struct.unpack_from(f"{order}III", data, offset - 12)
        if (name, kind) == (len(_OWNER), _NT_GNU_BUILD_ID) and offset + len(_OWNER) + size <= len(data):
            yield offset - 12, size
        offset = data.find(_OWNER, offset + 1)


def _gnu(image: Image, data: memoryview, note: _Note, writes: Sequence[Write]) -> bytes:
    """Hash as GNU ld does."""
    state = _standard(note)()
    zeroed = (note.offset, bytes(_NOTE_HEADER + note.size))
    for offset, piece in _gnu_pieces(image, data):
        _update(state, piece, offset, (*writes, zeroed))
    return state.digest()


def _gnu_pieces(image: Image, data: memoryview) -> Iterator[tuple[int, bytes | memoryview]]:
    """Yield what GNU ld hashes, with the offset in the file of each piece; headers have none that matters."""
    bits, order = image.abi.bits, image.abi.byte_order
    word = f"{order}{'Q' if bits == 64 else 'I'}"
    header = bytearray(data[: _HEADER_SIZE[bits]])
    programs, sections = (struct.unpack_from(word, header, offset)[0] for offset in _TABLE_OFFSETS[bits])
    for offset in _TABLE_OFFSETS[bits]:
        struct.pack_into(word, header, offset, 0)
    entry, count = struct.unpack_from(f"{order}HH", header, _HEADER_SIZE[bits] - 10)
    yield -1, bytes(header)
    yield -1, data[programs : programs + entry * count]
    for section in image.sections:  # the null one, too
        start = sections + section.index * _SECTION_SIZE[bits]
        entry_bytes = bytearray(data[start : start + _SECTION_SIZE[bits]])
        struct.pack_into(word, entry_bytes, _SECTION_OFFSET[bits], 0)
        yield -1, bytes(entry_bytes)
        if not _is_own(section, image):
            yield section.offset, data[section.offset : section.offset + section.size]


def _is_own(section: Section, image: Image) -> bool:
    """Tell whether a section has no contents for GNU ld: none at all, or a table it makes for itself."""
    own = {".symtab": SHT_SYMTAB, ".strtab": SHT_STRTAB, ".shstrtab": SHT_STRTAB}
    if section.type in (SHT_NULL, SHT_NOBITS, SHT_SYMTAB_SHNDX):
        return True
    return own.get(section.name) == section.type and section.index >= len(image.sections) - 4


def _lld(data: memoryview, note: _Note, writes: Sequence[Write], new: Callable[[], _Hash]) -> bytes:
    """Hash as LLD does: pieces of 1 MiB, then the hashes of these."""
    changes = (*writes, (note.id_offset, bytes(note.size)))
    total = new()
    for start in range(0, len(data), _PIECE):
        state = new()
        _update(state, data[start : start + _PIECE], start, changes)
        total.update(state.digest())
    return total.digest()


def _lld_15(image: Image, data: memoryview, note: _Note, writes: Sequence[Write]) -> bytes:  # noqa: ARG001 (a way)
    """Hash as LLD 15 and later do; no bytes where the package for it is missing."""
    try:
        from blake3 import blake3  # noqa: PLC0415 (optional, and for LLD alone)
    except ImportError:
        return b""

    class Blake3:
        """BLAKE3 of as many bytes as an ID has."""

        def __init__(self) -> None:
            self.state = blake3()

        def update(self, data: bytes | memoryview, /) -> object:
            return self.state.update(data)

        def digest(self) -> bytes:
            return bytes(self.state.digest(length=note.size))

    return _lld(data, note, writes, Blake3)


def _lld_14(image: Image, data: memoryview, note: _Note, writes: Sequence[Write]) -> bytes:  # noqa: ARG001 (a way)
    """Hash as LLD did until 14."""
    return _lld(data, note, writes, _standard(note))


def _standard(note: _Note) -> Callable[[], _Hash]:
    """Return the hash that an ID of that length is made with, by name."""
    return hashlib.sha1 if note.size == 20 else hashlib.md5


def _update(state: _Hash, piece: bytes | memoryview, offset: int, changes: Sequence[Write]) -> None:
    """Hash a piece of the file, with changes to the file in it."""
    end = offset + len(piece)
    touching = sorted((at, new) for at, new in changes if offset >= 0 and at < end and at + len(new) > offset)
    done = offset
    for at, new in touching:
        start, stop = max(at, offset), min(at + len(new), end)
        state.update(piece[done - offset : start - offset])
        state.update(memoryview(new)[start - at : stop - at])
        done = stop
    state.update(piece[done - offset :])


@dataclass(frozen=True, slots=True)
class _Way:
    """One linker's way to hash: the names of its algorithms by the bytes of the ID."""

    sizes: dict[int, str]
    compute: Callable[[Image, memoryview, _Note, Sequence[Write]], bytes]


_GNU_WAYS: Final = (_Way({20: "sha1", 16: "md5"}, _gnu),)
_LLD_WAYS: Final = (
    _Way({20: "blake3", 16: "blake3"}, _lld_15),
    _Way({20: "sha1", 16: "md5"}, _lld_14),
)
