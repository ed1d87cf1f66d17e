# SPDX-License-Identifier: GPL-2.0-or-later
"""A line for every command, and a folder in which each of them does its work: for tests of what holds for all.

``ROWS`` has to name every command that the program declares (``test_all_commands.py`` sees to it), so that what is
new is tried by every one of those tests. ``run`` does a line in a child of this process, where all is loaded.
"""

from __future__ import annotations

import faulthandler
import os
import shutil
import signal
import sys
import tempfile
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from elfmaker import Symbol, vmlinux
from roommaker import toy_of
from tablemaker import filler
from treemaker import make_tree

from elfsyms import __main__

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

__all__ = ["BEFORE", "ROWS", "Done", "Row", "everything", "files_of", "run", "template_of"]

TEXT = 0xFFFFFFFF81000000
BEFORE = b"what was there before"


@dataclass(frozen=True, slots=True)
class Row:
    """A command line; ``outputs`` are the files that it writes, ``code`` is what it leaves with."""

    words: tuple[str, ...]
    outputs: tuple[str, ...] = ()
    code: int = 0
    stdin: str = ""  # the file that comes by standard input

    @property
    def id(self) -> str:
        """The words in one, as a test is named."""
        return " ".join(self.words)


ROWS = {
    ("build",): (
        Row(("build", "vmlinux", "-o", "x.o", "--system-map", "x.map"), ("x.o", "x.map")),
        Row(("vmlinux", "-o", "x.S", "--json", "--cache", "cache"), ("x.S",)),
        Row(("vmlinux", "-o", "-", "-q")),
        Row(("vmlinux", "--stats")),
    ),
    ("explain",): (Row(("explain", "vmlinux", "*")), Row(("explain", "vmlinux", "*", "--json"))),
    ("ledger",): (Row(("ledger", "vmlinux", "--by", "section")), Row(("ledger", "vmlinux", "--json"))),
    ("rules",): (Row(("rules",)), Row(("rules", "--json"))),
    ("list",): (
        Row(("list", "vmlinux")),
        Row(("list", "image", "--csv")),
        Row(("list", "vmlinux", "--json")),
    ),
    ("decode",): (
        Row(("decode", "image")),
        Row(("decode", "image", "--json")),
        Row(("decode", "image", "--elf", "out.elf"), ("out.elf",)),
        Row(("decode", "image", "--elf", "out.elf", "--json"), ("out.elf",)),
    ),
    ("verify",): (Row(("verify", "image")), Row(("verify", "image", "--json"))),
    ("diff",): (
        Row(("diff", "other", "vmlinux"), code=1),
        Row(("diff", "other", "vmlinux", "--json"), code=1),
    ),
    ("check",): (
        Row(("check", "vmlinux", "--needs", "needs"), code=1),
        Row(("check", "vmlinux", "--needs", "needs", "--json"), code=1),
    ),
    ("symbolize",): (Row(("symbolize", "vmlinux"), stdin="log"),),
    ("stats",): (Row(("stats", "vmlinux")), Row(("stats", "vmlinux", "--json"))),
    ("reserve",): (
        Row(("reserve", "vmlinux", "-o", "room.o"), ("room.o",)),
        Row(("reserve", "vmlinux", "-o", "room.S", "--json"), ("room.S",)),
    ),
    ("fill",): (
        Row(("fill", "room", "--system-map", "x.map", "--all-symbols"), ("room", "x.map")),
        Row(("fill", "room", "--json", "--all-symbols"), ("room",)),
    ),
    ("report",): (
        Row(("report", "vmlinux", "-o", "x.html"), ("x.html",)),
        Row(("report", "other", "vmlinux", "-o", "-")),
    ),
    ("export",): (Row(("export", "vmlinux", "other", "-o", "new"), ("new",)),),
    ("atlas",): (
        Row(("atlas", "--in", "atlas")),
        Row(("atlas", "f*", "--in", "atlas")),
        Row(("atlas", "f*", "--in", "atlas", "--json")),
    ),
    ("kbuild", "install"): (Row(("kbuild", "install", "tree"), ("tree",)),),
    ("kbuild", "status"): (
        Row(("kbuild", "status", "tree"), code=1),
        Row(("kbuild", "status", "tree", "--json"), code=1),
    ),
    ("kbuild", "remove"): (Row(("kbuild", "remove", "hooked"), ("hooked",)),),
    ("releases",): (Row(("releases",)), Row(("releases", "6.12")), Row(("releases", "--json"))),
}

