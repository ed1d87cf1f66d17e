# SPDX-License-Identifier: GPL-2.0-or-later
"""What a command was asked about: words of the command line, lines of a file, or of standard input (``-``)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from elfsyms.errors import UsageError
from elfsyms.files import read_standard_input, read_text, reading

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["NO_QUESTION", "read_lines", "read_questions"]

NO_QUESTION = "nothing to explain: give a name, a glob or an address"


def read_questions(given: Sequence[str], source: Path | None) -> list[str]:
    """Return the questions of a command line; ``-`` among them and ``source`` stand for lines.

    Raises :class:`UsageError` where there are none, :class:`InputError` for a file that cannot be read.
    """
    questions: list[str] = []
    for word in given:
        questions += read_lines(Path("-")) if word == "-" else [word]
    if source is not None:
        questions += read_lines(source)
    if not questions:
        raise UsageError(f"nothing to explain: {source} has no line" if source is not None else NO_QUESTION)
    return _globs_once(questions)


def _globs_once(questions: Sequence[str]) -> list[str]:
    """Leave out globs that were asked before: every symbol may be an answer, and a log may repeat its lines."""
    if len(questions) == 1:
        return list(questions)
    from elfsyms.inspect.globs import is_glob  # noqa: PLC0415 (numpy; not for a usage error)

    asked: set[str] = set()
    left = []
    for one in questions:
        word = one.strip()
        if word not in asked:
            left.append(one)
        if is_glob(word) and len(word.split()) == 1:  # else a line that is pasted
            asked.add(word)
    return left


def read_lines(source: Path) -> list[str]:
    """Return the lines of a file that are not empty; ``-`` is standard input. Bytes that are no UTF-8 stay."""
    with reading(source):
        data = read_standard_input() if str(source) == "-" else read_text(source)
    lines = (line.decode("utf-8", "surrogateescape") for line in data.splitlines())
    return [line for line in lines if line.strip()]
