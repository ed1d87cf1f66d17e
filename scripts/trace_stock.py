#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Boot a distribution's own kernel, and compare what it lets be traced with what elfsyms foretells.

    scripts/trace_stock.py VMLINUX VMLINUZ x86_64       # as fetch_kernel.py and fetch_images.py leave them
    scripts/trace_stock.py VMLINUZ VMLINUZ x86_64       # by what the boot image alone tells
    scripts/trace_stock.py VMLINUZ VMLINUZ i386 --map System.map    # whose tables have no labels of data

All lines of ``available_filter_functions`` and all ranges of ``kprobes/blacklist`` are compared; kprobe events are
asked for some names of every verdict, for a distribution's kernel has 70,000 functions, and QEMU no accelerator
here. A fprobe makes the kernel look up each of its functions: those are asked with ``--fprobes`` alone.
The console's text is left where ``--log`` says; with ``--again`` it is compared anew.
"""

from __future__ import annotations

import argparse
import random
import re
import sys
import tempfile
from collections import Counter, defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from debian import DebianError
from emulator import MACHINES, BootError, console
from initrd import write_initrd
from trace_boot import INIT, LIMIT, MOST, WORDS, compare, parse

from elfsyms.decode.opening import open_kernel
from elfsyms.detect.request import Request
from elfsyms.trace.facts import Facts
from elfsyms.trace.kernel_facts import KernelFacts
from elfsyms.trace.questions import ASKED
from elfsyms.trace.traceability import traceability

if TYPE_CHECKING:
    from collections.abc import Iterator

    from elfsyms.pipeline.kernel import Kernel

SEED = 20261129
# Nothing else on the console, and no waiting for chance.
QUIET = ("quiet", "loglevel=1", "random.trust_cpu=on")
_ESCAPES = re.compile("\x1b(?:\\[[0-9;?]*[A-Za-z]|c)")  # of the firmware, which clears the screen
# Ask for no fprobe, and say that none was taken.
_FPROBE = re.compile(r"^  if echo \"f:.*$", re.MULTILINE)


def some_names(kernel: Kernel, each: int) -> Iterator[bytes]:
    """Yield up to so many names of functions of every verdict, the same each time."""
    facts, verdicts = Facts(KernelFacts(kernel)), traceability(kernel)
    kinds: defaultdict[tuple[int, ...], dict[bytes, None]] = defaultdict(dict)
    for index in np.flatnonzero(facts.code).tolist():
        symbol = facts.records.symbol[index]
        kind = tuple(int(verdicts.column(question)[symbol]) for question in ASKED)
        kinds[kind][facts.records.name(index)] = None
    chance = random.Random(SEED)  # noqa: S311 (a sample, no secret)
    for _, names in sorted(kinds.items()):
        yield from chance.sample(list(names), min(each, len(names)))


def boot(kernel: Kernel, image: Path, port: str, each: int, *, fprobes: bool) -> str:
    """Return what the kernel said of itself and of some names."""
    init = INIT if fprobes else _FPROBE.sub("  f=1", INIT)
    names = list(dict.fromkeys(some_names(kernel, each)))
    print(f"{len(names):,} names are asked for", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        wanted = {"names": b"\n".join(names) + b"\n"}
        initrd = write_initrd(port, init, Path(folder) / "initrd", wanted)
        return console(port, image, initrd, *WORDS, *QUIET, limit=LIMIT)


def report(kernel: Kernel, text: str) -> int:
    """Say how many things were compared, and which differ; return how many do."""
    seen = parse([_ESCAPES.sub("", text)])
    found = list(compare(kernel, seen))
    print(f"Linux {kernel.release.version}: {seen.functions.total():,} lines, {len(seen.blacklist):,} ranges")
    print(f"names: {len(seen.kprobes):,}; taken: {sum(seen.kprobes.values()):,} kprobes, ", end="")
    print(f"{sum(seen.fprobes.values()):,} fprobes")
    if not seen.whole:
        print("the console was cut: names are missing")
    counted = Counter(what for what, _, _ in found)
    print("differences: " + (", ".join(f"{n} {what}" for what, n in counted.items()) or "none"))
    for what, name, difference in found[:MOST]:
        print(f"  {what}  {name.decode()}  {difference}")
    return len(found)


def main() -> int:
    """Do it for the kernel named on the command line."""
    parser = argparse.ArgumentParser(description="Try to trace functions of a distribution's kernel.")
    parser.add_argument("kernel", type=Path, help="what elfsyms reads")
    parser.add_argument("image", type=Path, help="what QEMU boots")
    parser.add_argument("port", choices=MACHINES)
    parser.add_argument("--map", type=Path, help="a System.map, where the image's tables have too little")
    parser.add_argument("--each", type=int, default=150, help="names of each verdict (150)")
    parser.add_argument("--fprobes", action="store_true", help="ask for fprobes, too")
    parser.add_argument("--log", type=Path, default=Path("trace-stock.log"))
    parser.add_argument("--again", action="store_true", help="compare the text of an earlier boot")
    wanted = parser.parse_args()
    try:
        with open_kernel(wanted.kernel, Request(), wanted.map) as kernel:
            if not wanted.again:
                text = boot(kernel, wanted.image, wanted.port, wanted.each, fprobes=wanted.fprobes)
                wanted.log.write_text(text, encoding="utf-8")
            return 1 if report(kernel, wanted.log.read_text(encoding="utf-8")) else 0
    except (BootError, DebianError) as error:
        print(f"trace_stock: {error}", file=sys.stderr)
        return 3


if __name__ == "__main__":
    sys.exit(main())
