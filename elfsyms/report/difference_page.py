# SPDX-License-Identifier: GPL-2.0-or-later
"""``elfsyms report A B``: the facts of the page about what changed between two kernels."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np

from elfsyms.compare.diff import diff
from elfsyms.decode.opening import open_kernel
from elfsyms.releases.trace_rules import TRACE_RULES, trace_rule
from elfsyms.report.changes import CHANGES, LABELS, changed_symbols, named_symbols
from elfsyms.report.encode import joined_names, pack
from elfsyms.report.kernel_page import kernel_title
from elfsyms.report.render import render
from elfsyms.report.tracing import trace_words
from elfsyms.report.words import escaped

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from elfsyms.compare.difference import Difference
    from elfsyms.detect.request import Request
    from elfsyms.report.changes import Changed, NamedSymbols

__all__ = ["difference_page"]

_SHOWN = 15
_PADDING = (b"__pfx_", b"__cfi_")  # symbols before functions, of which nobody traces any


def difference_page(a: Path, b: Path, request: Request) -> str:
    """Return the page about two kernels, as HTML."""
    with open_kernel(a, request) as first, open_kernel(b, request) as second:
        answer = diff(first, second, mode="kernels")
        old, new = named_symbols(first), named_symbols(second)
        titles = [kernel_title(first), kernel_title(second)]
        files = [first.image.path.name, second.image.path.name]
        counts = [len(kernel.verdicts.kept) for kernel in (first, second)]
    rows = changed_symbols(answer, old, new)
    return render(
        "difference.html",
        _packed(rows),
        _data(rows),
        title=f"{titles[0]} → {titles[1]}",
        files=files,
        counts=counts,
        code=[_code_bytes(old), _code_bytes(new)],
        summary=Counter(row.change for row in rows),
        meanings=CHANGES,
        labels=LABELS,
        lost=_lost(rows),
        kinds=Counter(rename.kinds for rename in answer.renamed).most_common(_SHOWN),
        ambiguous=_ambiguous(answer),
        untraceable=[row for row in rows if row.lost_to_ftrace and row.change != "renamed"],
        reasons={rule.id: rule.reason for rule in TRACE_RULES},
        grown=[row for row in rows if row.change == "grown" and row.function][:_SHOWN],
        shrunk=[row for row in rows if row.change == "shrunk" and row.function][:_SHOWN],
        shown=_SHOWN,
        escaped=escaped,
    )


def _packed(rows: Sequence[Changed]) -> Any:
    names = [row.name for row in rows]
    size = np.array([len(name) for name in names], np.int64)
    indices = list(CHANGES)
    columns: dict[str, NDArray[Any]] = {
        "change": np.array([indices.index(row.change) for row in rows], np.int64),
        "old_letter": np.array([ord(row.old.letter) if row.old else 0 for row in rows], np.int64),
        "new_letter": np.array([ord(row.new.letter) if row.new else 0 for row in rows], np.int64),
        "old_size": _clipped([row.old.size if row.old else 0 for row in rows]),
        "new_size": _clipped([row.new.size if row.new else 0 for row in rows]),
        "grown": _clipped([row.grown for row in rows]),
        "function": np.array([row.function for row in rows], np.bool_),
        "traced": np.array([row.lost_to_ftrace + 2 * row.gained_by_ftrace for row in rows], np.int64),
        "old_refused": np.array([_refused(row.old) for row in rows], np.int64),
        "new_refused": np.array([_refused(row.new) for row in rows], np.int64),
    }
    return pack(columns, joined_names(b"".join(names), np.cumsum(size) - size, size))


def _refused(side: NamedSymbols | None) -> int:
    """Return the index of the rule by which ftrace refuses; -1 where it does not, -2 where that is not known."""
    if side is None or side.refused == "":
        return -1
    return -2 if side.refused is None else trace_rule(side.refused)


def _clipped(sizes: Sequence[int]) -> NDArray[np.int64]:
    """Return sizes that 32 bits hold: what claims more than 2 GiB is a linker script's doing."""
    limit = (1 << 31) - 1
    return np.array([max(-limit, min(limit, size)) for size in sizes], np.int64)


def _data(rows: Sequence[Changed]) -> dict[str, Any]:
    changes = Counter(row.change for row in rows)
    functions = Counter(int(row.function) for row in rows)
    traced = Counter(row.lost_to_ftrace + 2 * row.gained_by_ftrace for row in rows)
    return {
        "kind": "difference",
        "filters": [
            _filter(
                "change", "Change", [(n, LABELS.get(n, n), i, changes[n]) for i, n in enumerate(CHANGES)]
            ),
            _filter(
                "function", "Kind", [(w, w, v, functions[v]) for w, v in (("function", 1), ("other", 0))]
            ),
            _filter("traced", "ftrace", [(w, w, v, traced[v]) for w, v in (("lost", 1), ("gained", 2))]),
        ],
        "words": {
            **trace_words(),
            "changes": list(CHANGES),
            "labels": LABELS,
            "meanings": CHANGES,
            "renamed": {str(i): escaped(r.old_name) for i, r in enumerate(rows) if r.change == "renamed"},
        },
    }


def _filter(column: str, label: str, choices: list[tuple[str, str, int, int]]) -> dict[str, Any]:
    """Return what the list may be narrowed by: key, label, value and count of each choice that is there."""
    rows = [{"key": k, "label": text, "values": [v], "count": n} for k, text, v, n in choices if n]
    return {"column": column, "label": label, "choices": rows}


def _code_bytes(symbols: dict[bytes, NamedSymbols]) -> int:
    return sum(one.size for one in symbols.values() if one.function)


def _lost(rows: Sequence[Changed]) -> list[Changed]:
    """Return the functions that a probe by the old name does not find, the largest first; padding left out."""
    gone = [row for row in rows if row.change in {"removed", "renamed"} and row.function]
    gone = [row for row in gone if not row.old_name.startswith(_PADDING)]
    return sorted(gone, key=lambda row: -(row.old.size if row.old else 0))


def _ambiguous(answer: Difference) -> list[bytes]:
    return [name for name in answer.ambiguous if not name.startswith(_PADDING)]
