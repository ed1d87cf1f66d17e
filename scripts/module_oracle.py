#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""``elfsyms list`` of modules beside what the kernel's rules make of readelf's view of them.

    scripts/module_oracle.py FOLDER...        # with .ko, or .ko.xz as in Debian's linux-modules-*

The rules are those of ``kernel/module/kallsyms.c`` (``is_core_symbol``, ``elf_type``) for a kernel with
CONFIG_KALLSYMS_ALL that unloads modules, and of ``module_init_section`` of ARM and 64-bit PowerPC. Prints modules
that differ, and counts. Leaves out live patches, and Alpha's and MIPS' small sections.
"""

from __future__ import annotations

import argparse
import lzma
import re
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import NamedTuple

NOT_LOADED = {".modinfo", "__versions", "__version_ext_crcs", "__version_ext_names"}
# What is freed once the module has started, by readelf's name of the machine.
FREED = {"ARM": (".init", ".ARM.extab.init", ".ARM.exidx.init"), "PowerPC64": ()}
SECTION = re.compile(
    r"^ *\[ *(\d+)\] (\S*) +(\S+) +[0-9a-f]+ [0-9a-f]+ [0-9a-f]+ [0-9a-f]{2} +([A-Za-z]*) +\d", re.MULTILINE
)
SYMBOL = re.compile(r"^ *\d+: ([0-9a-f]+) +\S+ (\S+) +(\S+) +\S+ +(?:\[[^]]*\] +)?(\S+) ?(.*)$", re.MULTILINE)
SHOWN_MOST = 3


class Section(NamedTuple):
    """A section as readelf shows it."""

    name: str
    type: str
    flags: str


def readelf(option: str, path: Path) -> str:
    """Return what readelf shows."""
    command = ["readelf", "--wide", option, str(path)]
    return subprocess.run(command, capture_output=True, check=True).stdout.decode("utf-8", "surrogateescape")


def foretold(path: Path) -> list[tuple[str, ...]]:
    """Return address, letter and name of each line by the kernel's rules."""
    machine = re.search(r"Machine: +(\S+)", readelf("--file-header", path))
    freed = FREED.get(machine[1] if machine else "", (".init",))
    sections = {
        found[1]: Section(*found.groups()[1:]) for found in SECTION.finditer(readelf("--sections", path))
    }
    symbols = [found.groups() for found in SYMBOL.finditer(readelf("--symbols", path))]
    marks = [name for *_, where, name in symbols if where in sections and sections[where].name == "__ksymtab"]
    exported = {name.removeprefix("__ksymtab_") for name in marks if name.startswith("__ksymtab_")}
    lines: list[tuple[str, ...]] = []
    for value, kind, binding, where, name in symbols:
        section = sections.get(where)
        if section is None or not name or kind == "SECTION" or section.name.startswith(freed):
            continue
        if "A" in section.flags and section.name not in NOT_LOADED:
            letter = letter_of(section, kind, binding)
            capital = name in exported and binding != "LOCAL"
            lines.append((value, letter.upper() if capital else letter, name))
    return lines


def letter_of(section: Section, kind: str, binding: str) -> str:
    """Return the letter of a symbol in a section that is loaded."""
    if binding == "WEAK":
        return "v" if kind == "OBJECT" else "w"
    if section.name == ".data..percpu":
        return "a"
    if "X" in section.flags:
        return "t"
    if section.type == "NOBITS":
        return "b"
    return "d" if "W" in section.flags else "r"


def listed(path: Path) -> list[tuple[str, ...]]:
    """Return the lines of ``elfsyms list``, control characters as readelf shows them."""
    command = [sys.executable, "-m", "elfsyms", "list", str(path)]
    text = subprocess.run(command, capture_output=True, check=False).stdout.decode("utf-8", "surrogateescape")
    rows = (line.rpartition("\t")[0] for line in text.split("\n") if line)
    return [tuple(row.replace("\1", "^A").replace("\2", "^B").split(" ", 2)) for row in rows]


def main() -> int:
    """Compare the modules in the folders named on the command line."""
    parser = argparse.ArgumentParser(description="elfsyms list of modules beside the kernel's rules.")
    parser.add_argument("folders", type=Path, nargs="+")
    files = [path for folder in parser.parse_args().folders for path in sorted(folder.rglob("*.ko*"))]
    paths = [path for path in files if path.name.endswith((".ko", ".ko.xz"))]
    count = different = 0
    for path in paths:
        with tempfile.NamedTemporaryFile(suffix=".ko") as plain:
            data = path.read_bytes()
            Path(plain.name).write_bytes(lzma.decompress(data) if path.suffix == ".xz" else data)
            wanted = foretold(Path(plain.name))
        shown = listed(path)
        count += len(wanted)
        if shown != wanted:
            different += 1
            more, less = Counter(shown) - Counter(wanted), Counter(wanted) - Counter(shown)
            print(f"{path}: more {list(more)[:SHOWN_MOST]}, less {list(less)[:SHOWN_MOST]}")
    print(f"{len(paths):,} modules, {count:,} lines, {different:,} modules differ")
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())
