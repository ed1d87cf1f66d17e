# SPDX-License-Identifier: GPL-2.0-or-later
"""Regular expressions as ``sed`` and ``grep`` read them, taken apart into pieces.

Basic (BRE) and extended (ERE) syntax with GNU's additions, over bytes and in the C locale, which is the one that a
kernel build collates in. The pieces tell which of the fast matchers says the same as an expression
(``mappattern.py``), and how Python writes it (``python_pattern.py``).

Leaves out, with :class:`ExpressionError`: back-references, equivalence classes, escapes by number, and a repeated
group that repeats something itself, over which Python's engine could take for ever.
"""

from __future__ import annotations

import re
import string
from dataclasses import dataclass, replace
from typing import TypeAlias

__all__ = ["ALL_BYTES", "Branch", "ExpressionError", "Piece", "parse_expression"]

_CLASSES = {
    "alnum": string.ascii_letters + string.digits,
    "alpha": string.ascii_letters,
    "blank": " \t",
    "digit": string.digits,
    "lower": string.ascii_lowercase,
    "upper": string.ascii_uppercase,
    "space": " \t\n\v\f\r",
    "xdigit": string.hexdigits,
    "punct": string.punctuation,
}
ALL_BYTES = frozenset(range(256))
_WORD = frozenset(map(ord, string.ascii_letters + string.digits + "_"))
_SPACE = frozenset(map(ord, _CLASSES["space"]))
# What a backslash makes special besides syntax: GNU's shorthands, and its anchors as Python writes them.
_SHORTHANDS = {ord("w"): _WORD, ord("W"): ALL_BYTES - _WORD, ord("s"): _SPACE, ord("S"): ALL_BYTES - _SPACE}
_ANCHORS = {
    ord("b"): rb"\b",
    ord("B"): rb"\B",
    ord("<"): rb"\b(?=\w)",
    ord(">"): rb"\b(?<=\w)",
    ord("`"): rb"\A",
    ord("'"): rb"\Z",
}
_START, _END = rb"\A", rb"\Z"
_CONTROLS = {ord("n"): ord("\n"), ord("t"): ord("\t"), ord("f"): ord("\f"), ord("v"): ord("\v")}
_INTERVAL = re.compile(rb"(\d{0,9})(,?)(\d{0,9})")
_MANY = 255  # RE_DUP_MAX of POSIX
_DEEPEST = 64  # groups within groups; those of real scripts have two


class ExpressionError(ValueError):
    """An expression that is wrong, or that is not followed; the text says why."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of an expression: one byte of a set, an anchor, or a group; repeated ``least`` to ``most`` times."""

    members: frozenset[int] = frozenset()
    anchor: bytes = b""
    group: tuple[tuple[Piece, ...], ...] = ()
    least: int = 1
    most: int | None = 1

    @property
    def byte(self) -> bytes:
        """The one byte that the piece is, if it is a literal."""
        return bytes(self.members) if len(self.members) == 1 and self.once else b""

    @property
    def once(self) -> bool:
        """Whether the piece stands for itself exactly once."""
        return (self.least, self.most) == (1, 1)

    @property
    def varies(self) -> bool:
        """Whether the piece, or one within it, may repeat without end."""
        return self.most is None or any(p.varies for branch in self.group for p in branch)


Branch: TypeAlias = tuple[Piece, ...]


def parse_expression(text: bytes, *, extended: bool = False, controls: bool = True) -> tuple[Branch, ...]:
    r"""Take an expression apart into its branches; raises :class:`ExpressionError`.

    ``controls``: ``\n``, ``\t`` and their like are control characters, as ``sed`` has it and ``grep`` has not.
    """
    reader = _Reader(text, extended=extended, controls=controls)
    branches = reader.branches(depth=0)
    if reader.at < len(text):
        raise ExpressionError("it closes a group that is not open")
    return branches


