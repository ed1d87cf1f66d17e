# SPDX-License-Identifier: GPL-2.0-or-later
"""``elfsyms releases``: the table of traits, whole or for one release."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from elfsyms.cli import options
from elfsyms.cli.encode import encode

if TYPE_CHECKING:
    from collections.abc import Iterator

    from elfsyms.releases.format_history import Release, Row, Trait
    from elfsyms.releases.rules import Rule
    from elfsyms.releases.versions import Version

app = options.application()

_WIDTH = 80


@app.command()
def releases(
    release: Annotated[
        str | None, typer.Argument(metavar="R", help="One release, as 4.19 or 6.1.192.")
    ] = None,
    json: options.Json = False,
) -> None:
    """Show what the tables of each kernel release look like, since when, and by which commit."""
    from elfsyms.releases.versions import parse_version  # noqa: PLC0415 (not for --help)

    if release is None:
        body: dict[str, Any] = {"traits": encode(_traits())}
        text = "\n".join(_history())
    else:
        version = parse_version(release)
        body = _release_facts(version)
        text = "\n".join(_release_lines(version))
    if json:
        options.emit_json("elfsyms.releases/1", body)
    else:
        options.emit(text + "\n")


def _traits() -> tuple[Trait, ...]:
    from elfsyms.releases.format_history import TRAITS, Row, Trait  # noqa: PLC0415 (not for --help)
    from elfsyms.releases.options import OPTIONS  # noqa: PLC0415 (not for --help)

    rows = tuple(Row(o.flag, o.when, o.commit, o.note) for o in OPTIONS if o.of_generator)
    known_options = Trait("options", "the options that the generator knows", rows)
    return (*TRAITS, known_options)


def _history() -> Iterator[str]:
    """Yield every trait with all of its rows."""
    for trait in _traits():
        yield from _wrap(f"{trait.field}: {trait.meaning}", "", "  ")
        for row in trait.rows:
            yield from _wrap(f"{row.when}  {_value(row.value)}{_source(row)}", "    ", "      ")


def _release_lines(version: Version) -> Iterator[str]:
    """Yield every trait's value in one release, and the rules in force."""
    from elfsyms.releases.format_history import TRAITS, release_of  # noqa: PLC0415 (not for --help)

    release = release_of(version)
    yield f"release {release.name}"
    for trait in TRAITS:
        row = trait.row(version)
        yield from _wrap(f"{trait.field:<21} {_value(row.value)}", "  ", " " * 24)
        yield from _wrap(f"{row.when}{_source(row)}", " " * 26, " " * 26)
    yield from _wrap(f"{'options':<21} {' '.join(release.options)}", "  ", " " * 24)
    for stage, rules in _rules_by_stage(release):
        ids = [f"{rule.id} {rule.slug}" for rule in rules]
        yield from _wrap(f"{'rules, ' + stage:<21} {', '.join(ids) or 'none'}", "  ", " " * 24)


def _rules_by_stage(release: Release) -> Iterator[tuple[str, list[Rule]]]:
    """Yield each stage that depends on the release, with its rules."""
    from elfsyms.releases.rules import STAGES  # noqa: PLC0415 (not for --help)

    book = release.book
    for stage in STAGES:
        if stage != "nm":
            yield stage, [book.rules[index] for index in book.of(stage)]


def _wrap(text: str, first: str, rest: str) -> list[str]:
    from textwrap import wrap  # noqa: PLC0415 (not for --help)

    return wrap(
        text,
        _WIDTH,
        initial_indent=first,
        subsequent_indent=rest,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _value(value: Any) -> str:
    if value in (None, "", ()):
        return "none"
    if isinstance(value, tuple):
        return ", ".join("..".join(v) if isinstance(v, tuple) else str(v) for v in value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


def _source(row: Row) -> str:
    parts = [part for part in (row.commit, row.note) if part]
    return f"  ({', '.join(parts)})" if parts else ""


def _release_facts(version: Version) -> dict[str, Any]:
    from elfsyms.releases.format_history import TRAITS, release_of  # noqa: PLC0415 (not for --help)

    release = release_of(version)
    return {
        "release": release.name,
        "traits": {trait.field: encode(trait.row(version)) for trait in TRAITS},
        "options": list(release.options),
        "rules": {stage: [rule.id for rule in rules] for stage, rules in _rules_by_stage(release)},
    }
