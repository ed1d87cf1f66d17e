# SPDX-License-Identifier: GPL-2.0-or-later
r"""Rows of columns as JSON, CSV or TSV, a piece of text for some thousands of them, so that none is held.

JSON has addresses as strings and a row a line; CSV follows RFC 4180; TSV has no quotes, but ``\t``, ``\n`` and
``\\`` for what would end a cell or a line.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence  # noqa: TC003 (a dataclass names them)
from dataclasses import dataclass
from itertools import islice, zip_longest
from json.encoder import encode_basestring_ascii
from typing import TYPE_CHECKING, Any

import numpy as np

from elfsyms.cli import pieces
from elfsyms.cli.printable import printable
from elfsyms.cli.streams import is_terminal
from elfsyms.inspect.column_values import Coded, Names, Numbers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from elfsyms.cli.pieces import Pieces
    from elfsyms.inspect.columns import Column
    from elfsyms.inspect.rows import Rows

__all__ = ["csv_text", "joined", "json_lines", "json_rows", "tsv_text"]

_MANY = 8192  # rows of a piece
_BLANK, _DELETE = 0x20, 0x7F  # what visible ASCII lies between


def json_rows(
    columns: Sequence[Column], rows: Rows, which: NDArray[np.int64], indent: str = "    "
) -> Iterator[str]:
    """Yield the objects of rows, commas and newlines between them."""
    for number, text in enumerate(_json_texts(columns, rows, which, indent, ",\n")):
        yield f",\n{text[:-2]}" if number else text[:-2]


def json_lines(columns: Sequence[Column], rows: Rows, which: NDArray[np.int64], indent: str) -> Iterator[str]:
    """Yield the object of each row, a line each."""
    for text in _json_texts(columns, rows, which, indent, "\n"):
        yield from text[:-1].split("\n")


def _json_texts(
    columns: Sequence[Column], rows: Rows, which: NDArray[np.int64], indent: str, end: str
) -> Iterator[str]:
    """Yield the text of some thousands of rows at once, what ends a line behind each."""
    for part in _parts(which):
        line: list[Coded | Pieces] = []
        for column in columns:
            key = f', "{column.name}": ' if line else f'{indent}{{"{column.name}": '
            line += [_same(key, part), *_json(column, column.values(rows, part), part)]
        line = _merged([*line, _same(f"}}{end}", part)])
        yield pieces.side_by_side(list(map(_pieces, line))).pool.tobytes().decode("ascii")


def joined(lines: Iterator[str], count: int) -> Iterator[str]:
    """Yield the next so many lines, some thousands in a piece, commas and newlines between all of them."""
    for first in range(0, count, _MANY):
        piece = ",\n".join(islice(lines, min(_MANY, count - first)))
        yield f",\n{piece}" if first else piece


def csv_text(columns: Sequence[Column], rows: Rows, which: NDArray[np.int64]) -> Iterator[bytes]:
    """Yield the lines of a CSV file, its head first; on a terminal, a name's newline is no new line."""
    return _table(columns, rows, which, _SEEN_CSV if is_terminal() else _CSV)


def tsv_text(columns: Sequence[Column], rows: Rows, which: NDArray[np.int64]) -> Iterator[bytes]:
    """Yield the lines of a TSV file, its head first."""
    return _table(columns, rows, which, _TSV)


def _table(columns: Sequence[Column], rows: Rows, which: NDArray[np.int64], form: _Form) -> Iterator[bytes]:
    yield form.head([column.name for column in columns])
    for part in _parts(which):
        cells = [_cells(column, rows, part, form) for column in columns]
        between = [_same(form.between, part) for _ in cells[1:]] or [_or_empty(_pieces(cells[0]), form)]
        line = [one for pair in zip_longest(cells, between, fillvalue=_same("", part)) for one in pair]
        line = _merged([*line, _same("\n", part)])
        yield pieces.side_by_side(list(map(_pieces, line))).pool.tobytes()


def _same(text: str, which: NDArray[np.int64]) -> Coded:
    """Return a column of one text."""
    return Coded([text], np.zeros(len(which), np.int64))


def _or_empty(cells: Pieces, form: _Form) -> Coded:
    """Return a column with what stands for an only cell that is empty."""
    return Coded(["", form.empty], (cells.size == 0).astype(np.int64))


