#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Install the wheel and the sdist in empty environments of every Python that Debian has, and see that they work.

    scripts/try_pythons.py                # all Pythons, oldest and newest libraries, wheel and sdist: 5 minutes
    scripts/try_pythons.py 3.14           # one Python

Each Python is that of a Debian suite, in a system where nothing else is (``debian_root.py``). uv makes the
environments: once with the newest libraries there are, once with the oldest that ``pyproject.toml`` allows and
that have a wheel for this Python. In each the main job, a question, a page and an atlas are made of a sample; what
must be the same everywhere (tables, map, page, JSON) is compared with what this Python makes from the checkout.

Leaves out Python 3.12, which no suite of Debian has.
"""

from __future__ import annotations

import argparse
import hashlib
import lzma
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

from debian import DebianError
from debian_root import system

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from debian_root import System

ROOT = Path(__file__).parent.parent
SAMPLE = ROOT / "testdata" / "vmlinux-samples" / "amd64-6.12.xz"
Age = Literal["newest", "oldest"]
AGES: tuple[Age, Age] = ("newest", "oldest")
RESOLUTION = {"newest": "highest", "oldest": "lowest-direct"}


@dataclass(frozen=True, slots=True)
class Python:
    """A Python, and who has it."""

    version: str
    suite: str

    @property
    def packages(self) -> tuple[str]:
        """What the suite's system needs besides."""
        return (f"python{self.version}-venv",)


PYTHONS = (Python("3.11", "bookworm"), Python("3.13", "trixie"), Python("3.14", "sid"))

# What is done with a sample, and the files whose bytes must be the same everywhere.
COMMANDS = (
    ("--version",),
    ("--help",),
    ("explain", "--help"),
    ("vmlinux", "-o", "kallsyms.S", "--system-map", "System.map"),
    ("vmlinux", "-o", "kallsyms.o"),
    ("vmlinux", "--stats"),
    ("explain", "vmlinux", "nmi_handle.part.0", "--json"),
    ("ledger", "vmlinux"),
    ("report", "vmlinux", "-o", "report.html"),
    ("export", "vmlinux", "-o", "atlas"),
    ("atlas", "nmi_*", "--in", "atlas"),
)
SAME = ("kallsyms.S", "kallsyms.o", "System.map")
# What is printed the same everywhere.
ANSWERS = (
    ("list", "vmlinux", "--json", "--columns", "name,rule,aliases,sympos,kprobe,demangled,stored"),
    ("explain", "vmlinux", "*a*"),
    ("explain", "vmlinux", "*", "--json"),
    ("ledger", "vmlinux", "--json"),
    ("stats", "vmlinux", "--json"),
    ("decode", "kallsyms.o", "--release", "6.12", "--json"),
    ("diff", "System.map", "vmlinux", "--json"),
    ("report", "vmlinux", "-o", "-"),
    ("export", "vmlinux", "-o", "atlas"),
    ("atlas", "*a*", "--in", "atlas", "--json"),
)
Answers: TypeAlias = dict[tuple[str, ...], str]


