# SPDX-License-Identifier: GPL-2.0-or-later
"""``elfsyms report KERNEL -o report.html``: one page about a kernel; of two, about what changed."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 (typer reads the annotations as it runs)
from typing import TYPE_CHECKING, Annotated

import typer

from elfsyms.cli import options
from elfsyms.cli.streams import for_output

if TYPE_CHECKING:
    from elfsyms.detect.request import Request

app = options.application()


@app.command()
@options.takes_table_options
def report(
    file: Annotated[
        Path,
        typer.Argument(metavar="KERNEL", help="A vmlinux, or a kernel in any other form: vmlinuz, boot.img."),
    ],
    other: Annotated[
        Path | None, typer.Argument(metavar="B", help="Another: the page is about what changed.")
    ] = None,
    output: Annotated[
        str, typer.Option("--output", "-o", metavar="FILE", help="Where the page goes; - is standard output.")
    ] = "report.html",
    *,
    table: options.TableArguments,
    verbose: options.Verbose = False,
) -> None:
    """Write one self-contained page: where the symbols went, bytes, tokens, names, and a list to search.

    The page asks no network, and shows in any browser, on a phone, and on paper.
    """
    from elfsyms.writers.output import check_different, write_output  # noqa: PLC0415 (not for --help)

    for name, source in (("KERNEL", file), ("B", other)):
        check_different({name: source, "--output": output})
    request = options.request(**table)
    from elfsyms.cli.symbol_text import refuse_text  # noqa: PLC0415 (numpy; not for a usage error)

    for given in (file, other):
        if given is not None:
            refuse_text(given, "report")
    if other is None:
        page = _kernel_page(file, request, verbose=verbose)
    else:
        from elfsyms.report.difference_page import difference_page  # noqa: PLC0415 (as above)

        page = difference_page(file, other, request)
    write_output(output, for_output(output, page.encode("utf-8", "surrogateescape")))


def _kernel_page(file: Path, request: Request, *, verbose: bool) -> str:
    from elfsyms.decode.opening import open_kernel  # noqa: PLC0415 (numpy; not for a usage error)
    from elfsyms.report.kernel_page import kernel_page  # noqa: PLC0415 (as above)

    with open_kernel(file, request) as kernel:
        options.say_findings(kernel.findings, verbose=verbose)
        return kernel_page(kernel)
