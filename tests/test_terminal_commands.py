# SPDX-License-Identifier: GPL-2.0-or-later
"""Every command on a terminal, over files whose names would take it over: it shows text, and obeys nobody."""

from __future__ import annotations

import os
import pty
import re
import sys
from functools import partial
from pathlib import Path

import pytest
from allcommands import ROWS, Row, everything, run

sys.path.append(str(Path(__file__).parents[1] / "scripts" / "kbuild"))  # with what makes trees

pytestmark = pytest.mark.slow  # sixty lines

FORGED = "elfsyms: all is well"
NAMES = (
    *(
        "esc\x1b]0;title\x07e and more than the line below",
        "clear\x1b[2J\x1b[H",
        "csi\x9b31m",
        "osc\x9d0;title\x9c",
        "dcs\x90q\x9c",
    ),
    *("bidi\u202etxet", "isolate\u2066x\u2069", "mark\u200fx", f"return\r{FORGED}"),
    *("tab\there", "back\x08\x08\x08space", "bell\x07", "delete\x7f", "shift\x0e\x0f", "line\u2028separator"),
)
SECTION = f".te\x1b[7mxt\n{FORGED}"
NEWLINE = f"line\n{FORGED}"  # of which the generator cannot make a table
BANNER = "-\x1b[7mname\x9b2J\u202e"
FILE = "odd\x1b[2J\n\u202efile"

