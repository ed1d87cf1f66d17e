# SPDX-License-Identifier: GPL-2.0-or-later
"""Symbols as text: ``System.map``, what nm printed, the lines of ``/proc/kallsyms``.

Follows the text formats of ``nm`` and of ``kernel/kallsyms.c``, ``s_show``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from elfsyms.errors import InputError
from elfsyms.files import read_text, reading
from elfsyms.image.records import records_of

if TYPE_CHECKING:
    from pathlib import Path

    from elfsyms.image.records import Records

__all__ = ["MapLines", "name_and_module", "parse_map", "read_map"]

# Kernels of 4.15 to 4.17 print a null pointer, and so each address that is hidden, as "(null)", padded.
_LINE = re.compile(rb"^([0-9a-fA-F]{1,16}| *\(null\)) ([^\s]) ([^\n]*)$", re.MULTILINE)
_UNDEFINED = re.compile(rb"^ +[Uwv] [^\n]*$", re.MULTILINE)
_NULL = b"(null)"
_SHORT = 8  # digits of a 32-bit address


@dataclass(frozen=True, slots=True, eq=False)
class MapLines:
    """A map's lines but those of modules, whose number is ``modules``; ``hidden``: every address is 0.

    ``unread`` lines have no symbol and are not empty.
    """

    records: Records
    modules: int
    bits: int
    unread: int = 0

    @property
    def hidden(self) -> bool:
        """Whether the reader of ``/proc/kallsyms`` was not allowed to see addresses."""
        return len(self.records) > 0 and not bool(self.records.address.any())


def read_map(path: Path) -> MapLines:
    """Read ``System.map``, what nm printed, or the text of ``/proc/kallsyms``.

    Raises :class:`InputError` for a file that is none of these.
    """
    with reading(path):
        data = read_text(path)
    if data.startswith(b"\x7fELF"):
        raise InputError(f"{path} is an ELF file, not a text of symbols: give what /proc/kallsyms shows")
    lines = parse_map(data)
    if not len(lines.records):
        raise InputError(
            f"{path} is neither ELF nor a map (no line reads ADDRESS LETTER NAME): give a vmlinux, a "
            "System.map, a kallsyms object, or the text of /proc/kallsyms"
        )
    return lines


def parse_map(data: bytes) -> MapLines:
    r"""Parse the lines of a map; undefined symbols, which have no address, are passed over.

    >>> lines = parse_map(b"c0008000 T _text\nbf000000 t init\t[fuse]\n")
    >>> list(lines.records.names()), lines.modules, lines.bits
    ([b'_text'], 1, 32)
    """
    matches = _LINE.findall(data)
    rows = [
        (text, letter, *parts)
        for text, letter, rest in matches
        if (parts := name_and_module(rest)) is not None
    ]
    own = [row for row in rows if not row[3]]
    bits = 32 if own and len(own[0][0]) == _SHORT else 64
    records = records_of([(_address(text), letter[0], name) for text, letter, name, _ in own])
    unread = len([line for line in data.splitlines() if line.strip()]) - len(rows) - _undefined(data)
    return MapLines(records, len(rows) - len(own), bits, max(unread, 0))


def name_and_module(rest: bytes) -> tuple[bytes, bytes | None] | None:
    r"""Return what stands behind a letter: a name and the module in brackets; None where a tab is in the name.

    Not by a regular expression, whose time would grow with the square of a name of spaces.

    >>> name_and_module(b"init\t[fuse]"), name_and_module(b"a name [of] spaces"), name_and_module(b"a\tb")
    ((b'init', b'fuse'), (b'a name [of] spaces', None), None)
    """
    name, module = rest.removesuffix(b"\r"), None
    if name.endswith(b"]"):
        first = name.rfind(b"]", 0, -1) + 1
        places = [at for mark in (b" [", b"\t[") if (at := name.find(mark, first)) >= 0]
        if places and min(places) + 3 < len(name):
            name, module = name[: min(places)].rstrip(b" \t"), name[min(places) + 2 : -1]
    return None if b"\t" in name else (name, module)


def _address(text: bytes) -> int:
    return 0 if text.endswith(_NULL) else int(text, 16)


def _undefined(data: bytes) -> int:
    """Return how many lines show a symbol without an address."""
    return len(_UNDEFINED.findall(data))
