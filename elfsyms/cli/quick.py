# SPDX-License-Identifier: GPL-2.0-or-later
"""The arguments of most commands, parsed without typer.

typer and what it brings take 80 ms and 20 MB, of a job of 500 ms that a kernel's link runs several times. So
arguments that are spelled out plainly are parsed here; anything else, ``--help`` and mistakes above all, goes to
typer, which knows how to talk. Both read the same rows (``parameters.py``), and both hand a :class:`Job` to the
same function.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from elfsyms.cli import parameters as jobs
from elfsyms.cli import question_parameters as questions
from elfsyms.cli.parameters import FILES
from elfsyms.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from elfsyms.cli.parameters import Given, Parameter, Word

__all__ = ["JOBS", "Job", "Kind", "parse"]

_MOST_PERCENT = 100


@dataclass(frozen=True, slots=True)
class Job:
    """The arguments of a job: ``given`` has a value for each field of its kind's rows."""

    file: Path | None
    given: Given

    @property
    def named_file(self) -> Path:
        """The file of a job that cannot go without; raises :class:`UsageError` where there is none."""
        if self.file is None:
            raise UsageError("nothing to read: name a file")
        return self.file


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of job: what it takes without and with flags, and the module under elfsyms.cli whose function does it.

    The first of its ``words`` is its file.
    """

    words: tuple[Word, ...]
    rows: tuple[Parameter, ...]
    module: str
    name: str

    @property
    def function(self) -> Callable[[Job], int]:
        """What does a job and returns its exit code; its docstring is the text of the command's ``--help``."""
        function: Callable[[Job], int] = getattr(import_module(f"elfsyms.cli.{self.module}"), self.name)
        return function


# By the name of the command.
JOBS = {
    "build": Kind(jobs.MAIN_JOB_WORDS, jobs.MAIN_JOB, "job", "build"),
    "reserve": Kind(jobs.RESERVE_WORDS, jobs.RESERVE, "one_link", "reserve"),
    "fill": Kind(jobs.FILL_WORDS, jobs.FILL, "one_link", "fill"),
    "explain": Kind(questions.EXPLAIN_WORDS, questions.EXPLAIN, "explain", "explain"),
    "ledger": Kind(questions.LEDGER_WORDS, questions.LEDGER, "ledger", "ledger"),
    "list": Kind(questions.LIST_WORDS, questions.LIST, "list", "list_"),
    "decode": Kind(questions.DECODE_WORDS, questions.DECODE, "decode", "decode"),
    "verify": Kind(questions.VERIFY_WORDS, questions.VERIFY, "verify", "verify"),
    "check": Kind(questions.CHECK_WORDS, questions.CHECK, "check", "check"),
    "symbolize": Kind(questions.SYMBOLIZE_WORDS, questions.SYMBOLIZE, "symbolize", "symbolize"),
    "stats": Kind(questions.STATS_WORDS, questions.STATS, "stats", "stats"),
}


def parse(arguments: Sequence[str], kind: Kind = JOBS["build"]) -> Job | None:
    """Return the job that arguments spell out, or None where typer is to look at them."""
    plain: list[str] = []
    given: Given = {p.field: p.default for p in kind.rows}
    constants, valued = _constants(kind), _valued(kind)
    words = iter(arguments)
    for word in words:
        name, equals, value = word.partition("=") if word.startswith("--") else (word, "", "")
        if word in constants:
            field, switched = constants[word]
            given[field] = switched
        elif name in valued:
            text = value if equals else next(words, None)
            read = None if text is None else _read(valued[name], text)
            if read is None:
                return None
            field = valued[name].field
            given[field] = [*given[field], read] if valued[name].kind == "texts" else read
        elif word.startswith("-") and word != "-":
            return None
        else:
            plain.append(word)
    return _job(kind, plain, given)


def _job(kind: Kind, plain: list[str], given: Given) -> Job | None:
    """Hand out what was given without flags; None where that is too few or too many."""
    first, *rest = kind.words
    if (not plain and first.kind == "file") or (len(plain) > 1 and not rest) or plain[:1] == [""]:
        return None
    more = {word.field: plain[1:] for word in rest}
    return Job(Path(plain[0]) if plain else None, more | given)


def _read(parameter: Parameter, text: str) -> str | Path | int | None:
    """Read an option's value; None where it is not one, or spelled unusually."""
    if not text and parameter.metavar in FILES:
        return None
    if parameter.kind == "percent":
        plain = text.isascii() and text.isdigit() and len(text) <= len(str(_MOST_PERCENT))
        return int(text) if plain and int(text) <= _MOST_PERCENT else None
    return Path(text) if parameter.kind == "path" else text


def _constants(kind: Kind) -> dict[str, tuple[str, bool]]:
    """Return the words that take no value, each with its field and what it says."""
    plain = [p for p in kind.rows if p.kind in ("switch", "pair")]
    yes = {flag: (p.field, True) for p in plain for flag in p.flags}
    return yes | {p.off_flag: (p.field, False) for p in plain if p.off_flag}


def _valued(kind: Kind) -> dict[str, Parameter]:
    """Return the options that take a value."""
    return {flag: p for p in kind.rows if p.kind in ("text", "texts", "path", "percent") for flag in p.flags}
