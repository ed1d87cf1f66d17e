# SPDX-License-Identifier: GPL-2.0-or-later
"""The tables as a link makes them of the layout: relocations applied, ``_text`` at its own address."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from elfsyms.pipeline.layout import RelocationKind

if TYPE_CHECKING:
    from elfsyms.image.elf import Abi
    from elfsyms.pipeline.kernel import Kernel
    from elfsyms.pipeline.layout import Relocations

__all__ = ["linked_tables"]


def linked_tables(kernel: Kernel) -> bytes:
    """Return the tables' bytes with their relocations applied.

    The section lies where the kernel's own label has it, or else behind the last symbol.
    """
    layout, text = kernel.layout, kernel.tables.boundaries.text
    address = kernel.symbols.address_of(layout.labels[0].name)
    if address is None:
        address = (int(kernel.tables.records.address.max(initial=0)) | 0xFFF) + 1
    blob = bytearray(layout.blob)
    for relocations in layout.relocations:
        _apply(blob, relocations, text, address, layout.abi)
    return bytes(blob)


def _apply(blob: bytearray, relocations: Relocations, text: int, address: int, abi: Abi) -> None:
    """Fill in fields of one kind."""
    offsets = relocations.offsets.astype(np.int64)
    value = relocations.addends + np.uint64(text).astype(np.int64)
    width = abi.word
    if relocations.kind is RelocationKind.PC_RELATIVE:
        width = 4
        value = value - offsets - np.uint64(address & (1 << 64) - 1).astype(np.int64)
    field = np.dtype(f"{abi.byte_order}u{width}")
    octets = value.astype(np.uint64).astype(field).view(np.uint8).reshape(-1, width)
    target = np.frombuffer(blob, np.uint8)
    target[offsets[:, None] + np.arange(width)] = octets
