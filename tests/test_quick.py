# SPDX-License-Identifier: GPL-2.0-or-later
"""The quick parser of the main job: it knows what typer knows, and leaves the rest to it."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st

from elfsyms.cli.build import app
from elfsyms.cli.job import Job
from elfsyms.cli.quick import PAIRS, SWITCHES, VALUES, parse

COMMAND: Any = typer.main.get_command(app)


def declared() -> dict[str, tuple[list[str], list[str], bool]]:
    """Return what the typer command declares: names, names for no, and whether it is a switch, by field."""
    options = [parameter for parameter in COMMAND.params if parameter.param_type_name == "option"]
    return {o.name: (sorted(o.opts), sorted(o.secondary_opts), bool(o.is_flag)) for o in options}


def test_the_quick_parser_knows_every_option() -> None:
    """Its tables hold the options that the typer command declares, under the same names, and no others."""
    ours: dict[str, tuple[list[str], list[str], bool]] = {}
    for table, switch in ((VALUES, False), (SWITCHES, True)):
        for field in set(table.values()):
            ours[field] = (sorted(flag for flag, name in table.items() if name == field), [], switch)
    for field in PAIRS:
        flag = field.replace("_", "-")
        ours[field] = ([f"--{flag}"], [f"--no-{flag}"], True)
    theirs = {field: facts for field, facts in declared().items() if field != "help"}
    assert ours == theirs


def test_a_job_has_every_parameter() -> None:
    """What the command takes is what a job holds."""
    names = {parameter.name for parameter in COMMAND.params} - {"help"}
    assert names == {field.name for field in dataclasses.fields(Job)}


def by_typer(arguments: list[str]) -> Job:
    """Return the job that typer reads in arguments."""
    context = COMMAND.make_context("elfsyms", list(arguments))
    return Job(**context.params)


OPTIONS = st.one_of(
    st.tuples(st.sampled_from(sorted(SWITCHES))),
    st.tuples(st.sampled_from([f"--{no}{pair.replace('_', '-')}" for pair in PAIRS for no in ("", "no-")])),
    st.tuples(st.sampled_from(sorted(VALUES)), st.sampled_from(["x.o", "6.12", "dir/y", "0x10"])),
    st.builds(
        lambda flag, value: (f"{flag}={value}",),
        st.sampled_from(sorted(flag for flag in VALUES if flag.startswith("--"))),
        st.sampled_from(["x.S", "a=b", ""]),
    ),
)


@given(st.lists(OPTIONS, max_size=6), st.integers(min_value=0))
def test_both_parsers_read_the_same_job(options: list[tuple[str, ...]], place: int) -> None:
    """Where the quick parser answers, typer reads the same."""
    pieces = [list(option) for option in options]
    pieces.insert(place % (len(pieces) + 1), ["vmlinux"])
    arguments = [word for piece in pieces for word in piece]
    assert parse(arguments) == by_typer(arguments)


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--help"],
        ["vmlinux", "--help"],
        ["vmlinux", "--outputs", "x.o"],
        ["vmlinux", "other"],
        ["vmlinux", "-o"],
        ["vmlinux", "-ox.o"],
        ["vmlinux", "-vq"],
        ["--", "vmlinux"],
        ["-o", "x.o"],
    ],
)
def test_the_rest_is_left_to_typer(arguments: list[str]) -> None:
    """Help, mistakes and unusual spellings are not the quick parser's business."""
    assert parse(arguments) is None


def test_paths_are_paths() -> None:
    """Fields that name files come as paths, as typer makes them."""
    job = parse(["vmlinux", "--config", ".config", "--tree", "linux", "--cache", "kept"])
    assert job == Job(Path("vmlinux"), config=Path(".config"), tree=Path("linux"), cache=Path("kept"))
