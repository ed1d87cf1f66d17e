# SPDX-License-Identifier: GPL-2.0-or-later
"""What every command shares: its typer application, the options that choose release and table, and output.

Data goes to standard output, everything else to standard error. ``--json`` prints one object with its schema's
name and version; addresses in it are strings.
"""

from __future__ import annotations

import json
import os
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from elfsyms.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from elfsyms.detect import Findings, Request

__all__ = [
    "AbsolutePercpu",
    "AllSymbols",
    "BaseRelative",
    "Config",
    "ExcludeTables",
    "Json",
    "LtoClang",
    "PageOffset",
    "PcRelative",
    "ReleaseName",
    "SymbolPrefix",
    "Tree",
    "Verbose",
    "application",
    "emit",
    "emit_json",
    "hexadecimal",
    "quiet_pipe",
    "request",
    "say",
    "say_findings",
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


def request(*, symbol_prefix: str | None = None, page_offset: str | None = None, **others: Any) -> Request:
    """Make a request of the options as typer hands them over."""
    from elfsyms.detect import Request  # noqa: PLC0415 (brings numpy)

    return Request(
        symbol_prefix=None if symbol_prefix is None else _one_character(symbol_prefix),
        page_offset=None if page_offset is None else hexadecimal(page_offset, "--page-offset"),
        **others,
    )


def _one_character(text: str) -> bytes:
    """Take a prefix as the generator does: quotes around it do not count."""
    bare = text[1:2] if len(text) == 3 and text[0] == text[2] and text[0] in "\"'" else text
    if len(bare.encode()) > 1:
        raise UsageError(f"--symbol-prefix takes one character, not {text!r}")
    return bare.encode()


def hexadecimal(text: str, option: str) -> int:
    """Read a hexadecimal number, with or without its ``0x``."""
    try:
        number = int(text, 16)
    except ValueError:
        number = -1
    if not 0 <= number < 1 << 64:
        raise UsageError(f"{option} takes a hexadecimal number of at most 64 bits, not {text!r}")
    return number


def emit(text: str | bytes) -> None:
    """Print data to standard output; when its reader went away, end quietly."""
    from elfsyms.writers.output import write_output  # noqa: PLC0415 (not for --help)

    with quiet_pipe():
        write_output("-", text if isinstance(text, bytes) else text.encode("utf-8", "surrogateescape"))


@contextmanager
def quiet_pipe() -> Iterator[None]:
    """End the program quietly, and well, where the reader of standard output went away."""
    try:
        yield
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(0) from None


def emit_json(schema: str, body: dict[str, Any]) -> None:
    """Print an object with its schema's name, ``elfsyms.NAME/VERSION``."""
    emit(json.dumps({"schema": schema, **body}, indent=2) + "\n")


def say(text: str) -> None:
    """Print a remark to standard error."""
    print(text, file=sys.stderr)  # noqa: T201 (the one place where remarks are printed)


def say_findings(findings: Findings, *, verbose: bool, quiet: bool = False) -> None:
    """Tell contradictions always, and with ``verbose`` everything that was found."""
    for warning in findings.warnings if not quiet else ():
        say(f"elfsyms: warning: {warning}")
    if verbose:
        width = max(len(finding.what) for finding in findings.found)
        for finding in findings.found:
            say(f"  {finding.what:<{width}}  {finding.value:<8}  ({finding.source})")
