# SPDX-License-Identifier: GPL-2.0-or-later
"""Outputs to files: all or nothing, in place of what was there, with its permissions."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from elfsyms import staging
from elfsyms.errors import OutputError
from elfsyms.writers.output import write_output, write_outputs

if TYPE_CHECKING:
    from collections.abc import Callable


def names_in(folder: Path) -> list[str]:
    """Return the names of everything in a folder."""
    return sorted(path.name for path in folder.iterdir())


def test_new_file_has_the_data_and_usual_permissions(tmp_path: Path) -> None:
    """A new file gets the permissions that the umask leaves, not those of a temporary file."""
    mask = os.umask(0o027)
    try:
        write_output(tmp_path / "new.o", b"data")
    finally:
        os.umask(mask)
    assert (tmp_path / "new.o").read_bytes() == b"data"
    assert stat.S_IMODE((tmp_path / "new.o").stat().st_mode) == 0o640
    assert names_in(tmp_path) == ["new.o"]


@pytest.mark.parametrize("mode", [0o600, 0o755, 0o444])
def test_permissions_of_a_replaced_file_are_kept(tmp_path: Path, mode: int) -> None:
    """A file that is replaced keeps its permissions."""
    path = tmp_path / "kallsyms.o"
    path.write_bytes(b"before")
    path.chmod(mode)
    write_output(path, b"after")
    assert path.read_bytes() == b"after"
    assert stat.S_IMODE(path.stat().st_mode) == mode


def test_who_reads_the_old_file_goes_on_reading_it(tmp_path: Path) -> None:
    """A replaced file is a new one: nobody sees half of it, and who had it open keeps it."""
    path = tmp_path / "kallsyms.o"
    path.write_bytes(b"before")
    with path.open("rb") as reader:
        write_output(path, b"after!")
        assert reader.read() == b"before"


def test_link_stays_a_link(tmp_path: Path) -> None:
    """Through a symbolic link the file that it stands for is replaced, not the link."""
    (tmp_path / "real").mkdir()
    target, link = tmp_path / "real" / "kallsyms.o", tmp_path / "link.o"
    target.write_bytes(b"before")
    link.symlink_to(target)
    write_output(link, b"after")
    assert link.is_symlink()
    assert target.read_bytes() == b"after"


def test_link_to_nothing_makes_the_file(tmp_path: Path) -> None:
    """A link whose file does not exist yet makes it exist."""
    link = tmp_path / "link.o"
    link.symlink_to(tmp_path / "target.o")
    write_output(link, b"data")
    assert link.is_symlink()
    assert (tmp_path / "target.o").read_bytes() == b"data"


def test_link_to_itself_is_refused(tmp_path: Path) -> None:
    """A link that leads to itself cannot be written."""
    link = tmp_path / "loop.o"
    link.symlink_to(link)
    with pytest.raises(OutputError, match=r"cannot write .*loop\.o: Too many levels"):
        write_output(link, b"data")


def test_null_device_stays_a_device() -> None:
    """A device is written to, not replaced."""
    write_output("/dev/null", b"data")
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)  # noqa: PTH116 (the file's kind, whoever resolves it)


def test_pipe_is_written_to(tmp_path: Path) -> None:
    """A named pipe is written to, not replaced."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        write_output(path, b"data")
        assert os.read(reader, 10) == b"data"
    finally:
        os.close(reader)
    assert names_in(tmp_path) == ["pipe"]


def test_full_device_is_told() -> None:
    """No space left is an error of the output."""
    with pytest.raises(OutputError, match=r"cannot write /dev/full: No space left on device"):
        write_output("/dev/full", b"data")


def test_missing_folder_is_told(tmp_path: Path) -> None:
    """A folder that does not exist is not made."""
    with pytest.raises(OutputError, match="No such file or directory"):
        write_output(tmp_path / "nowhere" / "kallsyms.o", b"data")
    assert names_in(tmp_path) == []


def test_folder_is_no_output(tmp_path: Path) -> None:
    """A folder cannot be written as a file."""
    with pytest.raises(OutputError, match="Is a directory"):
        write_output(tmp_path, b"data")


