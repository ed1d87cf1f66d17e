# SPDX-License-Identifier: GPL-2.0-or-later
"""``elfsyms export KERNEL... -o atlas/``: kernels into an atlas of Parquet files."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 (typer reads the annotations as it runs)
from typing import TYPE_CHECKING, Annotated

import typer

from elfsyms.cli import options
from elfsyms.cli.progress import step
from elfsyms.errors import ElfsymsError

if TYPE_CHECKING:
    from elfsyms.atlas.store import Atlas
    from elfsyms.detect.request import Request

app = options.application()


@app.command()
@options.takes_table_options
def export(
    files: Annotated[list[Path], typer.Argument(metavar="KERNEL", help="Kernels: vmlinux, or boot images.")],
    output: Annotated[
        str,
        typer.Option("--output", "-o", metavar="ATLAS", help="The atlas: a folder, or s3://bucket/folder."),
    ],
    replace: Annotated[
        bool, typer.Option("--replace", help="Write kernels anew that the atlas has already.")
    ] = False,
    *,
    table: options.TableArguments,
) -> None:
    """Write the symbols of kernels into an atlas: a Parquet file each, one row a symbol.

    A kernel that the atlas has already, by its build-id, is left as it is. One that cannot be read is reported,
    and the others are written all the same; the exit code is then that of the worst.
    """
    from elfsyms.atlas.parquet import need_pyarrow  # noqa: PLC0415 (not for a usage error)

    need_pyarrow()
    from elfsyms.atlas.store import open_atlas  # noqa: PLC0415 (pyarrow)

    request, atlas = options.request(**table), open_atlas(output)
    atlas.remove_leftovers()
    codes = []
    for number, file in enumerate(files, 1):
        step(f"kernel {number:,} of {len(files):,}, {file}")
        codes.append(_export(atlas, file, request, replace=replace))
    raise typer.Exit(max(codes))


def _export(atlas: Atlas, file: Path, request: Request, *, replace: bool) -> int:
    """Write one kernel; say what became of it, and return its exit code."""
    from elfsyms.atlas.store import add_table  # noqa: PLC0415 (pyarrow)
    from elfsyms.atlas.table import export_request  # noqa: PLC0415 (as above)
    from elfsyms.cli.symbol_text import refuse_text  # noqa: PLC0415 (as above)

    try:
        refuse_text(file, "export")
        rows = export_request(file, request)
        added = add_table(atlas, rows, replace=replace)
    except ElfsymsError as error:
        options.say(f"elfsyms: {error}")
        return error.exit_code
    name, id_ = rows["kernel"][0].as_py(), rows["id"][0].as_py()
    options.emit(f"{'written' if added else 'there':<8}{rows.num_rows:>9,}  {name}  {id_}  {file}\n")
    return 0
