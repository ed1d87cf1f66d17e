# SPDX-License-Identifier: GPL-2.0-or-later
"""The command line of ``elfsyms reserve``. What it does is in ``one_link.py``."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 (typer reads annotations when it runs)
from typing import Annotated

import typer

from elfsyms.cli import options
from elfsyms.cli.one_link import run_reserve
from elfsyms.cli.parameters import RESERVE
from elfsyms.cli.quick import Job

app = options.application()


@app.command()
@options.takes(RESERVE)
def reserve(
    file: Annotated[
        Path | None,
        typer.Argument(
            metavar="FILE",
            help="A vmlinux with the same names, or the object of its tables; none: the sizes remembered.",
        ),
    ] = None,
    *,
    given: options.Given,
) -> None:
    """Reserve room: write an object with every label of the tables, at its exact size, and nothing in it yet.

    Link the kernel with it, then let elfsyms fill write the tables into the file. Exit code 3 where nothing is
    remembered.
    """
    raise typer.Exit(run_reserve(Job(file, given)))