def test_name_of_full_length(tmp_path: Path) -> None:
    """A name of 255 bytes, all that a file system takes, can be written: the temporary one is not longer."""
    path = tmp_path / ("k" * 253 + ".o")
    write_output(path, b"data")
    assert path.read_bytes() == b"data"


def failing(error: BaseException) -> Callable[..., None]:
    """Return a function that fails."""

    def fail(*_: object) -> None:
        raise error

    return fail


def test_failure_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the last step fails, the old file is as it was and nothing else is left behind."""
    path = tmp_path / "kallsyms.o"
    path.write_bytes(b"before")
    monkeypatch.setattr(os, "replace", failing(OSError(28, "No space left on device")))
    with pytest.raises(OutputError, match=r"No space left on device; what was there is as it was$"):
        write_output(path, b"after")
    assert path.read_bytes() == b"before"
    assert names_in(tmp_path) == ["kallsyms.o"]


def test_interruption_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C while writing leaves the old file and no other."""
    path = tmp_path / "kallsyms.o"
    path.write_bytes(b"before")
    monkeypatch.setattr(staging, "_mode", failing(KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt):
        write_output(path, b"after")
    assert path.read_bytes() == b"before"
    assert names_in(tmp_path) == ["kallsyms.o"]


def test_several_files_are_written_all_or_none(tmp_path: Path) -> None:
    """Where one of several outputs cannot be written, none of the files is touched."""
    path = tmp_path / "kallsyms.o"
    path.write_bytes(b"before")
    for bad in (tmp_path / "nowhere" / "System.map", "/dev/full"):
        with pytest.raises(OutputError):
            write_outputs([(path, b"after"), (bad, b"map")])
        assert path.read_bytes() == b"before"
        assert names_in(tmp_path) == ["kallsyms.o"]


def failing_replace(monkeypatch: pytest.MonkeyPatch, *calls: int) -> None:
    """Have some of the renames, counted from 0, fail as a broken disk does."""
    replace, count = os.replace, iter(range(100))

    def replace_or_fail(source: str, target: str) -> None:
        if next(count) in calls:
            raise OSError(5, "Input/output error")
        replace(source, target)

    monkeypatch.setattr(os, "replace", replace_or_fail)


@pytest.mark.parametrize("existed", [True, False])
def test_second_rename_that_fails_sets_the_first_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, existed: bool
) -> None:
    """Where the second file cannot be renamed, the first is what it was, or is not there, as before."""
    first, second = tmp_path / "System.map", tmp_path / "kallsyms.o"
    second.write_bytes(b"before")
    if existed:
        first.write_bytes(b"before")
    before = {name: (tmp_path / name).stat().st_ino for name in names_in(tmp_path)}
    failing_replace(monkeypatch, 1)
    with pytest.raises(OutputError, match=r"kallsyms\.o: Input/output error; what was there is as it was$"):
        write_outputs([(first, b"after"), (second, b"after")])
    assert {name: (tmp_path / name).stat().st_ino for name in names_in(tmp_path)} == before


def test_what_cannot_be_set_back_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the first file cannot be set back either, the sentence says that it is new."""
    first, second = tmp_path / "System.map", tmp_path / "kallsyms.o"
    for path in (first, second):
        path.write_bytes(b"before")
    failing_replace(monkeypatch, 1, 2)
    with pytest.raises(OutputError, match=r"System\.map is new already and could not be set back"):
        write_outputs([(first, b"after"), (second, b"after")])
    assert (first.read_bytes(), second.read_bytes()) == (b"after", b"before")
    assert names_in(tmp_path) == ["System.map", "kallsyms.o"]


KILLED = """
import os, signal, sys
from elfsyms import staging
from elfsyms.writers import output
at = sys.argv[1]
def die(*_, **__): os.kill(os.getpid(), signal.SIGKILL)
if at == "staged": staging.commit = output.commit = die
if at == "renamed":
    replace = os.replace
    def once(a, b): replace(a, b); die()
    os.replace = once
