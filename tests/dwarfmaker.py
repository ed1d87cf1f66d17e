# SPDX-License-Identifier: GPL-2.0-or-later
"""Small programs with debug information of every kind that compilers and tools make: what readers are tried on."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["RECIPES", "SOURCES", "build", "missing"]

HEADER = """\
static inline __attribute__((always_inline)) int twice(int x)
{
    __asm__ volatile("" : "+r"(x));
    return 2 * x;
}
"""
FIRST = """\
#include "twice.h"
static int depth;
static inline __attribute__((always_inline)) int up(int x)
{
    return twice(x) + depth++;
}
__attribute__((noinline)) int first(int x)
{
    return up(x) * 3 + twice(x);
}
int lookup(int x, int up)
{
    return first(x) + twice(up);
}
"""
SECOND = """\
#include "twice.h"
int first(int x);
int lookup(int x, int up);
static __attribute__((noinline)) int helper(int x)
{
    int sum = 0;
    for (int i = 0; i < x; i++)
        sum += first(x) + twice(x) + twice(x + 1);
    return sum;
}
int main(int count, char **words)
{
    return helper(count) + twice(count) + lookup(count, words != 0);
}
"""
SOURCES = {"twice.h": HEADER, "first.c": FIRST, "second.c": SECOND}

_FREE = "-O2 -ffreestanding -fno-asynchronous-unwind-tables -nostdlib -static -no-pie -Wl,-e,main"
_LLD = f"{_FREE} -fuse-ld=lld-19"
_MADE = "-o program first.c second.c"
_CLANG = f"clang-19 {_LLD}"
_PACKAGE = "llvm-dwp-19 program-first.dwo program-second.dwo -o program.dwp"
_APART = "rm program-first.dwo program-second.dwo"
# By name: the commands. What a command needs is its first word, and what stands behind -fuse-ld=.
RECIPES: dict[str, tuple[str, ...]] = {
    "gcc-dwarf2": (f"gcc {_FREE} -gdwarf-2 {_MADE}",),
    "gcc-dwarf4": (f"gcc {_FREE} -gdwarf-4 {_MADE}",),
    "gcc-dwarf5": (f"gcc {_FREE} -gdwarf-5 {_MADE}",),
    "gcc-dwarf64": (f"gcc {_FREE} -gdwarf-5 -gdwarf64 {_MADE}",),
    "gcc-dwarf64-4": (f"gcc {_FREE} -gdwarf-4 -gdwarf64 {_MADE}",),
    "gcc-sections": (f"gcc {_FREE} -g -ffunction-sections {_MADE}",),
    "gcc-lto": (f"gcc {_FREE} -g -flto {_MADE}",),
    "gcc-split": (f"gcc {_FREE} -g -gsplit-dwarf {_MADE}",),
    "gcc-split-4": (f"gcc {_FREE} -gdwarf-4 -gsplit-dwarf -ffunction-sections {_MADE}",),
    "gcc-split-lld": (f"gcc {_FREE} -fuse-ld=lld -g -gsplit-dwarf -ffunction-sections {_MADE}",),
    "gcc-split-64": (f"gcc {_FREE} -g -gdwarf64 -gsplit-dwarf {_MADE}",),
    "gcc-split-zlib": (f"gcc {_FREE} -g -gz=zlib -gsplit-dwarf {_MADE}",),
    "gcc-package": (f"gcc {_FREE} -gdwarf-4 -gsplit-dwarf {_MADE}", _PACKAGE, _APART),
    "gcc-types": (f"gcc {_FREE} -g -fdebug-types-section {_MADE}",),
    "zlib": (f"gcc {_FREE} -g {_MADE}", "objcopy --compress-debug-sections=zlib program"),
    "zstd": (f"gcc {_FREE} -g {_MADE}", "objcopy --compress-debug-sections=zstd program"),
    "dwz": (f"gcc {_FREE} -g {_MADE}", "dwz program"),
    "clang-dwarf4": (f"{_CLANG} -gdwarf-4 {_MADE}",),
    "clang-dwarf5": (f"{_CLANG} -gdwarf-5 {_MADE}",),
    "clang-aranges": (f"{_CLANG} -g -gdwarf-aranges {_MADE}",),
    "clang-thinlto": (f"{_CLANG} -g -flto=thin {_MADE}",),
    "clang-lto": (f"{_CLANG} -g -flto {_MADE}",),
    "clang-split": (f"{_CLANG} -g -gsplit-dwarf {_MADE}",),
    "clang-split-4": (f"{_CLANG} -gdwarf-4 -gsplit-dwarf {_MADE}",),
    "clang-split-sections": (f"{_CLANG} -g -gsplit-dwarf -ffunction-sections {_MADE}",),
    "clang-package": (f"{_CLANG} -g -gsplit-dwarf -ffunction-sections {_MADE}", _PACKAGE, _APART),
    "s390x-split": (f"s390x-linux-gnu-gcc {_FREE} -g -gsplit-dwarf {_MADE}",),
    "arm64": (f"aarch64-linux-gnu-gcc {_FREE} -g {_MADE}",),
    "riscv64": (f"riscv64-linux-gnu-gcc {_FREE} -g {_MADE}",),
    "s390x": (f"s390x-linux-gnu-gcc {_FREE} -g {_MADE}",),
    "s390x-dwarf4": (f"s390x-linux-gnu-gcc {_FREE} -gdwarf-4 {_MADE}",),
    "ppc64": (f"{_CLANG} --target=powerpc64-linux-gnu -mabi=elfv2 -g {_MADE}",),
    "mips": (f"{_CLANG} --target=mips-linux-gnu -g {_MADE}",),
    "arm": (f"{_CLANG} --target=arm-linux-gnueabi -g {_MADE}",),
}


def missing(recipe: str) -> str:
    """Return a program that a recipe needs and that is not here, empty where all are."""
    words = [word for command in RECIPES[recipe] for word in command.split()]
    needed = [command.split()[0] for command in RECIPES[recipe]]
    needed += [f"ld.{word.removeprefix('-fuse-ld=')}" for word in words if word.startswith("-fuse-ld=")]
    return next((program for program in needed if shutil.which(program) is None), "")


def build(folder: Path, recipe: str, shown: str = "") -> Path:
    """Make a program in a folder, or as if in another, which is shown in its debug information.

    Raises :class:`subprocess.CalledProcessError` where a tool cannot.
    """
    for name, text in SOURCES.items():
        (folder / name).write_text(text, encoding="ascii")
    for command in RECIPES[recipe]:
        words = command.split()
        if shown and _MADE in command:
            words.append(f"-ffile-prefix-map={folder}={shown}")
        subprocess.run(words, cwd=folder, check=True, capture_output=True)
    return folder / "program"
