# SPDX-License-Identifier: GPL-2.0-or-later
"""Names of a list that are equal, found by keys and compared byte by byte."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from elfsyms.image import equal_names
from elfsyms.image.equal_names import EqualNames, Texts
from elfsyms.image.records import records_of

if TYPE_CHECKING:
    import pytest
    from numpy.typing import NDArray

NAMES = st.lists(st.binary(max_size=20).filter(lambda name: b"\0" not in name), max_size=40)


def texts(names: list[bytes]) -> Texts:
    """Put names into a pool."""
    records = records_of([(0, 0, name) for name in names])
    return Texts(records.pool, records.start, records.size)


def expect(names: list[bytes], found: EqualNames) -> None:
    """Compare with dictionaries."""
    seen: Counter[bytes] = Counter()
    numbers = []
    for name in names:
        seen[name] += 1
        numbers.append(seen[name])
    assert found.number.tolist() == numbers
    assert found.first.tolist() == [names.index(name) for name in names]
    assert found.count.tolist() == [seen[name] for name in names]


@given(NAMES, NAMES)
def test_equal_names_are_those_of_a_dictionary(names: list[bytes], asked: list[bytes]) -> None:
    """First, number and count are what dictionaries say, and a name is found where the list has it."""
    found = EqualNames(texts(names))
    expect(names, found)
    for name in [*names, *asked]:
        assert found.indices(name) == [index for index, other in enumerate(names) if other == name]
    where = found.find(texts([*names, *asked])).tolist()
    assert where == [names.index(name) if name in names else -1 for name in [*names, *asked]]


def test_names_of_one_key_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where different names have one key, others are made until none have."""
    real = equal_names.name_keys

    def weak(pieces: Texts, salt: int) -> NDArray[np.uint64]:
        return real(pieces, salt) if salt > 1 else np.full(len(pieces.start), salt, np.uint64)

    monkeypatch.setattr(equal_names, "name_keys", weak)
    names = [b"one", b"two", b"one", b"three" * 9, b"three" * 9]
    found = EqualNames(texts(names))
    expect(names, found)
    assert found.find(texts([b"two", b"four"])).tolist() == [1, -1]
