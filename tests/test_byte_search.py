# SPDX-License-Identifier: GPL-2.0-or-later
"""Byte strings in long data, beside Python's own search."""

from __future__ import annotations

import random

import pytest

from elfsyms.image.byte_search import found_at


def plainly(data: bytes, needles: list[bytes]) -> list[int]:
    """Return where the strings stand, by Python's own search."""
    found = []
    for needle in set(needles):
        at = data.find(needle)
        while at >= 0:
            found.append(at)
            at = data.find(needle, at + 1)
    return sorted(found)


@pytest.mark.parametrize("shift", [0, 1])
@pytest.mark.parametrize("size", [100, 1 << 12, (1 << 12) + 1, 300_003])
@pytest.mark.parametrize("letters", [2, 256], ids=["crowded", "sparse"])
@pytest.mark.parametrize("count", [1, 4, 30])
def test_all_are_found_once(shift: int, size: int, letters: int, count: int) -> None:
    """Each string is found wherever it stands, at the edges too, overlapping or not, aligned or not."""
    chance = random.Random(size + count)  # noqa: S311 (no secret)
    data = chance.randbytes(size).translate(bytes(letter % letters for letter in range(256)))
    length = 8 if letters == 2 else 4
    data = data if shift else bytes(40) + data[40:-40] + bytes(40)
    begins = [0, 1, len(data) - length, *(chance.randrange(len(data) - length) for _ in range(count))][:count]
    needles = [data[begin : begin + length] for begin in begins]
    whole = memoryview(bytes(shift) + data)[shift:]
    assert sorted(found_at(whole, needles)) == plainly(data, needles)
