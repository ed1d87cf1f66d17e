# SPDX-License-Identifier: GPL-2.0-or-later
"""The README's own commands: they work, and print what it shows."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")
CONSOLE = re.findall(r"```console\n(.*?)```", TEXT, re.DOTALL)
OF_THE_KERNEL = (
    "scripts/elfsyms-hook.sh",
    "scripts/kallsyms",
    "scripts/kallsyms.c",
    "scripts/link-vmlinux.sh",
    "scripts/mksysmap",
)
PACKED_SIZES = re.compile(r"^ *[\d,]+ +\d+\.\d% +\d+\.\d\d +(?:gzip|xz|zstd) .*$", re.MULTILINE)


def shown() -> list[tuple[str, str]]:
    """Return each command of a console block with what is shown under it."""
    pieces = [piece for block in CONSOLE for piece in re.split(r"^\$ ", block, flags=re.MULTILINE) if piece]
    return [(command, output) for command, _, output in (piece.partition("\n") for piece in pieces)]


@pytest.fixture(scope="session")
def folder(sample: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the sample that the README calls vmlinux."""
    place = tmp_path_factory.mktemp("readme")
    (place / "vmlinux").symlink_to(sample("amd64-6.12"))
    return place


def environment() -> dict[str, str]:
    """Return an environment with this installation's elfsyms in front, and no colours."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return {**os.environ, "PATH": path, "NO_COLOR": "1", "COLUMNS": "80"}


def plain(text: str) -> str:
    """Return a text without what depends on the versions of the packers, and without blanks at line ends."""
    return "\n".join(line.rstrip() for line in PACKED_SIZES.sub("", text).splitlines()).strip()


def test_the_readme_shows_commands() -> None:
    """There are console blocks to check, of every kind of use."""
    commands = [command for command, _ in shown()]
    for word in ("-o kallsyms.o", "explain", "ledger", "rules", "list", "stats"):
        assert any(word in command for command in commands)


@pytest.mark.parametrize(("command", "output"), shown(), ids=[command for command, _ in shown()])
def test_a_command_prints_what_the_readme_shows(command: str, output: str, folder: Path) -> None:
    """What stands under a command is what it prints."""
    done = subprocess.run(  # noqa: S602 (the README's own line)
        command,
        shell=True,
        cwd=folder,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert plain(done.stdout) == plain(output)


def test_the_python_example_prints_what_the_readme_shows(folder: Path) -> None:
    """The example of the Python interface runs as it stands."""
    (code,) = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    (output,) = re.findall(r"```text\n(.*?)```", TEXT, re.DOTALL)
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=True
    )
    assert plain(done.stdout) == plain(output)


@pytest.mark.parametrize("name", sorted(set(re.findall(r"\b(?:scripts|docs|testdata)/[\w./-]*\w", TEXT))))
def test_a_file_that_the_readme_names_is_there(name: str) -> None:
    """Every path of the repository in the text exists."""
    assert name in OF_THE_KERNEL or (ROOT / name).exists()


def test_help_tells_every_command_of_the_readme() -> None:
    """A command that the README names is in the list of commands."""
    done = subprocess.run(
        [sys.executable, "-m", "elfsyms", "--help"], capture_output=True, text=True, check=True
    )
    for command in re.findall(r"`elfsyms (\w+)[ `]", TEXT):
        assert command in done.stdout
