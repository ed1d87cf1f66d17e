# SPDX-License-Identifier: GPL-2.0-or-later
"""The command line of ``elfsyms fill``. What it does is in ``one_link.py``."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 (typer reads annotations when it runs)
from typing import Annotated

import typer

from elfsyms.cli import options
from elfsyms.cli.one_link import run_fill
from elfsyms.cli.parameters import FILL
from elfsyms.cli.quick import Job

app = options.application()


@app.command()
@options.takes(FILL)
def fill(
    file: Annotated[Path, typer.Argument(metavar="VMLINUX", help="A vmlinux linked with a reserved object.")],
    *,
    given: options.Given,
) -> None:
    """Fill in the tables of a kernel that was linked once, with the object of elfsyms reserve.

    Everything is proved before a byte is written. Exit code 1 where the room is not that of its tables: nothing
    was written then but what --or-reserve asks for.
    """
    raise typer.Exit(run_fill(Job(file, given)))
