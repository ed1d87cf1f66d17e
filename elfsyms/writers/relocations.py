# SPDX-License-Identifier: GPL-2.0-or-later
"""A layout's relocations as the bytes of ``.rel.rodata`` or ``.rela.rodata``, and its addends in place.

All entries are packed at once, in one structured array: from release 7.0 on there is one for every symbol,
some 200,000, and an object of LIEF's for each would take seconds. It is also the way that is right on every
machine: LIEF 1.0.0 writes the entries of relocatable objects little-endian on big-endian ones, and MIPS64's
little-endian ``r_info`` as if it were a number.

Follows the gABI, chapter "Relocation", and MIPS' 64-bit ELF supplement, which divides ``r_info`` into a
32-bit symbol and four bytes: another symbol, the third, second and first type. Read as a big-endian number,
these four bytes are the type, whatever the byte order of the file. Leaves out relocations against several
symbols.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from elfsyms.errors import EncodeError
from elfsyms.pipeline.layout import RelocationKind

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from elfsyms.image.elf import Abi
    from elfsyms.image.machines import Machine
    from elfsyms.pipeline.layout import Layout, Relocations

__all__ = ["relocation_entries", "tables_with_addends"]

PC_RELATIVE_SIZE = 4  # bytes of a RelocationKind.PC_RELATIVE
SYMBOL_SHIFT = {32: 8, 64: 32}  # where the symbol's index begins in r_info


def relocation_entries(layout: Layout, machine: Machine, symbol: int) -> NDArray[np.void]:
    """Return all entries, by ascending offset, against the symbol of that index.

    Raises :class:`EncodeError` where the machine has no relocation of that kind.
    """
    groups = layout.relocations
    entries = np.zeros(sum(group.offsets.size for group in groups), _entry_type(layout.abi, machine))
    at = 0
    for group in groups:
        part = entries[at : at + group.offsets.size]
        at += part.size
        part["offset"] = group.offsets
        if machine.split_info:
            part["symbol"], part["types"] = symbol, _number(machine, group.kind)
        else:
            part["info"] = symbol << SYMBOL_SHIFT[layout.abi.bits] | _number(machine, group.kind)
        if machine.rela and not machine.in_place:
            part["addend"] = _addends(group, layout.abi, machine)
    offsets = entries["offset"]
    ascending = bool((offsets[1:] >= offsets[:-1]).all())
    return entries if ascending else entries[np.argsort(offsets, kind="stable")]


def tables_with_addends(layout: Layout, machine: Machine) -> NDArray[np.uint8]:
    """Return the section's bytes; a copy with the addends filled in where the machine wants them there.

    Raises :class:`EncodeError` for a relocation that lies outside the section.
    """
    for group in layout.relocations:
        _check_places(layout, group)
    if not machine.in_place or not layout.relocations:
        return np.frombuffer(layout.blob, np.uint8)
    tables = np.frombuffer(bytearray(layout.blob), np.uint8)
    for group in layout.relocations:
        _fill_in(tables, group.offsets, _addends(group, layout.abi, machine))
    return tables


def _entry_type(abi: Abi, machine: Machine) -> np.dtype[np.void]:
    order, word = abi.byte_order, abi.word
    split = [("symbol", f"{order}u4"), ("types", ">u4")]
    info = split if machine.split_info else [("info", f"{order}u{word}")]
    addend = [("addend", f"{order}i{word}")] if machine.rela else []
    return np.dtype([("offset", f"{order}u{word}"), *info, *addend])


def _number(machine: Machine, kind: RelocationKind) -> int:
    number = machine.word if kind is RelocationKind.WORD else machine.pc_relative
    if number is None:
        raise EncodeError(
            f"{machine.name} has no 32-bit PC-relative relocation, which this release's addresses need "
            "with --pc-relative: give --no-pc-relative, as its kernel does"
        )
    return number


def _width(kind: RelocationKind, abi: Abi) -> int:
    return abi.word if kind is RelocationKind.WORD else PC_RELATIVE_SIZE


def _addends(group: Relocations, abi: Abi, machine: Machine) -> NDArray[np.signedinteger]:
    """Return the addends in the file's byte order, wrapped to the width of the field they are for."""
    bias = machine.pc_bias if group.kind is RelocationKind.PC_RELATIVE else 0
    width = _width(group.kind, abi)
    return (group.addends + bias).astype(f"i{width}").astype(f"{abi.byte_order}i{width}")


def _fill_in(
    tables: NDArray[np.uint8], offsets: NDArray[np.uint64], values: NDArray[np.signedinteger]
) -> None:
    """Store values at byte offsets, aligned or not: through a view that has a field at every byte."""
    positions = tables.size - values.itemsize + 1
    np.ndarray((positions,), values.dtype, tables.data, strides=(1,))[offsets] = values


def _check_places(layout: Layout, group: Relocations) -> None:
    end = len(layout.blob) - _width(group.kind, layout.abi)
    outside = group.offsets[group.offsets.astype(np.int64) > end]
    if outside.size:
        raise EncodeError(
            f"a relocation at byte {outside[0]} of {layout.section} leaves the section, which has "
            f"{len(layout.blob):,} bytes; this is a bug, please report it"
        )
