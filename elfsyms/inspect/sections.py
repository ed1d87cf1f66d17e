# SPDX-License-Identifier: GPL-2.0-or-later
"""The sections that entries of ``.symtab`` lie in, by name.

A kernel that was made of an image has empty sections for symbols that lie in none of the image's: of these no name
is told.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from elfsyms.pipeline.kernel import Kernel

__all__ = ["section_name", "section_names"]


def section_name(kernel: Kernel, symbol: int) -> str:
    """Return the name of the section that an entry lies in, empty where nothing tells it."""
    table = kernel.symbols
    number = int(table.section[symbol])
    made_up = kernel.symbols_from != "symtab" and 0 < number < len(table.sections)
    return "" if made_up and not table.sections[number].size else table.section_name(symbol)


def section_names(
    kernel: Kernel, symbols: NDArray[np.int64], unknown: str = ""
) -> tuple[list[str], NDArray[np.int64]]:
    """Return the names of the sections that some entries lie in, and each entry's index (int64) among them.

    ``unknown`` stands for a name that nothing tells.
    """
    numbers = kernel.symbols.section[symbols]
    _, first, index = np.unique(numbers, return_index=True, return_inverse=True)
    names = [section_name(kernel, symbol) or unknown for symbol in symbols[first].tolist()]
    return names, np.asarray(index, np.int64)
