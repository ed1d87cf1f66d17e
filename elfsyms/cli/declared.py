# SPDX-License-Identifier: GPL-2.0-or-later
"""A command as it is shown: what is declared of it, its paragraphs without line ends, examples at the end."""

from __future__ import annotations

import inspect
import re
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any

from elfsyms.cli.examples import EXAMPLES
from elfsyms.cli.parameters import FILES
from elfsyms.cli.quick import JOBS

if TYPE_CHECKING:
    from collections.abc import Callable

    import typer

__all__ = ["declared", "plain", "refuse_empty_files"]


def declared(name: str) -> Any:
    """Return click's command of a name: of its rows, or of its module under ``elfsyms.cli``."""
    from typer.main import get_command  # noqa: PLC0415 (not for the main job)

    from elfsyms.cli.options import application_of  # noqa: PLC0415 (as above)

    kind = JOBS.get(name)
    app: typer.Typer = application_of(kind) if kind else import_module(f"elfsyms.cli.{name}").app
    command: Any = get_command(app)
    for one in (command, *getattr(command, "commands", {}).values()):
        one.help = _paragraphs(one.help or "")
        plain(one)
        refuse_empty_files(one)
    command.epilog = _examples(name)
    return command


def plain(command: Any) -> None:
    """Leave out what some versions of typer say of Python's types, and write the usage as man pages have it.

    A switch takes no value (``<bool>``), the metavar of an argument says what it is (``<list[path]>``), and braces
    around one that is needed are no part of it.
    """
    from typer import Context  # noqa: PLC0415 (not for the main job)

    arguments = []
    for parameter in command.get_params(Context(command, help_option_names=["-h", "--help"])):
        if parameter.param_type_name == "argument":
            arguments.append(parameter)
            parameter.display_type_rich = _no_type
        elif parameter.is_flag and parameter.metavar is None:
            parameter.metavar = ""
    if not hasattr(command, "commands"):
        command.collect_usage_pieces = lambda _: ["[OPTIONS]", *map(_usage, arguments)]


def refuse_empty_files(command: Any) -> None:
    """Have a command refuse a file without a name, which would be the folder that one is in."""
    for parameter in command.params:
        if parameter.metavar in FILES:
            parameter.process_value = partial(_named, parameter, parameter.process_value)


def _named(parameter: Any, process: Callable[[Any, Any], Any], context: Any, value: Any) -> Any:
    """Stand for click's method that turns what was given into a value."""
    if value == "" or (isinstance(value, list | tuple) and "" in value):
        from typer import BadParameter  # noqa: PLC0415 (not for the main job)

        raise BadParameter("an empty name is no file", ctx=context, param=parameter)
    return process(context, value)


def _no_type(**_: Any) -> None:
    """Stand for typer's method of an argument that names its type."""


def _usage(argument: Any) -> str:
    text = argument.metavar if argument.required else f"[{argument.metavar}]"
    return f"{text}{'...' if argument.nargs != 1 else ''}"


def _paragraphs(text: str) -> str:
    r"""Return a text in which only paragraphs end lines: those of the source say nothing to a terminal.

    >>> _paragraphs("One\ntwo.\n\nThree.")
    'One two.\n\nThree.'
    """
    return "\n\n".join(re.sub(r"\s*\n\s*", " ", part) for part in inspect.cleandoc(text).split("\n\n"))


def _examples(name: str) -> str:
    """Return the examples as text: each line with what it is for above it."""
    rows = [f"  {line}\n      {purpose}" for purpose, line in EXAMPLES[name]]
    return "\n".join(["Examples:", *rows])
