# SPDX-License-Identifier: GPL-2.0-or-later
"""The quick parser of the main job: it knows what typer knows, and leaves the rest to it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st

from elfsyms.cli.build import app
from elfsyms.cli.job import Job
from elfsyms.cli.parameters import MAIN_JOB
from elfsyms.cli.quick import parse

COMMAND: Any = typer.main.get_command(app)
CONSTANTS = [flag for p in MAIN_JOB if p.kind == "switch" for flag in p.flags]
PAIRS = [flag for p in MAIN_JOB if p.kind == "pair" for flag in (*p.flags, p.off_flag)]
VALUED = [flag for p in MAIN_JOB if p.kind in ("text", "path") for flag in p.flags]


def test_typer_declares_every_row() -> None:
    """The typer command has the rows' options, under the same names, and no others."""
    declared = {o.name: {*o.opts, *o.secondary_opts} for o in COMMAND.params if o.param_type_name == "option"}
    rows = {p.field: {*p.flags, p.off_flag} - {""} for p in MAIN_JOB}
    assert {name: flags for name, flags in declared.items() if name != "help"} == rows


def by_typer(arguments: list[str]) -> Job:
    """Return the job that typer reads in arguments."""
    given = dict(COMMAND.make_context("elfsyms", list(arguments)).params)
    return Job(given.pop("file"), given)


OPTIONS = st.one_of(
    st.tuples(st.sampled_from(CONSTANTS)),
    st.tuples(st.sampled_from(PAIRS)),
    st.tuples(st.sampled_from(VALUED), st.sampled_from(["x.o", "6.12", "dir/y", "0x10"])),
    st.builds(
        lambda flag, value: (f"{flag}={value}",),
        st.sampled_from([flag for flag in VALUED if flag.startswith("--")]),
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
    assert job is not None
    paths = {field: value for field, value in job.given.items() if isinstance(value, Path)}
    assert paths == {"config": Path(".config"), "tree": Path("linux"), "cache": Path("kept")}
