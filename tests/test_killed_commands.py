# SPDX-License-Identifier: GPL-2.0-or-later
"""Commands that are ended before each of their changes of files, by signals that ask and by one that does not."""

from __future__ import annotations

import os
import shutil
import signal
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from allcommands import ROWS, Row, files_of, run, template_of
from faultmaker import WRITES

from elfsyms.image.elf import TORN

ROOT = Path(__file__).parents[1]
sys.path.append(str(ROOT / "scripts" / "kbuild"))

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.slow

MOST = 60  # changes that a line makes
WRITES_TO = os.O_CREAT | os.O_WRONLY | os.O_RDWR
WRITERS = [
    *(row for rows in ROWS.values() for row in rows if row.outputs),
    Row(("export", "vmlinux", "other", "-o", "atlas", "--replace"), ("atlas",)),
    Row(("vmlinux", "-o", "x.o", "--cache", "cache"), ("x.o",)),
]
every_writer = pytest.mark.parametrize("row", WRITERS, ids=lambda row: row.id)
some_or_all = pytest.mark.parametrize(
    "step", [5, pytest.param(1, marks=pytest.mark.long)], ids=["some", "all"]
)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with all that the commands read, and with outputs of an earlier run."""
    return template_of(tmp_path_factory.mktemp("all") / "all")


def end_at(which: int, folder: Path, number: int) -> None:
    """Have this process get a signal when it is about to change files for that many-th time, on one core."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    left = [which]

    def heard(event: str, arguments: tuple[object, ...]) -> None:
        opens = event == "open" and isinstance(flags := arguments[2], int) and flags & WRITES_TO
        if (opens or event in WRITES) and changes(arguments[0], folder):
            left[0] -= 1
            if left[0] == 0:
                os.kill(os.getpid(), number)

    sys.addaudithook(heard)


def changes(name: object, folder: Path) -> bool:
    """Tell whether a name is of a folder; handles are."""
    return not isinstance(name, str) or Path(folder, name).is_relative_to(folder)


def hidden(folder: Path) -> set[str]:
    """Return the names of temporary files."""
    return {str(path.relative_to(folder)) for path in folder.rglob(".*") if path.is_file()}


def ended(row: Row, template: Path, folder: Path, numbers: tuple[int, ...], step: int) -> Iterator[int]:
    """End a line before some of its changes, each in a folder of its own time; yield by which signal.

    ``step`` is from one change to the next that is tried; the signals come in turn.
    """
    for at, which in enumerate(range(1, MOST, step)):
        number = numbers[at % len(numbers)]
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(template, folder, symlinks=True)
        done = run(row, folder, before=partial(end_at, which, folder, number))
        if done.code == row.code:
            assert at  # else none was tried
            return
        assert done.code == -number, (which, done)
        assert done.err == b"", (which, done)
        yield number
    raise AssertionError(f"more than {MOST} changes of files")


@every_writer
@some_or_all
def test_a_killed_line_is_cleaned_up_by_the_next(row: Row, step: int, template: Path, tmp_path: Path) -> None:
    """Killed before any of its changes, outputs are old or new; the next run does its work, and nothing is left."""
    folder, right = tmp_path / "all", tmp_path / "right"
    shutil.copytree(template, right, symlinks=True)
    assert run(row, right).code == row.code
    before, after = files_of(template), files_of(right)
    for _ in ended(row, template, folder, (signal.SIGKILL,), step):
        for name, data in files_of(folder).items():
            if not Path(name).name.startswith("."):
                torn = row.words[0] == "fill" and data.startswith(TORN)
                assert torn or data in {before.get(name), after.get(name)}, name
        if row.words[0] == "fill":
            shutil.copyfile(template / "room", folder / "room")
        assert run(row, folder).code == row.code
        assert files_of(folder) == after
        assert hidden(folder) == set()


@every_writer
@some_or_all
def test_a_line_that_is_told_to_end_leaves_nothing(
    row: Row, step: int, template: Path, tmp_path: Path
) -> None:
    """Ended by a signal that asks for it, a line leaves no temporary file, and dies of that signal."""
    folder = tmp_path / "all"
    for number in ended(row, template, folder, (signal.SIGTERM, signal.SIGHUP), step):
        assert hidden(folder) == set(), number
