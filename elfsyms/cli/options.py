# SPDX-License-Identifier: GPL-2.0-or-later
"""What every command shares: its typer application, the options that choose release and table, and its speech."""

from __future__ import annotations

from functools import wraps
from inspect import Parameter, signature
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer

from elfsyms.cli.streams import emit, emit_all, emit_json, hexadecimal, request, say, say_findings

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "TABLE_OPTIONS",
    "AbsolutePercpu",
    "AllSymbols",
    "BaseRelative",
    "Config",
    "ExcludeTables",
    "Json",
    "LtoClang",
    "NmName",
    "PageOffset",
    "PcRelative",
    "ReleaseName",
    "SymbolPrefix",
    "TableArguments",
    "Tree",
    "Verbose",
    "application",
    "emit",
    "emit_all",
    "emit_json",
    "hexadecimal",
    "request",
    "say",
    "say_findings",
    "takes_table_options",
]

_TABLE = "What the table is made for (found in the file, where not given)"

ReleaseName = Annotated[
    str | None,
    typer.Option(
        "--release", metavar="R", help="Kernel release, as 6.12 or 6.1.192.", rich_help_panel=_TABLE
    ),
]
AllSymbols = Annotated[
    bool | None,
    typer.Option("--all-symbols/--no-all-symbols", help="Keep data symbols too.", rich_help_panel=_TABLE),
]
AbsolutePercpu = Annotated[
    bool | None,
    typer.Option(
        "--absolute-percpu/--no-absolute-percpu",
        help="Per-CPU symbols are offsets (x86-64, 3.15 to 6.14).",
        rich_help_panel=_TABLE,
    ),
]
BaseRelative = Annotated[
    bool | None,
    typer.Option(
        "--base-relative/--no-base-relative",
        help="32-bit offsets from a base (4.6 to 6.10).",
        rich_help_panel=_TABLE,
    ),
]
PcRelative = Annotated[
    bool | None,
    typer.Option(
        "--pc-relative/--no-pc-relative",
        help="Offsets from their own place (7.0 on).",
        rich_help_panel=_TABLE,
    ),
]
LtoClang = Annotated[
    bool | None,
    typer.Option(
        "--lto-clang/--no-lto-clang", help="Sort names without LTO's suffix.", rich_help_panel=_TABLE
    ),
]
ExcludeTables = Annotated[
    bool | None,
    typer.Option(
        "--exclude-tables/--no-exclude-tables",
        help="Leave the tables' own labels out of the map (6.4 to 6.9).",
        rich_help_panel=_TABLE,
    ),
]
SymbolPrefix = Annotated[
    str | None,
    typer.Option(
        "--symbol-prefix", metavar="C", help="Character before every C name.", rich_help_panel=_TABLE
    ),
]
PageOffset = Annotated[
    str | None,
    typer.Option("--page-offset", metavar="HEX", help="Drop what lies below (ARM).", rich_help_panel=_TABLE),
]
NmName = Annotated[
    str | None,
    typer.Option(
        "--nm",
        metavar="gnu|llvm",
        help="Whose nm lists the symbols; llvm-19 or a program's name will do.",
        rich_help_panel=_TABLE,
    ),
]
Config = Annotated[
    Path | None,
    typer.Option(
        "--config", metavar="FILE", help="Options from a .config or auto.conf.", rich_help_panel=_TABLE
    ),
]
Tree = Annotated[
    Path | None,
    typer.Option(
        "--tree",
        metavar="DIR",
        help="Release and rules from a kernel tree's own scripts.",
        rich_help_panel=_TABLE,
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
Verbose = Annotated[
    bool, typer.Option("--verbose", "-v", help="Say what was found in the file, and from what.")
]


def application() -> typer.Typer:
    """Return the application of one command."""
    return typer.Typer(
        add_completion=False,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )


TABLE_OPTIONS: dict[str, Any] = {
    "release": ReleaseName,
    "all_symbols": AllSymbols,
    "absolute_percpu": AbsolutePercpu,
    "base_relative": BaseRelative,
    "pc_relative": PcRelative,
    "lto_clang": LtoClang,
    "exclude_tables": ExcludeTables,
    "symbol_prefix": SymbolPrefix,
    "page_offset": PageOffset,
    "nm": NmName,
    "config": Config,
    "tree": Tree,
}
TableArguments: TypeAlias = dict[str, Any]
"""What was given of :data:`TABLE_OPTIONS`, by name; :func:`elfsyms.cli.streams.request` takes it."""


def takes_table_options(function: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options that choose release and table; it takes them as one argument, ``table``."""

    @wraps(function)
    def command(**arguments: Any) -> None:
        table = {name: arguments.pop(name) for name in TABLE_OPTIONS}
        function(**arguments, table=table)

    own = signature(function, eval_str=True)
    kept = [p.replace(kind=Parameter.KEYWORD_ONLY) for p in own.parameters.values() if p.name != "table"]
    added = [
        Parameter(name, Parameter.KEYWORD_ONLY, default=None, annotation=hint)
        for name, hint in TABLE_OPTIONS.items()
    ]
    command.__signature__ = own.replace(parameters=[*kept, *added])  # type: ignore[attr-defined] # typer reads it
    command.__annotations__ = {parameter.name: parameter.annotation for parameter in (*kept, *added)}
    return command
