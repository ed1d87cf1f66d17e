# SPDX-License-Identifier: GPL-2.0-or-later
"""A ``sed`` script whose commands delete lines: the only kind that the kernel filters a map with.

Follows GNU ``sed/compile.c``: a command's address ends at the next delimiter that no backslash precedes, also
within brackets. Leaves out, with :class:`SedError`, every command but ``d`` and every address but one
expression.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = ["Deletion", "SedError", "read_sed"]

_GAP = re.compile(rb"(?:[ \t\n;]|#[^\n]*)*")
_COMMAND = re.compile(rb"(?P<flags>[IM]*)[ \t]*(?P<negated>!?)[ \t]*d[ \t]*(?=[\n;#]|\Z)")


class SedError(ValueError):
    """A command that is not followed; ``line`` is its line in the script, from 0."""

    def __init__(self, line: int, why: str) -> None:
        """Say where and why."""
        super().__init__(why)
        self.line = line


@dataclass(frozen=True, slots=True)
class Deletion:
    """``/EXPRESSION/d``: lines that match are deleted, or with ``!`` the others; ``line`` from 0."""

    expression: bytes
    line: int
    ignore_case: bool = False
    negated: bool = False


def read_sed(script: bytes) -> list[Deletion]:
    r"""Read the commands of a script; raises :class:`SedError`.

    >>> read_sed(b"# comment\n/ L0$/d")
    [Deletion(expression=b' L0$', line=1, ignore_case=False, negated=False)]
    """
    if script.startswith(b"#n\n"):
        raise SedError(0, "#n prints nothing")
    found: list[Deletion] = []
    at = _end(_GAP, script, 0)
    while at < len(script):
        deletion, at = _deletion(script, at)
        found.append(deletion)
        at = _end(_GAP, script, at)
    return found


def _deletion(script: bytes, at: int) -> tuple[Deletion, int]:
    line = script.count(b"\n", 0, at)
    custom = script.startswith(b"\\", at)
    delimiter = script[at + custom : at + custom + 1]
    if not custom and delimiter != b"/":
        raise SedError(line, "a command that is no /expression/d")
    expression, end = _expression(script, at + custom + 1, delimiter, line)
    match = _COMMAND.match(script, end)
    if not match or b"M" in match["flags"]:
        raise SedError(line, "a command that is no /expression/d")
    if not expression:
        raise SedError(line, "an empty expression stands for another")
    return Deletion(expression, line, b"I" in match["flags"], bool(match["negated"])), match.end()


def _expression(script: bytes, at: int, delimiter: bytes, line: int) -> tuple[bytes, int]:
    """Return an expression, its delimiter's backslashes taken off, and the index after its delimiter."""
    text = b""
    while True:
        char = script[at : at + 1]
        if char in (b"", b"\n"):
            raise SedError(line, "an expression that does not end in its line")
        if char == delimiter:
            return text, at + 1
        if char == b"\\":
            following = script[at + 1 : at + 2]
            text += following if following == delimiter else char + following
            at += 1
        else:
            text += char
        at += 1


def _end(pattern: re.Pattern[bytes], text: bytes, at: int) -> int:
    match = pattern.match(text, at)
    return match.end() if match else at
