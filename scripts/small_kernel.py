#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A small kernel of a release, compiled once in the cache and linked again as often as one likes.

    scripts/small_kernel.py 6.12                        # compile it, say where it is
    scripts/small_kernel.py 7.3 arm64 --elfsyms elfsyms # and link it with the hook
    scripts/small_kernel.py 7.3 --llvm=-19 --set LTO_CLANG_THIN

tinyconfig and what booting a shell wants, every object in ``boot/RELEASE-PORT/objects`` of the cache folder;
the source tree beside it is a tree of hard links, so that the hook can be put in without touching the tree
that others use. :func:`link` runs nothing but the last stage, stock or with the hook, and takes its time.

Leaves out debug information: BTF wants pahole, and DWARF ten times the disk.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from debian import DebianError, cache_folder, locked, run
from sources import source_tree

from elfsyms.kbuild import install, remove

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = [
    "FIXED",
    "PORTS",
    "SELFTEST",
    "Build",
    "Kernel",
    "KernelError",
    "Link",
    "Port",
    "add_build_arguments",
    "build_asked_for",
    "compile_kernel",
    "configure",
    "hook",
    "link",
    "make_command",
    "make_image",
]

# What makes a build say the same each time.
FIXED = {
    "KBUILD_BUILD_TIMESTAMP": "1970-01-01",
    "KBUILD_BUILD_VERSION": "1",
    "KBUILD_BUILD_USER": "elfsyms",
    "KBUILD_BUILD_HOST": "elfsyms",
    "LC_ALL": "C",
}

# What every port wants on top of tinyconfig.
COMMON = """
SMP KALLSYMS DEBUG_KERNEL KALLSYMS_ALL KALLSYMS_SELFTEST MODULES RELOCATABLE RANDOMIZE_BASE PRINTK TTY
BLK_DEV_INITRD RD_GZIP PROC_FS BINFMT_ELF BINFMT_SCRIPT KERNEL_GZIP
"""
# What it must have got, or the rest makes no sense. SELFTEST is the kernel's own test of its table, from 6.2 on.
SELFTEST = "KALLSYMS_SELFTEST"
NEEDED = ("KALLSYMS_ALL", SELFTEST, "PROC_FS", "BINFMT_ELF")


class KernelError(Exception):
    """What did not work, in one sentence."""


@dataclass(frozen=True, slots=True)
class Port:
    """A machine to build for: make's ARCH, the compiler's prefix, the image, and what its console needs."""

    name: str
    arch: str
    cross: str
    image: str  # under arch/, in the build tree; empty where vmlinux itself starts
    config: str
    needed: tuple[str, ...] = field(default=("RANDOMIZE_BASE",), repr=False)


@dataclass(frozen=True, slots=True)
class Build:
    """How to build: make's LLVM (``1``, ``-19``; none: GCC and binutils), and what else to configure.

    An option behind ``!`` is switched off.
    ``name`` stands for the options in the name of the objects' folder, where they are many. ``base`` is the
    configuration to start with (``defconfig``), instead of the small one; that gets KALLSYMS_ALL and nothing else.
    """

    llvm: str = ""
    config: tuple[str, ...] = ()
    name: str = ""
    base: str = field(default="", repr=False)

    @property
    def suffix(self) -> str:
        """What a folder of such objects is called by."""
        llvm = f"llvm{self.llvm}" if self.llvm else ""
        words = [self.base, llvm, *([self.name] if self.name else self.config)]
        return "".join(f"-{word}" for word in words if word)

    def wanted(self, port: Port) -> tuple[str, ...]:
        """Return the options to set."""
        first = ("KALLSYMS_ALL",) if self.base else (*COMMON.split(), *port.config.split())
        return (*first, *self.config)

    def needed(self, port: Port) -> tuple[str, ...]:
        """Return the options that must have been taken."""
        first = ("KALLSYMS_ALL",) if self.base else (*NEEDED, *port.needed)
        return (*first, *self.config)


