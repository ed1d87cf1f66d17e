# SPDX-License-Identifier: GPL-2.0-or-later
"""Addresses that relocations have yet to fill in: made from the relocations that the image carries along.

A relocatable kernel may have zeros where its addresses will be (arm64 since 4.x, s390x and riscv64
position-independent ones): the table of whole addresses, or the one word of ``kallsyms_relative_base``. The
relocations tell both: the run of fields that is as long as the table, and targets that ascend; or the base with
which most targets are symbols, and the field that holds it.

Leaves out images without their relocations: their addresses wait, and are said to.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from elfsyms.decode.bias import vote_for_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from elfsyms.decode.address_layouts import AddressLayout
    from elfsyms.image.raw_relocations import RelativeRelocations

__all__ = ["fill_in"]

_PAGE = 0x1000


def fill_in(reading: AddressLayout, relocations: RelativeRelocations) -> AddressLayout:
    """Return a reading whose addresses wait with those that the relocations make; itself where they do not tell."""
    order = np.argsort(relocations.fields, kind="stable")
    fields, targets = relocations.fields[order], relocations.targets[order]
    filled = _words(reading, fields, targets) if reading.form == "word" else _base(reading, fields, targets)
    return filled or reading


def _words(
    reading: AddressLayout, fields: NDArray[np.uint64], targets: NDArray[np.uint64]
) -> AddressLayout | None:
    """Find the run of fields that is the table."""
    count, start = len(reading.address), reading.offsets["addresses"]
    firsts = [
        first for first in _starts(fields, count, reading.word) if _ascend(targets[first : first + count])
    ]
    if len(firsts) > 1:
        firsts = [first for first in firsts if (int(fields[first]) - start) % _PAGE == 0]
    if len(firsts) != 1:
        return None
    return replace(
        reading,
        address=targets[firsts[0] : firsts[0] + count],
        waits=False,
        filled=True,
        bias=int(fields[firsts[0]]) - start,
        score=reading.score + 2,
        evidence=(*reading.evidence, f"{count:,} relocations in a row fill them in, ascending"),
    )


def _ascend(values: NDArray[np.uint64]) -> bool:
    return bool((values[1:] >= values[:-1]).all())


def _starts(fields: NDArray[np.uint64], count: int, word: int) -> Iterator[int]:
    """Yield where so many fields begin that follow each other without a gap."""
    breaks = np.flatnonzero(np.diff(fields) != word)
    first = np.concatenate([[0], breaks + 1])
    last = np.concatenate([breaks + 1, [len(fields)]])
    for start, end in zip(first.tolist(), last.tolist(), strict=True):
        yield from range(start, end - count + 1)


def _base(
    reading: AddressLayout, fields: NDArray[np.uint64], targets: NDArray[np.uint64]
) -> AddressLayout | None:
    """Find the base: the value with which most targets are symbols, which also is the target of a field."""
    moved = _moved(reading)
    base = vote_for_text(np.unique(targets), reading.address[moved], 0)
    if base is None or not bool((targets == np.uint64(base)).any()):
        return None
    address = np.where(moved, reading.address + np.uint64(base), reading.address)
    holders = fields[targets == np.uint64(base)].astype(np.int64) - reading.offsets["relative_base"]
    fitting = np.unique(holders[holders % _PAGE == 0])
    return replace(
        reading,
        address=address,
        base=base,
        waits=False,
        filled=True,
        bias=int(fitting[0]) & (1 << 64) - 1 if len(fitting) == 1 else None,
        score=reading.score + 2,
        evidence=(*reading.evidence, f"relocations point to symbols, with {base:#x} for the base"),
    )


def _moved(reading: AddressLayout) -> NDArray[np.bool_]:
    """Mark the symbols that the base counts for; by the per-CPU rule those in front are numbers."""
    if not reading.percpu_rule:
        return np.ones(len(reading.address), np.bool_)
    return np.asarray(np.arange(len(reading.address)) >= reading.numbers)
