# SPDX-License-Identifier: GPL-2.0-or-later
"""A pipe as the input: every command reads it as it reads the file."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest
from command import environment
from elfmaker import Symbol, vmlinux
from linkmaker import link_kernel

from elfsyms.files import open_input

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow  # each command in a process of its own

COMMANDS = [
    ["list", "{}"],
    ["explain", "{}", "_text"],
    ["ledger", "{}"],
    ["stats", "{}"],
    ["verify", "{}"],
    ["decode", "{}"],
    ["diff", "{}", "{}"],
    ["{}", "-o", "-"],
    ["{}", "--stats"],
]


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Link a kernel with its own tables."""
    return link_kernel(tmp_path_factory.mktemp("linked")).final


def run(words: list[str], name: str, data: bytes | None = None) -> tuple[int, bytes]:
    """Run a command on a file of a name, with bytes piped in; return its exit code and its output."""
    command = [sys.executable, "-m", "elfsyms", *(word.format(name) for word in words)]
    done = subprocess.run(
        command, input=data, env=environment(), capture_output=True, check=False, timeout=60
    )
    return done.returncode, done.stdout


@pytest.mark.parametrize("words", COMMANDS, ids=lambda words: words[0].strip("{}") or "build")
def test_a_pipe_is_read_as_the_file_is(words: list[str], image: Path) -> None:
    """``-`` and ``/dev/stdin`` give what the file gives, whatever the command reads of it, and how often."""
    wanted = run(words, str(image))
    assert wanted[0] == 0
    data = image.read_bytes()
    for name in ("-", "/dev/stdin"):
        code, output = run(words, name, data)
        assert code == wanted[0]
        if words[0] in ("list", "decode") or "-o" in words:  # others print the file's name
            assert output == wanted[1]


def test_a_text_may_come_through_a_pipe_too(image: Path) -> None:
    """The text of ``/proc/kallsyms`` from another machine needs no file."""
    code, text = run(["list", "{}"], str(image))
    assert code == 0
    assert run(["verify", str(image), "--proc-kallsyms", "{}"], "-", text)[0] == 0
    assert run(["diff", str(image), "{}"], "-", text)[0] == 0


def test_a_fifo_is_spooled_once(tmp_path: Path) -> None:
    """What was read of a pipe is there for the next who opens it, from the beginning."""
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    data = vmlinux([Symbol("_text", 0x1000)], release="6.12.0")
    writer = threading.Thread(target=fifo.write_bytes, args=(data,))
    writer.start()
    for _ in range(2):
        with open_input(fifo) as stream:
            assert stream.read() == data
            stream.seek(0)
            assert stream.read(4) == b"\x7fELF"
    writer.join()
