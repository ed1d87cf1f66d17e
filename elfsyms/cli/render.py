# SPDX-License-Identifier: GPL-2.0-or-later
"""Lines of words with a style each: coloured and as wide as a terminal, plain text of 80 columns elsewhere.

Rich is imported only where it will colour something; a pipe, a file or ``NO_COLOR`` pays nothing for it.
"""

from __future__ import annotations

import os
import shutil
import sys
import textwrap
from functools import cache
from typing import TYPE_CHECKING, TypeAlias

from elfsyms.cli.progress import hide
from elfsyms.cli.streams import emit
from elfsyms.printable import printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["Line", "columns", "field", "line", "name_text", "on_terminal", "show", "width", "wrap", "wrapped"]

_WIDTH, _LEAST = 80, 40  # columns
_LABEL = 9

# A line is pieces of text; a piece may name its style, a key of _STYLES.
Line: TypeAlias = "list[str | tuple[str, str]]"

_STYLES = {
    "kept": "green",
    "shadowed": "yellow",
    "dropped": "red",
    "absent": "red",
    "rule": "cyan",
    "head": "bold",
}


def on_terminal() -> bool:
    """Tell whether standard output is a terminal."""
    return sys.stdout is not None and sys.stdout.isatty()


@cache
def width() -> int:
    """Return how many columns a line of words may take: the terminal's, or 80."""
    if not on_terminal():
        return _WIDTH
    return max(shutil.get_terminal_size((_WIDTH, 24)).columns, _LEAST)


def show(lines: Iterable[Line]) -> None:
    """Print lines to standard output."""
    if not on_terminal():
        emit(b"".join([f"{plain(one)}\n".encode("utf-8", "surrogateescape") for one in lines]))
    elif "NO_COLOR" in os.environ:
        emit("".join(f"{printable(plain(one))}\n" for one in lines))
    else:
        _show_coloured(lines)


def plain(pieces: Line) -> str:
    """Return a line without its styles."""
    return "".join(piece if isinstance(piece, str) else piece[0] for piece in pieces).rstrip()


def _show_coloured(lines: Iterable[Line]) -> None:
    from rich.console import Console  # noqa: PLC0415 (70 ms, for colours alone)
    from rich.text import Text  # noqa: PLC0415 (as above)

    hide()
    console = Console(highlight=False, soft_wrap=True)
    for one in lines:
        named = ((p, "") if isinstance(p, str) else p for p in one)
        pieces = ((printable(text), _STYLES.get(style, "")) for text, style in named)
        try:
            console.print(Text.assemble(*pieces))
        except SystemExit:  # rich's answer to a terminal that went away
            raise BrokenPipeError from None


def field(label: str, text: str, verdict: str = "", *, indent: int = 2) -> list[Line]:
    """Return a labelled text, wrapped under itself, a verdict at the right edge of its first line.

    Words are never broken, so that a name can be looked for in the output.
    """
    room = width() - indent - _LABEL - (10 if verdict else 0)
    first, *rest = wrap(text, room)
    head: Line = [f"{' ' * indent}{label:<{_LABEL}}", f"{first:<{room}}" if verdict else first]
    if verdict:
        head += ["  ", (verdict, verdict)]
    return [head, *(line(f"{' ' * (indent + _LABEL)}{part}") for part in rest)]


def wrap(text: str, room: int) -> list[str]:
    """Return the lines of a text, one at least, broken between words only."""
    return textwrap.wrap(printable(text), max(room, 1), break_on_hyphens=False, break_long_words=False) or [
        ""
    ]


def line(text: str) -> Line:
    """Return a line of one piece, without a style."""
    return [text]


def columns(rows: Sequence[tuple[str, ...]], right: str = "") -> list[str]:
    """Align rows of equal length in columns; ``right`` has an ``r`` at the index of each that is aligned right."""
    return [text.rstrip() for text in _padded(rows, right)]


def _padded(rows: Sequence[tuple[str, ...]], right: str) -> list[str]:
    """Align rows, blanks at their ends kept."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    sides = [">" if right[i : i + 1] == "r" else "<" for i in range(len(widths))]
    return [
        "  ".join(f"{cell:{side}{room}}" for cell, side, room in zip(row, sides, widths, strict=True))
        for row in rows
    ]


def wrapped(rows: Sequence[tuple[str, ...]], right: str = "") -> list[str]:
    """Align rows as :func:`columns` does; what is too wide continues under the last column."""
    heads = [head + "  " for head in _padded([row[:-1] for row in rows], right)]
    texts: list[str] = []
    for head, row in zip(heads, rows, strict=True):
        first, *rest = wrap(row[-1], width() - len(head))
        texts += [f"{head}{first}".rstrip(), *(f"{'':<{len(head)}}{part}" for part in rest)]
    return texts


def name_text(name: bytes) -> str:
    """Return a name as text; bytes that are no UTF-8 are escaped."""
    return name.decode("utf-8", "backslashreplace")
