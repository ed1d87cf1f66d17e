# SPDX-License-Identifier: GPL-2.0-or-later
r"""Rows of columns as JSON, CSV or TSV, a piece of text for some thousands of them, so that none is held.

JSON has addresses as strings and a row a line; CSV follows RFC 4180; TSV has no quotes, but ``\t``, ``\n`` and
``\\`` for what would end a cell or a line.
"""

from __future__ import annotations

import csv
import io
from itertools import islice
from json.encoder import encode_basestring_ascii
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from elfsyms.inspect.columns import Column
    from elfsyms.inspect.rows import Rows

__all__ = ["csv_text", "joined", "json_lines", "json_rows", "tsv_text"]

_MANY = 8192  # rows of a piece


def json_rows(
    columns: Sequence[Column], rows: Rows, which: NDArray[np.int64], indent: str = "    "
) -> Iterator[str]:
    """Yield the objects of rows, commas and newlines between them."""
    return joined(json_lines(columns, rows, which, indent), len(which))


def json_lines(columns: Sequence[Column], rows: Rows, which: NDArray[np.int64], indent: str) -> Iterator[str]:
    """Yield the object of each row, a line each."""
    fields = ", ".join(f'"{column.name}": %s' for column in columns)
    template = f"{indent}{{{fields}}}"
    for part in _parts(which):
        cells = [_JSON[column.kind](column.values(rows, part)) for column in columns]
        yield from (template % row for row in zip(*cells, strict=True))


def joined(lines: Iterator[str], count: int) -> Iterator[str]:
    """Yield the next so many lines, some thousands in a piece, commas and newlines between all of them."""
    for first in range(0, count, _MANY):
        piece = ",\n".join(islice(lines, min(_MANY, count - first)))
        yield f",\n{piece}" if first else piece


def csv_text(columns: Sequence[Column], rows: Rows, which: NDArray[np.int64]) -> Iterator[bytes]:
    """Yield the lines of a CSV file, its head first."""
    return _table(columns, rows, which, _csv)


def tsv_text(columns: Sequence[Column], rows: Rows, which: NDArray[np.int64]) -> Iterator[bytes]:
    """Yield the lines of a TSV file, its head first."""
    return _table(columns, rows, which, _tsv)


def _table(
    columns: Sequence[Column],
    rows: Rows,
    which: NDArray[np.int64],
    write: Callable[[Iterator[tuple[str, ...]]], str],
) -> Iterator[bytes]:
    yield write(iter([tuple(column.name for column in columns)])).encode()
    for part in _parts(which):
        cells = [_CELL[column.kind](column.values(rows, part)) for column in columns]
        yield write(zip(*cells, strict=True)).encode("utf-8", "surrogateescape")


def _parts(which: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    return (which[first : first + _MANY] for first in range(0, len(which), _MANY))


def _csv(lines: Iterator[tuple[str, ...]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(lines)
    return text.getvalue()


_TSV = str.maketrans({"\t": "\\t", "\n": "\\n", "\\": "\\\\"})


def _tsv(lines: Iterator[tuple[str, ...]]) -> str:
    return "".join("\t".join(cell.translate(_TSV) for cell in line) + "\n" for line in lines)


def _json_text(values: Sequence[str | None]) -> list[str]:
    """Encode texts of which there are few different ones."""
    known = {value: "null" if value is None else encode_basestring_ascii(value) for value in set(values)}
    return [known[value] for value in values]


def _json_name(name: bytes) -> str:
    return encode_basestring_ascii(name.decode("utf-8", "backslashreplace"))


def _json_names(names: list[bytes] | None) -> str:
    return "null" if names is None else f"[{', '.join(map(_json_name, names))}]" if names else "[]"


_JSON: dict[str, Callable[[Sequence[Any]], list[str]]] = {
    "address": lambda values: [f'"{value:#x}"' for value in values],
    "number": lambda values: ["null" if value is None else str(value) for value in values],
    "text": _json_text,
    "name": lambda values: list(map(_json_name, values)),
    "names": lambda values: list(map(_json_names, values)),
    "flag": lambda values: ["true" if value else "false" for value in values],
}


def _cell(name: bytes) -> str:
    return name.decode("utf-8", "surrogateescape")


_CELL: dict[str, Callable[[Sequence[Any]], list[str]]] = {
    "address": lambda values: [f"{value:#x}" for value in values],
    "number": lambda values: ["" if value is None else str(value) for value in values],
    "text": lambda values: ["" if value is None else value for value in values],
    "name": lambda values: list(map(_cell, values)),
    "names": lambda values: [" ".join(map(_cell, names or ())) for names in values],
    "flag": lambda values: ["yes" if value else "no" for value in values],
}
