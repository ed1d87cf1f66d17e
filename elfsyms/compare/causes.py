# SPDX-License-Identifier: GPL-2.0-or-later
"""Why symbols differ between two link passes: a few causes, each told by what can be seen.

Between two passes only the tables and what the linker makes of itself change; everything else follows from
that. A symbol that was added or removed is a veneer or thunk by its name (the patterns are those of the drop rules,
whatever release they are of), a label of the tables, or one at a range's edge, which a range rule drops on
one side only. A shift begins where a size changed: at the tables, at a veneer, at padding before something
aligned, or, failing these, at code or data that has no such excuse.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

import numpy as np

from elfsyms.releases.matchers import Exact, Names
from elfsyms.releases.rules import RULES, TABLE_LABELS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from elfsyms.image.records import Records
    from elfsyms.releases.matchers import Matcher

__all__ = ["Cause", "absorbed", "mark_edges", "mark_labels", "mark_veneers", "name_causes"]


class Cause(Enum):
    """A cause; the value is what people read."""

    VENEER = "linker veneer or thunk"
    LABEL = "label of the tables themselves"
    EDGE = "at a range's edge"
    TABLES = "the tables changed size"
    ALIGNMENT = "alignment behind what changed"
    SYMBOL = "symbols were added or removed here"
    GROWTH = "code or data changed size"
    OTHER = "in one input only"


# Slugs of the rules that drop what the linker makes as it goes.
_VENEER_SLUGS = {
    "map-thunk",
    "map-from-arm",
    "map-from-thumb",
    "map-veneer",
    "map-long-branch",
    "map-plt-branch",
    "thunk",
    "veneer",
    "ppc-stub",
}
_VENEERS = tuple(rule.matcher for rule in RULES if rule.slug in _VENEER_SLUGS and rule.matcher)

_EDGES = tuple(Exact(name) for name in (b"_stext", b"_etext", b"_sinittext", b"_einittext"))


def mark_veneers(records: Records) -> NDArray[np.bool_]:
    """Mark the records whose names are those of veneers, thunks or branch stubs."""
    return _any(records, _VENEERS)


def mark_labels(records: Records) -> NDArray[np.bool_]:
    """Mark the labels of the tables themselves."""
    return _any(records, TABLE_LABELS)


def mark_edges(records: Records) -> NDArray[np.bool_]:
    """Mark the symbols at the edges of the text ranges."""
    return _any(records, _EDGES)


def _any(records: Records, matchers: Iterable[Matcher]) -> NDArray[np.bool_]:
    marks = np.zeros(len(records), np.bool_)
    if not len(records):
        return marks
    names = Names(records)
    for matcher in matchers:
        marks |= matcher.marks(names)
    return marks


def name_causes(records: Records, edge: NDArray[np.bool_]) -> list[Cause]:
    """Return the cause of each record that is on one side only; ``edge`` marks what a range rule decided."""
    veneer, label = mark_veneers(records), mark_labels(records)
    marks = zip(veneer.tolist(), label.tolist(), edge.tolist(), strict=True)
    return [
        Cause.VENEER if v else Cause.LABEL if own else Cause.EDGE if e else Cause.OTHER for v, own, e in marks
    ]


def absorbed(before: int, after: int, step: int) -> bool:
    """Tell whether padding explains a step: both addresses are aligned to more than it.

    >>> absorbed(0x82000000, 0x82000000, -0x40), absorbed(0x1010, 0x1020, 0x10)
    (True, False)
    """
    both = before | after
    return 0 < abs(step) < (both & -both)
