#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The assembler and the linkers of every target, from PATH or from Debian in a prefix of their own.

    scripts/toolchains.py                # what there is for each target
    scripts/toolchains.py loongarch64    # the commands, one a line

:func:`toolchain` takes the identity of an ELF file and returns commands. A tool on PATH is taken if it knows
the target: that is tried out (a word and a PC-relative reference are linked), not guessed from versions.
What PATH lacks comes from Debian sid with all it depends on, C library included, unpacked in the cache and
started through its own dynamic linker, so that nothing of the system changes or matters.

Leaves out compilers, and C libraries of the targets: tables need neither.
"""

from __future__ import annotations

import functools
import shlex
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from debian import DebianError, cache_folder, open_archive, unpack_closure

__all__ = ["TARGETS", "Command", "Target", "Toolchain", "private_tool", "target_of", "toolchain"]

SUITE = "sid"  # whose binutils, lld and mold know every target

Command = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Target:
    """One row of the table: an ELF identity and what GNU calls it."""

    name: str
    machine: int  # e_machine
    bits: Literal[32, 64]
    byte_order: Literal["<", ">"]
    triplet: str  # prefix of the GNU tools, and of Debian's package
    as_options: Command = ()
    emulation: str = ""  # of ld, where the triplet's tools speak for several targets


@dataclass(frozen=True, slots=True)
class Toolchain:
    """Commands to which arguments are appended; ``lld`` and ``mold`` are None where they lack the target."""

    target: Target
    as_: Command
    ld: Command
    objcopy: Command
    lld: Command | None
    mold: Command | None


# fmt: off
TARGETS: tuple[Target, ...] = (
    Target("x86_64",      62,     64, "<", "x86_64-linux-gnu"),
    Target("i386",        3,      32, "<", "i686-linux-gnu"),
    Target("aarch64",     183,    64, "<", "aarch64-linux-gnu"),
    Target("arm",         40,     32, "<", "arm-linux-gnueabihf"),
    Target("armeb",       40,     32, ">", "arm-linux-gnueabihf", ("-EB",), "armelfb_linux_eabi"),
    Target("riscv64",     243,    64, "<", "riscv64-linux-gnu"),
    Target("riscv32",     243,    32, "<", "riscv64-linux-gnu", ("-march=rv32imac", "-mabi=ilp32"),
           "elf32lriscv"),
    Target("loongarch64", 258,    64, "<", "loongarch64-linux-gnu"),
    Target("ppc64le",     21,     64, "<", "powerpc64le-linux-gnu"),
    Target("ppc64",       21,     64, ">", "powerpc64-linux-gnu"),
    Target("ppc",         20,     32, ">", "powerpc-linux-gnu"),
    Target("s390x",       22,     64, ">", "s390x-linux-gnu"),
    Target("mips",        8,      32, ">", "mips-linux-gnu"),
    Target("mipsel",      8,      32, "<", "mipsel-linux-gnu"),
    Target("mips64",      8,      64, ">", "mips64-linux-gnuabi64"),
    Target("mips64el",    8,      64, "<", "mips64el-linux-gnuabi64"),
    Target("sparc64",     43,     64, ">", "sparc64-linux-gnu"),
    Target("m68k",        4,      32, ">", "m68k-linux-gnu"),
    Target("hppa",        15,     32, ">", "hppa-linux-gnu"),
    Target("alpha",       0x9026, 64, "<", "alpha-linux-gnu"),
    Target("sh4",         42,     32, "<", "sh4-linux-gnu"),
    Target("arc",         195,    32, "<", "arc-linux-gnu"),
)
# fmt: on

# Linkers on PATH, in the order of trial.
LLD = ("ld.lld", "ld.lld-19")
MOLD = ("ld.mold", "mold")

# What a linker must be able to link: the two relocations that tables of symbols are made of.
PROBE = """
 .text
 .globl _start
_start:
 .long 0
 .section .rodata, "a"
 .balign 8
 .{word} _start
 .long _start - .
