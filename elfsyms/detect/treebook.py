# SPDX-License-Identifier: GPL-2.0-or-later
"""The rule book of a build tree: the rules that its own scripts have, each with the line that says it.

A line that says what a rule of the catalogue says brings that rule into force, with its reason; any other becomes a
rule of its own (``KT001`` and so on), whose reason is the line. What no line says is not in force.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from elfsyms.releases.matchers import Exact, Letters
from elfsyms.releases.rules import KEPT_ABSOLUTE, RULES, STAGES, Rule, RuleBook, book_of, rule_by_id
from elfsyms.releases.versions import When

if TYPE_CHECKING:
    from collections.abc import Iterator

    from elfsyms.detect.generator import Generator
    from elfsyms.detect.mapscript import MapScript
    from elfsyms.detect.sources import SourceFile
    from elfsyms.releases.matchers import Matcher
    from elfsyms.releases.rules import Stage
    from elfsyms.releases.versions import Version

__all__ = ["TreeBook"]

_FIX = "rename the symbol, or take the line out of the tree"
# Rules that the generator's reader applies without a line of its own that could be missing.
_ALWAYS: dict[Stage, tuple[str, ...]] = {"read": ("KS301", "KS303"), "range": ("KS501", "KS502")}


class TreeBook:
    """Collects the rules of a tree."""

    def __init__(self, like: Version) -> None:
        """Begin with what no script decides, as the release ``like`` the tree has it."""
        self._like = book_of(like)
        self._rules = list(RULES)
        self._indices: dict[Stage, list[int]] = {stage: [] for stage in STAGES}
        self._indices["nm"] = list(self._like.of("nm"))
        self._kept_absolute = KEPT_ABSOLUTE

    def book(self) -> RuleBook:
        """Return the rules as one value."""
        in_force = {stage: tuple(indices) for stage, indices in self._indices.items()}
        return RuleBook(tuple(self._rules), in_force, self._kept_absolute)

    def add_map(self, script: MapScript, source: SourceFile) -> None:
        """Take the filters of a map script."""
        for item in script.filters:
            self._add("map", item.matcher, source, item.line)
        if script.excludes_object:
            self._indices["map"].append(rule_by_id("KS237"))

    def add_stock(self, source: SourceFile) -> None:
        """Take the rules of a generator that is one of Linux's own, and find their lines in it."""
        for stage in ("read", "range", "valid"):
            self._indices[stage] = list(self._like.of(stage))
            for index in self._indices[stage]:
                self._locate(index, source, _line_of(RULES[index].matcher, source))
        self._kept_absolute = self._like.kept_absolute

    def add_generator(self, generator: Generator, source: SourceFile) -> None:
        """Take what a generator that was read ignores."""
        for stage, ids in _ALWAYS.items():
            self._indices[stage] += map(rule_by_id, ids)
        self._claim("KS302", source, generator.limit_line)
        if generator.ignored.kept_absolute is not None:
            self._kept_absolute = tuple(Exact(name.encode()) for name in generator.ignored.kept_absolute)
            self._claim("KS401", source, generator.ignored.absolute_line)
        letters: dict[str, int] = {}
        for item in generator.ignored.items:
            if isinstance(item.matcher, Letters):
                letters |= dict.fromkeys(item.matcher.letters.decode(), item.line)
            else:
                self._add("read", item.matcher, source, item.line)
        for matcher in _known_letters(letters):
            self._add("read", matcher, source, letters[chr(matcher.letters[0])])

    def _claim(self, rule_id: str, source: SourceFile, line: int) -> None:
        index = rule_by_id(rule_id)
        self._indices[RULES[index].stage].append(index)
        self._locate(index, source, line)

    def _add(self, stage: Stage, matcher: Matcher, source: SourceFile, line: int) -> None:
        """Take one line's matcher: a rule of the catalogue, or a new one."""
        index = _catalogued(stage, matcher)
        if index is None:
            index = len(self._rules)
            number = index - len(RULES) + 1
            reason = f"{source.name}:{line} has it: {source.line(line)}"
            self._rules.append(Rule(f"KT{number:03}", "tree-rule", stage, When(), matcher, reason, _FIX))
        if index not in self._indices[stage]:
            self._indices[stage].append(index)
            self._locate(index, source, line)

    def _locate(self, index: int, source: SourceFile, line: int) -> None:
        if line:
            file, text = f"{source.name}:{line}", source.line(line)
            self._rules[index] = replace(self._rules[index], file=file, text=text)


def _catalogued(stage: Stage, matcher: Matcher) -> int | None:
    """Return the index of the catalogue's rule that says the same."""
    for index, rule in enumerate(RULES):
        if rule.stage == stage and rule.matcher is not None:
            same_line = stage == "map" and rule.matcher.line_pattern == matcher.line_pattern
            if same_line or rule.matcher == matcher:
                return index
    return None


def _known_letters(letters: dict[str, int]) -> Iterator[Letters]:
    """Yield the letters as the catalogue groups them, then those that it does not know."""
    left = set(letters)
    known = [r.matcher for r in RULES if r.stage == "read" and isinstance(r.matcher, Letters)]
    for matcher in sorted(known, key=lambda m: -len(m.letters)):
        if set(matcher.letters.decode()) <= left:
            left -= set(matcher.letters.decode())
            yield matcher
    yield from (Letters(letter.encode()) for letter in sorted(left))


def _line_of(matcher: Matcher | None, source: SourceFile) -> int:
    """Return the line on which a generator names what a rule looks for; 0 where it is not to be found."""
    text = getattr(matcher, "text", b"")
    at = source.text.find(f'"{text.decode()}"') if text else -1
    return source.text.count("\n", 0, at) + 1 if at >= 0 else 0
