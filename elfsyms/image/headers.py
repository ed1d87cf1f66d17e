# SPDX-License-Identifier: GPL-2.0-or-later
"""The headers of an ELF file: its identity, its sections, its segments.

The only module that touches pyelftools, which parses the first. Follows the ELF gABI, chapters "ELF
Header", "Sections" and "Program Header".
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, replace
from struct import unpack
from typing import TYPE_CHECKING, Any, BinaryIO, Literal

import numpy as np

from elfsyms.errors import InputError
from elfsyms.image.sections import Sections, header_rows, header_type
from elfsyms.image.segments import Segment, read_segments

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["CORE", "RELOCATABLE", "Abi", "Headers", "read_headers", "read_program_headers"]

RELOCATABLE = "a relocatable object"
CORE = "a core dump"
_CLASSES: dict[int, Literal[32, 64]] = {1: 32, 2: 64}
_ORDERS: dict[int, Literal["<", ">"]] = {1: "<", 2: ">"}
_PN_XNUM = _SHN_XINDEX = 0xFFFF  # the number is in section 0
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
class Headers:
    """What the headers say; ``file_type`` in words."""

    abi: Abi
    file_type: str
    sections: Sections


def read_headers(path: Path, stream: BinaryIO) -> Headers:
    """Read the headers of an ELF file; ``path`` is its name in sentences.

    Raises :class:`InputError` for headers that make no sense.
    """
    with _damage_told(f"{path} is a damaged or truncated ELF file", "copy it again"):
        own = _own_header(stream)
        kind = _FILE_TYPES.get(_number(own.fields["e_type"], _E_TYPE), "of an unknown type")
        return Headers(_abi(own.fields), kind, _sections(own, stream))


def read_program_headers(path: Path, stream: BinaryIO) -> tuple[Segment, ...]:
    """Read the program headers of an ELF file; raises as :func:`read_headers` does."""
    with _damage_told(f"{path} has damaged program headers", "copy it again"):
        own = _own_header(stream)
        start, step, count = (own.fields[name] for name in ("e_phoff", "e_phentsize", "e_phnum"))
        if count == _PN_XNUM:
            count = int(_section_headers(own, stream, 1)[0]["info"])
        _check_extent(stream, "the program header table", start, count * step)
        stream.seek(start)
        return read_segments(stream.read(count * step), step, own.bits, own.byte_order)


@contextmanager
def _damage_told(what: str, fix: str) -> Iterator[None]:
    """Turn what a damaged file leads to into a sentence."""
    from elftools.common.exceptions import ELFError  # noqa: PLC0415 (15 ms; --version needs none of it)
    from elftools.construct import ConstructError  # noqa: PLC0415 (as above)

    try:
        yield
    except (ELFError, ConstructError, AssertionError, LookupError, OSError, OverflowError, ValueError) as why:
        raise InputError(f"{what} ({why}); {fix}") from why


@dataclass(frozen=True, slots=True)
class _OwnHeader:
    """The header that a file begins with: its ``fields`` are named as in the gABI."""

    bits: Literal[32, 64]
    byte_order: Literal["<", ">"]
    fields: Any


def _own_header(stream: BinaryIO) -> _OwnHeader:
    """Read it by pyelftools' structures: its ``ELFFile`` loads what reads DWARF, too, in 15 ms more."""
    from elftools.common.utils import struct_parse  # noqa: PLC0415 (as above)
    from elftools.elf.structs import ELFStructs  # noqa: PLC0415 (as above)

    stream.seek(0)
    magic, bits, order = unpack("4sBB", stream.read(6).ljust(6, b"\0"))
    if magic != b"\x7fELF" or bits not in _CLASSES or order not in _ORDERS:
        raise ValueError("its identity is none of ELF")
    structs = ELFStructs(little_endian=_ORDERS[order] == "<", elfclass=_CLASSES[bits])
    structs.create_basic_structs()
    return _OwnHeader(_CLASSES[bits], _ORDERS[order], struct_parse(structs.Elf_Ehdr, stream, stream_pos=0))


def _sections(own: _OwnHeader, stream: BinaryIO) -> Sections:
    """Read the section headers as an array, and the names.

    Section 0 tells the count and the index of the names where these are too large for the file's own header.
    """
    if not own.fields["e_shoff"]:
        return Sections(np.empty(0, header_type(own.bits, own.byte_order)))
    count, which = own.fields["e_shnum"], own.fields["e_shstrndx"]
    first = _section_headers(own, stream, 1)[0]
    rows = _section_headers(own, stream, count or int(first["size"]))
    if not len(rows):
        return Sections(rows)
    names = rows[int(first["link"]) if which == _SHN_XINDEX else which]
    _check_extent(stream, "the section name table", int(names["offset"]), int(names["size"]))
    stream.seek(int(names["offset"]))
    sections = Sections(rows, stream.read(int(names["size"])))
    sections.check_names()
    return sections


def _section_headers(own: _OwnHeader, stream: BinaryIO, count: int) -> NDArray[np.void]:
    """Read so many section headers from the first on."""
    start, step = own.fields["e_shoff"], own.fields["e_shentsize"]
    _check_extent(stream, "the section header table", start, count * step)
    stream.seek(start)
    return header_rows(stream.read(count * step), step, header_type(own.bits, own.byte_order))


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
