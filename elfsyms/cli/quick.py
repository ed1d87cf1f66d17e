# SPDX-License-Identifier: GPL-2.0-or-later
"""The main job's arguments, parsed without typer.

typer and what it brings take 55 ms and 20 MB, of a job of 700 ms that a kernel's link runs several times. So
arguments that are spelled out plainly are parsed here; anything else, ``--help`` and mistakes above all, goes to
typer, which knows how to talk. The tables name the fields of :class:`elfsyms.cli.job.Job`; a test compares them
with what ``build.py`` declares.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from elfsyms.cli.job import Job

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["PAIRS", "SWITCHES", "VALUES", "parse"]

VALUES = {
    "--output": "output",
    "-o": "output",
    "--format": "form",
    "--system-map": "system_map",
    "--release": "release",
    "--symbol-prefix": "symbol_prefix",
    "--page-offset": "page_offset",
    "--nm": "nm",
    "--config": "config",
    "--tree": "tree",
    "--cache": "cache",
}
SWITCHES = {
    "--empty": "empty",
    "--stats": "stats",
    "--verbose": "verbose",
    "-v": "verbose",
    "--quiet": "quiet",
    "-q": "quiet",
    "--json": "json",
}
PAIRS = ("all_symbols", "absolute_percpu", "base_relative", "pc_relative", "lto_clang", "exclude_tables")

_PATHS = ("file", "config", "tree", "cache")
_CONSTANTS: dict[str, tuple[str, bool]] = {
    **{flag: (field, True) for flag, field in SWITCHES.items()},
    **{f"--{field.replace('_', '-')}": (field, True) for field in PAIRS},
    **{f"--no-{field.replace('_', '-')}": (field, False) for field in PAIRS},
}


def parse(arguments: Sequence[str]) -> Job | None:
    """Return the job that arguments spell out, or None where typer is to look at them."""
    found: dict[str, Any] = {}
    words = iter(arguments)
    for word in words:
        name, equals, value = word.partition("=") if word.startswith("--") else (word, "", "")
        if word in _CONSTANTS:
            field, switched = _CONSTANTS[word]
            found[field] = switched
        elif name in VALUES:
            given = value if equals else next(words, None)
            if given is None:
                return None
            found[VALUES[name]] = given
        elif word.startswith("-") or "file" in found:
            return None
        else:
            found["file"] = word
    if "file" not in found:
        return None
    fields: dict[str, Any] = {f: Path(value) if f in _PATHS else value for f, value in found.items()}
    return Job(**fields)
