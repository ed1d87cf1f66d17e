# SPDX-License-Identifier: GPL-2.0-or-later
"""What ``nm -n`` lists: which symbols, with which letter, in which order.

Follows ``binutils/nm.c``: ``filter_symbols`` leaves out debugging symbols (files, sections) and the target's own
names; ``numeric_forward`` puts undefined symbols first, then sorts by value, then by name as bytes (a kernel build
exports ``LC_ALL=C``), and its sort keeps the table's order for full ties. llvm-nm orders the same, and these by
size (``llvm-nm.cpp``, ``operator<``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from elfsyms.image import symbols as sym
from elfsyms.image.gnu_letters import hidden_symbols, nm_letters
from elfsyms.image.kernel_letters import kernel_letters
from elfsyms.image.llvm_letters import common_symbols, llvm_hidden, llvm_letters
from elfsyms.image.records import Records
from elfsyms.image.sorting import by_name
from elfsyms.image.which_nm import GNU

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from elfsyms.image.symbols import SymbolTable
    from elfsyms.image.which_nm import Nm

__all__ = ["Listing", "list_symbols"]


@dataclass(frozen=True, slots=True, eq=False)
class Listing:
    """The lines of ``nm -n``, and why an entry is not among them.

    ``letters`` (uint8) has one element an entry of the symbol table; ``hidden`` likewise (bool) marks the
    target's own names; ``lines`` are the listed symbols in nm's order.
    """

    letters: NDArray[np.uint8]
    hidden: NDArray[np.bool_]
    lines: Records


@dataclass(frozen=True, slots=True, eq=False)
class _Habits:
    """How a program shows a table: an element an entry, ``tie`` what it goes by after value and name."""

    letters: NDArray[np.uint8]
    hidden: NDArray[np.bool_]
    common: NDArray[np.bool_]  # whose value is an alignment, so that the size is shown
    tie: NDArray[np.uint64]


def list_symbols(table: SymbolTable, nm: Nm = GNU) -> Listing:
    """List a symbol table as ``LC_ALL=C nm -n`` does."""
    habits = {"gnu": _gnu, "llvm": _llvm, "kernel": _kernel}[nm.family](table, nm)
    listed = ~(np.isin(table.type, (sym.STT_SECTION, sym.STT_FILE)) | habits.hidden)
    listed[0] = False  # the null entry
    blank = (table.section == sym.SHN_UNDEF) & (not nm.is_kernel)  # that one prints their value, zero
    undefined, defined = np.flatnonzero(listed & blank), np.flatnonzero(listed & ~blank)
    value = np.where(habits.common, table.size, table.value)
    by_value = defined[np.argsort(value[defined], kind="stable")]
    order = np.concatenate(
        [_by_name(table, habits.tie, undefined), _break_ties(table, value, habits.tie, by_value)]
    )
    return Listing(habits.letters, habits.hidden, _records(table, value, habits.letters, order, blank))


def _kernel(table: SymbolTable, _: Nm) -> _Habits:
    nothing = np.zeros(len(table), np.bool_)
    return _Habits(kernel_letters(table), nothing, nothing, np.zeros_like(table.size))


def _gnu(table: SymbolTable, _: Nm) -> _Habits:
    no_tie = np.zeros_like(table.size)
    return _Habits(nm_letters(table), hidden_symbols(table), table.section == sym.SHN_COMMON, no_tie)


def _llvm(table: SymbolTable, nm: Nm) -> _Habits:
    return _Habits(llvm_letters(table), llvm_hidden(table, nm), common_symbols(table), table.size)


def _records(
    table: SymbolTable,
    value: NDArray[np.uint64],
    letters: NDArray[np.uint8],
    order: NDArray[np.int64],
    blank: NDArray[np.bool_],
) -> Records:
    return Records(
        symbol=order,
        address=value[order],
        letter=letters[order],
        defined=~blank[order],
        pool=table.strings,
        start=table.name_start[order],
        size=table.name_size[order],
    )


def _by_name(table: SymbolTable, tie: NDArray[np.uint64], entries: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.array(sorted(entries.tolist(), key=lambda entry: (table.name(entry), tie[entry])), np.int64)


def _break_ties(
    table: SymbolTable, value: NDArray[np.uint64], tie: NDArray[np.uint64], by_value: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Order the symbols of equal value by name and tie; the others, most of them, are where they belong."""
    shown = value.take(by_value)
    same = shown[1:] == shown[:-1]
    indices = np.flatnonzero(np.append(same, False) | np.append(False, same))
    if not len(indices):
        return by_value
    entries = by_value.take(indices)
    entries = entries.take(np.lexsort((tie.take(entries), shown.take(indices))))
    first = np.append(True, np.diff(shown.take(indices)) != 0)
    group = np.maximum.accumulate(np.where(first, np.arange(len(indices)), 0))
    order = by_value.copy()
    order[indices] = entries.take(
        by_name(table.strings, table.name_start.take(entries), table.name_size.take(entries), group)
    )
    return order
