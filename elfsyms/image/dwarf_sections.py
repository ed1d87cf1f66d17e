# SPDX-License-Identifier: GPL-2.0-or-later
"""The bytes of debug sections, as few of them read as possible.

The debug information of a distribution's kernel has 300 MB, and a question needs some units of it: a plain section
of a plain file is mapped, not read. A compressed one (``SHF_COMPRESSED``) is unpacked whole. Those of a
module are filled in by its relocations first, which are absolute in debug information: symbol
plus addend (but for RISC-V and LoongArch, see ``dwarf.py``).
"""

from __future__ import annotations

import io
import mmap
from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from elfsyms.e_machine import EM_AARCH64, EM_LOONGARCH, EM_MIPS, EM_PPC64, EM_RISCV, EM_S390, EM_X86_64
from elfsyms.image.elf import RELOCATABLE, SHT_REL, SHT_RELA
from elfsyms.image.machines import machine_of
from elfsyms.image.relocated import Patch, entries_of
from elfsyms.image.symbols import read_symbols

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from elfsyms.image.elf import Image, Section

__all__ = ["DebugSections"]

_MADV_POPULATE_READ = 22
_COMPRESSED = 1 << 11  # SHF_COMPRESSED

# The relocation that puts an address into 32 bits, on machines whose word is wider.
_WORD32 = {EM_X86_64: 10, EM_AARCH64: 258, EM_RISCV: 1, EM_LOONGARCH: 1, EM_S390: 4, EM_PPC64: 1, EM_MIPS: 2}


class DebugSections:
    """The debug sections of one file, by name; empty bytes for one that is not there."""

    def __init__(self, image: Image) -> None:
        """Take an open file, which must stay open."""
        self._image = image
        self._known: dict[str, memoryview] = {}

    def has(self, name: str) -> bool:
        """Tell whether there is such a section, and something in it."""
        section = self._image.section(name)
        return section is not None and section.size > 0

    def get(self, name: str) -> memoryview:
        """Return the bytes of a section."""
        if name not in self._known:
            section = self._image.section(name)
            self._known[name] = memoryview(b"") if section is None else self._read(section)
        return self._known[name]

    def expect_all(self, name: str) -> None:
        """Have a section's pages mapped at once, where it is to be searched: one by one takes twice as long."""
        section = self._image.section(name)
        if section is None or section.flags & _COMPRESSED or self._image.file_type == RELOCATABLE:
            return
        mapped = None if self._whole is None else self._whole.obj
        if isinstance(mapped, mmap.mmap):
            begin = section.offset // mmap.PAGESIZE * mmap.PAGESIZE
            with suppress(OSError, ValueError, AttributeError):  # Linux has it since 5.14
                mapped.madvise(_MADV_POPULATE_READ, begin, section.offset + section.size - begin)

    def _read(self, section: Section) -> memoryview:
        if section.flags & _COMPRESSED:
            return memoryview(self._image.unpacked(section))
        if self._image.file_type == RELOCATABLE:
            return memoryview(self._relocated(section))
        if self._whole is None or section.offset + section.size > len(self._whole):
            return memoryview(self._image.section_bytes(section))
        return self._whole[section.offset : section.offset + section.size]

    @cached_property
    def _whole(self) -> memoryview | None:
        """The file as it is mapped; None for one that cannot be."""
        try:
            return memoryview(mmap.mmap(self._image.fileno(), 0, access=mmap.ACCESS_READ))
        except (OSError, ValueError, io.UnsupportedOperation):
            return None

    def _relocated(self, section: Section) -> bytes:
        """Return a section of an object with its fields filled in."""
        data = self._image.section_bytes(section)
        kinds = (SHT_REL, SHT_RELA)
        for source in self._image.sections:
            if source.type in kinds and source.info == section.index and source.size:
                data = self._filled(data, source)
        return data

    def _filled(self, data: bytes, source: Section) -> bytes:
        abi = self._image.abi
        entries = entries_of(self._image, source)
        widths = {machine_of(abi).word: abi.word, _WORD32.get(abi.machine, -1): 4}
        for kind, width in widths.items():
            chosen = np.flatnonzero((entries.type == kind) & (entries.offset + width <= len(data)))
            chosen = chosen[np.argsort(entries.offset[chosen], kind="stable")]
            chosen = chosen[entries.symbol[chosen] < len(self._values)]
            field = entries.offset[chosen].astype(np.uint64)
            value = self._values[entries.symbol[chosen]] + entries.addend[chosen].astype(np.uint64)
            if not entries.explicit:
                value += _fields(data, f"{abi.byte_order}u{width}", entries.offset[chosen])
            data = Patch(width, field, value).apply(data, 0, abi.byte_order)
        return data

    @cached_property
    def _values(self) -> NDArray[np.uint64]:
        return read_symbols(self._image).value.astype(np.uint64)


def _fields(data: bytes, kind: str, offsets: NDArray[np.int64]) -> NDArray[np.uint64]:
    """Return the numbers at some offsets, which need not be aligned."""
    width = np.dtype(kind).itemsize
    numbers = np.ndarray((max(0, len(data) - width + 1),), kind, data, strides=(1,))
    return numbers[offsets].astype(np.uint64)
