# SPDX-License-Identifier: GPL-2.0-or-later
"""Every rule by which a symbol is dropped on its way from ``.symtab`` to the tables, as data.

The rules stand in ``rules.txt``, a row each. A rule has a stable id, the stage that applies it, the versions in
which it is in force, a matcher, one line of why the kernel has it, and a fix. The stages follow the stock
chain (:data:`STAGES`). Rules whose matcher is None need more than a name and a letter; ``filters.py`` applies
them by id.

A :class:`RuleBook` has the rules of one release in the order in which they are asked; a build tree's own
(``detect/tree.py``) may lack some, and bring others. This module knows nothing of output, and nothing else decides
what is dropped.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Literal, get_args

from elfsyms.releases.matchers import Contains, Exact, Letters, Matcher, Pattern, Prefix, Suffix
from elfsyms.releases.table_labels import TABLES
from elfsyms.releases.versions import When

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from elfsyms.releases.versions import Version

__all__ = [
    "KEPT_ABSOLUTE",
    "RULES",
    "STAGES",
    "TABLE_LABELS",
    "Rule",
    "RuleBook",
    "Stage",
    "book_of",
    "rule_by_id",
    "rules_in_force",
]

Stage = Literal["nm", "map", "read", "range", "valid"]

# The stages in the order of the chain, each with what it is.
STAGES: dict[Stage, str] = {
    "nm": "entries of .symtab that nm does not list",
    "map": "lines that scripts/mksysmap removes; from 6.1 on the generator reads what it leaves",
    "read": "what scripts/kallsyms.c refuses while it reads",
    "range": "what lies outside the kept addresses",
    "valid": "what scripts/kallsyms.c refuses by name once it has sorted (until 5.4)",
}

_FIXES = {
    "none": "none: the symbol is not one that the kernel can use",
    "rename": "rename the symbol: the rule goes by its name alone",
    "all": "CONFIG_KALLSYMS_ALL=y (--all-symbols)",
    "section": "define the symbol inside a section: absolute symbols have no place in the image",
    "define": "define the symbol in what is linked, or drop the weak reference",
    "shorten": "shorten the name, or raise KSYM_NAME_LEN in the kernel and its generator",
    "include": "--no-exclude-tables, as a first pass has it",
    "offset": "give --page-offset 0, which drops nothing",
}


@dataclass(frozen=True, slots=True)
class Rule:
    """One drop rule; a ``matcher`` of None means that more than a name and a letter decides.

    ``stripped``: the name is looked at without its ``--symbol-prefix``. ``file`` is the program that applies
    it, with the line where a tree told it; ``text`` is that line.
    """

    id: str
    slug: str
    stage: Stage
    when: When
    matcher: Matcher | None
    reason: str
    fix: str
    stripped: bool = False
    file: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class RuleBook:
    """The rules that one release or tree applies.

    ``rules`` are all that a verdict may name: first those of :data:`RULES`, at their indices, then a tree's own.
    ``in_force`` has the indices of a stage's rules in their order. ``kept_absolute`` are the absolute symbols
    that the generator lets through.
    """

    rules: tuple[Rule, ...]
    in_force: Mapping[Stage, tuple[int, ...]]
    kept_absolute: tuple[Exact, ...]

    def of(self, stage: Stage) -> tuple[int, ...]:
        """Return the indices of a stage's rules in their order."""
        return self.in_force[stage]

    def has(self, rule_id: str) -> bool:
        """Tell whether a rule, by its id, is in force."""
        index = rule_by_id(rule_id)
        return index in self.in_force[self.rules[index].stage]

    def applied(self) -> tuple[Rule, ...]:
        """Return all rules in force, stage by stage."""
        return tuple(self.rules[index] for stage in STAGES for index in self.in_force[stage])


_BARE = "bare "
_HEAD = re.compile(r"\[(\w+)\] (.+)")
_GAP = re.compile(r"  +")
_RUN = re.compile(r"(?:[\w]|\\[.$])*")


def _read_rules(text: str) -> Iterator[Rule]:
    """Read the rows of ``rules.txt``."""
    stage: Stage = "nm"
    file = ""
    names = {name: name for name in get_args(Stage)}
    for line in text.replace("\n ", "  ").splitlines():
        if head := _HEAD.fullmatch(line):
            stage, file = names[head[1]], head[2]
        elif line and not line.startswith("#"):
            rule_id, slug, drops, releases, fix, why = _GAP.split(line, 5)
            yield Rule(
                id=rule_id,
                slug=slug,
                stage=stage,
                when=_when(releases),
                matcher=_read_matcher(drops.removeprefix(_BARE)),
                reason=why,
                fix=_FIXES[fix],
                stripped=drops.startswith(_BARE),
                file=file,
            )


@cache
def _when(text: str) -> When:
    return When(*(() if text == "tree" else text.split(",")))


def _read_matcher(text: str) -> Matcher | None:
    """Read the column that says what a rule drops."""
    if text == "-":
        return None
    if text.startswith("letters "):
        return Letters("".join(text.split()[1:]).encode())
    if text.startswith("/"):
        pattern, _, holds = text.removeprefix("/").rpartition("/")
        return Pattern(pattern.encode(), _head(pattern), holds.removeprefix(" holds ").encode())
    name = text.strip("*").encode() if text != '""' else b""
    kinds: dict[tuple[bool, bool], Callable[[bytes], Matcher]] = {
        (False, False): Exact,
        (False, True): Prefix,
        (True, False): Suffix,
        (True, True): Contains,
    }
    return kinds[text.startswith("*"), text.endswith("*")](name)


def _head(pattern: str) -> bytes:
    """Return the text that a pattern begins with: up to what repeats or chooses, or means more than itself."""
    match = _RUN.match(pattern)
    return match[0].replace("\\", "").encode() if match else b""


RULES: tuple[Rule, ...] = tuple(
    _read_rules(files("elfsyms.releases").joinpath("rules.txt").read_text("utf-8"))
)

# Absolute symbols that the generator lets through, by name.
KEPT_ABSOLUTE = tuple(
    Exact(name)
    for name in (b"__kernel_syscall_via_break", b"__kernel_syscall_via_epc", b"__kernel_sigtramp", b"__gp")
)

# What a table object defines, and so what --exclude-tables takes out of the map.
TABLE_LABELS = tuple(Exact(table.label) for table in TABLES.values())

# Rules of entries that stand for no address under a name: the null entry, files and sections.
NAMELESS = frozenset({"KS101", "KS102", "KS103"})

_BY_ID = {rule.id: index for index, rule in enumerate(RULES)}


def rule_by_id(rule_id: str) -> int:
    """Return the index of a rule in :data:`RULES`."""
    return _BY_ID[rule_id]


@cache
def rules_in_force(version: Version, stage: Stage) -> tuple[int, ...]:
    """Return the indices in :data:`RULES` of a stage's rules that hold in a version, in their order."""
    return tuple(i for i, rule in enumerate(RULES) if rule.stage == stage and version in rule.when)


@cache
def book_of(version: Version) -> RuleBook:
    """Return the rules of a release."""
    return RuleBook(RULES, {stage: rules_in_force(version, stage) for stage in STAGES}, KEPT_ABSOLUTE)
