# SPDX-License-Identifier: GPL-2.0-or-later
"""The values that an nm shows, and so the kernel's tools behind it, where they are not those of the file.

Two machines set bit 0 of a function's address to tell the processor's mode (Thumb, MIPS16): both programs clear
it, each for symbols of its own choice. GNU nm also sign-extends the addresses of 32-bit MIPS, llvm-nm does not.
The kernel's own generator shows what the file has. Follows ``bfd/elf32-arm.c``, ``bfd/elfxx-mips.c`` and LLVM's
``ELFObjectFile::getSymbolValueImpl``.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from elfsyms.e_machine import EM_ARM, EM_MIPS
from elfsyms.image.symbols import SHN_ABS, STT_FUNC, STT_GNU_IFUNC

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from elfsyms.image.symbols import SymbolTable
    from elfsyms.image.which_nm import Nm

__all__ = ["shown_values"]


def shown_values(table: SymbolTable, nm: Nm) -> SymbolTable:
    """Return a symbol table with the values that an nm shows."""
    if nm.is_kernel or table.abi.machine not in (EM_ARM, EM_MIPS):
        return table
    return replace(table, value=(_llvm_values if nm.is_llvm else _bfd_values)(table))


def _bfd_values(table: SymbolTable) -> NDArray[np.uint64]:
    """Return values as BFD shows them: no mode bit on ARM and MIPS functions, MIPS32 sign-extended."""
    value = table.value.copy()
    if table.abi.machine == EM_MIPS and table.abi.bits == 32:
        value = value.astype(np.uint32).astype(np.int32).astype(np.int64).astype(np.uint64)
    kinds = (STT_FUNC, STT_GNU_IFUNC) if table.abi.machine == EM_ARM else (STT_FUNC,)
    value[np.isin(table.type, kinds)] &= ~np.uint64(1)
    return value


def _llvm_values(table: SymbolTable) -> NDArray[np.uint64]:
    """Return values as LLVM shows them: no mode bit on ARM and MIPS functions that lie in a section."""
    value = table.value.copy()
    value[(table.type == STT_FUNC) & (table.section != SHN_ABS)] &= ~np.uint64(1)
    return value
