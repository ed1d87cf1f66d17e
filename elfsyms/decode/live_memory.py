# SPDX-License-Identifier: GPL-2.0-or-later
"""``/proc/kcore`` without notes that lead to the tables: the parts that are worth a search, one after the other.

It is as large as the address space. Where the kernel's text and data have a segment of their own, that is among the
smaller ones. Elsewhere (32-bit x86, PowerPC, MIPS, LoongArch) the kernel is part of the map of all memory, which is
read through for token tables; around each the memory is taken.

Follows ``fs/proc/kcore.c``. Leaves out cores that can be mapped, which are searched as a whole.
"""

from __future__ import annotations

import io
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from elfsyms.decode.anchors import find_token_anchors
from elfsyms.errors import InputError
from elfsyms.image.elf import PT_LOAD, read_image
from elfsyms.image.live_core import core_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from elfsyms.image.elf import Image
    from elfsyms.image.kernel_file import KernelFile
    from elfsyms.image.segments import Segment

__all__ = ["parts_to_search"]

_MOST_SEARCHED = 1 << 28  # bytes of a part; a kernel's text and data have a fifth of that
_MOST_READ = 1 << 38  # bytes read through for token tables: larger segments map what may be there, not memory
# Bytes read at a time, and once more: a pair of token tables has some 3,000.
_WINDOW, _OVERLAP = 1 << 26, 1 << 16


def parts_to_search(file: KernelFile) -> Iterator[KernelFile]:
    """Yield a file, or of one that is too large to be mapped, cores of what may hold the tables."""
    image = file.image
    if image is None or not file.is_core or len(file.data) >= image.size:
        yield file
        return
    small, large = _by_size(image)
    yield _core(file, image, small)
    for segment in large:
        for at in _token_tables(image, segment):
            start = max(at - _MOST_SEARCHED // 2, 0)
            size = min(_MOST_SEARCHED, segment.file_size - start)
            part = replace(
                segment, offset=segment.offset + start, address=segment.address + start, file_size=size
            )
            yield _core(file, image, [part])


def _by_size(image: Image) -> tuple[list[Segment], list[Segment]]:
    """Return the segments that one search takes together, and the larger ones that hold memory."""
    loads = [segment for segment in image.segments() if segment.type == PT_LOAD and segment.file_size]
    loads.sort(key=lambda segment: segment.file_size)
    sums = np.cumsum([segment.file_size for segment in loads], dtype=np.float64)
    small, readable = (int(np.searchsorted(sums, most, "right")) for most in (_MOST_SEARCHED, _MOST_READ))
    return loads[:small], loads[small:readable]


def _core(file: KernelFile, image: Image, segments: list[Segment]) -> KernelFile:
    """Return a core of what can be read of some segments."""
    pieces = [(segment, data) for segment in segments if (data := _read(image, segment)) is not None]
    data = core_of(image.abi, sorted(pieces, key=lambda piece: piece[0].address))
    return replace(file, data=data, image=read_image(file.path, io.BytesIO(data)))


def _read(image: Image, segment: Segment) -> bytes | None:
    try:
        return image.read_at(segment.offset, segment.file_size)
    except InputError:
        return None


def _token_tables(image: Image, segment: Segment) -> Iterator[int]:
    """Yield how far in a segment token tables lie."""
    for start in range(0, segment.file_size, _WINDOW):
        size = min(_WINDOW + _OVERLAP, segment.file_size - start)
        data = _read(image, replace(segment, offset=segment.offset + start, file_size=size)) or b""
        anchors, _ = find_token_anchors(np.frombuffer(data, np.uint8))
        yield from (start + anchor.table for anchor in anchors if anchor.table < _WINDOW)
