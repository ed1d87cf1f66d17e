#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Write the reference pages under ``docs/reference`` that follow from the program's own data.

    scripts/make_reference.py            # write them
    scripts/make_reference.py --check    # say which are out of date; exit code 1 if any is

Releases come from the table of traits, rules from the catalogue, commands from what the command line declares.
A test checks that the pages are those that this makes.
"""

from __future__ import annotations

import argparse
import html
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from elfsyms.cli.app import COMMANDS, load_command
from elfsyms.cli.examples import EXAMPLES
from elfsyms.releases.catalogue import GROUPS, catalogue
from elfsyms.releases.format_history import TRAITS
from elfsyms.releases.options import OPTIONS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from elfsyms.releases.catalogue import Entry

__all__ = ["PAGES", "out_of_date"]

FOLDER = Path(__file__).parent.parent / "docs" / "reference"
MADE = "<!-- Made by scripts/make_reference.py: change the data, not this page. -->"


def releases_page() -> Iterator[str]:
    """Yield the lines of the era table."""
    yield from (MADE, "", "# Releases", "")
    yield "What the tables of each kernel look like, since when, and by which commit. Spans are half-open:"
    yield "`6.4..6.10` is from 6.4 up to, and without, 6.10; further spans are stable updates that took it over."
    yield "The last row that holds for a version counts. `elfsyms releases 6.1` shows one release."
    for trait in TRAITS:
        yield from (
            "",
            f"## {trait.field.replace('_', ' ')}",
            "",
            f"{trait.meaning[:1].upper()}{trait.meaning[1:]}.",
            "",
        )
        yield from ("| value | releases | commit |", "|---|---|---|")
        for row in trait.rows:
            commit = ", ".join(part for part in (row.commit and f"`{row.commit}`", row.note) if part)
            yield f"| {_value(row.value)} | `{row.when}` | {commit} |"
    yield from (
        "",
        "## options",
        "",
        "The options that the generator knows, and the variable that makes each.",
        "",
    )
    yield from ("| option | releases | variables | what |", "|---|---|---|---|")
    for option in OPTIONS:
        variables = " or ".join(f"`CONFIG_{name}`" for name in option.kconfig)
        yield f"| `{option.flag}` | `{option.when}` | {variables} | {option.help} |"


def rules_page() -> Iterator[str]:
    """Yield the lines of the rule catalogue."""
    yield from (MADE, "", "# Rules", "")
    yield "Every rule by which a symbol does not reach the tables. Ids are stable; `elfsyms rules KS201` shows one,"
    yield "and `elfsyms rules --json` hands all of them to other tools."
    entries = catalogue()
    for stage, what in GROUPS.items():
        yield from ("", f"## {stage}", "", f"{what[:1].upper()}{what[1:]}.", "")
        yield from ("| id | name | drops | releases | why |", "|---|---|---|---|---|")
        yield from (_rule(entry) for entry in entries if entry.stage == stage)


def commands_page() -> Iterator[str]:
    """Yield the lines of the page of commands."""
    yield from (MADE, "", "# Commands", "")
    yield "`elfsyms FILE -o OUT` with no command is the main job, `elfsyms build`."
    for name, line in COMMANDS.items():
        yield from ("", f"## elfsyms {name}", "", line, "")
        command = load_command(name)
        inner = getattr(command, "commands", None)
        for part, what in (inner or {"": command}).items():
            if part:
                if what.hidden:
                    continue
                yield from (f"### elfsyms {name} {part}", "")
            yield from _parameters(what)
        yield from ("```sh", *(f"{line}  # {purpose}" for purpose, line in EXAMPLES[name]), "```")


def _parameters(command: Any) -> Iterator[str]:
    yield from ("| parameter | what |", "|---|---|")
    for parameter in command.params:
        if getattr(parameter, "hidden", False) or parameter.name == "help":
            continue
        names = [*parameter.opts, *parameter.secondary_opts]
        metavar = (parameter.metavar or "") + ("..." if parameter.nargs == -1 else "")
        if parameter.param_type_name == "argument":
            names, metavar = [metavar or parameter.name.upper()], ""
        shown = ", ".join(f"`{name}{' ' + metavar if metavar else ''}`" for name in names)
        yield f"| {_cell(shown)} | {_cell(parameter.help or '')} |"
    yield ""


def _rule(entry: Entry) -> str:
    drops = _cell(f"`{entry.matches}`") if entry.matches else "see why"
    return f"| {entry.id} | {entry.slug} | {drops} | `{entry.releases}` | {_cell(entry.reason)} |"


def _value(value: Any) -> str:
    if isinstance(value, tuple):
        return ", ".join("..".join(v) if isinstance(v, tuple) else f"`{v}`" for v in value) or "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "none" if value in (None, "") else f"`{value}`"


# What Markdown would take for a link, an emphasis or an escape within <code>.
_MARKS = {ord(mark): f"&#{ord(mark)};" for mark in "[]*_\\"}


def _cell(text: str) -> str:
    """Make a text fit for a cell of a table: one line without bars, as mkdocs shows escapes in code."""
    text = re.sub(
        r"`([^`]*\|[^`]*)`", lambda code: f"<code>{html.escape(code[1]).translate(_MARKS)}</code>", text
    )
    return text.replace("|", "&#124;").replace("\n", " ")


PAGES = {"releases.md": releases_page, "rules.md": rules_page, "commands.md": commands_page}


def out_of_date() -> list[str]:
    """Return the pages that are not what the data make."""
    return [name for name, page in PAGES.items() if _text(page()) != _read(FOLDER / name)]


def _text(lines: Iterator[str]) -> str:
    return "\n".join(lines).rstrip() + "\n"


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""


def main() -> int:
    """Write the pages, or check them."""
    parser = argparse.ArgumentParser(description="Write the reference pages from the program's data.")
    parser.add_argument("--check", action="store_true", help="only say which are out of date")
    if parser.parse_args().check:
        stale = out_of_date()
        for name in stale:
            print(f"docs/reference/{name} is out of date: run scripts/make_reference.py")
        return 1 if stale else 0
    FOLDER.mkdir(exist_ok=True)
    for name, page in PAGES.items():
        (FOLDER / name).write_text(_text(page()), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
