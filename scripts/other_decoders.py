# SPDX-License-Identifier: GPL-2.0-or-later
"""Decoders of kallsyms that nobody here wrote, asked about a kernel: vmlinux-to-elf and drgn, both from PyPI.

vmlinux-to-elf searches the bytes for tables. It gets the kernel as a boot loader has it: the loaded sections,
without any symbol; from 7.0 on behind an ELF header of one segment at ``_text``, from which it takes the base. drgn
reads the tables of a crashed kernel, whose crash notes say where they are: it gets their section and addresses.

Each runs in an interpreter of its own, and answers with lines ``ADDRESS NAME``, names of vmlinux-to-elf with the
letter in front. Leaves out installing them.
"""

from __future__ import annotations

import os
import struct
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from elfsyms.image.elf import SHF_ALLOC, SHT_NOBITS
from elfsyms.image.memory import image_memory

if TYPE_CHECKING:
    from collections.abc import Sequence

    from elfsyms.decode.decode import Decoded
    from elfsyms.image.elf import Image
    from elfsyms.pipeline.kernel import Kernel

__all__ = ["Answer", "ask_drgn", "ask_finder"]

FAR = 1 << 28  # bytes from the tables; vectors and the like lie further away
PAGE = 0x1000
PATIENCE = 600  # seconds

FINDER = """
import logging, sys
logging.disable(logging.CRITICAL)
from vmlinux_to_elf.core.kallsyms import KallsymsFinder
image, answer, bits = sys.argv[1:]
found = KallsymsFinder(open(image, "rb").read(), int(bits))
lines = (f"{address:x} {name}" for address, name in zip(found.kernel_addresses, found.symbol_names))
open(answer, "wb").write("\\n".join(lines).encode("latin-1"))
"""

DRGN = """
import sys
from _drgn import _linux_helper_load_builtin_kallsyms as load
from drgn import Architecture, Platform, PlatformFlags, Program
image, answer, bits, order, base, *labels = sys.argv[1:]
flags = PlatformFlags.IS_64_BIT if bits == "64" else PlatformFlags(0)
flags |= PlatformFlags.IS_LITTLE_ENDIAN if order == "<" else PlatformFlags(0)
data = open(image, "rb").read()
program = Program(Platform(Architecture.UNKNOWN, flags))
program.add_memory_segment(int(base), len(data), lambda a, size, offset, p: data[offset : offset + size])
program.register_symbol_finder("tables", load(program, *map(int, labels)), enable_index=0)
lines = (f"{symbol.address:x} {symbol.name}" for symbol in program.symbols())
open(answer, "wb").write("\\n".join(lines).encode("utf-8", "surrogateescape"))
"""

# The order in which drgn takes the tables; _stext follows.
DRGN_TABLES = ("names", "token_table", "token_index", "num_syms", "offsets", "relative_base", "addresses")


@dataclass(frozen=True, slots=True)
class Answer:
    """Addresses and names of another decoder, in its order."""

    addresses: list[int]
    names: list[bytes]


def ask_finder(python: str, kernel: Kernel, decoded: Decoded) -> Answer | str:
    """Return what vmlinux-to-elf finds in the kernel's bytes, or its last words."""
    text = kernel.symbols.address_of(b"_text") or 0
    image = bare_image(kernel.image, decoded.tables["names"])
    if decoded.form == "pc-relative":
        image = bare_header(kernel.image, text) + image
    return _ask(python, FINDER, image, [decoded.abi.bits])


def ask_drgn(python: str, kernel: Kernel, decoded: Decoded) -> Answer | str:
    """Return what drgn reads from the tables, told where they are, or its last words."""
    memory = image_memory(kernel.image)
    start = min(decoded.tables.values())
    data = memory.read(start, memory.room(start))
    addresses = [decoded.tables.get(name, 0) for name in DRGN_TABLES]
    anchor = (kernel.symbols.address_of(b"_stext") or 0) & (1 << decoded.abi.bits) - 1
    long = (
        "y" if kernel.release.length_encoding == "uleb128" else "n"
    )  # drgn cannot know: it has no crash notes
    arguments = [decoded.abi.bits, decoded.abi.byte_order, start, *addresses, anchor]
    return _ask(python, DRGN, data, arguments, DRGN_KALLSYMS_LONG=long)


def _ask(
    python: str, program: str, image: bytes, arguments: Sequence[int | str], **environment: str
) -> Answer | str:
    """Run a decoder over an image."""
    with tempfile.TemporaryDirectory() as folder:
        source, answer = Path(folder) / "image", Path(folder) / "answer"
        source.write_bytes(image)
        command = [python, "-c", program, str(source), str(answer), *map(str, arguments)]
        try:
            done = subprocess.run(
                command,
                capture_output=True,
                text=True,
                check=False,
                timeout=PATIENCE,
                env={**os.environ, **environment},
            )
        except subprocess.TimeoutExpired:
            return f"no answer in {PATIENCE} s"
        if done.returncode:
            return (done.stderr.strip().splitlines() or ["no message"])[-1]
        rows = [line.split(b" ", 1) for line in answer.read_bytes().split(b"\n")]
    return Answer([int(address, 16) for address, _ in rows], [name for _, name in rows])


def bare_image(image: Image, near: int) -> bytes:
    """Return the loaded sections that lie near an address, side by side as in memory."""
    loaded = [
        section
        for section in image.sections
        if section.flags & SHF_ALLOC
        and section.type != SHT_NOBITS
        and section.size
        and abs(section.address - near) < FAR
    ]
    start = min(section.address for section in loaded)
    memory = bytearray(max(section.address + section.size for section in loaded) - start)
    for section in loaded:
        at = section.address - start
        memory[at : at + section.size] = image.section_bytes(section)
    return bytes(memory)


def bare_header(image: Image, text: int) -> bytes:
    """Return a page with an ELF header and one program header, which says where ``_text`` is."""
    abi = image.abi
    wide = abi.bits == 64
    ident = b"\x7fELF" + bytes([abi.bits // 32, 1 if abi.byte_order == "<" else 2, 1]) + bytes(9)
    form = abi.byte_order + ("16sHHIQQQIHHHHHH" if wide else "16sHHIIIIIHHHHHH")
    size = struct.calcsize(form)
    counts = (size, 56 if wide else 32, 1, 0, 0, 0)
    header = struct.pack(form, ident, 2, abi.machine, 1, 0, size, 0, abi.flags, *counts)
    address = text & (1 << abi.bits) - 1
    extent = (PAGE, address, address, 0, 0)
    segment = (
        struct.pack(abi.byte_order + "IIQQQQQQ", 1, 5, *extent, PAGE)
        if wide
        else struct.pack(abi.byte_order + "IIIIIIII", 1, *extent, 5, PAGE)
    )
    return (header + segment).ljust(PAGE, b"\0")