def _cells(column: Column, rows: Rows, which: NDArray[np.int64], form: _Form) -> Coded | Pieces:
    """Return the cells of a column; of one of few different values, these and which."""
    values = column.values(rows, which)
    if isinstance(values, Coded):
        return Coded(form.cells(_CELL[column.kind](values.words)), values.codes)
    if isinstance(values, Numbers):
        return _NUMBERS[column.kind](values)
    if isinstance(values, Names):
        found = pieces.names(values)
        if not form.has_signs(found.pool.tobytes()):
            return found
    return pieces.words(form.cells(_CELL[column.kind](values)))


def _pieces(cells: Coded | Pieces) -> Pieces:
    return pieces.words(cells.words, cells.codes) if isinstance(cells, Coded) else cells


def _merged(columns: Sequence[Coded | Pieces]) -> list[Coded | Pieces]:
    """Join columns of few different values that stand side by side to one."""
    merged: list[Coded | Pieces] = []
    for column in columns:
        last = merged[-1] if merged else None
        if isinstance(column, Coded) and isinstance(last, Coded):
            merged[-1] = _side_by_side(last, column)
        else:
            merged.append(column)
    return merged


def _side_by_side(left: Coded, right: Coded) -> Coded:
    if len(right.words) == 1:
        return Coded([f"{word}{right.words[0]}" for word in left.words], left.codes)
    if len(left.words) == 1:
        return Coded([f"{left.words[0]}{word}" for word in right.words], right.codes)
    ones, twos = (one.codes.astype(np.int64) % len(one.words) for one in (left, right))
    pairs, index = np.unique(ones * len(right.words) + twos, return_inverse=True)
    both = (divmod(pair, len(right.words)) for pair in pairs.tolist())
    return Coded([f"{left.words[one]}{right.words[two]}" for one, two in both], index)


def _parts(which: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    return (which[first : first + _MANY] for first in range(0, len(which), _MANY))


@dataclass(frozen=True, slots=True)
class _Form:
    """A form of tables: what is ``between`` cells, which ``signs`` make one be ``written`` otherwise, and how."""

    between: str
    signs: frozenset[str]
    written: Callable[[str], str]
    empty: str = ""  # the line of one empty cell

    def cells(self, cells: list[str]) -> list[str]:
        """Return cells as they are written: nearly all as they are."""
        if self.signs.isdisjoint("".join(cells)):
            return cells
        return [cell if self.signs.isdisjoint(cell) else self.written(cell) for cell in cells]

    def has_signs(self, text: bytes) -> bool:
        """Tell whether a text has what a cell cannot have as it is."""
        return any(sign.encode() in text for sign in self.signs)

    def head(self, names: list[str]) -> bytes:
        """Return the first line."""
        return f"{self.between.join(self.cells(names))}\n".encode()


_TSV_SIGNS = str.maketrans({"\t": "\\t", "\n": "\\n", "\\": "\\\\"})
_TSV = _Form("\t", frozenset("\t\n\\"), lambda cell: cell.translate(_TSV_SIGNS))
_CSV_SIGNS = frozenset('",\r\n')


def _quoted(cell: str) -> str:
    return '"' + cell.replace('"', '""') + '"'


_CSV = _Form(",", _CSV_SIGNS, _quoted, empty='""')
_SEEN_CSV = _Form(",", _CSV_SIGNS, lambda cell: _quoted(printable(cell)), empty='""')


def _json(column: Column, values: Sequence[Any], which: NDArray[np.int64]) -> list[Coded | Pieces]:
    """Encode the values of a column, each word once; return the columns of text that make its cells."""
    quote = _same('"', which)
    if isinstance(values, Coded):
        return [Coded(_JSON[column.kind](values.words), values.codes)]
    if isinstance(values, Numbers):
        if column.kind == "address":
            return [quote, _NUMBERS["address"](values), quote]
        found, codes = np.unique(values.numbers, return_inverse=True)
        return [pieces.words(_JSON[column.kind](Numbers(found)), codes)]
    if isinstance(values, Names):
        names = pieces.names(values)
        if _is_plain(names.pool):
            return [quote, names, quote]
    return [pieces.words(_JSON[column.kind](values))]


def _is_plain(text: NDArray[np.uint8]) -> bool:
    """Tell whether JSON has a text as it is: visible ASCII, blanks, and nothing that it escapes."""
    if not len(text):
        return True
    raw = text.tobytes()
    return bool(text.min() >= _BLANK and text.max() < _DELETE) and b'"' not in raw and b"\\" not in raw


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


_NUMBERS: dict[str, Callable[[Numbers], Pieces]] = {
    "address": lambda column: pieces.hexadecimal(column.numbers.astype(np.uint64)),
    "number": pieces.decimal,
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
