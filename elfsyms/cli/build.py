# SPDX-License-Identifier: GPL-2.0-or-later
"""``elfsyms FILE -o OUT``: the command line of the main job. What it does is in ``job.py``."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 (typer reads the annotations when it runs)
from typing import Annotated

import typer

from elfsyms.cli import options
from elfsyms.cli.job import Job, run

app = options.application()


@app.command()
def build(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A vmlinux with .symtab.")],
    output: Annotated[
        str | None,
        typer.Option("--output", "-o", metavar="OUT", help="An object (.o) or assembly (.S); - prints."),
    ] = None,
    form: Annotated[
        str | None, typer.Option("--format", metavar="o|S", help="What to write, whatever OUT ends in.")
    ] = None,
    system_map: Annotated[
        str | None, typer.Option("--system-map", metavar="FILE", help="Write System.map in the same pass.")
    ] = None,
    empty: Annotated[
        bool, typer.Option("--empty", help="The table of no symbols, for the first link; FILE lends its ABI.")
    ] = False,
    release: options.ReleaseName = None,
    all_symbols: options.AllSymbols = None,
    absolute_percpu: options.AbsolutePercpu = None,
    base_relative: options.BaseRelative = None,
    pc_relative: options.PcRelative = None,
    lto_clang: options.LtoClang = None,
    exclude_tables: options.ExcludeTables = None,
    symbol_prefix: options.SymbolPrefix = None,
    page_offset: options.PageOffset = None,
    nm: options.NmName = None,
    config: options.Config = None,
    tree: options.Tree = None,
    cache: Annotated[
        Path | None,
        typer.Option("--cache", metavar="DIR", help="Remember names from one link pass to the next."),
    ] = None,
    stats: Annotated[bool, typer.Option("--stats", help="Say what each table takes.")] = False,
    verbose: options.Verbose = False,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="Say nothing but warnings and errors.")
    ] = False,
    json: options.Json = False,
) -> None:
    """Write the kallsyms tables of a kernel, exactly as its own release's tools would.

    With no other option, release, ABI and options are found in the file itself.
    """
    run(Job(**locals()))
