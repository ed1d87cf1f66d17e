# SPDX-License-Identifier: GPL-2.0-or-later
"""Records of the tables that are not what their symbols are called.

The kernel's own tools pass the map as text, and a name with a blank or a newline in it reads as something else
there: another name, or a line of its own, with an address that the name spells. elfsyms makes the same tables
(``pipeline/maptext.py``), and here says of which records that is so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from elfsyms.image.records import Records

if TYPE_CHECKING:
    from elfsyms.pipeline.kernel import Kernel

__all__ = ["misread_records"]


def misread_records(kernel: Kernel) -> list[bytes]:
    """Return the names in the tables that are not those of their symbols, in the order of reading."""
    if isinstance(kernel.verdicts.listed, Records):  # then every line is what it seems
        return []
    kept, symbols = kernel.verdicts.kept, kernel.symbols
    pairs = zip(kept.names(), kept.symbol.tolist(), strict=True)
    return [name for name, symbol in pairs if name != symbols.name(symbol)]
