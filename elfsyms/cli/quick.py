# SPDX-License-Identifier: GPL-2.0-or-later
"""The arguments of the jobs of a kernel's build, parsed without typer.

typer and what it brings take 55 ms and 20 MB, of a job of 700 ms that a kernel's link runs several times. So
arguments that are spelled out plainly are parsed here; anything else, ``--help`` and mistakes above all, goes to
typer, which knows how to talk. Both read the same rows (``parameters.py``).
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from elfsyms.cli.parameters import FILL, MAIN_JOB, RESERVE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from elfsyms.cli.parameters import Parameter

__all__ = ["JOBS", "Job", "Kind", "parse"]

_MOST_PERCENT = 100


@dataclass(frozen=True, slots=True)
class Job:
    """The arguments of a job: ``given`` has a value for each field of its kind's rows."""

    file: Path | None
    given: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of job: its rows, whether it needs a file, and the module under elfsyms.cli whose function does it."""

    rows: tuple[Parameter, ...]
    needs_file: bool
    module: str
    function: str

    def do(self, job: Job) -> int:
        """Do a job; return its exit code."""
        code: int = getattr(import_module(f"elfsyms.cli.{self.module}"), self.function)(job)
        return code


# By the name of the command.
JOBS = {
    "build": Kind(MAIN_JOB, needs_file=True, module="job", function="run"),
    "reserve": Kind(RESERVE, needs_file=False, module="one_link", function="run_reserve"),
    "fill": Kind(FILL, needs_file=True, module="one_link", function="run_fill"),
}


def parse(arguments: Sequence[str], kind: Kind = JOBS["build"]) -> Job | None:
    """Return the job that arguments spell out, or None where typer is to look at them."""
    file: Path | None = None
    given: dict[str, Any] = {}
    constants, valued = _constants(kind), _valued(kind)
    words = iter(arguments)
    for word in words:
        name, equals, value = word.partition("=") if word.startswith("--") else (word, "", "")
        if word in constants:
            field, switched = constants[word]
            given[field] = switched
        elif name in valued:
            text = value if equals else next(words, None)
            read = None if text is None else _read(valued[name].kind, text)
            if read is None:
                return None
            given[valued[name].field] = read
        elif word.startswith("-") or file is not None:
            return None
        else:
            file = Path(word)
    if file is None and kind.needs_file:
        return None
    return Job(file, {p.field: p.default for p in kind.rows} | given)


def _read(kind: str, text: str) -> str | Path | int | None:
    """Read an option's value; None where it is not one, or spelled unusually."""
    if kind == "percent":
        plain = text.isascii() and text.isdigit() and len(text) <= len(str(_MOST_PERCENT))
        return int(text) if plain and int(text) <= _MOST_PERCENT else None
    return Path(text) if kind == "path" else text


def _constants(kind: Kind) -> dict[str, tuple[str, bool]]:
    """Return the words that take no value, each with its field and what it says."""
    plain = [p for p in kind.rows if p.kind in ("switch", "pair")]
    yes = {flag: (p.field, True) for p in plain for flag in p.flags}
    return yes | {p.off_flag: (p.field, False) for p in plain if p.off_flag}


def _valued(kind: Kind) -> dict[str, Parameter]:
    """Return the options that take a value."""
    return {flag: p for p in kind.rows if p.kind in ("text", "path", "percent") for flag in p.flags}
