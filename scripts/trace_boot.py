#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Boot a small kernel, try to trace each of its functions, and compare with what elfsyms foretells.

scripts/trace_boot.py 6.12 x86_64       # and 7.3, and arm64

What is compared, for every function that the tables have: the lines of ``available_filter_functions``, the ranges
of ``kprobes/blacklist``, and whether the kernel takes a kprobe event and a fprobe event at its name. A boot asks
for some thousand names, as a fprobe makes the kernel look up each of its functions; the console's whole text is
left beside the objects, ``trace-0.log`` and on. QEMU has no accelerator here: with ``--go-on --boots 1`` each call
asks for the next names, so that what takes most of an hour can be done in pieces.
"""

from __future__ import annotations

import argparse
import re
import sys
import time
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from debian import DebianError
from emulator import BootError, console, parts
from initrd import write_initrd
from small_kernel import PORTS, KernelError, make_image
from trace_kernel import trace_kernel

from elfsyms.e_machine import EM_ARM, EM_PPC, EM_PPC64
from elfsyms.image.equal_names import Texts
from elfsyms.pipeline.kernel import load
from elfsyms.releases.trace_rules import TRACE_RULES, trace_rule
from elfsyms.trace.facts import Facts
from elfsyms.trace.kernel_facts import KernelFacts
from elfsyms.trace.traceability import CAN, filter_functions, traceability

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from small_kernel import Kernel as Built

    from elfsyms.pipeline.kernel import Kernel

LIMIT = 1500  # seconds
AT_ONCE = 2500  # names a boot asks for
# One processor: text is patched without waiting for others, which is most of the time that a fprobe takes.
WORDS = ("nokaslr", "maxcpus=1", "mitigations=off")
ALIASES_SINCE = (7, 0, 0, 0)  # a fprobe event at an alias is taken, as seen with 7.3
MOST = 40  # differences that are told
BATCH = 50  # probes before they are taken away again

INIT = f"""\
#!/busybox sh
/busybox mount -t proc proc /proc
/busybox mkdir -p /t /d
/busybox mount -t tracefs tracefs /t
/busybox mount -t debugfs debugfs /d
/busybox dmesg -n 1
echo
echo '== stext'
/busybox grep ' _stext$' /proc/kallsyms
echo '== functions'
/busybox cat /t/available_filter_functions
echo '== blacklist'
/busybox cat /d/kprobes/blacklist
n=0
echo '== probes'
while read name; do
  n=$((n+1))
  if echo "p:k/k$n $name" >> /t/kprobe_events; then k=0; else k=1; fi
  if echo "f:f/f$n $name" >> /t/dynamic_events; then f=0; else f=1; fi
  echo "$k $f $name"
  if [ $((n % {BATCH})) = 0 ]; then echo > /t/dynamic_events; fi
done < /names 2>/dev/null
echo '== end'
echo
/busybox sleep 1  # a console of lines is not done yet
/busybox reboot -f
"""


@dataclass(frozen=True, slots=True)
class Seen:
    """What the booted kernel said: lines, ranges, and by name whether it took a kprobe and a fprobe.

    ``stext`` is where its text begins: s390 moves its kernel whatever the command line says. ``whole`` tells that
    the console was not cut.
    """

    stext: int | None
    whole: bool
    functions: Counter[bytes]
    blacklist: tuple[tuple[int, int], ...]
    kprobes: dict[bytes, bool]
    fprobes: dict[bytes, bool]


def parse(texts: list[str]) -> Seen:
    """Take the console's texts apart at their marks; all boots show the same functions and ranges."""
    boots = [{name: part.encode() for name, part in parts(text).items()} for text in texts]
    lines = [line for boot in boots for line in boot["probes"].splitlines()]
    rows = [line.split(b" ", 2) for line in lines if re.match(rb"[01] [01] ", line)]
    pieces = boots[0]
    ranges = re.findall(rb"^0x([0-9a-f]+)-0x([0-9a-f]+)", pieces["blacklist"], re.MULTILINE)
    stext = pieces.get("stext", b"").split()
    return Seen(
        int(stext[0], 16) if stext else None,
        all("end" in boot for boot in boots),
        Counter(pieces["functions"].splitlines()),
        tuple((int(start, 16), int(end, 16)) for start, end in ranges),
        {name: k == b"0" for k, _, name in rows},
        {name: f == b"0" for _, f, name in rows},
    )


