# SPDX-License-Identifier: GPL-2.0-or-later
"""What became of each symbol between two kernels, with sizes: added, removed, renamed, grown, shrunk, retyped.

What was added, removed or renamed is :func:`elfsyms.compare.diff.diff`'s answer; the sizes are of
``.symtab``. Several symbols of one name cannot be told apart between two kernels, so their sizes count together.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from elfsyms.errors import InputError
from elfsyms.image.symbols import STT_FUNC, STT_GNU_IFUNC
from elfsyms.releases.trace_rules import TRACE_RULES
from elfsyms.trace.traceability import CAN, traceability

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from elfsyms.compare.difference import Difference
    from elfsyms.pipeline.kernel import Kernel

__all__ = ["CHANGES", "LABELS", "Changed", "NamedSymbols", "changed_symbols", "named_symbols"]

_UNKNOWN = -2  # beside CAN and the indices of rules

# What may become of a symbol: as addresses of pages have it, and what it means to who looks for it.
CHANGES = {
    "removed": "not in the second kernel's tables under this or another suffix: a probe on it fails",
    "renamed": "the same function under another suffix: a probe on the old name fails",
    "added": "not in the first kernel's tables",
    "grown": "larger than before",
    "shrunk": "smaller than before",
    "letter": "of the same size, with another letter: of another section, or no longer global",
    "tracing": "of the same size and letter, but ftrace can trace it no more, or can only now",
}
LABELS = {"letter": "other letter", "tracing": "other for ftrace"}  # where the word alone says too little


@dataclass(frozen=True, slots=True)
class NamedSymbols:
    """The symbols of the tables of one name: the letter of the first, all sizes, whether any is a function.

    ``refused`` is the id of the rule for which ftrace can trace none of them, empty where it can, None where that
    cannot be told.
    """

    letter: str
    size: int
    function: bool
    refused: str | None


@dataclass(frozen=True, slots=True)
class Changed:
    """One name before and after; ``old_name`` is another only where it was renamed."""

    change: str
    name: bytes
    old_name: bytes
    old: NamedSymbols | None
    new: NamedSymbols | None

    @property
    def grown(self) -> int:
        """By how many bytes."""
        return (self.new.size if self.new else 0) - (self.old.size if self.old else 0)

    @property
    def is_about_ftrace(self) -> bool:
        """Whether ftrace can trace it on one side alone."""
        return self.lost_to_ftrace or self.gained_by_ftrace

    @property
    def gained_by_ftrace(self) -> bool:
        """Whether ftrace can trace it only now, although the name was there before."""
        return bool(self.old and self.new and self.old.refused and self.new.refused == "")

    @property
    def lost_to_ftrace(self) -> bool:
        """Whether ftrace could trace it and cannot now, although the name is still there."""
        return bool(self.old and self.new and self.old.refused == "" and self.new.refused)

    @property
    def function(self) -> bool:
        """Whether it is or was a function."""
        return any(side.function for side in (self.old, self.new) if side)


def named_symbols(kernel: Kernel) -> dict[bytes, NamedSymbols]:
    """Return the symbols of a kernel's tables by name."""
    records = kernel.ordered.records
    table = kernel.symbols
    sizes = table.size[records.symbol].tolist()
    answers = _ftrace(kernel)[records.symbol].tolist()
    types = table.type[records.symbol].tolist()
    found: dict[bytes, list[tuple[int, int, bool, int]]] = defaultdict(list)
    columns = (records.letter.tolist(), sizes, types, answers)
    for name, letter, size, kind, answer in zip(records.names(), *columns, strict=True):
        found[name].append((letter, size, kind in {STT_FUNC, STT_GNU_IFUNC}, answer))
    return {name: _together(symbols) for name, symbols in found.items()}


def _ftrace(kernel: Kernel) -> NDArray[np.int16]:
    """Return ftrace's answer for each entry; :data:`_UNKNOWN` where what is asked of is damaged."""
    try:
        return traceability(kernel).ftrace
    except InputError:
        return np.full(len(kernel.symbols), _UNKNOWN, np.int16)


def _together(symbols: list[tuple[int, int, bool, int]]) -> NamedSymbols:
    answers = [answer for *_, answer in symbols]
    return NamedSymbols(
        letter=chr(symbols[0][0]),
        size=sum(size for _, size, _, _ in symbols),
        function=any(function for _, _, function, _ in symbols),
        refused=_refused(answers),
    )


def _refused(answers: list[int]) -> str | None:
    """Return the rule that refuses all symbols of a name; None where of any it cannot be told."""
    if CAN in answers:
        return ""
    if any(answer == _UNKNOWN or not TRACE_RULES[answer].known for answer in answers):
        return None
    return TRACE_RULES[answers[0]].id


def changed_symbols(
    answer: Difference, old: dict[bytes, NamedSymbols], new: dict[bytes, NamedSymbols]
) -> list[Changed]:
    """Return everything that changed, what changed most in size first."""
    found = [*_added_and_removed(answer, old, new), *_stayed(old, new)]
    return sorted(found, key=lambda one: (-abs(one.grown), one.name))


def _added_and_removed(
    answer: Difference, old: dict[bytes, NamedSymbols], new: dict[bytes, NamedSymbols]
) -> Iterator[Changed]:
    for change in answer.removed:
        if change.name not in new:
            yield Changed("removed", change.name, change.name, old.get(change.name), None)
    for change in answer.added:
        if change.name not in old:
            yield Changed("added", change.name, change.name, None, new.get(change.name))
    for rename in answer.renamed:
        yield Changed("renamed", rename.new, rename.old, old.get(rename.old), new.get(rename.new))


def _stayed(old: dict[bytes, NamedSymbols], new: dict[bytes, NamedSymbols]) -> Iterator[Changed]:
    """Compare what both kernels have under one name."""
    for name, before in old.items():
        after = new.get(name)
        if after is None or after == before:
            continue
        if after.size != before.size:
            yield Changed("grown" if after.size > before.size else "shrunk", name, name, before, after)
        elif after.letter != before.letter:
            yield Changed("letter", name, name, before, after)
        elif before.function and (changed := Changed("tracing", name, name, before, after)).is_about_ftrace:
            yield changed
