# SPDX-License-Identifier: GPL-2.0-or-later
"""``elfsyms rules``: the catalogue of drop rules, each with its reason, its releases and its fix."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Annotated

import typer

from elfsyms.cli import options
from elfsyms.errors import UsageError

if TYPE_CHECKING:
    from elfsyms.cli.render import Line
    from elfsyms.releases.catalogue import Entry
    from elfsyms.releases.format_history import Release

app = options.application()

_MOST = 24  # characters of a pattern in the overview
_WIDTH = 80


@app.command()
def rules(
    wanted: Annotated[
        list[str] | None, typer.Argument(metavar="ID", help="Rules by id or name: KS201, own-table.")
    ] = None,
    release: Annotated[
        str | None,
        typer.Option("--release", metavar="R", help="Only what is in force in this kernel release."),
    ] = None,
    stage: Annotated[
        str | None,
        typer.Option(
            "--stage",
            metavar="STAGE",
            help="Only one stage: nm, map, read, valid, range; or ftrace, kprobe ...",
        ),
    ] = None,
    json: options.Json = False,
) -> None:
    """Show the rules: which symbols are dropped, which functions cannot be traced, since when, and what to do."""
    from elfsyms.releases.catalogue import GROUPS, catalogue, find_rules  # noqa: PLC0415 (numpy; not for --help)
    from elfsyms.releases.format_history import find_release  # noqa: PLC0415 (as above)

    if stage is not None and stage not in GROUPS:
        raise UsageError(f"there is no stage {stage!r}: the stages are {', '.join(GROUPS)}")
    chosen = find_release(release) if release is not None else None
    entries = [entry for name in wanted for entry in find_rules(name)] if wanted else list(catalogue(chosen))
    entries = [entry for entry in entries if stage in (None, entry.stage)]
    if json:
        body = [entry.as_dict() | _in_force(entry, chosen) for entry in entries]
        options.emit_json("elfsyms.rules/1", {"release": chosen.name if chosen else None, "rules": body})
        return
    from elfsyms.cli.render import show  # noqa: PLC0415 (as above)

    show(_pages(entries, chosen) if wanted else _overview(entries))


def _in_force(entry: Entry, release: Release | None) -> dict[str, bool]:
    from elfsyms.releases.catalogue import catalogue  # noqa: PLC0415 (as above)

    return {} if release is None else {"in_force": entry in catalogue(release)}


def _overview(entries: list[Entry]) -> list[Line]:
    """Return one line a rule, by stage."""
    from elfsyms.cli.render import columns  # noqa: PLC0415 (as above)
    from elfsyms.releases.catalogue import GROUPS  # noqa: PLC0415 (as above)

    lines: list[Line] = [["Releases are half-open: 6.4..6.10 is from 6.4 up to, and not with, 6.10."]]
    texts = columns([(e.id, e.slug, _short(e.matches), "") for e in entries])
    for stage, meaning in GROUPS.items():
        rows = [(text, e) for e, text in zip(entries, texts, strict=True) if e.stage == stage]
        if rows:
            lines += [[""], *_heading(stage, meaning)]
            lines += [line for text, entry in rows for line in _row(text, entry, max(map(len, texts)))]
    return lines


def _heading(stage: str, meaning: str) -> list[Line]:
    """Return the line of a stage."""
    from elfsyms.cli.render import line  # noqa: PLC0415 (as above)

    first, *rest = textwrap.wrap(f"{stage}: {meaning}", _WIDTH)
    return [[(stage, "head"), first[len(stage) :]], *map(line, rest)]


def _row(text: str, entry: Entry, width: int) -> list[Line]:
    """Return one rule; its releases, where they are many, in lines of their own under each other."""
    from elfsyms.cli.render import line  # noqa: PLC0415 (as above)

    first, *rest = textwrap.wrap(entry.releases, _WIDTH - width - 4)
    head: Line = ["  ", (text[:5], "rule"), f"{text[5:]:<{width - 5}}  {first}"]
    return [head, *(line(f"{'':<{width + 4}}{part}") for part in rest)]


def _short(text: str) -> str:
    return text if len(text) <= _MOST else f"{text[: _MOST - 1]}…"


def _pages(entries: list[Entry], release: Release | None) -> list[Line]:
    """Tell rules in full, one after the other."""
    lines: list[Line] = []
    for entry in entries:
        lines += [[""]] if lines else []
        lines += _page(entry, release)
    return lines


def _page(entry: Entry, release: Release | None) -> list[Line]:
    from elfsyms.cli.render import field  # noqa: PLC0415 (as above)
    from elfsyms.releases.catalogue import GROUPS  # noqa: PLC0415 (as above)
    from elfsyms.releases.rules import STAGES  # noqa: PLC0415 (as above)

    lines: list[Line] = [[(entry.id, "rule"), "  ", (entry.slug, "head")]]
    lines += field("stage", f"{entry.stage}: {GROUPS[entry.stage]}")
    if entry.matches or entry.stage in STAGES:  # what refuses to trace drops nothing
        lines += field("drops", entry.drops)
    lines += field("why", entry.reason)
    lines += field("file", entry.file)
    lines += field("releases", entry.releases)
    if release is not None:
        held = _in_force(entry, release)["in_force"]
        lines += field("", f"{'in force' if held else 'not in force'} in {release.name}")
    return lines + field("fix", entry.fix)
