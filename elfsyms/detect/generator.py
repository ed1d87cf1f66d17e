# SPDX-License-Identifier: GPL-2.0-or-later
"""A tree's ``scripts/kallsyms.c``: what this very generator does, or the line that is not understood.

Distributions and vendors change the generator: names that it ignores, the longest name, options, tables. So the
file is read. Where a change of that kind may stand, the source is parsed (``ignored.py``, ``written.py``,
``arguments.py``); all other code is compared, function by function and statement by statement, with the digests of
generators that are known (``known_parts.py``). What is neither parsed nor known is an error that quotes it: a
generator that is followed in part would give wrong tables without a word.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from elfsyms.detect.arguments import Flag, read_flags
from elfsyms.detect.csource import (
    TYPE_WORDS,
    CError,
    Definition,
    Token,
    definitions,
    statements,
    strings,
    text_at,
)
from elfsyms.detect.ignored import Ignored, read_ignored
from elfsyms.detect.known_parts import Part, check_unknown, known_parts, known_releases, part_of
from elfsyms.detect.written import Written, read_written

if TYPE_CHECKING:
    from collections.abc import Sequence

    from elfsyms.detect.sources import SourceFile
    from elfsyms.releases.versions import Version

__all__ = ["Generator", "parts_of", "read_generator"]

_NUMBER = re.compile(r"[0-9]{1,9}")
_LENGTH, _BUFFER = "KSYM_NAME_LEN", "KSYM_NAME_LEN_BUFFER"
# Where an early return makes tables uncompressed; one of the first alone is enough.
_SKIPPING = {"optimize_result": True, "find_token": False}
_GUARDED = ["if", "(", "!", "uncompressed", ")", "optimize_result", "(", ")", ";"]


@dataclass(slots=True)
class Generator:
    """What a generator does. ``like`` is the release whose code it has, apart from what the other fields say."""

    like: Version = (0, 0, 0, 0)
    name_limit: int = 0
    limit_line: int = 0
    buffer_length: int = 0  # of the words that it reads, where it reads words
    flags: list[Flag] = field(default_factory=list)
    ranges: tuple[tuple[str, str], ...] = ()
    ignored: Ignored = field(default_factory=Ignored)
    kept_prefixes: tuple[str, ...] = ()
    written: Written = field(default_factory=Written)
    uncompressed: bool = False

    def takes(self, name: str) -> bool:
        """Tell whether the generator parses an option."""
        return any(flag.name == name for flag in self.flags)


def read_generator(source: SourceFile, version: Version) -> Generator:
    """Read a generator in the tree of a version.

    Raises :class:`elfsyms.detect.sources.SourceError` for what is not understood.
    """
    try:
        parts, found = parts_of(source.text)
    except CError as error:
        raise source.error(error.line, str(error)) from None
    like = known_releases(source, parts)
    found.like = min(like, key=lambda known: (known[:2] != version[:2], _distance(known, version)))
    check_unknown(source, parts)
    _check_flags(source, parts, found.flags)
    return found


def parts_of(text: str) -> tuple[list[Part], Generator]:
    """Take a generator apart: what is to be compared, and what was read. Raises :class:`CError`."""
    reader = _Reader()
    for definition in definitions(text):
        reader.read(definition)
    reader.finish()
    return reader.parts, reader.found


class _Reader:
    """Reads the definitions of one generator."""

    def __init__(self) -> None:
        self.parts: list[Part] = []
        self.found = Generator()
        self.numbers: dict[str, tuple[int, int]] = {}  # of a macro: value and line
        self.over = ""  # how the length of a name is compared with the limit
        self.skipping: set[str] = set()

    def read(self, definition: Definition) -> None:
        """Take one definition in."""
        special = _SPECIAL.get(definition.name)
        if special is not None:
            special(self, definition)
        else:
            self.plain(definition)

    def plain(self, definition: Definition) -> None:
        """Add a definition as it stands, but for messages and for an early return that means no compression."""
        rest = [self._unguarded(row) for row in statements(_without_messages(definition.body))]
        first = next((at for at, row in enumerate(rest) if row[0].text not in TYPE_WORDS), 0)
        if rest and [t.text for t in rest[first][:5]] == ["if", "(", "uncompressed", ")", "return"]:
            if definition.name not in _SKIPPING:
                raise CError(rest[first][0].line, "an early return that is not known")
            self.skipping.add(definition.name)
            del rest[first]
        self.add(definition.name, [definition.head, *rest], declares=definition)

    def _unguarded(self, row: tuple[Token, ...]) -> tuple[Token, ...]:
        """Return a statement without the condition that names are to be compressed."""
        if [token.text for token in row] == _GUARDED:
            self.skipping.add("optimize_result")
            return row[5:]
        return row

    def add(self, name: str, rows: Sequence[Sequence[Token]], declares: Definition | None = None) -> None:
        """Add a part made of statements."""
        self.parts.append(part_of(name, rows, declares))

    def number(self, definition: Definition) -> None:
        """Read a macro that is a number."""
        text = definition.head[0].text.split(None, 2)[-1]
        if _NUMBER.fullmatch(text) is None:
            raise CError(definition.line, "a length that is no plain number")
        self.numbers[definition.name] = int(text), definition.line

    def read_symbol(self, definition: Definition) -> None:
        """Read how a name's length is compared, and compare the rest."""
        body = list(_without_messages(definition.body))
        indices = [at for at, token in enumerate(body) if token.text == _LENGTH and at]
        if len(indices) != 1 or body[indices[0] - 1].text not in (">", ">="):
            raise CError(definition.line, "a name's length is compared in a way that is not known")
        self.over = body[indices[0] - 1].text
        body[indices[0] - 1] = Token("OVER", body[indices[0] - 1].line)
        self.add(definition.name, [definition.head, *statements(body)])

    def symbol_valid(self, definition: Definition) -> None:
        """Read the prefixes of names that are always kept, and compare the rest."""
        names, body = _take_prefixes(definition.body)
        self.found.kept_prefixes = names
        self.add(definition.name, [definition.head, *statements(body)])

    def ignored(self, definition: Definition) -> None:
        """Read what is ignored."""
        self.found.ignored = read_ignored(definition)
        self.add(definition.name, [definition.head])

    def ranges(self, definition: Definition) -> None:
        """Read the pairs of names between which symbols are kept."""
        names = [text for text, _ in strings(definition.head)]
        between = [t.text for t in definition.head if not t.text.startswith('"') and t.text != ","]
        wanted = ["static", "struct", "addr_range", definition.name, "[", "]", "=", "{"]
        if len(names) % 2 or between != [*wanted, *["{", "}"] * (len(names) // 2), "}", ";"]:
            raise CError(definition.line, "ranges that are not pairs of names")
        self.found.ranges = tuple(zip(names[::2], names[1::2], strict=True))

    def written(self, definition: Definition) -> None:
        """Read the order of the tables, and compare what prints each."""
        body = _without_messages(definition.body)
        whole = Definition(definition.name, definition.head, body, is_function=True)
        self.found.written = read_written(whole)
        self.add(definition.name, [definition.head])
        for step in self.found.written.steps:
            self.add(f"{definition.name}: {step.name}", step.statements)

    def main(self, definition: Definition) -> None:
        """Read the options, and compare the rest."""
        self.found.flags, body = read_flags(_without_messages(definition.body))
        self.add(definition.name, [definition.head, *statements(body)])

    def finish(self) -> None:
        """Put together what several definitions say."""
        if _LENGTH not in self.numbers or not self.over:
            raise CError(1, f"it defines no {_LENGTH}, or compares nothing with it")
        length, line = self.numbers[_LENGTH]
        self.found.name_limit, self.found.limit_line = length - (self.over == ">="), line
        self.found.buffer_length = self.numbers.get(_BUFFER, (0, 0))[0]
        if self.found.buffer_length not in (0, 4 * length):
            raise CError(line, f"it does not compile: {_BUFFER} is not four times as long")
        self._check_uncompressed()

    def _check_uncompressed(self) -> None:
        guards = {name for name, needed in _SKIPPING.items() if needed}
        known = [self.found.takes("--uncompressed"), self.found.written.knows_uncompressed]
        known.append(guards <= self.skipping)
        self.found.uncompressed = all(known)
        if any(known[1:]) and not all(known):
            raise CError(1, "uncompressed tables are asked for in some functions and not in others")


_SPECIAL = {
    _LENGTH: _Reader.number,
    _BUFFER: _Reader.number,
    "text_ranges": _Reader.ranges,
    "is_ignored_symbol": _Reader.ignored,
    "read_symbol": _Reader.read_symbol,
    "add_symbol": _Reader.read_symbol,  # of a generator that reads the ELF file itself
    "symbol_valid": _Reader.symbol_valid,
    "write_src": _Reader.written,
    "main": _Reader.main,
}


def _check_flags(source: SourceFile, parts: list[Part], flags: list[Flag]) -> None:
    """Refuse an option that sets the variable of another one, where known code asks for either."""
    known = known_parts()
    words = frozenset[str]().union(*(part.words for part in parts if part.name in known))
    for flag in flags:
        variable = flag.name.removeprefix("--").replace("-", "_")
        if flag.variable != variable and words & {flag.variable, variable}:
            raise source.error(flag.line, "an option that sets another's variable")


def _without_messages(body: Sequence[Token]) -> tuple[Token, ...]:
    """Leave out what is printed on stderr, which no table depends on."""
    left: list[Token] = []
    at = 0
    while at < len(body):
        left.append(body[at])
        if [t.text for t in body[at : at + 4]] == ["fprintf", "(", "stderr", ","]:
            end = next((i for i in range(at, len(body)) if body[i].text == ";"), len(body))
            if all(t.text not in _ACTING for t in body[at:end]):
                left += body[at + 1 : at + 3]
                at = end - 2
        at += 1
    return tuple(left)


_ACTING = ("=", "++", "--", "+=", "-=")  # an argument that does more than say something


def _take_prefixes(body: Sequence[Token]) -> tuple[tuple[str, ...], list[Token]]:
    """Take ``string_starts_with(name, "X") || ...`` out of a body."""
    names: list[str] = []
    left: list[Token] = []
    at = 0
    while at < len(body):
        row = [text_at(body, at + n) for n in range(6)]
        if row[:4] == ["string_starts_with", "(", "name", ","] and row[4].startswith('"') and row[5] == ")":
            names.append(row[4][1:-1])
            left += [Token("PREFIX", body[at].line)] * (len(names) == 1)
            at += 6 + (text_at(body, at + 6) == "||")
        else:
            left.append(body[at])
            at += 1
    return tuple(names), left


def _distance(known: Version, version: Version) -> int:
    """Tell how far apart two versions are, for a choice among equals."""
    weights = (1 << 24, 1 << 16, 1, 0)
    return abs(sum((a - b) * w for a, b, w in zip(known, version, weights, strict=True)))
