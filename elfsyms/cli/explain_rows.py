# SPDX-License-Identifier: GPL-2.0-or-later
"""A line a symbol, for ``elfsyms explain`` of many: verdict, address, letter, the rule that dropped it, name.

Made from columns, not from the facts of one symbol after the other: ``explain '*'`` has a quarter of a million.
"""

from __future__ import annotations

from collections import Counter
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from elfsyms.cli.render import line, name_text
from elfsyms.inspect.columns import column
from elfsyms.inspect.explanation import Fate
from elfsyms.inspect.lazy import entries_of_answer
from elfsyms.inspect.rows import Rows

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from elfsyms.cli.render import Line
    from elfsyms.inspect.explanation import Explanation
    from elfsyms.pipeline.kernel import Kernel

__all__ = ["row_pages", "rows"]


def rows(kernel: Kernel, answer: Explanation) -> Iterator[Line]:
    """Yield a line a symbol of one answer, and their sum."""
    table = Rows(kernel, answer.kaslr)
    which = table.entries.rows_of(entries_of_answer(answer.symbols))
    offset = answer.trace.offset or 0 if answer.trace else 0
    yield from map(line, _lines(table, which, offset))
    counts = Counter(column("verdict").values(table, which))
    parts = (f"{counts[fate.value]:,} {fate.value}" for fate in Fate if counts[fate.value])
    yield [f"{len(which):,} symbols: {', '.join(parts)}"]


def row_pages(kernel: Kernel, answers: Sequence[Explanation]) -> Iterator[Line]:
    """Yield a line a symbol of many answers, and one for each that is absent."""
    found = [entries_of_answer(answer.symbols) for answer in answers]
    every = np.concatenate(found)
    lines: Iterator[str] = iter(())
    if len(every):
        table = Rows(kernel, answers[0].kaslr)
        lines = iter(_lines(table, table.entries.rows_of(every)))
    for answer, entries in zip(answers, found, strict=True):
        if not len(entries):
            near = f"  near {name_text(answer.near[0].name)}" if answer.near else ""
            yield [f"absent  {answer.what.strip()}{near}"]
        yield from map(line, islice(lines, len(entries)))


def _lines(table: Rows, which: NDArray[np.int64], offset: int = 0) -> list[str]:
    """Return the lines of some rows, columns aligned; ``offset`` is a trace's, counted from each symbol."""
    verdicts: Sequence[str] = column("verdict").values(table, which)
    addresses = [f"{address + offset:#x}" for address in column("address").values(table, which)]
    rules = _rules(table, which)
    wide = [max(map(len, set(cells)), default=0) for cells in (verdicts, addresses, rules)]
    template = f"%-{wide[0]}s  %-{wide[1]}s  %s  %-{wide[2]}s  %s%s"
    names = map(name_text, column("name").values(table, which))
    cells = (verdicts, addresses, column("letter").values(table, which), rules, names)
    return [template % row for row in zip(*cells, _remarks(table, which, offset), strict=True)]


def _rules(table: Rows, which: NDArray[np.int64]) -> list[str]:
    indices = table.entries.rule[which].tolist()
    known = {index: table.rules[index] for index in set(indices) if index >= 0}
    texts = {index: f"{rule.id} {rule.slug}" for index, rule in known.items()}
    return [texts.get(index, "") for index in indices]


def _remarks(table: Rows, which: NDArray[np.int64], offset: int) -> list[str]:
    """Say in a line's end what shadows a symbol, which of several it is, or that an offset is past its end."""
    entries, kept = table.entries, table.kernel.ordered.records
    texts = [""] * len(which)
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
    return texts
