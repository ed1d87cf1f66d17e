# SPDX-License-Identifier: GPL-2.0-or-later
"""A list of names that a tool relies on, each with its answer: there, or why not and what would help.

A line is a name, or a name behind what the tool does with it: ``kprobe:tcp_v4_rcv``, ``fentry:tcp_v4_rcv``,
``ftrace:schedule``, ``livepatch:schedule``, and by the words of bpftrace and libbpf, ``fexit:vmlinux:schedule`` or
``kretprobe/schedule``. ``#`` begins a remark. A name alone must be in the tables, as ``_text`` must for kexec; with
a question before it, it must be there and one of its symbols be traceable so.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from elfsyms.e_machine import EM_386, EM_X86_64
from elfsyms.errors import InputError
from elfsyms.inspect.symbol_facts import FactsMaker
from elfsyms.trace.questions import ASKED

if TYPE_CHECKING:
    from collections.abc import Iterator

    from elfsyms.inspect.explanation import SymbolFacts
    from elfsyms.pipeline.kernel import Kernel
    from elfsyms.releases.rules import Rule

__all__ = ["Answer", "Need", "answers", "parse_needs"]

# What bpftrace and libbpf say, by what is asked then: kprobe.multi and kprobe.session are made of fprobes.
_WORDS = {
    **{question: question for question in ASKED},
    **dict.fromkeys(("k", "kr", "kretprobe"), "kprobe"),
    **dict.fromkeys(("f", "fr", "fexit", "kfunc", "kretfunc", "fentry.s", "fexit.s"), "fentry"),
    **dict.fromkeys(("fprobe", "kprobe.multi", "kretprobe.multi", "kprobe.session"), "ftrace"),
}
# What bpftrace says of other things than functions, or what more than these four questions decide. libbpf has many
# more such words, all with a slash behind them, which no symbol of a kernel has.
_OTHER_WORD = re.compile(
    r"(raw_?)?tracepoint|t|rt|lsm|fmod_ret|k(ret)?syscall|u(ret)?probe|u|ur|usdt|U|hardware|h|software|s|"
    r"interval|i|profile|p|iter|it|(async)?watchpoint|a?w|self"
)
_LINE = re.compile(r"(?P<word>[a-z_.]+)\s*[:/]\s*(?:vmlinux\s*:\s*)?(?P<name>\S.*)")
# As the kernel and libbpf read an offset, in C's bases: 010 is 8. No function is longer than 64 bits tell, and
# Python makes no number of thousands of digits.
_OFFSET = re.compile(
    r"(?P<name>[^+]+)\+(?:0[xX](?P<hex>[0-9a-fA-F]{1,16})|0(?P<octal>[0-7]{1,21})|(?P<decimal>0|[1-9][0-9]{0,18}))"
)
_BASES = {"hex": 16, "octal": 8, "decimal": 10}
# What x86 lets nobody probe the return of (kretprobe_blacklist in arch/x86/kernel/kprobes/core.c).
_NO_RETURN = "__switch_to"


@dataclass(frozen=True, slots=True)
class Need:
    """One line: a name, and the question that is asked of it, empty for its being in the tables.

    ``offset`` is where in the function a kprobe is wanted, in bytes; ``line`` the text, where it is not just these.
    """

    name: str
    question: str = ""
    offset: int = 0
    line: str = ""

    def __str__(self) -> str:
        """Return the line."""
        return self.line or (f"{self.question}:{self.name}" if self.question else self.name)

    @property
    def word(self) -> str:
        """What stands before the name."""
        return re.split("[:/]", str(self))[0].strip() if self.question else ""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a need gets: ``rule`` (an id and slug) and its ``reason`` and ``fix`` where it is not met.

    ``bytes`` is what keeping the symbol would cost in the tables, 0 where no configuration keeps it. ``known`` is
    False where the file lacks what would tell. ``dropped`` is the symbol that the tables lack, where that is why.
    """

    need: Need
    met: bool
    rule: str = ""
    reason: str = ""
    fix: str = ""
    bytes: int = 0
    known: bool = True
    dropped: SymbolFacts | None = None


