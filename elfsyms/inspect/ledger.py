# SPDX-License-Identifier: GPL-2.0-or-later
"""The ledger: every entry of ``.symtab`` accounted for.

Kept and dropped by each rule add up to the entries of the table, and so do the columns by section, by letter
and by class; :func:`ledger` proves it, against the records that went into the tables and not against the
verdicts alone, or raises. Follows bloaty's law: what is shown always sums to the whole.

The remarks (:class:`Remark`) stand beside the sum: entries about which the stock answer, which elfsyms gives
too, differs from what the ELF file says.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from elfsyms.errors import EncodeError, NotThereError, ProgramError
from elfsyms.image.code_sections import in_code
from elfsyms.image.symbols import CLASS_NAMES, SymbolClass, classify
from elfsyms.inspect.sections import section_names
from elfsyms.pipeline.addressing import addresses_of, moving, needs_compression
from elfsyms.pipeline.filters import KEPT
from elfsyms.releases.rules import rule_by_id

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from elfsyms.pipeline.kernel import Kernel
    from elfsyms.releases.rules import Rule

__all__ = ["GROUPS", "Ledger", "Remark", "Row", "RuleRow", "UnbalancedError", "entries_of", "ledger"]

GROUPS = ("section", "letter", "class")


class UnbalancedError(ProgramError):
    """The ledger does not add up: a defect of elfsyms."""


@dataclass(frozen=True, slots=True)
class RuleRow:
    """How many entries a rule drops."""

    rule: Rule
    count: int


@dataclass(frozen=True, slots=True)
class Row:
    """How many entries of one section, letter or class are kept, and dropped."""

    key: str
    kept: int
    dropped: int

    @property
    def total(self) -> int:
        """Both."""
        return self.kept + self.dropped


@dataclass(frozen=True, slots=True)
class Remark:
    """Entries about which stock and the ELF file disagree: how many, and in what."""

    slug: str
    text: str
    count: int


@dataclass(frozen=True, slots=True)
class Ledger:
    """The account.

    ``entries`` counts all of ``.symtab``, the null entry included; of a file that has none, the symbols of its
    tables or of its map.
    """

    entries: int
    kept: int
    dropped: tuple[RuleRow, ...]
    groups: dict[str, tuple[Row, ...]]
    remarks: tuple[Remark, ...]

    @property
    def dropped_total(self) -> int:
        """The sum over the rules."""
        return sum(row.count for row in self.dropped)


def ledger(kernel: Kernel) -> Ledger:
    """Account for every entry of a kernel's symbol table.

    Raises :class:`UnbalancedError` where the account does not add up.
    """
    first = 0 if kernel.symbols_from == "symtab" else 1  # the null entry of a table that was made is no entry
    rule = kernel.verdicts.rule[first:]
    rules = kernel.release.book.rules
    counts = np.bincount(rule[rule != KEPT], minlength=len(rules)).tolist()
    dropped = tuple(RuleRow(rules[i], count) for i, count in enumerate(counts) if count)
    ledger = Ledger(
        entries=len(kernel.symbols) - first,
        kept=len(np.unique(kernel.verdicts.kept.symbol)),
        dropped=tuple(sorted(dropped, key=lambda row: row.rule.id)),
        groups={name: _rows(_keys(kernel, name)[first:], rule == KEPT) for name in GROUPS},
        remarks=tuple(_remarks(kernel)),
    )
    _prove(ledger)
    return ledger


def entries_of(kernel: Kernel, text: str) -> list[int]:
    """Return the entries behind a row: ``kept``, a rule's id or slug, or a remark's slug.

    Raises :class:`NotThereError` for a row that no ledger has.
    """
    rule = kernel.verdicts.rule
    if text.lower() == "kept":
        return np.flatnonzero(rule == KEPT).tolist()
    remark = next((entries for slug, _, entries in _REMARKS if slug == text.lower()), None)
    if remark is not None:
        return np.flatnonzero(remark(kernel)).tolist()
    book = kernel.release.book
    rules = [i for i, r in enumerate(book.rules) if text.upper() == r.id or text.lower() == r.slug]
    if not rules:
        raise NotThereError(f"no row of a ledger is called {text}: give an id of 'elfsyms rules', or kept")
    return np.flatnonzero(np.isin(rule, rules)).tolist()


def _prove(ledger: Ledger) -> None:
    """Check every sum against the number of entries."""
    sums = {"rules": ledger.kept + ledger.dropped_total}
    sums |= {name: sum(row.total for row in rows) for name, rows in ledger.groups.items()}
    kept = {name: sum(row.kept for row in rows) for name, rows in ledger.groups.items()}
    wrong = [f"{name} give {total:,}" for name, total in sums.items() if total != ledger.entries]
    wrong += [f"{name} keep {count:,}" for name, count in kept.items() if count != ledger.kept]
    if wrong:
        raise UnbalancedError(
            f"the ledger does not add up to {ledger.entries:,} entries, {ledger.kept:,} of them kept: "
            f"{', '.join(wrong)}; please report it with the file"
        )


def _keys(kernel: Kernel, group: str) -> list[str]:
    """Return what each entry counts under."""
    table = kernel.symbols
    if group == "letter":
        return [chr(letter) for letter in kernel.listing.letters.tolist()]
    if group == "class":
        return [CLASS_NAMES[kind] for kind in classify(table).tolist()]
    names, index = section_names(kernel, np.arange(len(table)), "unknown")
    return [names[i] for i in index.tolist()]


def _rows(keys: list[str], kept: NDArray[np.bool_]) -> tuple[Row, ...]:
    """Count kept and dropped entries by key, the largest first."""
    counts: dict[str, list[int]] = {}
    for key, stays in zip(keys, kept.tolist(), strict=True):
        counts.setdefault(key, [0, 0])[stays] += 1
    rows = (Row(key, kept, dropped) for key, (dropped, kept) in counts.items())
    return tuple(sorted(rows, key=lambda row: (-row.total, row.key)))


_Marks: TypeAlias = Callable[["Kernel"], "NDArray[np.bool_]"]


def _remarks(kernel: Kernel) -> list[Remark]:
    counted = ((slug, text, int(np.count_nonzero(entries(kernel)))) for slug, text, entries in _REMARKS)
    return [Remark(slug, text, count) for slug, text, count in counted if count]


def _percpu_by_address(kernel: Kernel) -> NDArray[np.bool_]:
    """Find what is marked per-CPU for its address, but lies in another section."""
    marked = np.zeros(len(kernel.symbols), np.bool_)
    marked[kernel.verdicts.kept.symbol[kernel.verdicts.percpu]] = True
    return marked & ~_of_class(kernel, SymbolClass.PERCPU)


def _percpu_unmarked(kernel: Kernel) -> NDArray[np.bool_]:
    """Find what is per-CPU by its section, kept, and not marked although the release marks such."""
    unmarked = np.zeros(len(kernel.symbols), np.bool_)
    if kernel.options.absolute_percpu:
        unmarked[kernel.verdicts.kept.symbol[~kernel.verdicts.percpu]] = True
    return unmarked & _of_class(kernel, SymbolClass.PERCPU)


def _absolute_kept(kernel: Kernel) -> NDArray[np.bool_]:
    return _kept(kernel) & _of_class(kernel, SymbolClass.ABSOLUTE)


def _code_outside(kernel: Kernel) -> NDArray[np.bool_]:
    ranges = [rule_by_id("KS501"), rule_by_id("KS502")]
    return np.isin(kernel.verdicts.rule, ranges) & in_code(kernel.symbols)


def _data_inside(kernel: Kernel) -> NDArray[np.bool_]:
    if kernel.options.all_symbols:
        return np.zeros(len(kernel.symbols), np.bool_)
    return _kept(kernel) & ~in_code(kernel.symbols)


def _kept(kernel: Kernel) -> NDArray[np.bool_]:
    return np.asarray(kernel.verdicts.rule == KEPT, np.bool_)


def _of_class(kernel: Kernel, kind: SymbolClass) -> NDArray[np.bool_]:
    return np.asarray(classify(kernel.symbols) == kind, np.bool_)


def _wrongly_moving(kernel: Kernel) -> NDArray[np.bool_]:
    """Find what the generator of 2.6.20 to 4.5 took for what it is not, by its first code.

    Nothing, where it makes no tables: the ledger stands without them.
    """
    wrong = np.zeros(len(kernel.symbols), np.bool_)
    if needs_compression(kernel):
        records, percpu = kernel.ordered.records, kernel.ordered.percpu
        with suppress(EncodeError):
            moves = moving(addresses_of(kernel), percpu)
            wrong[records.symbol[moves == np.isin(records.letter, list(b"Aa"))]] = True
    return wrong


_REMARKS: tuple[tuple[str, str, _Marks], ...] = (
    (
        "percpu-by-address",
        "marked per-CPU for its address alone: its section is another",
        _percpu_by_address,
    ),
    ("percpu-unmarked", "in a per-CPU section, but outside the addresses marked per-CPU", _percpu_unmarked),
    (
        "absolute-kept",
        "absolute in the file (SHN_ABS), but kept: its letter or name hides it",
        _absolute_kept,
    ),
    ("code-outside", "code by its section, dropped as lying outside the text ranges", _code_outside),
    ("data-inside", "no code by its section, kept as lying inside a text range", _data_inside),
    (
        "first-code",
        "relocated though absolute, or the reverse: its letter was asked for after compression",
        _wrongly_moving,
    ),
)
