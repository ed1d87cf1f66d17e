# SPDX-License-Identifier: GPL-2.0-or-later
"""What comes from the pass cache is compared with the names: right answers pass, and nothing else does."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from recordmaker import records_of

from elfsyms.pipeline.compress import Compressed, compress_pairs
from elfsyms.pipeline.expansion import expands_to
from elfsyms.pipeline.order import is_name_order, name_order
from elfsyms.releases.format_history import find_release

SYMBOLS = st.lists(
    st.text("ab_x", min_size=1, max_size=30).map(lambda name: b"T" + name.encode()), min_size=1, max_size=40
)


def compressed(
    symbols: list[bytes],
) -> tuple[Compressed, np.ndarray[tuple[int], np.dtype[np.uint8]], list[int]]:
    """Compress symbols; return what came of it, the material and the sizes."""
    material = np.frombuffer(b"".join(symbol + b"\0" for symbol in symbols), np.uint8)
    sizes = [len(symbol) for symbol in symbols]
    return compress_pairs(material, np.array(sizes)), material, sizes


def expanded(what: Compressed) -> list[bytes]:
    """Expand codes the plain way."""
    ends = np.cumsum(what.sizes).tolist()
    starts = [0, *ends[:-1]]
    codes = what.codes.tobytes()
    return [b"".join(what.tokens[c] for c in codes[a:b]) for a, b in zip(starts, ends, strict=True)]


@given(symbols=SYMBOLS)
def test_what_was_compressed_spells_its_symbols(symbols: list[bytes]) -> None:
    """The result of a compression always passes, and expands to the symbols."""
    made, material, sizes = compressed(symbols)
    assert expands_to(made, material, np.array(sizes))
    assert expanded(made) == symbols


@given(symbols=SYMBOLS, data=st.data())
def test_other_codes_pass_only_where_they_spell_the_same(symbols: list[bytes], data: st.DataObject) -> None:
    """With any code changed, what passes is what expands to the symbols all the same."""
    made, material, sizes = compressed(symbols)
    place = data.draw(st.integers(0, len(made.codes) - 1))
    codes = made.codes.copy()
    codes[place] = data.draw(st.sampled_from([c for c, text in enumerate(made.tokens) if text] + [0]))
    other = replace(made, codes=codes)
    assert expands_to(other, material, np.array(sizes)) == (expanded(other) == symbols and 0 not in codes)


@given(symbols=SYMBOLS, data=st.data())
def test_other_sizes_do_not_pass(symbols: list[bytes], data: st.DataObject) -> None:
    """Codes that are dealt to other symbols expand to others."""
    made, material, sizes = compressed(symbols)
    place = data.draw(st.integers(0, len(sizes) - 1))
    counts = made.sizes.copy()
    counts[place] += data.draw(st.sampled_from([-1, 1]))
    assert not expands_to(replace(made, sizes=counts), material, np.array(sizes))


@given(names=st.lists(st.text("ab", max_size=20), min_size=1, max_size=12), data=st.data())
def test_only_the_order_of_names_is_one(names: list[str], data: st.DataObject) -> None:
    """Of all permutations one passes, that which sorts by name and then by place."""
    records = records_of([(at, "T", name.encode()) for at, name in enumerate(names)])
    release = find_release("6.12")
    right = name_order(records, release).tolist()
    assert right == sorted(range(len(names)), key=lambda at: (names[at].encode(), at))
    order = data.draw(st.permutations(range(len(names))))
    assert is_name_order(np.array(order), records, release) == (list(order) == right)
    twice = [right[0], *right[:-1]]
    assert is_name_order(np.array(twice), records, release) == (twice == right)
