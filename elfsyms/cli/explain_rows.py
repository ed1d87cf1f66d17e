# SPDX-License-Identifier: GPL-2.0-or-later
"""A line a symbol, for ``elfsyms explain`` of many: verdict, address, letter, the rule that dropped it, the name."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from elfsyms.cli.render import columns, name_text
from elfsyms.inspect.explanation import Fate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from elfsyms.cli.render import Line
    from elfsyms.inspect.explanation import Explanation, SymbolFacts
    from elfsyms.pipeline.kernel import Kernel

__all__ = ["rows"]


def rows(kernel: Kernel, answer: Explanation) -> Iterator[Line]:
    """Yield a line a symbol, and their sum."""
    heads = columns([_row(facts, answer) for facts in answer.symbols])
    for head, facts in zip(heads, answer.symbols, strict=True):
        yield [f"{head}  {name_text(facts.name)}{_remark(kernel, facts, answer)}"]
    counts = Counter(facts.fate for facts in answer.symbols)
    parts = (f"{counts[fate]:,} {fate.value}" for fate in Fate if counts[fate])
    yield [f"{len(answer.symbols):,} symbols: {', '.join(parts)}"]


def _row(facts: SymbolFacts, answer: Explanation) -> tuple[str, ...]:
    rule = f"{facts.rule.id} {facts.rule.slug}" if facts.rule else ""
    moved = answer.kaslr if facts.moves else 0
    offset = answer.trace.offset or 0 if answer.trace else 0
    address = f"{facts.value + moved + offset:#x}"
    return facts.fate.value, address, facts.table_letter or facts.letter, rule


def _remark(kernel: Kernel, facts: SymbolFacts, answer: Explanation) -> str:
    """Say in a line's end what shadows a symbol, which of several it is, or that an offset is past its end."""
    place = facts.place
    if place is None:
        return ""
    text = f"  by {name_text(kernel.symbols.name(place.aliases[0]))}" if place.shadowed else ""
    text += f"  sympos {place.sympos}" if len(place.same_name) > 1 else ""
    offset = answer.trace.offset if answer.trace else None
    past = offset is not None and facts.extent is not None and offset >= facts.extent
    return f"{text}  past its end, size {facts.extent:#x}" if past else text
