# SPDX-License-Identifier: GPL-2.0-or-later
"""Who can trace what, for the page: a column for each question, and how many symbols each rule refuses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from elfsyms.errors import InputError
from elfsyms.releases.trace_rules import TRACE_RULES
from elfsyms.trace.traceability import CAN, traceability

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from elfsyms.inspect.entries import Entries
    from elfsyms.pipeline.kernel import Kernel

__all__ = ["QUESTIONS", "Question", "Tracing", "trace_choices", "trace_words", "tracing"]

# The columns, and what the page calls those who ask.
QUESTIONS = {
    "ftrace": "ftrace, fprobe",
    "kprobe": "kprobe events",
    "fentry": "BPF fentry",
    "livepatch": "live patch",
}


@dataclass(frozen=True, slots=True)
class Question:
    """How one question was answered for the code in the tables: how often yes, and each no by its rule's id."""

    name: str
    title: str
    can: int
    cannot: tuple[tuple[str, str, int], ...]  # id, reason, count


@dataclass(frozen=True, slots=True, eq=False)
class Tracing:
    """The answers by column (int16 a row of the entries: an index in ``TRACE_RULES``, or ``CAN``), and in sum.

    ``code`` counts the symbols of the tables that are code: only they are counted in the sums. ``problem`` is the
    sentence for which nothing could be told, if any: what is asked of is damaged. There are no columns then.
    """

    columns: dict[str, NDArray[np.int16]]
    questions: tuple[Question, ...]
    code: int
    problem: str = ""


def tracing(kernel: Kernel, entries: Entries) -> Tracing:
    """Ask of every entry who can trace it."""
    try:
        answers = traceability(kernel)
    except InputError as error:
        return Tracing({}, (), 0, str(error))
    columns = {name: getattr(answers, name)[entries.symbol] for name in QUESTIONS}
    code = answers.code[entries.symbol]
    questions = (_question(name, columns[name][code]) for name in QUESTIONS)
    return Tracing(columns, tuple(questions), int(code.sum()))


def _question(name: str, answers: NDArray[np.int16]) -> Question:
    counts = np.bincount(answers[answers != CAN], minlength=len(TRACE_RULES)).tolist()
    cannot = [(TRACE_RULES[i].id, TRACE_RULES[i].reason, n) for i, n in enumerate(counts) if n]
    return Question(
        name,
        QUESTIONS[name],
        int((answers == CAN).sum()),
        tuple(sorted(cannot, key=lambda one: -one[2])),
    )


def trace_words() -> dict[str, Any]:
    """Return the rules and those who ask, for the page's script."""
    rules = [
        {"id": r.id, "slug": r.slug, "reason": r.reason, "fix": r.fix, "known": r.known} for r in TRACE_RULES
    ]
    return {"trace_rules": rules, "trace_questions": QUESTIONS}


def trace_choices(answers: NDArray[np.int16]) -> list[tuple[str, str, list[int]]]:
    """Return what the list may be filtered by: traceable, not, and by which of ftrace's rules."""
    used = sorted({int(i) for i in np.unique(answers).tolist() if i != CAN})
    rules = [(TRACE_RULES[i].id, f"{_word(i)}: {TRACE_RULES[i].id} {TRACE_RULES[i].slug}", [i]) for i in used]
    refused = [i for i in used if TRACE_RULES[i].known]
    return [("yes", "by ftrace", [CAN]), ("no", "not by ftrace", refused), *rules]


def _word(index: int) -> str:
    return "no" if TRACE_RULES[index].known else "not known"
