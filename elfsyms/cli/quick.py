# SPDX-License-Identifier: GPL-2.0-or-later
"""The main job's arguments, parsed without typer.

typer and what it brings take 55 ms and 20 MB, of a job of 700 ms that a kernel's link runs several times. So
arguments that are spelled out plainly are parsed here; anything else, ``--help`` and mistakes above all, goes to
typer, which knows how to talk. Both read the same rows (``parameters.py``).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from elfsyms.cli.job import Job
from elfsyms.cli.parameters import MAIN_JOB

if TYPE_CHECKING:
    from collections.abc import Sequence

    from elfsyms.cli.parameters import Parameter

__all__ = ["parse"]


def parse(arguments: Sequence[str]) -> Job | None:
    """Return the job that arguments spell out, or None where typer is to look at them."""
    file: Path | None = None
    given: dict[str, Any] = {}
    constants, valued = _constants(), _valued()
    words = iter(arguments)
    for word in words:
        name, equals, value = word.partition("=") if word.startswith("--") else (word, "", "")
        if word in constants:
            field, switched = constants[word]
            given[field] = switched
        elif name in valued:
            text = value if equals else next(words, None)
            if text is None:
                return None
            given[valued[name].field] = Path(text) if valued[name].kind == "path" else text
        elif word.startswith("-") or file is not None:
            return None
        else:
            file = Path(word)
    return None if file is None else Job(file, {p.field: p.default for p in MAIN_JOB} | given)


def _constants() -> dict[str, tuple[str, bool]]:
    """Return the words that take no value, each with its field and what it says."""
    plain = [p for p in MAIN_JOB if p.kind in ("switch", "pair")]
    yes = {flag: (p.field, True) for p in plain for flag in p.flags}
    return yes | {p.off_flag: (p.field, False) for p in plain if p.off_flag}


def _valued() -> dict[str, Parameter]:
    """Return the options that take a value."""
    return {flag: p for p in MAIN_JOB if p.kind in ("text", "path") for flag in p.flags}
