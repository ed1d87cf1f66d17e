# SPDX-License-Identifier: GPL-2.0-or-later
"""One kernel as an Arrow table: a row a symbol, columns that mean the same for every kernel.

:func:`export_table` takes a path and gives a table, and needs nothing else, so that any engine can map it over any
number of kernels. Rows are sorted by name: a search by the beginning of a name then reads a small part of a file.

The entries that nm lists are the rows; those of files and sections, which stand for no name, are left out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from elfsyms.atlas.columns import SCHEMA, assemble, letters, names_array, words
from elfsyms.atlas.identity import identify
from elfsyms.detect.request import Request
from elfsyms.errors import InputError
from elfsyms.image.demangle import demangled
from elfsyms.image.kernel_file import open_kernel_file
from elfsyms.image.symbols import CLASS_NAMES
from elfsyms.inspect.entries import NOT_IN_TABLES, entries_of_kernel
from elfsyms.inspect.sections import section_names
from elfsyms.pipeline.filters import KEPT
from elfsyms.pipeline.kernel import load_with
from elfsyms.releases.rules import NAMELESS
from elfsyms.releases.trace_rules import TRACE_RULES
from elfsyms.trace.traceability import CAN, traceability

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from elfsyms.inspect.entries import Entries
    from elfsyms.pipeline.kernel import Kernel

__all__ = ["SCHEMA", "export_request", "export_table", "kernel_columns", "kernel_table"]

_SIZES_FROM = ("symtab", "next")
_VERDICTS = ("kept", "shadowed", "dropped")


def export_table(path: str | Path, **request: Any) -> pa.Table:
    """Return the symbols of a kernel as an Arrow table of the columns :data:`SCHEMA`, sorted by name.

    Keyword arguments are those of :func:`elfsyms.load`. Raises what that does.
    """
    return export_request(path, Request(**request))


def export_request(path: str | Path, request: Request) -> pa.Table:
    """Return what :func:`export_table` does, for a request made before."""
    with open_kernel_file(path) as file:
        if not file.has_symbols:
            from elfsyms.atlas.image_table import image_table  # noqa: PLC0415 (only what has no symbols needs it)

            return image_table(file, request)
    with load_with(path, request) as kernel:
        return kernel_table(kernel)


def kernel_table(kernel: Kernel) -> pa.Table:
    """Return an open kernel's symbols; see :func:`export_table`."""
    columns, rows = kernel_columns(kernel)
    return assemble(identify(kernel), columns, rows)


def kernel_columns(kernel: Kernel) -> tuple[dict[str, pa.Array], int]:
    """Return the columns of an open kernel's symbols, by name, and how many rows there are."""
    entries = entries_of_kernel(kernel)
    rules = kernel.release.book.rules
    unnamed = [index for index, rule in enumerate(rules) if rule.id in NAMELESS]
    rows = np.flatnonzero(~np.isin(entries.rule, unnamed))
    columns = _symbol_columns(kernel, entries, rows)
    columns |= _trace_columns(kernel, entries.symbol[rows])
    return columns, len(rows)


def _symbol_columns(kernel: Kernel, entries: Entries, rows: NDArray[np.int64]) -> dict[str, pa.Array]:
    rules = kernel.release.book.rules
    rule = entries.rule[rows].astype(np.int64)
    kept = entries.index[rows] != NOT_IN_TABLES
    verdict = np.where(rule != KEPT, 2, np.where(entries.alias[rows] > 0, 1, 0))
    return {
        "name": names_array(kernel.symbols.strings, *_name_bounds(kernel, entries.symbol[rows])),
        "demangled": _demangled(kernel, entries.symbol[rows]),
        "address": pa.array(entries.address[rows]),
        "size": pa.array(entries.size[rows]),
        "size_from": words(_SIZES_FROM, np.full(len(rows), kernel.symbols_from != "symtab", np.int32)),
        "section": _sections(kernel, entries.symbol[rows]),
        "letter": letters(entries.letter[rows]),
        "class": words(list(CLASS_NAMES.values()), entries.kind[rows]),
        "verdict": words(_VERDICTS, verdict),
        "rule": words([one.id for one in rules], rule, rule == KEPT),
        "alias_rank": pa.array(entries.alias[rows].astype(np.int32), mask=~kept),
        "sympos": pa.array(entries.sympos[rows].astype(np.int32), mask=~kept),
    }


def _demangled(kernel: Kernel, symbols: NDArray[np.int64]) -> pa.Array:
    names = (kernel.symbols.name(symbol) for symbol in symbols.tolist())
    return pa.array([demangled(name) for name in names], pa.string())


def _trace_columns(kernel: Kernel, symbols: NDArray[np.int64]) -> dict[str, pa.Array]:
    """Return who can trace the symbols: for each who asks the rule that says no, null for yes.

    ``traceable`` is null where the file lacks what would tell.

    Nothing, where what is asked of is damaged: the symbols stand without. So it is where no function of an image
    could be traced: its list may be one that relocations have yet to fill in.
    """
    try:
        answers = traceability(kernel)
    except InputError:
        return {}
    if kernel.symbols_from != "symtab" and not (answers.ftrace == CAN).any():
        return {}
    ids = [rule.id for rule in TRACE_RULES]
    asked = {
        "why_not": answers.ftrace,
        "kprobe_why_not": answers.kprobe,
        "fentry_why_not": answers.fentry,
        "livepatch_why_not": answers.livepatch,
    }
    columns = {name: words(ids, verdict[symbols], verdict[symbols] == CAN) for name, verdict in asked.items()}
    ftrace = answers.ftrace[symbols]
    unknown = np.isin(ftrace, [index for index, rule in enumerate(TRACE_RULES) if not rule.known])
    return columns | {"traceable": pa.array(ftrace == CAN, mask=unknown)}


def _name_bounds(kernel: Kernel, symbols: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return where the names of entries start in the string table, and their sizes."""
    return kernel.symbols.name_start[symbols], kernel.symbols.name_size[symbols]


def _sections(kernel: Kernel, symbols: NDArray[np.int64]) -> pa.Array:
    """Return the sections of entries, null where nothing tells."""
    names, index = section_names(kernel, symbols)
    return words(names, index, np.array([not name for name in names], np.bool_)[index])
