# SPDX-License-Identifier: GPL-2.0-or-later
"""The ELF file: identity, sections, raw symbol table, bytes at an address.

It has the headers parsed (``headers.py``) and hands out facts: an :class:`Abi`, an array of sections
(``sections.py``), the raw bytes of ``.symtab``, ``.strtab`` and ``.symtab_shndx``, and whatever lies at a virtual
address. Symbols are not decoded here (``symbols.py`` does, with numpy: pyelftools takes 4.6 s for 200,000 of them,
one array view takes 7 ms). Only what is asked for is read: a vmlinux of 350 MB with DWARF costs its headers and its
symbol table.

Follows the ELF gABI, chapters "Sections" and "Symbol Table". Leaves out compression of sections and everything of
DWARF.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Self

from elfsyms.errors import InputError
from elfsyms.files import open_input, reading
from elfsyms.image.headers import CORE, RELOCATABLE, Abi, read_headers, read_program_headers
from elfsyms.image.sections import SHF_ALLOC, SHF_EXECINSTR, SHF_WRITE, Section, Sections
from elfsyms.image.segments import Segment

if TYPE_CHECKING:
    from elfsyms.image.dwarf import Dwarf
    from elfsyms.image.headers import Headers

__all__ = [
    "CORE",
    "RELOCATABLE",
    "SHF_ALLOC",
    "SHF_EXECINSTR",
    "SHF_WRITE",
    "TORN",
    "Abi",
    "Image",
    "RawSymtab",
    "Section",
    "Sections",
    "Segment",
    "open_image",
    "read_abi",
    "read_image",
]

TORN = b"\x7fELT"  # what a file begins with, not ELF's magic number, while tables are written into it

SHT_NULL, SHT_SYMTAB, SHT_STRTAB, SHT_RELA, SHT_NOBITS, SHT_REL, SHT_SHLIB = 0, 2, 3, 4, 8, 9, 10
SHT_NOTE, SHT_SYMTAB_SHNDX, SHT_RELR = 7, 18, 19

PT_LOAD, PT_NOTE = 1, 4


@dataclass(frozen=True, slots=True)
class RawSymtab:
    """``.symtab`` as it lies in the file, its string table, and ``SHT_SYMTAB_SHNDX`` (empty if absent)."""

    entries: bytes
    strings: bytes
    extended_indices: bytes


class Image:
    """An open ELF file. Use :func:`open_image`; close it, or use it as a context manager."""

    def __init__(self, path: Path, stream: BinaryIO, headers: Headers) -> None:
        """Wrap an open stream whose headers were read; :func:`open_image` does both."""
        self.path = path
        self.abi, self.file_type, self.sections = headers.abi, headers.file_type, headers.sections
        self._stream = stream
        self._size = stream.seek(0, 2)

    def __enter__(self) -> Self:
        """Return the image itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the file."""
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._stream.close()

    def raw_symtab(self) -> RawSymtab:
        """Read the raw symbol table; :class:`InputError` when there is none or it is cut short."""
        symtab = next(iter(self.of_type(SHT_SYMTAB)), None)
        if symtab is None:
            why = "memory, not a file that was linked" if self.file_type == CORE else "it was stripped"
            raise InputError(
                f"{self.path} has no .symtab: {why}; give the unstripped vmlinux of the build "
                "tree, or the one of the distribution's debug package"
            )
        if not 0 < symtab.link < len(self.sections) or self.sections[symtab.link].type != SHT_STRTAB:
            raise InputError(
                f"{self.path}: .symtab names no string table (sh_link {symtab.link}): rebuild it"
            )
        shndx = next((s for s in self.of_type(SHT_SYMTAB_SHNDX) if s.link == symtab.index), None)
        return RawSymtab(
            entries=self.section_bytes(symtab),
            strings=self.section_bytes(self.sections[symtab.link]),
            extended_indices=self.section_bytes(shndx) if shndx else b"",
        )

    def dwarf(self) -> Dwarf | None:
        """Return the debug information, None where the file has none; see :mod:`elfsyms.image.dwarf`."""
        from elfsyms.image.dwarf import read_dwarf  # noqa: PLC0415 (only this needs it)

        return read_dwarf(self)

    def fileno(self) -> int:
        """Return the file's descriptor; :class:`OSError` for one that lies in memory."""
        return self._stream.fileno()

    def unpacked(self, section: Section) -> bytes:
        """Return the bytes of a compressed section (``SHF_COMPRESSED``) as they were.

        Raises :class:`InputError` where they cannot be unpacked.
        """
        from elfsyms.image.packed_sections import unpack_section  # noqa: PLC0415 (only for such sections)

        data = memoryview(self.section_bytes(section))
        return unpack_section(data, self.abi, f"{self.path}: section {section.name}")

    def segments(self) -> tuple[Segment, ...]:
        """Read the program headers; :class:`InputError` for those that make no sense."""
        return read_program_headers(self.path, self._stream)

    @property
    def size(self) -> int:
        """The bytes of the file."""
        return self._size

    def read_at(self, offset: int, size: int) -> bytes:
        """Return bytes at an offset in the file, fewer where it ends before."""
        left = self._size - offset  # an offset may be one that no file has
        return self._read(offset, min(size, left)) if left > 0 else b""

    def section(self, name: str) -> Section | None:
        """Return the first section of that name, or None."""
        return self.sections.named(name)

    def of_type(self, kind: int) -> list[Section]:
        """Return the sections of a type, in their order."""
        return self.sections.where(self.sections.rows["type"] == kind)

    def section_bytes(self, section: Section) -> bytes:
        """Return a section's bytes as the file has them (none for ``SHT_NOBITS``)."""
        if section.type == SHT_NOBITS:
            return b""
        if section.offset + section.size > self._size:
            raise InputError(
                f"{self.path} is truncated: section {section.name or section.index} ends at byte "
                f"{section.offset + section.size:,}, the file has {self._size:,}; copy it again"
            )
        return self._read(section.offset, section.size)

    def read(self, address: int, size: int) -> bytes | None:
        """Return ``size`` bytes at a virtual address, or None where the file holds none.

        A 32-bit address may be sign-extended, as BFD shows those of MIPS.
        """
        address &= (1 << self.abi.bits) - 1
        for section in self.sections.holding(address, size):
            if section.type != SHT_NOBITS:
                offset = section.offset + address - section.address
                return self._read(offset, size) if offset + size <= self._size else None
        return None

    def read_some(self, address: int, most: int) -> bytes:
        """Return the bytes at a virtual address, at most so many: as many as its section has there."""
        address &= (1 << self.abi.bits) - 1
        for section in self.sections.holding(address):
            if section.type != SHT_NOBITS:
                return self.read(address, min(most, section.address + section.size - address)) or b""
        return b""

    def _read(self, offset: int, size: int) -> bytes:
        """Read bytes that the file had when it was opened."""
        with reading(self.path):
            self._stream.seek(offset)
            data = self._stream.read(size)
        if len(data) < size:
            raise InputError(f"{self.path} became shorter while it was read: try again once it is whole")
        return data


