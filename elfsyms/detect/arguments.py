# SPDX-License-Identifier: GPL-2.0-or-later
"""The generator's ``main``: the options that it parses, and the steps that it then takes.

Two forms have been: a chain of comparisons (to 6.0), and a table for ``getopt_long`` (6.1 on). The options are
taken out of either, so that what is left can be compared with what is known whatever options somebody added.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from elfsyms.detect.csource import CError, text_at

if TYPE_CHECKING:
    from collections.abc import Sequence

    from elfsyms.detect.csource import Token

__all__ = ["Flag", "read_flags"]

_TABLE = ["struct", "option", "long_options", "[", "]", "=", "{"]
_COMPARED = ["strcmp", "(", "argv", "[", "i", "]", ","]


@dataclass(frozen=True, slots=True)
class Flag:
    """One option without a value: its name with the dashes, the variable that it sets, and its line."""

    name: str
    variable: str
    line: int


def read_flags(body: Sequence[Token]) -> tuple[list[Flag], list[Token]]:
    """Return the options, and the body without them; raises :class:`CError` for one that takes a value."""
    texts = [token.text for token in body]
    for at in range(len(texts)):
        if texts[at : at + len(_TABLE)] == _TABLE:
            return _from_table(body, at + len(_TABLE))
    return _from_chain(body)


def _from_table(body: Sequence[Token], at: int) -> tuple[list[Flag], list[Token]]:
    """Read ``{"name", no_argument, &variable, 1},`` rows, up to the empty one."""
    flags: list[Flag] = []
    left = list(body[:at])
    while text_at(body, at) == "{" and text_at(body, at + 1) != "}":
        if text_at(body, at + 3) != "no_argument":  # one that takes a value stays with the rest, to be known
            end = next((index for index in range(at, len(body)) if body[index].text == "}"), len(body))
            left += body[at : end + 1]
            at = end + 1 + (text_at(body, end + 1) == ",")
            continue
        row = [text_at(body, at + n) for n in range(10)]
        name, variable = row[1][1:-1], row[6]
        if row != ["{", f'"{name}"', ",", "no_argument", ",", "&", variable, ",", "1", "}"]:
            raise CError(body[at].line, "an option that is no plain flag")
        flags.append(Flag(f"--{name}", variable, body[at].line))
        at += 10 + (text_at(body, at + 10) == ",")
    return flags, left + list(body[at:])


def _from_chain(body: Sequence[Token]) -> tuple[list[Flag], list[Token]]:
    """Read ``if (strcmp(argv[i], "--name") == 0) variable = 1; else ...``."""
    flags: list[Flag] = []
    left: list[Token] = []
    at = 0
    while at < len(body):
        row = [text_at(body, at + n) for n in range(19)]
        if row[:2] != ["if", "("] or row[2:9] != _COMPARED:
            left.append(body[at])
            at += 1
            continue
        name, variable = row[9][1:-1], row[14]
        head = ["if", "(", *_COMPARED, f'"{name}"', ")", "==", "0", ")"]
        if row != [*head, variable, "=", "1", ";", "else"]:
            raise CError(body[at].line, "an option that is no plain flag")
        flags.append(Flag(name, variable, body[at].line))
        at += 19
    return flags, left
