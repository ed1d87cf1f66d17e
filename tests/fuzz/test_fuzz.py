# SPDX-License-Identifier: GPL-2.0-or-later
"""The fuzzer over what it once found, and over some new inputs of every target.

``run.py`` is the fuzzer; more inputs, and all about it, are there.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from random import Random

import pytest

HERE = Path(__file__).parent
sys.path.append(str(HERE))

from mutate import mutate_elf  # noqa: E402 (found by the line above)
from run import check  # noqa: E402 (as above)
from seeds import files, kernels  # noqa: E402 (as above)
from targets import TARGETS, Finding, Target, check_run  # noqa: E402 (as above)

# Kernels that are compared stay open as long as the process lives.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

CORPUS = sorted(path for path in (HERE / "corpus").iterdir() if not path.name.startswith("."))


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.name)
def test_what_was_found_once_is_mended(path: Path, tmp_path: Path) -> None:
    """Every input that broke a promise is run again: ``TARGET-HASH``."""
    target = TARGETS[path.name.rpartition("-")[0]]
    target.check(tmp_path, path.read_bytes())


@pytest.mark.parametrize("name", ["map", "map-explain", "diff-map"])
@pytest.mark.parametrize("piece", [b" ", b" [", b"\t", b"]"])
def test_a_line_of_a_map_takes_no_time_by_its_square(name: str, piece: bytes) -> None:
    """A name of 200,000 bytes that could each begin or end the module behind it is read within the limits."""
    data = b"ffffffff81000000 T _text\nffffffff81000010 t a" + piece * (200_000 // len(piece)) + b"x\n"
    assert check(TARGETS[name], data) == ""


@pytest.mark.parametrize("name", TARGETS)
def test_seeds_and_a_few_changes_break_nothing(name: str, tmp_path: Path) -> None:
    """Each target takes its inputs, and breaks no promise over the first of them."""
    target = TARGETS[name]
    target.check(tmp_path, target.make(Random(f"{name} 0")))  # noqa: S311 (no secret)


@pytest.mark.slow
@pytest.mark.parametrize("part", range(2))
def test_twenty_thousand_inputs_break_nothing(part: int, tmp_path: Path) -> None:
    """The fuzzer's own run, with its limits for each input, in two parts so that each core of two has one."""
    command = [sys.executable, str(HERE / "run.py"), "--keep", str(tmp_path)]
    command += ["--inputs", "20000", "--jobs", "2", "--only", str(part)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-5000:]


@pytest.mark.slow
@pytest.mark.parametrize("end", ["os._exit(3)", "time.sleep(60)", "os.kill(os.getpid(), 9)"])
def test_an_input_that_ends_or_stops_the_process_is_found(tmp_path: Path, end: str) -> None:
    """A process that dies of an input, or waits without end, is a finding; the inputs behind it are run."""
    code = (
        f"import os, sys, time; sys.path.insert(0, {str(HERE)!r}); import run\n"
        f"def harm(folder, data):\n    if data == b'0': {end}\n"
        "run.WALL = 1\nrun.TARGETS['config'] = run.Target(lambda draw: b'%d' % draw.randrange(3), harm, share=1)\n"
        "sys.argv[1:] = sys.argv[1].split()\nsys.exit(run.main())\n"
    )
    words = f"--target config --inputs 12 --keep {tmp_path}"
    done = subprocess.run([sys.executable, "-c", code, words], capture_output=True, text=True, check=False)
    draws = [Random(f"config {seed}").randrange(3) for seed in range(12)]  # noqa: S311 (no secret)
    assert done.stdout.count("config --seed ") == draws.count(0) > 0, done.stderr
    assert f"{draws.count(1) + draws.count(2)} inputs" in done.stdout
    assert done.returncode == 1


def test_valid_seeds_are_taken(tmp_path: Path) -> None:
    """What fuzzing starts from is right, so that its changes lead somewhere: the main job does all kernels."""
    for at, data in enumerate(kernels()[:15]):
        path = tmp_path / str(at)
        path.write_bytes(data)
        assert check_run([str(path), "-o", str(tmp_path / "x.o"), "-q"]) == 0


DRAWN = """
import hashlib, sys
from random import Random
sys.path.insert(0, sys.argv[1])
from targets import TARGETS
for name, target in TARGETS.items():
    print(name, hashlib.sha256(b"".join(target.make(Random(f"{name} {seed}")) for seed in range(20))).hexdigest())
"""


@pytest.mark.slow
def test_inputs_follow_from_target_and_seed() -> None:
    """Another process, with other hashes of strings, at another time, draws the same inputs."""
    drawn = []
    for seed in ("1", "2"):
        command = [sys.executable, "-c", DRAWN, str(HERE)]
        done = subprocess.run(
            command, capture_output=True, check=True, env={**os.environ, "PYTHONHASHSEED": seed}
        )
        drawn.append(done.stdout.decode().splitlines())
        time.sleep(1)  # a file made now has another time in it
    assert drawn[0] == drawn[1]
    assert [line.split()[0] for line in drawn[0]] == list(TARGETS)


def test_seeds_and_inputs_are_reproducible() -> None:
    """An input follows from its seed."""
    assert files() == files.__wrapped__()
    assert mutate_elf(Random("1"), files()) == mutate_elf(Random("1"), files())  # noqa: S311 (no secret)


def _break(_: Path, data: bytes) -> None:
    raise Finding(repr(data))


def _hang(_: Path, data: bytes) -> None:
    while data:
        pass


def _eat(_: Path, data: bytes) -> None:
    assert bytearray(len(data) << 30)


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (_break, "b'x'"),
        (_eat, "MemoryError: "),
        pytest.param(_hang, "more than 2.0 s of processor time", marks=pytest.mark.slow),
    ],
)
def test_the_fuzzer_sees_what_is_wrong(harm: object, words: str) -> None:
    """A broken promise, a hang and eaten memory are findings."""
    target = Target(lambda _: b"x", harm)  # type: ignore[arg-type] # one of the three above
    assert check(target, b"x") == words
