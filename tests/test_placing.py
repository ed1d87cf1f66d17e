# SPDX-License-Identifier: GPL-2.0-or-later
"""Where a bare image's first byte lies, told by its pointers alone."""

from __future__ import annotations

import random
import struct
from typing import TYPE_CHECKING

import pytest
from imagemaker import boundary_tables
from tablemaker import MACHINES, linked_bytes, saved

from elfsyms.decode.recover import recover
from elfsyms.image.kernel_file import open_kernel_file
from elfsyms.pipeline.layout import lay_out

if TYPE_CHECKING:
    from elfsyms.decode.recovered import Recovered

WIDE = next(machine for machine in MACHINES if machine[0] == 64 and machine[1] == "<")
PAIR = struct.pack(
    "<2I", 0xD65F03C0, 0xD503201F
)  # arm64's ret and nop, which read as one word like a pointer


def _with_pointers(before: int, *, pairs: int = 0) -> Recovered:
    """Search an image of 7.3's distances behind ``before`` bytes, with pointers to its symbols in front."""
    tables = boundary_tables("7.3", WIDE, (("pc_relative", True),))
    text = tables.boundaries.text
    layout = lay_out(tables)
    draw = random.Random(1)  # noqa: S311 (no secret)
    addresses = tables.records.address.tolist()
    pointers = b"".join(struct.pack("<Q", draw.choice(addresses)) for _ in range(4000))
    head = (pointers + PAIR * pairs).ljust(1 << 16, b"\0")
    head = head[: len(head) // 8 * 8] + bytes(before)
    data = head + linked_bytes(layout, text, text + (1 << 20) + len(head))
    with saved(data) as path, open_kernel_file(path) as file:
        found = recover(file)
    assert found.decoded.address.tolist() == addresses
    return found


@pytest.mark.parametrize("before", [0, 4])
def test_pointers_tell_at_either_phase_of_the_tables(before: int) -> None:
    """Tables are aligned to four bytes from 7.0 on, and pointers of eight bytes need not lie as they do."""
    assert _with_pointers(before).placed


def test_what_occurs_often_is_not_taken_for_pointers() -> None:
    """Two instructions that stand a hundred thousand times in a kernel are one word, not most of its pointers."""
    assert _with_pointers(0, pairs=100_000).placed
