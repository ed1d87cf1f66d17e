# SPDX-License-Identifier: GPL-2.0-or-later
"""The quick parser: it knows what typer knows, and leaves the rest to it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from elfsyms.cli.app import load_command
from elfsyms.cli.parameters import FILES
from elfsyms.cli.quick import JOBS, Job, parse

NAMES = sorted(JOBS)
COMMANDS: dict[str, Any] = {name: load_command(name) for name in NAMES}


@pytest.mark.parametrize("name", NAMES)
def test_typer_declares_every_row(name: str) -> None:
    """The typer command has the rows' words and options, under the same names, and no others."""
    words = [o.name for o in COMMANDS[name].params if o.param_type_name == "argument"]
    assert words == [word.field for word in JOBS[name].words]
    options = [o for o in COMMANDS[name].params if o.param_type_name == "option"]
    declared = {o.name: {*o.opts, *o.secondary_opts} for o in options}
    rows = {p.field: {*p.flags, p.off_flag} - {""} for p in JOBS[name].rows}
    assert {field: flags for field, flags in declared.items() if field != "help"} == rows


def by_typer(name: str, arguments: list[str]) -> Job:
    """Return the job that typer reads in arguments."""
    given = dict(COMMANDS[name].make_context(f"elfsyms {name}", list(arguments)).params)
    given |= {word.field: list(given[word.field] or ()) for word in JOBS[name].words if word.kind == "texts"}
    return Job(given.pop("file"), given)


def options_of(name: str) -> st.SearchStrategy[tuple[str, ...]]:
    """Draw an option of a job as it may be spelled."""
    rows = JOBS[name].rows
    words = [flag for p in rows if p.kind in ("switch", "pair") for flag in (*p.flags, p.off_flag) if flag]
    valued = [flag for p in rows if p.kind in ("text", "texts", "path") for flag in p.flags]
    texts = [flag for p in rows if p.kind in ("text", "texts") and p.metavar not in FILES for flag in p.flags]
    percents = [flag for p in rows if p.kind == "percent" for flag in p.flags]
    found = [
        st.tuples(st.sampled_from(words)),
        st.tuples(st.sampled_from(valued), st.sampled_from(["x.o", "6.12", "dir/y", "0x10", "-", "--json"])),
        st.tuples(st.sampled_from(texts), st.just("")),
        st.builds(
            lambda flag, value: (f"{flag}={value}",),
            st.sampled_from([flag for flag in valued if flag.startswith("--")]),
            st.sampled_from(["x.S", "a=b"]),
        ),
    ]
    if percents:
        found.append(st.tuples(st.sampled_from(percents), st.sampled_from(["0", "7", "100"])))
    return st.one_of(found)


@pytest.mark.parametrize("name", NAMES)
@given(st.data(), st.integers(min_value=0))
def test_both_parsers_read_the_same_job(name: str, data: st.DataObject, place: int) -> None:
    """Where the quick parser answers, typer reads the same."""
    pieces = [list(option) for option in data.draw(st.lists(options_of(name), max_size=6))]
    pieces.insert(place % (len(pieces) + 1), [data.draw(st.sampled_from(["vmlinux", "-"]))])
    if len(JOBS[name].words) > 1:
        pieces += [
            [word] for word in data.draw(st.lists(st.sampled_from(["tcp_*", "-", "a b", ""]), max_size=3))
        ]
    arguments = [word for piece in pieces for word in piece]
    assert parse(arguments, JOBS[name]) == by_typer(name, arguments)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["vmlinux", "--help"],
        ["vmlinux", "--outputs", "x.o"],
        ["vmlinux", "-vq"],
        ["--", "vmlinux"],
    ],
)
def test_the_rest_is_left_to_typer(name: str, arguments: list[str]) -> None:
    """Help, mistakes and unusual spellings are not the quick parser's business."""
    assert parse(arguments, JOBS[name]) is None


@pytest.mark.parametrize("name", [name for name in NAMES if len(JOBS[name].words) == 1])
def test_a_second_file_is_left_to_typer(name: str) -> None:
    """A command that takes one word has typer say so."""
    assert parse(["vmlinux", "other"], JOBS[name]) is None


@pytest.mark.parametrize("arguments", [[], ["vmlinux", "-o"], ["vmlinux", "-ox.o"], ["-o", "x.o"]])
def test_main_job_needs_its_words(arguments: list[str]) -> None:
    """What the main job misses, typer is to tell."""
    assert parse(arguments) is None


@pytest.mark.parametrize("text", ["101", "-1", "+7", "7%", "", "1_0"])
def test_what_is_no_percentage_is_left_to_typer(text: str) -> None:
    """A number out of range, or spelled unusually, is typer's to judge."""
    assert parse(["vmlinux", "--slack", text], JOBS["fill"]) is None


def test_sizes_remembered_need_no_file() -> None:
    """``reserve`` may do without a file."""
    job = parse(["--if-known", "-o", "x.o"], JOBS["reserve"])
    assert job is not None
    assert job.file is None


def test_paths_are_paths() -> None:
    """Fields that name files come as paths, as typer makes them."""
    job = parse(["vmlinux", "--config", ".config", "--tree", "linux", "--cache", "kept"])
    assert job is not None
    paths = {field: value for field, value in job.given.items() if isinstance(value, Path)}
    assert paths == {"config": Path(".config"), "tree": Path("linux"), "cache": Path("kept")}
