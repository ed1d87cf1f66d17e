# SPDX-License-Identifier: GPL-2.0-or-later
"""The command line's parameters as rows, without typer.

Two readers make what they need of them: ``options.py`` typer's declarations, which draw ``--help`` and talk about
mistakes, and ``quick.py`` a parser for main jobs that are spelled out plainly. The options that choose a table
are those of :data:`elfsyms.releases.options.OPTIONS`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from elfsyms.releases.options import OPTIONS

__all__ = ["MAIN_JOB", "WHAT_IF", "Parameter", "what_if"]

Kind = Literal["text", "path", "switch", "pair"]

_TABLE = "What the table is made for (found in the file, where not given)"


@dataclass(frozen=True, slots=True)
class Parameter:
    """One option of a command: ``text`` and ``path`` take a value, a ``pair`` has a ``--no-`` form."""

    field: str
    flags: tuple[str, ...]
    kind: Kind
    help: str
    metavar: str | None = None
    panel: str | None = None

    @property
    def default(self) -> bool | None:
        """What stands for an option that is not given."""
        return False if self.kind == "switch" else None

    @property
    def off_flag(self) -> str:
        """The form that says no, of a pair."""
        return f"--no-{self.flags[0].removeprefix('--')}" if self.kind == "pair" else ""


_GENERATOR = tuple(
    Parameter(o.field, (o.flag,), "pair" if o.kind == "switch" else "text", o.help, o.metavar or None, _TABLE)
    for o in OPTIONS
)

# What chooses release and table: commands that ask "what if" take these.
WHAT_IF: tuple[Parameter, ...] = (
    Parameter("release", ("--release",), "text", "Kernel release, as 6.12 or 6.1.192.", "R", _TABLE),
    *_GENERATOR,
    Parameter(
        "nm",
        ("--nm",),
        "text",
        "Whose nm lists the symbols; llvm-19 or a program's name will do.",
        "gnu|llvm",
        _TABLE,
    ),
    Parameter("config", ("--config",), "path", "Options from a .config or auto.conf.", "FILE", _TABLE),
    Parameter(
        "tree", ("--tree",), "path", "Release and rules from a kernel tree's own scripts.", "DIR", _TABLE
    ),
)

MAIN_JOB: tuple[Parameter, ...] = (
    Parameter("output", ("--output", "-o"), "text", "An object (.o) or assembly (.S); - prints.", "OUT"),
    Parameter("form", ("--format",), "text", "What to write, whatever OUT ends in.", "o|S"),
    Parameter("system_map", ("--system-map",), "text", "Write System.map in the same pass.", "FILE"),
    Parameter(
        "empty", ("--empty",), "switch", "The table of no symbols, for the first link; FILE lends its ABI."
    ),
    Parameter("cache", ("--cache",), "path", "Remember names from one link pass to the next.", "DIR"),
    Parameter("stats", ("--stats",), "switch", "Say what each table takes."),
    Parameter("verbose", ("--verbose", "-v"), "switch", "Say what was found in the file, and from what."),
    Parameter("quiet", ("--quiet", "-q"), "switch", "Say nothing but warnings and errors."),
    Parameter("json", ("--json",), "switch", "Print one JSON object."),
    *WHAT_IF,
)


def what_if(*fields: str) -> tuple[Parameter, ...]:
    """Return some of :data:`WHAT_IF`, for a command that takes no more."""
    return tuple(parameter for parameter in WHAT_IF if parameter.field in fields)
