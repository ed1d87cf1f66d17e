# SPDX-License-Identifier: GPL-2.0-or-later
"""What the generator's ``is_ignored_symbol`` ignores: names and letters, read statement by statement.

The function (5.5 on) asks one thing after the other and returns true at the first that holds, so that
statements may come and go in any order. Tables of names are read with the loops that use them, and so are plain
comparisons that somebody added; any other statement is an error.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from elfsyms.detect.csource import CError, Token, digest, encoded, statements, strings
from elfsyms.releases.matchers import Contains, Exact, Letters, Prefix, Suffix

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from elfsyms.detect.csource import Definition
    from elfsyms.releases.matchers import Matcher

__all__ = ["Ignored", "IgnoredItem", "read_ignored"]

# What the loops over a table ask of each name in it, by the digest of the loop with its table called TABLE.
_LOOPS: dict[str, Callable[[bytes], Matcher]] = {
    "ae9fd558a0": Exact,
    "191cf19ce6": Prefix,
    "1db0fabf13": Suffix,
    "7d45c0eac9": Contains,
}
_TABLE = ["static", "const", "char", "*", "const"]
_RETURN = ["return", "true", ";"]


@dataclass(frozen=True, slots=True)
class IgnoredItem:
    """One thing that is ignored, and the line that says it."""

    matcher: Matcher
    line: int


@dataclass(slots=True)
class Ignored:
    """All that the function ignores, and the absolute symbols that it lets through; None where it asks nothing."""

    items: list[IgnoredItem] = field(default_factory=list)
    kept_absolute: tuple[str, ...] | None = None
    absolute_line: int = 0


def read_ignored(function: Definition) -> Ignored:
    """Read the function; raises :class:`CError` at the first statement that is not understood."""
    found = Ignored()
    tables: dict[str, tuple[Token, ...]] = {}
    body = statements(function.body)
    if not body or [t.text for t in body[-1]] != ["return", "false", ";"]:
        raise CError(function.line, "it does not end by keeping the symbol")
    for statement in body[:-1]:
        texts = [token.text for token in statement]
        if texts[:5] == _TABLE:
            tables[texts[5]] = statement
        elif texts != ["const", "char", "*", "const", "*", "p", ";"]:
            _read_statement(statement, texts, tables, found)
    return found


def _read_statement(
    statement: tuple[Token, ...], texts: list[str], tables: dict[str, tuple[Token, ...]], found: Ignored
) -> None:
    if texts[:4] == ["for", "(", "p", "="]:
        found.items += _loop(statement, texts, tables)
    elif texts[:4] == ["if", "(", "toupper", "("]:
        found.kept_absolute = _kept_absolute(statement)
        found.absolute_line = statement[0].line
    elif texts[:2] == ["if", "("] and texts[-3:] == _RETURN:
        found.items += _comparisons(statement)
    else:
        raise CError(statement[0].line, "a filter that is not known")


def _loop(
    statement: tuple[Token, ...], texts: list[str], tables: dict[str, tuple[Token, ...]]
) -> list[IgnoredItem]:
    """Read a loop over a table of names."""
    name = texts[4]
    kind = _LOOPS.get(digest("TABLE" if text == name else text for text in texts))
    if kind is None or name not in tables:
        raise CError(statement[0].line, "a loop over names that is not known")
    table = tables[name]
    between = [t.text for t in table if not t.text.startswith('"') and t.text != ","]
    if between != [*_TABLE, name, "[", "]", "=", "{", "NULL", "}", ";"]:
        raise CError(table[0].line, "a table of names that holds something else")
    return [IgnoredItem(kind(encoded(text)), token.line) for text, token in strings(table)]


def _comparisons(statement: tuple[Token, ...]) -> list[IgnoredItem]:
    """Read ``if (A || B) return true;``."""
    condition = statement[2:-4] if statement[-4].text == ")" else ()
    items: list[IgnoredItem] = []
    for atom in _split(condition, "||"):
        matcher = _comparison([token.text for token in atom])
        if matcher is None:
            raise CError(statement[0].line, "a comparison that is not known")
        items.append(IgnoredItem(matcher, atom[0].line))
    return items


def _comparison(atom: list[str]) -> Matcher | None:
    """Return the matcher of one comparison of the name or the letter, None for another one."""
    if atom[:2] == ["type", "=="] and len(atom) == 3 and len(atom[2]) == 3:
        return Letters(encoded(atom[2][1]))
    quoted = next((text for text in atom if text.startswith('"')), "")
    text = encoded(quoted[1:-1])
    if not text or b"\\" in text:
        return None
    known: dict[tuple[str, ...], Matcher] = {
        ("!", "strcmp", "(", "name", ",", quoted, ")"): Exact(text),
        ("strcmp", "(", "name", ",", quoted, ")", "==", "0"): Exact(text),
        ("!", "strncmp", "(", "name", ",", quoted, ",", str(len(text)), ")"): Prefix(text),
        ("!", "strncmp", "(", "name", ",", quoted, ",", "strlen", "(", quoted, ")", ")"): Prefix(text),
        ("!", "strncmp", "(", "name", ",", quoted, ",", "sizeof", "(", quoted, ")", "-", "1", ")"): Prefix(
            text
        ),
        ("strncmp", "(", "name", ",", quoted, ",", str(len(text)), ")", "==", "0"): Prefix(text),
        ("string_starts_with", "(", "name", ",", quoted, ")"): Prefix(text),
        ("strstr", "(", "name", ",", quoted, ")"): Contains(text),
    }
    return known.get(tuple(atom))


def _kept_absolute(statement: tuple[Token, ...]) -> tuple[str, ...]:
    """Read ``if (toupper(type) == 'A') { if (strcmp(name, "X") && ...) return true; }``."""
    texts = [token.text for token in statement]
    head = ["if", "(", "toupper", "(", "type", ")", "==", "'A'", ")"]
    inner = texts[len(head) :]
    if inner[:1] == ["{"] and inner[-1:] == ["}"]:
        inner = inner[1:-1]
    if texts[: len(head)] != head:
        raise CError(statement[0].line, "a filter that is not known")
    if inner == _RETURN:
        return ()
    names = [text for text, _ in strings(statement)]
    wanted = ["if", "("]
    for name in names:
        wanted += [*(["&&"] if wanted[-1] != "(" else []), "strcmp", "(", "name", ",", f'"{name}"', ")"]
    if inner != [*wanted, ")", *_RETURN]:
        raise CError(statement[0].line, "exceptions that are not known")
    return tuple(names)


def _split(parts: Sequence[Token], operator: str) -> list[list[Token]]:
    """Split tokens at an operator."""
    found: list[list[Token]] = [[]]
    for token in parts:
        if token.text == operator:
            found.append([])
        else:
            found[-1].append(token)
    return found
