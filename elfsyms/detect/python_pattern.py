# SPDX-License-Identifier: GPL-2.0-or-later
"""A POSIX expression as Python's ``re`` writes it.

Only whether a line matches counts, so that the two engines' different choice among several matches does not matter.
Follows :mod:`elfsyms.detect.posix`, which takes expressions apart.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from elfsyms.detect.posix import ALL_BYTES

if TYPE_CHECKING:
    from elfsyms.detect.posix import Branch, Piece

__all__ = ["python_pattern"]

_REPEATS: dict[tuple[int, int | None], bytes] = {(1, 1): b"", (0, None): b"*", (1, None): b"+", (0, 1): b"?"}


def python_pattern(branches: tuple[Branch, ...]) -> bytes:
    r"""Return the pattern (bytes) for ``re`` that matches what the branches of an expression match.

    >>> from elfsyms.detect.posix import parse_expression
    >>> python_pattern(parse_expression(rb" __[[:alnum:]]*Thunk_"))
    b' __[0-9A-Za-z]*Thunk_'
    """
    return b"|".join(b"".join(map(_piece_pattern, branch)) for branch in branches)


def _piece_pattern(piece: Piece) -> bytes:
    if piece.anchor:
        return piece.anchor
    atom = b"(?:" + python_pattern(piece.group) + b")" if piece.group else _set_pattern(piece.members)
    return atom + _REPEATS.get((piece.least, piece.most), _bounds(piece))


def _bounds(piece: Piece) -> bytes:
    return b"{%d,%b}" % (piece.least, b"" if piece.most is None else b"%d" % piece.most)


def _set_pattern(members: frozenset[int]) -> bytes:
    """Write a set of bytes: itself, a dot, or ranges in brackets, negated where that is shorter."""
    if len(members) == 1:
        return bytes(members) if ord(" ") in members else re.escape(bytes(members))
    if members == ALL_BYTES:
        return b"."
    if not members:
        return b"(?!)"
    negated = len(members) > len(ALL_BYTES) // 2
    return b"[%b%b]" % (b"^" if negated else b"", _ranges(ALL_BYTES - members if negated else members))


def _ranges(members: frozenset[int]) -> bytes:
    runs: list[list[int]] = []
    for char in sorted(members):
        if runs and runs[-1][-1] == char - 1:
            runs[-1].append(char)
        else:
            runs.append([char])
    return b"".join(
        _escape(run[0]) + b"-" + _escape(run[-1]) if len(run) > 2 else b"".join(map(_escape, run))
        for run in runs
    )


def _escape(char: int) -> bytes:
    """Write a byte in brackets."""
    return re.escape(bytes([char])) if chr(char) in "\\]^-[&~|" else bytes([char])
