# SPDX-License-Identifier: GPL-2.0-or-later
"""The way of the symbols, from ``.symtab`` to the table, as a stream that each rule takes something from.

The widths are shares of all entries: what the rules take and what is left add up to the whole, as the ledger
proves of the counts themselves.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from elfsyms.inspect.ledger import Ledger, RuleRow

__all__ = ["STAGE_TITLES", "Branch", "branches"]

# The stages in the order of the chain, and what the page calls them.
STAGE_TITLES = {
    "nm": "not listed by nm",
    "map": "removed by mksysmap",
    "read": "refused while reading",
    "range": "outside the kept ranges",
    "valid": "refused by name",
}
_GAP = 3.0  # percent of the width, between what goes on and what leaves


@dataclass(frozen=True, slots=True)
class Branch:
    """What a rule takes: of ``before`` percent of all entries ``after`` go on. ``stage`` is set where it begins."""

    row: RuleRow
    stage: str
    before: float
    after: float

    @property
    def width(self) -> float:
        """The percentage that leaves."""
        return self.before - self.after

    @property
    def leaves(self) -> str:
        """The ribbon of what leaves, as a path in a box of 100 by 100."""
        a, b = self.after, self.before
        left, right = a + _GAP, b + _GAP
        down = f"C{a:.4f} 45 {left:.4f} 25 {left:.4f} 70"
        up = f"C{right:.4f} 25 {b:.4f} 45 {b:.4f} 0"
        return f"M{a:.4f} 0{down}H{right:.4f}{up}Z"


def branches(ledger: Ledger) -> list[Branch]:
    """Return what each rule takes, in the order of the chain."""
    order = list(STAGE_TITLES)
    rows = sorted(ledger.dropped, key=lambda row: (order.index(row.rule.stage), row.rule.id))
    left, stage = ledger.entries, ""
    result = []
    for row in rows:
        title = "" if row.rule.stage == stage else STAGE_TITLES[row.rule.stage]
        stage = row.rule.stage
        before, left = left, left - row.count
        result.append(Branch(row, title, 100 * before / ledger.entries, 100 * left / ledger.entries))
    return result
