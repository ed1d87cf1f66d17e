# SPDX-License-Identifier: GPL-2.0-or-later
"""Raw kernel images for the search without labels: tables of any generation, amid noise and look-alikes.

The tables are made by the project's own writers and linked by :func:`tablemaker.linked_bytes`; the bytes around
them are drawn by a seed. The traps are what a search might fall for: rising numbers without texts, texts at
other offsets, token tables whose bytes do not stand for themselves, and whole token tables with no names in
front.
"""

from __future__ import annotations

import random
import struct
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Any

from elfmaker import Symbol
from tablemaker import TEXT, filler, kernel_of, linked_bytes

from elfsyms.pipeline.kernel import Kernel
from elfsyms.pipeline.layout import lay_out
from elfsyms.releases.format_history import with_traits

if TYPE_CHECKING:
    from elfsyms.pipeline.layout import Layout
    from elfsyms.pipeline.tables import Tables

__all__ = ["MadeImage", "boundary_tables", "made_image", "traps"]

PAGE = 0x1000
BOUNDARIES = {
    "_text": 0,
    "_stext": 0,
    "_etext": 0x8000,
    "_sinittext": 0x10000,
    "_einittext": 0x11000,
    "_end": 0x20000,
}


@dataclass(frozen=True, slots=True)
class MadeImage:
    """An image, the tables in it, their offset, and the address of the image's first byte."""

    data: bytes
    tables: Tables
    offset: int
    bias: int


@cache
def boundary_tables(
    release: str,
    machine: tuple[int, str, int],
    options: tuple[tuple[str, Any], ...] = (),
    changes: tuple[tuple[str, Any], ...] = (),
) -> Tables:
    """Return the tables of some hundred symbols with the boundaries that every kernel has.

    ``changes`` are traits of other releases, as vendors mix them.
    """
    text = TEXT[machine[0]]
    symbols = [Symbol(name, text + distance) for name, distance in BOUNDARIES.items()]
    symbols += [Symbol(s.name, s.value + 0x40, binding="local") for s in filler(text)]
    symbols.append(Symbol("jiffies", text + 0x18000, ".data", type="object"))
    with kernel_of(symbols, machine, release, **dict(options)) as kernel:
        mixed = with_traits(kernel.release, **dict(changes))
        return Kernel(kernel.image, kernel.request, findings=replace(kernel.findings, release=mixed)).tables


def made_image(
    tables: Tables, seed: int, noise: int = 1 << 22, *, banner: str = "", with_traps: bool = True
) -> MadeImage:
    """Return an image with tables at a random, aligned offset in so many bytes of noise."""
    draw = random.Random(seed)  # noqa: S311 (no secret)
    layout = lay_out(tables)
    text = tables.boundaries.text & (1 << tables.abi.bits) - 1
    before = draw.randrange(0, noise // layout.align + 1) * layout.align + draw.choice((0, 0, 0, 1, 2, 3, 7))
    address = text + PAGE * draw.randrange(1, 256)
    blob = linked_bytes(layout, text, address)
    front, back = bytearray(draw.randbytes(before)), bytearray(draw.randbytes(noise - min(before, noise)))
    pieces = traps(tables, layout, draw) if with_traps else []
    for trap in pieces:
        part = draw.choice((front, back))
        if len(part) > len(trap):
            at = draw.randrange(len(part) - len(trap))
            part[at : at + len(trap)] = trap
    if banner:
        back += f"Linux version {banner} (builder@host) (gcc) #1 SMP\n\0".encode()
    return MadeImage(bytes(front) + blob + bytes(back), tables, before, address - before)


def traps(tables: Tables, layout: Layout, draw: random.Random) -> list[bytes]:
    """Return what looks like an anchor and is none, or is one and leads nowhere."""
    order = tables.abi.byte_order
    steps = [draw.randint(1, 200) for _ in range(255)]
    rising = [0]
    for step in steps:
        rising.append(rising[-1] + step)
    numbers = struct.pack(f"{order}256H", *rising)
    texts = b"".join(bytes(draw.choices(b"abcdefgh", k=step - 1)) + b"\0" for step in [*steps, 5])
    empty = bytes(256) + struct.pack(f"{order}256H", *range(256))
    offsets = {label.name.rpartition(b"kallsyms_")[2].decode(): label.offset for label in layout.labels}
    tokens = b""
    if "token_table" in offsets:
        tokens = bytes(layout.blob[offsets["token_table"] : offsets["token_index"] + 512])
    return [numbers, texts + numbers, texts[1:] + numbers, empty, tokens]