def distributions(folder: Path) -> list[Path]:
    """Build the wheel and the sdist into a folder."""
    command = [sys.executable, "-m", "build", "--outdir", str(folder), str(ROOT)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return [next(folder.glob("*.whl")), next(folder.glob("*.tar.gz"))]


def libraries(python: Python, age: Age) -> str:
    """Return pinned versions, a line each: the newest, or the oldest allowed, of wheels for a Python."""
    command = [tool("uv"), "pip", "compile", "--quiet", "--no-header", "--no-annotate", "--all-extras"]
    command += ["--no-build", "--python-version", python.version, "--resolution", RESOLUTION[age]]
    return subprocess.run(
        [*command, str(ROOT / "pyproject.toml")], check=True, capture_output=True, text=True
    ).stdout


def tool(name: str) -> str:
    """Return a program of this environment, or of PATH."""
    beside = Path(sys.executable).parent / name
    found = str(beside) if beside.exists() else shutil.which(name)
    if found is None:
        raise DebianError(f"{name} is missing: pip install --group release")
    return found


def sample(folder: Path) -> Path:
    """Unpack the sample into a folder."""
    path = folder / "vmlinux"
    path.write_bytes(lzma.decompress(SAMPLE.read_bytes()))
    return path


def expected(folder: Path) -> dict[str, str]:
    """Return the digests of what this checkout makes of the sample."""
    for command in COMMANDS:
        if any(name in command for name in SAME):
            done = [sys.executable, "-m", "elfsyms", *command]
            subprocess.run(done, cwd=folder, check=True, capture_output=True, env={"PYTHONPATH": str(ROOT)})
    return {name: digest(folder / name) for name in SAME}


def answers_of(run: Callable[[tuple[str, ...]], str]) -> Answers:
    """Return the digest of what each command prints, which ``run`` returns."""
    return {command: hashlib.sha256(run(command).encode()).hexdigest() for command in ANSWERS}


def answer_here(folder: Path, command: tuple[str, ...]) -> str:
    """Return what a command of this checkout prints in a folder."""
    done = subprocess.run(
        [sys.executable, "-m", "elfsyms", *command],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,  # an answer may be no
        text=True,
        env={"PYTHONPATH": str(ROOT)},
    )
    return done.stdout


def digest(path: Path) -> str:
    """Return the SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def trials(
    python: Python, ages: Sequence[Age], files: Sequence[Path], wanted: dict[str, str]
) -> Iterator[str]:
    """Try every file with every age of libraries; yield a line each, or raise :class:`DebianError`."""
    with system(python.suite, python.packages) as there, tempfile.TemporaryDirectory() as folder:
        there.put(Path(tool("uv")), "/usr/local/bin/uv")
        there.put(sample(Path(folder)), "/try/vmlinux")
        expected(Path(folder))
        answers = answers_of(partial(answer_here, Path(folder)))
        for age in ages:
            pins = libraries(python, age)
            there.path("/try/pins").write_text(pins, encoding="utf-8")
            for file in files:
                yield trial(there, python, there.put(file, f"/try/{file.name}"), age, wanted, answers)


def trial(
    there: System, python: Python, file: str, age: Age, wanted: dict[str, str], answers: Answers
) -> str:
    """Install one file in an empty environment, run the commands, compare what they made."""
    kind = "wheel" if file.endswith(".whl") else "sdist"
    environment = f"/try/{age}-{kind}"
    there.run("uv", "venv", "--quiet", "--python", f"/usr/bin/python{python.version}", environment)
    install = ("uv", "pip", "install", "--quiet", "--python", environment)
    there.run(*install, "--constraint", "/try/pins", f"elfsyms[all] @ file://{file}")
    there.run("uv", "pip", "check", "--quiet", "--python", environment)
    for made in (*SAME, "report.html"):
        there.path(f"/try/{made}").unlink(missing_ok=True)
    shutil.rmtree(there.path("/try/atlas"), ignore_errors=True)
    for command in COMMANDS:
        there.run(f"{environment}/bin/elfsyms", *command, folder="/try")
    for name, bytes_ in wanted.items():
        if digest(there.path(f"/try/{name}")) != bytes_:
            raise DebianError(f"Python {python.version}, {age} libraries, {kind}: {name} differs")
    shutil.rmtree(there.path("/try/atlas"))
    for asked, printed in answers_of(lambda words: _answer_there(there, environment, words)).items():
        if answers[asked] != printed:
            words = " ".join(asked)
            raise DebianError(
                f"Python {python.version}, {age} libraries, {kind}: {words} prints something else"
            )
    release = there.run(
        f"{environment}/bin/python", "-c", "import sys; print(sys.version.split()[0])"
    ).strip()
    numpy = there.run(f"{environment}/bin/python", "-c", "import numpy; print(numpy.__version__)").strip()
    return f"Python {release:8} {python.suite:9} {age} libraries (numpy {numpy}), {kind}: works, same bytes"


def _answer_there(there: System, environment: str, command: tuple[str, ...]) -> str:
    return there.run(
        "sh", "-c", '"$@" || [ $? = 1 ]', "sh", f"{environment}/bin/elfsyms", *command, folder="/try"
    )


def main() -> int:
    """Try what the command line names."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("python", nargs="*", help="versions, like 3.13; all if none")
    versions = parser.parse_args().python
    with tempfile.TemporaryDirectory() as folder:
        files = distributions(Path(folder))
        sample(Path(folder))
        wanted = expected(Path(folder))
        for python in PYTHONS:
            if not versions or python.version in versions:
                for line in trials(python, AGES, files, wanted):
                    print(line, flush=True)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (DebianError, subprocess.CalledProcessError) as error:
        sys.exit(f"try_pythons: {error}")
