# SPDX-License-Identifier: GPL-2.0-or-later
"""The shell: man pages, completion, and progress on a terminal."""

from __future__ import annotations

import os
import pty
import re
import select
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from command import elfsyms, environment
from elfmaker import Symbol, vmlinux
from everyday import the_rest_slow

from elfsyms.cli import progress
from elfsyms.cli.app import COMMANDS
from elfsyms.cli.symbol_names import MOST, names_that_begin

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[1]
SHARE = ROOT / "share"
sys.path.append(str(ROOT / "scripts"))
TEXT = 0xFFFFFFFF81000000
NAMES = ["tcp_sendmsg", "tcp_sendmsg.cold", "tcp_ack", "udp_sendmsg", "_text", "_stext"]


def need(program: str) -> str:
    """Return a program, or skip the test."""
    found = shutil.which(program)
    if found is None:
        pytest.skip(f"{program} is not installed")
    return found


@pytest.fixture
def kernel(tmp_path: Path) -> Path:
    """Return a kernel of a few names."""
    path = tmp_path / "vmlinux"
    path.write_bytes(vmlinux([Symbol(name, TEXT + 16 * i) for i, name in enumerate(NAMES)]))
    return path


@pytest.fixture
def shell(tmp_path: Path) -> dict[str, str]:
    """Return an environment in which ``elfsyms`` is a command, and caches are the test's own."""
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin" / "elfsyms"
    program.write_text(f'#!/bin/sh\nPYTHONPATH="{ROOT}" exec "{sys.executable}" -m elfsyms "$@"\n')
    program.chmod(0o755)
    path = f"{program.parent}{os.pathsep}{os.environ['PATH']}"
    return environment(PATH=path, XDG_CACHE_HOME=str(tmp_path / "cache"), HOME=str(tmp_path))


# What is written


def test_files_are_as_the_declarations_make_them() -> None:
    """Man pages and completions are those of the commands as they are: else run scripts/shell_files.py."""
    from shell_files import stale  # noqa: PLC0415 (a script)

    assert stale() == []


def test_every_command_has_a_page() -> None:
    """There is a page for the program and one for each command, and each option of --help is on it."""
    pages = {path.stem for path in (SHARE / "man" / "man1").iterdir()}
    assert pages == {"elfsyms", *(f"elfsyms-{name}" for name in COMMANDS)}
    for name in COMMANDS:
        page = (SHARE / "man" / "man1" / f"elfsyms-{name}.1").read_text("utf-8").replace("\\-", "-")
        said = elfsyms(name, "--help").stdout.decode()
        missing = [flag for flag in re.findall(r"--[a-z][\w-]+", said) if flag not in page]
        assert missing == [], name


def test_pages_are_good_roff() -> None:
    """The checker mandoc has nothing to complain of in any page, but that the date is left to whoever ships it."""
    pages = sorted((SHARE / "man" / "man1").iterdir())
    found = subprocess.run(
        [need("mandoc"), "-T", "lint", "-W", "warning", *pages], capture_output=True, text=True, check=False
    )
    assert [line for line in found.stdout.splitlines() if "missing date" not in line] == []


# Completion