@dataclass(frozen=True, slots=True)
class Kernel:
    """A compiled kernel: its trees in the cache."""

    release: str
    port: Port
    build: Build
    source: Path
    objects: Path

    @property
    def tests_itself(self) -> bool:
        """Tell whether it can test its own table as it boots."""
        return (self.source / "kernel" / "kallsyms_selftest.c").exists()


@dataclass(frozen=True, slots=True)
class Link:
    """What one link stage left: copies of its files, its log, and its seconds from the first KSYMS on.

    ``moments`` are those of the log's lines, in seconds since that first one; the last is that of the end.
    """

    vmlinux: Path
    system_map: Path
    log: tuple[str, ...]
    moments: tuple[float, ...]

    @property
    def seconds(self) -> float:
        """How long it took."""
        return self.moments[-1]

    @property
    def links(self) -> tuple[str, ...]:
        """What was linked, by name: images, not tools; ``vmlinux.o`` is put together in any case, by ``ld -r``."""
        names = (line.split()[1] for line in self.log if line.startswith("  LD "))
        images = (name for name in names if name.startswith((".tmp_vmlinux", "vmlinux")))
        return tuple(name for name in images if name != "vmlinux.o")

    def steps(self) -> list[tuple[str, float]]:
        """Return Kbuild's lines from the first KSYMS on, each with its seconds."""
        rows = [(line, at) for line, at in zip(self.log, self.moments, strict=False) if line.startswith("  ")]
        ends = [*(at for _, at in rows[1:]), self.moments[-1]]
        return [(line.strip(), end - at) for (line, at), end in zip(rows, ends, strict=True) if at >= 0]


# fmt: off
PORTS = {
    port.name: port
    for port in (
        Port("x86_64", "x86_64", "", "x86/boot/bzImage", "64BIT SERIAL_8250 SERIAL_8250_CONSOLE"),
        Port("arm64", "arm64", "aarch64-linux-gnu-", "arm64/boot/Image",
             "SERIAL_AMBA_PL011 SERIAL_AMBA_PL011_CONSOLE"),
        Port("riscv64", "riscv", "riscv64-linux-gnu-", "riscv/boot/Image",
             "64BIT ARCH_RV64I MMU FPU RISCV_SBI SERIAL_8250 SERIAL_8250_CONSOLE SERIAL_OF_PLATFORM "
             "POWER_RESET POWER_RESET_SYSCON SYSCON MFD_SYSCON SIFIVE_PLIC RISCV_INTC RISCV_ISA_FALLBACK"),
        # Big-endian, with relocations kept for a kernel that moves itself.
        Port("s390x", "s390", "s390x-linux-gnu-", "s390/boot/bzImage", "CCW SCLP_TTY SCLP_CONSOLE"),
        # 32 bits; nothing moves it. Not in Thumb code: the kernel's own test compares pointers to functions there,
        # whose lowest bit is set, with addresses, and fails with any table.
        Port("arm", "arm", "arm-linux-gnueabihf-", "arm/boot/zImage",
             "MMU ARCH_MULTI_V7 ARCH_VIRT AEABI !THUMB2_KERNEL SERIAL_AMBA_PL011 SERIAL_AMBA_PL011_CONSOLE",
             ("ARCH_VIRT",)),
        # User-Mode Linux: a program of the host, linked through the compiler, with the C library in it.
        Port("um", "um", "", "", "64BIT STDERR_CONSOLE STDIO_CONSOLE NULL_CHAN STATIC_LINK", ("STATIC_LINK",)),
    )
}
# fmt: on


def compile_kernel(release: str, port: Port, build: Build | None = None) -> Kernel:
    """Return the kernel of a release (``6.12``) for a port, compiling it if the cache has it not."""
    tree = source_tree(release)
    build = build or Build()
    folder = cache_folder() / "boot" / f"{tree.name}-{port.name}{build.suffix}"
    kernel = Kernel(tree.name, port, build, folder / "source", folder / "objects")
    with locked(folder):
        stamp = folder / "compiled"
        wanted = _digest(port, build)
        if not stamp.exists() or stamp.read_text(encoding="utf-8") != wanted:
            _link_tree(tree, kernel.source)
            _configure(kernel)
            _make(kernel, "vmlinux", folder / "compile.log")
            stamp.write_text(wanted, encoding="utf-8")
    return kernel


