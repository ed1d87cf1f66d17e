# SPDX-License-Identifier: GPL-2.0-or-later
"""A file of a build tree: its text, and the error that names a line of it and quotes what stands there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from elfsyms.errors import InputError
from elfsyms.files import read_regular

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["SourceError", "SourceFile", "read_source"]

_ENCODING, _ERRORS = "utf-8", "surrogateescape"  # bytes that are no UTF-8 come back as they were
_MOST = 1 << 18  # bytes; real scripts have 30,000, and the Makefile at the top 75,000
_QUOTED = 100  # characters of a line that a message quotes


class SourceError(InputError):
    """A line of a tree's script that is not understood, so that its tables would be a guess.

    ``finding`` names file and line, quotes the text and says why; the sentence goes on with what to do.
    """

    def __init__(self, finding: str) -> None:
        """Keep the finding, and make the sentence."""
        super().__init__(
            f"{finding}, so what this tree makes is not known: give --release instead of --tree to follow a "
            "release of Linux"
        )
        self.finding = finding


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A text file of a tree; ``name`` is its path within, as in ``scripts/mksysmap``."""

    tree: Path
    name: str
    text: str

    def line(self, number: int) -> str:
        """Return a line by its number, from 1, without the blanks around it."""
        lines = self.text.split("\n")
        return lines[number - 1].strip() if 0 < number <= len(lines) else ""

    def error(self, line: int, why: str) -> SourceError:
        """Return the error about a line."""
        text = self.line(line)
        shown = text if len(text) <= _QUOTED else f"{text[: _QUOTED - 1]}…"
        shown = shown.encode(_ENCODING, "replace").decode()
        return SourceError(f"{self.tree / self.name}:{line}: {shown!r} is not understood ({why})")

    @staticmethod
    def encode(text: str) -> bytes:
        """Return the bytes of a piece of the text."""
        return text.encode(_ENCODING, _ERRORS)

    @staticmethod
    def decode(data: bytes) -> str:
        """Return bytes as a piece of the text."""
        return data.decode(_ENCODING, _ERRORS)


def read_source(tree: Path, name: str) -> SourceFile:
    """Read a file of a tree; raises :class:`InputError` where it cannot be read whole."""
    try:
        data = read_regular(tree / name, _MOST)
    except OSError as error:
        raise InputError(f"{tree} is no kernel tree: cannot read {name} ({error.strerror})") from error
    return SourceFile(tree, name, SourceFile.decode(data))
