# SPDX-License-Identifier: GPL-2.0-or-later
"""The process that does all jobs of a link: asked through pipes, as the hook asks it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from elfsyms.kbuild.serve import serve

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

ROOT = Path(__file__).parents[1]
COMMAND = [sys.executable, "-m", "elfsyms"]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}


class Server:
    """The process and its pipes."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        """Wrap a process."""
        self.process = process

    def ask(self, *arguments: str) -> int:
        """Ask for a job; return the exit status that is answered."""
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write("".join(f"{word}\n" for word in (*arguments, "")).encode())
        self.process.stdin.flush()
        return int(self.process.stdout.readline())

    def end(self) -> str:
        """Ask for no more; return what was printed for people."""
        answers, told = self.process.communicate(timeout=60)
        assert answers == b""
        assert self.process.returncode == 0
        return told.decode()


@contextmanager
def running(folder: Path, *options: str) -> Iterator[Server]:
    """Run a server in a folder, and end it whatever happens."""
    with subprocess.Popen(
        [*COMMAND, "kbuild", "serve", str(os.getpid()), *options],
        cwd=folder,
        env=ENVIRONMENT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        yield Server(process)
        process.kill()


def maps_of(process: int) -> list[Path]:
    """Return the maps of a process and of its children."""
    children = Path(f"/proc/{process}/task/{process}/children").read_text(encoding="ascii").split()
    return [Path(f"/proc/{number}/maps") for number in (process, *map(int, children))]


def plain(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run one command line in a process of its own."""
    return subprocess.run(
        [*COMMAND, *arguments], cwd=folder, env=ENVIRONMENT, capture_output=True, text=True, check=False
    )


@pytest.fixture
def folder(sample: Callable[[str], Path], tmp_path: Path) -> Path:
    """Make a folder with two real kernels in it."""
    for name in ("amd64-6.12", "arm64-7.3"):
        (tmp_path / name).symlink_to(sample(name))
    return tmp_path


def test_jobs_make_what_command_lines_make(folder: Path) -> None:
    """Job after job, of other kernels and in any order, the files are those of processes of their own."""
    names = ["amd64-6.12", "arm64-7.3", "amd64-6.12"]
    with running(folder) as server:
        for at, name in enumerate(names):
            assert server.ask(name, "-o", f"{at}.o", "--system-map", f"{at}.map", "--quiet") == 0
        assert server.ask("amd64-6.12", "--empty", "-o", "empty.o", "--quiet") == 0
        assert server.end() == ""
    for at, name in enumerate(names):
        plain(folder, name, "-o", "plain.o", "--system-map", "plain.map")
        assert (folder / f"{at}.o").read_bytes() == (folder / "plain.o").read_bytes()
        assert (folder / f"{at}.map").read_bytes() == (folder / "plain.map").read_bytes()
    plain(folder, "amd64-6.12", "--empty", "-o", "plain.o")
    assert (folder / "empty.o").read_bytes() == (folder / "plain.o").read_bytes()


def test_cache_is_used_from_job_to_job(folder: Path) -> None:
    """With a cache the second job makes the same object, and LIEF is left alone where there are entries."""
    for _ in range(2):
        with running(folder, "--cache", "cache") as server:
            job = ("amd64-6.12", "-o", "cached.o", "--cache", "cache", "--quiet")
            assert [server.ask(*job) for _ in range(2)] == [0, 0]
            loaded = [maps.read_text(encoding="utf-8") for maps in maps_of(server.process.pid)]
            server.end()
    assert "numpy" in loaded[0]
    assert not any("lief" in maps for maps in loaded)
    plain(folder, "amd64-6.12", "-o", "plain.o")
    assert (folder / "cached.o").read_bytes() == (folder / "plain.o").read_bytes()


def test_failed_job_is_answered_and_told(folder: Path) -> None:
    """A job that fails says its sentence and leaves its exit code, and the next is done."""
    with running(folder) as server:
        assert server.ask("nowhere", "-o", "x.o") == 4
        assert server.ask("amd64-6.12", "-o", "x.odd") == 2
        assert server.ask("amd64-6.12", "-o", "x.o", "--quiet") == 0
        told = server.end()
    assert told.splitlines()[0] == plain(folder, "nowhere", "-o", "x.o").stderr.strip()


def test_what_a_job_prints_is_no_answer(folder: Path) -> None:
    """Standard output of a job goes where its remarks go."""
    with running(folder) as server:
        assert server.ask("list", "amd64-6.12", "--filter", "_stext") == 0
        assert server.ask("--version") == 0
        told = server.end()
    assert "ffffffff81000000 T _stext" in told
    assert "elfsyms " in told


def test_request_that_is_cut_short_is_not_done(folder: Path) -> None:
    """Arguments without the empty line behind them are those of somebody who died."""
    with running(folder) as server:
        assert server.process.stdin
        server.process.stdin.write(b"amd64-6.12\n-o\nhalf.o\n")
        server.end()
    assert not (folder / "half.o").exists()


def test_server_ends_with_who_asks(folder: Path) -> None:
    """Where something else holds the pipe open, the server ends when the script is gone."""
    server = f"{' '.join(COMMAND)} kbuild serve $$ <pipe >/dev/null 2>&1"
    script = f"{server} & echo $!; exec 8>pipe; sleep 60 >/dev/null 2>&1 &"
    os.mkfifo(folder / "pipe")
    done = subprocess.run(["sh", "-c", script], cwd=folder, env=ENVIRONMENT, capture_output=True, check=True)
    status = Path(f"/proc/{int(done.stdout)}/stat")
    for _ in range(200):
        if not status.exists() or status.read_text(encoding="utf-8").split()[2] == "Z":
            break
        time.sleep(0.1)
    else:
        pytest.fail("it still runs")


def test_reader_that_is_gone_ends_the_server(tmp_path: Path) -> None:
    """A closed pipe of answers is no error."""

    class Closed(BytesIO):
        def flush(self) -> None:
            raise BrokenPipeError

    done: list[Sequence[str]] = []

    def run(arguments: Sequence[str]) -> int:
        done.append(arguments)
        return 0

    (tmp_path / "requests").write_bytes(b"one\n\ntwo\n\n")
    with (tmp_path / "requests").open("rb", buffering=0) as requests:
        serve(requests, Closed(), run, os.getpid())
    assert done == [["one"]]
