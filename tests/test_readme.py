# SPDX-License-Identifier: GPL-2.0-or-later
"""What README says of the repository is so; that its examples print what it shows is ``test_docs.py``'s."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

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


def shown() -> list[tuple[str, str]]:
    """Return each command of a console block with what is shown under it."""
    pieces = [piece for block in CONSOLE for piece in re.split(r"^\$ ", block, flags=re.MULTILINE) if piece]
    return [(command, output) for command, _, output in (piece.partition("\n") for piece in pieces)]


def test_the_readme_shows_commands() -> None:
    """There are console blocks to check, of every kind of use."""
    commands = [command for command, _ in shown()]
    for word in ("-o kallsyms.o", "explain", "ledger", "list"):
        assert any(word in command for command in commands)


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
