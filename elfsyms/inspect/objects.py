# SPDX-License-Identifier: GPL-2.0-or-later
"""Which source file a local symbol came from, by the STT_FILE entry before it.

Follows the gABI, "Symbol Table": a file's local symbols follow its STT_FILE entry; global ones stand behind all
local ones, and belong to none. A linker keeps these groups, and an entry with an empty name ends one. Stripping
debug information may take the STT_FILE entries along: then nothing is known.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from elfsyms.image.symbols import STB_LOCAL, STT_FILE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from elfsyms.image.symbols import SymbolTable

__all__ = ["file_entries", "source_of"]

NONE = 0  # the null entry, whose name is empty


def source_of(table: SymbolTable, symbol: int) -> str:
    """Return the name of the file that a local symbol came from, empty where nothing tells."""
    if table.binding[symbol] != STB_LOCAL:
        return ""
    before = np.flatnonzero(table.type[: symbol + 1] == STT_FILE)
    return table.name(int(before[-1])).decode("utf-8", "surrogateescape") if len(before) else ""


def file_entries(table: SymbolTable) -> NDArray[np.int64]:
    """Return for every entry the STT_FILE entry that it belongs to, the null entry where there is none."""
    indices = np.where(table.type == STT_FILE, np.arange(len(table)), NONE)
    return np.where(table.binding == STB_LOCAL, np.maximum.accumulate(indices), NONE)
