# SPDX-License-Identifier: GPL-2.0-or-later
"""``elfsyms rules``: the catalogue says what the rules do, no more and no less."""

from __future__ import annotations

import json
import re
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

import pytest
from elfmaker import Symbol, vmlinux

from elfsyms.cli.app import run
from elfsyms.errors import NotThereError
from elfsyms.inspect.explain import explain
from elfsyms.pipeline.kernel import load
from elfsyms.releases.catalogue import catalogue, find_rules
from elfsyms.releases.format_history import find_release
from elfsyms.releases.matchers import Letters
from elfsyms.releases.rules import RULES
from elfsyms.releases.trace_rules import TRACE_RULES

if TYPE_CHECKING:
    from pathlib import Path

NAMES = (
    "__crc_printk",
    "$d.1",
    "x_veneer",
    "f.long_branch.1",
    "L0",
    ".LC0",
    "__x_Thunk_y",
    "__pi_.Lx",
    "",
    "main",
)


def test_every_rule_is_in_the_catalogue_once() -> None:
    """The catalogue has every rule, of what is dropped and of what cannot be traced, and each once."""
    every = [*(rule.id for rule in RULES), *(rule.id for rule in TRACE_RULES)]
    assert sorted(entry.id for entry in catalogue()) == sorted(every)


@pytest.mark.parametrize(
    ("release", "stages"),
    [("5.4", ["nm", "read", "range", "valid"]), ("7.3", ["nm", "map", "read", "range"])],
)
def test_stages_have_one_order(release: str, stages: list[str], tmp_path: Path) -> None:
    """The catalogue tells a release's stages in the order in which explain goes through them, the generator's."""
    path = tmp_path / "vmlinux"
    path.write_bytes(vmlinux([Symbol("_text", 0x1000), Symbol("_stext", 0x1000)]))
    with load(path, release=release) as kernel:
        steps = [step.stage for step in explain(kernel, "_text").symbols[0].steps]
    told = dict.fromkeys(entry.stage for entry in catalogue(find_release(release)))
    assert steps == [stage for stage in told if stage in stages] == stages


@pytest.mark.parametrize("field", ["id", "slug", "drops", "releases", "reason", "file", "fix"])
def test_every_entry_says_everything(field: str) -> None:
    """No rule lacks its reason, releases, file or fix."""
    assert all(getattr(entry, field) for entry in catalogue())


@pytest.mark.parametrize("name", ["2.6.12", "4.19", "6.1.192", "6.12.117", "7.3"])
def test_a_release_has_the_rules_in_force(name: str) -> None:
    """With a release, the catalogue has exactly those rules whose versions hold it."""
    release = find_release(name)
    wanted = {rule.id for rule in RULES if release.version in rule.when}
    wanted |= {rule.id for rule in TRACE_RULES if release.version in rule.when}
    assert {entry.id for entry in catalogue(release)} == wanted


@pytest.mark.parametrize("name", NAMES)
def test_the_glob_means_what_the_rule_drops(name: str) -> None:
    """The pattern that is shown matches a name just where the map pattern of the rule does."""
    entries = {entry.id: entry for entry in catalogue()}
    for rule in RULES:
        if rule.matcher is None or isinstance(rule.matcher, Letters):
            continue
        shown = entries[rule.id].matches
        line = b"0 T " + name.encode()
        assert matches(shown, name) == bool(re.search(anchored(rule.matcher.line_pattern), line)), rule.id


def anchored(pattern: bytes) -> bytes:
    """Return a line pattern with its blank at the place before the name, and nowhere else."""
    return rb"(?<=T)" + pattern if pattern.startswith(b" ") else pattern


def matches(shown: str, name: str) -> bool:
    """Read the catalogue's pattern as a person would."""
    if shown == '""':
        return name == ""
    if shown.startswith("/"):
        return bool(re.match(shown.strip("/"), name))
    return fnmatchcase(name, shown)


def test_a_slug_finds_all_its_rules() -> None:
    """A name that several rules share finds them all; an id finds one; case does not count."""
    assert len(find_rules("own-table")) > 5
    assert [entry.id for entry in find_rules("ks201")] == ["KS201"]


def test_an_unknown_rule_is_not_there() -> None:
    """A slip names the rules near to it."""
    with pytest.raises(NotThereError, match="map-thunk"):
        find_rules("map-thunc")


@pytest.mark.parametrize("arguments", [[], ["KS213"], ["thunk"], ["--release", "6.12"], ["--stage", "read"]])
def test_it_fits_the_screen(arguments: list[str], capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    """Every page is readable in 80 columns."""
    assert run(["rules", *arguments]) == 0
    assert max(map(len, capsysbinary.readouterr().out.decode().splitlines())) <= 80


def test_json(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    """``--json`` has the whole catalogue for other tools, and what is in force in a release."""
    assert run(["rules", "KS213", "--release", "6.4", "--json"]) == 0
    answer = json.loads(capsysbinary.readouterr().out)
    assert (answer["schema"], answer["release"]) == ("elfsyms.rules/1", "6.4")
    assert answer["rules"][0]["in_force"] is False
    assert run(["rules", "--json"]) == 0
    assert len(json.loads(capsysbinary.readouterr().out)["rules"]) == len(RULES) + len(TRACE_RULES)


def test_an_id_is_one_rules() -> None:
    """No two rules share an id, which people and tools go by."""
    ids = [entry.id for entry in catalogue()]
    assert len(set(ids)) == len(ids)
