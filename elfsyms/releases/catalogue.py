# SPDX-License-Identifier: GPL-2.0-or-later
"""The rules as a catalogue to read and to hand to other tools: what each drops, in which releases, and why.

The facts are in ``rules.py``, and in ``trace_rules.py`` those of what cannot be traced; here they are put into one
flat shape, :class:`Entry`, with the matcher said in a few words. Nothing here decides about symbols.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from elfsyms.errors import NotThereError
from elfsyms.releases.matchers import Contains, Exact, Letters, LinePattern, Pattern, Prefix, Suffix
from elfsyms.releases.rules import RULES, STAGES
from elfsyms.releases.trace_rules import QUESTIONS, TRACE_RULES

if TYPE_CHECKING:
    from collections.abc import Callable

    from elfsyms.releases.format_history import Release
    from elfsyms.releases.matchers import Matcher
    from elfsyms.releases.rules import Rule
    from elfsyms.releases.trace_rules import TraceRule

__all__ = ["GROUPS", "Entry", "catalogue", "find_rules", "glob_of"]

# The stages of the chain, then those who refuse to trace, each with what it is.
GROUPS: dict[str, str] = {
    **{str(stage): meaning for stage, meaning in STAGES.items()},
    **{
        name: meaning if name == "module" else f"not traced: {meaning}" for name, meaning in QUESTIONS.items()
    },
}


@dataclass(frozen=True, slots=True)
class Entry:
    """One rule of the catalogue, every field a text; ``stage`` is one of :data:`GROUPS`.

    ``matches`` is the name or letter as a glob (a regular expression between slashes where a glob cannot say
    it), empty where more than those decides; ``releases`` are half-open intervals, ``6.4..6.10`` being from
    6.4 up to, and not with, 6.10; ``file`` is the program of the kernel or of binutils that has the rule.
    """

    id: str
    slug: str
    stage: str
    matches: str
    drops: str
    releases: str
    reason: str
    file: str
    fix: str

    def as_dict(self) -> dict[str, Any]:
        """Return the entry as JSON has it, where a fix is called a cure until the next version of the schema."""
        facts = asdict(self)
        return {"cure" if field == "fix" else field: value for field, value in facts.items()}


def catalogue(release: Release | None = None) -> tuple[Entry, ...]:
    """Return every rule, or those in force in a release, in the order in which they are asked."""
    if release is not None:
        traced = [rule for rule in TRACE_RULES if release.version in rule.when]
        return (*map(_entry, release.book.applied()), *map(_trace_entry, traced))
    order = list(STAGES)
    drops = sorted(RULES, key=lambda rule: order.index(rule.stage))
    return (*map(_entry, drops), *map(_trace_entry, TRACE_RULES))


def find_rules(text: str) -> tuple[Entry, ...]:
    """Return the rules of an id (``KS201``) or a slug (``own-table``), which several rules may share.

    Raises :class:`NotThereError` where there is none.
    """
    wanted = text.upper(), text.lower()
    every = catalogue()
    found = tuple(entry for entry in every if entry.id == wanted[0] or entry.slug == wanted[1])
    if found:
        return found
    known = [entry.id for entry in every] + sorted({entry.slug for entry in every})
    near = dict.fromkeys(close for word in wanted for close in get_close_matches(word, known, 3))
    hint = f"; near it: {', '.join(near)}" if near else ""
    raise NotThereError(f"no rule is called {text}{hint}: 'elfsyms rules' lists them all")


def glob_of(matcher: Matcher | None) -> str:
    """Return what a matcher looks for, in a few characters.

    >>> glob_of(Prefix(b"__crc_")), glob_of(Suffix(b"_veneer")), glob_of(Letters(b"Uu"))
    ('__crc_*', '*_veneer', 'letter U or u')
    """
    return _shape(matcher, _GLOBS) if matcher is not None else ""


def _entry(rule: Rule) -> Entry:
    return Entry(
        id=rule.id,
        slug=rule.slug,
        stage=rule.stage,
        matches=glob_of(rule.matcher),
        drops=_shape(rule.matcher, _SENTENCES) if rule.matcher is not None else rule.reason,
        releases=_RELEASES.get(rule.when.text, rule.when.text),
        reason=rule.reason,
        file=rule.file,
        fix=rule.fix,
    )


_RELEASES = {"..": "all", "": "where a build tree has it"}


def _trace_entry(rule: TraceRule) -> Entry:
    return Entry(
        id=rule.id,
        slug=rule.slug,
        stage=rule.question,
        matches="",
        drops=rule.reason,
        releases=_RELEASES.get(rule.when.text, rule.when.text),
        reason=rule.reason,
        file=rule.source,
        fix=rule.fix,
    )


def _text(pattern: bytes) -> str:
    return pattern.decode("latin-1").replace(r"\Z", "$")


def _letters(letters: bytes) -> str:
    return " or ".join(letters.decode())


_GLOBS: dict[type, Callable[[Any], str]] = {
    Letters: lambda m: f"letter {_letters(m.letters)}",
    Prefix: lambda m: f"{_text(m.text)}*",
    Suffix: lambda m: f"*{_text(m.text)}",
    Contains: lambda m: f"*{_text(m.text)}*",
    Exact: lambda m: _text(m.text) or '""',
    Pattern: lambda m: f"/^{_text(m.pattern)}/",
    LinePattern: lambda m: f"line /{_text(m.pattern)}/",
}

_SENTENCES: dict[type, Callable[[Any], str]] = {
    Letters: lambda m: f"symbols with nm's letter {_letters(m.letters)}",
    Prefix: lambda m: f"names that begin with {_text(m.text)}",
    Suffix: lambda m: f"names that end with {_text(m.text)}",
    Contains: lambda m: f"names with {_text(m.text)} in them",
    Exact: lambda m: f"the name {_text(m.text)}" if m.text else "symbols without a name",
    Pattern: lambda m: f"names that match /^{_text(m.pattern)}/",
    LinePattern: lambda m: f"map lines in which /{_text(m.pattern)}/ is found",
}


def _shape(matcher: Matcher, words: dict[type, Callable[[Any], str]]) -> str:
    return words[type(matcher)](matcher)
