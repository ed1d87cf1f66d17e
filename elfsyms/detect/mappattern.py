# SPDX-License-Identifier: GPL-2.0-or-later
"""Which matcher says of names and letters what a filter's expression says of map lines.

A line is ``ADDRESS LETTER NAME``, and but for hostile tables (``maptext.py``) a name has no blanks. So an
expression that begins with a blank and goes on with a name's text is about the beginning of a name, and the
fast matchers of ``matchers.py`` can ask it; what else there may be is searched for in the lines themselves
(:class:`LinePattern`), which takes longer and is as exact.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from elfsyms.detect.posix import parse_expression
from elfsyms.detect.python_pattern import python_pattern
from elfsyms.releases.matchers import Contains, Exact, Letters, LinePattern, Pattern, Prefix, Suffix

if TYPE_CHECKING:
    from elfsyms.detect.posix import Branch, Piece
    from elfsyms.releases.matchers import Matcher

__all__ = ["line_matchers"]

_BLANK, _END = b" ", rb"\Z"
_HEX_OR_BLANK = re.compile(rb"[0-9a-f ]*")
_LETTER = re.compile(rb"[A-Za-z?-]")  # what nm prints as one


def line_matchers(
    text: bytes,
    *,
    extended: bool = False,
    controls: bool = True,
    ignore_case: bool = False,
    whole_line: bool = False,
    negated: bool = False,
) -> tuple[Matcher, ...]:
    """Return matchers of which any matches just where an expression is found in a map line.

    ``negated``: where it is not found. Raises :class:`elfsyms.detect.posix.ExpressionError`.
    """
    branches = parse_expression(text, extended=extended, controls=controls)
    if not (ignore_case or whole_line or negated):
        return tuple(m for branch in _flat(branches) for m in _matchers_of(branch))
    pattern = python_pattern(branches)
    if whole_line:
        pattern = rb"\A(?:%b)\Z" % pattern
    if ignore_case:
        pattern = b"(?i:%b)" % pattern
    return (LinePattern(rb"\A(?!.*?(?:%b))" % pattern if negated else pattern),)


def _flat(branches: tuple[Branch, ...]) -> list[Branch]:
    r"""Return the branches, those that are one group taken apart: ``\(a\)\|\(b\)`` is a and b."""
    flat: list[Branch] = []
    for branch in branches:
        whole = branch[0] if len(branch) == 1 else None
        flat += _flat(whole.group) if whole and whole.group and whole.once else [branch]
    return flat


def _matchers_of(branch: Branch) -> tuple[Matcher, ...]:
    if letters := _letters(branch):
        return tuple(Letters(bytes([letter])) for letter in letters)
    text = _literal_text(branch[:-1] if branch and branch[-1].anchor == _END else branch)
    ends = bool(branch) and branch[-1].anchor == _END
    matcher = _plain(text, ends=ends) if text is not None else _name_pattern(branch)
    return (matcher or LinePattern(python_pattern((branch,))),)


def _letters(branch: Branch) -> bytes:
    """Return the letters of `` [abc] ``; nothing for what is no choice of letters between blanks."""
    if len(branch) != 3 or branch[0].byte != _BLANK or branch[2].byte != _BLANK or not branch[1].once:
        return b""
    letters = bytes(sorted(branch[1].members))
    return letters if all(_LETTER.match(bytes([letter])) for letter in letters) else b""


def _literal_text(pieces: tuple[Piece, ...]) -> bytes | None:
    """Return the text that pieces spell, None where one is no literal."""
    return b"".join(p.byte for p in pieces) if all(p.byte for p in pieces) else None


def _plain(text: bytes, *, ends: bool) -> Matcher | None:
    """Return the matcher of a text in a line, None where more than the name could hold it."""
    name = text.removeprefix(_BLANK)
    if _BLANK in name:
        return None
    if ends:
        # A text at the line's end is one at the name's end, unless nothing of it is left to look for.
        return Exact(name) if text != name else Suffix(name) if name else None
    if text != name:
        return Prefix(name) if _begins_a_name(name) else None
    return None if len(name) < 2 or _HEX_OR_BLANK.fullmatch(name) else Contains(name)


def _begins_a_name(text: bytes) -> bool:
    """Tell whether a text behind a blank can only stand where the name begins, not where the letter does."""
    return len(text) > 1 or (len(text) == 1 and not _LETTER.match(text))


def _name_pattern(branch: Branch) -> Matcher | None:
    """Return the matcher of an expression that begins with a blank and is about the name behind it."""
    if not branch or branch[0].byte != _BLANK:
        return None
    rest = branch[1:]
    if any(p.group or (p.anchor and p.anchor != _END) or ord(_BLANK) in p.members for p in rest):
        return None
    if sum(p.least for p in rest if not p.anchor) < 2:  # one byte might be the letter
        return None
    head = _run(rest)
    tails = [_run(rest[at:]) for at in range(len(head), len(rest))]
    return Pattern(python_pattern((rest,)), head, max(tails, key=len, default=b""))


def _run(pieces: tuple[Piece, ...]) -> bytes:
    """Return the literals that pieces begin with."""
    text = b""
    for piece in pieces:
        if not piece.byte:
            break
        text += piece.byte
    return text