def complete_in_bash(words: list[str], shell: dict[str, str], folder: Path) -> set[str]:
    """Return what bash offers for the last of the words."""
    script = (
        f"source {SHARE}/bash-completion/completions/elfsyms; compopt() {{ :; }}; "
        'COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _elfsyms; printf "%s\\n" "${COMPREPLY[@]}"'
    )
    done = subprocess.run(
        [need("bash"), "-c", script, "bash", *words],
        env=shell,
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    return set(done.stdout.split())


def complete_in_fish(words: list[str], shell: dict[str, str], folder: Path) -> set[str]:
    """Return what fish offers for the last of the words."""
    script = f"source {SHARE}/fish/vendor_completions.d/elfsyms.fish; complete -C '{' '.join(words)}'"
    done = subprocess.run(
        [need("fish"), "--no-config", "-c", script],
        env=shell,
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    )
    return {line.split("\t")[0] for line in done.stdout.splitlines()}


_ZSH = """
zmodload zsh/zpty
zpty z 'zsh -f -i'
zpty -w z 'PS1=; fpath=(%(folder)s $fpath); autoload -Uz compinit; compinit -u -d %(dump)s'
zpty -w z 'zstyle ":completion:*" list-colors "no=0"; LISTMAX=10000; zstyle ":completion:*" list-prompt ""'
zpty -w z 'bindkey "^I" list-choices; bindkey "^D" list-choices; print READY'
zpty -r -m z seen '*READY*READY*'
zpty -n -w z '%(line)s'$'\\t'
sleep 2
local part
while zpty -r -t z part; do print -rn -- $part; done
zpty -d z
"""


def complete_in_zsh(words: list[str], shell: dict[str, str], folder: Path) -> set[str]:
    """Return the words on the screen after zsh listed what it offers for the last of the words."""
    script = _ZSH % {
        "folder": SHARE / "zsh" / "site-functions",
        "dump": folder / "zcompdump",
        "line": " ".join(words),
    }
    done = subprocess.run(
        [need("zsh"), "-f", "-c", script],
        env=shell | {"TERM": "xterm", "COLUMNS": "200"},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", " ", done.stdout)
    return set(plain.split())


SHELLS: dict[str, Callable[..., set[str]]] = {
    "bash": complete_in_bash,
    "fish": complete_in_fish,
    "zsh": complete_in_zsh,
}
CASES = [
    (["elfsyms", "expl"], {"explain"}, {"list", "export"}),
    (["elfsyms", "list", "vmlinux", "--f"], {"--format", "--filter"}, {"--help"}),
    (["elfsyms", "explain", "vml"], {"vmlinux"}, {"--help", "tcp_ack"}),
    (
        ["elfsyms", "explain", "vmlinux", "tcp_s"],
        {"tcp_sendmsg", "tcp_sendmsg.cold"},
        {"tcp_ack", "udp_sendmsg"},
    ),
    (["elfsyms", "list", "vmlinux", "--filter", "udp"], {"udp_sendmsg"}, {"tcp_ack"}),
    (["elfsyms", "kbuild", "inst"], {"install"}, {"remove", "vmlinux"}),
    (["elfsyms", "kbuild", "install", "--js"], {"--json"}, {"--release"}),
    (["elfsyms", "explain", "vmlinux", "--nm", "g"], {"gnu"}, {"llvm", "gnu,llvm"}),
    (["elfsyms", "vmlinux", "--sys"], {"--system-map"}, {"--by"}),
]


@pytest.mark.parametrize(
    ("words", "offered", "not_offered", "name"),
    the_rest_slow(  # zsh takes two seconds to start completion
        ((*case, name) for name in SHELLS for case in CASES),
        lambda _, case: case[-1] != "zsh" or case[0][-1] == "tcp_s",
    ),
)
def test_shells_complete(
    name: str, words: list[str], offered: set[str], not_offered: set[str], kernel: Path, shell: dict[str, str]
) -> None:
    """Commands, options, files and the names of a kernel's symbols are offered where they fit, and only there."""
    found = SHELLS[name](words, shell, kernel.parent)
    assert offered <= found
    assert not not_offered & found


def test_names_come_of_a_cache(kernel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Asked a second time, names are read from the cache alone; a kernel that changed has its own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert names_that_begin(str(kernel), b"tcp_s") == [b"tcp_sendmsg", b"tcp_sendmsg.cold"]

    def refuse(*_: Any) -> None:
        raise AssertionError("the kernel was read again")

    monkeypatch.setattr("elfsyms.cli.symbol_names._read", refuse)
    assert names_that_begin(str(kernel), b"udp") == [b"udp_sendmsg"]
    assert names_that_begin(str(kernel), b"zzz") == []
    monkeypatch.undo()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    kernel.write_bytes(vmlinux([Symbol("_text", TEXT), Symbol("new_name", TEXT + 16)]))
    assert names_that_begin(str(kernel), b"n") == [b"new_name"]


def test_many_names_are_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """More names than anybody reads are not printed."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    path = tmp_path / "vmlinux"
    path.write_bytes(
        vmlinux([Symbol("_text", TEXT), *(Symbol(f"f{i:04}", TEXT + i) for i in range(MOST + 9))])
    )
    assert len(names_that_begin(str(path), b"f")) == MOST


def test_completion_says_nothing_of_errors(tmp_path: Path) -> None:
    """Where there is no kernel, nothing is offered and nothing is said."""
    (tmp_path / "text").write_text("hello")
    for file in ("text", "none"):
        result = elfsyms("--symbol-names", tmp_path / file, "a", XDG_CACHE_HOME=str(tmp_path))
        assert (result.returncode, result.stdout, result.stderr) == (0, b"", b"")


def test_a_cache_that_cannot_be_written_is_none(kernel: Path, tmp_path: Path) -> None:
    """Names are offered although the cache's folder is a file."""
    (tmp_path / "cache").write_text("x")
    result = elfsyms("--symbol-names", kernel, "tcp_a", XDG_CACHE_HOME=str(tmp_path / "cache"))
    assert result.stdout == b"tcp_ack\n"


# Progress

_SLOW = """
import sys, time
from elfsyms.cli.progress import progress, step
from elfsyms.cli.streams import say
with progress("elfsyms slow"):
    step("halfway")
    time.sleep(float(sys.argv[1]))
    say("a remark")
"""


def on_terminal(arguments: list[str]) -> bytes:
    """Run Python with a terminal as its standard error; return what is written there."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", _SLOW, *arguments],
        env=environment(PYTHONPATH=str(ROOT), TERM="xterm"),
        stderr=theirs,
        stdout=subprocess.DEVNULL,
    )
    os.close(theirs)
    seen = b""
    while select.select([ours], [], [], 30)[0]:
        try:
            data = os.read(ours, 4096)
        except OSError:  # the other side is closed
            break
        if not data:
            break
        seen += data
    process.wait(30)
    os.close(ours)
    return seen


def test_progress_shows_on_a_terminal_after_a_second() -> None:
    """What takes long says who works at which step, and takes that away before anything else is printed."""
    seen = on_terminal(["1.8"])
    assert re.search(rb"elfsyms slow: 1 s, halfway", seen)
    assert seen.endswith(b"\r\x1b[Ka remark\r\n")


def test_what_is_quick_shows_no_progress() -> None:
    """What is done within a second writes nothing of it."""
    assert on_terminal(["0"]) == b"a remark\r\n"


def test_progress_is_for_terminals_alone(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Where standard error is a file or a pipe, nothing is drawn, however long it takes."""
    monkeypatch.setattr(progress, "_PATIENCE", 0.01)
    with progress.progress("elfsyms slow"):
        time.sleep(0.1)
    assert capfd.readouterr() == ("", "")
