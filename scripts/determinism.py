#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""See that the same kernel gives the same bytes, whatever the process that makes them is like.

    scripts/determinism.py                       # a sample in testdata, under every variation: 5 minutes
    scripts/determinism.py vmlinux other.elf     # these files
    scripts/determinism.py --only locale --only SIMD vmlinux

Every command that writes or prints something runs in a folder of its own, under other hash seeds, locales, time
zones, folder names, umasks, without numpy's SIMD paths, on one core, with caches empty and full, and in another
process. Objects, assembly, maps, JSON, text, pages, Parquet, ELF files and caches must be those of the first run.
``localedef`` compiles the locales (Debian's package locales). ``try_pythons.py`` tries other Pythons, and
the oldest and the newest libraries.
"""

from __future__ import annotations

import argparse
import hashlib
import lzma
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).parents[1]
SAMPLE = ROOT / "testdata" / "vmlinux-samples" / "amd64-6.12.xz"

# What is made of a file, one after the other: the later ones read what the earlier ones wrote.
COMMANDS = (
    ("vmlinux", "-o", "kallsyms.S", "--system-map", "System.map"),
    ("vmlinux", "-o", "kallsyms.o", "--json"),
    ("vmlinux", "-o", "cached.o", "--cache", "cache", "-q"),
    ("vmlinux", "-o", "cached-again.o", "--cache", "cache", "-q"),
    ("vmlinux", "--empty", "-o", "empty.o", "-q"),
    ("reserve", "vmlinux", "-o", "room.o", "--json"),
    ("list", "vmlinux"),
    ("list", "vmlinux", "--json", "--columns", "name,rule,aliases,sympos,kprobe,demangled,stored"),
    ("list", "vmlinux", "--csv"),
    ("explain", "vmlinux", "*a*"),
    ("explain", "vmlinux", "*", "--json"),
    ("ledger", "vmlinux"),
    ("ledger", "vmlinux", "--json"),
    ("stats", "vmlinux", "--json"),
    ("rules", "--json"),
    ("releases", "--json"),
    ("decode", "kallsyms.o", "--release", "6.12"),
    ("decode", "kallsyms.o", "--release", "6.12", "--json"),
    ("diff", "System.map", "vmlinux", "--json"),
    ("report", "vmlinux", "-o", "page.html"),
    ("export", "vmlinux", "-o", "atlas"),
    ("atlas", "a*", "--in", "atlas", "--json"),
)
CHILD = """
import gc, os, sys
os.umask(int(sys.argv[1], 8))
commands = sys.stdin.read().split("\\n")
from elfsyms.__main__ import outcome
for number, command in enumerate(commands):
    words = command.split("\\0")
    name = f"printed-{number:02}-{words[0]}"
    sys.stdout = open(name, "w", encoding=sys.__stdout__.encoding, errors=sys.__stdout__.errors)
    code = outcome(words)
    print("exit code", code, file=sys.stdout)
    sys.stdout.close()
    if code > 1:
        sys.exit(f"{words} ended with {code}")
    gc.collect()
"""


@dataclass(frozen=True, slots=True)
class Variation:
    """What is other than in the first run; ``around`` stands before the command line."""

    name: str
    environment: dict[str, str] = field(default_factory=dict)
    around: tuple[str, ...] = ()
    folder: str = "plain"
    umask: str = "022"
    python: tuple[str, ...] = (sys.executable,)


LOCALES = {
    "tr_TR": "ISO-8859-9",
    "tr_TR.UTF-8": "UTF-8",
    "ja_JP.eucJP": "EUC-JP",
    "de_DE": "ISO-8859-1",
    "zh_CN.gb18030": "GB18030",
}


FOLDERS = ("two words", "ümläut 日本", "new\nline", "-o", "a'b\"c$(x)`y`", os.fsdecode(b"latin \xfc"))


def compile_locales(folder: Path) -> None:
    """Compile the locales into a folder; raises :class:`FileNotFoundError` where there is no localedef."""
    for name, charset in LOCALES.items():
        command = ["localedef", "-i", name.partition(".")[0], "-f", charset, str(folder / name)]
        done = subprocess.run(command, check=False, capture_output=True)
        if not (folder / name).is_dir():  # warnings end it with 1, and the locale is there all the same
            sys.exit(f"determinism: localedef: {done.stderr.decode(errors='replace')}")


def dispatched() -> str:
    """Return the instruction sets that numpy found here and has code of its own for."""
    core = "numpy._core" if find_spec("numpy._core") else "numpy.core"  # the older name
    found = import_module(f"{core}._multiarray_umath")
    return " ".join(name for name in found.__cpu_dispatch__ if found.__cpu_features__.get(name))


def variations(compiled: Path) -> Iterator[Variation]:
    """Yield what the first run is compared with; ``compiled`` has the locales."""
    yield from (Variation(f"hash seed {seed}", {"PYTHONHASHSEED": str(seed)}) for seed in (0, 1, 4294967295))
    for name in LOCALES:
        yield Variation(
            f"locale {name}", {"LC_ALL": name, "LOCPATH": str(compiled), "PYTHONCOERCECLOCALE": "0"}
        )
    yield Variation("locale C alone", {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"})
    yield from (Variation(f"time zone {zone}", {"TZ": zone}) for zone in ("Asia/Kathmandu", "<-12>12"))
    yield from (Variation(f"folder {name!a}", folder=name) for name in FOLDERS)
    yield from (Variation(f"umask {umask}", umask=umask) for umask in ("000", "077"))
    yield Variation("no SIMD in numpy", {"NPY_DISABLE_CPU_FEATURES": dispatched()})
    yield Variation("one core", around=("taskset", "-c", str(min(os.sched_getaffinity(0)))))
    yield Variation("optimised Python", python=(sys.executable, "-OO"))
    yield Variation("no environment but HOME", python=("/usr/bin/env", "-i", "HOME=home", sys.executable))
    yield Variation(
        "wide terminal, colours", {"COLUMNS": "200", "FORCE_COLOR": "1", "TERM": "xterm-256color"}
    )


def make(vmlinux: Path, folder: Path, variation: Variation) -> dict[str, str]:
    """Run all commands in a new folder; return the digest of each file that is there afterwards, by its name."""
    folder = folder / variation.folder
    folder.mkdir()
    home = folder.parent / "home"  # where templates are kept
    try:
        shutil.copyfile(vmlinux, folder / "vmlinux")
        command = [
            *variation.around,
            *variation.python,
            "-P",
            "-c",
            f"import sys; sys.path.insert(0, {str(ROOT)!r})\n{CHILD}",
        ]
        environment = {
            **{
                k: v
                for k, v in os.environ.items()
                if not k.startswith(("LC_", "LANG", "PYTHON", "COLUMNS", "TERM"))
            },
            "XDG_CACHE_HOME": str(home),
            **variation.environment,
        }
        words = ["\0".join(one) for one in COMMANDS]
        done = subprocess.run(
            [*command, variation.umask],
            input="\n".join(words).encode(),
            cwd=folder,
            env=environment,
            check=False,
            capture_output=True,
        )
        if done.returncode:
            sys.exit(f"determinism: {variation.name}: {done.stderr.decode(errors='replace')[-2000:]}")
        (folder / "errors").write_bytes(done.stderr)
        return dict(_digests(folder))
    finally:
        shutil.rmtree(folder)
        shutil.rmtree(home, ignore_errors=True)


def _digests(folder: Path) -> Iterator[tuple[str, str]]:
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            yield str(path.relative_to(folder)), hashlib.sha256(path.read_bytes()).hexdigest()


def differences(vmlinux: Path, only: Callable[[Variation], bool]) -> Iterator[tuple[Variation, list[str]]]:
    """Yield each variation, and the files that are others than in the first run."""
    with tempfile.TemporaryDirectory() as name, tempfile.TemporaryDirectory() as compiled:
        first = make(vmlinux, Path(name), Variation("as it is"))
        compile_locales(Path(compiled))
        for variation in filter(only, variations(Path(compiled))):
            other = make(vmlinux, Path(name), variation)
            yield (
                variation,
                sorted(path for path in first.keys() | other.keys() if first.get(path) != other.get(path)),
            )


def main() -> int:
    """Try all variations over the files that the command line names."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("vmlinux", nargs="*", type=Path)
    parser.add_argument("--only", action="append", default=[], help="variations with this in their name")
    wanted = parser.parse_args()
    differs = False
    with tempfile.TemporaryDirectory() as folder:
        if not wanted.vmlinux:
            wanted.vmlinux.append(Path(folder) / "vmlinux")
            wanted.vmlinux[0].write_bytes(lzma.decompress(SAMPLE.read_bytes()))
        for vmlinux in wanted.vmlinux:
            for variation, files in differences(
                vmlinux, lambda one: not wanted.only or any(word in one.name for word in wanted.only)
            ):
                differs |= bool(files)
                print(f"{vmlinux.name}: {variation.name}: {', '.join(files) or 'the same'}", flush=True)
    return int(differs)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except FileNotFoundError as error:
        sys.exit(f"determinism: {error}: Debian's packages locales and util-linux have localedef and taskset")
