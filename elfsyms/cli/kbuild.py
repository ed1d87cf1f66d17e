# SPDX-License-Identifier: GPL-2.0-or-later
"""``elfsyms kbuild install|status|remove TREE``: the hook in a kernel's own build."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from elfsyms.cli import options
from elfsyms.cli.encode import encode

if TYPE_CHECKING:
    from elfsyms.kbuild import Status

app = options.application()

Tree = Annotated[
    Path, typer.Argument(metavar="TREE", help="The top of a kernel's source tree, 5.10 or later.")
]


@app.callback()
def kbuild() -> None:
    """Use elfsyms in a kernel's own build: put the hook into its tree, then make ELFSYMS=elfsyms."""


@app.command()
def install(tree: Tree, json: options.Json = False) -> None:
    """Put the hook into a tree: one file, and one line in scripts/link-vmlinux.sh."""
    from elfsyms.kbuild import install as put_in  # noqa: PLC0415 (not for --help)

    put_in(tree, partial(_answer, json=json))


@app.command()
def status(tree: Tree, json: options.Json = False) -> None:
    """Say whether the hook is in a tree, and whether it fits.

    Exit code 1 where it is not in use, 4 where the tree's own scripts are not understood.
    """
    from elfsyms.kbuild import State  # noqa: PLC0415 (as above)
    from elfsyms.kbuild import status as look_at  # noqa: PLC0415 (as above)

    found = look_at(tree)
    _answer(found, json=json)
    if found.refused:
        raise typer.Exit(4)
    if found.state is not State.INSTALLED or found.shape is None:
        raise typer.Exit(1)


@app.command()
def remove(tree: Tree, json: options.Json = False) -> None:
    """Take the hook out: the tree is as before, to the byte."""
    from elfsyms.kbuild import remove as take_out  # noqa: PLC0415 (as above)

    take_out(tree, partial(_answer, json=json))


@app.command(hidden=True)
def serve(
    client: Annotated[int, typer.Argument(metavar="PID")],
    requests: Annotated[int, typer.Argument(metavar="FILE")],
    answers: Annotated[int, typer.Argument(metavar="FILE")],
    cache: Annotated[Path | None, typer.Option("--cache", metavar="DIR")] = None,
    once: Annotated[bool, typer.Option("--once", help="There is one link.")] = False,
) -> None:
    """Do one job after another, for the hook: see elfsyms/kbuild/serve.py."""
    from elfsyms.__main__ import outcome  # noqa: PLC0415 (not for --help)
    from elfsyms.errors import NotThereError  # noqa: PLC0415 (as above)
    from elfsyms.kbuild import serve as server  # noqa: PLC0415 (as above)

    try:
        asking, answering = server.open_pipe(requests, "rb"), server.open_pipe(answers, "wb")
    except NotThereError:  # the hook goes on without
        raise typer.Exit(3) from None
    with asking, answering:
        server.serve(asking, answering, outcome, client, cache, once=once)


def _answer(status: Status, *, json: bool) -> None:
    if json:
        options.emit_json("elfsyms.kbuild/1", encode(status))
    else:
        options.emit(f"{status.sentence}\n{status.once_sentence}\n")