LOG = """\
[    1.0] RIP: 0010:func_001+0x1/0x4
[    1.0] Call Trace:
[    1.0]  ? func_002+0x0/0x4
[    1.0]  [<ffffffff81000004>] odd
"""


def everything(folder: Path, names: Sequence[str] = (), section: str = ".text", banner: str = "") -> None:
    """Fill a folder with what the lines of ``ROWS`` read; ``names`` are more symbols, of a section of that name."""
    from skeletons import make_tree as make_skeleton  # noqa: PLC0415 (of scripts/kbuild, which is on the path by then)

    symbols = [
        Symbol("_text", TEXT),
        Symbol("_stext", TEXT),
        *filler(TEXT),
        Symbol("_etext", TEXT + 0x100000),
    ]
    more = [Symbol(name, TEXT + 0x8100 + 16 * at, section) for at, name in enumerate(names)]
    (folder / "vmlinux").write_bytes(vmlinux([*symbols, *more], release=f"6.12.5{banner}"))
    (folder / "other").write_bytes(vmlinux(symbols[:40] + more[:1], release=f"6.12.4{banner}"))
    made = folder / "made"
    made.mkdir()
    toy = toy_of(made, "6.12")
    shutil.copyfile(toy.in_passes(), folder / "image")
    shutil.copyfile(toy.with_room(), folder / "room")
    shutil.rmtree(made)
    (folder / "log").write_text(LOG + "".join(f" {name}+0x1/0x2\n" for name in names), encoding="utf-8")
    (folder / "needs").write_text("_text\nnothing_such\n", encoding="ascii")
    for name in ("tree", "hooked"):
        make_tree(make_skeleton(folder / name, "6.12"), "6.12.9", like="6.12")
    assert run(Row(("kbuild", "install", "hooked")), folder).code == 0
    assert run(Row(("export", "vmlinux", "other", "-o", "atlas")), folder).code == 0


def template_of(folder: Path) -> Path:
    """Fill a new folder as :func:`everything` does, with outputs of an earlier run; return it."""
    folder.mkdir()
    everything(folder)
    for name in {name for rows in ROWS.values() for row in rows for name in row.outputs} - {"new"}:
        if not (folder / name).exists():
            (folder / name).write_bytes(BEFORE)
    return folder


@dataclass(frozen=True, slots=True)
class Done:
    """How a line ended: its exit code (-9 for signal 9), and what it printed."""

    code: int
    out: bytes
    err: bytes

    @property
    def sentence(self) -> str:
        """What it said in the end."""
        lines = self.err.decode("utf-8", "surrogateescape").splitlines()
        return lines[-1] if lines else ""


def run(
    row: Row,
    folder: Path,
    *,
    stdout: int | None = None,
    before: Callable[[], object] = int,
    interrupt: float | None = None,
) -> Done:
    """Do a line in a child of this process, in a folder, for a minute at most.

    ``stdout`` is where it prints, a file of its own if it is None; ``before`` is done first in the child;
    ``interrupt`` is how many seconds later it gets a SIGINT.
    """
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        # Else one that comes before the child is ready ends this process's work in it.
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        child = os.fork()
        if child == 0:
            _be(row, folder, (out.fileno() if stdout is None else stdout, err.fileno()), before, mask)
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        if interrupt is not None:
            time.sleep(interrupt)
            os.kill(child, signal.SIGINT)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        out.seek(0)
        err.seek(0)
        return Done(code, out.read(), err.read())


def _be(
    row: Row,
    folder: Path,
    streams: tuple[int, int],
    before: Callable[[], object],
    mask: set[int | signal.Signals],
) -> None:
    """Be the child: a process as a shell starts it."""
    try:
        faulthandler.disable()  # pytest's, which tells of a SIGBUS that a test expects
        signal.alarm(60)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        os.chdir(folder)
        source = os.open(row.stdin or os.devnull, os.O_RDONLY)
        for number, handle in enumerate((source, *streams)):
            os.dup2(handle, number)
        sys.stdin, sys.stdout, sys.stderr = (
            open(number, mode, encoding="utf-8", errors="surrogateescape", closefd=False)  # noqa: SIM115
            for number, mode in enumerate("rww")
        )
        sys.argv = ["elfsyms", *row.words]
        before()
        __main__.main()
    except KeyboardInterrupt:  # before main was there to take it: as Python itself would end
        os._exit(130)
    finally:
        os._exit(99)


def files_of(folder: Path) -> dict[str, bytes]:
    """Return what each file of a folder holds, by its name, but for caches."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and "cache" not in path.parts
    }