def link(
    kernel: Kernel, target: Path, *, elfsyms: str = "", settings: Sequence[str] = (), again: bool = False
) -> Link:
    """Run the link stage alone and copy what it left into a folder: with the hook, if a command is given.

    ``again`` keeps what links before learned, as in a build that goes on.

    Raises :class:`KernelError` with the last lines of the log where the build stops.
    """
    target.mkdir(parents=True, exist_ok=True)
    with locked(kernel.objects.parent):
        (kernel.objects / "vmlinux").unlink(missing_ok=True)
        (kernel.objects / "vmlinux.unstripped").unlink(missing_ok=True)
        if not again:
            shutil.rmtree(kernel.objects / ".tmp_elfsyms", ignore_errors=True)  # what links before learned
        with hook(kernel.source) if elfsyms else nullcontext():
            command = [f"ELFSYMS={elfsyms}"] if elfsyms else []
            log, moments = _timed_make(kernel, [*command, *settings])
        for name in ("vmlinux", "System.map", "vmlinux.unstripped"):
            if (kernel.objects / name).exists():
                shutil.copyfile(kernel.objects / name, target / name)
    return Link(target / "vmlinux", target / "System.map", log, moments)


@contextmanager
def hook(source: Path) -> Iterator[None]:
    """Put the hook into a tree for a while; the script's time stays, or the image would be linked again."""
    script = source / "scripts" / "link-vmlinux.sh"
    before = script.stat()
    install(source)
    try:
        yield
    finally:
        remove(source)
        os.utime(script, ns=(before.st_atime_ns, before.st_mtime_ns))


def make_image(kernel: Kernel, target: Path) -> Path:
    """Make what QEMU starts of the vmlinux that was linked last; return a copy of it in a folder."""
    if not kernel.port.image:
        linux = Path(shutil.copyfile(target / "vmlinux", target / "linux"))
        linux.chmod(0o755)
        return linux
    with locked(kernel.objects.parent):
        built = kernel.objects / "arch" / kernel.port.image
        log = kernel.objects.parent / "image.log"
        _make(kernel, built.name, log)
        return Path(shutil.copy(built, target / built.name))


def configure(kernel: Kernel, goal: str) -> None:
    """Make a goal of the configuration, such as ``olddefconfig``."""
    _make(kernel, goal, kernel.objects.parent / "configure.log")


def _digest(port: Port, build: Build) -> str:
    return hashlib.sha256(f"{COMMON} {port} {build} {FIXED}{build.base}".encode()).hexdigest()


def _link_tree(tree: Path, copy: Path) -> None:
    """Make a tree of hard links: the build writes nothing into it, and the hook replaces what it changes."""
    if not (copy / "Makefile").exists():
        shutil.rmtree(copy, ignore_errors=True)
        run(["cp", "--archive", "--link", str(tree), str(copy)])


def _configure(kernel: Kernel) -> None:
    kernel.objects.mkdir(exist_ok=True)
    log = kernel.objects.parent / "configure.log"
    _make(kernel, kernel.build.base or "tinyconfig", log)
    config = kernel.objects / ".config"
    with config.open("a", encoding="utf-8") as stream:
        stream.writelines(_setting(symbol) for symbol in kernel.build.wanted(kernel.port))
    _make(kernel, "olddefconfig", log)
    have = set(config.read_text(encoding="utf-8").splitlines())
    needed = set(kernel.build.needed(kernel.port)) - ({SELFTEST} if not kernel.tests_itself else set())
    lacking = [symbol for symbol in needed if _setting(symbol).strip() not in have | _unset(have)]
    if lacking:
        raise KernelError(
            f"Linux {kernel.release} for {kernel.port.name} would not take {', '.join(sorted(lacking))}"
        )


