# SPDX-License-Identifier: GPL-2.0-or-later
"""Tables of a few symbols in all the shapes that a kernel build has them: object, linked image, raw bytes.

What a linker would do to the tables is a handful of additions, done here in plain sight (:func:`linked_bytes`), so
that the tests of the decoder need no linker, and cover every class and byte order.
"""

from __future__ import annotations

import random
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
from elfmaker import Section, Symbol, vmlinux

from elfsyms.pipeline.kernel import Kernel, load
from elfsyms.pipeline.layout import Layout, RelocationKind, lay_out

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from elfsyms.decode.decode import Decoded
    from elfsyms.pipeline.tables import Tables

__all__ = [
    "FROM_TEXT",
    "MACHINES",
    "TEXT",
    "assert_inverse",
    "filler",
    "kernel_of",
    "linked_bytes",
    "linked_kernel",
    "saved",
]

TEXT = {64: 0xFFFFFFFF81000000, 32: 0xC1000000}
FROM_TEXT = 0x100000  # bytes from _text to the tables

# One machine of each class and byte order, by e_machine; some with addends in place, some with pre-5.0
# alignment by powers of two, one with MIPS64's divided r_info.
MACHINES: tuple[tuple[int, str, int], ...] = (
    (64, "<", 62),
    (64, ">", 22),
    (32, "<", 3),
    (32, ">", 4),
    (32, ">", 8),
    (64, "<", 8),
    (64, "<", 183),
    (32, "<", 42),
    (32, ">", 15),
)


@contextmanager
def saved(data: bytes) -> Iterator[Path]:
    """Give bytes a file."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "file"
        path.write_bytes(data)
        yield path


@contextmanager
def kernel_of(
    symbols: Sequence[Symbol], machine: tuple[int, str, int], release: str, **options: Any
) -> Iterator[Kernel]:
    """Give symbols a kernel, to be treated as of a release with the options that it knows."""
    bits, order, number = machine
    data = vmlinux(symbols, release=None, bits=bits, order=order, machine=number)
    with saved(data) as path, load(path, release=release, all_symbols=True, **options) as kernel:
        yield kernel


def filler(text: int) -> list[Symbol]:
    """Return symbols with names enough for releases whose token search needs pairs for all codes."""
    draw = random.Random(2612)  # noqa: S311 (no secret)
    words = ["".join(draw.choices("abcdefghijklmnopqrstuvwxyz", k=draw.randint(2, 6))) for _ in range(150)]
    return [Symbol("_".join(draw.sample(words, 3)), text + 16 * at, binding="local") for at in range(400)]


def linked_bytes(layout: Layout, text: int, place: int) -> bytes:
    """Return the tables as a linker leaves them at ``place`` in an image with ``_text`` at ``text``."""
    blob = bytearray(layout.blob)
    order = "little" if layout.abi.byte_order == "<" else "big"
    for group in layout.relocations:
        relative = group.kind is RelocationKind.PC_RELATIVE
        width = 4 if relative else layout.abi.word
        for offset, addend in zip(group.offsets.tolist(), group.addends.tolist(), strict=True):
            value = text + addend - (place + offset if relative else 0)
            blob[offset : offset + width] = (value & (1 << 8 * width) - 1).to_bytes(width, order)
    return bytes(blob)


def linked_kernel(
    tables: Tables,
    *,
    labels: bool = True,
    replaced: Mapping[str, bytes] | None = None,
    release: str | None = None,
) -> bytes:
    """Return a kernel with the tables inside; ``replaced`` gives tables other bytes, by name."""
    layout, abi = lay_out(tables), tables.abi
    text = tables.boundaries.text & (1 << abi.bits) - 1
    place = text + FROM_TEXT
    data = bytearray(linked_bytes(layout, text, place))
    offsets = {label.name.removeprefix(b"kallsyms_").decode(): label.offset for label in layout.labels}
    for name, content in (replaced or {}).items():
        data[offsets[name] : offsets[name] + len(content)] = content
    symbols = [Symbol("_text", text)]
    if labels:
        symbols += [Symbol(la.name, place + la.offset, ".rodata", type="object") for la in layout.labels]
    sections = [Section(".rodata", place, bytes(data)), Section(".text", text, bytes(0x10000), flags="ax")]
    return vmlinux(
        symbols,
        release=release,
        bits=abi.bits,
        order=abi.byte_order,
        machine=abi.machine,
        flags=abi.flags,
        sections=sections,
    )


def assert_inverse(decoded: Decoded, tables: Tables, text: int | None = None) -> None:
    """Check that what was decoded is what the tables were made of.

    With ``text`` the decoded addresses are distances from there.
    """
    wanted = tables.records.address
    if text is not None:
        wanted = np.where(decoded.absolute, wanted, wanted - np.uint64(text))
    mask = (1 << (32 if tables.addresses.form == "plain" else tables.abi.bits)) - 1
    assert decoded.form == tables.addresses.form
    assert decoded.address.tolist() == (wanted & np.uint64(mask)).tolist()
    assert decoded.letter.tobytes() == tables.records.letter.tobytes()
    assert list(decoded.names()) == list(tables.records.names())
    assert decoded.markers.tolist() == tables.markers.tolist()
    assert decoded.sequences.tolist() == tables.sequences.tolist()
    assert decoded.tokens == tables.compressed.tokens
    assert tuple(decoded.token_index.tolist()) == tables.token_index