def names(kernel: Kernel) -> list[bytes]:
    """Return the names of the functions, each once."""
    facts = Facts(KernelFacts(kernel))
    return list(dict.fromkeys(facts.records.name(place) for place in np.flatnonzero(facts.code).tolist()))


def compare(kernel: Kernel, seen: Seen) -> Iterator[tuple[str, bytes, str]]:
    """Yield what was compared, a name, and the difference."""
    foretold = Counter(filter_functions(kernel))
    for name in sorted(foretold.keys() | seen.functions.keys()):
        if foretold[name] != seen.functions[name]:
            yield "functions", name, f"foretold {foretold[name]}, seen {seen.functions[name]}"
    verdicts = traceability(kernel)
    yield from _compare_blacklist(kernel, seen)
    yield from _compare_probes(kernel, verdicts.kprobe, seen.kprobes, "kprobe")
    if any(seen.fprobes.values()):  # the kernel has them
        ftrace = verdicts.ftrace.copy()
        ftrace[_with_a_stray_call(kernel, ftrace)] = CAN
        if kernel.release.version >= ALIASES_SINCE:
            ftrace[ftrace == trace_rule("TR206")] = CAN
        yield from _compare_probes(kernel, ftrace, seen.fprobes, "fprobe")


def _with_a_stray_call(kernel: Kernel, ftrace: np.ndarray) -> np.ndarray:
    """Mark symbols without a call of their own behind which that of a weak function lies that was dropped.

    A fprobe there is taken (``ftrace_location`` looks in all of the symbol's range), and never hit.
    """
    facts = Facts(KernelFacts(kernel))
    called = np.zeros(len(ftrace), np.bool_)
    called[facts.records.symbol[facts.called]] = True
    return called & np.isin(ftrace, [trace_rule(rule) for rule in ("TR203", "TR204", "TR205")])


def _compare_blacklist(kernel: Kernel, seen: Seen) -> Iterator[tuple[str, bytes, str]]:
    """Compare which functions lie in a forbidden range with the rules that say so."""
    facts, verdicts = Facts(KernelFacts(kernel)), traceability(kernel)
    rules = [at for at, rule in enumerate(TRACE_RULES) if rule.id in _BY_RANGE]
    unseen = (*_BEFORE_RANGE, *_UNLISTED.get(kernel.image.abi.machine, ()))
    first = [at for at, rule in enumerate(TRACE_RULES) if rule.id in unseen]
    stext = kernel.symbols.address_of(b"_stext")
    moved = 0 if stext is None or seen.stext is None else seen.stext - stext
    for place in np.flatnonzero(facts.code).tolist():
        address, verdict = (
            int(facts.address[place]) + moved,
            int(verdicts.kprobe[facts.records.symbol[place]]),
        )
        inside = any(start <= address < end for start, end in seen.blacklist)
        if inside != (verdict in rules) and verdict not in first:
            yield "blacklist", facts.records.name(place), f"seen {inside}, foretold {_text(verdict)}"


_BY_RANGE = ("TR302", "TR303", "TR304", "TR305", "TR306", "TR307", "TR308", "TR309")
_BEFORE_RANGE = ("TR103", "TR315", "TR316")
# Ranges that the port refuses by itself, and does not add to the list (arch_within_kprobe_blacklist).
_UNLISTED = {
    EM_ARM: ("TR305", "TR306", "TR308"),
    EM_PPC: ("TR309",),
    EM_PPC64: ("TR309",),
}


