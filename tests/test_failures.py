# SPDX-License-Identifier: GPL-2.0-or-later
"""What nobody thought of ends in a sentence and an exit code of its own, which no script takes for an answer."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from command import elfsyms, environment, sentence
from elfmaker import Symbol, vmlinux

from elfsyms import __main__
from elfsyms.errors import ElfsymsError, ProgramError
from elfsyms.failures import need_memory

TEXT = 0xFFFFFFFF81000000
KERNEL = vmlinux([Symbol("_text", TEXT), Symbol("_stext", TEXT), Symbol("start_kernel", TEXT + 16)])


def fail_with(error: Exception, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> str:
    """Have the command meet an exception; return what it says, after its exit code 70."""

    def run(_: object) -> int:
        raise error

    monkeypatch.setattr("elfsyms.cli.app.run", run)
    assert __main__.outcome(["vmlinux"]) == 70
    return capsys.readouterr().err


def test_a_bug_is_told_in_a_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A bug is named with its exception on one printable line, however long and odd that is."""
    text = fail_with(ValueError("two\nlines \x1b[31m" + "x" * 5000), monkeypatch, capsys)
    assert text.startswith(r"elfsyms: this is a bug in elfsyms: ValueError (two lines \x1b[31mxxx")
    assert "report it" in text
    assert "ELFSYMS_DEBUG=1" in text
    assert (text.count("\n"), len(text) < 500) == (1, True)


