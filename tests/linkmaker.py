# SPDX-License-Identifier: GPL-2.0-or-later
"""A small kernel that is really linked, pass by pass, with tables of its own inside.

The passes are those of ``scripts/link-vmlinux.sh``: an object of empty tables, a link, the tables of what was
linked, a link with them, until nothing moves. The assembler and the linker are GNU's for x86-64; where they are
missing, the tests are skipped. Also here: changing bytes of a linked image, at addresses or in its tables.
"""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from elfsyms.detect.request import Request
from elfsyms.image.elf import open_image
from elfsyms.pipeline.kernel import empty_kernel, load
from elfsyms.writers.build import object_of

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["COUNT", "LinkedKernel", "link_kernel", "patched", "rewritten", "table_address"]

COUNT = 600  # functions: enough for three markers
RELEASE = "7.3"

_HEAD = f"""\
	.globl kallsyms_num_syms, start, alias, _alias_two
	.text
start:
	.quad kallsyms_num_syms
alias:
_alias_two:
	ret
	.section .rodata, "a"
	.globl linux_banner
	.type linux_banner, @object
linux_banner:
	.asciz "Linux version {RELEASE}.0 (builder@host) #1 SMP"
	.data
	.globl jiffies
jiffies:
	.quad 0
	.text
"""

_SCRIPT = """\
ENTRY(start)
SECTIONS {
	. = 0x81000000;
	.text : { _text = .; _stext = .; *(.text) _etext = .; }
	.rodata : { *(.rodata) }
	.data : { *(.data) }
}
"""


class LinkedKernel:
    """The images of each pass, in order; the last one is final."""

    def __init__(self, images: list[Path]) -> None:
        """Keep the images."""
        self.images = images

    @property
    def final(self) -> Path:
        """The image whose tables are its own."""
        return self.images[-1]


def link_kernel(folder: Path, passes: int = 3) -> LinkedKernel:
    """Link a kernel in so many passes."""
    assembler, linker = _tool("as"), _tool("ld")
    source, script = folder / "start.S", folder / "start.lds"
    functions = (
        f"\t.globl func_{i:03d}\n\t.type func_{i:03d}, @function\nfunc_{i:03d}:\n\tret\n"
        for i in range(COUNT)
    )
    source.write_text(_HEAD + "".join(functions), encoding="ascii")
    script.write_text(_SCRIPT, encoding="ascii")
    start, tables = folder / "start.o", folder / "tables.o"
    _run(assembler, "--64", "-o", start, source)
    with empty_kernel(start, Request(release=RELEASE, all_symbols=True)) as kernel:
        tables.write_bytes(object_of(kernel))
    images = []
    for number in range(1, passes + 1):
        images.append(folder / f"vmlinux{number}")
        _run(linker, "-m", "elf_x86_64", f"--script={script}", "-o", images[-1], start, tables)
        with load(images[-1], all_symbols=True) as kernel:
            tables.write_bytes(object_of(kernel))
    return LinkedKernel(images)


def table_address(image: Path, table: str) -> int:
    """Return the address of a table."""
    with load(image) as kernel:
        address = kernel.symbols.address_of(b"kallsyms_" + table.encode())
    assert address is not None
    return address


def patched(image: Path, address: int, data: bytes, path: Path) -> Path:
    """Write a copy of an image that has other bytes at an address."""
    with open_image(image) as opened:
        section = next(s for s in opened.sections if s.holds(address, len(data)))
    content = bytearray(image.read_bytes())
    offset = section.offset + address - section.address
    content[offset : offset + len(data)] = data
    path.write_bytes(content)
    return path


def rewritten(image: Path, old: bytes, new: bytes, path: Path) -> Path:
    """Write a copy of an image in whose string table one text stands for another of the same length."""
    with open_image(image) as opened:
        section = next(s for s in opened.sections if s.name == ".strtab")
    content = bytearray(image.read_bytes())
    offset = content.index(old, section.offset, section.offset + section.size)
    content[offset : offset + len(new)] = new
    path.write_bytes(content)
    return path


def _tool(name: str) -> str:
    found = shutil.which(f"x86_64-linux-gnu-{name}") or shutil.which(name)
    if not found:
        pytest.skip(f"no {name}: install binutils")
    return found


def _run(*command: str | Path) -> None:
    subprocess.run(command, check=True, capture_output=True)
