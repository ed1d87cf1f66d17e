# SPDX-License-Identifier: GPL-2.0-or-later
"""Code of generators that is known: parts of a source, compared by the digests of their statements.

A part is a definition, or a step of one. ``known_generators.txt`` has a row for each that was seen, with the
releases that have it so; blanks and comments do not count. Only facts are kept of the kernel's code: digests, and
what code of that digest does (the release that it is of). ``scripts/learn_generator.py`` adds rows.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from elfsyms.detect.csource import TYPE_WORDS, digest
from elfsyms.releases.versions import parse_version

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from elfsyms.detect.csource import Definition, Token
    from elfsyms.detect.sources import SourceFile
    from elfsyms.releases.versions import Version

__all__ = ["Part", "check_unknown", "known_parts", "known_releases", "odd_line", "part_of"]

_KNOWN = "known_generators.txt"
_WORD = re.compile(r"[A-Za-z_]\w*")
_SYSTEM_HEADER = re.compile(r"#\s*include\s*<[\w/.]+>")


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the source that is compared: its name, and the digest and line of each of its statements.

    ``words`` are all that its code is made of, strings aside, and ``declares`` the names that it brings, or may
    bring.
    """

    name: str
    digests: tuple[str, ...]
    lines: tuple[int, ...]
    words: frozenset[str]
    declares: frozenset[str]


def part_of(name: str, rows: Sequence[Sequence[Token]], declares: Definition | None = None) -> Part:
    """Make a part of statements; ``declares`` is the definition that brings names with it."""
    words = {w for row in rows for t in row if not t.text.startswith('"') for w in _WORD.findall(t.text)}
    return Part(
        name=name,
        digests=tuple(digest(row) for row in rows),
        lines=tuple(row[0].line if row else 0 for row in rows),
        words=frozenset(words),
        declares=_declared(declares) if declares else frozenset(),
    )


@cache
def known_parts() -> dict[str, dict[tuple[str, ...], frozenset[Version]]]:
    """Return, of each known part, its digests with the releases that have it so."""
    parts: dict[str, dict[tuple[str, ...], frozenset[Version]]] = {}
    for line in files("elfsyms.detect").joinpath(_KNOWN).read_text("utf-8").splitlines():
        if line and not line.startswith("# "):
            name, digests, releases = line.split("\t")
            row = parts.setdefault(name, {})
            row[tuple(digests.split())] = frozenset(map(parse_version, releases.split()))
    return parts


def known_releases(source: SourceFile, parts: list[Part]) -> frozenset[Version]:
    """Return the releases whose code all known parts are of.

    Raises :class:`elfsyms.detect.sources.SourceError` where there is none.
    """
    known = known_parts()
    like = frozenset(version for rows in known.values() for releases in rows.values() for version in releases)
    for part in parts:
        if part.name not in known:
            continue
        releases = known[part.name].get(part.digests)
        if releases is None:
            raise source.error(odd_line(part, known[part.name]), f"in {part.name}, which is of no known kind")
        if not like & releases:
            raise source.error(part.lines[0], f"{part.name} is of another release than what is before it")
        like &= releases
    names = {part.name for part in parts}
    for name, rows in known.items():
        having = frozenset(version for releases in rows.values() for version in releases)
        if name not in names and not name.startswith("#") and ": " not in name.removeprefix("write_src: "):
            like -= having
    if not like:
        raise source.error(1, "it lacks a part that every known generator has")
    return like


def odd_line(part: Part, rows: Iterable[tuple[str, ...]]) -> int:
    """Return the line of the first statement that goes on as in no known version of the part."""
    same = max(_common(part.digests, row) for row in rows)
    return part.lines[min(same, len(part.lines) - 1)]


def _common(one: tuple[str, ...], other: tuple[str, ...]) -> int:
    """Return how many elements two rows begin with alike."""
    pairs = zip(one, other, strict=False)
    return next((at for at, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))


def check_unknown(source: SourceFile, parts: list[Part]) -> None:
    """Refuse a part that is not known, unless it declares something of which no other part makes use.

    Raises :class:`elfsyms.detect.sources.SourceError`.
    """
    known = known_parts()
    used = {part.name: part.words for part in parts}
    for part in parts:
        if part.name in known or _SYSTEM_HEADER.fullmatch(part.name):
            continue
        others = frozenset[str]().union(*(words for name, words in used.items() if name != part.name))
        if part.name.startswith("#") or part.declares & others or not part.declares:
            raise source.error(part.lines[0], "what it is for is not known")


def _declared(definition: Definition) -> frozenset[str]:
    """Return the names that a definition brings, or may bring."""
    if definition.is_function or definition.head[0].text.startswith("#"):
        return frozenset((definition.name,))
    words = {
        w for token in definition.head for w in _WORD.findall(token.text) if not token.text.startswith('"')
    }
    return frozenset(words - TYPE_WORDS)
