# SPDX-License-Identifier: GPL-2.0-or-later
"""PE files that carry a kernel in a section: unified kernel images (UKI), and Xen's.

The section ``.linux`` of a UKI holds a whole kernel image, ``.kernel`` that of Xen's. A PE file without either may
unpack itself, as vendors' kernels did before ``EFI zboot``: then a stream in it must prove itself.

Follows Microsoft's PE format, and the UAPI group's specification of unified kernel images. Leaves out kernels that
are PE files themselves (``containers.py``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from elfsyms.unpack.other_files import OtherFile
from elfsyms.unpack.parts import Hints, Part, text_at, u32

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["pe_part"]

_KERNELS = {".linux": "unified kernel image", ".kernel": "Xen image"}
_MACHINES = {0x14C: 3, 0x1C2: 40, 0x1C4: 40, 0x5032: 243, 0x5064: 243, 0x6264: 258, 0x8664: 62, 0xAA64: 183}
_HEADER, _ROW = 24, 40  # bytes
_PROGRAM = OtherFile("a program of EFI or Windows (PE)")


def pe_part(data: memoryview) -> Part | None:
    """Return the kernel in a section of a PE file, else the file itself to be scanned; None for other bytes."""
    start = u32(data, 0x3C)
    if bytes(data[:2]) != b"MZ" or bytes(data[start : start + 4]) != b"PE\0\0":
        return None
    hints = Hints(_MACHINES.get(u32(data, start + 4) & 0xFFFF, 0))
    for name, offset, size in _sections(data, start):
        if name in _KERNELS:
            return Part(_KERNELS[name], offset, offset + size, hints=hints)
    return Part("PE file", 0, len(data), scan=True, hints=hints, otherwise=_PROGRAM)


def _sections(data: memoryview, start: int) -> Iterator[tuple[str, int, int]]:
    """Yield name, offset and size of each section; in the file they are padded, in memory they are not."""
    count, optional = u32(data, start + 6) & 0xFFFF, u32(data, start + 20) & 0xFFFF
    for row in range(count):
        at = start + _HEADER + optional + row * _ROW
        size, padded = u32(data, at + 8), u32(data, at + 16)
        yield text_at(data, at, 8), u32(data, at + 20), min(size, padded) or padded
