# SPDX-License-Identifier: GPL-2.0-or-later
"""The list as lines of ``/proc/kallsyms`` or ``System.map``, as JSON (``elfsyms.list/1``), CSV or TSV."""

from __future__ import annotations

import json
import re
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np

from elfsyms.cli.column_text import csv_text, json_rows, tsv_text
from elfsyms.cli.render import columns, line, name_text, on_terminal, show
from elfsyms.cli.streams import emit, emit_all
from elfsyms.image.nm_text import map_lines
from elfsyms.inspect.columns import DUPLICATE_COLUMNS, LIST_COLUMNS, column
from elfsyms.inspect.globs import NameFilter
from elfsyms.inspect.kaslr_offset import checked_offset, read_offset
from elfsyms.inspect.proc_kallsyms import list_lines, proc_records
from elfsyms.inspect.rows import Rows
from elfsyms.pipeline.addressing import addresses_of
from elfsyms.printable import printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from elfsyms.cli.list import Wanted
    from elfsyms.inspect.columns import Column
    from elfsyms.pipeline.kernel import Kernel

__all__ = ["show_list"]

_SCHEMA = "elfsyms.list/1"
_LINE = re.compile(rb"([0-9a-f]+| +) (.) (.*)", re.DOTALL)


def show_list(kernel: Kernel, wanted: Wanted) -> bool:
    """Print what is wanted of a kernel's list; return False where that is nothing."""
    offset = 0 if wanted.kaslr is None else checked_offset(read_offset(wanted.kaslr), kernel.image.abi)
    if wanted.form == "system-map":
        return _show_map(kernel, wanted)
    if wanted.duplicates or wanted.machine:
        return _show_rows(kernel, wanted, offset)
    if wanted.where:
        return _show_lines(kernel, wanted, offset)
    if on_terminal():  # a name may hold a newline
        records = proc_records(kernel, offset, only=wanted.only)
        text = b"".join(
            printable(one.decode("utf-8", "surrogateescape")).encode() + b"\n"
            for one in map_lines(records, kernel.image.abi)
        )
    else:
        text = list_lines(kernel, offset, only=wanted.only)
    emit(text)
    return bool(text)


def _show_rows(kernel: Kernel, wanted: Wanted, offset: int) -> bool:
    """Print the tables' symbols as rows of columns."""
    addresses_of(kernel)  # what cannot be encoded has no list
    rows = Rows.with_names(kernel, offset)
    if wanted.modules:
        return _show_shared(rows, wanted)
    which = _which(rows, wanted)
    shown = DUPLICATE_COLUMNS if wanted.duplicates else LIST_COLUMNS
    if wanted.columns:
        shown = tuple(map(column, wanted.columns))
    if not len(which):
        return False
    if wanted.machine == "json":
        head = _head(kernel, wanted.form, offset)
        emit_all(_json(head, json_rows(shown, rows, which)))
    elif wanted.machine:
        emit_all((csv_text if wanted.machine == "csv" else tsv_text)(shown, rows, which))
    else:
        show(map(line, columns(_cells(rows, which), "rl r")))
    return True


def _show_shared(rows: Rows, wanted: Wanted) -> bool:
    """Print the names that several symbols of the kernel and of modules have; each counts in its own object."""
    from elfsyms.cli.shared_names import module_cells, module_names, shared_records  # noqa: PLC0415 (only here)

    kernel = rows.kernel
    names = module_names(wanted.modules, all_symbols=kernel.options.all_symbols)
    records = kernel.ordered.records
    several = (kernel.equal_names.count > 1) | shared_records(kernel, names)
    which = rows.kept_where(wanted.only.marks(records) & (records.size > 0) & several)
    cells = [*_cells(rows, which), *module_cells(kernel, names, wanted.only)]
    cells.sort(key=lambda cell: cell[2])
    show(map(line, columns(cells, "rl r") if cells else []))
    return bool(cells)


