# SPDX-License-Identifier: GPL-2.0-or-later
"""The headers of an ELF file: its identity, its sections, its segments.

The only module that touches pyelftools, which parses them. Follows the ELF gABI, chapters "ELF
Header", "Sections" and "Program Header".
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, BinaryIO, Literal

import numpy as np

from elfsyms.errors import InputError
from elfsyms.image.sections import Sections, header_rows, header_type
from elfsyms.image.segments import Segment, read_segments

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["CORE", "RELOCATABLE", "Abi", "Headers", "read_headers", "read_program_headers"]

RELOCATABLE = "a relocatable object"
CORE = "a core dump"
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
    from elftools.common.exceptions import ELFError  # noqa: PLC0415 (60 ms; --version needs none of it)
    from elftools.construct import ConstructError  # noqa: PLC0415 (as above)
    from elftools.elf.elffile import ELFFile  # noqa: PLC0415 (as above)

    try:
        elf = ELFFile(stream)
        kind = _FILE_TYPES.get(_number(elf["e_type"], _E_TYPE), "of an unknown type")
        return Headers(_abi(elf.header), kind, _sections(elf, stream))
    except (ELFError, ConstructError, AssertionError, LookupError, OSError, OverflowError, ValueError) as why:
        raise InputError(f"{path} is a damaged or truncated ELF file ({why}); copy it again") from why


def read_program_headers(path: Path, stream: BinaryIO) -> tuple[Segment, ...]:
    """Read the program headers of an ELF file; raises as :func:`read_headers` does."""
    from elftools.common.exceptions import ELFError  # noqa: PLC0415 (as above)
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