"""
WORDS = {32: "long", 64: "quad"}


def target_of(machine: int, bits: int, byte_order: str) -> Target:
    """Return the target of an ELF identity (``e_machine``, 32 or 64, ``"<"`` or ``">"``)."""
    wanted = (machine, bits, byte_order)
    found = next((t for t in TARGETS if (t.machine, t.bits, t.byte_order) == wanted), None)
    if found is None:
        end = {"<": "little", ">": "big"}[byte_order]
        names = ", ".join(target.name for target in TARGETS)
        raise DebianError(
            f"no tools are known for e_machine {machine}, {bits} bits, {end}-endian; for: {names}"
        )
    return found


@functools.cache
def toolchain(target: Target) -> Toolchain:
    """Return the tools of a target; :class:`DebianError` when it has no assembler."""
    assembler = (*_gnu(target, "as"), *target.as_options)
    linker = (*_gnu(target, "ld.bfd"), *(("-m", target.emulation) if target.emulation else ()))
    with tempfile.TemporaryDirectory() as folder:
        probe = Path(folder) / "probe.o"
        text = PROBE.format(word=WORDS[target.bits]).encode()
        subprocess.run([*assembler, "-o", str(probe)], input=text, check=True)
        lld = _linker(probe, LLD, "lld", "ld.lld")
        mold = _linker(probe, MOLD, "mold", "ld.mold")
    return Toolchain(target, assembler, linker, _gnu(target, "objcopy"), lld, mold)


def _gnu(target: Target, tool: str) -> Command:
    name = f"{target.triplet}-{tool}"
    found = shutil.which(name)
    return (found,) if found else private_tool(f"binutils-{target.triplet.replace('_', '-')}", name)


def _linker(probe: Path, names: Command, package: str, program: str) -> Command | None:
    """Return the first linker that links the probe, the one of Debian sid as the last resort."""
    for name in filter(shutil.which, names):
        if _links((name,), probe):
            return (name,)
    try:
        private = private_tool(package, program)
    except DebianError:
        return None
    return private if _links(private, probe) else None


def _links(linker: Command, probe: Path) -> bool:
    command = [*linker, "-e", "0", "-o", f"{probe}.linked", str(probe)]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


@functools.cache
def private_tool(package: str, program: str) -> Command:
    """Return a program of a Debian package that lives, with all it depends on, in the cache."""
    prefix = cache_folder() / "tools" / package
    if not (prefix / "unpacked").exists():
        unpack_closure(open_archive(SUITE), [package], prefix)
    wrapper = prefix / "bin" / program
    if not wrapper.exists():
        _write_wrapper(prefix, program, wrapper)
    return (str(wrapper),)


def _write_wrapper(prefix: Path, program: str, wrapper: Path) -> None:
    """Write a script that starts a program through the C library of its own prefix."""
    binary = prefix / "usr" / "bin" / program
    loader = next(prefix.glob("usr/lib/*/ld-linux*.so.*"), None)
    if not binary.exists() or loader is None:
        raise DebianError(f"{prefix.name} of Debian {SUITE} holds no {program} that could be started")
    libraries = sorted({str(path.parent) for path in prefix.glob("usr/lib/**/*.so.*")})
    start = [str(loader), "--argv0", program, "--library-path", ":".join(libraries), str(binary)]
    wrapper.parent.mkdir(exist_ok=True)
    wrapper.write_text(f'#!/bin/sh\nexec {shlex.join(start)} "$@"\n', encoding="utf-8")
    wrapper.chmod(0o755)


def main() -> int:
    """Print the commands of the targets named on the command line, or a table of all."""
    wanted = sys.argv[1:]
    for target in (t for t in TARGETS if t.name in wanted or not wanted):
        try:
            tools = toolchain(target)
        except DebianError as error:
            print(f"toolchains: {target.name}: {error}", file=sys.stderr)
            continue
        if wanted:
            named = (("as", tools.as_), ("ld", tools.ld), ("lld", tools.lld), ("mold", tools.mold))
            print("\n".join(f"{name}: {shlex.join(command or ('none',))}" for name, command in named))
        else:
            print(f"{target.name:12} lld {tools.lld or '-'}  mold {tools.mold or '-'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
