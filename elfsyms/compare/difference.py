# SPDX-License-Identifier: GPL-2.0-or-later
"""What ``diff`` answers, as values: symbols added, removed, renamed, retyped, moved, and the whole in one line."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from elfsyms.inspect.globs import name_pattern

if TYPE_CHECKING:
    from elfsyms.compare.causes import Cause
    from elfsyms.compare.convergence import Verdict
    from elfsyms.compare.relation import Relation
    from elfsyms.compare.renames import Rename
    from elfsyms.compare.shifts import Shift

__all__ = ["Change", "Crossing", "Difference", "Mode", "Retyped", "Side", "filtered"]

Mode = Literal["passes", "kernels"]


@dataclass(frozen=True, slots=True)
class Side:
    """One of the inputs: ``symbols`` as compared, ``functions`` of them by their letters."""

    path: str
    kind: str
    title: str
    symbols: int
    functions: int


@dataclass(frozen=True, slots=True)
class Change:
    """A symbol that one side has; ``rule`` is the id of what keeps it out of that side's tables, if any."""

    name: bytes
    letter: str
    address: int
    function: bool
    cause: Cause
    rule: str = ""


@dataclass(frozen=True, slots=True)
class Retyped:
    """A symbol whose letter changed."""

    name: bytes
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Crossing:
    """A symbol that both images have, but the tables of one only: mostly one at a range's edge.

    ``old`` and ``new`` are the ids of the rules that drop it, empty where it is kept.
    """

    name: bytes
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Difference:
    """The answer of :func:`diff`. Of two kernels, ``shifts`` and ``crossed`` are empty and ``verdict`` None.

    ``renumbered`` are names that differ by a compiler's count or hash alone (a Rust crate's, too),
    ``ambiguous`` those that one function had before and several have now; ``moved`` counts symbols.
    ``relation`` says how the last two are related.
    """

    mode: Mode
    sides: tuple[Side, ...]
    added: tuple[Change, ...]
    removed: tuple[Change, ...]
    crossed: tuple[Crossing, ...]
    retyped: tuple[Retyped, ...]
    renamed: tuple[Rename, ...]
    ambiguous: tuple[bytes, ...]
    shifts: tuple[Shift, ...]
    moved: int
    verdict: Verdict | None
    renumbered: tuple[Rename, ...] = ()
    relation: Relation | None = None

    @property
    def same(self) -> bool:
        """Whether nothing differs, or nothing that reaches the tables."""
        if self.verdict is not None:
            return self.verdict.state == "converged"
        return not (self.added or self.removed or self.retyped or self.renamed or self.renumbered)

    @property
    def summary(self) -> str:
        """The difference in one line, fit for a mail."""
        if self.same and self.relation is not None and self.relation.kind in ("moved", "hidden"):
            return f"same: {self.relation.sentence}"
        return _summary_of_passes(self) if self.mode == "passes" else _summary_of_kernels(self)


def filtered(difference: Difference, glob: str) -> Difference:
    """Return a difference with those symbols alone whose name matches a glob, the old or the new one."""
    match = name_pattern(glob).fullmatch
    return replace(
        difference,
        added=tuple(change for change in difference.added if match(change.name)),
        removed=tuple(change for change in difference.removed if match(change.name)),
        crossed=tuple(crossing for crossing in difference.crossed if match(crossing.name)),
        retyped=tuple(change for change in difference.retyped if match(change.name)),
        renamed=tuple(rename for rename in difference.renamed if match(rename.old) or match(rename.new)),
        renumbered=tuple(r for r in difference.renumbered if match(r.old) or match(r.new)),
        ambiguous=tuple(name for name in difference.ambiguous if match(name)),
        shifts=tuple(shift for shift in difference.shifts if match(shift.first)),
    )


def _summary_of_kernels(difference: Difference) -> str:
    """Say it as short as bloat-o-meter does."""
    a, b = difference.sides[-2:]
    noise = f", {len(difference.renumbered):,} renumbered" if difference.renumbered else ""
    return (
        f"{a.title} -> {b.title}: +{len(difference.added):,} -{len(difference.removed):,} symbols, "
        f"{len(difference.renamed):,} renamed{noise}"
    )


def _summary_of_passes(difference: Difference) -> str:
    """Say the verdict first, then the figures."""
    state = difference.verdict.state if difference.verdict else ""
    return (
        f"{state}: {len(difference.added):,} symbols added, {len(difference.removed):,} removed, "
        f"{difference.moved:,} moved, {len(difference.retyped):,} changed type"
    )
