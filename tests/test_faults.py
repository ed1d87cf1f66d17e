# SPDX-License-Identifier: GPL-2.0-or-later
"""Faults from outside: what is there afterwards is old or new, whole, and what was said of it is true."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections import Counter
from contextlib import suppress
from functools import partial
from random import Random
from typing import TYPE_CHECKING

import pytest
from command import elfsyms, environment, sentence
from elfmaker import Symbol, vmlinux
from faultmaker import ROOT, command, inject, killed, writing_calls, writing_time
from treemaker import make_tree as make_kernel_tree

from elfsyms.errors import ElfsymsError, InputError
from elfsyms.image.elf import SHT_SYMTAB, open_image
from elfsyms.image.symbols import read_symbols
from elfsyms.kbuild import State, install, remove, status
from elfsyms.writers.build import build

sys.path.append(str(ROOT / "scripts" / "kbuild"))

from skeletons import make_tree as make_skeleton

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

TEXT = 0xFFFFFFFF81000000
SYMBOLS = [
    Symbol("_text", TEXT),
    Symbol("_stext", TEXT),
    *(Symbol(f"f_{at}", TEXT + 16 + at) for at in range(300)),
]
KERNEL = vmlinux(SYMBOLS, release="6.12.5")
BEFORE = b"what was there before"
JOB = ("../vmlinux", "-o", "x.o", "--system-map", "x.map", "-q")
OUTPUTS = ("x.o", "x.map")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Make a folder of outputs of an earlier run, beside a kernel, and beside what is right."""
    (tmp_path / "vmlinux").write_bytes(KERNEL)
    build(tmp_path / "vmlinux", tmp_path / "x.o", system_map=tmp_path / "x.map")
    (tmp_path / "out").mkdir()
    restore(tmp_path / "out")
    return tmp_path / "out"


def restore(folder: Path) -> None:
    """Have a folder as it was before."""
    for path in folder.iterdir():
        path.unlink() if not path.is_dir() else shutil.rmtree(path)
    for name in OUTPUTS:
        (folder / name).write_bytes(BEFORE)


def state(folder: Path) -> tuple[str, str]:
    """Tell of each output whether it is old or new; anything else is neither."""
    kinds = []
    for name in OUTPUTS:
        data = (folder / name).read_bytes()
        right = (folder.parent / name).read_bytes()
        kinds.append("old" if data == BEFORE else "new" if data == right else "torn")
    return kinds[0], kinds[1]


def check_fault(folder: Path, done: subprocess.CompletedProcess[str]) -> None:
    """Check what holds after any fault: outputs as the exit code and the sentence say."""
    assert done.returncode in (0, 4, 6), done.stderr
    assert "Traceback" not in done.stderr
    if done.returncode == 0:
        assert state(folder) == ("new", "new")
    elif "could not be set back" not in done.stderr:
        assert state(folder) == ("old", "old"), done.stderr


needs_strace = pytest.mark.skipif(shutil.which("strace") is None, reason="needs the program strace")


@needs_strace
@pytest.mark.slow
@pytest.mark.parametrize("error", ["EIO", "ENOSPC", "EACCES"])
def test_every_call_that_writes_may_fail(folder: Path, error: str) -> None:
    """Each system call of the main job that changes files fails once: the outputs are old or new, both."""
    assert elfsyms(*JOB, cwd=folder).returncode == 0  # what is kept for all runs is there from now on
    calls = list(writing_calls(folder, JOB))
    assert {"write", "fchmod", "rename", "linkat"} <= {name for name, _ in calls}
    for name, which in calls:
        restore(folder)
        check_fault(folder, inject(folder, JOB, name, which, error))
    assert elfsyms(*JOB, cwd=folder).returncode == 0
    assert sorted(path.name for path in folder.iterdir()) == sorted(OUTPUTS)


@needs_strace
@pytest.mark.slow
def test_every_call_that_writes_a_cache_may_fail(folder: Path) -> None:
    """A cache that cannot be written costs nothing but itself."""
    job = (*JOB, "--cache", "cache")
    for name, which in list(writing_calls(folder, job)):
        restore(folder)
        check_fault(folder, inject(folder, job, name, which, "EIO"))
    assert elfsyms(*job, cwd=folder).returncode == 0
    assert state(folder) == ("new", "new")


