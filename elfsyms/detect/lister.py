# SPDX-License-Identifier: GPL-2.0-or-later
"""A tree's ``scripts/kallsyms-sysmap.c``: how a generator that reads the ELF file itself lists and filters symbols.

It takes the place of nm and of ``mksysmap`` (after 7.3, not yet released). Its tables of names and its letters are
read; everything else must be code that is known (``known_parts.py``), since the listing of the third nm
(``image/kernel_letters.py``) is what that code does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from elfsyms.detect.csource import (
    CError,
    Definition,
    Token,
    definitions,
    encoded,
    statements,
    strings,
    text_at,
)
from elfsyms.detect.known_parts import Part, known_parts, odd_line, part_of
from elfsyms.detect.mapscript import MapFilter, MapScript
from elfsyms.releases.matchers import Contains, Exact, Letters, Pattern, Prefix, Suffix

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from elfsyms.detect.sources import SourceFile
    from elfsyms.releases.matchers import Matcher

__all__ = ["lister_parts", "read_lister"]

_PIECE = "kallsyms-sysmap.c: "  # before the names of its parts among those that are known
_TABLES: dict[str, Callable[[bytes], Matcher]] = {
    "sysmap_omit_prefixes": Prefix,
    "sysmap_omit_suffixes": Suffix,
    "sysmap_omit_names": Exact,
    "sysmap_omit_patterns": Contains,
}
# What functions of known code match, whose names say no more.
_FUNCTIONS: dict[str, Matcher] = {
    "is_range_thunk": Pattern(rb"__[0-9A-Za-z]*Thunk_", b"__", b"Thunk_"),
    "is_modinfo_id": Pattern(rb"__UNIQUE_ID_modinfo_[0-9]*\Z", b"__UNIQUE_ID_modinfo_"),
}
_FILTER = "sysmap_omits"


def read_lister(source: SourceFile) -> MapScript:
    """Read the filters; raises :class:`elfsyms.detect.sources.SourceError` for what is not understood."""
    try:
        parts, filters = lister_parts(source)
    except CError as error:
        raise source.error(error.line, str(error)) from None
    known = known_parts()
    for part in parts:
        rows = known.get(part.name, {})
        if part.digests not in rows:
            line = odd_line(part, rows) if rows else part.lines[0]
            raise source.error(line, f"in {part.name.removeprefix(_PIECE)}, which is of no known kind")
    return MapScript(tuple(filters), excludes_object=False)


def lister_parts(source: SourceFile) -> tuple[list[Part], list[MapFilter]]:
    """Take the file apart: what is to be compared, and what it filters. Raises :class:`CError`."""
    parts: list[Part] = []
    filters: list[MapFilter] = []
    for definition in definitions(source.text):
        if definition.name in _TABLES:
            filters += _table(definition, source)
            continue
        body = definition.body
        if definition.name in _FUNCTIONS:
            filters.append(_item(_FUNCTIONS[definition.name], definition.line, source))
        elif definition.name == _FILTER:
            letters, body = _take_letters(body)
            filters += [_item(Letters(encoded(token.text[1])), token.line, source) for token in letters]
        parts.append(part_of(_PIECE + definition.name, [definition.head, *statements(body)]))
    return parts, filters


def _table(definition: Definition, source: SourceFile) -> list[MapFilter]:
    between = [t.text for t in definition.head if not t.text.startswith('"') and t.text != ","]
    head = ["static", "const", "char", "*", "const", definition.name, "[", "]", "=", "{", "}", ";"]
    if between != head:
        raise CError(definition.line, "a table of names that holds something else")
    kind = _TABLES[definition.name]
    return [_item(kind(encoded(text)), token.line, source) for text, token in strings(definition.head)]


def _take_letters(body: Sequence[Token]) -> tuple[list[Token], tuple[Token, ...]]:
    """Take ``type == 'a' || ...`` out of a body; return the letters, and what is left."""
    letters: list[Token] = []
    left: list[Token] = []
    at = 0
    while at < len(body):
        letter = text_at(body, at + 2)
        if (
            [t.text for t in body[at : at + 2]] == ["type", "=="]
            and letter[:1] == "'"
            and len(letter) == len("'x'")
        ):
            letters.append(body[at + 2])
            left += [Token("LETTERS", body[at].line)] * (len(letters) == 1)
            at += 3 + (text_at(body, at + 3) == "||")
        else:
            left.append(body[at])
            at += 1
    return letters, tuple(left)


def _item(matcher: Matcher, line: int, source: SourceFile) -> MapFilter:
    return MapFilter(matcher, line, source.line(line))
