# SPDX-License-Identifier: GPL-2.0-or-later
"""What every command shares: its typer application, the options that choose release and table, and its streams."""

from __future__ import annotations

from functools import wraps
from inspect import Parameter as Argument
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer

from elfsyms.cli.parameters import WHAT_IF, Parameter
from elfsyms.cli.streams import emit, emit_all, emit_json, hexadecimal, request, say, say_findings

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = [
    "Given",
    "Json",
    "SystemMap",
    "TableArguments",
    "Verbose",
    "application",
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

Given: TypeAlias = dict[str, Any]
"""What was given of some parameters, by field."""

TableArguments: TypeAlias = Given
"""What was given of :data:`elfsyms.cli.parameters.WHAT_IF`; :func:`elfsyms.cli.streams.request` takes it."""

_TYPES: dict[str, Any] = {
    "text": str | None,
    "texts": list[str] | None,
    "path": Path | None,
    "percent": int,
    "switch": bool,
    "pair": bool | None,
}


def application() -> typer.Typer:
    """Return the application of one command."""
    return typer.Typer(
        add_completion=False,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )


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
        added = [
            Argument(p.field, Argument.KEYWORD_ONLY, default=p.default, annotation=_annotation(p))
            for p in parameters
        ]
        command.__signature__ = own.replace(parameters=[*kept, *added])  # type: ignore[attr-defined] # typer reads it
        command.__annotations__ = {parameter.name: parameter.annotation for parameter in (*kept, *added)}
        return command

    return decorate


def takes_table_options(function: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options that choose release and table; it takes them as one argument, ``table``."""
    return takes(WHAT_IF, into="table")(function)


def _annotation(parameter: Parameter) -> Any:
    """Return what typer reads: the type, and the option's names and help."""
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
    return Annotated[_TYPES[parameter.kind], option]
