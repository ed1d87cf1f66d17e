# SPDX-License-Identifier: GPL-2.0-or-later
"""Lines made of columns by array steps are those that are made row by row."""

from __future__ import annotations

import csv
from io import StringIO
from typing import TYPE_CHECKING

import numpy as np
from command import elfsyms
from elfmaker import Symbol, vmlinux
from hypothesis import given
from hypothesis import strategies as st

from elfsyms.cli import pieces
from elfsyms.inspect.column_values import Names, Numbers

if TYPE_CHECKING:
    from pathlib import Path

NUMBERS = st.one_of(st.integers(0, (1 << 64) - 1), st.integers(0, 20))


@given(st.lists(st.tuples(NUMBERS, st.integers(-1, 1 << 40), st.text("ab é", max_size=9)), max_size=20))
def test_lines_are_those_of_the_rows(rows: list[tuple[int, int, str]]) -> None:
    """Numbers, texts, constants and blanks stand side by side as formatted row by row."""
    numbers, counts = [row[0] for row in rows], [row[1] for row in rows]
    texts = [row[2] for row in rows]
    coded = pieces.words(["no", "yes"], np.array([number & 1 for number in numbers], np.int64))
    encoded = [text.encode() for text in texts]
    sizes = np.array([len(text) for text in encoded], np.int64)
    columns = [
        pieces.hexadecimal(np.array(numbers, np.uint64)),
        pieces.constant("; ", len(rows)),
        pieces.decimal(Numbers(np.array(counts, np.int64))),
        coded,
        pieces.padding(np.array([count & 3 for count in counts], np.int64)),
        pieces.names(Names(b"".join(encoded), np.cumsum(sizes) - sizes, sizes)),
        pieces.words(texts),
    ]
    text, ends = pieces.lines(columns)
    wanted = [
        f"{number:#x}; {count if count >= 0 else ''}{('no', 'yes')[number & 1]}{' ' * (count & 3)}{name}{name}\n"
        for number, count, name in rows
    ]
    assert text.tobytes().decode() == "".join(wanted)
    assert ends.tolist() == np.cumsum([len(line.encode()) for line in wanted]).tolist()


# Names that a table's form, a terminal or the end of a line could trip over.
ODD = [b"odd_plain", b'odd_"quoted"', b"odd_a,b", b"odd_\xff\xc3\xa9", b"odd_tab\tx", b"odd_blank "]


def odd_kernel(tmp_path: Path) -> Path:
    """Write a kernel whose names are odd, two of them at one address."""
    symbols = [Symbol(name, 0xFFFFFFFF81000000 + 16 * at) for at, name in enumerate([b"_text", *ODD])]
    path = tmp_path / "vmlinux"
    path.write_bytes(vmlinux([*symbols, Symbol(b"odd_plain2", symbols[1].value)], release="6.12.5"))
    return path


def test_odd_names_come_back_from_csv(tmp_path: Path) -> None:
    """What is no plain text in a name is quoted, in CSV, so that a reader gets the name back."""
    done = elfsyms("list", odd_kernel(tmp_path), "--csv", "--columns", "name,letter,verdict")
    rows = list(csv.reader(StringIO(done.stdout.decode("utf-8", "surrogateescape"), newline="")))
    names = [row[0].encode("utf-8", "surrogateescape") for row in rows[1:]]
    assert sorted(names) == sorted([b"_text", b"linux_banner", b"odd_plain2", *ODD])
    assert {len(row) for row in rows} == {3}


def test_an_only_cell_that_is_empty_is_quoted(tmp_path: Path) -> None:
    """A CSV file of one column has no empty line, which readers skip."""
    done = elfsyms("list", odd_kernel(tmp_path), "--csv", "--columns", "rule")
    assert done.stdout.decode().splitlines() == ["rule", *['""'] * (len(ODD) + 3)]


def test_explained_rows_have_odd_names(tmp_path: Path) -> None:
    """A line a symbol: aligned columns, the name as text, what shadows it, and no blanks at its end."""
    done = elfsyms("explain", odd_kernel(tmp_path), "odd_*")
    lines = done.stdout.decode("utf-8").split("\n")
    assert lines[0] == "kept      0xffffffff81000010  T    odd_plain"
    assert lines[1] == "shadowed  0xffffffff81000010  T    odd_plain2  by odd_plain"
    assert lines[4] == "kept      0xffffffff81000040  T    odd_\\xff\u00e9"
    assert lines[6] == "kept      0xffffffff81000060  T    odd_blank"
    assert lines[-2] == "7 symbols: 6 kept, 1 shadowed"
