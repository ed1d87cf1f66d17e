# SPDX-License-Identifier: GPL-2.0-or-later
"""Memory that is short: a command ends by itself, and what it leaves with is never taken for an answer."""

from __future__ import annotations

import resource
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
from command import environment
from elfmaker import Symbol, vmlinux

ROOT = Path(__file__).parents[1]
TEXT = 0xFFFFFFFF81000000
SYMBOLS = [
    Symbol("_text", TEXT),
    Symbol("_stext", TEXT),
    *(Symbol(f"f_{at}", TEXT + 16 + at) for at in range(300)),
]
COMMANDS = {
    "main": ("vmlinux", "-o", "x.o", "-q"),
    "list": ("list", "vmlinux"),
    "export": ("export", "vmlinux", "-o", "new"),
    "atlas": ("atlas", "f_1*", "--in", "atlas"),
}
# From what Python itself does not start with, to what all have enough of.
LIMITS = (*range(20, 160, 15), *range(160, 480, 60), 500, 530, 700)


def run(folder: Path, arguments: tuple[str, ...], megabytes: int) -> subprocess.CompletedProcess[bytes]:
    """Run a command with so much address space; raises where it does not end."""
    limit = (megabytes << 20, megabytes << 20)
    return subprocess.run(
        [sys.executable, "-m", "elfsyms", *arguments],
        cwd=folder,
        env=environment(PYTHONPATH=str(ROOT)),
        capture_output=True,
        check=False,
        timeout=100,
        preexec_fn=partial(resource.setrlimit, resource.RLIMIT_AS, limit),
    )


@pytest.mark.slow
@pytest.mark.parametrize("name", COMMANDS)
def test_too_little_memory_is_a_sentence(tmp_path: Path, name: str) -> None:
    """With any amount of memory a command does its work, or says that there is too little, and never hangs."""
    (tmp_path / "vmlinux").write_bytes(vmlinux(SYMBOLS, release="6.12.5"))
    assert run(tmp_path, ("export", "vmlinux", "-o", "atlas"), 4000).returncode == 0
    codes = set()
    for megabytes in LIMITS:
        done = run(tmp_path, COMMANDS[name], megabytes)
        codes.add(done.returncode)
        words = f"{megabytes} MB: {done.returncode}: {done.stderr.decode()}"
        assert done.returncode in {0, 70}, words
        assert done.returncode == 0 or b"elfsyms: " in done.stderr, words  # LIEF may say something first
        assert b"Traceback" not in done.stderr, words
        assert b"damaged" not in done.stderr, words
    assert codes == {0, 70}
