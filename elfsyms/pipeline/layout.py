# SPDX-License-Identifier: GPL-2.0-or-later
"""How the tables lie in one section: bytes, labels, relocations.

A :class:`Layout` is what an assembler would have made of the release's ``.S``: the section's contents with every
table at its aligned offset, the label symbols, and the relocations against ``_text``. It knows nothing of files;
``writers/object.py`` turns it into an object. :func:`lay_out` follows the directives that ``scripts/kallsyms.c``
prints, as GNU as takes them; what ``.align`` means to it differs by target.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

import numpy as np

from elfsyms.image.machines import machine_of
from elfsyms.releases.table_labels import label_of, table_alignment, table_width

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from elfsyms.image.elf import Abi
    from elfsyms.pipeline.tables import Tables

__all__ = [
    "Label",
    "Layout",
    "RelocationKind",
    "Relocations",
    "lay_out",
    "table_bytes",
]


class RelocationKind(Enum):
    """What the linker is to compute, in the gABI's letters: S the symbol, A the addend, P the field itself."""

    WORD = "S + A, a pointer wide"
    PC_RELATIVE = "S + A - P, 32 bits"


@dataclass(frozen=True, slots=True)
class Label:
    """A global symbol at a table's start; ``size`` is its st_size (0 where the release writes no ``.size``)."""

    name: bytes
    offset: int
    size: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Relocations:
    """Relocations of one kind against the anchor symbol, in the order of their offsets.

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


@dataclass(frozen=True, slots=True, eq=False)
class _Piece:
    """One table's bytes, and its relocations by their offsets within it."""

    data: bytes
    kind: RelocationKind | None = None
    offsets: NDArray[np.int64] | None = None
    addends: NDArray[np.int64] | None = None


def lay_out(tables: Tables) -> Layout:
    """Lay the tables of a release side by side, as its assembly says.

    Raises :class:`InputError` for a machine that is not known.
    """
    align = table_alignment(tables.release, tables.abi)
    blob = bytearray()
    labels, relocations = [], []
    for name in tables.labels():
        blob += bytes(-len(blob) % align)
        piece = _PIECES[name](tables)
        size = len(piece.data) if name in tables.release.sizes else 0
        label = label_of(name, tables.options.symbol_prefix)
        labels.append(Label(label, len(blob), size))
        if piece.kind is not None and piece.offsets is not None and piece.addends is not None:
            offsets = (piece.offsets + len(blob)).astype(np.uint64)
            relocations.append(Relocations(piece.kind, offsets, piece.addends))
        blob += piece.data
    blob += bytes(-len(blob) % min(align, machine_of(tables.abi).padded_to))
    return Layout(tables.abi, tables.release.section, blob, align, tuple(labels), tuple(relocations))


def table_bytes(tables: Tables, name: str) -> bytes:
    """Return one table's bytes, zero where a relocation will fill them."""
    return _PIECES[name](tables).data


def _pack(values: NDArray[np.integer] | list[int], width: int, abi: Abi) -> bytes:
    """Return integers of a width, modulo it, in the target's byte order."""
    return np.asarray(values).astype("u8").astype(f"{abi.byte_order}u{width}").tobytes()


def _addresses(tables: Tables) -> _Piece:
    values, anchored, abi = tables.addresses.value, tables.addresses.anchored, tables.abi
    if anchored is None:
        raise ValueError(tables.addresses.form)
    offsets = np.flatnonzero(anchored)
    addends = values[offsets].astype(np.int64)
    plain = np.where(anchored, 0, values)
    return _Piece(_pack(plain, abi.word, abi), RelocationKind.WORD, offsets * abi.word, addends)


def _offsets(tables: Tables) -> _Piece:
    values = tables.addresses.value
    if tables.addresses.form != "pc-relative":
        return _Piece(_pack(values, 4, tables.abi))
    offsets = np.arange(len(values), dtype=np.int64) * 4
    addends = values.astype(np.int64, copy=False)
    return _Piece(bytes(4 * len(values)), RelocationKind.PC_RELATIVE, offsets, addends)


def _relative_base(tables: Tables) -> _Piece:
    base = np.array([tables.addresses.base & (1 << 64) - 1], np.uint64).astype(np.int64)
    return _Piece(bytes(tables.abi.word), RelocationKind.WORD, np.zeros(1, np.int64), base)


def _width(tables: Tables, name: str) -> int:
    return table_width(name, tables.release, tables.abi)


def _num_syms(tables: Tables) -> _Piece:
    return _Piece(_pack([len(tables.records)], _width(tables, "num_syms"), tables.abi))


def _markers(tables: Tables) -> _Piece:
    return _Piece(_pack(tables.markers, _width(tables, "markers"), tables.abi))


def _token_table(tables: Tables) -> _Piece:
    return _Piece(b"".join(text + b"\0" for text in tables.compressed.tokens))


def _token_index(tables: Tables) -> _Piece:
    return _Piece(_pack(list(tables.token_index), 2, tables.abi))


def _sequences(tables: Tables) -> _Piece:
    if tables.release.sequence_width == 4:
        return _Piece(_pack(tables.sequences, 4, tables.abi))
    # Three bytes each, the highest first on every machine.
    return _Piece(tables.sequences.astype(">u4").view(np.uint8).reshape(-1, 4)[:, 1:].tobytes())


_PIECES: dict[str, Callable[[Tables], _Piece]] = {
    "addresses": _addresses,
    "offsets": _offsets,
    "relative_base": _relative_base,
    "num_syms": _num_syms,
    "names": lambda tables: _Piece(tables.names.tobytes()),
    "markers": _markers,
    "token_table": _token_table,
    "token_index": _token_index,
    "seqs_of_names": _sequences,
}
