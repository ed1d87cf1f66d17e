# SPDX-License-Identifier: GPL-2.0-or-later
"""Which functions of a kernel can be traced, by whom, and the rule that says no.

One pass over the whole symbol table: for each of its entries and each who may ask (ftrace, a kprobe event, a BPF
fentry program, a live patch) the rule of :mod:`elfsyms.releases.trace_rules` that refuses, or none. Everything is
read off the file: the kernel's own lists (``sites.py``), its types, its labels, the order of its names.

What holds is what the running kernel says once it has started and freed its ``__init`` text. Leaves out what no
file knows: lockdown, what modules have of the same name, other probes in index, and on machines other than x86 and
arm64 whether a first instruction may be probed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from elfsyms.releases.trace_rules import TRACE_RULES, trace_rule
from elfsyms.trace.facts import Facts
from elfsyms.trace.questions import ASKED, common_rules

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from elfsyms.pipeline.kernel import Kernel
    from elfsyms.releases.trace_rules import TraceRule

__all__ = ["CAN", "Traceability", "ask", "filter_functions", "traceability"]

CAN = -1


@dataclass(frozen=True, slots=True, eq=False)
class Traceability:
    """The verdict about every entry of ``.symtab``: indices in :data:`TRACE_RULES`, or :data:`CAN` (int16).

    ``code`` (bool) marks what is in the tables and lies in code: the rest is no function to anybody.
    """

    code: NDArray[np.bool_]
    ftrace: NDArray[np.int16]
    kprobe: NDArray[np.int16]
    fentry: NDArray[np.int16]
    livepatch: NDArray[np.int16]

    def column(self, question: str) -> NDArray[np.int16]:
        """Return the verdicts of one who asks: ``ftrace``, ``kprobe``, ``fentry`` or ``livepatch``."""
        found: NDArray[np.int16] = getattr(self, question)
        return found

    def rules(self, symbol: int) -> dict[str, TraceRule | None]:
        """Return the rule that refuses one entry by who asks, None where it can be done."""
        indices = {question: int(self.column(question)[symbol]) for question in ASKED}
        return {question: None if at == CAN else TRACE_RULES[at] for question, at in indices.items()}


def traceability(kernel: Kernel) -> Traceability:
    """Return what can be traced in a kernel, for every entry of its symbol table."""
    facts = Facts(kernel)
    code = np.zeros(len(kernel.symbols), np.bool_)
    code[facts.records.symbol] = facts.code
    return Traceability(code, **{question: ask(facts, question) for question in ASKED})


def filter_functions(kernel: Kernel) -> list[bytes]:
    """Return the lines of ``available_filter_functions``, without modules, in the order of their addresses."""
    facts = Facts(kernel)
    first = facts.address.searchsorted(facts.starts)
    indices = first[facts.call_slot[facts.call_is_near]]
    return [facts.records.name(index) for index in indices[~facts.init[indices]].tolist()]


def ask(facts: Facts, question: str) -> NDArray[np.int16]:
    """Ask one question: the verdict of every entry of the symbol table, as in :class:`Traceability`."""
    verdict = np.full(len(facts.records), CAN, np.int16)
    for source in (common_rules, ASKED[question]):
        for name, marks in source(facts):
            index = trace_rule(name)
            if TRACE_RULES[index].seen or facts.version in TRACE_RULES[index].when:
                verdict[marks & (verdict == CAN)] = index
    result = np.full(len(facts.kernel.symbols), trace_rule("TR102"), np.int16)
    result[~facts.entry_is_code] = trace_rule("TR101")
    result[facts.records.symbol] = verdict
    return result
