# SPDX-License-Identifier: GPL-2.0-or-later
"""Which symbols hold an address, by the file's own sizes, and what lies there where none does.

A trace names the symbol next below an address, whatever lies between: padding, a hole, another symbol that was
dropped. What the file itself has there is found here; what a trace shows is :meth:`Standing.before`'s.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from elfsyms.image.symbols import SymbolClass, classify
from elfsyms.inspect.explanation import Gap
from elfsyms.pipeline.addressing import seen_address
from elfsyms.pipeline.filters import KEPT

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from elfsyms.image.records import Records
    from elfsyms.pipeline.kernel import Kernel

__all__ = ["Around", "Neighbours"]


@dataclass(frozen=True, slots=True)
class Around:
    """``symbols`` are the entries at an address or around it; ``gap`` tells what is there where there are none.

    ``held`` tells whether a section of the image, or a symbol, lies there.
    """

    symbols: list[int]
    held: bool
    gap: Gap | None = None


class Neighbours:
    """The listed symbols of a kernel by address."""

    def __init__(self, kernel: Kernel) -> None:
        """Order what nm lists; it is in the order of addresses already, but for what wraps around in 32 bits."""
        self._kernel = kernel
        lines = kernel.listing.lines
        lines = lines.take(lines.defined)
        value = seen_address(kernel, lines.address)
        order = np.argsort(value, kind="stable")
        self._lines: Records = lines.take(order)
        self._value: NDArray[np.uint64] = value[order]
        self._size = kernel.symbols.size[self._lines.symbol]
        # Numbers (checksums of exports) are no neighbours, though they may look like addresses in 32 bits.
        number = classify(kernel.symbols)[self._lines.symbol] == SymbolClass.ABSOLUTE
        dropped = kernel.verdicts.rule[self._lines.symbol] != KEPT
        self._addresses: NDArray[np.int64] = np.flatnonzero(~(number & dropped))
        # Where the furthest of the symbols up to each one ends: what is past that is held by none of them.
        self._reach = np.maximum.accumulate(self._value + self._size) if len(value) else value

    def around(self, address: int) -> Around:
        """Return the symbols at an address, else those around it, else what lies there."""
        at = np.uint64(address)
        first, end = int(self._value.searchsorted(at)), int(self._value.searchsorted(at, "right"))
        if first < end:
            return Around(self._lines.symbol[first:end].tolist(), held=True)
        inside = np.flatnonzero(at - self._value[:end] < self._size[:end]) if self._open(end, at) else ()
        if len(inside):
            return Around(self._lines.symbol[inside].tolist(), held=True)
        held = any(section.holds(address) for section in self._kernel.symbols.sections)
        return Around([], held, self._gap(address, end, held=held))

    def _open(self, end: int, address: np.uint64) -> bool:
        """Tell whether any symbol before an address reaches past it."""
        return bool(end) and bool(self._reach[end - 1] > address)

    def _gap(self, address: int, end: int, *, held: bool) -> Gap | None:
        """Say what an address between two symbols is; None where a label without a size may reach there."""
        at = int(self._addresses.searchsorted(end))
        if not at:
            return None
        before, after = int(self._addresses[at - 1]), self._addresses[at : at + 1].tolist()
        size = int(self._size[before])
        if held and not size:
            return None
        return Gap(
            kind="padding" if held else "hole",
            before=self._lines.name(before),
            size=size,
            past=address - int(self._value[before]) - size,
            after=self._lines.name(after[0]) if after else b"",
        )
