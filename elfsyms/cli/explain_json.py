# SPDX-License-Identifier: GPL-2.0-or-later
"""``elfsyms explain --json`` (schema ``elfsyms.explain/2``): everything about every symbol asked for.

The symbols' fields are those of :data:`elfsyms.inspect.columns.EXPLAIN_COLUMNS`; ``--bytes`` adds the tokens. An
answer about a whole kernel is printed while it is made.
"""

from __future__ import annotations

import json
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np

from elfsyms.cli.column_text import joined, json_lines
from elfsyms.cli.explain_source import source_json
from elfsyms.cli.render import name_text
from elfsyms.inspect.columns import EXPLAIN_COLUMNS
from elfsyms.inspect.lazy import entries_of_answer
from elfsyms.inspect.rows import Rows
from elfsyms.inspect.symbol_facts import stages_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from elfsyms.inspect.explain import Explainer
    from elfsyms.inspect.explanation import Explanation, SymbolFacts, TraceAddress

__all__ = ["text"]

SCHEMA = "elfsyms.explain/2"
_PIECE = 1 << 16  # bytes that are printed at once


def text(explainer: Explainer, answers: Sequence[Explanation], *, tokens: bool = False) -> Iterator[bytes]:
    """Yield the object piece by piece."""
    kernel = explainer.kernel
    head = {
        "schema": SCHEMA,
        "file": str(kernel.image.path),
        "release": kernel.release.name,
        "options": list(kernel.options.given()),
        "kaslr": f"{explainer.kaslr:#x}",
        "stages": stages_of(kernel),
    }
    yield (json.dumps(head, indent=2)[:-2] + ',\n  "answers": [\n').encode()
    rows = Rows.with_names(kernel, explainer.kaslr)
    found = [entries_of_answer(answer.symbols) for answer in answers]
    every = rows.entries.rows_of(np.concatenate(found))
    lines = json_lines(EXPLAIN_COLUMNS, rows, every, indent="      ")
    for number, answer in enumerate(answers):
        pieces = _answer(answer, joined(lines, len(found[number])), tokens=tokens)
        yield from _whole(chain([b",\n" if number else b""], pieces))
    yield b"\n  ]\n}\n"


def _whole(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Put small pieces together."""
    waiting: list[bytes] = []
    size = 0
    for piece in pieces:
        waiting.append(piece)
        size += len(piece)
        if size > _PIECE:
            yield b"".join(waiting)
            waiting, size = [], 0
    yield b"".join(waiting)


def _answer(answer: Explanation, lines: Iterator[bytes], *, tokens: bool) -> Iterator[bytes]:
    """Yield one answer: what belongs to the question, then a line a symbol."""
    head = json.dumps(_head(answer))[:-1]
    yield f'    {head}, "symbols": ['.encode()
    if len(answer.symbols):
        yield b"\n"
        yield from lines
        yield b"\n    "
    yield b"]"
    if tokens:
        yield f', "tokens": {json.dumps([_tokens(facts) for facts in answer.symbols])}'.encode()
    yield b"}"


def _head(answer: Explanation) -> dict[str, Any]:
    return {
        "what": answer.what,
        "verdict": answer.fate.value,
        "address": None if answer.address is None else f"{answer.address:#x}",
        "looks_moved": answer.looks_moved,
        "lookup": answer.lookup
        and {"name": name_text(answer.lookup.name), "offset": f"{answer.lookup.offset:#x}"},
        "trace": answer.trace and _trace(answer.trace),
        "gap": answer.gap
        and {
            "kind": answer.gap.kind,
            "before": name_text(answer.gap.before),
            "size": answer.gap.size,
            "past": answer.gap.past,
            "after": name_text(answer.gap.after) or None,
        },
        "source": source_json(answer.source),
        "near": [
            {"name": name_text(n.name), "why": n.why, "rule": n.rule.id if n.rule else None}
            for n in answer.near
        ],
    }


def _trace(trace: TraceAddress) -> dict[str, Any]:
    return {
        "name": name_text(trace.name),
        "offset": trace.offset,
        "size": trace.size,
        "module": trace.module or None,
        "sizes": list(trace.sizes),
        "fits": trace.fits,
        "address": None if trace.address is None else f"{trace.address:#x}",
        "shift": None if trace.shift is None else f"{trace.shift:#x}",
    }


def _tokens(facts: SymbolFacts) -> dict[str, Any]:
    """Return the token sequence of one symbol in the tables."""
    sequence = facts.token_sequence
    return {
        "entry": facts.symbol,
        "tokens": [name_text(token) for token in sequence.texts] if sequence else None,
        "codes": sequence.codes.hex() if sequence else None,
        "bytes": facts.cost.total,
        "exact": facts.cost.exact,
    }
