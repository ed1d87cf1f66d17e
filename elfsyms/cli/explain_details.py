# SPDX-License-Identifier: GPL-2.0-or-later
"""What ``elfsyms explain --verbose`` adds about a symbol: each stage's evidence, and its position in the tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from elfsyms.cli.explain_words import CLASSES, DECIDERS
from elfsyms.cli.render import field, name_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from elfsyms.cli.render import Line
    from elfsyms.inspect.explanation import Encoding, Step, SymbolFacts
    from elfsyms.pipeline.kernel import Kernel

__all__ = ["details"]

_FEW = 8  # aliases


def details(kernel: Kernel, facts: SymbolFacts) -> Iterator[Line]:
    """Yield the entry, what each stage saw of it, and how the tables have it.

    Of a kernel that has its tables alone there is no entry, and no stage left anything to see.
    """
    if kernel.symbols_from == "symtab":
        yield from field("symtab", _entry(facts))
    for step in facts.steps if kernel.symbols_from != "tables" else ():
        if step.reached:
            verdict = "dropped" if step.rule else "kept"
            yield from field(step.stage, _evidence(kernel, facts, step), verdict)
    if facts.map_rule is not None and not kernel.release.map_is_input:
        yield from field("", f"({facts.map_rule.id} {facts.map_rule.slug} keeps it out of System.map only)")
    yield from _tables(kernel, facts)


def _entry(facts: SymbolFacts) -> str:
    return f"#{facts.symbol}  {facts.type} {facts.binding} {facts.section} {facts.value:#x} size {facts.size}"


def _evidence(kernel: Kernel, facts: SymbolFacts, step: Step) -> str:
    """Say what a stage saw."""
    reason = step.rule.reason if step.rule else "no rule matches"
    if step.stage == "nm" and step.rule is None:
        return f"{facts.letter}{CLASSES[facts.kind]}"
    if step.stage == "read":
        limit = kernel.release.name_limit
        return f"{len(facts.name)} bytes{f' of at most {limit}' if limit else ''}; {reason}"
    return _range(kernel, facts, step) if step.stage == "range" else reason


def _range(kernel: Kernel, facts: SymbolFacts, step: Step) -> str:
    if step.rule is not None and step.rule.id != "KS501":
        return step.rule.reason
    ranges = ", ".join(f"{first}..{last}" for first, last in kernel.release.ranges)
    if kernel.options.all_symbols:
        return "kept wherever it lies (--all-symbols)"
    if facts.region is not None:
        return f"in {facts.region[0]}..{facts.region[1]}"
    return f"not in {ranges}" if step.rule else "kept wherever it lies, by its name (__start_, __stop_)"


def _tables(kernel: Kernel, facts: SymbolFacts) -> Iterator[Line]:
    """Tell where a kept symbol stands, how its address is encoded, and what it costs."""
    position = facts.position
    if position is None or facts.encoding is None:
        return
    yield from field(
        "position", f"{position.index + 1:,} of {position.count:,}{_among_aliases(kernel, facts)}"
    )
    yield from field("stored", _encoding(kernel, facts.encoding))
    if facts.token_sequence is None:
        yield from field("bytes", f"at most {facts.cost.total}; --bytes works them out")
        return
    cost = facts.cost
    sequence = f", {cost.sequence} sequence" if cost.sequence else ""
    yield from field("tokens", " ".join(map(name_text, facts.token_sequence.texts)))
    yield from field("bytes", f"{cost.total}: {cost.address} address, {cost.name} name{sequence}")


def _among_aliases(kernel: Kernel, facts: SymbolFacts) -> str:
    """Say which of the aliases at its address it is, and what put the first one there."""
    position = facts.position
    if position is None or len(position.aliases) == 1:
        return ""
    number = f"; alias {position.aliases.index(facts.symbol) + 1} of {len(position.aliases)} at its address"
    if not position.shadowed:
        others = [name_text(kernel.symbols.name(i)) for i in position.aliases[1 : _FEW + 1]]
        more = f", and {len(position.aliases) - 1 - _FEW} more" if len(position.aliases) > _FEW + 1 else ""
        return f"{number}, before {', '.join(others)}{more}"
    first = name_text(kernel.symbols.name(position.aliases[0]))
    return f"{number}: {first} sorts first, {DECIDERS[position.decided_by]}"


def _encoding(kernel: Kernel, encoding: Encoding) -> str:
    """Say how the table has the address, and whether it moves."""
    if encoding.problem:
        return f"none: {encoding.problem}"
    if encoding.form == "base":
        return _from_base(kernel, encoding)
    if encoding.form == "pc-relative":
        return f"_text {encoding.stored:+#x}, stored as the distance from its own entry; moves with KASLR"
    if encoding.moves:
        return f"_text + {encoding.stored:#x}, relocated with it"
    return f"{encoding.stored:#x} as a plain number; stays where it is"


def _from_base(kernel: Kernel, encoding: Encoding) -> str:
    """Say how an offset from the relative base stands in the table."""
    stored = encoding.stored & 0xFFFFFFFF
    if encoding.base is None:
        return f"{stored:#x} as it is: per-CPU, so its letter becomes A; stays with KASLR"
    if kernel.options.absolute_percpu:
        return f"base {encoding.base:#x} + {-encoding.stored - 1:#x}, stored as {stored:#x}; moves with KASLR"
    return f"base {encoding.base:#x} + {stored:#x}; moves with KASLR"