# More of what shows names, and sentences about files and words that are odd.
MORE = (
    *(
        Row(("list", "vmlinux", option))
        for option in ("--csv", "--tsv", "--where", "--duplicates", "--kallsyms")
    ),
    Row(("list", "vmlinux", "--filter", "*\x1b*")),
    *(Row((word, "forged")) for word in ("list", "stats", "ledger")),
    Row(("explain", "forged", "*")),
    Row(("report", "forged", "-o", "-")),
    Row(("export", "forged", "-o", "other-atlas")),
    Row(("diff", "vmlinux", "forged")),
    Row(("forged", "-o", "y.o")),
    Row(("list", "x.map")),
    Row(("explain", "x.map", "*")),
    Row(("explain", "vmlinux", "*\x1b*", "no\x1b[2Jsuch\nname")),
    Row(("explain", "vmlinux", "--from", "log")),
    Row(("ledger", "vmlinux", "--rule", "kept")),
    Row(("ledger", "vmlinux", "--by", "no\x1b[2Jsuch\nway")),
    Row(("stats", "x.map")),
    Row(("decode", "x.o", "--release", "6.12")),
    Row(("decode", "x.o", "--release", "6.12", "--json")),
    Row(("decode", "x.o", "--release", "6\x1b[2J")),
    Row(("verify", "vmlinux", "x.map")),
    Row(("verify", "image", "x.map")),
    Row(("diff", "x.map", "image")),
    Row(("diff", "image", "vmlinux", "--lines")),
    Row(("check", "image", "--needs", "names")),
    Row(("atlas", "*", "--in", "atlas")),
    Row(("atlas", "*\x1b*", "--in", "atlas", "--json")),
    Row(("atlas", "no\x1b[2Jsuch", "--in", "atlas")),
    Row(("vmlinux", "--verbose", "--stats")),
    Row(("vmlinux", "-o", "-")),
    Row(("report", "vmlinux", "-o", "-")),
    Row(("vmlinux", "-o", "-", "--format", "o", "-q")),
    Row(("vmlinux", "-o", "y.o", "--system-map", "-", "-q")),
    Row(("reserve", "vmlinux", "-o", "-")),
    Row(("fill", "room", "--system-map", "-", "--all-symbols")),
    Row(("decode", "x.o", "--release", "6.12", "--elf", "-")),
    Row(("symbolize", "vmlinux", "--json"), stdin="log"),
    *(Row((word, FILE)) for word in ("list", "decode", "stats", "ledger", "verify", "fill", "symbolize")),
    *(Row((word, f"no{FILE}")) for word in ("list", "decode", "export", "report", "check", "kbuild")),
    Row(("kbuild", "install", FILE)),
    Row(("vmlinux", "-o", f"no/{FILE}.o")),
    Row(("vmlinux", "-o", f"{FILE}.odd")),
    Row(("--tree", FILE, "vmlinux", "-o", "y.o")),
    Row(("--config", FILE, "vmlinux", "-o", "y.o")),
    Row(("vmlinux", f"--no-such\x1b[2J\n{FORGED}")),
    Row((f"no\x1b[2J\n{FORGED}",)),
    Row(("releases", "6\x1b[2J")),
)
EVERY = [*(row for rows in ROWS.values() for row in rows), *MORE]
# What elfsyms itself may send: its colours, none of which is in the names, and progress, which it takes back.
OURS = re.compile(r"\x1b\[(?!7m|2J)[0-9;]*m|\r\x1b\[K(elfsyms [^\r]*)?")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with all that the commands read, full of odd names."""
    folder = tmp_path_factory.mktemp("odd") / "all"
    folder.mkdir()
    everything(folder, NAMES, SECTION, BANNER)
    data = (folder / "vmlinux").read_bytes()
    (folder / "forged").write_bytes(
        data.replace(NAMES[0].encode(), NEWLINE.ljust(len(NAMES[0]), ".").encode())
    )
    (folder / FILE).write_bytes(data[:3000])
    (folder / "names").write_text(
        "".join(f"{name}\n" for name in NAMES if FORGED not in name), encoding="utf-8"
    )
    assert run(Row(("vmlinux", "-o", "x.o", "--system-map", "x.map", "--all-symbols")), folder).code == 0
    return folder


def shown(row: Row, folder: Path) -> str:
    """Return all that a terminal gets of a line, on standard output and standard error."""
    ear, mouth = os.pipe()
    copy = folder.parent / "shown"
    done = run(row, folder, before=partial(on_terminal, copy, mouth))
    os.close(mouth)
    assert os.read(ear, 1) == b""  # the one who reads the terminal is done
    os.close(ear)
    assert done.code < 7, (row.id, done, copy.read_bytes())
    return copy.read_bytes().decode("utf-8", "surrogateescape")


def on_terminal(copy: Path, lives: int) -> None:
    """Have both outputs of this process go to a terminal, which another reads, holding ``lives`` open meanwhile."""
    main, second = pty.openpty()
    if os.fork() == 0:
        os.close(second)
        for number in (1, 2):
            os.close(number)
        data = bytearray()
        try:
            while piece := os.read(main, 1 << 16):
                data += piece
        except OSError:  # Linux's way to say that the other side is closed
            pass
        copy.write_bytes(data)
        os._exit(0)
    os.close(lives)
    os.close(main)
    for number in (1, 2):
        os.dup2(second, number)
    os.close(second)
    os.environ.pop("NO_COLOR", None)
    os.environ |= {"TERM": "xterm-256color", "COLUMNS": "200"}


@pytest.mark.parametrize("row", EVERY, ids=lambda row: ascii(row.id))
def test_a_terminal_shows_text_and_obeys_nobody(folder: Path, row: Row) -> None:
    """Of any line, all characters on a terminal can be seen, but for newlines and the colours of elfsyms."""
    text = shown(row, folder)
    bare = OURS.sub("", text).replace("\r\n", "\n")
    assert [(one, bare[max(0, at - 40) : at + 40]) for at, one in enumerate(bare) if hidden(one)] == []
    if row.words[0] != "report":  # a page, in whose text a name may have a newline
        assert not any(line.startswith(FORGED) for line in re.split("[\n\r]", bare))


def hidden(one: str) -> bool:
    """Tell whether a character does something other than be seen."""
    return not one.isprintable() and one != "\n"


def test_the_names_are_there(folder: Path) -> None:
    """What is tried is shown: a list on a terminal has each name, escaped; and this test sees what is not."""
    text = shown(Row(("list", "vmlinux")), folder)
    for start in (
        "esc",
        "clear",
        "csi",
        "osc",
        "dcs",
        "bidi",
        "isolate",
        "mark",
        "line",
        "return",
        "tab",
        "back",
    ):
        assert f" {start}\\" in text
    assert all(any(map(hidden, name)) for name in NAMES)
