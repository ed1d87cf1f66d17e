# SPDX-License-Identifier: GPL-2.0-or-later
"""The ELF file: identity, sections, raw symbol table, bytes at an address.

With ``dwarf.py`` the only module that touches pyelftools. It has headers parsed there and hands out facts: an
:class:`Abi`, an array of sections (``sections.py``), the raw bytes of ``.symtab``, ``.strtab`` and
``.symtab_shndx``, and whatever lies at a virtual address. Symbols are not decoded here (``symbols.py`` does, with
numpy: pyelftools takes 4.6 s for 200,000 of them, one array view takes 7 ms). Only what is asked for is read: a
vmlinux of 350 MB with DWARF costs its headers and its symbol table.

Follows the ELF gABI, chapters "ELF Header", "Sections", "Symbol Table" and "Program Header". Leaves out
compression of sections and everything of DWARF.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Literal, Self

import numpy as np

from elfsyms.errors import InputError
from elfsyms.files import open_input, reading
from elfsyms.image.sections import (
    SHF_ALLOC,
    SHF_EXECINSTR,
    SHF_WRITE,
    Section,
    Sections,
    header_rows,
    header_type,
)
from elfsyms.image.segments import Segment, read_segments

if TYPE_CHECKING:
    from elfsyms.image.dwarf import Dwarf

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

RELOCATABLE = "a relocatable object"
CORE = "a core dump"
PT_LOAD, PT_NOTE = 1, 4
_FILE_TYPES = {1: RELOCATABLE, 2: "an executable", 3: "a shared object", 4: CORE}


@dataclass(frozen=True, slots=True)
class Abi:
    """Who the file is for: everything that an object of the same link must repeat.

    ``byte_order`` is numpy's and struct's prefix: ``"<"`` little-endian, ``">"`` big-endian.
    """

    bits: Literal[32, 64]
    byte_order: Literal["<", ">"]
    machine: int  # e_machine
    flags: int  # e_flags
    os_abi: int = 0  # e_ident[EI_OSABI]
    abi_version: int = 0  # e_ident[EI_ABIVERSION]

    @property
    def word(self) -> int:
        """Bytes of a pointer: 4 or 8."""
        return self.bits // 8

    def with_word(self, word: int) -> Abi:
        """Return the same for pointers of 4 or 8 bytes: a core's class does not tell how wide the kernel's are."""
        return replace(self, bits=64 if word == 8 else 32)


@dataclass(frozen=True, slots=True)
class RawSymtab:
    """``.symtab`` as it lies in the file, its string table, and ``SHT_SYMTAB_SHNDX`` (empty if absent)."""

    entries: bytes
    strings: bytes
    extended_indices: bytes


class Image:
    """An open ELF file. Use :func:`open_image`; close it, or use it as a context manager."""

    def __init__(self, path: Path, stream: BinaryIO, header: Any, sections: Sections) -> None:
        """Wrap an open stream whose headers were read; :func:`open_image` does both."""
        self.path = path
        self.abi = _abi(header)
        self.file_type = _FILE_TYPES.get(_number(header["e_type"], _E_TYPE), "of an unknown type")
        self.sections = sections
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
        return _segments(self.path, self._stream)

    @property
    def size(self) -> int:
        """The bytes of the file."""
        return self._size

    def read_at(self, offset: int, size: int) -> bytes:
        """Return bytes at an offset in the file, fewer where it ends before."""
        return self._read(offset, min(size, max(self._size - offset, 0)))

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
    header, sections = _headers(path, stream)
    return Image(path, stream, header, sections)


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


def _headers(path: Path, stream: BinaryIO) -> tuple[Any, Sections]:
    from elftools.common.exceptions import ELFError  # noqa: PLC0415 (60 ms; --version needs none of it)
    from elftools.construct import ConstructError  # noqa: PLC0415 (as above)
    from elftools.elf.elffile import ELFFile  # noqa: PLC0415 (as above)

    try:
        elf = ELFFile(stream)
        return elf.header, _sections(elf, stream)
    except (ELFError, ConstructError, AssertionError, LookupError, OSError, OverflowError, ValueError) as why:
        raise InputError(f"{path} is a damaged or truncated ELF file ({why}); copy it again") from why


def _segments(path: Path, stream: BinaryIO) -> tuple[Segment, ...]:
    from elftools.common.exceptions import ELFError  # noqa: PLC0415 (as in _headers)
    from elftools.construct import ConstructError  # noqa: PLC0415 (as above)
    from elftools.elf.elffile import ELFFile  # noqa: PLC0415 (as above)

    try:
        elf = ELFFile(stream)
        start, step, count = elf["e_phoff"], elf["e_phentsize"], elf.num_segments()
        _check_extent(stream, "the program header table", start, count * step)
        stream.seek(start)
        return read_segments(stream.read(count * step), step, elf.elfclass, "<" if elf.little_endian else ">")
    except (ELFError, ConstructError, LookupError, OSError, OverflowError, ValueError) as why:
        raise InputError(f"{path} has damaged program headers ({why}); copy it again") from why


def _sections(elf: Any, stream: BinaryIO) -> Sections:
    """Read the section headers as an array: pyelftools' section classes parse contents too, and trip over some."""
    entry = header_type(elf.elfclass, "<" if elf.little_endian else ">")
    start, step, count = elf["e_shoff"], elf["e_shentsize"], elf.num_sections()
    if count == 0:
        return Sections(np.empty(0, entry))
    _check_extent(stream, "the section header table", start, count * step)
    stream.seek(start)
    rows = header_rows(stream.read(count * step), step, entry)
    names = rows[elf.get_shstrndx()]
    _check_extent(stream, "the section name table", int(names["offset"]), int(names["size"]))
    stream.seek(int(names["offset"]))
    sections = Sections(rows, stream.read(int(names["size"])))
    sections.check_names()
    return sections


def _check_extent(stream: BinaryIO, what: str, offset: int, size: int) -> None:
    """Raise :class:`ValueError` for something that does not lie in the file, before it is read or counted."""
    whole = stream.seek(0, 2)
    if offset + size > whole:
        raise ValueError(f"{what} ends at byte {offset + size:,} of {whole:,}")


def _abi(header: Any) -> Abi:
    ident = header["e_ident"]
    return Abi(
        bits=64 if ident["EI_CLASS"] == "ELFCLASS64" else 32,
        byte_order="<" if ident["EI_DATA"] == "ELFDATA2LSB" else ">",
        machine=_number(header["e_machine"], _E_MACHINE),
        flags=header["e_flags"],
        os_abi=_number(ident["EI_OSABI"], _EI_OSABI),
        abi_version=ident["EI_ABIVERSION"],
    )


# pyelftools turns numbers into names where it knows one; these prefixes lead back.
_E_TYPE, _E_MACHINE, _EI_OSABI = "ENUM_E_TYPE", "ENUM_E_MACHINE", "ENUM_EI_OSABI"


def _number(value: int | str, enumeration: str) -> int:
    if isinstance(value, int):
        return value
    from elftools.elf import enums  # noqa: PLC0415 (loaded already, by the file's own headers)

    tables = (table for name, table in vars(enums).items() if name.startswith(enumeration))
    return next(int(table[value]) for table in tables if value in table)
