# SPDX-License-Identifier: GPL-2.0-or-later
"""A vmlinux of what was recovered: the image's bytes in sections, and the symbols of its tables over them.

    Recovered ─ rebuilt_labels ─> lines ─ rebuilt_sections ─> parts ─ rebuilt_symbols ─> ELF file

The symbols may be those of a map instead (``System.map``): then the file says of a kernel without ``.symtab`` what
its own build knew.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from elfsyms.decode.rebuilt_labels import with_labels
from elfsyms.decode.rebuilt_sections import sections_of
from elfsyms.decode.rebuilt_symbols import bindings, sections_and_kinds, sizes, types
from elfsyms.e_machine import EM_ARM
from elfsyms.image.symbols import SHN_ABS
from elfsyms.writers.elf_image import ImagePart, ImageSymbols, write_image

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from elfsyms.decode.recovered import Recovered
    from elfsyms.image.records import Records

__all__ = ["rebuild"]


def rebuild(recovered: Recovered, records: Records | None = None, kaslr: int = 0) -> bytes:
    """Return an ELF file of the image, with the symbols of its tables, or with those given.

    ``kaslr`` moves the whole of it, but for what the tables hold as numbers.
    """
    own = recovered.decoded.records()
    lines = with_labels(recovered, own if records is None else records)
    parts = sections_of(recovered, lines)
    section, kind = sections_and_kinds(lines, parts, percpu_letter=records is None)
    moves = _moves(recovered, lines, section)
    shift = np.uint64(kaslr & (1 << 64) - 1)
    symbols = ImageSymbols(
        pool=lines.pool,
        start=lines.start,
        name_size=lines.size,
        value=lines.address + np.where(moves, shift, np.uint64(0)),
        size=sizes(lines.address, section),
        binding=bindings(lines.letter),
        type=types(kind, lines.letter, _thumb(recovered, lines)),
        section=section,
    )
    moved = [_moved(part, kaslr, recovered.decoded.abi.bits) for part in parts]
    return write_image(moved, symbols, recovered.decoded.abi)


def _moved(part: ImagePart, kaslr: int, bits: int) -> ImagePart:
    address = (
        (part.address + kaslr) & (1 << bits) - 1
        if not part.name.startswith(".data..percpu")
        else part.address
    )
    return ImagePart(part.name, part.flags, address, part.size, part.data)


def _moves(recovered: Recovered, lines: Records, section: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Mark the symbols that move with the image: neither numbers, nor per-CPU offsets of the old rule."""
    decoded = recovered.decoded
    moves = section != SHN_ABS
    if len(lines) >= len(decoded) and np.array_equal(lines.address[: len(decoded)], decoded.address):
        absolute = decoded.absolute if decoded.form == "base" else np.zeros(len(decoded), np.bool_)
        moves[: len(decoded)] &= ~absolute
    return np.asarray(moves)


def _thumb(recovered: Recovered, lines: Records) -> NDArray[np.bool_]:
    """Mark odd addresses on ARM: of a function nm shows them even, as the bit stands for Thumb."""
    is_arm = recovered.decoded.abi.machine == EM_ARM
    return (lines.address & np.uint64(1)).astype(np.bool_) & is_arm