def test_its_traceback_is_shown_when_asked_for(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """``ELFSYMS_DEBUG=1`` shows where a bug is."""
    monkeypatch.setenv("ELFSYMS_DEBUG", "1")
    assert "Traceback (most recent call last)" in fail_with(ValueError("x"), monkeypatch, capsys)


def test_memory_that_runs_out_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """No memory is no bug, and its sentence says so."""
    text = fail_with(MemoryError(), monkeypatch, capsys)
    assert text.startswith("elfsyms: memory ran out")
    assert "bug" not in text


def test_no_thread_is_no_bug(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Where the system starts no thread, that is said, and it is no bug."""
    text = fail_with(RuntimeError("can't start new thread"), monkeypatch, capsys)
    assert text.startswith("elfsyms: the system starts no thread")


def test_memory_for_a_library_is_asked_for_first() -> None:
    """More memory than any machine has is not there, and none is kept of what is."""
    need_memory(1 << 20)
    with pytest.raises(ProgramError, match="memory ran out"):
        need_memory(1 << 62)


@pytest.mark.parametrize("library", ["lief", "numpy", "pyarrow"])
@pytest.mark.parametrize("state", ["missing", "broken", "of another build", "of another machine"])
def test_a_library_that_fails_is_named(tmp_path: Path, library: str, state: str) -> None:
    """A library that is missing or broken is named, with the command that installs it."""
    text = {
        "missing": f"raise ModuleNotFoundError('No module', name={library!r})",
        "broken": "import nothing_such",
        "of another build": "raise RuntimeError('compiled for another version\\nof something')",
        "of another machine": "import ctypes; ctypes.CDLL(__file__)",
    }
    (tmp_path / "shadow").mkdir()
    (tmp_path / "shadow" / f"{library}.py").write_text(text[state])
    (tmp_path / "vmlinux").write_bytes(KERNEL)
    path = os.pathsep.join([str(tmp_path / "shadow"), str(Path(__main__.__file__).parents[1])])
    line = ("atlas", "x", "--in", "shadow") if library == "pyarrow" else ("vmlinux", "-o", "x.o")
    words = sentence(elfsyms(*line, cwd=tmp_path, PYTHONPATH=path), 70)
    assert words.startswith(f"elfsyms: the Python library {library} ")
    assert f"pip install --upgrade --force-reinstall {library}" in words
    assert not (tmp_path / "x.o").exists()


def test_a_library_of_another_version_is_named(tmp_path: Path) -> None:
    """A library that lacks what is needed is named too, for it was not installed with elfsyms."""
    (tmp_path / "lief.py").write_text("class ELF: pass\n")
    code = "import sys; from elfsyms.__main__ import outcome; sys.exit(outcome(sys.argv[1:]))"
    (tmp_path / "vmlinux").write_bytes(KERNEL)
    path = os.pathsep.join([str(tmp_path), str(Path(__main__.__file__).parents[1])])
    result = subprocess.run(
        [sys.executable, "-c", code, "vmlinux", "-o", "x.o"],
        cwd=tmp_path,
        env=environment(PYTHONPATH=path),
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 70
    assert result.stderr.startswith(
        "elfsyms: the Python library lief is of a version that elfsyms does not know"
    )


def test_a_page_of_help_for_a_full_disk_is_an_output_that_fails() -> None:
    """A full disk behind ``--help`` is what cannot be written, not a bug."""
    command = [sys.executable, "-m", "elfsyms", "explain", "--help"]
    with Path("/dev/full").open("wb") as full:
        result = subprocess.run(command, env=environment(), stdout=full, stderr=subprocess.PIPE, check=False)
    assert (result.returncode, result.stderr) == (
        6,
        b"elfsyms: cannot write to standard output: No space left on device\n",
    )


def test_every_error_has_a_documented_exit_code() -> None:
    """The codes are those that the module of errors documents; 1, the answer no, is none of them."""
    own = [error for error in ElfsymsError.__subclasses__() if error.__module__ == "elfsyms.errors"]
    codes = {error.exit_code for error in own}
    assert codes == {2, 3, 4, 5, 6, 70}


def interrupted(program: str, *arguments: str | Path) -> tuple[int, bytes, bytes]:
    """Run a program that knows the command as ``command``, and calls its main; return how it ends."""
    text = f"import signal, sys\nimport elfsyms.__main__ as command\n{program}\ncommand.main()\n"
    done = subprocess.run([sys.executable, "-c", text, *arguments], capture_output=True, check=False)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("stage", ["outcome", "_tell"])
def test_an_interrupt_is_one_wherever_it_comes(stage: str) -> None:
    """Ctrl-C before a line is begun, or while an error is told, ends with 130 and without words, as within it."""
    program = f"command.{stage} = lambda *_: signal.raise_signal(signal.SIGINT)"
    assert interrupted(program, "stats", "no-such-file") == (130, b"", b"")


@pytest.mark.parametrize("error", ["RuntimeError", "ImportError", "BrokenPipeError", "command.ElfsymsError"])
def test_an_interrupt_is_one_whatever_is_made_of_it(error: str) -> None:
    """Ctrl-C ends with 130, too, where a library answers it with an error that does not tell of it."""
    program = f"""
import elfsyms.cli.app
def run(_):
    try:
        signal.raise_signal(signal.SIGINT)
    except KeyboardInterrupt:
        error = {error}("no more of it")
    raise error
elfsyms.cli.app.run = run
"""
    assert interrupted(program, "list") == (130, b"", b"")


def test_an_interrupt_in_a_callback_is_not_printed() -> None:
    """Ctrl-C that comes while something is collected has nobody to be raised to, and shows no traceback."""
    program = """
import elfsyms.cli.app
class Collected:
    def __del__(self):
        signal.raise_signal(signal.SIGINT)
def run(_):
    Collected()
    return 0
elfsyms.cli.app.run = run
"""
    assert interrupted(program, "list") == (0, b"", b"")


def test_an_interrupt_between_two_calls_leaves_no_file(tmp_path: Path) -> None:
    """What was staged is removed in the end, though nobody who would remove it knew of it yet."""
    program = """
import elfsyms.cli.app
from elfsyms.staging import stage
def run(arguments):
    stage(arguments[0], b"new")
    signal.raise_signal(signal.SIGINT)
elfsyms.cli.app.run = run
"""
    (tmp_path / "out").write_bytes(b"old")
    assert interrupted(program, tmp_path / "out") == (130, b"", b"")
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"old"]
