# SPDX-License-Identifier: GPL-2.0-or-later
"""Each call that changes files fails once, in every command that has outputs: old or new, whole, and true words."""

from __future__ import annotations

import shutil
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from allcommands import ROWS, Row, files_of, run, template_of
from injector import Call, calls, inject, quick_errors, thorough_errors

from elfsyms.image.elf import TORN

sys.path.append(str(Path(__file__).parents[1] / "scripts" / "kbuild"))  # with what makes trees

if TYPE_CHECKING:
    from allcommands import Done

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("strace") is None, reason="needs the program strace"),
]

WRITERS = [row for rows in ROWS.values() for row in rows if row.outputs]
every_writer = pytest.mark.parametrize("trial", WRITERS, ids=lambda row: row.id, indirect=True)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with all that the commands read, and with outputs of an earlier run."""
    return template_of(tmp_path_factory.mktemp("all") / "all")


class Trial:
    """A line, the folder that it is done in, and what it makes where nothing fails."""

    def __init__(self, row: Row, template: Path, folder: Path) -> None:
        """Do the line once."""
        self.row, self.template, self.folder = row, template, folder
        self.before = files_of(template)
        self.renew()
        self.calls = calls(row, folder)
        self.after = files_of(folder)
        self.ends: Counter[str] = Counter()

    def renew(self) -> None:
        """Have the folder as it was before."""
        shutil.rmtree(self.folder, ignore_errors=True)
        shutil.copytree(self.template, self.folder, symlinks=True)

    def fail(self, call: Call, error: str, *, on: bool = False) -> None:
        """Have a call fail, check what is so then, and that the next run does its work and cleans up."""
        what = f"{call.name} {call.which}{'+' if on else ''} {error}: {call.words[:200]}"
        number = self.calls.index(call)
        for _ in range(3):
            self.renew()
            done, others = inject(self.row, self.folder, call, error, on=on)
            if others is None:
                break
            if number < len(others) and others[number].name == call.name:
                call = others[number]  # as it is counted this time
        else:
            self.ends["missed"] += 1
            return
        self.ends[f"exit {done.code}"] += 1
        self.check(done, files_of(self.folder), what)
        if self.row.words[0] == "fill":
            shutil.copyfile(self.template / "room", self.folder / "room")
        again = run(self.row, self.folder)
        assert again.code == self.row.code, (what, again)
        assert files_of(self.folder) == self.after, what

    def check(self, done: Done, files: dict[str, bytes], what: str) -> None:
        """Check that outputs are as the exit code and the sentence say."""
        told = (what, done.code, done.err)
        assert done.code in {self.row.code, 6}, told
        left = {name for name in files if Path(name).name.startswith(".")}
        assert not left or what.startswith("unlink"), (told, left)
        whole = {name: data for name, data in files.items() if name not in left}
        if done.code == self.row.code:
            assert whole == self.after, told
            return
        if not (what.startswith("write") and "+ " in what):  # else no sentence can be written either
            assert done.sentence.startswith("elfsyms: cannot "), told
        if "no ELF file any more" in done.sentence:
            assert whole.pop("room").startswith(TORN), told
            self.only_these_are_new(whole, {"x.map"} if "x.map is new" in done.sentence else set(), told)
        elif "x.map is new already" in done.sentence:
            self.only_these_are_new(whole, {"x.map"}, told)
        elif "elfsyms-hook.sh" in done.sentence and "remove" in self.row.words:
            self.only_these_are_new(whole, {"hooked/scripts/link-vmlinux.sh"}, told)
        else:
            also = set(whole) - set(self.before) if self.row.words[0] == "export" else set()
            self.only_these_are_new(whole, also, told)

    def only_these_are_new(self, files: dict[str, bytes], names: set[str], told: object) -> None:
        """Check that all files are old ones, but for some, which may be new ones."""
        for name, data in files.items():
            allowed = {self.before.get(name)} | ({self.after.get(name)} if name in names else set())
            assert data in allowed, (name, told)


@pytest.fixture
def trial(request: pytest.FixtureRequest, template: Path, tmp_path: Path) -> Trial:
    """Return a trial of a row."""
    return Trial(request.param, template, tmp_path / "all")


@every_writer
def test_one_call_fails(trial: Trial) -> None:
    """Each call that writes fails once, each with one error: exit code 6 and old files, or new ones."""
    assert {"openat", "pwrite64", "rename"} & {call.name for call in trial.calls}
    for call in spread(trial.calls):
        for error in quick_errors(call):
            trial.fail(call, error)


def spread(some: list[Call], most: int = 16) -> list[Call]:
    """Return calls evenly out of some, the first and the last among them."""
    step = max(1, len(some) // most)
    return [*some[::step], *some[-1:]]


@pytest.mark.long
@every_writer
def test_any_call_fails_in_any_way(trial: Trial) -> None:
    """Each call fails with each error that it may have, and from one call on all fail for want of room."""
    for call in trial.calls:
        for error in thorough_errors(call):
            trial.fail(call, error)
        if call.name in {"write", "pwrite64", "fchmod"}:
            trial.fail(call, "ENOSPC", on=True)
    faults = trial.ends.total()
    print(f"\n{trial.row.id}: {len(trial.calls)} calls, {faults} faults: {dict(trial.ends)}")  # noqa: T201 (with -s)
    assert trial.ends["exit 6"] + trial.ends["exit 0"] > len(trial.calls)
