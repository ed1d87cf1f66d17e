# SPDX-License-Identifier: GPL-2.0-or-later
"""Expressions as sed and grep read them, against sed and grep themselves."""

from __future__ import annotations

import re
import subprocess

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from recordmaker import records_of

from elfsyms.detect.mappattern import line_matchers
from elfsyms.detect.posix import ExpressionError, parse_expression
from elfsyms.detect.python_pattern import python_pattern
from elfsyms.image.elf import Abi
from elfsyms.releases.matchers import (
    Contains,
    Exact,
    Letters,
    LinePattern,
    Matcher,
    Names,
    Pattern,
    Prefix,
    Suffix,
)

ATOMS = [
    "a",
    "b",
    "_",
    ".",
    r"\.",
    "[ab]",
    "[^a]",
    "[[:digit:]_]",
    "[a-c0]",
    "$",
    "^",
    "0",
    r"\(ab\)",
    r"\(a\|_b\)",
    r"\w",
    r"\b",
]
REPEATS = ["", "", "", "*", r"\{1,2\}", r"\+", r"\?"]
BASIC = st.lists(
    st.tuples(st.sampled_from(ATOMS), st.sampled_from(REPEATS)).map("".join), min_size=1, max_size=5
).map("".join)
EXTENDED = st.lists(
    st.tuples(
        st.sampled_from(["a", "b", "_", ".", r"\.", "[ab]", "(ab)", "(a|_b)", "^", "$", "|", r"\$"]),
        st.sampled_from(["", "", "*", "+", "?", "{2}"]),
    ).map("".join),
    min_size=1,
    max_size=5,
).map("".join)
NAMES = [
    "a",
    "ab",
    "abab",
    "_b",
    "a_b",
    "aab0",
    "b.a",
    "c",
    "$a",
    "a$",
    "0",
    "b",
    "_",
    "__ab",
    "a.b.c",
    "ba",
    "*",
    "^a",
    "a*b",
]
LINES = [
    f"{address:016x} {letter} {name}"
    for address in (0, 0xFFFFFFFF81000AB0)
    for letter in "Tab"
    for name in NAMES
]


def said_by(command: list[str]) -> set[str] | None:
    """Return the lines that a program prints; None where it does not take the expression."""
    text = "".join(f"{line}\n" for line in LINES)
    done = subprocess.run(
        command,
        input=text,
        capture_output=True,
        text=True,
        env={"LC_ALL": "C", "PATH": "/bin:/usr/bin"},
        check=False,
    )
    return set(done.stdout.splitlines()) if done.returncode in (0, 1) and not done.stderr else None


def found_by(pattern: bytes) -> set[str]:
    """Return the lines that a pattern of Python is found in."""
    return {line for line in LINES if re.search(pattern, line.encode(), re.DOTALL)}


@settings(max_examples=60)
@given(text=BASIC)
@example(text=r" __[[:alnum:]]*Thunk_")
@example(text=r"a\|b$")
@example(text="*a")
@example(text="^*a")
@example(text=r"\(^a\)")
@example(text=r"a\{2")
@example(text="[]a]")
@example(text="[a-]")
@example(text="[[:alpha:a]*]")
def test_basic_expressions_are_those_of_sed(text: str) -> None:
    """What is understood is found where sed finds it; what sed does not take is not understood either."""
    try:
        pattern = python_pattern(parse_expression(text.encode()))
    except ExpressionError:
        return
    assert found_by(pattern) == said_by(["sed", "-n", f"/{text}/p"])


@settings(max_examples=40)
@given(text=EXTENDED)
@example(text="a|b$")
@example(text="(a|b)+_")
@example(text="a{1,2}b")
def test_extended_expressions_are_those_of_grep(text: str) -> None:
    """The same with the extended syntax."""
    try:
        pattern = python_pattern(parse_expression(text.encode(), extended=True, controls=False))
    except ExpressionError:
        return
    assert found_by(pattern) == said_by(["grep", "-E", "-e", text])


@pytest.mark.parametrize(
    "text",
    [
        r"\(a\)\1",
        "[[=a=]]",
        r"a\{3,2\}",
        "[b-a]",
        "[a",
        r"\(a",
        r"\(a*\)*",
        r"a\x41",
        "\\",
        "[[:alpha:",
        r"\(" * 5000,
    ],
)
def test_what_is_not_followed_is_refused(text: str) -> None:
    """Back-references, classes of equivalence, wrong bounds and what is not closed are errors."""
    with pytest.raises(ExpressionError):
        parse_expression(text.encode())


@pytest.mark.parametrize(
    ("text", "matchers"),
    [
        (" __crc_", [Prefix(b"__crc_")]),
        ("_veneer$", [Suffix(b"_veneer")]),
        (" L0$", [Exact(b"L0")]),
        (r"\.plt_branch\.", [Contains(b".plt_branch.")]),
        (" [aNU] ", [Letters(b"N"), Letters(b"U"), Letters(b"a")]),
        (r" \$", [Prefix(b"$")]),
        (" __[a-z]*_x", [Pattern(b"__[a-z]*_x", b"__", b"_x")]),
        (" T", [LinePattern(b" T")]),  # may be the letter
        ("ab", [LinePattern(b"ab")]),  # may be in the address
        (" W .*x", [LinePattern(b" W .*x")]),
        (r"\( a_\)\|\(b_\)", [Prefix(b"a_"), Contains(b"b_")]),
    ],
)
def test_matchers_are_the_fastest_that_say_the_same(text: str, matchers: list[Matcher]) -> None:
    """An expression about a name's beginning, end or middle needs no line; one that may be about more does."""
    assert list(line_matchers(text.encode())) == matchers


@settings(max_examples=60)
@given(text=BASIC)
@example(text=" a")
@example(text=" a_b")
@example(text=" b$")
@example(text=" [ab] ")
@example(text="0000")
@example(text=" .b")
def test_matchers_match_what_the_lines_do(text: str) -> None:
    """Whatever matcher an expression gets, it marks just the records in whose lines sed finds the expression."""
    try:
        matchers = line_matchers(text.encode())
    except ExpressionError:
        return
    rows = [(int(line[:16], 16), line[17], line[19:].encode()) for line in LINES]
    names = Names(records_of(rows), abi=Abi(bits=64, byte_order="<", machine=62, flags=0))
    marked = {
        line for matcher in matchers for line, mark in zip(LINES, matcher.marks(names), strict=True) if mark
    }
    assert marked == said_by(["sed", "-n", f"/{text}/p"])
