#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Small kernels that can be traced: what ``small_kernel.py`` configures, and kprobes, ftrace, BTF and DWARF.

scripts/trace_kernel.py 6.12 x86_64         # compile it, say where it is
scripts/trace_kernel.py 6.12 x86_64 kasan   # with KASAN and lockdep, for their reports
scripts/trace_kernel.py 6.12 x86_64 split   # with its debug information in .dwo files
"""

from __future__ import annotations

import argparse
import sys

from debian import DebianError
from small_kernel import PORTS, Build, Kernel, KernelError, compile_kernel

__all__ = ["BUILDS", "trace_kernel"]

_TRACE = """
MODULES KPROBES FTRACE FUNCTION_TRACER DYNAMIC_FTRACE FUNCTION_GRAPH_TRACER KPROBE_EVENTS DEBUG_FS
MAGIC_SYSRQ BPF_SYSCALL PERF_EVENTS SYSFS DEBUG_INFO_DWARF4 MODULE_UNLOAD BUG
"""
# What else a build has, by its name.
BUILDS = {
    "trace": "DEBUG_INFO_BTF",
    "kasan": "!SLUB_TINY KASAN KASAN_INLINE PROVE_LOCKING",
    "split": "DEBUG_INFO_SPLIT",
}
_NO_FPROBE = {("6.12", "arm64")}  # there fprobes came with 6.14


def trace_kernel(release: str, port: str, build: str = "trace") -> Kernel:
    """Return a kernel of a release for a port, compiling it if the cache has it not."""
    fprobe = "" if (release, port) in _NO_FPROBE else " FPROBE"
    config = tuple((_TRACE + BUILDS[build] + fprobe).split())
    return compile_kernel(release, PORTS[port], Build(config=config, name=build))


def main() -> int:
    """Compile the kernel named on the command line."""
    parser = argparse.ArgumentParser(description="A small kernel that can be traced.")
    parser.add_argument("release")
    parser.add_argument("port", nargs="?", choices=PORTS, default="x86_64")
    parser.add_argument("build", nargs="?", choices=BUILDS, default="trace")
    wanted = parser.parse_args()
    try:
        print(trace_kernel(wanted.release, wanted.port, wanted.build).objects)
    except (DebianError, KernelError) as error:
        print(f"trace_kernel: {error}", file=sys.stderr)
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main())
