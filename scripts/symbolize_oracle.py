#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""``elfsyms symbolize`` beside the kernel's ``decode_stacktrace.sh`` and binutils' ``addr2line``, on real logs.

    scripts/symbolize_oracle.py VMLINUX MODULES TREE LOG...

TREE has the script. For each log: how many ``symbol+offset/size`` both resolved to the same lines, what one alone
says, and the processor's seconds of each. The script goes one byte back from every address, as to the call that
returns to it; so it does from the instruction that a RIP line names. Those are compared with what it says of them
by ``-R``, where it stays. ``addr2line -i`` is asked once for all addresses looked up in the kernel.
"""

from __future__ import annotations

import argparse
import re
import resource
import subprocess
import sys
from collections import Counter
from pathlib import Path

from elfsyms.image.dwarf import Dwarf, Frame
from elfsyms.pipeline.kernel import load
from elfsyms.trace.symbolize import Symbolizer

MINE = re.compile(r"([\w.$]+)\+0x[0-9a-f]+/0x[0-9a-f]+(?: \[[^]]+\])? \(([^)]*)\)")
SCRIPT = re.compile(r"([\w.$]+) \(([^)]*:\d[^)]*)\)")
BLOCKS = re.compile(r" \(discriminator \d+\)")
EXACT = re.compile(r"(?:RIP: \w+:|\bpc : |\bPC is at )([\w.$]+\+0x[0-9a-f]+/)")


def script(files: list[str], tree: Path, text: str, *words: str) -> tuple[str, float]:
    """Return what the kernel's script makes of a log, and its seconds."""
    start = _spent()
    command = ["bash", str(tree / "scripts/decode_stacktrace.sh"), *words, files[0], "auto", files[1]]
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    return done.stdout, _spent() - start


def elfsyms(files: list[str], text: str) -> tuple[str, float]:
    """Return what elfsyms makes of it, as a command, and its seconds."""
    start = _spent()
    command = [sys.executable, "-m", "elfsyms", "symbolize", files[0], "--modules", files[1]]
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    return done.stdout, _spent() - start


def _spent() -> float:
    """Return the processor's seconds of all commands so far: the machine may be busy with others."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def compare(text: str, mine: str, called: str, itself: str) -> Counter[str]:
    """Count what both say of each symbol; ``called`` and ``itself`` are the script's without and with ``-R``."""
    ours = Counter(_pairs(MINE, mine))
    there, exact = (Counter(_pairs(SCRIPT, BLOCKS.sub("", told))) for told in (called, itself))
    same = ours & there
    named = {match[1].partition("+")[0] for match in EXACT.finditer(text)}
    stays = Counter({pair: n for pair, n in ((ours - same) & exact).items() if pair[0] in named})
    alone, other = ours - same - stays, there - same
    for name, lines in stays:
        back = [pair for pair in other if pair[0] == name][: stays[name, lines]]
        print(f"    {name}: the instruction {lines}; the script goes back to {[b for _, b in back]}")
        other -= Counter(back)
    for name, lines in alone:
        print(f"    elfsyms: {name} {lines}; script: {[b for a, b in other if a == name]}")
    for name, lines in other:
        print(f"    script: {name} {lines}")
    counts = {"same": same, "same by -R": stays, "elfsyms alone": alone, "script alone": other}
    return Counter({what: found.total() for what, found in counts.items() if found})


def _pairs(pattern: re.Pattern[str], text: str) -> list[tuple[str, str]]:
    """Return symbols with their lines, the latter without ``./`` before a path."""
    found = (match.groups() for match in pattern.finditer(text))
    return [(name, " ".join(part.removeprefix("./") for part in lines.split())) for name, lines in found]


def against_addr2line(vmlinux: Path, logs: list[Path]) -> Counter[str]:
    """Ask addr2line for every address of the kernel that elfsyms looked up."""
    asked: dict[int, tuple[Frame, ...]] = {}
    frames = Dwarf.frames

    def spy(self: Dwarf, address: int) -> tuple[Frame, ...]:
        found = frames(self, address)
        if str(self.path) == str(vmlinux):
            asked[address] = found
        return found

    Dwarf.frames = spy  # type: ignore[method-assign] # to see what is asked
    with load(vmlinux) as kernel:
        Symbolizer(kernel).symbolize(b"".join(log.read_bytes() for log in logs))
    told = subprocess.run(
        ["addr2line", "-a", "-i", "-f", "-e", str(vmlinux), *map(hex, asked)],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    counts: Counter[str] = Counter()
    for block, (address, found) in zip(
        re.split(r"^0x", told, flags=re.MULTILINE)[1:], asked.items(), strict=True
    ):
        wanted = [line.split(" (disc")[0] for line in block.splitlines()[1:]]
        have = [text for frame in found for text in (frame.function or "??", f"{frame.file}:{frame.line}")]
        same = [Path(x).as_posix() for x in wanted[1::2] if x != "??:?"] == have[1::2]
        counts["same" if same else "differs"] += 1
        if not same:
            print(f"    {address:#x} {wanted} {have}")
    return counts


def main() -> int:
    """Compare on the logs named on the command line."""
    parser = argparse.ArgumentParser(description="symbolize beside decode_stacktrace.sh and addr2line.")
    parser.add_argument("vmlinux", type=Path)
    parser.add_argument("modules", type=Path)
    parser.add_argument("tree", type=Path)
    parser.add_argument("logs", type=Path, nargs="+")
    wanted = parser.parse_args()
    total: Counter[str] = Counter()
    seconds = [0.0, 0.0]
    for log in wanted.logs:
        text = log.read_text(encoding="utf-8", errors="replace")
        files = [str(wanted.vmlinux), str(wanted.modules)]
        mine, own = elfsyms(files, text)
        called, other = script(files, wanted.tree, text)
        itself, _ = script(files, wanted.tree, text, "-R")
        found = compare(text, mine, called, itself)
        print(f"{log.name}: {dict(found)}, {own:.2f} s and {other:.2f} s", flush=True)
        total, seconds = total + found, [seconds[0] + own, seconds[1] + other]
    print(f"all: {dict(total)}, {seconds[0]:.2f} s and {seconds[1]:.2f} s")
    print(f"addr2line: {dict(against_addr2line(wanted.vmlinux, wanted.logs))}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
