# SPDX-License-Identifier: GPL-2.0-or-later
"""The command line as typer reads it: a command's application, and options of the rows of ``parameters.py``."""

from __future__ import annotations

from functools import wraps
from inspect import Parameter as Argument
from inspect import Signature, signature
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer

from elfsyms.cli.parameters import WHAT_IF, Given, Parameter, Word
from elfsyms.cli.quick import Job
from elfsyms.cli.streams import emit, emit_all, emit_json, hexadecimal, request, say, say_findings

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from elfsyms.cli.quick import Kind

__all__ = [
    "Given",
    "Json",
    "SystemMap",
    "TableArguments",
    "Verbose",
    "application",
    "application_of",
    "emit",
    "emit_all",
    "emit_json",
    "hexadecimal",
    "request",
    "say",
    "say_findings",
    "takes",
    "takes_table_options",
]

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
Verbose = Annotated[
    bool, typer.Option("--verbose", "-v", help="Say what was found in the file, and from what.")
]

SystemMap = Annotated[
    Path | None,
    typer.Option(
        "--map", metavar="FILE", help="The System.map of a kernel without symbols: what its build knew of it."
    ),
]

TableArguments: TypeAlias = Given
"""What was given of :data:`elfsyms.cli.parameters.WHAT_IF`; :func:`elfsyms.cli.streams.request` takes it."""

_TYPES: dict[str, Any] = {
    "text": str | None,
    "texts": list[str],
    "path": Path | None,
    "percent": int,
    "switch": bool,
    "pair": bool | None,
}
# A click of 8.2 takes no list for what stands for words that are not given.
_NO_WORD: dict[str, Any] = {"file": Argument.empty, "optional file": None, "texts": None}
_WORD_TYPES: dict[str, Any] = {"file": Path, "optional file": Path | None, "texts": list[str] | None}


def application() -> typer.Typer:
    """Return the application of one command."""
    return typer.Typer(
        add_completion=False,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )


def application_of(kind: Kind) -> typer.Typer:
    """Return the application of a command that is declared by rows alone: what they take goes to its function."""
    function = kind.function

    texts = [word.field for word in kind.words if word.kind == "texts"]

    def command(**arguments: Any) -> None:
        given = arguments | {field: list(arguments[field] or ()) for field in texts}
        raise typer.Exit(function(Job(given.pop("file"), given)))

    _declare(command, [*map(_argument, kind.words), *map(_option, kind.rows)])
    command.__doc__ = function.__doc__
    app = application()
    app.command()(command)
    return app


def takes(
    parameters: Sequence[Parameter], into: str = "given"
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command some parameters; it takes what was given of them as one argument, named ``into``."""

    def decorate(function: Callable[..., None]) -> Callable[..., None]:
        @wraps(function)
        def command(**arguments: Any) -> None:
            given = {parameter.field: arguments.pop(parameter.field) for parameter in parameters}
            function(**arguments, **{into: given})

        own = signature(function, eval_str=True)
        kept = [p.replace(kind=Argument.KEYWORD_ONLY) for p in own.parameters.values() if p.name != into]
        _declare(command, [*kept, *map(_option, parameters)])
        return command

    return decorate


def takes_table_options(function: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options that choose release and table; it takes them as one argument, ``table``."""
    return takes(WHAT_IF, into="table")(function)


def _declare(command: Callable[..., None], parameters: list[Argument]) -> None:
    """Give a function the parameters that typer is to read."""
    command.__signature__ = Signature(parameters)  # type: ignore[attr-defined] # inspect's, for decorators
    command.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}


def _argument(word: Word) -> Argument:
    """Return a word as typer reads it: its type, and what is shown of it."""
    shown = typer.Argument(metavar=word.metavar, help=word.help, show_default=False)
    return _parameter(word.field, _NO_WORD[word.kind], _WORD_TYPES[word.kind], shown)


def _option(parameter: Parameter) -> Argument:
    """Return an option as typer reads it: its type, its names and what is shown of it."""
    names = parameter.flags
    if parameter.kind == "pair":
        names = (f"{parameter.flags[0]}/{parameter.off_flag}",)
    least, most = (0, 100) if parameter.kind == "percent" else (None, None)
    option = typer.Option(
        *names,
        metavar=parameter.metavar,
        help=parameter.help,
        rich_help_panel=parameter.panel,
        min=least,
        max=most,
    )
    return _parameter(parameter.field, parameter.default, _TYPES[parameter.kind], option)


def _parameter(field: str, default: Any, kind: Any, shown: Any) -> Argument:
    return Argument(field, Argument.KEYWORD_ONLY, default=default, annotation=Annotated[kind, shown])
