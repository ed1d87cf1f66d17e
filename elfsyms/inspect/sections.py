# SPDX-License-Identifier: GPL-2.0-or-later
"""The sections that entries of ``.symtab`` lie in, by name, for many entries at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from elfsyms.image.symbols import SymbolTable

__all__ = ["section_names"]


def section_names(table: SymbolTable, symbols: NDArray[np.int64]) -> tuple[list[str], NDArray[np.int64]]:
    """Return the names of the sections that some entries lie in, and each entry's index (int64) among them."""
    _, first, index = np.unique(table.section[symbols], return_index=True, return_inverse=True)
    return [table.section_name(symbol) for symbol in symbols[first].tolist()], np.asarray(index, np.int64)
