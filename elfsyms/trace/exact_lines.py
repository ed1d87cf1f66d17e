# SPDX-License-Identifier: GPL-2.0-or-later
"""Which lines of a kernel's log have the address of an instruction itself, and which that behind a call.

A stack has what calls pushed: the address behind the call, whose line may be the next statement's. Registers such
as ``RIP`` have the instruction's own, and what else is so stands here: most machines trap at an instruction
(``ud2``, ``brk``, ``ebreak``, ``twi``). s390 goes on first: its PSW lies behind the ``mc`` that a warning executes
(``monitor_event_exception`` in ``arch/s390/kernel/traps.c``), and so after most interruptions. Where an access
failed, the machine leaves it at the instruction, or the kernel puts it there (``do_protection_exception``).
"""

from __future__ import annotations

import re
from typing import Literal

from elfsyms.e_machine import EM_S390

__all__ = ["Nature", "natures"]

# What the addresses of a line are: an instruction's own, behind a call, or (bare ones) as they stand.
Nature = Literal["instruction", "return", ""]

# Registers, by machine; KFENCE and KASAN by tags, which trap (other KASAN is called, and tells where it returns
# to); and arm64's stacks where an entry is the register's: ``fn+0x10/0x20 (P)``.
_EXACT = re.compile(
    rb"\b(?:[RE]IP|PC|pc|epc|NIP|ERA|TPC|Instruction pointer|PSW)\b|(?:^|\s)IP: |\bIAOQ\[0\]: "
    rb"|\bKFENCE: (?:out-of-bounds|use-after-free|invalid (?:read|write))\b|\bKASAN: invalid-access in "
    rb"|\(P[A-Z]*\)\s*\Z"
)
# A call chain of perf script: address, symbol, file. The first is the sample's own.
_PERF = re.compile(rb"^\s+[0-9a-f]{8,16} .*\([^()]+\)\s*$")
# A frame of crash: ``#1 [ffffc90000123e00] vfs_write at ffffffff81182b7b``.
_CRASH = re.compile(rb"^\s*#\d+ \[[0-9a-f]{8,16}\] \S+ at [0-9a-f]{8,16}\b")

_WARNING = re.compile(rb"\bWARNING: (?:CPU: \d+ PID: \d+|\S+:\d+) at ")
_INTERRUPTION = re.compile(rb": (?P<code>[0-9a-f]{4}) ilc:\d \[#\d+\]")
# Interruptions whose PSW is at the instruction: protection, segments, pages, regions, and secure storage.
_AT_INSTRUCTION = (b"0004", b"0010", b"0011", b"0038", b"0039", b"003a", b"003b", b"003d")


def natures(lines: list[bytes], machine: int) -> list[Nature]:
    """Return for each line of a log what its addresses are."""
    found: list[Nature] = ["instruction" if _EXACT.search(line) else "" for line in lines]
    before = False
    for at, line in enumerate(lines):
        chain = _PERF.match(line) is not None
        if (chain and before) or _CRASH.match(line):
            found[at] = "return"
        before = chain
    if machine == EM_S390:
        _mark_s390(lines, found)
    return found


def _mark_s390(lines: list[bytes], found: list[Nature]) -> None:
    """Mark warnings, the PSW behind what trapped, and the branch that led there (the breaking event)."""
    trapped = breaking = False
    for at, line in enumerate(lines):
        if breaking:
            found[at] = "instruction"
        breaking = b"Last Breaking-Event-Address:" in line
        code = _INTERRUPTION.search(line)
        if code is not None:
            trapped = code["code"] not in _AT_INSTRUCTION
        elif _WARNING.search(line):
            found[at], trapped = "instruction", True
        elif b"kernel BUG at " in line:
            trapped = True
        elif b"Krnl PSW : " in line:
            found[at], trapped = "return" if trapped else "instruction", False
