# SPDX-License-Identifier: GPL-2.0-or-later
"""How the tables lie in one section: bytes, labels, relocations.

A :class:`Layout` is what an assembler would have made of the release's ``.S``: the section's contents with every
table at its aligned place, the label symbols, and the relocations against ``_text``. It knows nothing of files;
``writers/object.py`` turns it into an object.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from elfsyms.elf import Abi

__all__ = ["Label", "Layout", "RelocationKind", "Relocations"]


class RelocationKind(Enum):
    """What the linker is to compute, in the gABI's letters: S the symbol, A the addend, P the place."""

    WORD = "S + A, a pointer wide"
    PLACE = "S + A - P, 32 bits"


@dataclass(frozen=True, slots=True)
class Label:
    """A global symbol at a table's start; ``size`` is its st_size (0 where the release writes no ``.size``)."""

    name: bytes
    offset: int
    size: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Relocations:
    """Relocations of one kind against the anchor symbol, in the order of their places.

    ``offsets``: uint64, from the section's start. ``addends``: int64, modulo the width of the field.
    """

    kind: RelocationKind
    offsets: NDArray[np.uint64]
    addends: NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """One section full of tables, in the byte order of ``abi``.

    The bytes under a relocation are zero in ``blob``, on every target: an object format that keeps addends in
    place (SHT_REL) puts them there itself.
    """

    abi: Abi
    section: str  # ".rodata", ".data" before 2.6.20
    blob: bytes | bytearray
    align: int
    labels: tuple[Label, ...]
    relocations: tuple[Relocations, ...]
    anchor: bytes = b"_text"  # the undefined symbol that the relocations are against
