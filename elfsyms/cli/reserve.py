# SPDX-License-Identifier: GPL-2.0-or-later
"""``elfsyms reserve VMLINUX -o kallsyms.o``: room for tables that are filled in after the link."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from elfsyms.cli import options
from elfsyms.errors import NotThereError, UsageError

if TYPE_CHECKING:
    from elfsyms.detect.request import Request
    from elfsyms.pipeline.cache import PassCache
    from elfsyms.pipeline.layout import Layout
    from elfsyms.writers.object_worker import ObjectMaker

__all__ = ["Cache", "Link", "Slack", "app"]

app = options.application()

Cache = Annotated[
    Path | None,
    typer.Option("--cache", metavar="DIR", help="Remember names and sizes from one link to the next."),
]
Link = Annotated[
    str | None,
    typer.Option(
        "--link",
        metavar="TEXT",
        help="What the link depends on besides release and configuration: the sizes are remembered under it.",
    ),
]
Slack = Annotated[
    int,
    typer.Option("--slack", metavar="PERCENT", min=0, max=100, help="Reserve more, for symbols to come."),
]


@app.command()
@options.takes_table_options
def reserve(
    file: Annotated[
        Path | None,
        typer.Argument(metavar="[FILE]", help="A vmlinux with the same names; none: the sizes remembered."),
    ] = None,
    if_known: Annotated[
        bool, typer.Option("--if-known", help="Where no sizes are remembered, say nothing, and leave with 1.")
    ] = False,
    output: Annotated[str, typer.Option("--output", "-o", metavar="OUT", help="The object to write.")] = "",
    slack: Slack = 0,
    cache: Cache = None,
    link: Link = None,
    *,
    table: options.TableArguments,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="Say nothing but warnings and errors.")
    ] = False,
    verbose: options.Verbose = False,
    json: options.Json = False,
) -> None:
    """Reserve room: write an object with every label of the tables, at its exact size, and nothing in it yet.

    Link the kernel with it, then let elfsyms fill write the tables into the file. Exit code 3 where nothing is
    remembered.
    """
    if not output:
        raise UsageError("where to? give -o kallsyms.o")
    from elfsyms.writers.object_worker import ObjectMaker  # noqa: PLC0415 (not for a usage error)

    maker = ObjectMaker(wait=cache is not None)
    try:
        layout = _reserve(file, options.request(**table), slack, cache, link, verbose=verbose)
        write_object(layout, output, maker, cache)
    except NotThereError:
        if not if_known:
            raise
        raise typer.Exit(1) from None
    finally:
        maker.close()
    size = len(layout.blob)
    if json:
        options.emit_json("elfsyms.reserve/1", {"output": output, "bytes": size, "slack": slack})
    elif not quiet:
        options.say(f"{output}: room for {size:,} bytes of tables, to be filled in after the link")


def write_object(layout: Layout, output: str, maker: ObjectMaker, cache: Path | None) -> None:
    """Write the object of a reserved layout."""
    from elfsyms.writers.output import write_output  # noqa: PLC0415 (as above)

    maker.order(layout, open_cache(cache))
    write_output(output, maker.fetch())


def open_cache(folder: Path | None) -> PassCache | None:
    """Return the cache of a folder, if one was given."""
    from elfsyms.pipeline.cache import PassCache  # noqa: PLC0415 (numpy)

    return PassCache(folder) if folder else None


def _reserve(
    file: Path | None, request: Request, slack: int, cache: Path | None, link: str | None, *, verbose: bool
) -> Layout:
    if file is None:
        return _remembered(request, cache, link)
    from elfsyms.pipeline.kernel import load_with  # noqa: PLC0415 (as above)
    from elfsyms.writers.build import check_anchor  # noqa: PLC0415 (as above)
    from elfsyms.writers.reserve import reserve as reserved  # noqa: PLC0415 (as above)

    with load_with(file, request) as kernel:
        kernel.cache = open_cache(cache)
        options.say_findings(kernel.findings, verbose=verbose)
        check_anchor(kernel)
        layout = reserved(kernel.layout, slack)
    remember(layout, request, cache, link)
    return layout


def remember(layout: Layout, request: Request, cache: Path | None, link: str | None) -> None:
    """Remember sizes for the next build, if there is where to."""
    folder = open_cache(cache)
    if folder is not None and link is not None:
        from elfsyms.writers.sizes import remember_sizes, size_key  # noqa: PLC0415 (as above)

        remember_sizes(folder, size_key(request, link), layout)


def _remembered(request: Request, cache: Path | None, link: str | None) -> Layout:
    folder = open_cache(cache)
    if folder is None or link is None:
        raise UsageError("without a FILE, reserve takes remembered sizes: give --cache and --link")
    from elfsyms.writers.sizes import recall_sizes, size_key  # noqa: PLC0415 (as above)

    layout = recall_sizes(folder, size_key(request, link))
    if layout is None:
        raise NotThereError(
            f"no sizes are remembered in {folder.folder} for this configuration, linker and release"
        )
    return layout
