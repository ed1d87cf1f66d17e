# SPDX-License-Identifier: GPL-2.0-or-later
"""Lines made of columns, thousands at once, are those that are made row by row; JSON is what ``json`` makes."""

from __future__ import annotations

import csv
import json
from io import StringIO
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from command import elfsyms
from elfmaker import Symbol, vmlinux
from hypothesis import given
from hypothesis import strategies as st

from elfsyms.cli import cells, column_text
from elfsyms.inspect.column_values import Coded, Names, Numbers, sparse
from elfsyms.inspect.columns import COLUMNS, Column
from elfsyms.inspect.rows import Rows
from elfsyms.pipeline.kernel import load

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

NUMBERS = st.one_of(st.integers(0, (1 << 64) - 1), st.integers(0, 20))
ROW = st.tuples(NUMBERS, st.integers(-1, 1 << 40) | st.integers(-1, 9), st.text("ab é", max_size=9))


@given(st.lists(ROW, min_size=1, max_size=40))
def test_lines_are_those_of_the_rows(rows: list[tuple[int, int, str]]) -> None:
    """Numbers, texts, constants and few different texts stand side by side as formatted row by row."""
    numbers = np.array([row[0] for row in rows], np.uint64)
    texts = [row[2].encode() for row in rows]
    few = Coded([b"no", b"yes", b"never"], np.array([row[0] & 1 for row in rows], np.int64))
    last = Coded([b"", b"<end>"], -np.array([row[1] & 1 for row in rows], np.int64))  # counted from the end
    columns = [
        cells.hexadecimal(numbers),
        cells.same(b";", len(rows)),
        cells.same(b" ", len(rows)),
        cells.decimal(Numbers(np.array([row[1] for row in rows], np.int64)), b"-"),
        few,
        cells.same(b"|", len(rows)),
        last,
        texts,
        cells.hexadecimal(numbers, 20),
        cells.used(few),
    ]
    assert cells.row_texts(columns) == [
        f"{number:#x}; {'-' if count < 0 else count}{('no', 'yes')[number & 1]}|{('', '<end>')[count & 1]}"
        f"{text}{f'{number:#x}':20}{('no', 'yes')[number & 1]}".encode()
        for number, count, text in rows
    ]


def test_very_many_pairs_are_not_merged() -> None:
    """Two columns of a thousand different texts each give the same lines as two of few."""
    count = 5000
    ones, twos = np.arange(count) % 997, np.arange(count) % 1009
    words = [b"%d" % number for number in range(1009)]
    found = cells.row_texts([Coded(words, ones), Coded(words, twos), cells.same(b".", count)])
    assert found == [b"%d%d." % pair for pair in zip(ones.tolist(), twos.tolist(), strict=True)]


VALUES: dict[str, st.SearchStrategy[Any]] = {
    "text": st.none() | st.text(max_size=6),
    "names": st.none() | st.lists(st.binary(max_size=6), max_size=3),
    "flag": st.booleans(),
}


def by_json(kind: str, value: Any) -> Any:
    """Return a value as the documentation of the JSON has it, for ``json`` to write."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    if isinstance(value, list):
        return [by_json(kind, one) for one in value]
    return f"{value:#x}" if kind == "address" else value


def written(kind: Any, values: Sequence[Any]) -> str:
    """Return the rows of one column as JSON."""
    one = Column("it", kind, "", lambda _, which: values[int(which[0]) : int(which[-1]) + 1])
    nothing: Any = None
    return b"".join(column_text.json_rows([one], nothing, np.arange(len(values)), indent="")).decode("ascii")


def wanted(kind: str, values: Sequence[Any]) -> str:
    """Return what ``json`` makes of the same, an object a line."""
    return ",\n".join(json.dumps({"it": by_json(kind, value)}) for value in values)


@given(st.data())
def test_columns_of_few_values_are_what_json_makes(data: st.DataObject) -> None:
    """Texts, lists of names and flags, each value written once, are what ``json`` writes of them row by row."""
    kind = data.draw(st.sampled_from(sorted(VALUES)))
    words = data.draw(st.lists(VALUES[kind], min_size=1, max_size=5))
    codes = data.draw(st.lists(st.integers(-len(words), len(words) - 1), min_size=1, max_size=20))
    coded = Coded(words, np.array(codes, np.int64))
    assert written(kind, coded) == wanted(kind, list(coded))


@given(st.lists(st.binary(max_size=9).map(lambda name: name.replace(b"\0", b"")), min_size=1, max_size=9))
def test_names_are_what_json_makes(names: list[bytes]) -> None:
    """Names of any bytes are escaped as ``json`` does it, whether one of them needs it or none."""
    sizes = np.array([len(name) for name in names], np.int64)
    column = Names(b"".join(names), np.cumsum(sizes) - sizes, sizes)
    assert list(column) == names
    assert written("name", column) == wanted("name", names)


@given(
    st.lists(
        st.tuples(st.integers(-(1 << 63), (1 << 63) - 1) | st.integers(-3, 3), st.booleans()), min_size=1
    )
)
def test_numbers_are_what_json_makes(rows: list[tuple[int, bool]]) -> None:
    """Numbers, many or few different ones, some of them unknown, are what ``json`` writes."""
    numbers, known = np.array([row[0] for row in rows]), np.array([row[1] for row in rows])
    for column in (Numbers(numbers, known), Numbers(numbers)):
        assert written("number", column) == wanted("number", list(column))
        assert [column[at] for at in range(len(rows))] == list(column)
    addresses = Numbers(numbers.view(np.uint64))
    assert written("address", addresses) == wanted("address", list(addresses))


@pytest.mark.parametrize("name", ["amd64-7.3", "i386-6.1"])
def test_a_kernels_json_is_what_json_makes(name: str, sample: Callable[[str], Path]) -> None:
    """Every column of a real kernel, all at once, is what ``json`` writes of its values."""
    with load(sample(name)) as kernel:
        rows = Rows(kernel)
        which = np.arange(len(rows.entries))
        kinds = {one.name: one.kind for one in COLUMNS}
        columns = {one.name: list(one.values(rows, which)) for one in COLUMNS}
        lines = column_text.json_lines(COLUMNS, rows, which, indent="")
        for values, line in zip(zip(*columns.values(), strict=True), lines, strict=True):
            told = dict(zip(columns, values, strict=True))
            assert line.decode() == json.dumps({name: by_json(kinds[name], told[name]) for name in told})


def test_a_sparse_column_has_few_values() -> None:
    """Rows without a value of their own have the one that was given for them."""
    assert list(sparse({2: "b", 0: "a"}, 4, "")) == ["a", "", "b", ""]


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
