# SPDX-License-Identifier: GPL-2.0-or-later
r"""Rows of columns as JSON, CSV or TSV, a piece of text for some thousands of them, so that none is held.

JSON has addresses as strings and a row a line; CSV follows RFC 4180; TSV has no quotes, but ``\t``, ``\n`` and
``\\`` for what would end a cell or a line.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence  # noqa: TC003 (a dataclass names them)
from dataclasses import dataclass
from itertools import chain, islice
from json.encoder import encode_basestring_ascii
from typing import TYPE_CHECKING, Any

import numpy as np

from elfsyms.cli.cells import decimal, hexadecimal, row_texts, same, used
from elfsyms.cli.streams import is_terminal
from elfsyms.inspect.column_values import Coded, Names, Numbers
from elfsyms.printable import printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from elfsyms.cli.cells import Cells
    from elfsyms.inspect.columns import Column
    from elfsyms.inspect.rows import Rows

__all__ = ["csv_text", "joined", "json_lines", "json_rows", "tsv_text"]

_MANY = 8192  # rows of a piece


def json_rows(
    columns: Sequence[Column], rows: Rows, which: NDArray[np.int64], indent: str = "    "
) -> Iterator[bytes]:
    """Yield the objects of rows, commas and newlines between them."""
    return joined(json_lines(columns, rows, which, indent), len(which))


def json_lines(
    columns: Sequence[Column], rows: Rows, which: NDArray[np.int64], indent: str
) -> Iterator[bytes]:
    """Yield the object of each row, a line each."""
    return chain.from_iterable(_json_lines(columns, rows, part, indent) for part in _parts(which))


def joined(lines: Iterator[bytes], count: int) -> Iterator[bytes]:
    """Yield the next so many lines, some thousands in a piece, commas and newlines between all of them."""
    for first in range(0, count, _MANY):
        if first:
            yield b",\n"
        yield b",\n".join(islice(lines, min(_MANY, count - first)))


def _json_lines(columns: Sequence[Column], rows: Rows, which: NDArray[np.int64], indent: str) -> list[bytes]:
    line: list[Cells] = []
    for column in columns:
        key = f', "{column.name}": ' if line else f'{indent}{{"{column.name}": '
        line += [same(key.encode(), len(which)), *_json(column.kind, column.values(rows, which))]
    return row_texts([*line, same(b"}", len(which))])


def csv_text(columns: Sequence[Column], rows: Rows, which: NDArray[np.int64]) -> Iterator[bytes]:
    """Yield the lines of a CSV file, its head first; on a terminal, a name's newline is no new line."""
    return _table(columns, rows, which, _SEEN_CSV if is_terminal() else _CSV)


def tsv_text(columns: Sequence[Column], rows: Rows, which: NDArray[np.int64]) -> Iterator[bytes]:
    """Yield the lines of a TSV file, its head first."""
    return _table(columns, rows, which, _TSV)


def _table(columns: Sequence[Column], rows: Rows, which: NDArray[np.int64], form: _Form) -> Iterator[bytes]:
    yield form.between.join(form.cells([column.name.encode() for column in columns])) + b"\n"
    for part in _parts(which):
        line: list[Cells] = []
        for column in columns:
            line += [same(form.between, len(part))] if line else []
            line.append(_cells(column.kind, column.values(rows, part), form))
        lines = row_texts(line)
        if len(columns) == 1:
            lines = [text or form.empty for text in lines]
        yield b"\n".join(lines) + b"\n"


def _parts(which: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    return (which[first : first + _MANY] for first in range(0, len(which), _MANY))


@dataclass(frozen=True, slots=True)
class _Form:
    """A form of tables: what is ``between`` cells, which ``signs`` make one be ``written`` otherwise, and how."""

    between: bytes
    signs: bytes
    written: Callable[[bytes], bytes]
    empty: bytes = b""  # the line of one empty cell

    def cells(self, cells: list[bytes]) -> list[bytes]:
        """Return cells as they are written: nearly all as they are."""
        if not self._has_signs(b"".join(cells)):
            return cells
        return [self.written(cell) if self._has_signs(cell) else cell for cell in cells]

    def _has_signs(self, text: bytes) -> bool:
        """Tell whether a text has what a cell cannot have as it is."""
        return any(sign in text for sign in self.signs)


def _escaped(cell: bytes) -> bytes:
    return cell.replace(b"\\", rb"\\").replace(b"\t", rb"\t").replace(b"\n", rb"\n")


def _quoted(cell: bytes) -> bytes:
    return b'"' + cell.replace(b'"', b'""') + b'"'


def _seen(cell: bytes) -> bytes:
    return _quoted(printable(cell.decode("utf-8", "surrogateescape")).encode())


_TSV = _Form(b"\t", b"\t\n\\", _escaped)
_CSV = _Form(b",", b'",\r\n', _quoted, empty=b'""')
_SEEN_CSV = _Form(b",", b'",\r\n', _seen, empty=b'""')


def _cells(kind: str, values: Sequence[Any], form: _Form) -> Cells:
    """Return the cells of a column; of one of few different values, these and which."""
    if isinstance(values, Coded):
        few = used(values)
        return Coded(form.cells(_CELLS[kind](few.words)), few.codes)
    if isinstance(values, Numbers):
        return _numbers(kind, values, b"")
    return form.cells(values.texts() if isinstance(values, Names) else _CELLS[kind](values))


def _json(kind: str, values: Sequence[Any]) -> list[Cells]:
    """Encode the values of a column, each word once; return the columns of text that make its cells."""
    quote = same(b'"', len(values))
    if isinstance(values, Coded):
        few = used(values)
        return [Coded(_JSON[kind](few.words), few.codes)]
    if isinstance(values, Numbers):
        found = _numbers(kind, values, b"null")
        return [quote, found, quote] if kind == "address" else [found]
    if isinstance(values, Names):
        names = values.texts()
        if _is_plain(b"".join(names)):
            return [quote, names, quote]
    return [_JSON[kind](values)]


def _numbers(kind: str, values: Numbers, nothing: bytes) -> Cells:
    return hexadecimal(values.numbers.astype(np.uint64)) if kind == "address" else decimal(values, nothing)


# Bytes that JSON has as they are: visible ASCII and blanks, but what it escapes.
_PLAIN = bytes(set(range(0x20, 0x7F)) - set(b'"\\'))


def _is_plain(text: bytes) -> bool:
    return not text.translate(None, _PLAIN)


def _json_text(text: str | None) -> bytes:
    return b"null" if text is None else encode_basestring_ascii(text).encode()


def _json_name(name: bytes) -> bytes:
    return _json_text(name.decode("utf-8", "backslashreplace"))


def _json_names(names: list[bytes] | None) -> bytes:
    return b"null" if names is None else b"[" + b", ".join(map(_json_name, names)) + b"]"


_JSON: dict[str, Callable[[Sequence[Any]], list[bytes]]] = {
    "text": lambda values: list(map(_json_text, values)),
    "name": lambda values: list(map(_json_name, values)),
    "names": lambda values: list(map(_json_names, values)),
    "flag": lambda values: [b"true" if value else b"false" for value in values],
}

_CELLS: dict[str, Callable[[Sequence[Any]], list[bytes]]] = {
    "text": lambda values: [(value or "").encode("utf-8", "surrogateescape") for value in values],
    "name": list,
    "names": lambda values: [b" ".join(names or ()) for names in values],
    "flag": lambda values: [b"yes" if value else b"no" for value in values],
}
