# SPDX-License-Identifier: GPL-2.0-or-later
"""Which entries of a symbol table lie in code: in a section of instructions, and not of variables.

A section may be executable and hold variables, too: 7.3's ``.data`` is, where an object put code in. Kernel text
that may be written is text all the same, by the names that the link script gives it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from elfsyms.image.elf import SHF_EXECINSTR, SHF_WRITE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from elfsyms.image.sections import Section
    from elfsyms.image.symbols import SymbolTable

__all__ = ["in_code"]

_TEXT = (".text", ".init.text")


def in_code(table: SymbolTable) -> NDArray[np.bool_]:
    """Mark the entries (bool) that lie in a section of code."""
    code = np.array([_is_code(section) for section in table.sections] or [False])
    inside = (table.section > 0) & (table.section < len(code))
    return np.asarray(inside & code[np.where(inside, table.section, 0)])


def _is_code(section: Section) -> bool:
    if not section.flags & SHF_EXECINSTR:
        return False
    return not section.flags & SHF_WRITE or section.name.startswith(_TEXT)
