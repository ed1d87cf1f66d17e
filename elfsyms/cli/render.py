# SPDX-License-Identifier: GPL-2.0-or-later
"""Lines of words with a style each: coloured on a terminal, plain text everywhere else.

Rich is imported only where it will colour something; a pipe, a file or ``NO_COLOR`` pays nothing for it.
"""

from __future__ import annotations

import os
import sys
import textwrap
from typing import TYPE_CHECKING, TypeAlias

from elfsyms.cli.options import emit

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["WIDTH", "Line", "columns", "field", "line", "name_text", "show"]

WIDTH = 80

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


def show(lines: Iterable[Line]) -> None:
    """Print lines to standard output."""
    if sys.stdout.isatty() and "NO_COLOR" not in os.environ:
        _show_coloured(lines)
    else:
        emit("".join(f"{plain(one)}\n" for one in lines))


def plain(pieces: Line) -> str:
    """Return a line without its styles."""
    return "".join(piece if isinstance(piece, str) else piece[0] for piece in pieces).rstrip()


def _show_coloured(lines: Iterable[Line]) -> None:
    from rich.console import Console  # noqa: PLC0415 (70 ms, for colours alone)
    from rich.text import Text  # noqa: PLC0415 (as above)

    console = Console(highlight=False, soft_wrap=True)
    for one in lines:
        pieces = ((p, "") if isinstance(p, str) else (p[0], _STYLES.get(p[1], "")) for p in one)
        console.print(Text.assemble(*pieces))


def field(label: str, text: str, verdict: str = "", *, indent: int = 2) -> list[Line]:
    """Return a labelled text, wrapped under itself, a verdict at the right edge of its first line."""
    width = 9
    room = WIDTH - indent - width - (10 if verdict else 0)
    first, *rest = textwrap.wrap(text, room, break_on_hyphens=False) or [""]
    head: Line = [f"{' ' * indent}{label:<{width}}", f"{first:<{room}}" if verdict else first]
    if verdict:
        head += ["  ", (verdict, verdict)]
    return [head, *(line(f"{' ' * (indent + width)}{part}") for part in rest)]


def line(text: str) -> Line:
    """Return a line of one piece, without a style."""
    return [text]


def columns(rows: Sequence[tuple[str, ...]], right: str = "") -> list[str]:
    """Align rows of equal length in columns; ``right`` has an ``r`` in the place of each aligned right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    sides = [">" if right[i : i + 1] == "r" else "<" for i in range(len(widths))]
    return [
        "  ".join(
            f"{cell:{side}{width}}" for cell, side, width in zip(row, sides, widths, strict=True)
        ).rstrip()
        for row in rows
    ]


def name_text(name: bytes) -> str:
    """Return a name as text; bytes that are no UTF-8 are escaped."""
    return name.decode("utf-8", "backslashreplace")
