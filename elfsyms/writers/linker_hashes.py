# SPDX-License-Identifier: GPL-2.0-or-later
"""How each linker hashes the file that it wrote, to make its build ID.

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
from elfsyms.image.elf import SHT_NOBITS, SHT_NULL, SHT_STRTAB, SHT_SYMTAB, SHT_SYMTAB_SHNDX
from elfsyms.pipeline.background import Background

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from elfsyms.image.elf import Image, Section

__all__ = ["GNU_WAYS", "LLD_WAYS", "LinkedFile", "Note", "Way", "Write"]

_NOTE_HEADER: Final = 16  # three words and the owner's name
_PIECE: Final = 1 << 20  # of LLD

# Where e_phoff and e_shoff lie in the ELF header, sh_offset in a section header, and how wide they are.
_TABLE_OFFSETS: Final = {32: (28, 32), 64: (32, 40)}
_SECTION_OFFSET: Final = {32: 16, 64: 24}
_HEADER_SIZE: Final = {32: 52, 64: 64}
_SECTION_SIZE: Final = {32: 40, 64: 64}

Write = tuple[int, bytes]
_Hashes = tuple[bytes, bytes]  # of the file as it is, and as it is to be


class _Hash(Protocol):
    def update(self, data: bytes | memoryview, /) -> object: ...
    def digest(self) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Note:
    """Where the note of a build ID lies in the file; ``size`` is that of the ID."""

    offset: int
    size: int

    @property
    def id_offset(self) -> int:
        """Where the ID itself begins."""
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
class LinkedFile:
    """The linked file, whose parts go into hashes a piece at a time: half a gigabyte is not mapped for that."""

    image: Image
    handle: int
    note: Note

    @property
    def size(self) -> int:
        """How many bytes it has."""
        return os.fstat(self.handle).st_size

    def read(self, offset: int, size: int) -> bytes:
        """Return some of its bytes, fewer where it ends before: headers may tell an offset that no file has."""
        left = self.size - offset
        return os.pread(self.handle, min(size, left), offset) if left > 0 else b""

    def hash(self, state: _Hash, parts: Iterable[_Part]) -> bytes:
        """Return what comes out of a hash to which parts were added."""
        buffer = bytearray(_PIECE)
        view = memoryview(buffer)
        for part in parts:
            if isinstance(part, bytes):
                state.update(part)
                continue
            if part.end > self.size:
                raise InputError(
                    f"{self.image.path} is truncated: what its build ID is made of ends at byte {part.end:,}, "
                    f"the file has {self.size:,}; copy it again"
                )
            at = part.offset
            while at < part.end:
                done = os.preadv(self.handle, [view[: min(_PIECE, part.end - at)]], at)
                if not done:
                    raise InputError(f"{self.image.path} became shorter while it was read: link it again")
                state.update(view[:done])
                at += done
        return state.digest()


def _gnu(file: LinkedFile, writes: Sequence[Write]) -> _Hashes:
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


def _gnu_parts(file: LinkedFile) -> Iterator[_Part]:
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


def _lld(file: LinkedFile, writes: Sequence[Write], new: Callable[[], _Hash]) -> _Hashes:
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


def _lld_15(file: LinkedFile, writes: Sequence[Write]) -> _Hashes:
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


def _lld_14(file: LinkedFile, writes: Sequence[Write]) -> _Hashes:
    """Hash as LLD did until 14."""
    return _lld(file, writes, _standard(file.note))


def _standard(note: Note) -> Callable[[], hashlib._Hash]:
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
class Way:
    """One linker's way to hash: the names of its algorithms by the bytes of the ID."""

    sizes: dict[int, str]
    compute: Callable[[LinkedFile, Sequence[Write]], _Hashes]


GNU_WAYS: Final = (Way({20: "sha1", 16: "md5"}, _gnu),)
LLD_WAYS: Final = (
    Way({20: "blake3", 16: "blake3"}, _lld_15),
    Way({20: "sha1", 16: "md5"}, _lld_14),
)
