# SPDX-License-Identifier: GPL-2.0-or-later
"""What holds for every command: whatever is around it, it ends with an answer, a sentence, or its signal."""

from __future__ import annotations

import os
import pty
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from functools import partial
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

import pytest
from allcommands import ROWS, Row, files_of, run, template_of

ROOT = Path(__file__).parents[1]
sys.path.append(str(ROOT / "scripts"))
sys.path.append(str(ROOT / "scripts" / "kbuild"))

from declarations import commands  # noqa: E402 (found by the lines above)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from declarations import Command

pytestmark = pytest.mark.slow  # forty lines, each in a dozen ways

EVERY = [row for rows in ROWS.values() for row in rows]
CODES = {0, 1, 2, 3, 4, 5, 6, 70}
every_row = pytest.mark.parametrize("row", EVERY, ids=lambda row: row.id)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Fill a folder once, with outputs of an earlier run."""
    return template_of(tmp_path_factory.mktemp("all") / "all")


@pytest.fixture
def folder(template: Path, tmp_path: Path) -> Path:
    """Return a folder with all that the commands read."""
    return shutil.copytree(template, tmp_path / "all", symlinks=True)


def changed(before: dict[str, bytes], folder: Path) -> set[str]:
    """Return what of a folder is other than it was: names of files, or of the folders that they are in."""
    after = files_of(folder)
    return {name.partition("/")[0] for name in before.keys() | after if before.get(name) != after.get(name)}


def test_every_command_has_a_line() -> None:
    """A command that is declared is tried here: add a row to ``allcommands.py``."""

    def leaves(some: tuple[Command, ...]) -> Iterator[Command]:
        for one in some:
            yield from leaves(one.commands) if one.commands else (one,)

    assert set(ROWS) == {leaf.words for leaf in leaves(commands())}


@every_row
def test_the_line_does_its_work(folder: Path, row: Row) -> None:
    """Each line is right and writes what it says, without which nothing here would be a test of anything."""
    before = files_of(folder)
    done = run(row, folder)
    assert done.code == row.code, done.err
    assert changed(before, folder) == set(row.outputs)


def close_output() -> None:
    """Close standard output, and have Python see that, as when a shell started it so."""
    sys.stdout.close()
    os.close(1)
    vars(sys)["stdout"] = None


@every_row
def test_full_or_closed_standard_output(folder: Path, template: Path, row: Row) -> None:
    """Where standard output takes nothing, or is closed, what prints says so, and all files are as they were.

    But for an atlas: each kernel is there as soon as its line is printed.
    """
    prints = len(run(row, folder).out) > 0
    for name, path in (("full", "/dev/full"), ("closed", "")):
        shutil.copytree(template, folder.parent / name, symlinks=True)
        before = files_of(folder.parent / name)
        out = os.open(path, os.O_WRONLY) if path else None
        done = run(row, folder.parent / name, stdout=out, before=int if path else close_output)
        if out is not None:
            os.close(out)
        assert done.code == (6 if prints else row.code), (name, done.err)
        if prints:
            assert done.sentence.startswith("elfsyms: cannot write to standard output: "), name
            assert row.words[0] == "export" or changed(before, folder.parent / name) == set(), name


@every_row
def test_a_reader_that_left_is_no_news(folder: Path, template: Path, row: Row) -> None:
    """Where nobody reads standard output any more, nothing is said, and the code is that of the signal."""
    prints = len(run(row, folder).out) > 0
    ear, mouth = os.pipe()
    os.close(ear)
    done = run(row, shutil.copytree(template, folder.parent / "other", symlinks=True), stdout=mouth)
    os.close(mouth)
    assert done.code == (141 if prints else row.code)
    assert b"elfsyms: " not in done.err or not prints


def gone_terminal() -> int:
    """Return a terminal whose other end is closed, as when a window is."""
    ours, theirs = pty.openpty()
    os.close(ours)
    return theirs


def pipe_without_reader() -> int:
    """Return the end to write to of a pipe that nobody reads."""
    ear, mouth = os.pipe()
    os.close(ear)
    return mouth


DEAF = (gone_terminal, pipe_without_reader, lambda: os.open("/dev/full", os.O_WRONLY))


@pytest.mark.parametrize(("at", "row"), list(enumerate(EVERY)), ids=[row.id for row in EVERY])
def test_standard_error_that_takes_nothing_changes_nothing(
    folder: Path, template: Path, at: int, row: Row
) -> None:
    """Where nobody hears what a line says of its work, the work and the exit code are the same."""
    usual = run(row, folder)
    other = shutil.copytree(template, folder.parent / "other", symlinks=True)
    done = run(row, other, before=lambda: os.dup2(DEAF[at % len(DEAF)](), 2))
    assert (done.code, done.out) == (usual.code, usual.out)
    assert files_of(other) == files_of(folder)


def bare(path: Path) -> None:
    """Take the home, the language and the search path away; a file is in the place of caches."""
    for name in ("HOME", "LANG", "LC_ALL", "PATH"):
        os.environ.pop(name, None)
    os.environ.pop("ELFSYMS_TEMPLATES")
    os.environ |= {"XDG_CACHE_HOME": str(path), "TMPDIR": str(path)}
    tempfile.tempdir = None


@every_row
def test_a_bare_environment_changes_no_answer(folder: Path, template: Path, row: Row) -> None:
    """Without a home, and with a file in the place of caches and temporary files, all is as with them."""
    usual = run(row, folder)
    other = shutil.copytree(template, folder.parent / "other", symlinks=True)
    assert run(row, other, before=partial(bare, other / "needs")) == usual
    assert files_of(other) == files_of(folder)


ODD: dict[str, Callable[[Path], object]] = {
    "a folder": Path.mkdir,
    "nothing": Path.touch,
    "a byte": lambda path: path.write_bytes(b"\x7f"),
    "the zero device": lambda path: path.symlink_to("/dev/zero"),
    "a link to itself": lambda path: path.symlink_to(path.name),
    "a name": lambda _: None,
    "zeros": lambda path: path.write_bytes(bytes(1 << 20)),
    "ELF's magic alone": lambda path: path.write_bytes(b"\x7fELF" * 1000),
}


@every_row
def test_odd_inputs_are_told(folder: Path, row: Row) -> None:
    """Whatever stands in the place of any input, a line does its work, or says what is wrong."""
    words = {word for word in (*row.words, row.stdin) if word and (folder / word).exists()}
    inputs = words - set(row.outputs)
    for name in sorted(inputs):
        for what, put in ODD.items():
            if name == row.stdin and what in {"a folder", "a link to itself", "a name"}:
                continue  # a shell's business
            path = folder / name
            kept = path.rename(folder.parent / "kept")
            put(path)
            before = files_of(folder)
            done = run(row, folder)
            assert done.code in CODES - {70}, (what, name, done.err)
            assert done.code < 2 or done.sentence.startswith("elfsyms: "), (what, name, done.err)
            if done.code > 1 and row.words[0] != "export":  # where each kernel is for itself
                assert changed(before, folder) == set(), (what, name)
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink(missing_ok=True)
            kept.rename(path)
            for output in row.outputs:
                if done.code == row.code and (folder / output).is_file():
                    (folder / output).write_bytes(before[output])


@every_row
def test_output_in_odd_places(folder: Path, row: Row) -> None:
    """An output that is an input of the line, a folder, or in no folder, is refused, and nothing is changed."""
    if row.words[0] in {"fill", "kbuild", "export"} or not row.outputs:
        pytest.skip("writes into what it reads, or into a folder")
    source = next(word for word in row.words if word in {"vmlinux", "image"})
    suffix = Path(row.outputs[0]).suffix
    (folder / f"folder{suffix}").mkdir()
    (folder / f"link{suffix}").symlink_to(source)
    os.link(folder / source, folder / f"same{suffix}")
    for name in ("folder", "no/such/file", "link", "same"):
        words = tuple(f"{name}{suffix}" if word == row.outputs[0] else word for word in row.words)
        before = files_of(folder)
        done = run(Row(words), folder)
        if name == "same":  # another name of the input: that name is given other contents, the input is left
            assert files_of(folder)[source] == before[source]
        else:
            assert done.code in {2, 6}, (name, done.err)
            assert changed(before, folder) == set(), name


LIBRARIES = (
    *("elftools", "lief", "numpy", "rich", "typer"),
    *("blake3", "jinja2", "lz4", "lzallright", "pyarrow", "pycxxfilt", "zstandard"),
)
BLOCK = """
import importlib.abc, sys
class Block(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == {library!r}:
            raise {error}
sys.meta_path.insert(0, Block())
from elfsyms.__main__ import main
main()
"""


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_library_that_is_not_there_is_named(folder: Path, template: Path, library: str) -> None:
    """Without a library, or with a broken one, a command does its work, or names what to install."""
    for error in (
        f"ModuleNotFoundError('No module', name={library!r})",
        f"ImportError('libodd.so: cannot open', name={library!r})",
    ):
        code = BLOCK.format(library=library, error=error)
        for words, (row, *_) in ROWS.items():
            if words[0] == "kbuild":  # the tree's generator is known to this process alone
                continue
            done = subprocess.run(
                [sys.executable, "-c", code, *row.words],
                cwd=folder,
                env={**os.environ, "PYTHONPATH": str(ROOT)},
                input=(folder / row.stdin).read_bytes() if row.stdin else b"",
                capture_output=True,
                check=False,
                timeout=60,
            )
            shutil.copyfile(template / "room", folder / "room")
            if done.returncode != row.code:
                assert done.returncode in {3, 4, 70}, (row.id, done.stderr)
                assert done.stderr.count(b"\n") == 1, (row.id, done.stderr)
                named = {"jinja2": b"Jinja", "elftools": b"elftools"}.get(library, library.encode())
                assert named in done.stderr, (row.id, done.stderr)
                assert b"pip install" in done.stderr, (row.id, done.stderr)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a small file system")
@pytest.mark.parametrize("kind", ["full", "read-only"])
@every_row
def test_a_file_system_that_takes_nothing(folder: Path, template: Path, row: Row, kind: str) -> None:
    """On a full or read-only file system what writes says so, and all files are as they were."""
    if not row.outputs:
        pytest.skip("writes nothing")
    size = sum(-(-len(data) // 4096) * 4096 for data in files_of(folder).values()) + 4096 * 100
    mounted = folder.parent / "mounted"
    mounted.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "none", str(mounted)], check=False, capture_output=True
    )
    if done.returncode:
        pytest.skip("this system lets nobody mount")
    try:
        shutil.copytree(template, mounted / "all", symlinks=True)
        if kind == "full":
            filler = os.open(mounted / "filler", os.O_WRONLY | os.O_CREAT)
            with suppress(OSError):
                while os.write(filler, bytes(4096)):
                    pass
            os.close(filler)
        else:
            subprocess.run(["mount", "-o", "remount,ro", str(mounted)], check=True)
        before = files_of(mounted / "all")
        ended = run(row, mounted / "all")
        assert ended.code == 6 or (kind == "full" and row.words[0] in {"fill", "kbuild"}), ended.err
        if ended.code:
            assert ended.sentence.startswith("elfsyms: cannot "), ended.err
            assert changed(before, mounted / "all") == set()
        assert not list((mounted / "all").glob(".*"))
    finally:
        subprocess.run(["umount", "--lazy", str(mounted)], check=True)


@every_row
def test_an_interrupted_line_leaves_nothing(folder: Path, template: Path, row: Row) -> None:
    """Ctrl-C at any moment ends a line with 130 and all files as they were, or it was done by then."""
    begin = time.perf_counter()
    run(row, shutil.copytree(template, folder.parent / "timed", symlinks=True))
    whole = time.perf_counter() - begin
    draw = Random(row.id)  # noqa: S311 (no secret)
    for at in range(6):
        other = shutil.copytree(template, folder.parent / str(at), symlinks=True)
        before = files_of(other)
        done = run(row, other, interrupt=whole * (at + draw.random()) / 5)
        assert done.code in {130, row.code}, done.err
        assert b"Traceback" not in done.err
        if done.code == 130 and row.words[0] not in {"export", "kbuild"}:
            assert changed(before, other) in (set(), set(row.outputs))
        assert not [path for path in other.rglob(".*") if path.is_file()]
        shutil.rmtree(other)


@every_row
def test_input_that_changes_while_it_is_read(folder: Path, row: Row) -> None:
    """Whatever becomes of the input meanwhile, a line ends with an answer or a sentence, or by the signal SIGBUS.

    The system sends that to who reads a mapped file that was cut meanwhile; SECURITY.md tells it.
    """
    source = next((word for word in row.words if word in {"vmlinux", "image", "room"}), "")
    if not source:
        pytest.skip("reads no kernel")
    data = (folder / source).read_bytes()
    child = os.fork()
    if child == 0:
        _change(folder / source, data, Random(row.id))  # noqa: S311 (no secret)
    try:
        for _ in range(8):
            done = run(row, folder)
            assert done.code in (CODES | {-signal.SIGBUS}) - {70}, done.err
            assert done.code < 2 or done.sentence.startswith("elfsyms: "), done.err
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def _change(path: Path, data: bytes, draw: Random) -> None:
    """Be a process that writes a file anew all the time, damaged or cut."""
    while True:
        other = bytearray(data)
        place = draw.randrange(len(other))
        other[place : place + 2000] = draw.randbytes(draw.choice((0, 2000)))
        path.write_bytes(other[: draw.choice((len(other), place))])
        time.sleep(0.001)
