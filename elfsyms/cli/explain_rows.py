# SPDX-License-Identifier: GPL-2.0-or-later
"""A line a symbol, for ``elfsyms explain`` of many: verdict, address, letter, the rule that dropped it, name.

Made from columns, not from the facts of one symbol after the other: ``explain '*'`` has a quarter of a million.
"""

from __future__ import annotations

from collections import defaultdict
from itertools import islice, pairwise
from typing import TYPE_CHECKING, cast

import numpy as np

from elfsyms.cli import pieces
from elfsyms.cli.render import line, name_text, on_terminal
from elfsyms.inspect.column_values import Coded
from elfsyms.inspect.columns import column
from elfsyms.inspect.explanation import Fate
from elfsyms.inspect.lazy import entries_of_answer
from elfsyms.inspect.rows import Rows

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from elfsyms.cli.pieces import Pieces
    from elfsyms.cli.render import Line
    from elfsyms.inspect.explanation import Explanation
    from elfsyms.pipeline.kernel import Kernel

__all__ = ["row_pages", "rows"]

_MANY = 8192  # rows that are made at once
_GAP = "  "  # between columns
_BLANK, _DELETE = 0x20, 0x7F  # what visible ASCII lies between


def rows(kernel: Kernel, answer: Explanation) -> Iterator[Line]:
    """Yield the lines of one answer, and their sum."""
    table = Rows(kernel, answer.kaslr)
    which = table.entries.rows_of(entries_of_answer(answer.symbols))
    offset = answer.trace.offset or 0 if answer.trace else 0
    for text, ends in _texts(table, which, offset):
        yield from _shown(text.tobytes(), ends.tolist())
    verdicts = _coded("verdict", table, which)
    counts = dict(
        zip(verdicts.words, np.bincount(verdicts.codes, minlength=len(verdicts.words)), strict=True)
    )
    parts = (f"{counts[fate.value]:,} {fate.value}" for fate in Fate if counts.get(fate.value))
    yield [f"{len(which):,} symbols: {', '.join(parts)}"]


def row_pages(kernel: Kernel, answers: Sequence[Explanation]) -> Iterator[Line]:
    """Yield a line a symbol of many answers, and one for each that is absent."""
    found = [entries_of_answer(answer.symbols) for answer in answers]
    every = np.concatenate(found)
    lines: Iterator[str] = iter(())
    if len(every):
        table = Rows(kernel, answers[0].kaslr)
        texts = _texts(table, table.entries.rows_of(every))
        lines = (one for text, ends in texts for one in _split(text.tobytes(), ends.tolist()))
    for answer, entries in zip(answers, found, strict=True):
        if not len(entries):
            near = f"  near {name_text(answer.near[0].name)}" if answer.near else ""
            yield [f"absent  {answer.what.strip()}{near}"]
        yield from map(line, islice(lines, len(entries)))


def _shown(text: bytes, ends: list[int]) -> Iterator[Line]:
    """Yield some thousands of lines as one; to a terminal, which gets printable text, one by one."""
    if on_terminal():
        yield from map(line, _split(text, ends))
    elif text:
        yield [text[:-1].decode("utf-8", "surrogateescape")]


def _split(text: bytes, ends: list[int]) -> Iterator[str]:
    """Yield each line, without its newline."""
    starts = [0, *ends]
    return (text[first : last - 1].decode("utf-8", "surrogateescape") for first, last in pairwise(starts))


def _texts(
    table: Rows, which: NDArray[np.int64], offset: int = 0
) -> Iterator[tuple[NDArray[np.uint8], NDArray[np.int64]]]:
    """Yield the lines of some rows, columns aligned, some thousands at once: their text, and where each ends.

    ``offset`` is a trace's, counted from each symbol.
    """
    verdicts, letters, rules = (
        _coded("verdict", table, which),
        _coded("letter", table, which),
        _rules(table, which),
    )
    highest = int(table.address[which].max(initial=0)) + offset
    wide = [_widest(verdicts), len(f"{highest:#x}"), 1, _widest(rules)]
    words = [pieces.words(column.words) for column in (verdicts, letters, rules)]
    for first in range(0, len(which), _MANY):
        part = slice(first, first + _MANY)
        cells = [
            words[0].take(verdicts.codes[part]),
            _addresses(table, which[part], offset),
            words[1].take(letters.codes[part]),
            words[2].take(rules.codes[part]),
        ]
        tails = _tails(table, which[part], offset)
        followed = np.logical_or.reduce([tail.size > 0 for tail in tails])
        yield pieces.lines([*_aligned(cells, wide, followed), *tails])


def _aligned(cells: list[Pieces], wide: list[int], followed: NDArray[np.bool_]) -> list[Pieces]:
    """Return columns with blanks behind each that more stands behind; behind the last, where ``followed``."""
    found: list[Pieces] = []
    for cell, width in zip(reversed(cells), reversed(wide), strict=True):
        blanks = pieces.padding(np.where(followed, width - cell.size + len(_GAP), 0))
        found += [blanks, cell]
        followed = followed | (cell.size > 0)
    return found[::-1]


def _addresses(table: Rows, which: NDArray[np.int64], offset: int) -> Pieces:
    addresses = table.address[which]
    if not offset:
        return pieces.hexadecimal(addresses)
    return pieces.words([f"{address + offset:#x}" for address in addresses.tolist()])


def _coded(name: str, table: Rows, which: NDArray[np.int64]) -> Coded:
    return cast("Coded", column(name).values(table, which))


def _rules(table: Rows, which: NDArray[np.int64]) -> Coded:
    """Return the id and name of the rule of each row; that of what none drops is -1, the last."""
    return Coded([*(f"{rule.id} {rule.slug}" for rule in table.rules), ""], table.entries.rule[which])


def _widest(column: Coded) -> int:
    used = np.bincount(column.codes.astype(np.int64) % len(column.words))
    return max((len(column.words[code]) for code in np.flatnonzero(used).tolist()), default=0)


def _tails(table: Rows, which: NDArray[np.int64], offset: int) -> list[Pieces]:
    """Return the names, and what is said behind them; whatever is no visible ASCII as text has it."""
    values, remarks = table.names(table.entries.symbol[which]), _remarks(table, which, offset)
    names = pieces.names(values)
    plain = not len(names.pool) or (names.pool.min() > _BLANK and names.pool.max() < _DELETE)
    if plain:
        return [names, pieces.words(remarks.words, remarks.codes)]
    texts = (f"{name_text(name)}{remark}" for name, remark in zip(values, remarks, strict=True))
    return [pieces.words([text.rstrip() for text in texts])]


def _remarks(table: Rows, which: NDArray[np.int64], offset: int) -> Coded:
    """Say in a line's end what shadows a symbol, which of several it is, or that an offset is past its end."""
    entries, kept = table.entries, table.kernel.ordered.records
    texts: defaultdict[int, str] = defaultdict(str)
    index, alias = entries.index[which], entries.alias[which]
    for at in np.flatnonzero(table.shadowed[which]).tolist():
        texts[at] = f"  by {name_text(kept.name(int(index[at] - alias[at])))}"
    sympos = entries.sympos[which]
    for at in np.flatnonzero(entries.alike[which] > 1).tolist():
        texts[at] += f"  sympos {sympos[at]}"
    if offset:
        extents = table.extents[which]
        for at in np.flatnonzero((extents > 0) & (extents <= offset)).tolist():
            texts[at] += f"  past its end, size {extents[at]:#x}"
    codes = np.zeros(len(which), np.int64)
    codes[list(texts)] = np.arange(1, len(texts) + 1)
    return Coded(["", *texts.values()], codes)
