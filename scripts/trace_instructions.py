#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Ask a distribution's booted kernel for kprobes at instructions, and compare with what is said to be refused.

    scripts/trace_instructions.py VMLINUZ s390x

Most functions begin with an instruction that any kernel takes; in their middles there are others. Asked for are
``NAME+offset`` at some of each kind that ``elfsyms.trace.instructions`` refuses, and as many that it does not. Left
out is what is refused for other reasons: what the kernel patches, BUG() and WARN(), delay slots. Not left out is
what alternatives replace when the kernel starts: on arm64 exclusive loads and stores, where the processor has LSE.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from debian import DebianError
from emulator import MACHINES, BootError, console
from initrd import write_initrd
from trace_boot import INIT, WORDS, parse
from trace_stock import _ESCAPES, _FPROBE, QUIET, SEED

from elfsyms.decode.opening import open_kernel
from elfsyms.detect.request import Request
from elfsyms.image.sorting import among
from elfsyms.releases.trace_rules import trace_rule
from elfsyms.trace.facts import Facts
from elfsyms.trace.instructions import first_word, refused
from elfsyms.trace.kernel_facts import KernelFacts
from elfsyms.trace.traceability import CAN, traceability

if TYPE_CHECKING:
    from collections.abc import Iterator

    from elfsyms.pipeline.kernel import Kernel

FUNCTIONS, BYTES, FIRST = 6000, 600, 24  # functions looked into, how far, and from where on
EACH = 12  # of a kind: of the instructions with the same first 16 bits
LIMIT = 900  # seconds
SHOWN_MOST = 100


class Asked(NamedTuple):
    """An instruction, and whether it is said to be refused."""

    where: bytes
    word: int
    refused: bool


def instructions(kernel: Kernel, port: str) -> list[Asked]:
    """Return instructions of functions that can be probed."""
    of_kernel = KernelFacts(kernel)
    facts, verdicts = Facts(of_kernel), traceability(kernel)
    inside = [CAN, trace_rule("TR320")]  # the latter is about the start alone
    good = facts.code & np.isin(verdicts.kprobe[facts.records.symbol], inside) & ~facts.shadowed
    chance = random.Random(SEED)  # noqa: S311 (a sample, no secret)
    places = np.flatnonzero(good).tolist()
    found = [
        (facts.records.name(place), int(facts.address[place]), offset)
        for place in sorted(chance.sample(places, min(FUNCTIONS, len(places))))
        for offset in _offsets(of_kernel, int(facts.address[place]), port)
    ]
    address = np.array([at + offset for _, at, offset in found], np.uint64)
    patched = np.sort(np.concatenate((of_kernel.sites.patched, of_kernel.sites.bugs, of_kernel.calls)))
    words, order = of_kernel.words(address), kernel.image.abi.byte_order
    marks = refused(of_kernel.machine, order, of_kernel.version, words)
    numbers = first_word(of_kernel.machine, order, words)
    return [
        Asked(b"%b+%#x" % (name, offset), int(numbers[at]), bool(marks[at]))
        for at, (name, _, offset) in enumerate(found)
        if not among(address[at : at + 1], patched)[0]
    ]


def _offsets(of_kernel: KernelFacts, address: int, port: str) -> Iterator[int]:
    """Yield where instructions begin, up to the next symbol."""
    following = int(of_kernel.starts.searchsorted(np.uint64(address), "right"))
    size = int(of_kernel.starts[following]) - address if following < len(of_kernel.starts) else 0
    data = of_kernel.kernel.image.read_some(address, min(size, BYTES))
    offset = delayed = 0
    while offset + 4 <= len(data):
        if offset >= FIRST and not delayed:
            yield offset
        step, delayed = _length(port, data[offset : offset + 4])
        offset += step


def _length(port: str, code: bytes) -> tuple[int, bool]:
    """Return the length of an instruction, and whether it has a delay slot."""
    if port == "s390x":
        return (2, 4, 4, 6)[code[0] >> 6], False
    if port == "riscv64":
        return (4 if code[0] & 3 == 3 else 2), False
    word = int.from_bytes(code, "little")
    jumps = word >> 26 in (1, 2, 3, 4, 5, 6, 7, 17, 20, 21, 22, 23) or (word >> 26 == 0 and word & 0x3E == 8)
    return 4, port == "mips64el" and jumps


def some(found: list[Asked]) -> list[Asked]:
    """Return so many of each kind: all kinds that are refused, and of the others as many as there are of those."""
    chance = random.Random(SEED)  # noqa: S311 (as above)
    chance.shuffle(found)
    seen: Counter[tuple[bool, int]] = Counter()
    chosen = []
    for one in found:
        seen[one.refused, one.word >> 16] += 1
        if seen[one.refused, one.word >> 16] <= EACH:
            chosen.append(one)
    no = [one for one in chosen if one.refused][:400]
    return [*no, *[one for one in chosen if not one.refused][: max(200, len(no))]]


def main() -> int:
    """Do it for the kernel named on the command line."""
    parser = argparse.ArgumentParser(description="Try kprobes at instructions of a distribution's kernel.")
    parser.add_argument("image", type=Path)
    parser.add_argument("port", choices=MACHINES)
    parser.add_argument("--map", type=Path, help="a System.map, where the image's tables have too little")
    wanted = parser.parse_args()
    with open_kernel(wanted.image, Request(), wanted.map) as kernel:
        asked = {one.where: one for one in some(instructions(kernel, wanted.port))}
    try:
        init = _FPROBE.sub("  f=1", INIT).replace("/busybox cat /t/available_filter_functions", "")
        files = {"names": b"\n".join(asked) + b"\n"}
        with tempfile.TemporaryDirectory() as folder:
            initrd = write_initrd(wanted.port, init, Path(folder) / "initrd", files)
            text = console(wanted.port, wanted.image, initrd, *WORDS, *QUIET, limit=LIMIT)
    except (BootError, DebianError) as error:
        print(f"trace_instructions: {error}", file=sys.stderr)
        return 3
    taken = parse([_ESCAPES.sub("", text)]).kprobes
    wrong = [asked[where] for where, took in taken.items() if took == asked[where].refused]
    refusals = sum(asked[where].refused for where in taken)
    print(
        f"{len(taken):,} instructions, {refusals:,} said to be refused; differences: {len(wrong) or 'none'}"
    )
    for one in wrong[:SHOWN_MOST]:
        print(f"  {one.where.decode()}  {one.word:08x}  {'taken' if one.refused else 'refused'}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