def moments(work: Callable[[], object], prepare: Callable[[], object], count: int) -> Iterator[float]:
    """Yield so many moments of the time in which work writes, evenly but for chance, and some beyond."""
    whole = writing_time(work, prepare)
    draw = Random(15)  # noqa: S311 (no secret)
    for at in range(count):
        yield whole * 1.1 * (at + draw.random()) / count


KILLS = int(os.environ.get("ELFSYMS_KILLS", "25"))


@pytest.fixture
def one_core() -> Iterator[None]:
    """Have one core, so that objects are made in the process itself, and all again behind."""
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cores)})
    yield
    os.sched_setaffinity(0, cores)


@pytest.mark.slow
@pytest.mark.usefixtures("one_core")
def test_killed_jobs_leave_whole_files(folder: Path) -> None:
    """Killed at any moment, each output is old or new; a new object has its map; the next run cleans up."""
    source = folder.parent / "vmlinux"
    left: Counter[str] = Counter()

    def work() -> None:
        build(source, folder / "x.o", system_map=folder / "x.map")

    for seconds in moments(work, lambda: restore(folder), KILLS):
        restore(folder)
        killed(work, seconds)
        assert state(folder) in {("old", "old"), ("new", "new"), ("old", "new")}
        left["object {}, map {}".format(*state(folder))] += 1
        left["temporary files"] += len(list(folder.glob(".*")))
        work()
        assert state(folder) == ("new", "new")
        assert sorted(path.name for path in folder.iterdir()) == sorted(OUTPUTS)
    tell("main job", left)


@pytest.mark.slow
@pytest.mark.usefixtures("one_core")
def test_killed_writers_leave_a_cache_that_serves(folder: Path) -> None:
    """Killed while it fills an empty cache, a job leaves whole entries or none; the next has the right bytes."""
    source, cache = folder.parent / "vmlinux", folder / "cache"
    left: Counter[str] = Counter()

    def work() -> None:
        build(source, folder / "x.o", system_map=folder / "x.map", cache=cache)

    work()
    whole = {path.name: path.read_bytes() for path in cache.iterdir()}
    for seconds in moments(work, lambda: restore(folder), KILLS):
        restore(folder)
        killed(work, seconds)
        entries = {path.name: path.read_bytes() for path in cache.glob("[!.]*")}
        assert entries.items() <= whole.items()
        left[f"{len(entries)} of {len(whole)} entries"] += 1
        left["temporary files"] += len(list(folder.rglob(".*")))
        work()
        assert state(folder) == ("new", "new")
        assert {path.name: path.read_bytes() for path in cache.iterdir()} == whole
    tell("cache", left)


@pytest.mark.slow
def test_killed_installations_leave_a_tree_that_builds(tmp_path: Path) -> None:
    """Killed while it installs or removes, a tree has the hook, or not, or the file alone, which nothing reads."""
    tree = make_kernel_tree(make_skeleton(tmp_path / "tree", "6.12"), "6.12.9", like="6.12")
    before = (tree / "scripts" / "link-vmlinux.sh").read_bytes()
    for act, other in ((install, remove), (remove, install)):
        left: Counter[str] = Counter()
        other(tree)
        begun = moments(partial(act, tree), partial(other, tree), KILLS)
        for seconds in begun:
            other(tree)
            killed(partial(act, tree), seconds)
            assert status(tree).state in {State.ABSENT, State.INSTALLED, State.DAMAGED}
            assert "scripts/elfsyms-hook.sh is missing" not in status(tree).sentence
            left[status(tree).state.value] += 1
            act(tree)
            assert status(tree).state is (State.INSTALLED if act is install else State.ABSENT)
        tell(f"kbuild {act.__name__}", left)
    remove(tree)
    assert (tree / "scripts" / "link-vmlinux.sh").read_bytes() == before
    assert not list((tree / "scripts").glob(".*"))


