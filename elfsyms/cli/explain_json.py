# SPDX-License-Identifier: GPL-2.0-or-later
"""``elfsyms explain --json``: everything about every symbol asked for (schema ``elfsyms.explain/1``)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from elfsyms.cli.render import name_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from elfsyms.inspect.explanation import Encoding, Explanation, SymbolFacts
    from elfsyms.pipeline.kernel import Kernel

__all__ = ["facts"]


def facts(kernel: Kernel, answers: Sequence[Explanation]) -> dict[str, Any]:
    """Return answers as JSON has them."""
    return {
        "file": str(kernel.image.path),
        "release": kernel.release.name,
        "options": list(kernel.options.given()),
        "answers": [_answer_facts(kernel, answer) for answer in answers],
    }


def _answer_facts(kernel: Kernel, answer: Explanation) -> dict[str, Any]:
    body: dict[str, Any] = {"what": answer.what, "verdict": answer.fate.value}
    if answer.address is not None:
        body["address"] = f"{answer.address:#x}"
    if answer.lookup is not None:
        body["lookup"] = {"name": name_text(answer.lookup.name), "offset": f"{answer.lookup.offset:#x}"}
    body["symbols"] = [_symbol_facts(kernel, symbol) for symbol in answer.symbols]
    body["near"] = [
        {"name": name_text(n.name), "why": n.why, "rule": n.rule.id if n.rule else None} for n in answer.near
    ]
    return body


def _symbol_facts(kernel: Kernel, facts: SymbolFacts) -> dict[str, Any]:
    return {
        "name": name_text(facts.name),
        "verdict": facts.fate.value,
        "rule": facts.rule.id if facts.rule else None,
        "slug": facts.rule.slug if facts.rule else None,
        "reason": facts.rule.reason if facts.rule else None,
        "cure": facts.rule.cure if facts.rule else None,
        "next_rule": facts.next_rule.id if facts.next_rule else None,
        "system_map_rule": facts.map_rule.id if facts.map_rule else None,
        "entry": facts.symbol,
        "address": f"{facts.value:#x}",
        "size": facts.size,
        "binding": facts.binding,
        "type": facts.type,
        "section": facts.section,
        "class": facts.kind.name.lower(),
        "nm_letter": facts.letter,
        "letter": facts.table_letter or None,
        "range": list(facts.region) if facts.region else None,
        "steps": [
            {"stage": s.stage, "reached": s.reached, "rule": s.rule.id if s.rule else None}
            for s in facts.steps
        ],
        "place": _place_facts(kernel, facts),
        "encoding": _encoding_facts(facts.encoding),
        "tokens": [name_text(text) for text in facts.spelling.texts] if facts.spelling else None,
        "codes": facts.spelling.codes.hex() if facts.spelling else None,
        "bytes": facts.cost.total,
        "bytes_exact": facts.cost.exact,
    }


def _place_facts(kernel: Kernel, facts: SymbolFacts) -> dict[str, Any] | None:
    place = facts.place
    if place is None:
        return None
    return {
        "index": place.index,
        "of": place.count,
        "aliases": [name_text(kernel.symbols.name(i)) for i in place.aliases],
        "decided_by": place.decided_by or None,
        "sympos": place.sympos,
        "namesakes": len(place.namesakes),
    }


def _encoding_facts(encoding: Encoding | None) -> dict[str, Any] | None:
    if encoding is None:
        return None
    return {
        "form": encoding.form,
        "stored": encoding.stored,
        "base": None if encoding.base is None else f"{encoding.base:#x}",
        "moves": encoding.moves,
        "percpu": encoding.percpu,
        "problem": encoding.problem or None,
    }