def parse_needs(lines: list[str], name: str) -> list[Need]:
    """Read a list of needs, each once; :class:`InputError` for one that has none, by its ``name``."""
    texts = (line.split("#", 1)[0].strip() for line in lines)
    found = list(dict.fromkeys(_parse(text) for text in texts if text))
    if not found:
        raise InputError(f"{name} names no symbol: give one a line, as _text or kprobe:schedule")
    return found


def _parse(text: str) -> Need:
    found = _LINE.fullmatch(text)
    if found is None or found["word"] not in _WORDS:
        return Need(text)
    name, question = found["name"], _WORDS[found["word"]]
    within = _OFFSET.fullmatch(name) if question == "kprobe" else None
    need = Need(name, question) if within is None else Need(within["name"], question, _offset(within))
    return need if str(need) == text else replace(need, line=text)


def _offset(within: re.Match[str]) -> int:
    return next(int(within[base], number) for base, number in _BASES.items() if within[base])


def answers(kernel: Kernel, needs: list[Need]) -> Iterator[Answer]:
    """Yield the answer to each need."""
    maker = FactsMaker(kernel)
    known: dict[tuple[str, str], Answer] = {}  # a list may ask the same of thousands of symbols, line by line
    for need in needs:
        key = need.name, need.question
        if key not in known:
            symbols = kernel.symbols.find(need.name.encode("utf-8", "surrogateescape"))
            known[key] = _answer(need, [maker.facts(symbol) for symbol in symbols])
        answer = replace(known[key], need=need)
        yield _narrowed(answer, kernel.image.abi.machine) if answer.met else answer


def _narrowed(answer: Answer, machine: int) -> Answer:
    """Take back that a need is met where more is wanted than a kprobe at a function's start."""
    need = answer.need
    if need.offset:
        reason = "an instruction must begin at the offset, which no rule here tells"
        return Answer(need, False, "offset", reason, "read the code: objdump -d", known=False)
    if need.word in ("kr", "kretprobe") and need.name == _NO_RETURN and machine in (EM_386, EM_X86_64):
        reason = "its return is not probed: the kernel's kretprobe_blacklist"
        return Answer(need, False, "kretprobe", reason, "put a kprobe at its start")
    return answer


def _answer(need: Need, found: list[SymbolFacts]) -> Answer:
    kept = [facts for facts in found if facts.rule is None]
    if not found:
        return _absent(need)
    if not kept and found[0].rule is not None:
        return _dropped(need, found[0], found[0].rule)
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
    word = re.split("[:/]", need.name)[0].strip()
    if set(need.name) & set(" \t,"):
        return Answer(
            need, False, "words", "several words, where a need is one name", "ask as kprobe:NAME, one a line"
        )
    if "/" in need.name or (colon and _OTHER_WORD.fullmatch(word)):
        reason = f"{word} is no question that a symbol table answers"
        return Answer(need, False, "kind", reason, "ask the running kernel", known=False)
    if colon:
        reason = f"a symbol of module {module}, whose names are not in a kernel's file"
        fix = f"ask its own file: elfsyms explain {module}.ko {name}"
        return Answer(need, False, "module", reason, fix, known=False)
    if set("*?[") & set(need.name):
        fix = "name each: elfsyms list --filter shows what a pattern matches"
        return Answer(need, False, "pattern", "a pattern, where a need is one name", fix)
    reason = "no symbol of this name is in the file"
    return Answer(need, False, "absent", reason, "see what is near: elfsyms explain")


def _dropped(need: Need, facts: SymbolFacts, rule: Rule) -> Answer:
    cost = facts.cost.total if rule.stage == "range" else 0
    return Answer(need, False, f"{rule.id} {rule.slug}", rule.reason, rule.fix, cost, dropped=facts)
