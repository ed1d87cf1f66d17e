# SPDX-License-Identifier: GPL-2.0-or-later
"""The kernel's bytes at their addresses: as ELF headers say, or a bare image from its first byte's address on.

An ELF file's dynamic relocations are applied first; words that the search filled in by raw relocations are laid
over the zeros that the image has there.

Leaves out finding the address of a bare image (``placing.py``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from elfsyms.image.elf import Abi
from elfsyms.image.memory import Memory, Span
from elfsyms.image.relocated import Patch, dynamic_patches

if TYPE_CHECKING:
    from collections.abc import Callable
    from mmap import mmap

    from elfsyms.decode.found import Found
    from elfsyms.image.kernel_file import KernelFile, Run

__all__ = ["Placement", "memory_of", "relocated_bytes"]

_TOP = (1 << 64) - 1


@dataclass(frozen=True, slots=True)
class Placement:
    """Where the bytes of an image lie: in runs, the likeliest first, or from the address ``bias`` on."""

    runs: tuple[Run, ...] = ()
    bias: int | None = None

    @property
    def is_known(self) -> bool:
        """Whether anything tells."""
        return bool(self.runs) or self.bias is not None

    def address_of(self, offset: int) -> int:
        """Return the address of a byte of the image; its offset where nothing tells."""
        for run in self.runs:
            if run.offset <= offset < run.offset + run.size:
                return run.address + offset - run.offset
        return (offset + (self.bias or 0)) & _TOP

    def offset_of(self, address: int) -> int | None:
        """Return where in the image an address lies, None where nothing tells."""
        for run in self.runs:
            if run.address <= address < run.address + run.size:
                return run.offset + address - run.address
        return None if self.bias is None else (address - self.bias) & _TOP


def memory_of(file: KernelFile, data: bytes | mmap, found: Found, placement: Placement) -> Memory:
    """Return the bytes of an image, so that they can be read by their addresses."""
    patches, word = _patches(found, placement), found.addresses.word
    if file.image is not None:
        spans = tuple(Span(run.address, run.size, _reader(data, run.offset)) for run in placement.runs)
        return Memory(file.image.abi.with_word(word), str(file.path), spans, patches)
    abi = Abi(64, found.byte_order, file.hints.machine, 0).with_word(word)
    start = (placement.bias or 0) & (1 << abi.bits) - 1
    span = Span(start, len(file.data), _reader(data, 0))
    return Memory(abi, str(file.path), (span,), patches)


def relocated_bytes(file: KernelFile) -> bytes | mmap:
    """Return the bytes with an ELF file's own dynamic relocations applied, where it has any."""
    image = file.image
    patches = dynamic_patches(image) if image is not None else ()
    if image is None or not patches:
        return file.data
    data = bytearray(file.data)
    for run in file.runs():
        for patch in patches:
            inside = memoryview(data)[run.offset : run.offset + run.size]
            patch.apply_to(np.frombuffer(inside, np.uint8), run.address, image.abi.byte_order)
    return bytes(data)


def _reader(data: bytes | mmap, start: int) -> Callable[[int, int], bytes]:
    return lambda offset, size: data[start + offset : start + offset + size]


def _patches(found: Found, placement: Placement) -> tuple[Patch, ...]:
    """Return the words that relocations filled in, over the zeros that the image has there."""
    reading = found.addresses
    if not reading.filled:
        return ()
    if reading.form == "word":
        first = placement.address_of(reading.offsets["addresses"])
        fields = np.uint64(first) + np.arange(len(reading.address), dtype=np.uint64) * np.uint64(reading.word)
        return (Patch(reading.word, fields, reading.address),)
    start = placement.address_of(reading.offsets["relative_base"])
    return (Patch(reading.word, np.array([start], np.uint64), np.array([reading.base], np.uint64)),)