def _show_lines(kernel: Kernel, wanted: Wanted, offset: int) -> bool:
    """Print the lines of ``/proc/kallsyms`` that meet conditions."""
    records = proc_records(kernel, offset)
    shown = kernel.ordered.records.size > 0
    index = np.cumsum(shown) - 1  # of each record of the tables among the lines
    rows = Rows(kernel, offset)
    which = _which(rows, wanted)
    lines = map_lines(records.take(index[rows.entries.index[which]]), kernel.image.abi)
    terminal = on_terminal()
    text = b"".join(
        (printable(one.decode("utf-8", "surrogateescape")).encode() if terminal else one) + b"\n"
        for one in lines
    )
    emit(text)
    return bool(text)


def _which(rows: Rows, wanted: Wanted) -> NDArray[np.int64]:
    """Return the rows that are wanted: in table order, or duplicates by name."""
    records = rows.kernel.ordered.records
    which = rows.kept_where(wanted.only.marks(records) & (records.size > 0))
    for condition in wanted.where:
        which = which[condition.holds(rows, which)]
    if wanted.duplicates:
        which = which[rows.entries.alike[which] > 1]
        names = list(rows.names(rows.entries.symbol[which]))
        which = which[np.array(sorted(range(len(names)), key=names.__getitem__), np.int64)]
    return which


def _cells(rows: Rows, which: NDArray[np.int64]) -> list[tuple[str, ...]]:
    """Return the duplicates' cells: address, letter, name, its number among them, and where it is from."""
    parts = [_text(one, rows, which) for one in DUPLICATE_COLUMNS]
    addresses, letters, names, sympos, alike, sections, objects = parts
    number = (f"{one} of {all_}" for one, all_ in zip(sympos, alike, strict=True))
    return list(zip(addresses, letters, names, number, sections, objects, strict=True))


def _text(shown: Column, rows: Rows, which: NDArray[np.int64]) -> list[str]:
    values = shown.values(rows, which)
    if shown.kind == "address":
        digits = rows.kernel.image.abi.bits // 4
        return [f"{value:0{digits}x}" for value in values]
    if shown.kind == "name":
        return list(map(name_text, values))
    return ["" if value is None else str(value) for value in values]


def _show_map(kernel: Kernel, wanted: Wanted) -> bool:
    """Print ``System.map``, which has what the tables do not keep too."""
    text = kernel.system_map
    if wanted.only != NameFilter():
        text = b"".join(b"%b %b %b\n" % one for one in _lines(text) if wanted.only.wants(one[2]))
    if not text:
        return False
    if wanted.machine == "json":
        symbols = [
            {
                "address": f"0x{address.decode()}" if address.strip() else None,
                "letter": chr(letter[0]),
                "name": name.decode("utf-8", "backslashreplace"),
            }
            for address, letter, name in _lines(text)
        ]
        rows = iter([",\n".join(f"    {json.dumps(symbol)}" for symbol in symbols).encode()])
        emit_all(_json(_head(kernel, wanted.form, 0), rows))
    else:
        emit(text)
    return True


def _lines(text: bytes) -> Iterator[tuple[bytes, bytes, bytes]]:
    """Yield address (blanks for an undefined symbol), letter and name of each line."""
    return ((match[1], match[2], match[3]) for line in text.split(b"\n") if (match := _LINE.fullmatch(line)))


def _head(kernel: Kernel, form: str, offset: int) -> dict[str, Any]:
    return {
        "schema": _SCHEMA,
        "file": str(kernel.image.path),
        "release": kernel.release.name,
        "options": list(kernel.options.given()),
        "format": form,
        "kaslr": f"{offset:#x}",
    }


def _json(head: dict[str, Any], rows: Iterator[bytes]) -> Iterator[bytes]:
    """Yield an object whose last field is the symbols."""
    first = json.dumps(head, indent=2)[:-2] + ',\n  "symbols": [\n'
    return chain([first.encode()], rows, [b"\n  ]\n}\n"])