def _setting(symbol: str) -> str:
    """Return the line of a configuration for a symbol: yes, or no for one behind ``!``."""
    return f"CONFIG_{symbol[1:]}=n\n" if symbol.startswith("!") else f"CONFIG_{symbol}=y\n"


def _unset(lines: set[str]) -> set[str]:
    """Return lines such as ``# CONFIG_X is not set`` as settings."""
    return {re.sub(r"# (\w+) is not set", r"\1=n", line) for line in lines}


def make_command(kernel: Kernel, goal: str, settings: Sequence[str] = ()) -> list[str]:
    """Return the command that makes a goal of a kernel."""
    port = kernel.port
    where = [f"--directory={kernel.source}", f"O={kernel.objects}", f"ARCH={port.arch}"]
    tools = f"LLVM={kernel.build.llvm}" if kernel.build.llvm else f"CROSS_COMPILE={port.cross}"
    return ["nice", "make", *where, tools, f"--jobs={os.cpu_count() or 1}", goal, *settings]


def _make(kernel: Kernel, goal: str, log: Path, *settings: str) -> None:
    with log.open("wb") as stream:
        done = subprocess.run(
            make_command(kernel, goal, settings),
            env={**os.environ, **FIXED},
            stdout=stream,
            stderr=stream,
            check=False,
        )
    if done.returncode:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
        raise KernelError(
            f"make {goal} of Linux {kernel.release} for {kernel.port.name} failed: {_reason(lines)}"
        )


def _timed_make(kernel: Kernel, settings: Sequence[str]) -> tuple[tuple[str, ...], tuple[float, ...]]:
    """Make vmlinux; return the log's lines, and their moments and that of the end, counted from the first KSYMS."""
    lines: list[str] = []
    moments: list[float] = []
    start = 0.0
    with subprocess.Popen(
        make_command(kernel, "vmlinux", settings),
        env={**os.environ, **FIXED},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as process:
        for line in process.stdout or ():
            lines.append(line.rstrip("\n"))
            moments.append(time.monotonic())
            if not start and line.startswith("  KSYMS "):
                start = moments[-1]
    if process.returncode:
        raise KernelError("\n".join(lines[-20:]))
    return tuple(lines), tuple(moment - start for moment in (*moments, time.monotonic()))


def _reason(lines: Sequence[str]) -> str:
    """Return the first line of a log that tells of an error, or its last."""
    return next(
        (line for line in lines if re.search(r"\b[Ee]rror\b", line)), (lines or ["it said nothing"])[-1]
    )


def add_build_arguments(parser: argparse.ArgumentParser) -> None:
    """Have a command line say how to build."""
    parser.add_argument("--llvm", default="", help="build with LLVM, as make's variable has it: 1, -19")
    parser.add_argument(
        "--base", default="", help="start with this configuration (defconfig), not a small one"
    )
    parser.add_argument("--set", action="append", default=[], metavar="OPTION", help="configure this, too")


def build_asked_for(wanted: argparse.Namespace) -> Build:
    """Return what those arguments say."""
    return Build(wanted.llvm, tuple(wanted.set), base=wanted.base)


def main() -> int:
    """Compile the kernel named on the command line; link it as asked for."""
    parser = argparse.ArgumentParser(description="A small kernel, compiled once in the cache.")
    parser.add_argument("release")
    parser.add_argument("port", nargs="?", choices=PORTS, default="x86_64")
    parser.add_argument("--elfsyms", help="link it with the hook, by this command")
    add_build_arguments(parser)
    wanted = parser.parse_args()
    try:
        kernel = compile_kernel(wanted.release, PORTS[wanted.port], build_asked_for(wanted))
        print(kernel.objects)
        if wanted.elfsyms:
            linked = link(kernel, kernel.objects.parent / "linked", elfsyms=wanted.elfsyms)
            print("\n".join([*linked.log, f"{linked.seconds:.2f} s"]))
    except (DebianError, KernelError) as error:
        print(f"small_kernel: {error}", file=sys.stderr)
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main())
