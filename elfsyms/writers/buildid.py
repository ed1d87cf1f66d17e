# SPDX-License-Identifier: GPL-2.0-or-later
"""The build ID of a file whose contents changed after its link, as its linker would have computed it.

A linker hashes what it wrote, the ID itself counted as zero. Each does so in its own way, and none writes down
how. So every way of the linker that ``.comment`` names is tried on the file as it was linked; only one that
reproduces the ID inside is used on the file as it will be. Where none does (another linker, ``--build-id=uuid``,
a value given to the linker), the ID stays: it is unique still.

A kernel with debug information has half a gigabyte, and each hash of it takes 0.3 s. So both of
GNU ld's are made in one walk over the file: what lies before the first change is hashed once, the rest by two
threads.

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
import os
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from elfsyms.errors import InputError
from elfsyms.image.elf import SHT_NOBITS, SHT_NOTE, SHT_NULL, SHT_STRTAB, SHT_SYMTAB, SHT_SYMTAB_SHNDX
from elfsyms.pipeline.background import Background

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from elfsyms.image.elf import Image, Section

__all__ = ["BuildId", "find_note", "new_build_id"]

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


_Hashes = tuple[bytes, bytes]  # of the file as it is, and as it is to be


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


@dataclass(frozen=True, slots=True)
class _Span:
    """Bytes of the file."""

    offset: int
    size: int

    @property
    def end(self) -> int:
        return self.offset + self.size


_Part = _Span | bytes  # what is hashed: of the file, or something else


@dataclass(frozen=True, slots=True)
class _File:
    """The linked file, whose parts go into hashes a piece at a time: half a gigabyte is not mapped for that."""

    image: Image
    handle: int
    note: _Note

    @property
    def size(self) -> int:
        return os.fstat(self.handle).st_size

    def read(self, offset: int, size: int) -> bytes:
        return os.pread(self.handle, size, offset)

    def hash(self, state: _Hash, parts: Iterable[_Part]) -> bytes:
        """Return what comes out of a hash to which parts were added."""
        buffer = bytearray(_PIECE)
        view = memoryview(buffer)
        for part in parts:
            if isinstance(part, bytes):
                state.update(part)
                continue
            at = part.offset
            while at < part.end:
                done = os.preadv(self.handle, [view[: min(_PIECE, part.end - at)]], at)
                if not done:
                    raise InputError(f"{self.image.path} became shorter while it was read: link it again")
                state.update(view[:done])
                at += done
        return state.digest()


def new_build_id(image: Image, writes: Sequence[Write]) -> BuildId:
    """Return the ID that a file is to have once these ranges were written to it."""
    note = find_note(image)
    if note is None:
        return BuildId()
    with image.path.open("rb") as stream:
        return _recomputed(_File(image, stream.fileno(), note), writes)


def _recomputed(file: _File, writes: Sequence[Write]) -> BuildId:
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


def _ways(image: Image) -> tuple[_Way, ...]:
    """Return the ways of the linker that ``.comment`` tells of: LLD leaves its name, GNU ld nothing of its own."""
    comment = image.section(".comment")
    if comment is None:
        return (*_GNU_WAYS, *_LLD_WAYS)
    linkers = [text for text in image.section_bytes(comment).split(b"\0") if text.startswith(b"Linker: ")]
    return _LLD_WAYS if any(b"LLD" in linker for linker in linkers) else _GNU_WAYS  # Debian's is "Debian LLD"


def find_note(image: Image) -> _Note | None:
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


def _gnu(file: _File, writes: Sequence[Write]) -> _Hashes:
    """Hash as GNU ld does."""
    state = _standard(file.note)()
    zeroed = (file.note.offset, bytes(_NOTE_HEADER + file.note.size))
    parts = [*_gnu_parts(file)]
    touched = (
        number for number, part in enumerate(parts) if isinstance(part, _Span) and _touching(part, writes)
    )
    same = next(touched, len(parts))
    file.hash(state, _changed(parts[:same], [zeroed]))
    after = Background(file.hash, state.copy(), [*_changed(parts[same:], [*writes, zeroed])])
    before = file.hash(state, _changed(parts[same:], [zeroed]))
    return before, after.result()


def _gnu_parts(file: _File) -> Iterator[_Part]:
    """Yield what GNU ld hashes: headers without the offsets in them, and contents."""
    bits, order = file.image.abi.bits, file.image.abi.byte_order
    word = f"{order}{'Q' if bits == 64 else 'I'}"
    header = bytearray(file.read(0, _HEADER_SIZE[bits]))
    programs, sections = (struct.unpack_from(word, header, offset)[0] for offset in _TABLE_OFFSETS[bits])
    for offset in _TABLE_OFFSETS[bits]:
        struct.pack_into(word, header, offset, 0)
    entry, count = struct.unpack_from(f"{order}HH", header, _HEADER_SIZE[bits] - 10)
    yield bytes(header)
    yield file.read(programs, entry * count)
    for section in file.image.sections:  # the null one, too
        start = sections + section.index * _SECTION_SIZE[bits]
        row = bytearray(file.read(start, _SECTION_SIZE[bits]))
        struct.pack_into(word, row, _SECTION_OFFSET[bits], 0)
        yield bytes(row)
        if not _is_own(section, file.image):
            yield _Span(section.offset, section.size)


def _is_own(section: Section, image: Image) -> bool:
    """Tell whether a section has no contents for GNU ld: none at all, or a table it makes for itself."""
    own = {".symtab": SHT_SYMTAB, ".strtab": SHT_STRTAB, ".shstrtab": SHT_STRTAB}
    if section.type in (SHT_NULL, SHT_NOBITS, SHT_SYMTAB_SHNDX):
        return True
    return own.get(section.name) == section.type and section.index >= len(image.sections) - 4


def _lld(file: _File, writes: Sequence[Write], new: Callable[[], _Hash]) -> _Hashes:
    """Hash as LLD does: pieces of 1 MiB, then the hashes of these."""
    zeroed = (file.note.id_offset, bytes(file.note.size))
    before, after = new(), new()
    size = file.size
    for start in range(0, size, _PIECE):
        piece = _Span(start, min(_PIECE, size - start))
        digest = file.hash(new(), _changed([piece], [zeroed]))
        before.update(digest)
        if _touching(piece, writes):
            digest = file.hash(new(), _changed([piece], [*writes, zeroed]))
        after.update(digest)
    return before.digest(), after.digest()


def _lld_15(file: _File, writes: Sequence[Write]) -> _Hashes:
    """Hash as LLD 15 and later do; no bytes where the package for it is missing."""
    try:
        from blake3 import blake3  # noqa: PLC0415 (optional, and for LLD alone)
    except ImportError:
        return b"", b""

    class Blake3:
        """BLAKE3 of as many bytes as an ID has."""

        def __init__(self) -> None:
            self.state = blake3()

        def update(self, data: bytes | memoryview, /) -> object:
            return self.state.update(data)

        def digest(self) -> bytes:
            return bytes(self.state.digest(length=file.note.size))

    return _lld(file, writes, Blake3)


def _lld_14(file: _File, writes: Sequence[Write]) -> _Hashes:
    """Hash as LLD did until 14."""
    return _lld(file, writes, _standard(file.note))


def _standard(note: _Note) -> Callable[[], hashlib._Hash]:
    """Return the hash that an ID of that length is made with, by name."""
    return hashlib.sha1 if note.size == 20 else hashlib.md5


def _touching(span: _Span, changes: Sequence[Write]) -> list[Write]:
    """Return the changes to a span, by their offsets."""
    return sorted((at, new) for at, new in changes if at < span.end and at + len(new) > span.offset)


def _changed(parts: Iterable[_Part], changes: Sequence[Write]) -> Iterator[_Part]:
    """Yield parts of the file, with changes to the file where they belong."""
    for part in parts:
        if isinstance(part, bytes):
            yield part
            continue
        done = part.offset
        for at, new in _touching(part, changes):
            start, stop = max(at, part.offset), min(at + len(new), part.end)
            yield _Span(done, start - done)
            yield new[start - at : stop - at]
            done = stop
        yield _Span(done, part.end - done)


@dataclass(frozen=True, slots=True)
class _Way:
    """One linker's way to hash: the names of its algorithms by the bytes of the ID."""

    sizes: dict[int, str]
    compute: Callable[[_File, Sequence[Write]], _Hashes]


_GNU_WAYS: Final = (_Way({20: "sha1", 16: "md5"}, _gnu),)
_LLD_WAYS: Final = (
    _Way({20: "blake3", 16: "blake3"}, _lld_15),
    _Way({20: "sha1", 16: "md5"}, _lld_14),
)
