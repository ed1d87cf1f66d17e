# SPDX-License-Identifier: GPL-2.0-or-later
"""The commands as the program declares them, as plain values: what man pages and completions are made from."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from elfsyms.cli.app import COMMANDS, load_command
from elfsyms.cli.examples import EXAMPLES

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["DEFAULT", "Command", "Parameter", "commands"]

DEFAULT = "build"  # the command that needs no name


@dataclass(frozen=True, slots=True)
class Parameter:
    """An argument, or an option with its flags; ``choices`` are the words that it takes, where these are few."""

    flags: tuple[str, ...]
    off_flags: tuple[str, ...]
    metavar: str
    help: str
    panel: str
    takes_value: bool
    required: bool
    choices: tuple[str, ...]

    @property
    def is_option(self) -> bool:
        """Whether it has flags."""
        return bool(self.flags)

    @property
    def all_flags(self) -> tuple[str, ...]:
        """The flags that say yes, and those that say no."""
        return self.flags + self.off_flags


@dataclass(frozen=True, slots=True)
class Command:
    """A command: its words on the command line, its line in the list, its whole text, what it takes."""

    words: tuple[str, ...]
    line: str
    text: str
    parameters: tuple[Parameter, ...]
    examples: tuple[tuple[str, str], ...] = ()
    commands: tuple[Command, ...] = ()

    @property
    def name(self) -> str:
        """The last word."""
        return self.words[-1]

    @property
    def options(self) -> tuple[Parameter, ...]:
        """What has flags."""
        return tuple(one for one in self.parameters if one.is_option)

    @property
    def arguments(self) -> tuple[Parameter, ...]:
        """What has none."""
        return tuple(one for one in self.parameters if not one.is_option)


def commands() -> tuple[Command, ...]:
    """Return every command of the program, in the order of its list."""
    return tuple(_command(load_command(name), (name,), line) for name, line in COMMANDS.items())


def _command(declared: Any, words: tuple[str, ...], line: str) -> Command:
    inner = getattr(declared, "commands", {})
    return Command(
        words=words,
        line=line,
        text=inspect.cleandoc(declared.help or line),
        parameters=tuple(_parameters(declared)),
        examples=EXAMPLES.get(" ".join(words), ()),
        commands=tuple(
            _command(one, (*words, name), one.get_short_help_str(200))
            for name, one in inner.items()
            if not one.hidden
        ),
    )


def _parameters(declared: Any) -> Iterator[Parameter]:
    for one in declared.params:
        if getattr(one, "hidden", False) or one.name == "help":
            continue
        is_option = one.param_type_name == "option"
        metavar = (one.metavar or "").strip() + ("..." if one.nargs == -1 else "")
        takes_value = not is_option or not one.is_flag
        yield Parameter(
            flags=tuple(one.opts) if is_option else (),
            off_flags=tuple(one.secondary_opts) if is_option else (),
            metavar=metavar or (one.name.upper() if takes_value else ""),
            help=(one.help or "").strip(),
            panel=getattr(one, "rich_help_panel", None) or "",
            takes_value=takes_value,
            required=one.required,
            choices=tuple(metavar.split("|")) if "|" in metavar and metavar.islower() else (),
        )
    yield Parameter(("--help", "-h"), (), "", "Show what the command takes, and exit.", "", False, False, ())