output.write_outputs([("System.map", b"after"), ("kallsyms.o", b"after")])
"""


@pytest.mark.parametrize(
    ("at", "states"), [("staged", ("before", "before")), ("renamed", ("after", "before"))]
)
def test_leftovers_of_a_killed_run_are_removed_by_the_next(
    tmp_path: Path, at: str, states: tuple[str, str]
) -> None:
    """Each file is old or new, whole; the temporary ones are gone after the next run, those of others are not."""
    for name in ("System.map", "kallsyms.o"):
        (tmp_path / name).write_bytes(b"before")
    root = str(Path(staging.__file__).parents[1])
    done = subprocess.run(
        [sys.executable, "-c", KILLED, at], cwd=tmp_path, env={**os.environ, "PYTHONPATH": root}, check=False
    )
    assert done.returncode == -signal.SIGKILL
    assert ((tmp_path / "System.map").read_text(), (tmp_path / "kallsyms.o").read_text()) == states
    assert len(names_in(tmp_path)) > 2
    living = staging.stage(tmp_path / "kallsyms.o", b"by another run, at this moment")
    write_outputs([(tmp_path / "System.map", b"next"), (tmp_path / "kallsyms.o", b"next")])
    assert Path(living.temporary).exists()
    living.discard()
    assert names_in(tmp_path) == ["System.map", "kallsyms.o"]


def test_interruption_between_two_renames_waits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C between two renames comes when both are done."""
    replace = os.replace

    def interrupted(source: str, target: str) -> None:
        replace(source, target)
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(os, "replace", interrupted)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # what runs behind may ignore it
    try:
        with pytest.raises(KeyboardInterrupt):
            write_outputs([(tmp_path / "System.map", b"after"), (tmp_path / "kallsyms.o", b"after")])
    finally:
        signal.signal(signal.SIGINT, before)
    assert names_in(tmp_path) == ["System.map", "kallsyms.o"]


def test_reader_that_went_away_costs_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A closed pipe behind standard output is told when the files of the run are written."""
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w", closefd=False) as stream:
        monkeypatch.setattr(sys, "stdout", stream)
        with pytest.raises(BrokenPipeError):
            write_outputs([("-", b"assembly"), (tmp_path / "System.map", b"map")])
        with pytest.raises(BrokenPipeError):
            stream.buffer.flush()
        os.dup2(os.open(os.devnull, os.O_WRONLY), writer)
    os.close(writer)
    assert (tmp_path / "System.map").read_bytes() == b"map"


def test_working_directory_that_was_deleted_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A relative name in a folder that is gone is refused for that reason."""
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    with pytest.raises(OutputError, match=r"cannot write kallsyms\.o: the working directory was deleted"):
        write_output("kallsyms.o", b"data")


def test_data_of_any_kind_of_bytes(tmp_path: Path) -> None:
    """Bytes, a bytearray and a view of either can be written."""
    path = tmp_path / "kallsyms.o"
    for data in (b"abc", bytearray(b"abc"), memoryview(b"abc")):
        write_output(path, data)
        assert path.read_bytes() == b"abc"


def test_dash_is_standard_output(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    """``-`` prints."""
    write_output("-", b"\xff\0data")
    assert capfdbinary.readouterr().out == b"\xff\0data"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_read_only_folder_is_told(tmp_path: Path) -> None:
    """In a folder that may not be written to, the file that is there stays."""
    path = tmp_path / "kallsyms.o"
    path.write_bytes(b"before")
    tmp_path.chmod(0o555)
    try:
        with pytest.raises(OutputError, match="Permission denied"):
            write_output(path, b"after")
    finally:
        tmp_path.chmod(0o755)
    assert path.read_bytes() == b"before"


def test_file_system_without_files_is_told() -> None:
    """Not even root can make a file in /proc."""
    with pytest.raises(OutputError, match=r"cannot write /proc/kallsyms\.o: "):
        write_output("/proc/kallsyms.o", b"data")


def test_what_is_in_its_place_is_done_with(tmp_path: Path) -> None:
    """The end of a program changes no file any more where all that was staged is in its place."""
    write_output(tmp_path / "x.o", b"data")
    removed: list[object] = []
    sys.addaudithook(lambda event, what: removed.append(what[0]) if event == "os.remove" else None)
    staging.leave_nothing()
    assert removed == []
    staged = staging.stage(tmp_path / "x.o", b"data")
    staging.leave_nothing()
    assert removed == [staged.temporary]
