# SPDX-License-Identifier: GPL-2.0-or-later
"""``elfsyms FILE -o OUT``: the command line of the main job. What it does is in ``job.py``."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 (typer reads the annotations when it runs)
from typing import Annotated

import typer

from elfsyms.cli import words
from elfsyms.cli.job import Job, run

app = words.application()


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
    release: words.ReleaseName = None,
    all_symbols: words.AllSymbols = None,
    absolute_percpu: words.AbsolutePercpu = None,
    base_relative: words.BaseRelative = None,
    pc_relative: words.PcRelative = None,
    lto_clang: words.LtoClang = None,
    exclude_tables: words.ExcludeTables = None,
    symbol_prefix: words.SymbolPrefix = None,
    page_offset: words.PageOffset = None,
    nm: words.NmName = None,
    config: words.Config = None,
    tree: words.Tree = None,
    cache: Annotated[
        Path | None,
        typer.Option("--cache", metavar="DIR", help="Remember names from one link pass to the next."),
    ] = None,
    stats: Annotated[bool, typer.Option("--stats", help="Say what each table takes.")] = False,
    verbose: words.Verbose = False,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="Say nothing but warnings and errors.")
    ] = False,
    json: words.Json = False,
) -> None:
    """Write the kallsyms tables of a kernel, exactly as its own release's tools would.

    With no other option, release, ABI and options are found in the file itself.
    """
    run(Job(**locals()))