def open_image(path: str | Path) -> Image:
    """Open an ELF file and read its headers.

    Raises :class:`InputError` for what cannot be read, is not ELF, or has headers that make no sense.
    """
    path = Path(path)
    with reading(path):
        stream = open_input(path)
    try:
        return read_image(path, stream)
    except BaseException:
        stream.close()
        raise


def read_image(path: Path, stream: BinaryIO) -> Image:
    """Read the headers of an ELF file that is open already, or lies in memory; ``path`` is its name in sentences.

    Raises what :func:`open_image` does, and leaves the stream open then.
    """
    _check_magic(path, stream)
    return Image(path, stream, read_headers(path, stream))


def read_abi(path: str | Path) -> Abi:
    """Return the ABI of any ELF file, an object of the same link as well as a vmlinux."""
    with open_image(path) as image:
        return image.abi


def _check_magic(path: Path, stream: BinaryIO) -> None:
    with reading(path):
        magic = stream.read(4)
    if magic != b"\x7fELF":
        raise InputError(f"{path} is not an ELF file ({_guess(magic)}); give the vmlinux of the build tree")


def _guess(magic: bytes) -> str:
    """Say what a file seems to be that is not ELF: people hand over compressed kernels."""
    kinds = {
        b"\x1f\x8b": "a gzip file, perhaps vmlinuz",
        b"\xfd7z": "an xz file: unpack it first",
        b"(\xb5/\xfd": "a zstd file: unpack it first",
        b"MZ": "a boot image",
        b"!<ar": "an ar archive",
        TORN: "a kernel whose tables were half filled in when elfsyms was stopped: link it again",
    }
    return next((kind for start, kind in kinds.items() if magic.startswith(start)), "") or (
        "it is empty" if not magic else f"it begins with {magic.hex(' ')}"
    )
