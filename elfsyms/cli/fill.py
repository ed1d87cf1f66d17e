# SPDX-License-Identifier: GPL-2.0-or-later
"""``elfsyms fill VMLINUX``: the tables, written into the room that the link reserved for them."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 (typer reads annotations when it runs)
from typing import TYPE_CHECKING, Annotated, Any

import typer

from elfsyms.cli import options
from elfsyms.cli.reserve import Cache, Link, Slack, open_cache, remember, write_object

if TYPE_CHECKING:
    from elfsyms.detect.request import Request
    from elfsyms.pipeline.kernel import Kernel
    from elfsyms.writers.fill import FillPlan

app = options.application()


@app.command()
@options.takes_table_options
def fill(
    file: Annotated[Path, typer.Argument(metavar="VMLINUX", help="A vmlinux linked with a reserved object.")],
    system_map: Annotated[
        str | None, typer.Option("--system-map", metavar="FILE", help="Write System.map in the same pass.")
    ] = None,
    or_reserve: Annotated[
        str | None,
        typer.Option(
            "--or-reserve", metavar="OUT", help="Where the room does not fit, write an object that does."
        ),
    ] = None,
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
    """Fill in the tables of a kernel that was linked once, with the object of elfsyms reserve.

    Everything is proved before a byte is written. Exit code 1 where the room is not that of its tables: nothing
    was written then but what --or-reserve asks for.
    """
    request = options.request(**table)
    from elfsyms.pipeline.kernel import load_with  # noqa: PLC0415 (numpy; not for a usage error)
    from elfsyms.writers.room import MismatchError  # noqa: PLC0415 (as above)

    with load_with(file, request) as kernel:
        kernel.cache = open_cache(cache)
        options.say_findings(kernel.findings, verbose=verbose)
        try:
            plan = _fill(kernel, system_map)
        except MismatchError as error:
            if not or_reserve:
                raise
            _reserve(kernel, or_reserve, slack, cache, link, request)
            if not quiet:
                options.say(f"elfsyms: {error}")
            raise typer.Exit(1) from None
    _report(kernel, plan, quiet=quiet, json=json)


def _fill(kernel: Kernel, system_map: str | None) -> FillPlan:
    """Prove, then write the map, then the tables: a map that cannot be written leaves the kernel as it was."""
    from elfsyms.writers.build import check_anchor  # noqa: PLC0415 (as above)
    from elfsyms.writers.fill import plan_fill  # noqa: PLC0415 (as above)
    from elfsyms.writers.inplace import overwrite  # noqa: PLC0415 (as above)
    from elfsyms.writers.output import write_output  # noqa: PLC0415 (as above)

    check_anchor(kernel)
    plan = plan_fill(kernel)
    if system_map is not None:
        write_output(system_map, kernel.system_map)
    overwrite(kernel.image.path, plan.writes)
    return plan


def _reserve(
    kernel: Kernel, output: str, slack: int, cache: Path | None, link: str | None, request: Request
) -> None:
    from elfsyms.writers.object_worker import ObjectMaker  # noqa: PLC0415 (as above)
    from elfsyms.writers.reserve import reserve  # noqa: PLC0415 (as above)

    layout = reserve(kernel.layout, slack)
    remember(layout, request, cache, link)
    maker = ObjectMaker(wait=True)
    try:
        write_object(layout, output, maker, cache)
    finally:
        maker.close()


def _report(kernel: Kernel, plan: FillPlan, *, quiet: bool, json: bool) -> None:
    if json:
        options.emit_json("elfsyms.fill/1", _facts(kernel, plan))
    elif not quiet:
        options.say(
            f"{kernel.image.path}: {len(kernel.tables.records):,} symbols filled in, {plan.size:,} bytes; "
            f"{_build_id_text(plan)}"
        )


def _build_id_text(plan: FillPlan) -> str:
    if not plan.build_id.old:
        return "no build ID"
    if not plan.build_id.algorithm:
        return "the build ID stays that of the link: how this linker made it is not known"
    return f"build ID as the linker would have made it ({plan.build_id.algorithm})"


def _facts(kernel: Kernel, plan: FillPlan) -> dict[str, Any]:
    return {
        "file": str(kernel.image.path),
        "release": kernel.release.name,
        "options": list(kernel.options.given()),
        "symbols": len(kernel.tables.records),
        "bytes": plan.size,
        "build_id": {
            "before": plan.build_id.old.hex(),
            "now": plan.build_id.new.hex(),
            "algorithm": plan.build_id.algorithm or None,
        },
    }
