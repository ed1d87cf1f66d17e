# SPDX-License-Identifier: GPL-2.0-or-later
r"""Rows of columns as JSON, CSV or TSV, a piece of text for some thousands of them, so that none is held.

JSON has addresses as strings and a row a line; CSV follows RFC 4180; TSV has no quotes, but ``\t``, ``\n`` and
``\\`` for what would end a cell or a line.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence  # noqa: TC003 (a dataclass names them)
from dataclasses import dataclass
from itertools import islice
from json.encoder import encode_basestring_ascii
from typing import TYPE_CHECKING, Any

import numpy as np

from elfsyms.inspect.columns import Coded

if TYPE_CHECKING:
    from collections.abc import Iterator

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
    return _table(columns, rows, which, _CSV)


def tsv_text(columns: Sequence[Column], rows: Rows, which: NDArray[np.int64]) -> Iterator[bytes]:
    """Yield the lines of a TSV file, its head first."""
    return _table(columns, rows, which, _TSV)


def _table(columns: Sequence[Column], rows: Rows, which: NDArray[np.int64], form: _Form) -> Iterator[bytes]:
    yield form.text([[column.name] for column in columns]).encode()
    for part in _parts(which):
        cells = [_cells(column, rows, part, form) for column in columns]
        yield form.text(_merged(cells, form.between)).encode("utf-8", "surrogateescape")


def _cells(column: Column, rows: Rows, which: NDArray[np.int64], form: _Form) -> Sequence[str]:
    """Return the cells of a column; of one of few different values, these and which."""
    values = column.values(rows, which)
    if isinstance(values, Coded):
        return Coded(form.cells(["" if word is None else word for word in values.words]), values.codes)
    return form.cells(_CELL[column.kind](values))


def _merged(columns: list[Sequence[str]], between: str) -> list[Sequence[str]]:
    """Join columns of few different values that stand side by side to one."""
    merged: list[Sequence[str]] = []
    for column in columns:
        last = merged[-1] if merged else None
        if isinstance(column, Coded) and isinstance(last, Coded):
            merged[-1] = _side_by_side(last, column, between)
        else:
            merged.append(column)
    return merged


def _side_by_side(left: Coded, right: Coded, between: str) -> Coded:
    ones, twos = (one.codes.astype(np.int64) % len(one.words) for one in (left, right))
    pairs, index = np.unique(ones * len(right.words) + twos, return_inverse=True)
    both = (divmod(pair, len(right.words)) for pair in pairs.tolist())
    return Coded([f"{left.words[one]}{between}{right.words[two]}" for one, two in both], index)


def _parts(which: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    return (which[first : first + _MANY] for first in range(0, len(which), _MANY))


@dataclass(frozen=True, slots=True)
class _Form:
    """A form of tables: what is ``between`` cells, which cells have to be ``written`` otherwise, and how."""

    between: str
    special: re.Pattern[str]
    written: Callable[[str], str]
    empty: str = ""  # the line of one empty cell

    def cells(self, cells: list[str]) -> list[str]:
        """Return cells as they are written: nearly all as they are."""
        if self.special.search("".join(cells)) is None:
            return cells
        return [self.written(cell) if self.special.search(cell) else cell for cell in cells]

    def text(self, columns: list[Sequence[str]]) -> str:
        """Return lines of cells."""
        if len(columns) == 1:
            return "".join(f"{cell or self.empty}\n" for cell in columns[0])
        return "".join(f"{line}\n" for line in map(self.between.join, zip(*columns, strict=True)))


_TSV_SIGNS = str.maketrans({"\t": "\\t", "\n": "\\n", "\\": "\\\\"})
_TSV = _Form("\t", re.compile(r"[\t\n\\]"), lambda cell: cell.translate(_TSV_SIGNS))
_CSV = _Form(",", re.compile(r'[",\r\n]'), lambda cell: '"' + cell.replace('"', '""') + '"', empty='""')


def _json_text(values: Sequence[str | None]) -> list[str]:
    """Encode texts of which there are few different ones."""
    if isinstance(values, Coded):
        words = ["null" if word is None else encode_basestring_ascii(word) for word in values.words]
        return list(Coded(words, values.codes))
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


def _names(names: Sequence[bytes]) -> list[str]:
    """Decode names, all at once unless one holds a zero."""
    texts = _cell(b"\0".join(names)).split("\0")
    return texts if len(texts) == len(names) else list(map(_cell, names))


_CELL: dict[str, Callable[[Sequence[Any]], list[str]]] = {
    "address": lambda values: [f"{value:#x}" for value in values],
    "number": lambda values: ["" if value is None else str(value) for value in values],
    "text": lambda values: ["" if value is None else value for value in values],
    "name": _names,
    "names": lambda values: [" ".join(map(_cell, names)) if names else "" for names in values],
    "flag": lambda values: ["yes" if value else "no" for value in values],
}
