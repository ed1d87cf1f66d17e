# SPDX-License-Identifier: GPL-2.0-or-later
"""The process that does all jobs of a link: asked through pipes, as the hook asks it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import pytest
from command import elfsyms

from elfsyms.kbuild.serve import serve

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

ROOT = Path(__file__).parents[1]
COMMAND = [sys.executable, "-m", "elfsyms"]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}


class Server:
    """The process and its pipes."""

    def __init__(self, process: subprocess.Popen[bytes], requests: BinaryIO, answers: BinaryIO) -> None:
        """Wrap a process."""
        self.process, self._requests, self._answers = process, requests, answers

    def send(self, text: str) -> None:
        """Write to the pipe of requests."""
        self._requests.write(text.encode())

    def ask(self, *arguments: str) -> int:
        """Ask for a job; return the exit status that is answered."""
        self.send("".join(f"{word}\n" for word in (*arguments, "")))
        return int(self._answers.readline())

    def end(self, code: int = 0) -> str:
        """Ask for no more; return what was printed for people."""
        self._requests.close()
        told = self.process.communicate(timeout=60)[0]
        assert self._answers.read() == b""
        assert self.process.returncode == code
        return told.decode()


@contextmanager
def running(folder: Path, *options: str) -> Iterator[Server]:
    """Run a server in a folder, and end it whatever happens."""
    (asked, ask), (answered, answer) = os.pipe(), os.pipe()
    process = subprocess.Popen(
        [*COMMAND, "kbuild", "serve", str(os.getpid()), str(asked), str(answer), *options],
        cwd=folder,
        env=ENVIRONMENT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        pass_fds=(asked, answer),
    )
    os.close(asked)
    os.close(answer)
    with process, os.fdopen(ask, "wb", buffering=0) as requests, os.fdopen(answered, "rb") as answers:
        yield Server(process, requests, answers)
        process.kill()


def maps_of(process: int) -> list[Path]:
    """Return the maps of a process and of its children."""
    return [Path(f"/proc/{number}/maps") for number in (process, *children_of(process))]


def children_of(process: int) -> list[int]:
    """Return the children of a process."""
    text = Path(f"/proc/{process}/task/{process}/children").read_text(encoding="ascii")
    return [int(number) for number in text.split()]


def plain(folder: Path, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    """Run one command line in a process of its own."""
    return elfsyms(*arguments, cwd=folder)


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
    assert told.splitlines()[0] == plain(folder, "nowhere", "-o", "x.o").stderr.decode().strip()


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
        server.send("amd64-6.12\n-o\nhalf.o\n")
        server.end()
    assert not (folder / "half.o").exists()


def test_interrupted_server_ends(folder: Path) -> None:
    """Ctrl-C reaches it, although a shell has what runs beside it ignore that; no job goes on."""
    with running(folder) as server:
        assert server.ask("amd64-6.12", "-o", "x.o", "--quiet") == 0
        server.process.send_signal(signal.SIGINT)
        assert server.end(130) == ""


def test_worker_that_died_is_replaced(folder: Path) -> None:
    """The child that makes objects may be killed between jobs, when memory is short: the next has another."""
    with running(folder) as server:
        assert server.ask("amd64-6.12", "-o", "x.o", "--quiet") == 0
        for child in children_of(server.process.pid):
            os.kill(child, signal.SIGKILL)
        assert server.ask("amd64-6.12", "-o", "y.o", "--quiet") == 0
        server.end()
    assert (folder / "x.o").read_bytes() == (folder / "y.o").read_bytes()


def test_files_that_are_no_pipes_are_refused(folder: Path) -> None:
    """Behind a wrapper that closes files, or gives others their numbers, the server leaves without a word."""
    for numbers in (("98", "99"), ("0", "1")):
        done = plain(folder, "kbuild", "serve", str(os.getpid()), *numbers)
        assert (done.returncode, done.stdout, done.stderr) == (3, b"", b"")


COUNTING = """
import gc, os
import elfsyms.kbuild.serve as server
from elfsyms.__main__ import outcome

counted = []

def run(arguments):
    gc.collect()
    children = open(f"/proc/self/task/{os.getpid()}/children").read().split()
    counted.append((len(gc.get_objects()), len(os.listdir("/proc/self/fd")), len(children)))
    return outcome(arguments)

server.serve(open(0, "rb", buffering=0), open(os.devnull, "wb", buffering=0), run, os.getppid())
print(*counted, sep=os.linesep)
"""


@pytest.mark.parametrize("templates", [pytest.param("", marks=pytest.mark.slow), "templates"])
def test_jobs_leave_nothing_in_the_server(folder: Path, templates: str) -> None:
    """After the first jobs, which load what all need, no job leaves an object, an open file or a child behind."""
    jobs = [
        ("amd64-6.12", "-o", "x.o", "--system-map", "x.map", "-q"),
        ("amd64-6.12", "-o", "x.S", "--cache", "cache", "-q"),
        ("amd64-6.12", "--empty", "-o", "x.o", "-q"),
        ("nowhere", "-o", "x.o", "-q"),
        ("reserve", "amd64-6.12", "-o", "room.o", "-q"),
    ]
    asked = "".join("\n".join((*job, "", "")) for job in jobs)
    done = subprocess.run(
        [sys.executable, "-c", COUNTING],
        cwd=folder,
        env={**ENVIRONMENT, "ELFSYMS_TEMPLATES": templates and str(folder / templates)},
        input=(asked * 6).encode(),
        capture_output=True,
        check=True,
    )
    counted = done.stdout.decode().splitlines()
    assert len(counted) == 6 * len(jobs)
    rounds = [counted[at : at + len(jobs)] for at in range(0, len(counted), len(jobs))]
    assert rounds[-1] == rounds[-2] == rounds[-3]


@pytest.mark.slow  # the server looks every five seconds
def test_server_ends_with_who_asks(folder: Path) -> None:
    """Where something else holds the pipe open, the server ends when the script is gone."""
    os.mkfifo(folder / "pipe")
    script = (
        f"exec 7<>pipe; {' '.join(COMMAND)} kbuild serve $$ 7 7 >/dev/null 2>&1 & echo $!; "
        "sleep 60 7<>pipe >/dev/null 2>&1 & echo $!"
    )
    done = subprocess.run(["sh", "-c", script], cwd=folder, env=ENVIRONMENT, capture_output=True, check=True)
    server, holder = map(int, done.stdout.split())
    try:
        for _ in range(200):
            if has_ended(server):
                break
            time.sleep(0.1)
        else:
            pytest.fail("it still runs")
    finally:
        os.kill(holder, signal.SIGKILL)


def has_ended(process: int) -> bool:
    """Tell whether a process is gone, or waits for nothing but its parent."""
    status = Path(f"/proc/{process}/stat")
    return not status.exists() or status.read_text(encoding="utf-8").split()[2] == "Z"


def test_reader_that_is_gone_ends_the_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A closed pipe of answers is no error."""
    monkeypatch.setattr("elfsyms.kbuild.serve.keep_worker", lambda **_: None)
    monkeypatch.setattr("signal.signal", lambda *_: None)
    done: list[Sequence[str]] = []

    def run(arguments: Sequence[str]) -> int:
        done.append(arguments)
        return 0

    reader, writer = os.pipe()
    os.close(reader)
    (tmp_path / "requests").write_bytes(b"one\n\ntwo\n\n")
    with (
        (tmp_path / "requests").open("rb", buffering=0) as requests,
        os.fdopen(writer, "wb", buffering=0) as answers,
    ):
        serve(requests, answers, run, os.getpid())
    assert done == [["one"]]
