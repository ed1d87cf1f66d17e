# SPDX-License-Identifier: GPL-2.0-or-later
"""``elfsyms atlas 'tcp_*' --in atlas/``: in which kernels names are, since when gone, why, and as what."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from elfsyms.cli import options
from elfsyms.errors import NotThereError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from elfsyms.atlas.history import Fate, History, Span
    from elfsyms.atlas.store import Atlas, Held
    from elfsyms.cli.render import Line

app = options.application()

_FEW = 200  # names, unless --all asks for more


@app.command()
def atlas(
    what: Annotated[
        str | None,
        typer.Argument(metavar="NAME", help="A name or a glob; left out, the kernels are listed."),
    ] = None,
    folder: Annotated[
        str, typer.Option("--in", metavar="ATLAS", help="The atlas: a folder, or s3://bucket/folder.")
    ] = "atlas",
    gone: Annotated[
        bool, typer.Option("--gone", help="Only names that kernels had, and the newest have not.")
    ] = False,
    everything: Annotated[bool, typer.Option("--all", help="Show every name, however many.")] = False,
    *,
    json: options.Json = False,
) -> None:
    """Say in which kernels of an atlas a name is, since when it is gone, by which rule, and its new name.

    Kernels are compared along lines of one architecture and flavour. Leaves with 3 where no kernel has such a
    name.
    """
    from elfsyms.atlas.parquet import need_pyarrow  # noqa: PLC0415 (not for --help)

    need_pyarrow()
    from elfsyms.atlas.store import open_atlas  # noqa: PLC0415 (pyarrow)

    opened = open_atlas(folder, must_exist=True)
    if what is None:
        _print_kernels(opened, json=json)
        return
    from elfsyms.atlas.history import histories  # noqa: PLC0415 (as above)

    found = histories(opened, what)
    if not found:
        raise NotThereError(f"no kernel of the atlas in {folder} has a symbol {what}")
    shown = [one for one in found if one.gone_since is not None] if gone else found
    if json:
        options.emit_json("elfsyms.atlas/1", {"what": what, "histories": [_facts(one) for one in shown]})
    else:
        _print(shown, None if everything else _FEW)


def _print_kernels(opened: Atlas, *, json: bool) -> None:
    held = opened.kernels()
    if json:
        kernels = [{**one.facts, "rows": one.rows, "path": one.path} for one in held]
        options.emit_json("elfsyms.atlas-kernels/1", {"kernels": kernels})
        return
    from elfsyms.cli.render import columns, show  # noqa: PLC0415 (not for JSON)

    names = ("release", "kernel", "architecture", "source", "id")
    rows = [("rows", *names), *((f"{one.rows:,}", *(one.facts[n] for n in names)) for one in held)]
    head, *rest = columns(rows, "r")
    body: list[Line] = [[line] for line in rest]
    show([[(head, "head")], *body])


def _print(found: Sequence[History], few: int | None) -> None:
    from elfsyms.cli.render import show  # noqa: PLC0415 (not for JSON)

    lines = [line for one in found[:few] for line in _history(one)]
    if few is not None and len(found) > few:
        lines.append([f"and {len(found) - few:,} more (--all)"])
    show(lines)


def _history(one: History) -> Iterable[Line]:
    """Tell a history in a line, or a line a span where there are several."""
    style = "kept" if one.spans[-1].fate.verdict == "kept" else "dropped"
    yield [(one.name, style), f"  {one.line}"]
    for span in one.spans:
        yield [f"  {_kernels(span.kernels):<36}  {_fate(span.fate)}".rstrip()]


def _kernels(kernels: Sequence[Held]) -> str:
    first, last = kernels[0].facts["release"], kernels[-1].facts["release"]
    several = f" ({len(kernels)} kernels)" if len(kernels) > 1 else ""
    return f"{first}{several}" if first == last else f"{first} .. {last}{several}"


def _fate(fate: Fate) -> str:
    if fate.verdict == "kept":
        return "kept" if fate.count == 1 else f"kept, {fate.count} symbols"
    if fate.verdict == "dropped":
        return f"dropped by {fate.rule}"
    return f"not there; now {fate.now}" if fate.now else "not there"


def _facts(one: History) -> dict[str, Any]:
    gone = one.gone_since
    return {
        "name": one.name,
        "line": one.line,
        "gone_since": gone.facts["kernel"] if gone else None,
        "spans": [_span(span) for span in one.spans],
    }


def _span(span: Span) -> dict[str, Any]:
    return {
        "verdict": span.fate.verdict,
        "rule": span.fate.rule or None,
        "symbols": span.fate.count,
        "now": span.fate.now or None,
        "kernels": [held.facts["kernel"] for held in span.kernels],
        "ids": [held.facts["id"] for held in span.kernels],
    }
