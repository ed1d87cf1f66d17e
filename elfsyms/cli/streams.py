# SPDX-License-Identifier: GPL-2.0-or-later
"""How every command takes requests and gives answers, without typer.

Data goes to standard output, everything else to standard error. ``--json`` prints one object with its schema's
name and version; addresses in it are strings. Standard error gets printable text alone, and so does standard
output where it is a terminal (``printable.py``); pipes and files get the true bytes.
"""

from __future__ import annotations

import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from elfsyms.cli import progress
from elfsyms.errors import UsageError
from elfsyms.printable import printable, printable_bytes
from elfsyms.releases.options import OPTIONS, prefix_character

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from elfsyms.detect.request import Findings, Request
    from elfsyms.staging import Data

__all__ = [
    "emit",
    "emit_all",
    "emit_json",
    "for_output",
    "hexadecimal",
    "is_terminal",
    "json_text",
    "option_values",
    "request",
    "say",
    "say_findings",
]


def request(**given: Any) -> Request:
    """Make a request of the options as the command line has them."""
    from elfsyms.detect.request import Request  # noqa: PLC0415 (not for --help)

    return Request(**option_values(given))


def option_values(given: Mapping[str, Any]) -> dict[str, Any]:
    """Turn the words of the options that choose a table into values.

    Raises :class:`UsageError` for a word that its option does not take.
    """
    from elfsyms.image.which_nm import parse_nm  # noqa: PLC0415 (not for --help)

    values = dict(given)
    for option in OPTIONS:
        word = given.get(option.field)
        if isinstance(word, str):
            values[option.field] = _READERS[option.kind](word, option.flag)
    if given.get("nm") is not None:
        values["nm"] = parse_nm(given["nm"])
    return values


def _one_character(text: str, option: str) -> bytes:
    """Take a character as the generator does: quotes around it do not count."""
    bare = text[1:2] if len(text) == 3 and text[0] == text[2] and text[0] in "\"'" else text
    try:
        return prefix_character(bare)
    except ValueError:
        raise UsageError(f"{option} takes one printable ASCII character, not {text!r}") from None


def hexadecimal(text: str, option: str) -> int:
    """Read a hexadecimal number, with or without its ``0x``."""
    try:
        number = int(text, 16)
    except ValueError:
        number = -1
    if not 0 <= number < 1 << 64:
        raise UsageError(f"{option} takes a hexadecimal number of at most 64 bits, not {text!r}")
    return number


_READERS = {"character": _one_character, "address": hexadecimal}


def emit(text: str | bytes) -> None:
    """Print data to standard output. Raises :class:`BrokenPipeError` where its reader went away."""
    emit_all([text if isinstance(text, bytes) else text.encode("utf-8", "surrogateescape")])


def emit_all(pieces: Iterable[bytes]) -> None:
    """Print data to standard output piece by piece, whole lines each; see :func:`emit`."""
    from elfsyms.writers.output import write_output  # noqa: PLC0415 (not for --help)

    for piece in pieces:
        progress.hide()
        write_output("-", for_output("-", piece))


def is_terminal() -> bool:
    """Tell whether standard output is a terminal."""
    return sys.stdout is not None and sys.stdout.isatty()


def for_output(path: str | Path, data: Data) -> Data:
    """Return what an output gets of data: printable text where it is ``-`` and that a terminal, else the data."""
    return printable_bytes(bytes(data)) if str(path) == "-" and is_terminal() else data


def emit_json(schema: str, body: dict[str, Any]) -> None:
    """Print an object with its schema's name, ``elfsyms.NAME/VERSION``."""
    emit(json_text(schema, body))


def json_text(schema: str, body: dict[str, Any]) -> bytes:
    """Return what :func:`emit_json` prints."""
    import json  # noqa: PLC0415 (not for what prints none)

    return json.dumps({"schema": schema, **body}, indent=2).encode() + b"\n"


def say(text: str) -> None:
    """Print a remark to standard error; a reader that went away changes nothing about the job."""
    progress.hide()
    with suppress(OSError):
        print(printable(text), file=sys.stderr)  # noqa: T201 (the one place where remarks are printed)


def say_findings(findings: Findings, *, verbose: bool) -> None:
    """Tell contradictions, and with ``verbose`` everything that was found."""
    for warning in findings.warnings:
        say(f"elfsyms: warning: {warning}")
    if verbose:
        width = max(len(finding.what) for finding in findings.found)
        for finding in findings.found:
            say(f"  {finding.what:<{width}}  {finding.value:<8}  ({finding.source})")
