# SPDX-License-Identifier: GPL-2.0-or-later
"""Bytes at addresses, wherever the tables lie: in a linked kernel, in an object, in a raw dump.

A :class:`Memory` is what ``decode/`` reads from. A linked kernel has its sections, and over them the words that
its own dynamic relocations fill in when it starts: a relocatable arm64 kernel has zeros where its pointers will
be. An object has one section, taken to lie at ``_text`` itself, with its relocations applied; what is relative to
``_text`` or to its own address then reads as in any other image. A dump is one run of bytes.

An ELF file without sections, and a core dump, has its segments.

Follows the gABI, chapters "Sections" and "Program Header".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from elfsyms.errors import InputError
from elfsyms.image.elf import PT_LOAD, SHF_ALLOC, SHT_NOBITS
from elfsyms.image.machines import word_of
from elfsyms.image.raw_relocations import dump_patches
from elfsyms.image.relocated import dynamic_patches, object_patches

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from elfsyms.image.elf import Abi, Image, Section
    from elfsyms.image.relocated import Patch
    from elfsyms.image.symbols import SymbolTable

__all__ = ["Memory", "Span", "dump_memory", "image_memory", "object_memory", "segment_memory"]


@dataclass(frozen=True, slots=True)
class Span:
    """A run of addresses; ``read`` takes an offset in it and a size, and is None where the file has no bytes."""

    start: int
    size: int
    read: Callable[[int, int], bytes] | None


@dataclass(frozen=True, slots=True, eq=False)
class Memory:
    """Spans of bytes, and the relocations over them.

    ``patches`` hold the fields that relocations fill in. ``complete`` tells that there is one for every field that
    moves with the kernel, as in an object; a linked image may have been relocated already.
    """

    abi: Abi
    name: str  # of the file, for sentences
    spans: tuple[Span, ...]
    patches: tuple[Patch, ...] = ()
    complete: bool = False

    @property
    def lowest(self) -> int:
        """The lowest address of which there are bytes."""
        return min((span.start for span in self.spans if span.read and span.size), default=0)

    def room(self, address: int) -> int:
        """Return how many bytes there are from an address to the end of its span; 0 where there is none."""
        span = self._span(address)
        return span.start + span.size - address if span else 0

    def read(self, address: int, size: int) -> bytes:
        """Return bytes as they are once the kernel runs at its linked address.

        Raises :class:`InputError` where the file does not have that many there.
        """
        span = self._span(address)
        data = span.read(address - span.start, size) if span and span.read else b""
        if len(data) < size:
            raise InputError(
                f"{self.name} has no {size:,} bytes at {address:#x}: check the release and the addresses given"
            )
        for patch in self.patches:
            data = patch.apply(data, address, self.abi.byte_order)
        return data

    def numbers(self, address: int, count: int, width: int, *, signed: bool = False) -> NDArray[np.int64]:
        """Return an array of integers of a width in the target's byte order; 64-bit ones wrap around."""
        data = self.read(address, count * width)
        kind = "i" if signed else "u"
        return np.frombuffer(data, f"{self.abi.byte_order}{kind}{width}").astype(np.int64)

    def relocated(self, address: int, count: int, width: int) -> NDArray[np.bool_]:
        """Mark which of ``count`` fields in a row have a relocation."""
        marks = np.zeros(count, np.bool_)
        for patch in self.patches:
            index = (patch.between(address, address + count * width) - address) // width
            marks[index] = True
        return marks

    def holds(self, addresses: NDArray[np.uint64]) -> NDArray[np.bool_]:
        """Mark the addresses that lie in some span."""
        spans = sorted((span.start, span.start + span.size) for span in self.spans if span.size)
        starts = np.array([start for start, _ in spans], np.uint64)
        ends = np.array([0, *(end - 1 for _, end in spans)], np.uint64)
        return np.asarray(addresses <= ends[np.searchsorted(starts, addresses, side="right")])

    def _span(self, address: int) -> Span | None:
        return next((s for s in self.spans if s.read and s.start <= address < s.start + s.size), None)


def image_memory(image: Image) -> Memory:
    """Return a linked image's sections, with its dynamic relocations applied."""
    spans = tuple(_span(image, section) for section in image.sections if section.flags & SHF_ALLOC)
    return Memory(image.abi, str(image.path), spans, dynamic_patches(image))


def object_memory(image: Image, table: SymbolTable, section: Section, text: int) -> Memory:
    """Return one section of an object, as if it lay at ``_text``, whose address is ``text``.

    Raises :class:`InputError` for relocations that cannot be followed.
    """
    data = image.section_bytes(section)
    patches = object_patches(image, table, section, text)
    return Memory(image.abi, str(image.path), (_bytes_span(data, text),), patches, complete=True)


def segment_memory(image: Image) -> Memory:
    """Return what the program headers map: of a kernel that lost its sections, or the memory in a core dump.

    A dump that was cut off has less than they say. Cores of machines of 32 bits are often files of class 64, for
    their memory may have more than 4 GiB: the machine tells how wide a pointer is.
    """
    abi = image.abi.with_word(word_of(image.abi.machine) or image.abi.word)
    spans = [
        Span(
            segment.address,
            min(segment.file_size, image.size - segment.offset),
            _reader(image, segment.offset),
        )
        for segment in image.segments()
        if segment.type == PT_LOAD and segment.file_size and segment.offset < image.size
    ]
    return Memory(abi, str(image.path), tuple(spans))


def _reader(image: Image, start: int) -> Callable[[int, int], bytes]:
    return lambda offset, size: image.read_at(start + offset, size)


def dump_memory(data: bytes, base: int, abi: Abi, name: str) -> Memory:
    """Return a raw dump of memory whose first byte was at ``base``; relocations that it holds are applied."""
    return Memory(abi, name, (_bytes_span(data, base),), dump_patches(data, base, abi))


def _span(image: Image, section: Section) -> Span:
    def read(offset: int, size: int) -> bytes:
        return image.read(section.address + offset, size) or b""

    return Span(section.address, section.size, None if section.type == SHT_NOBITS else read)


def _bytes_span(data: bytes, start: int) -> Span:
    return Span(start, len(data), lambda offset, size: data[offset : offset + size])
