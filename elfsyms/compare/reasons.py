# SPDX-License-Identifier: GPL-2.0-or-later
"""Why a kernel's tables are not what its symbols, or a text, make one expect: the likely reason, in a sentence.

A list of guesses, each with what it needs to hold, the surest first. What was asked for may be wrong before the
link is: tables of another release or made with another option differ by thousands of symbols, and no further link
helps.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from elfsyms.compare.causes import Cause

if TYPE_CHECKING:
    from collections.abc import Iterable

    from elfsyms.compare.verification import Verification

__all__ = ["likely_reason"]

_FEW = 32  # symbols that may move for reasons of their own


def likely_reason(answer: Verification) -> str:
    """Return the sentence, empty where nothing explains what differs."""
    return next((sentence for holds, sentence in _reasons(answer) if holds), "")


def _reasons(answer: Verification) -> Iterable[tuple[bool, str]]:
    """Return sentences with what each needs to hold, the surest first."""
    odd = answer.missing + answer.extra
    moved = sum(shift.count for shift in answer.moved)
    own = {Cause.LABEL, Cause.VENEER}
    most = answer.expected // 10
    every = "--all-symbols" in answer.options
    return (
        (not answer.found, "the tables are the empty ones of a first link: give the finished kernel"),
        (bool(answer.misfit) and not answer.equal, answer.misfit),
        (
            answer.running and len(answer.missing) > most and not answer.extra,
            f"the text ends early, or is of another kernel: it has {answer.found:,} of {answer.expected:,} symbols",
        ),
        (
            answer.running and len(odd) > most,
            "the text is of another kernel: compare the release with that of /proc/version",
        ),
        (
            not every and len(answer.extra) > most,
            "the tables hold data symbols too, as with --all-symbols",
        ),
        (
            every and len(answer.missing) > most,
            "the tables hold no data symbols, as with --no-all-symbols",
        ),
        (
            bool(odd) and all(symbol.cause in own for symbol in odd),
            "all of these are the link's own: the tables are of an earlier pass; see 'elfsyms diff'",
        ),
        (
            moved > _FEW or any(shift.cause is Cause.TABLES for shift in answer.moved),
            "symbols moved together: the last link moved them after the tables were made; link once more",
        ),
    )