def _compare_probes(
    kernel: Kernel, verdicts: np.ndarray, taken: dict[bytes, bool], what: str
) -> Iterator[tuple[str, bytes, str]]:
    """Compare by name: what the kernel took with what the first symbol of the name is foretold."""
    facts = Facts(KernelFacts(kernel))
    for name, took in taken.items():
        places = [place for place in kernel_places(facts, name) if facts.code[place]]
        found = [int(verdicts[facts.records.symbol[place]]) for place in places]
        if took != (CAN in found):
            yield what, name, f"taken {took}, foretold {', '.join(sorted({_text(v) for v in found}))}"


def kernel_places(facts: Facts, name: bytes) -> list[int]:
    """Return the records of a name."""
    asked = Texts(name, np.array([0]), np.array([len(name)]))
    first = int(facts.names.find(asked)[0])
    return [] if first < 0 else np.flatnonzero(facts.names.first == first).tolist()


def _text(verdict: int) -> str:
    return "can" if verdict == CAN else f"{TRACE_RULES[verdict].id} {TRACE_RULES[verdict].slug}"


def ask(built: Built, kernel: Kernel, boots: int | None) -> None:
    """Boot the kernel until each name was asked for, or ``boots`` times; leave what it said."""
    folder = built.objects.parent
    image = make_image(built, folder)
    while (left := _left(folder, kernel)) and boots != 0:
        wanted = b"\n".join(left[:AT_ONCE]) + b"\n"
        initrd = write_initrd(built.port.name, INIT, folder / "trace.initrd", {"names": wanted})
        start = time.monotonic()
        text = console(built.port.name, image, initrd, *WORDS, limit=LIMIT)
        (folder / f"trace-{len(_logs(folder))}.log").write_text(text, encoding="utf-8")
        print(f"booted in {time.monotonic() - start:.0f} s, {len(left[AT_ONCE:])} names left", flush=True)
        boots = None if boots is None else boots - 1


def _logs(folder: Path) -> list[Path]:
    return sorted(folder.glob("trace-*.log"))


def _seen(folder: Path) -> Seen:
    return parse([log.read_text(encoding="utf-8") for log in _logs(folder)])


def _left(folder: Path, kernel: Kernel) -> list[bytes]:
    """Return the names that no boot was asked for yet."""
    asked = _seen(folder).kprobes if _logs(folder) else {}
    return [name for name in names(kernel) if name not in asked]


def run(release: str, port: str, *, go_on: bool, boots: int | None) -> int:
    """Build, boot, compare and report; return the number of differences."""
    built = trace_kernel(release, port)
    folder = built.objects.parent
    if not go_on:
        for log in _logs(folder):
            log.unlink()
    with load(built.objects / "vmlinux") as kernel:
        ask(built, kernel, boots)
        seen = _seen(folder)
        found = list(compare(kernel, seen))
        left = len(_left(folder, kernel))
    print(f"Linux {built.release} for {port}: {len(seen.kprobes):,} names, {seen.functions.total():,} lines")
    print(
        f"taken: {sum(seen.kprobes.values()):,} kprobes, {sum(seen.fprobes.values()):,} fprobes; {left:,} not asked"
    )
    print(
        "differences: "
        + (", ".join(f"{n} {w}" for w, n in Counter(w for w, _, _ in found).items()) or "none")
    )
    for what, name, difference in found[:MOST]:
        print(f"  {what}  {name.decode()}  {difference}")
    return len(found)


def main() -> int:
    """Do it for the kernel named on the command line."""
    parser = argparse.ArgumentParser(description="Try to trace every function of a small kernel.")
    parser.add_argument("release", nargs="?", default="6.12")
    parser.add_argument("port", nargs="?", choices=PORTS, default="x86_64")
    parser.add_argument(
        "--go-on", action="store_true", help="ask for the names that no boot was asked for yet"
    )
    parser.add_argument(
        "--boots", type=int, help="boot at most so often; 0 compares with the texts that are there"
    )
    wanted = parser.parse_args()
    try:
        return 1 if run(wanted.release, wanted.port, go_on=wanted.go_on, boots=wanted.boots) else 0
    except (BootError, DebianError, KernelError) as error:
        print(f"trace_boot: {error}", file=sys.stderr)
        return 3


if __name__ == "__main__":
    sys.exit(main())
