# SPDX-License-Identifier: GPL-2.0-or-later
"""Which functions of a kernel can be traced, by whom, and the rule that says no.

One pass over the whole symbol table: for each of its entries and each who may ask (ftrace, a kprobe event, a BPF
fentry program, a live patch) the rule of :mod:`elfsyms.releases.trace_rules` that refuses, or none. Everything is
read off the file: the kernel's own lists (``sites.py``), its types, its labels, the order of its names.

What holds is what the running kernel says once it has started and freed its ``__init`` text. Leaves out what no
file knows: lockdown, what modules have of the same name, other probes in index, and on machines that
:mod:`elfsyms.trace.instructions` does not know whether a first instruction may be probed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from elfsyms.releases.trace_rules import TRACE_RULES, trace_rule
from elfsyms.trace.facts import Facts, with_wholes
from elfsyms.trace.kernel_facts import KernelFacts
from elfsyms.trace.questions import ASKED, common_rules

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from elfsyms.pipeline.kernel import Kernel
    from elfsyms.releases.trace_rules import TraceRule

__all__ = ["CAN", "Traceability", "ask", "filter_functions", "rules_of_record", "traceability"]

CAN = -1
_INVALID = b"__ftrace_invalid_address__"  # FTRACE_INVALID_FUNCTION in kernel/trace/ftrace.c


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
    facts = Facts(KernelFacts(kernel))
    code = np.zeros(len(kernel.symbols), np.bool_)
    code[facts.records.symbol] = facts.code
    return Traceability(code, **{question: ask(facts, question) for question in ASKED})


def rules_of_record(of_kernel: KernelFacts, record: int) -> dict[str, TraceRule | None]:
    """Return what :meth:`Traceability.rules` does, of one record of the table: a quarter of the time of all."""
    which = with_wholes(of_kernel, np.array([record]))
    facts, at = Facts(of_kernel, which), int(which.searchsorted(record))
    found = {question: int(_verdicts(facts, question)[at]) for question in ASKED}
    return {question: None if rule == CAN else TRACE_RULES[rule] for question, rule in found.items()}


def filter_functions(kernel: Kernel) -> list[bytes]:
    """Return the lines of ``available_filter_functions``, without modules, in the order of their addresses.

    Kernels that look up each name (``call_is_near``) show a call of a weak function that was dropped as an invalid
    address, with its distance from the symbol below.
    """
    of_kernel = KernelFacts(kernel)
    facts = Facts(of_kernel)
    indices = facts.address.searchsorted(of_kernel.starts)[of_kernel.call_slot].tolist()
    distances = (of_kernel.calls - of_kernel.starts[of_kernel.call_slot]).tolist()
    return [
        facts.records.name(index) if near else b"%b_%d" % (_INVALID, distance)
        for index, near, distance in zip(indices, of_kernel.call_is_near.tolist(), distances, strict=True)
        if not facts.init[index]
    ]


def ask(facts: Facts, question: str) -> NDArray[np.int16]:
    """Ask one question: the verdict of every entry of the symbol table, as in :class:`Traceability`."""
    of_kernel = facts.of_kernel
    result = np.full(len(of_kernel.kernel.symbols), trace_rule("TR102"), np.int16)
    result[~of_kernel.entry_is_code] = trace_rule("TR101")
    result[facts.records.symbol] = _verdicts(facts, question)
    return result


def _verdicts(facts: Facts, question: str) -> NDArray[np.int16]:
    """Return the verdict of each record."""
    verdict = np.full(len(facts.records), CAN, np.int16)
    for source in (common_rules, ASKED[question]):
        for name, marks in source(facts):
            index = trace_rule(name)
            if TRACE_RULES[index].seen or facts.of_kernel.version in TRACE_RULES[index].when:
                verdict[marks & (verdict == CAN)] = index
    return verdict
