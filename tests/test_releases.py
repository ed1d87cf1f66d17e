# SPDX-License-Identifier: GPL-2.0-or-later
"""Releases as data: complete, without a gap, and told as they are."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from command import elfsyms, sentence
from hypothesis import given
from hypothesis import strategies as st

from elfsyms.detect.detect import known_versions
from elfsyms.errors import UsageError
from elfsyms.releases.format_history import TRAITS, Release, find_release, release_of
from elfsyms.releases.options import OPTIONS, Option
from elfsyms.releases.rules import RULES
from elfsyms.releases.versions import FIRST, NEWEST, NEXT, When, format_version, parse_version

SOURCES = Path(__file__).parent.parent / "elfsyms"

VERSIONS = st.one_of(
    st.tuples(st.just(2), st.just(6), st.integers(12, 39), st.integers(0, 80)),
    st.tuples(st.integers(3, 7), st.integers(0, 20), st.integers(0, 300), st.just(0)),
).filter(lambda version: FIRST <= version < NEXT)


@given(VERSIONS)
def test_every_version_has_every_trait(version: tuple[int, int, int, int]) -> None:
    """Whatever the version, each trait has a row that holds in it."""
    assert release_of(version).version == version


@given(VERSIONS)
def test_a_version_is_read_as_it_is_written(version: tuple[int, int, int, int]) -> None:
    """Formatting and parsing a version are each other's inverse."""
    assert parse_version(format_version(version)) == version


@pytest.mark.parametrize("option", [o for o in OPTIONS if not o.when.text], ids=str)
def test_an_option_of_no_release_is_a_trees_own(option: Option) -> None:
    """An option that no release has says that only a build tree brings it."""
    assert "tree" in option.note


ROWS = [row for t in TRAITS for row in t.rows] + [o for o in OPTIONS if o.when.text]


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_a_row_is_in_force_somewhere(row: object) -> None:
    """No row of the table is dead: there is a version in which it gives the trait its value."""
    traits = [t for t in TRAITS if row in t.rows]
    versions = known_versions()
    if traits:
        assert any(traits[0].row(version) is row for version in versions)
    else:
        by_tree = getattr(row, "field", "") == "uncompressed"  # which no release has
        assert any(version in row.when for version in versions) != by_tree  # type: ignore[attr-defined] # a Row, as above


@pytest.mark.parametrize("text", ["2.6.11", "1.0", format_version(NEXT), "99.1"])
def test_what_is_not_known_is_refused(text: str) -> None:
    """A release before the first or after the newest is refused with the range that is known."""
    with pytest.raises(UsageError, match=re.escape(f"knows 2.6.12 to {NEWEST}")):
        find_release(text)


def test_an_unknown_release_is_answered_without_an_option() -> None:
    """``elfsyms releases 9.9`` advises nothing that the command does not take."""
    assert "--release" not in sentence(elfsyms("releases", "9.9"), 2)


@pytest.mark.parametrize("text", ["", "six", "6", "v", "-1.2"])
def test_what_is_no_version_is_refused(text: str) -> None:
    """A text that is no version is refused with an example of one."""
    with pytest.raises(UsageError, match="give one like"):
        find_release(text)


def test_a_span_is_half_open() -> None:
    """A fact holds from its first version on, and not in the version at which it ends."""
    when = When("6.2..6.4", "6.1.42..6.2")
    inside = ("6.2", "6.3.9", "6.1.42", "6.1.192")
    outside = ("6.4", "6.1.41", "6.1", "6.5")
    assert all(parse_version(text) in when for text in inside)
    assert not any(parse_version(text) in when for text in outside)


def test_versions_are_compared_nowhere_else() -> None:
    """No module but the tables of traits and rules, and what looks releases up, compares versions of Linux."""
    pattern = re.compile(r"version\b[^=\n]*(?:[<>]=?|==) *[(\d\"']|\.version *[<>]")
    allowed = {"versions.py", "releases.py", "detect.py"}
    dwarf = ("dwarf", "linetable")  # which has versions of its own
    found = [
        f"{path.name}: {line.strip()}"
        for path in SOURCES.rglob("*.py")
        if path.name not in allowed and not path.name.startswith(dwarf)
        for line in path.read_text().splitlines()
        if pattern.search(line)
    ]
    assert found == []


def test_the_whole_table_is_printed() -> None:
    """``elfsyms releases`` names every trait and every commit, in 80 columns."""
    text = elfsyms("releases").stdout.decode()
    blocks = dict(re.findall(r"^(\w+): (.*?)(?=^\w|\Z)", text, re.MULTILINE | re.DOTALL))
    assert list(blocks)[: len(TRAITS)] == [trait.field for trait in TRAITS]
    for trait in TRAITS:
        lines = re.findall(r"^    (\S.*?)  ", blocks[trait.field], re.MULTILINE)
        assert lines == [str(row.when) for row in trait.rows], trait.field
    commits = {row.commit for trait in TRAITS for row in trait.rows} - {""}
    assert len(commits) > 10
    assert all(commit in text for commit in commits)
    assert max(map(len, text.splitlines())) <= 80


def test_one_release_is_printed() -> None:
    """``elfsyms releases 4.19`` tells its traits, options and rules."""
    text = elfsyms("releases", "4.19").stdout.decode()
    release = find_release("4.19")
    assert all(option in text for option in release.options)
    assert "KS501 outside-text" in text
    assert re.search(r"name_limit +128", text)
    assert re.search(r"compression +pairs", text)


def test_releases_as_json() -> None:
    """``--json`` gives the same facts under a schema's name."""
    facts = json.loads(elfsyms("releases", "6.1.50", "--json").stdout)
    assert facts["schema"] == "elfsyms.releases/1"
    assert facts["traits"]["sequence_width"]["value"] == 4
    assert facts["options"] == ["--all-symbols", "--absolute-percpu", "--base-relative", "--lto-clang"]
    assert facts["rules"]["map"] == [
        rule.id for rule in RULES if rule.stage == "map" and parse_version("6.1.50") in rule.when
    ]
    assert {"KS211", "KS213"} <= set(facts["rules"]["map"])
    assert "KS224" not in facts["rules"]["map"]


def test_a_release_says_what_it_knows() -> None:
    """A release knows the options of its own generator alone."""
    release: Release = find_release("7.3")
    assert release.knows("--pc-relative")
    assert not release.knows("--absolute-percpu")


@pytest.mark.parametrize("name", ["6.1.0-56-amd64", "v6.1.0-56-amd64", "5.15.0-91-generic"])
def test_names_of_packages_are_no_releases(name: str) -> None:
    """What ``uname -r`` says on Debian and Ubuntu does not tell the stable update, and would be taken for X.Y."""
    with pytest.raises(UsageError, match="does not tell the stable update"):
        find_release(name)


@pytest.mark.parametrize(
    ("name", "version"),
    [
        ("6.1.192-amd64", (6, 1, 192, 0)),
        ("7.3-amd64", (7, 3, 0, 0)),
        ("6.12.0-rc1", (6, 12, 0, 0)),
        ("6.12.117+deb12-amd64", (6, 12, 117, 0)),
        ("v2.6.32.5", (2, 6, 32, 5)),
    ],
)
def test_names_that_tell_the_update_are_releases(name: str, version: tuple[int, ...]) -> None:
    """Any other suffix is passed over."""
    assert find_release(name).version == version