def tell(what: str, left: Counter[str]) -> None:
    """Say what the kills left, for who runs more of them (``pytest -s``)."""
    print(f"\n{what}, {KILLS} kills: {', '.join(f'{name} {count}' for name, count in sorted(left.items()))}")  # noqa: T201


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a small file system")
@pytest.mark.slow
@pytest.mark.parametrize("size", ["8k", "12k", "16k", "24k"])
def test_full_disk_leaves_what_was_there(folder: Path, size: str) -> None:
    """A file system that fills up while outputs are written keeps the old ones."""
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "none", str(folder)], check=False)
    if mounted.returncode:
        pytest.skip("this system lets nobody mount")
    try:
        for name in OUTPUTS:
            (folder / name).write_bytes(BEFORE[:1])
        result = elfsyms(*JOB, cwd=folder)
        if result.returncode:
            assert "No space left on device; what was there is as it was" in sentence(result, 6)
            assert [(folder / name).read_bytes() for name in OUTPUTS] == [BEFORE[:1]] * 2
        else:
            assert state(folder) == ("new", "new")
        assert sorted(path.name for path in folder.iterdir()) == sorted(OUTPUTS)
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.mark.slow
def test_builds_of_other_outputs_and_one_cache(folder: Path) -> None:
    """Sixteen jobs at once with outputs of their own and one cache each leave what one alone would."""
    jobs = [
        subprocess.Popen(
            [
                *(sys.executable, "-m", "elfsyms", "../vmlinux", "-q", "--cache", "cache"),
                *("-o", f"{at}.o", "--system-map", f"{at}.map"),
            ],
            cwd=folder,
            env=environment(PYTHONPATH=str(ROOT)),
            stderr=subprocess.PIPE,
        )
        for at in range(16)
    ]
    told = [job.communicate()[1] for job in jobs]
    assert ([job.returncode for job in jobs], set(told)) == ([0] * 16, {b""})
    for suffix in ("o", "map"):
        right = (folder.parent / f"x.{suffix}").read_bytes()
        assert {(folder / f"{at}.{suffix}").read_bytes() for at in range(16)} == {right}
    assert len(list(folder.iterdir())) == 2 * 16 + len(OUTPUTS) + 1


@pytest.mark.slow
def test_builds_of_one_folder_and_one_cache(folder: Path) -> None:
    """Sixteen jobs at once with the same outputs and cache all succeed, and leave what one would."""
    jobs = [
        subprocess.Popen(
            [sys.executable, "-m", "elfsyms", *JOB, "--cache", "cache"],
            cwd=folder,
            env=environment(PYTHONPATH=str(ROOT)),
            stderr=subprocess.PIPE,
        )
        for _ in range(16)
    ]
    told = [job.communicate()[1] for job in jobs]
    assert [job.returncode for job in jobs] == [0] * 16, told
    assert set(told) == {b""}
    assert state(folder) == ("new", "new")
    assert sorted(path.name for path in folder.iterdir()) == ["cache", *sorted(OUTPUTS)]


def test_input_that_shrinks_while_it_is_read(tmp_path: Path) -> None:
    """A file that is cut after its headers were read is unusable, wherever it is cut."""
    path = tmp_path / "vmlinux"
    path.write_bytes(KERNEL)
    with open_image(path) as image:
        end = min(s.offset for s in image.sections if s.type == SHT_SYMTAB)
    for size in range(0, end, 97):
        path.write_bytes(KERNEL)
        with open_image(path) as image:
            os.truncate(path, size)
            with pytest.raises(InputError, match="became shorter while it was read"):
                read_symbols(image)


def test_input_that_changes_while_it_is_read(tmp_path: Path) -> None:
    """Whatever a file becomes after its headers were read, what is said of it is a sentence, or an answer."""
    path = tmp_path / "vmlinux"
    draw = Random(15)  # noqa: S311 (no secret)
    for _ in range(50):
        path.write_bytes(KERNEL)
        with open_image(path) as image:
            with path.open("r+b") as stream:
                stream.seek(draw.randrange(len(KERNEL)))
                stream.write(draw.randbytes(2000))
            with suppress(ElfsymsError):
                assert len(read_symbols(image))


def test_closed_pipe_is_no_failure_of_the_files(folder: Path) -> None:
    """Where nobody reads standard output any more, the file of the same job is written, and the exit code tells."""
    script = '"$@" | true; echo ${PIPESTATUS[0]}'
    job = command(("../vmlinux", "-o", "-", "--system-map", "x.map", "-q"))
    done = subprocess.run(
        ["bash", "-c", script, "bash", *job],
        cwd=folder,
        env=environment(PYTHONPATH=str(ROOT)),
        capture_output=True,
        check=False,
    )
    assert done.stdout.strip() in {b"141", b"0"}, done
    assert done.stderr == b""
    assert (folder / "x.map").read_bytes() == (folder.parent / "x.map").read_bytes()
