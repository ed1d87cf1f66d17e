# SPDX-License-Identifier: GPL-2.0-or-later
"""A list of names that a tool relies on, each with its answer: there, or why not and what would help.

A line is a name, or a name behind what the tool does with it: ``kprobe:tcp_v4_rcv``, ``fentry:tcp_v4_rcv``,
``ftrace:schedule``, ``livepatch:schedule``. ``#`` begins a remark. A name alone must be in the tables, as ``_text``
must for kexec; with a question before it, it must be there and one of its symbols be traceable so.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from elfsyms.errors import InputError
from elfsyms.inspect.symbol_facts import FactsMaker
from elfsyms.trace.questions import ASKED

if TYPE_CHECKING:
    from collections.abc import Iterator

    from elfsyms.inspect.explanation import SymbolFacts
    from elfsyms.pipeline.kernel import Kernel

__all__ = ["Answer", "Need", "answers", "parse_needs"]


@dataclass(frozen=True, slots=True)
class Need:
    """One line: a name, and the question that is asked of it, empty for its being in the tables."""

    name: str
    question: str = ""

    def __str__(self) -> str:
        """Return the line."""
        return f"{self.question}:{self.name}" if self.question else self.name


@dataclass(frozen=True, slots=True)
class Answer:
    """What a need gets: ``rule`` (an id and slug) and its ``reason`` and ``fix`` where it is not met.

    ``bytes`` is what keeping the symbol would cost in the tables, 0 where that is not the question. ``known`` is
    False where the file lacks what would tell.
    """

    need: Need
    met: bool
    rule: str = ""
    reason: str = ""
    fix: str = ""
    bytes: int = 0
    known: bool = True


def parse_needs(lines: list[str], name: str) -> list[Need]:
    """Read a list of needs, each once; :class:`InputError` for one that has none, by its ``name``."""
    texts = (line.split("#", 1)[0].strip() for line in lines)
    found = list(dict.fromkeys(_parse(text) for text in texts if text))
    if not found:
        raise InputError(f"{name} names no symbol: give one a line, as _text or kprobe:schedule")
    return found


def _parse(text: str) -> Need:
    question, colon, name = text.partition(":")
    return Need(name.strip(), question) if colon and question in ASKED else Need(text)


def answers(kernel: Kernel, needs: list[Need]) -> Iterator[Answer]:
    """Yield the answer to each need."""
    maker = FactsMaker(kernel)
    for need in needs:
        symbols = kernel.symbols.find(need.name.encode("utf-8", "surrogateescape"))
        yield _answer(need, [maker.facts(symbol) for symbol in symbols])


def _answer(need: Need, found: list[SymbolFacts]) -> Answer:
    kept = [facts for facts in found if facts.rule is None]
    if not found:
        return _absent(need)
    if not kept:
        return _dropped(need, found[0])
    if not need.question:
        return Answer(need, True)
    refusals = [facts.traced.get(need.question) for facts in kept if facts.traced]
    if not refusals:
        return Answer(need, False, "TR101 not-code", "it is no function", "watch its address")
    rule = None if None in refusals else refusals[0]
    return (
        Answer(need, True)
        if rule is None
        else Answer(need, False, f"{rule.id} {rule.slug}", rule.reason, rule.fix, known=rule.known)
    )


def _absent(need: Need) -> Answer:
    """Say that the file has no such name, or that it cannot have it: one of a module, or a pattern."""
    module, colon, name = need.name.partition(":")
    if colon:
        reason = f"a symbol of module {module}, whose names are not in a kernel's file"
        return Answer(
            need,
            False,
            "module",
            reason,
            f"ask its own file: elfsyms explain {module}.ko {name}",
            known=False,
        )
    if set("*?[") & set(need.name):
        fix = "name each: elfsyms list --filter shows what a pattern matches"
        return Answer(need, False, "pattern", "a pattern, where a need is one name", fix)
    reason = "no symbol of this name is in the file"
    return Answer(need, False, "absent", reason, "see what is near: elfsyms explain")


def _dropped(need: Need, facts: SymbolFacts) -> Answer:
    rule = facts.rule
    if rule is None:  # only what is dropped comes here
        return Answer(need, True)
    return Answer(need, False, f"{rule.id} {rule.slug}", rule.reason, rule.fix, facts.cost.total)
