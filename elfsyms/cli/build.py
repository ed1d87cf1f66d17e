# SPDX-License-Identifier: GPL-2.0-or-later
"""``elfsyms FILE -o OUT``: the command line of the main job. What it does is in ``job.py``."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 (typer reads the annotations when it runs)
from typing import Annotated

import typer

from elfsyms.cli import options
from elfsyms.cli.job import run
from elfsyms.cli.parameters import MAIN_JOB
from elfsyms.cli.quick import Job

app = options.application()


@app.command()
@options.takes(MAIN_JOB)
def build(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A vmlinux with .symtab.")],
    *,
    given: options.Given,
) -> None:
    """Write the kallsyms tables of a kernel, exactly as its own release's tools would.

    With no other option, release, ABI and options are found in the file itself.
    """
    run(Job(file, given))
