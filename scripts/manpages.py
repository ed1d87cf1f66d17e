# SPDX-License-Identifier: GPL-2.0-or-later
"""Man pages of the commands, in roff: one for the program, one for each command. Follows man(7)."""

from __future__ import annotations

import re
from itertools import groupby
from typing import TYPE_CHECKING

from elfsyms.cli.app import EPILOG, HELP

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from declarations import Command, Parameter

__all__ = ["pages"]

_HEAD = r""".\" SPDX-License-Identifier: GPL-2.0-or-later
.\" Made by scripts/shell_files.py: edit what it reads."""
_OPTIONS = r"""
.SH OPTIONS
.TP
\fB\-\-help\fR, \fB\-h\fR
Show what the program or a command takes, and exit.
.TP
\fB\-\-version\fR, \fB\-V\fR
Print the version and exit.
""".strip()
_FILES = """\
.SH FILES
.TP
.I $XDG_CACHE_HOME/elfsyms/names/
names of symbols, for completion; may be deleted at any time
"""


def pages(commands: Sequence[Command]) -> dict[str, str]:
    """Return every page by its file's name."""
    made = {"elfsyms.1": _program(commands)}
    return made | {f"elfsyms-{command.name}.1": _page(command) for command in commands}


def _program(commands: Sequence[Command]) -> str:
    first, *others = HELP.split("\n\n")
    lines = [
        *_title("elfsyms", _lower(first)),
        ".SH SYNOPSIS",
        *_synopsis("elfsyms", ["VMLINUX", "-o", "OUT"]),
        ".br",
        *_synopsis("elfsyms", ["COMMAND", "..."]),
        ".SH DESCRIPTION",
        *_paragraphs("\n\n".join([first, *others])),
        ".SH COMMANDS",
    ]
    for command in commands:
        lines += [".TP", f"\\fBelfsyms\\-{_text(command.name)}\\fR(1)", _text(command.line)]
    lines += [*_OPTIONS.splitlines(), *_exit_status(), *_FILES.splitlines()]
    return _finished(lines)


def _page(command: Command) -> str:
    name = f"elfsyms-{command.name}"
    lines = [*_title(name, _lower(command.line)), ".SH SYNOPSIS"]
    for index, one in enumerate(command.commands or (command,)):
        lines += [*([".br"] if index else []), *_synopsis(f"elfsyms {' '.join(one.words)}", _words(one))]
    lines += [".SH DESCRIPTION", *_paragraphs(command.text)]
    for one in command.commands:
        lines += [f'.SS "{_quoted(" ".join(one.words))}"', *_paragraphs(one.text), *_rows(one.parameters)]
    if not command.commands:
        lines += _sections(command)
    lines += [*_exit_status(), *_examples(command), ".SH SEE ALSO", r"\fBelfsyms\fR(1)"]
    return _finished(lines)


def _title(name: str, line: str) -> list[str]:
    return [
        _HEAD,
        f'.TH "{_text(name.upper())}" 1 "" "elfsyms" "User Commands"',
        ".SH NAME",
        f"{_text(name)} \\- {_text(line)}",
    ]


def _lower(line: str) -> str:
    """Return a line as whatis wants it: no capital in front, no stop behind."""
    return line[:1].lower() + line[1:].rstrip(".").split(". ")[0].replace("\n", " ")


def _synopsis(name: str, words: Sequence[str]) -> list[str]:
    return [f"\\fB{_text(name)}\\fR " + " ".join(f"\\fI{_text(word)}\\fR" for word in words)]


def _words(command: Command) -> list[str]:
    arguments = [
        f"[{a.metavar}]" if not a.required and a.metavar[:1] != "[" else a.metavar for a in command.arguments
    ]
    return [*arguments, "[OPTION]..."]


def _sections(command: Command) -> Iterator[str]:
    if command.arguments:
        yield ".SH ARGUMENTS"
        yield from _rows(command.arguments)
    for panel, options in groupby(sorted(command.options, key=lambda o: o.panel), key=lambda o: o.panel):
        yield f'.SH "{_quoted(panel.partition(" (")[0].upper())}"' if panel else ".SH OPTIONS"
        if "(" in panel:
            yield _text(panel.partition("(")[2].rstrip(")").capitalize() + ".")
        yield from _rows(list(options))


def _rows(parameters: Sequence[Parameter]) -> Iterator[str]:
    for one in parameters:
        yield ".TP"
        flags = ", ".join(f"\\fB{_text(flag)}\\fR" for flag in one.all_flags)
        metavar = f"\\fI{_text(one.metavar)}\\fR" if one.takes_value else ""
        yield f"{flags} {metavar}".strip()
        yield _text(one.help) or r"\&"


def _exit_status() -> Iterator[str]:
    """Make a list of the sentence at the end of --help."""
    yield ".SH EXIT STATUS"
    for row in EPILOG.removeprefix("Exit codes: ").rstrip(".").split("; "):
        code, _, meaning = row.partition(" ")
        yield from (".TP", code, _text(meaning))


def _examples(command: Command) -> Iterator[str]:
    yield ".SH EXAMPLES"
    for purpose, line in command.examples:
        yield from (".TP", f"\\fB{_text(line)}\\fR", f"{_text(purpose[:1].upper() + purpose[1:])}.")


def _paragraphs(text: str) -> Iterator[str]:
    for index, paragraph in enumerate(text.split("\n\n")):
        if index:
            yield ".PP"
        yield _text(re.sub(r"\s*\n\s*", " ", paragraph))


def _text(text: str) -> str:
    """Escape text for roff: backslashes, dashes that are to stay dashes, and a first character that commands."""
    escaped = text.replace("\\", r"\e").replace("-", r"\-")
    return f"\\&{escaped}" if escaped[:1] in (".", "'") else escaped


def _quoted(text: str) -> str:
    return _text(text).replace('"', '""')


def _finished(lines: Sequence[str]) -> str:
    return "\n".join(lines) + "\n"
