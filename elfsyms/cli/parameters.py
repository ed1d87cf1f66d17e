# SPDX-License-Identifier: GPL-2.0-or-later
"""The command line's parameters as rows, without typer.

Two readers make what they need of them: ``options.py`` typer's declarations, which draw ``--help`` and talk about
mistakes, and ``quick.py`` a parser for command lines that are spelled out plainly. The options that choose a table
are those of :data:`elfsyms.releases.options.OPTIONS`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from elfsyms.releases.options import OPTIONS

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "FILES",
    "FILL",
    "FILL_WORDS",
    "JSON",
    "MAIN_JOB",
    "MAIN_JOB_WORDS",
    "RESERVE",
    "RESERVE_WORDS",
    "VERBOSE",
    "WHAT_IF",
    "Given",
    "Parameter",
    "Word",
    "kernel_options",
    "table_arguments",
    "what_if",
]

Given: TypeAlias = dict[str, Any]
"""What was given of some parameters, by field."""

Kind = Literal["text", "texts", "path", "percent", "switch", "pair"]

FILES = frozenset(["A", "ATLAS", "B", "C", "DIR", "ELF", "FILE", "KERNEL", "OUT", "PATH", "TREE", "VMLINUX"])
"""The metavars that stand for a file's or a folder's name: an empty one, of a variable never set, is none."""

_TABLE = "What the table is made for (found in the file, where not given)"


@dataclass(frozen=True, slots=True)
class Word:
    """What a command takes without a flag: a ``file``, one that may be left out, or any number of ``texts``."""

    field: str
    kind: Literal["file", "optional file", "texts"]
    metavar: str
    help: str


@dataclass(frozen=True, slots=True)
class Parameter:
    """One option of a command, by its kind.

    ``text``, ``path`` and ``percent`` take a value, ``texts`` one each time that the option is given; a ``pair``
    has a ``--no-`` form. ``usual`` stands for one that is not given.
    """

    field: str
    flags: tuple[str, ...]
    kind: Kind
    help: str
    metavar: str | None = None
    panel: str | None = None
    usual: str | bool | None = None

    @property
    def default(self) -> bool | int | str | list[str] | None:
        """What stands for an option that is not given."""
        none: dict[str, bool | int | list[str]] = {"switch": False, "percent": 0, "texts": []}
        return none.get(self.kind, self.usual)

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

VERBOSE = Parameter(
    "verbose", ("--verbose", "-v"), "switch", "Say what was found in the file, and from what."
)
_QUIET = Parameter("quiet", ("--quiet", "-q"), "switch", "Say nothing but warnings and errors.")
JSON = Parameter("json", ("--json",), "switch", "Print one JSON object.")
_SYSTEM_MAP = Parameter("system_map", ("--system-map",), "text", "Write System.map in the same pass.", "FILE")

MAIN_JOB_WORDS = (Word("file", "file", "FILE", "A vmlinux with .symtab."),)
MAIN_JOB: tuple[Parameter, ...] = (
    Parameter("output", ("--output", "-o"), "text", "An object (.o) or assembly (.S); - prints.", "OUT"),
    Parameter("form", ("--format",), "text", "What to write, whatever OUT ends in.", "o|S"),
    _SYSTEM_MAP,
    Parameter(
        "empty", ("--empty",), "switch", "The table of no symbols, for the first link; FILE lends its ABI."
    ),
    Parameter("cache", ("--cache",), "path", "Remember names from one link pass to the next.", "DIR"),
    Parameter("stats", ("--stats",), "switch", "Say what each table takes."),
    VERBOSE,
    _QUIET,
    JSON,
    *WHAT_IF,
)

# What both jobs of a build with one link take.
_ONE_LINK = (
    Parameter("slack", ("--slack",), "percent", "Reserve more, for symbols to come.", "PERCENT"),
    Parameter("cache", ("--cache",), "path", "Remember names and sizes from one link to the next.", "DIR"),
    Parameter(
        "link",
        ("--link",),
        "text",
        "What the link depends on besides release and configuration: the sizes are remembered under it.",
        "TEXT",
    ),
    _QUIET,
    VERBOSE,
    JSON,
    *WHAT_IF,
)

RESERVE_WORDS = (
    Word(
        "file",
        "optional file",
        "FILE",
        "A vmlinux with the same names, or the object of its tables; none: the sizes remembered.",
    ),
)
RESERVE: tuple[Parameter, ...] = (
    Parameter(
        "if_known", ("--if-known",), "switch", "Where no sizes are remembered, say nothing, and leave with 1."
    ),
    Parameter("output", ("--output", "-o"), "text", "The object to write.", "OUT"),
    *_ONE_LINK,
)

FILL_WORDS = (Word("file", "file", "VMLINUX", "A vmlinux linked with a reserved object."),)
FILL: tuple[Parameter, ...] = (
    _SYSTEM_MAP,
    Parameter(
        "or_reserve",
        ("--or-reserve",),
        "text",
        "Where the room does not fit, write an object that does.",
        "OUT",
    ),
    *_ONE_LINK,
)


def what_if(*fields: str) -> tuple[Parameter, ...]:
    """Return some of :data:`WHAT_IF`, for a command that takes no more."""
    return tuple(parameter for parameter in WHAT_IF if parameter.field in fields)


def kernel_options(given: Mapping[str, Any]) -> list[str]:
    """Return the flags that were given of what only a kernel's file answers: :data:`WHAT_IF` and ``--map``."""
    chosen = [
        p.off_flag if given[p.field] is False else p.flags[0] for p in WHAT_IF if given[p.field] is not None
    ]
    return chosen if given["system_map"] is None else [*chosen, "--map"]


def table_arguments(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return what was given of :data:`WHAT_IF`, by field."""
    return {parameter.field: given[parameter.field] for parameter in WHAT_IF}
