# SPDX-License-Identifier: GPL-2.0-or-later
"""A line a symbol, for ``elfsyms explain`` of many: verdict, address, letter, the rule that dropped it, name.

Made from columns, not from the facts of one symbol after the other: ``explain '*'`` has a quarter of a million.
"""

from __future__ import annotations

from collections import defaultdict
from itertools import chain, islice
from typing import TYPE_CHECKING, cast

import numpy as np

from elfsyms.cli.cells import hexadecimal, row_texts
from elfsyms.cli.render import line, name_text, on_terminal
from elfsyms.inspect.column_values import Coded, sparse
from elfsyms.inspect.columns import column
from elfsyms.inspect.explanation import Fate
from elfsyms.inspect.lazy import entries_of_answer
from elfsyms.inspect.rows import Rows

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from elfsyms.cli.cells import Cells
    from elfsyms.cli.render import Line
    from elfsyms.inspect.explanation import Explanation
    from elfsyms.pipeline.kernel import Kernel

__all__ = ["row_pages", "rows"]

_MANY = 8192  # rows that are made at once
_GAP = 2  # blanks between columns
_PLAIN = bytes(range(0x21, 0x7F))  # visible ASCII


def rows(kernel: Kernel, answer: Explanation) -> Iterator[Line]:
    """Yield the lines of one answer, and their sum."""
    table = Rows.with_names(kernel, answer.kaslr)
    which = table.entries.rows_of(entries_of_answer(answer.symbols))
    offset = answer.trace.offset or 0 if answer.trace else 0
    for lines in _texts(table, which, offset):
        yield from map(_line, lines if on_terminal() else [b"\n".join(lines)])
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
    lines: Iterator[bytes] = iter(())
    if len(every):
        table = Rows(kernel, answers[0].kaslr)
        lines = chain.from_iterable(_texts(table, table.entries.rows_of(every)))
    for answer, entries in zip(answers, found, strict=True):
        if not len(entries):
            near = f"  near {name_text(answer.near[0].name)}" if answer.near else ""
            yield [f"absent  {answer.what.strip()}{near}"]
        yield from map(_line, islice(lines, len(entries)))


def _line(text: bytes) -> Line:
    return line(text.decode("utf-8", "surrogateescape"))


def _octets(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _texts(table: Rows, which: NDArray[np.int64], offset: int = 0) -> Iterator[list[bytes]]:
    """Yield the lines of some rows, columns aligned, some thousands at once.

    ``offset`` is a trace's, counted from each symbol.
    """
    highest = int(table.address[which].max(initial=0)) + offset
    wide = len(f"{highest:#x}") + _GAP
    verdicts, rules = _coded("verdict", table, which), _rules(table, which)
    heads = [_padded(verdicts, _widest(verdicts)), _padded(_coded("letter", table, which), 1)]
    heads.append(_padded(rules, _widest(rules)))
    for first in range(0, len(which), _MANY):
        part = slice(first, first + _MANY)
        verdict, letter, rule = (head[part] for head in heads)
        addresses = _addresses(table.address[which[part]], offset, wide)
        yield _lines([verdict, addresses, letter, rule], table, which[part], offset)


def _addresses(addresses: NDArray[np.uint64], offset: int, wide: int) -> list[bytes]:
    """Return where an offset from each of some addresses is, which may be past the last one there can be."""
    if offset:
        return [f"{address + offset:#x}".encode().ljust(wide) for address in addresses.tolist()]
    return hexadecimal(addresses, wide)


def _lines(heads: list[Cells], table: Rows, which: NDArray[np.int64], offset: int) -> list[bytes]:
    """Return lines: heads, names, and what is said behind these; a name that is no visible ASCII as text has it."""
    names = table.names(table.entries.symbol[which]).texts()
    remarks = _remarks(table, which, offset)
    if all(names) and not b"".join(names).translate(None, _PLAIN):
        return row_texts([*heads, names, Coded(list(map(_octets, remarks.words)), remarks.codes)])
    tails = (f"{name_text(name)}{remark}".rstrip() for name, remark in zip(names, remarks, strict=True))
    return [text.rstrip() for text in row_texts([*heads, list(map(_octets, tails))])]


def _padded(column: Coded, wide: int) -> Coded:
    """Return the texts of a column, blanks behind each."""
    return Coded([_octets(word).ljust(wide + _GAP) for word in column.words], column.codes)


def _coded(name: str, table: Rows, which: NDArray[np.int64]) -> Coded:
    return cast("Coded", column(name).values(table, which))


def _rules(table: Rows, which: NDArray[np.int64]) -> Coded:
    """Return the id and name of the rule of each row; that of what none drops is -1, the last."""
    return Coded([*(f"{rule.id} {rule.slug}" for rule in table.rules), ""], table.entries.rule[which])


def _widest(column: Coded) -> int:
    used = np.bincount(column.codes.astype(np.int64) % len(column.words))
    return max((len(column.words[code]) for code in np.flatnonzero(used).tolist()), default=0)


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
    return sparse(texts, len(which), "")
