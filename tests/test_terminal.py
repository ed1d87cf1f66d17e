# SPDX-License-Identifier: GPL-2.0-or-later
"""What a terminal gets to see: names from outside cannot move its cursor, recolour it or forge lines."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from command import elfsyms, environment, on_terminal, sentence
from elfmaker import Symbol, vmlinux
from hypothesis import given
from hypothesis import strategies as st

from elfsyms.printable import printable, printable_bytes

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

TEXT = 0xFFFFFFFF81000000
HOSTILE = ["esc\x1b]0;title\x07e", "csi\x9b31m", "bidi\u202etxet", "tab\there"]
SECTION = ".te\x1b[7mxt\nelfsyms: all is well"


@given(st.text())
def test_printable_text_is_one_visible_line(text: str) -> None:
    """Whatever goes in, what comes out has no character that Python calls unprintable."""
    assert printable(text).isprintable()


@given(st.text(alphabet=st.characters(categories=["L", "N", "P", "S"])))
def test_visible_text_is_left_as_it_is(text: str) -> None:
    """What can be seen is not changed."""
    assert printable(text) == text


@given(st.binary())
def test_lines_stay_lines(data: bytes) -> None:
    """Data for a terminal keep their number of lines, whatever bytes are in them."""
    assert printable_bytes(data).count(b"\n") == data.count(b"\n")


@pytest.fixture
def hostile(tmp_path: Path) -> Path:
    """Return a kernel with names that a terminal would obey."""
    path = tmp_path / "vmlinux"
    names = [Symbol("_text", TEXT), Symbol("_stext", TEXT), Symbol("_etext", TEXT + 0x1000)]
    names += [Symbol(name, TEXT + 0x100 + 16 * i, SECTION) for i, name in enumerate(HOSTILE)]
    path.write_bytes(vmlinux(names, release="6.12.5"))
    return path


@pytest.mark.parametrize(
    "arguments", [("list",), ("explain", "*"), ("ledger", "--by", "section"), ("stats",), ("explain", "esc*")]
)
@pytest.mark.parametrize("colour", [{}, {"NO_COLOR": "1"}])
def test_a_terminal_gets_visible_characters(
    hostile: Path, arguments: tuple[str, ...], colour: dict[str, str]
) -> None:
    """On a terminal, the only control characters are the newlines between lines and our own colours."""
    command, *what = arguments
    shown = on_terminal(command, hostile, *what, **colour)
    bare = re.sub(r"\r\x1b\[K(elfsyms [^\r]*)?", "", shown)  # on a busy machine progress comes and goes
    bare = bare.replace("\r\n", "\n")
    for ours in ("\x1b[1m", "\x1b[32m", "\x1b[31m", "\x1b[33m", "\x1b[36m", "\x1b[0m"):
        bare = bare.replace(ours, "")
    assert [one for one in bare if not one.isprintable() and one != "\n"] == []
    assert "elfsyms: all is well" not in bare.splitlines()


def test_a_pipe_gets_the_true_bytes(hostile: Path) -> None:
    """What another program reads has the names as they are."""
    out = elfsyms("list", hostile).stdout
    assert b"esc\x1b]0;title\x07e\n" in out
    assert "bidi\u202etxet\n".encode() in out


def test_messages_escape_the_file_name(tmp_path: Path) -> None:
    """A file name with odd bytes is shown in one line, the bytes escaped; also where stderr is no terminal."""
    name = b"vm\xff\x1b[31m\nlinux"
    result = subprocess.run(
        [sys.executable, "-m", "elfsyms", "list", name],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        check=False,
    )
    assert r"vm\xff\x1b[31m\nlinux" in sentence(result, 4)


def test_lines_of_words_fill_the_terminal(sample: Callable[[str], Path]) -> None:
    """Words wrap where the terminal ends; elsewhere they wrap at 80 columns."""
    arguments = ("explain", sample("amd64-6.12"), "_text")
    widths = [
        max(map(len, on_terminal(*arguments, COLUMNS=str(wide), NO_COLOR="1").splitlines()))
        for wide in (60, 100)
    ]
    assert 50 < widths[0] <= 60 < widths[1] <= 100
    assert max(map(len, elfsyms(*arguments, COLUMNS="60").stdout.decode().splitlines())) > 60


def test_nothing_is_cut_in_a_pipe(tmp_path: Path) -> None:
    """A long name or reason is whole in what another program reads."""
    path = tmp_path / "vmlinux"
    path.write_bytes(vmlinux([Symbol("_text", TEXT), Symbol("n" * 300, TEXT + 16)], release="6.12.5"))
    for arguments in (("stats",), ("explain", "n*"), ("explain", "n" * 300), ("ledger", "--rule", "kept")):
        command, *what = arguments
        assert b"n" * 300 in elfsyms(command, path, *what).stdout, command
    assert "…" not in elfsyms("ledger", path).stdout.decode()
