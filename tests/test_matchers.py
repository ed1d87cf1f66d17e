# SPDX-License-Identifier: GPL-2.0-or-later
"""The rules as data: ids, stages, and that both readings of each matcher, by name and by line, are one."""

from __future__ import annotations

import re
from typing import get_args

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from recordmaker import records_of

from elfsyms.releases.matchers import Contains, Exact, Letters, Matcher, Names, Pattern, Prefix, Suffix
from elfsyms.releases.rules import KEPT_ABSOLUTE, RULES, TABLE_LABELS, Stage, rule_by_id, rules_in_force
from elfsyms.releases.versions import parse_version

Line = tuple[str, bytes]

WITH_MATCHER = [rule for rule in RULES if rule.matcher is not None]

# What the rules are about, and pieces that make names begin, end and go on otherwise.
TEXTS = sorted(
    {m.text for rule in RULES if isinstance(m := rule.matcher, Prefix | Suffix | Exact | Contains)}
    | {b"$a", b"$d.", b"$x", b".L1", b"xL", b"__AArch64ADRPThunk_", b"__UNIQUE_ID_modinfo", b"__aThunk_"}
)
PIECES = [*TEXTS, b"a", b"_", b".", b"0", b"12", b"$", b"L", b"\\", b"\xff", b"Thunk_", b"__"]
NAMES = st.lists(st.sampled_from(PIECES), max_size=3).map(b"".join)
CUT_NAMES = st.tuples(NAMES, st.integers(0, 4)).map(lambda pair: pair[0][pair[1] :])
LINES = st.lists(
    st.tuples(st.sampled_from("aANnUuwTtdR"), st.one_of(NAMES, CUT_NAMES)), min_size=1, max_size=60
)


def by_line(matcher: Matcher, lines: list[Line]) -> list[bool]:
    """Search the lines of a map, as sed does."""
    pattern = re.compile(matcher.line_pattern, re.DOTALL)
    return [bool(pattern.search(b"00000000000000a0 %b %b" % (le.encode(), name))) for le, name in lines]


