# SPDX-License-Identifier: GPL-2.0-or-later
"""The examples of ``--help`` and of the man pages: each runs as it stands where the files it names are."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from command import elfsyms, environment
from docsfolder import fill_folder
from imagemaker import boundary_tables, made_image

from elfsyms.cli.app import COMMANDS, load_command
from elfsyms.cli.examples import EXAMPLES

ROOT = Path(__file__).parents[1]
LINES = [(name, line) for name, examples in EXAMPLES.items() for _, line in examples]
# What needs more than a folder: a kernel tree, a running kernel, one that is installed, linked once, or whole.
ELSEWHERE = re.compile(r"kbuild|dmesg|/boot|/proc|check --needs|^elfsyms fill|--elf")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the files that the examples name, and ``elfsyms`` as a command."""
    place = tmp_path_factory.mktemp("examples")
    fill_folder(place)
    shutil.copyfile(place / "vmlinux", place / "vmlinux-6.12")
    image = made_image(boundary_tables("6.12", (64, "<", 62)), 1, 1 << 16, banner="6.12.7-1-amd64")
    (place / "vmlinuz").write_bytes(image.data)
    (place / "needs.txt").write_text("kprobe:nmi_handle.part.0\n")
    (place / "oops.txt").write_text("RIP: 0010:nmi_handle.part.0+0x1a/0x141\n")
    (place / "bin").mkdir()
    program = place / "bin" / "elfsyms"
    program.write_text(f'#!/bin/sh\nPYTHONPATH="{ROOT}" exec "{sys.executable}" -m elfsyms "$@"\n')
    program.chmod(0o755)
    subprocess.run([program, "export", "vmlinux", "-o", "atlas/"], cwd=place, check=True, capture_output=True)
    return place


def test_every_command_has_examples() -> None:
    """No command is without a line to begin with, and no example is of a command that is none."""
    assert set(EXAMPLES) == set(COMMANDS)
    assert all(EXAMPLES.values())


@pytest.mark.parametrize(("name", "line"), LINES, ids=[line for _, line in LINES])
def test_an_example_has_options_that_there_are(name: str, line: str) -> None:
    """Every option of an example is one of its command, also where the example cannot be run here."""
    known = {flag for one in load_command(name).params for flag in (*one.opts, *one.secondary_opts)}
    assert [flag for flag in re.findall(r"(?<= )--?[a-z][\w-]*", line) if flag not in {*known, "-C"}] == []


@pytest.mark.slow  # a process or two each
@pytest.mark.parametrize(("name", "line"), LINES, ids=[line for _, line in LINES])
def test_an_example_runs(name: str, line: str, folder: Path) -> None:
    """An example is answered: done, yes or no, and no mistake in its words."""
    if ELSEWHERE.search(line):
        pytest.skip("needs more than a folder")
    if name in {"export", "atlas"}:
        pytest.importorskip("pyarrow", reason="pyarrow, in which an atlas is written, is missing")
    if name == "report":
        pytest.importorskip("jinja2", reason="Jinja, which makes a report, is missing")
    variables = environment(PATH=f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}")
    done = subprocess.run(
        ["sh", "-c", line], cwd=folder, env=variables, capture_output=True, check=False, timeout=60
    )
    assert done.returncode in {0, 1, 3} if name == "atlas" else done.returncode in {0, 1}, done.stderr


@pytest.mark.parametrize(
    ("name", "usage"),
    [
        ("export", "[OPTIONS] KERNEL..."),
        ("explain", "[OPTIONS] [VMLINUX] [WHAT]..."),
        ("diff", "[OPTIONS] A B [C]"),
    ],
)
def test_help_is_paragraphs(name: str, usage: str) -> None:
    """The usage is that of a man page, only paragraphs end lines, and types are the metavars alone."""
    said = elfsyms(name, "--help", COLUMNS="200").stdout.decode()
    assert f"elfsyms {name} {usage} " in said
    assert not re.search(r"<\w", said + elfsyms("--help").stdout.decode())
    assert "Examples:" in said
    paragraphs = [text for text in said.split("Arguments")[0].split("\n") if text.strip(" ╭─")]
    assert len(paragraphs) == 3  # usage, what it does, more of it
