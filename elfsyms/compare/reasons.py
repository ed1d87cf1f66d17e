# SPDX-License-Identifier: GPL-2.0-or-later
"""Why a kernel's tables are not what its symbols, or a text, make one expect: the reason, in a sentence.

A list of reasons, each with the proof that it needs, the surest first; where none is proven, nothing is said. What
was asked for may be wrong before the link is: tables of another release or made with another option differ by
thousands of symbols, and no further link helps.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from elfsyms.compare.causes import Cause
from elfsyms.image.records import CODE_LETTERS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from elfsyms.compare.verification import Unmatched, Verification

__all__ = ["likely_reason"]

_OTHER_ADDRESSES = (
    "names and letters agree: either the link moved symbols after the tables were made (link once more), or the "
    "tables were changed after the link"
)


def likely_reason(answer: Verification) -> str:
    """Return the sentence, empty where nothing explains what differs."""
    return next((sentence for holds, sentence in _reasons(answer) if holds), "")


def _reasons(answer: Verification) -> Iterable[tuple[bool, str]]:
    """Return sentences with what each needs to hold, the surest first."""
    unmatched = answer.missing + answer.extra
    own = {Cause.LABEL, Cause.VENEER}
    relation = answer.relation
    return (
        (bool(answer.mismatch) and not answer.equal, answer.mismatch),
        (not answer.found, "the tables are the empty ones of a first link: give the finished kernel"),
        (
            answer.running and relation is None,
            f"the text ends early: it has the first {answer.found:,} of {answer.expected:,} symbols",
        ),
        (
            relation is not None and relation.kind in ("build", "release"),
            f"the text is of {relation.sentence}" if relation else "",
        ),
        (
            not answer.missing and _data_alone(answer.extra),
            "the tables hold data symbols too, as with --all-symbols",
        ),
        (
            not (answer.extra or answer.has_data) and _data_alone(answer.missing),
            "the tables hold no data symbols, as with --no-all-symbols",
        ),
        (
            bool(unmatched) and all(symbol.cause in own for symbol in unmatched),
            "all of these are the link's own: the tables are of an earlier pass; see 'elfsyms diff'",
        ),
        (
            bool(answer.moved) and not (answer.running or unmatched or answer.retyped or answer.faults),
            _OTHER_ADDRESSES,
        ),
    )


def _data_alone(symbols: Sequence[Unmatched]) -> bool:
    """Tell whether there are such symbols, and none of them is of the text."""
    return bool(symbols) and all(symbol.letter not in CODE_LETTERS for symbol in symbols)