@pytest.mark.parametrize("rule", WITH_MATCHER, ids=[rule.id for rule in WITH_MATCHER])
@settings(max_examples=settings().max_examples // 5)  # of each of a hundred rules
@given(lines=LINES)
@example(lines=[("T", text) for text in TEXTS])
@example(lines=[("T", b"x" + text + b"y") for text in TEXTS])
def test_names_and_lines_agree(rule: object, lines: list[Line]) -> None:
    """A matcher marks the records whose map lines its expression is found in, where no name has a blank."""
    matcher = getattr(rule, "matcher", None)
    assert isinstance(matcher, Letters | Prefix | Suffix | Exact | Contains | Pattern)
    rows = [(0xA0, letter, name) for letter, name in lines]
    assert matcher.marks(Names(records_of(rows))).tolist() == by_line(matcher, lines)


@pytest.mark.parametrize(
    ("matcher", "yes", "no"),
    [
        (Letters(b"Uw"), [("U", b"x"), ("w", b"x")], [("T", b"U"), ("u", b"x")]),
        (Prefix(b"__crc_"), [("T", b"__crc_"), ("T", b"__crc_x")], [("T", b"___crc_"), ("T", b"__crc")]),
        (Prefix(b"__kcfi_typeid_"), [("T", b"__kcfi_typeid_f")], [("T", b"__kcfi_typeid"), ("T", b"")]),
        (
            Suffix(b"_veneer"),
            [("T", b"_veneer"), ("T", b"__f_veneer")],
            [("T", b"_veneer0"), ("T", b"veneer")],
        ),
        (Suffix(b"_from_thumb"), [("T", b"f_from_thumb")], [("T", b"g_from_thumb."), ("T", b"from_thumb")]),
        (Exact(b"L0"), [("T", b"L0")], [("T", b"L0\1"), ("T", b".L0"), ("T", b"L")]),
        (
            Exact(b"kallsyms_names"),
            [("T", b"kallsyms_names")],
            [("T", b"kallsyms_name"), ("T", b"kallsyms_names_")],
        ),
        (Contains(b".plt_branch."), [("T", b"f.plt_branch.1")], [("T", b".plt_branch")]),
        (Pattern(rb"\$[adt](?:\.|\Z)", b"$"), [("T", b"$a"), ("T", b"$d.x")], [("T", b"$x"), ("T", b"$ab")]),
    ],
)
def test_what_a_matcher_means(matcher: Matcher, yes: list[Line], no: list[Line]) -> None:
    """Each kind of matcher marks what its name says, and nothing next to it."""
    rows = [(0, letter, name) for letter, name in [*yes, *no]]
    assert matcher.marks(Names(records_of(rows))).tolist() == [True] * len(yes) + [False] * len(no)


def test_contained_text_counts_within_the_name_alone() -> None:
    """A name that lies in the tail of a longer one does not contain what only the longer one does."""
    rows = [
        (0, "T", b"f.plt_branch.tail"),
        (0, "T", b"tail"),
        (0, "T", b".plt_branch.tail"),
        (0, "T", b"branch.tail"),
    ]
    marks = Contains(b".plt_branch.").marks(Names(records_of(rows)))
    assert marks.tolist() == [True, False, True, False]


def test_prefix_character_is_passed_over() -> None:
    """With --symbol-prefix a name that begins with the character is looked at without it."""
    rows = [(0, "T", b"__text"), (0, "T", b"_text"), (0, "T", b"text"), (0, "T", b"_"), (0, "T", b"")]
    names = Names(records_of(rows), b"_")
    assert Exact(b"_text").marks(names).tolist() == [True, False, False, False, False]
    assert Exact(b"text").marks(names).tolist() == [False, True, True, False, False]
    assert Exact(b"").marks(names).tolist() == [False, False, False, True, True]


def test_ids_are_unique_and_of_one_form() -> None:
    """An id is KS and three digits, and stands for one rule."""
    ids = [rule.id for rule in RULES]
    assert len(set(ids)) == len(ids)
    assert all(re.fullmatch(r"KS\d{3}", rule_id) for rule_id in ids)
    assert [RULES[rule_by_id(rule_id)].id for rule_id in ids] == ids


def test_every_rule_says_why_and_what_to_do() -> None:
    """A rule has a slug, one line of reason, a cure, and the program that applies it."""
    for rule in RULES:
        assert re.fullmatch(r"[a-z0-9-]+", rule.slug), rule.id
        assert re.fullmatch(r".+", rule.reason), rule.id
        assert all([rule.fix, rule.file]), rule.id


def test_first_digit_is_the_stage() -> None:
    """Rules of nm are 1xx, mksysmap's 2xx, the generator's 3xx and 4xx, and 5xx for ranges."""
    stages = {"nm": "1", "map": "2", "read": "34", "valid": "4", "range": "5"}
    assert set(stages) == set(get_args(Stage))
    assert all(rule.id[2] in stages[rule.stage] for rule in RULES)


def test_every_stage_has_its_rules() -> None:
    """Some release has each rule, but for those that only a tree can bring, which none has."""
    bounds = {bound for rule in RULES for bound in rule.when.bounds()} | {parse_version("2.6.12")}
    found = {index for stage in get_args(Stage) for bound in bounds for index in rules_in_force(bound, stage)}
    left = {RULES[index].slug for index in set(range(len(RULES))) - found}
    assert left == {"map-lineinfo"}


def test_exceptions_are_those_of_the_generator() -> None:
    """Four absolute symbols pass, and nine labels are those of the tables."""
    assert [matcher.text for matcher in KEPT_ABSOLUTE] == [
        b"__kernel_syscall_via_break",
        b"__kernel_syscall_via_epc",
        b"__kernel_sigtramp",
        b"__gp",
    ]
    assert len({matcher.text for matcher in TABLE_LABELS}) == 9
