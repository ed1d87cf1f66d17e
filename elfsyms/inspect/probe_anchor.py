# SPDX-License-Identifier: GPL-2.0-or-later
"""The symbol that a probe's distance is counted from, where the name of a function is not its own alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from elfsyms.image.symbols import SymbolTable

__all__ = ["ANCHORS", "probe_anchor"]

ANCHORS = (b"_text", b"_stext")  # at the kernel's begin, so that distances are no less than 0


def probe_anchor(
    symbols: SymbolTable, addresses_of: Callable[[list[int]], list[int]]
) -> tuple[bytes, int] | None:
    """Return the name and address of an anchor that the tables have once, None where none is.

    ``addresses_of`` gives the addresses of those of some entries that are in the tables.
    """
    for name in ANCHORS:
        addresses = addresses_of(symbols.find(name))
        if len(addresses) == 1:
            return name, addresses[0]
    return None
