# SPDX-License-Identifier: GPL-2.0-or-later
"""What a kernel's log says of addresses: the mentions of one in a line, and the lines that help with it.

Texts of every age: ``schedule+0x2e/0xb0``, with ``[module]`` and since 5.15 a build-id behind it, the same behind
``[<ffffffff8107a0c0>]`` until 4.9, bare addresses in registers, lists and ``/proc/kallsyms`` itself. Nothing is
looked up here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from elfsyms.trace.exact_lines import Nature

__all__ = [
    "Mention",
    "Pair",
    "instructions",
    "is_boot",
    "is_listed",
    "kernel_offset",
    "loaded_module",
    "mentions",
    "pairs",
]

# A name begins where no character of one stands before: tried at each, a long word takes the square of its time.
# What chooses a colour ends in a letter: ``dmesg --color`` and ``journalctl`` write such.
_NUMBERS = (rb"", rb"\d", rb"\d\d", rb"\d;\d\d", rb"\d;\d;\d\d")
_COLOUR = rb"|".join(rb"(?<=\x1b\[" + numbers + rb"m)" for numbers in _NUMBERS)
_SYMBOL = (
    rb"(?:(?<![\w.$])(?<!\x1b\[)|"
    + _COLOUR
    + rb")(?P<name>[A-Za-z_.$][\w.$]*)\+(?P<offset>0x[0-9a-f]+)/(?P<size>0x[0-9a-f]+)"
    rb"(?P<behind> \[(?P<module>[A-Za-z_][\w-]*)(?: [0-9a-f]{8,40})?\])?"
)
_ADDRESS = rb"(?:(?<![\w.+/-])|" + _COLOUR + rb")(?:0x)?(?P<address>[0-9a-f]{16}|[0-9a-f]{8})(?![\w.])"
_MENTION = re.compile(_SYMBOL + rb"|" + _ADDRESS)
_NO_MODULE = (None, b"kernel", b"vmlinux")  # what tools write behind the kernel's own symbols
_BRACKETED = re.compile(rb"\[<(?:0x)?(?P<address>[0-9a-f]{8,16})>\] (?:\? )?(?=[A-Za-z_.$(])\(?" + _SYMBOL)
_LISTED = re.compile(
    rb"^(?P<address>[0-9a-f]{16}|[0-9a-f]{8}) [a-zA-Z] (?P<name>[A-Za-z_.$][\w.$]*)$", re.MULTILINE
)
_OFFSET = re.compile(rb"Kernel Offset: (?:(?P<offset>0x[0-9a-f]+) from 0x[0-9a-f]+|(?P<none>disabled))")
_COMMAND_LINE = re.compile(rb"[Cc]ommand line: ")
_NO_KASLR = re.compile(rb" nokaslr\b")
_BOOT = re.compile(rb"Linux version \d+\.\d+")
# /proc/modules: name size users dependants state address
_MODULE = re.compile(rb"^(?P<name>[\w-]+) \d+ -?\d+ \S+ (?:Live|Loading|Unloading) (?P<address>0x[0-9a-f]+)")


@dataclass(frozen=True, slots=True)
class Mention:
    """A part of a line, ``start`` to ``end``, that names an address: by a symbol, or by itself.

    ``exact`` tells that the line has it for an instruction's own; else it is taken to lie behind the call that it
    returns to. ``close`` is where a text about it goes.
    """

    start: int
    end: int
    close: int
    exact: bool
    address: int | None = None
    name: bytes = b""
    offset: int = 0
    size: int = 0
    module: str = ""

    @property
    def key(self) -> tuple[bytes, int, str]:
        """What it names, by a symbol: the same wherever a log names it."""
        return self.name, self.offset, self.module


@dataclass(frozen=True, slots=True)
class Pair:
    """An address and the name that the same line gives it; ``size`` is None where it gives none."""

    address: int
    name: bytes
    offset: int
    size: int | None


def mentions(line: bytes, digits: int, nature: Nature) -> Iterator[Mention]:
    """Yield the mentions in a line; addresses are those of ``digits`` digits. Code bytes are passed over.

    ``nature`` is what the line's addresses are. A stack's bare ones stand in brackets: ``[<ffffffff8107a0c0>]``.
    """
    if b"Code: " in line:
        return
    for match in _MENTION.finditer(line):
        if match["address"] is None:
            module = "" if match["module"] in _NO_MODULE else match["module"].decode()
            yield Mention(
                match.start(), match.end(), match.end(), nature == "instruction",
                None, match["name"], int(match["offset"], 16), int(match["size"], 16), module,
            )  # fmt: skip
        elif len(match["address"]) == digits:
            bracket = line[match.end() : match.end() + 2] == b">]"
            behind = nature == "return" or (bracket and not nature)
            close = match.end() + 2 * bracket
            yield Mention(
                match.start(), match.end(), close, exact=not behind, address=int(match["address"], 16)
            )


def instructions(lines: list[bytes], natures: list[Nature], digits: int) -> set[tuple[bytes, int, str]]:
    """Return what lines name as an instruction itself, by the keys of the mentions."""
    exact = (line for line, nature in zip(lines, natures, strict=True) if nature == "instruction")
    return {
        mention.key for line in exact for mention in mentions(line, digits, "instruction") if mention.name
    }


def pairs(text: bytes) -> Iterator[Pair]:
    """Yield the addresses that a text names: in stacks until 4.9, and in lines of ``/proc/kallsyms``."""
    for match in _BRACKETED.finditer(text):
        if match["module"] is None:
            yield Pair(
                int(match["address"], 16), match["name"], int(match["offset"], 16), int(match["size"], 16)
            )
    for match in _LISTED.finditer(text):
        yield Pair(int(match["address"], 16), match["name"], 0, None)


def kernel_offset(line: bytes) -> int | None:
    """Return what a ``Kernel Offset:`` line says, or a command line with ``nokaslr``; None for other lines."""
    match = _OFFSET.search(line)
    if match is None:
        # The first: each might begin one, and all of them take the square of a line's length.
        begin = _COMMAND_LINE.search(line)
        return 0 if begin and _NO_KASLR.search(line, begin.end() - 1) else None
    return int(match["offset"], 16) if match["offset"] else 0


def is_boot(line: bytes) -> bool:
    """Tell whether a kernel starts here: what was known of addresses does not hold behind it."""
    return bool(_BOOT.search(line))


def is_listed(line: bytes) -> bool:
    """Tell whether a line is one of ``/proc/kallsyms``."""
    return _LISTED.match(line.rstrip(b"\r\n")) is not None


def loaded_module(line: bytes) -> tuple[str, int] | None:
    """Return name and address of a line of ``/proc/modules``."""
    match = _MODULE.match(line)
    return (match["name"].decode(), int(match["address"], 16)) if match else None
