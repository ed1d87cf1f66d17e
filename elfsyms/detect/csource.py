# SPDX-License-Identifier: GPL-2.0-or-later
"""C source taken apart: tokens without comments, what a file defines, and the statements of a function.

As much of C as a generator of a few hundred lines has. Nothing is preprocessed: a directive is one token, and what
is between ``#if`` and ``#endif`` stands as it is, so that a reader must decide what to make of it.

Leaves out trigraphs, line splices outside of directives and strings, and K&R definitions.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

__all__ = [
    "TYPE_WORDS",
    "CError",
    "Definition",
    "Token",
    "definitions",
    "digest",
    "encoded",
    "statements",
    "strings",
    "tokens",
]

# What a declaration may begin with.
TYPE_WORDS = frozenset(
    ("static", "const", "char", "int", "unsigned", "long", "short", "void", "struct", "bool", "size_t")
)

_TOKEN = re.compile(
    r"""(?P<gap>\s+|/\*(?:.*?\*/|.*)|//[^\n]*)
    |(?P<directive>(?<![^\n])[ \t]*\#(?:\\\n|//[^\n]*|/\*(?:.*?\*/|.*)|[^\n])*)
    |(?P<string>"(?:\\.|[^"\\\n])*")
    |(?P<char>'(?:\\.|[^'\\\n])*')
    |(?P<word>\w+)
    |(?P<mark><<=|>>=|\.\.\.|->|\+\+|--|<<|>>|<=|>=|==|!=|&&|\|\||[-+*/%&|^]=|\S)""",
    re.DOTALL | re.VERBOSE,
)
_COMMENT = re.compile(r"/\*(?:.*?\*/|.*)|//[^\n]*", re.DOTALL)
_DEFINED = re.compile(r"\s*#\s*define\s+(\w+)")
_OPEN, _CLOSE = "([{", ")]}"
_HEADED = ("for", "while", "switch")
_DEEPEST = 200  # statements that govern each other, as a chain of else-ifs does
_DIGITS = 10  # of a digest: 40 bits, as git's short names


class CError(ValueError):
    """Source that is no C, as far as it is followed; ``line`` from 1."""

    def __init__(self, line: int, why: str) -> None:
        """Say where and why."""
        super().__init__(why)
        self.line = line


@dataclass(frozen=True, slots=True)
class Token:
    """One token, and its line."""

    text: str
    line: int


def text_at(body: Sequence[Token], at: int) -> str:
    """Return the text of a token, empty behind the last one."""
    return body[at].text if at < len(body) else ""


@dataclass(frozen=True, slots=True)
class Definition:
    """What a file defines at its top level.

    ``body`` is a function's, without its braces; ``is_function`` tells whether there is one. A directive is a
    definition too, of the macro's name if it defines one, else of its own text.
    """

    name: str
    head: tuple[Token, ...]
    body: tuple[Token, ...] = ()
    is_function: bool = False

    @property
    def line(self) -> int:
        """Where it begins."""
        return self.head[0].line


def tokens(text: str) -> list[Token]:
    """Return the tokens of a text; a directive is one, its comments and splices as one blank."""
    found: list[Token] = []
    line, at = 1, 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise CError(line, "a quotation that is not closed")
        if match.lastgroup == "directive":
            plain = _without_comments(match[0].replace("\\\n", " "), line)
            found.append(Token(" ".join(plain.split()), line))
        elif match.lastgroup == "gap":
            _without_comments(match[0], line)
        else:
            found.append(Token(match[0], line))
        line += match[0].count("\n")
        at = match.end()
    return found


def _without_comments(text: str, line: int) -> str:
    """Return a text with blanks for its comments; :class:`CError` where one does not end."""

    def blank(comment: re.Match[str]) -> str:
        if comment[0].startswith("/*") and not (comment[0].endswith("*/") and len(comment[0]) >= len("/**/")):
            raise CError(line, "a comment that does not end")
        return " "

    return _COMMENT.sub(blank, text)


def definitions(text: str) -> list[Definition]:
    """Return what a file defines, in its order; raises :class:`CError`."""
    found: list[Definition] = []
    pending: list[Token] = []
    stream = tokens(text)
    at = 0
    while at < len(stream):
        token = stream[at]
        if token.text.startswith("#") and not pending:
            macro = _DEFINED.match(token.text)
            found.append(Definition(macro[1] if macro else token.text, (token,)))
        elif token.text == "{" and pending and pending[-1].text == ")" and not _is_initialiser(pending):
            end = _closing(stream, at)
            found.append(
                Definition(
                    _function_name(pending), tuple(pending), tuple(stream[at + 1 : end]), is_function=True
                )
            )
            pending, at = [], end
        elif token.text in _OPEN:
            end = _closing(stream, at)
            pending += stream[at : end + 1]
            at = end
        elif token.text == ";":
            found.append(Definition(_declared_name(pending), (*pending, token)))
            pending = []
        else:
            pending.append(token)
        at += 1
    if pending:
        raise CError(pending[0].line, "a definition that does not end")
    return found


def statements(body: Sequence[Token]) -> list[tuple[Token, ...]]:
    """Return the statements of a function's or block's body, each whole with what it governs."""
    found: list[tuple[Token, ...]] = []
    at = 0
    while at < len(body):
        end = _statement_end(body, at)
        found.append(tuple(body[at:end]))
        at = end
    return found


def digest(parts: Iterable[Token | str]) -> str:
    """Return what identifies a row of tokens, whatever blanks and comments are between them."""
    text = " ".join(part if isinstance(part, str) else part.text for part in parts)
    return hashlib.sha256(encoded(text)).hexdigest()[:_DIGITS]


def strings(parts: Iterable[Token]) -> Iterator[tuple[str, Token]]:
    """Yield the strings among tokens, without quotes and escapes, each with its first token.

    Literals with nothing between them are one string, so a comma that somebody forgot joins two names. Raises
    :class:`CError` for an escape that stands for another character.
    """
    for quoted, row in groupby(parts, key=lambda token: token.text.startswith('"')):
        if quoted:
            literals = list(row)
            yield "".join(map(_unquoted, literals)), literals[0]


def _unquoted(literal: Token) -> str:
    if re.search(r"\\[^\\\"]", literal.text.replace("\\\\", "")):
        raise CError(literal.line, "an escape within a string that is not followed")
    return re.sub(r"\\(.)", r"\1", literal.text[1:-1])


def encoded(text: str) -> bytes:
    """Return the bytes of a piece of source, those that are no UTF-8 as they were."""
    return text.encode("utf-8", "surrogateescape")


def _statement_end(body: Sequence[Token], at: int, depth: int = 0) -> int:
    """Return the index after the statement that begins at one."""
    if at >= len(body):
        raise CError(body[-1].line if body else 0, "a statement that does not end")
    if depth == _DEEPEST:
        raise CError(body[at].line, "statements within statements without end")
    text = body[at].text
    if text.startswith("#"):
        return at + 1
    if text == "{":
        return _closing(body, at) + 1
    if text in _HEADED:
        return _statement_end(body, _head_end(body, at), depth + 1)
    if text == "if":
        end = _statement_end(body, _head_end(body, at), depth + 1)
        has_else = end < len(body) and body[end].text == "else"
        return _statement_end(body, end + 1, depth + 1) if has_else else end
    if text == "do":
        end = _statement_end(body, at + 1, depth + 1)
        return _simple_end(body, end)
    return _simple_end(body, at)


def _head_end(body: Sequence[Token], at: int) -> int:
    """Return the index after the parentheses of ``if``, ``for`` and their like."""
    if at + 1 >= len(body) or body[at + 1].text != "(":
        raise CError(body[at].line, "a statement without its parentheses")
    return _closing(body, at + 1) + 1


def _simple_end(body: Sequence[Token], at: int) -> int:
    """Return the index after the next semicolon that is in no bracket."""
    start = at
    while at < len(body) and body[at].text != ";":
        at = _closing(body, at) if body[at].text in _OPEN else at
        at += 1
    if at >= len(body):
        raise CError(body[min(start, len(body) - 1)].line, "a statement that does not end")
    return at + 1


def _closing(stream: Sequence[Token], at: int) -> int:
    """Return the index of the bracket that closes the one at an index."""
    depth = 0
    for index in range(at, len(stream)):
        text = stream[index].text
        depth += (text in _OPEN) - (text in _CLOSE) if len(text) == 1 else 0
        if not depth:
            return index
    raise CError(stream[at].line, "a bracket that is not closed")


def _function_name(head: Sequence[Token]) -> str:
    """Return the word before the parameters."""
    depth = 0
    for index in range(len(head) - 1, 0, -1):
        depth += (head[index].text == ")") - (head[index].text == "(")
        if not depth:
            return head[index - 1].text
    raise CError(head[0].line, "a function without a name")


def _is_initialiser(head: Sequence[Token]) -> bool:
    return any(token.text == "=" for token in head)


def _declared_name(head: Sequence[Token]) -> str:
    """Return the name that a declaration declares: the last word before ``[``, ``=``, ``,``, ``(`` or its end."""
    if not head:
        return ";"
    name = head[0].text
    for token in head:
        if token.text in ("[", "=", ",", "("):
            break
        if token.text == "{":
            continue
        if re.fullmatch(r"\w+", token.text):
            name = token.text
    if head[0].text in ("struct", "union", "enum") and len(head) > 2 and head[2].text == "{":
        name = f"{head[0].text} {head[1].text}"
    return name
