# SPDX-License-Identifier: GPL-2.0-or-later
"""A small kernel of any target, linked in passes, and linked once with room that is yet to be filled.

Made by the target's own assembler and linker; where they are missing, the test is skipped. What a link in passes
makes is what a fill has to make.
"""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from test_object_links import TARGETS, Target

from elfsyms.detect.request import Request
from elfsyms.pipeline.kernel import empty_kernel, load
from elfsyms.writers.build import object_of
from elfsyms.writers.object import write_object
from elfsyms.writers.reserve import reserve

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = ["RELEASES", "TARGETS", "Toy", "toy_of"]

COUNT = 300  # functions: two markers
# A release of each form of addresses that room can be reserved for, and of each set of tables.
RELEASES = {"6.1": {"base_relative": True}, "6.12": {}, "7.3": {"pc_relative": True}}

_HEAD = """\
	.weak kallsyms_num_syms
	.globl start
	.section .rodata, "a"
	.globl linux_banner
linux_banner:
	.asciz "Linux version 6.12.0 (builder@host) #1 SMP"
	.balign 8
	.ifdef WIDE
	.quad kallsyms_num_syms
	.else
	.long kallsyms_num_syms
	.endif
	.data
	.globl jiffies
jiffies:
	.long 0
	.text
start:
	.long 0
"""

_SCRIPT = """\
ENTRY(start)
SECTIONS {
	. = {base:#x};
	.text : { _text = .; _stext = .; *(.text) _etext = .; }
	.rodata : { *(.rodata) }
	.notes : { *(.note.*) }
	.data : { *(.data .sdata) }
	.bss : { *(.bss .sbss) }
}
"""


@dataclass(frozen=True, slots=True)
class Toy:
    """A kernel to be linked, in a folder: what to link with, and what its tables are made for."""

    folder: Path
    linker: tuple[str, ...]
    request: dict[str, Any]

    def link(self, tables: bytes, name: str, *options: str) -> Path:
        """Link the kernel with an object of tables, or without where it is empty."""
        (self.folder / "tables.o").write_bytes(tables)
        image = self.folder / name
        command = [*self.linker, *options, f"--script={self.folder / 'toy.lds'}", "-o", str(image)]
        objects = ["start.o", "tables.o"] if tables else ["start.o"]
        run(*command, *(str(self.folder / name) for name in objects))
        return image

    def in_passes(self, *options: str) -> Path:
        """Link the kernel as stock does, each time with the tables of the link before."""
        with empty_kernel(self.folder / "start.o", Request(**self.request)) as empty:
            tables = object_of(empty) if empty.release.empty_allowed else b""
        image = self.link(tables, "pass0", *options)
        for number in (1, 2):
            with load(image, **self.request) as kernel:
                image = self.link(object_of(kernel), f"pass{number}", *options)
        return image

    def with_room(self, *options: str, slack: int = 0, of: Path | None = None) -> Path:
        """Link the kernel once, with the room that an image (the first pass's, if none is given) needs."""
        with load(of or self.folder / "pass0", **self.request) as kernel:
            reserved = write_object(reserve(kernel.layout, slack))
        return self.link(reserved, "vmlinux", *options)


def toy_of(folder: Path, release: str, target: Target = TARGETS[0], linker: str = "", more: str = "") -> Toy:
    """Make the kernel of a target; ``more`` is assembly of its own, ``linker`` another linker than GNU's."""
    if not target.triplet:
        pytest.skip(f"no GNU assembler for {target.name}")
    assembler = tool(f"{target.triplet}-as")
    functions = "".join(f"\t.globl func_{i:03d}\nfunc_{i:03d}:\n\t.long 0\n" for i in range(COUNT))
    (folder / "start.S").write_text(_HEAD + functions + more, encoding="ascii")
    base = 0xFFFFFFFF81000000 if target is TARGETS[0] else 0x1000000  # x86-64: where the kernel is
    (folder / "toy.lds").write_text(_SCRIPT.replace("{base:#x}", hex(base)), encoding="ascii")
    wide = ("--defsym", "WIDE=1") if target is TARGETS[0] else ()
    run(assembler, *target.as_options, *wide, "-o", str(folder / "start.o"), str(folder / "start.S"))
    program = tool(linker or f"{target.triplet}-ld")
    emulation = ("-m", target.emulation) if target.emulation and not linker else ()
    request = {"release": release, "all_symbols": True, **RELEASES[release]}
    return Toy(folder, (program, *emulation, "--no-warn-rwx-segments") if not linker else (program,), request)


def tool(name: str) -> str:
    """Return a program; skip the test where it is not installed."""
    found = shutil.which(name)
    if not found:
        pytest.skip(f"{name} is not installed")
    return found


def run(*command: str) -> None:
    """Run a tool, and show what it says where it fails."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def same(left: Path, right: Path) -> bool:
    """Tell whether two files are equal; of files that long an assertion would print everything."""
    return left.read_bytes() == right.read_bytes()


def differing(left: Path, right: Path) -> Sequence[int]:
    """Return the offsets at which two files of one length differ."""
    pairs = zip(left.read_bytes(), right.read_bytes(), strict=True)
    return [offset for offset, (one, other) in enumerate(pairs) if one != other]