class _Reader:
    """Reads one expression from left to right."""

    def __init__(self, text: bytes, *, extended: bool, controls: bool) -> None:
        self.text = text
        self.extended = extended
        self.controls = _CONTROLS if controls else {}
        self.at = 0

    def branches(self, depth: int) -> tuple[Branch, ...]:
        """Read up to the end, or to the end of a group."""
        found = [self._branch(depth)]
        while self._take_operator(b"|"):
            found.append(self._branch(depth))
        return tuple(found)

    def _branch(self, depth: int) -> Branch:
        pieces: list[Piece] = []
        while self.at < len(self.text) and not self._is_operator(b"|"):
            if self._is_operator(b")") and (depth or not self.extended):
                break
            piece = self._piece(depth, first=not pieces)
            if piece.anchor == _START and not self.extended and self._next(b"*"):
                self.at += 1  # behind a leading ^, BRE's asterisk is itself
                pieces.append(piece)
                piece = _literal(ord("*"))
            pieces.append(self._repeated(piece))
        return tuple(pieces)

    def _piece(self, depth: int, *, first: bool) -> Piece:  # noqa: PLR0911 (one for each kind of piece)
        """Read one piece without its repetition."""
        if self._take_operator(b"("):
            if depth == _DEEPEST:
                raise ExpressionError("groups within groups without end")
            group = self.branches(depth + 1)
            if not self._take_operator(b")"):
                raise ExpressionError("a group is not closed")
            return Piece(group=group)
        char = self.text[self.at]
        self.at += 1
        if char == ord("\\"):
            return self._escaped()
        if char == ord("["):
            return Piece(self._bracket())
        if char == ord("."):
            return Piece(ALL_BYTES)
        if char == ord("^") and (self.extended or first):
            return Piece(anchor=_START)
        if char == ord("$") and (self.extended or self._ends()):
            return Piece(anchor=_END)
        if self.extended and chr(char) in "*+?{" and first:
            raise ExpressionError("it repeats nothing")
        return _literal(char)

    def _ends(self) -> bool:
        """Tell whether a branch ends here, so that BRE's dollar is an anchor."""
        return self.at == len(self.text) or self._is_operator(b")") or self._is_operator(b"|")

    def _escaped(self) -> Piece:
        if self.at == len(self.text):
            raise ExpressionError("it ends in a backslash")
        char = self.text[self.at]
        self.at += 1
        if char in _SHORTHANDS:
            return Piece(_SHORTHANDS[char])
        if char in _ANCHORS:
            return Piece(anchor=_ANCHORS[char])
        if char in self.controls:
            return _literal(self.controls[char])
        if chr(char).isalnum():
            raise ExpressionError(f"\\{chr(char)} is not followed here")
        if not self.extended and char in b"{+?":
            raise ExpressionError("it repeats nothing")
        return _literal(char)

    def _repeated(self, piece: Piece) -> Piece:
        """Read the repetitions behind a piece."""
        while (bounds := self._repetition()) is not None:
            if piece.anchor:
                raise ExpressionError("it repeats an anchor")
            if not piece.once or piece.varies:
                if bounds != (1, 1) and (piece.varies or piece.group):
                    raise ExpressionError("it repeats what repeats itself")
                piece = Piece(group=((piece,),))
            piece = replace(piece, least=bounds[0], most=bounds[1])
        return piece

    def _repetition(self) -> tuple[int, int | None] | None:
        if self._next(b"*"):
            self.at += 1
            return 0, None
        if self._take_operator(b"+"):
            return 1, None
        if self._take_operator(b"?"):
            return 0, 1
        return self._interval() if self._take_operator(b"{") else None

    def _interval(self) -> tuple[int, int | None]:
        match = _INTERVAL.match(self.text, self.at)
        if match is None:
            raise ExpressionError("a repetition is not closed")
        self.at = match.end()
        if not self._take_operator(b"}") or not match[0].strip(b","):
            raise ExpressionError("a repetition is not closed")
        least = int(match[1] or 0)
        most = int(match[3]) if match[3] else None if match[2] else least
        if least > _MANY or (most is not None and not least <= most <= _MANY):
            raise ExpressionError("a repetition has bounds that are none")
        return least, most

    def _bracket(self) -> frozenset[int]:
        """Read a bracket expression behind its ``[``."""
        negated = self._next(b"^")
        self.at += negated
        members: set[int] = set()
        first = True
        while first or not self._next(b"]"):
            if self.at >= len(self.text):
                raise ExpressionError("a bracket is not closed")
            members |= self._members()
            first = False
        self.at += 1
        return ALL_BYTES - members if negated else frozenset(members)

    def _members(self) -> set[int]:
        """Read one item of a bracket: a byte, a range, or a class."""
        if self.text.startswith(b"[:", self.at):
            name, closed, _ = self.text[self.at + 2 :].partition(b":]")
            if not closed:
                raise ExpressionError("a class in brackets is not closed")
            if name.decode("latin-1") not in _CLASSES:
                raise ExpressionError(f"[:{name.decode('latin-1')}:] is no class that is followed here")
            self.at += len(name) + 4
            return set(map(ord, _CLASSES[name.decode("latin-1")]))
        if self.text[self.at : self.at + 2] in (b"[=", b"[."):
            raise ExpressionError("equivalence classes are not followed")
        if self.text[self.at] == ord("\\") and chr((self.text[self.at + 1 :] or b" ")[0]).isalnum():
            raise ExpressionError("sed and grep read an escape in brackets in two ways")
        low = self.text[self.at]
        self.at += 1
        if not self._next(b"-") or self.text[self.at + 1 : self.at + 2] in (b"]", b""):
            return {low}
        high = self.text[self.at + 1]
        if high in b"[\\" or high < low:
            raise ExpressionError("a range in brackets is none")
        self.at += 2
        return set(range(low, high + 1))

    def _next(self, char: bytes) -> bool:
        return self.text.startswith(char, self.at)

    def _is_operator(self, char: bytes) -> bool:
        """Tell whether an operator comes next, which BRE writes with a backslash."""
        return self._next(char if self.extended else b"\\" + char)

    def _take_operator(self, char: bytes) -> bool:
        found = self._is_operator(char)
        self.at += found and (1 if self.extended else 2)
        return found


def _literal(char: int) -> Piece:
    return Piece(frozenset((char,)))
