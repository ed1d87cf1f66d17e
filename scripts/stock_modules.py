#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Load modules into a distribution's own kernel, and compare ``/proc/kallsyms`` with what the files foretell.

    scripts/stock_modules.py VMLINUZ s390x dummy.ko minix.ko

All lines are compared: of the kernel with those of its boot image, moved as it moved itself; of each module with
those of its file, by name and letter, and by the distances of addresses within a section. A module is loaded as it
is (busybox has no xz), after those that stand before it. The console's text is left where ``--log`` says.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
from collections import Counter, defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from debian import DebianError
from emulator import MACHINES, BootError, console, parts
from initrd import write_initrd

from elfsyms.decode.opening import open_kernel
from elfsyms.detect.request import Request
from elfsyms.image.module import open_module
from elfsyms.inspect.module_symbols import module_symbols

if TYPE_CHECKING:
    from collections.abc import Iterator

LIMIT = 600  # seconds
SHOWN_MOST = 5
QUIET = ("nokaslr", "maxcpus=1", "quiet", "loglevel=1", "random.trust_cpu=on")

INIT = """\
#!/busybox sh
/busybox mount -t proc proc /proc
while read name; do /busybox insmod /$name; done < /modules
/busybox dmesg -n 1
echo
echo '== loaded'
/busybox cat /proc/modules
echo '== kallsyms'
/busybox cat /proc/kallsyms
echo '== end'
echo
/busybox sleep 1
/busybox reboot -f
"""


class Line(NamedTuple):
    """A line of ``/proc/kallsyms``; ``section`` is that of a module's file in which the address is an offset."""

    address: int
    letter: str
    name: str
    section: int = 0


def boot(image: Path, port: str, modules: list[Path]) -> str:
    """Return what a kernel shows that has loaded modules."""
    files = {path.name: path.read_bytes() for path in modules}
    files["modules"] = "".join(f"{path.name}\n" for path in modules).encode()
    with tempfile.TemporaryDirectory() as folder:
        return console(
            port, image, write_initrd(port, INIT, Path(folder) / "initrd", files), *QUIET, limit=LIMIT
        )


def shown(text: str) -> dict[str, list[Line]]:
    """Return the lines by module, those of the kernel by none.

    On s390's console tabs are blanks, and now and then a line begins anew behind a number.
    """
    found: defaultdict[str, list[Line]] = defaultdict(list)
    whole = re.sub(r"^([0-9a-f]+)\n", r"\1", text, flags=re.MULTILINE)
    for line in re.finditer(r"^([0-9a-f]+) (\S) (\S*)(?: *\t*\[(\S+)\])?$", whole, re.MULTILINE):
        found[line[4] or ""].append(Line(int(line[1], 16), line[2], line[3]))
    return found


def of_kernel(image: Path) -> list[Line]:
    """Return the lines that a boot image foretells."""
    with open_kernel(image, Request()) as kernel:
        records = kernel.ordered.records
        lines = zip(records.address.tolist(), records.letter.tolist(), records.names(), strict=True)
        return [Line(address, chr(letter), name.decode()) for address, letter, name in lines]


def of_module(path: Path) -> list[Line]:
    """Return the lines that a module's file foretells, with the offsets in sections for addresses."""
    symbols = module_symbols(open_module(path))
    return [
        Line(int(symbols.offset[at]), chr(symbols.letters[at]), symbols.table.name(at).decode(), section)
        for at in symbols.kept()
        for section in [int(symbols.table.section[at])]
    ]


def compare(path: Path, foretold: list[Line], seen: list[Line]) -> Iterator[str]:
    """Yield what differs, a sentence each: lines by name and letter, and where addresses lie."""
    names = Counter((line.letter, line.name) for line in foretold)
    found = Counter((line.letter, line.name) for line in seen)
    for (letter, name), count in ((names - found) + (found - names)).items():
        yield f"{path.name}: {letter} {name} foretold {names[letter, name]}, seen {found[letter, name]}: {count}"
    once = {(line.letter, line.name): line.address for line in seen if found[line.letter, line.name] == 1}
    moved: defaultdict[int, set[int]] = defaultdict(set)
    for line in foretold:
        if (at := once.get((line.letter, line.name))) is not None:
            moved[line.section].add(at - line.address)
    yield from (
        f"{path.name}: section {number} lies at {len(at)} places"
        for number, at in moved.items()
        if len(at) > 1
    )
    print(f"{path.name}: {len(seen):,} lines, {len(moved)} sections")


def main() -> int:
    """Do it for the kernel and the modules named on the command line."""
    parser = argparse.ArgumentParser(
        description="Compare /proc/kallsyms of a kernel with modules with their files."
    )
    parser.add_argument("image", type=Path, help="the kernel's boot image")
    parser.add_argument("port", choices=MACHINES)
    parser.add_argument("modules", type=Path, nargs="+", help="modules, unpacked")
    parser.add_argument("--log", type=Path, default=Path("stock-modules.log"))
    parser.add_argument("--again", action="store_true", help="compare the text of an earlier boot")
    wanted = parser.parse_args()
    try:
        if not wanted.again:
            wanted.log.write_text(boot(wanted.image, wanted.port, wanted.modules), encoding="utf-8")
    except (BootError, DebianError) as error:
        print(f"stock_modules: {error}", file=sys.stderr)
        return 3
    lines = shown(parts(wanted.log.read_text(encoding="utf-8")).get("kallsyms", ""))
    wrong = list(compare(wanted.image, of_kernel(wanted.image), lines[""]))
    for path in wanted.modules:
        wrong += compare(path, of_module(path), lines[path.stem.replace("-", "_")])
    print("\n".join(wrong[:SHOWN_MOST]) or "differences: none")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
