# SPDX-License-Identifier: GPL-2.0-or-later
"""The order of symbols and of names, against Python's sort by the keys of the kernel's own comparisons.

Follows ``scripts/kallsyms.c``, ``compare_symbols`` and ``compare_names``.
"""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from recordmaker import records_of

from elfsyms.pipeline.order import name_order, table_order
from elfsyms.releases.format_history import find_release

Row = tuple[int, str, bytes]

PIECES = [
    "_",
    "__",
    "___",
    "start_",
    "stop_",
    "end_",
    "_start",
    "_end",
    "_stop",
    "a",
    "rodata",
    ".llvm.1",
    ".",
]
NAMES = st.lists(st.sampled_from(PIECES), max_size=6).map(lambda parts: "".join(parts).encode())
ROWS = st.lists(st.tuples(st.integers(0, 3), st.sampled_from("TtWwVvdA"), NAMES), max_size=40)
LONG_NAMES = st.lists(st.sampled_from([b"a", b"b", b"abcdefgh", b"\x7f", b"\xff", b"_", b"\1"]), max_size=8)
NAME_ROWS = st.lists(st.tuples(st.integers(0, 9), st.just("T"), LONG_NAMES.map(b"".join)), max_size=40)


def from_linker_script(name: bytes) -> bool:
    """Say what 2.6.30 and later take for a linker script's symbol."""
    return (
        len(name) >= 8 and re.match(rb"__(start_|stop_|end_|.*(_start|_end)\Z)", name, re.DOTALL) is not None
    )


def full_key(row: Row) -> tuple[int, bool, bool, int]:
    """Return the key of 2.6.30 and later; the place is what a stable sort adds."""
    address, letter, name = row
    underscores = len(name) - len(name.lstrip(b"_"))
    return address, letter in "wW", from_linker_script(name), underscores


@settings(deadline=None)
@given(rows=ROWS)
@example(rows=[(0, "W", b"a"), (0, "T", b"__start_a"), (0, "t", b"__a"), (0, "V", b"_a"), (0, "T", b"a")])
def test_full_order_is_the_documented_key(rows: list[Row]) -> None:
    """Since 2.6.30: by address, weak last, linker script's last, fewest underscores first, then by place."""
    wanted = sorted(range(len(rows)), key=lambda place: full_key(rows[place]))
    assert table_order(records_of(rows), find_release("6.12")).tolist() == wanted


@settings(deadline=None, max_examples=40)
@given(rows=ROWS)
def test_first_sort_knows_weak_symbols_only(rows: list[Row]) -> None:
    """From 2.6.25 to 2.6.29: by address, weak last, then by place."""
    wanted = sorted(range(len(rows)), key=lambda place: (rows[place][0], rows[place][1] in "wW"))
    assert table_order(records_of(rows), find_release("2.6.25")).tolist() == wanted


def test_no_sort_at_all() -> None:
    """Until 2.6.24 the order is that of the map."""
    rows = [(5, "T", b"b"), (1, "W", b"a"), (3, "T", b"c")]
    assert table_order(records_of(rows), find_release("2.6.24")).tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ((1, "T", b"zz"), (2, "T", b"aa")),
        ((1, "T", b"_a"), (1, "W", b"a")),
        ((1, "V", b"a"), (1, "w", b"a")),
        ((1, "T", b"___a"), (1, "T", b"__start_a")),
        ((1, "T", b"___a"), (1, "T", b"__init_end")),
        ((1, "T", b"_a"), (1, "T", b"__a")),
        ((1, "T", b"_end"), (1, "T", b"__end")),
        ((1, "T", b"__x_stop"), (1, "T", b"__x_start")),
        ((1, "T", b"__a_end"), (1, "T", b"__aa_end")),
        ((0x7FFFFFFFFFFFFFFF, "T", b"a"), (0x8000000000000000, "T", b"a")),
    ],
)
def test_of_two_aliases(first: Row, second: Row) -> None:
    """Each part of the key decides, whichever way round the two are listed."""
    release = find_release("6.12")
    assert table_order(records_of([first, second]), release).tolist() == [0, 1]
    assert table_order(records_of([second, first]), release).tolist() == [1, 0]


@settings(deadline=None)
@given(rows=NAME_ROWS)
@example(rows=[(0, "T", b"a" * 8), (0, "T", b"a" * 9), (0, "T", b"a" * 16), (0, "T", b"a" * 7)])
@example(rows=[(0, "T", b"abcdefgh"), (0, "T", b"abcdefg"), (0, "T", b"abcdefgh"), (0, "T", b"")])
def test_names_are_ordered_as_bytes(rows: list[Row]) -> None:
    """Names are compared as ``strcmp`` does; of equal names the first record sorts first."""
    wanted = sorted(range(len(rows)), key=lambda place: rows[place][2])
    assert name_order(records_of(rows), find_release("6.12")).tolist() == wanted


CUTS = [
    ("6.2", b"."),
    ("6.4", b"."),
    ("6.4.7", b".llvm."),
    ("6.5", b".llvm."),
    ("6.10", b".llvm."),
    ("6.1.192", b".llvm."),
    ("6.11", None),
    ("7.3", None),
]


@pytest.mark.parametrize(("release", "cut"), CUTS)
@settings(deadline=None, max_examples=40)
@given(rows=ROWS)
def test_lto_cuts_names_before_they_are_compared(release: str, cut: bytes | None, rows: list[Row]) -> None:
    """With --lto-clang a name ends at its first dot, later at ``.llvm.``, from 6.11 on nowhere."""

    def key(place: int) -> bytes:
        name = rows[place][2]
        return name if cut is None else name.split(cut)[0]

    records = records_of(rows)
    ours = name_order(records, find_release(release), lto_clang=True).tolist()
    assert ours == sorted(range(len(rows)), key=key)


@settings(deadline=None, max_examples=40)
@given(rows=ROWS)
def test_without_lto_names_are_whole(rows: list[Row]) -> None:
    """Without --lto-clang no release cuts names."""
    wanted = sorted(range(len(rows)), key=lambda place: rows[place][2])
    assert name_order(records_of(rows), find_release("6.2")).tolist() == wanted
