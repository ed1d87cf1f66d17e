# SPDX-License-Identifier: GPL-2.0-or-later
"""The names that a page's script needs beside the numbers: sections, rules, kinds of symbols, as JSON values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from elfsyms.inspect.aliases import DECIDERS
from elfsyms.inspect.symbol_facts import BINDINGS, TYPES, stages_of
from elfsyms.pipeline.filters import KEPT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from elfsyms.inspect.entries import Entries
    from elfsyms.pipeline.kernel import Kernel
    from elfsyms.releases.rules import Rule

__all__ = ["escaped", "kernel_words"]


def escaped(name: bytes) -> str:
    """Return a name as text; bytes that are no UTF-8 are escaped."""
    return name.decode("utf-8", "backslashreplace")


def kernel_words(kernel: Kernel, entries: Entries, sections: Sequence[str]) -> dict[str, Any]:
    """Return what the script explains symbols with."""
    release = kernel.release
    return {
        "bits": kernel.image.abi.bits,
        "sections": list(sections),
        "bindings": {str(k): v for k, v in BINDINGS.items()},
        "types": {str(k): v for k, v in TYPES.items()},
        "deciders": list(DECIDERS["full"]),
        "rules": _rules(kernel, entries),
        "stages": stages_of(kernel),
        "map_is_input": release.map_is_input,
        "name_limit": release.name_limit,
        "all_symbols": kernel.options.all_symbols,
        "absolute_percpu": kernel.options.absolute_percpu,
        "ranges": [
            [*names, *map(hex, bounds)]
            for names, bounds in zip(release.ranges, kernel.verdicts.boundaries.ranges, strict=True)
        ],
        "form": entries.addresses.form if entries.addresses else "",
        "base": hex(kernel.verdicts.boundaries.text + entries.addresses.base) if entries.addresses else "0x0",
        "problem": entries.problem,
        "kept": int((entries.index >= 0).sum()),
    }


def _rules(kernel: Kernel, entries: Entries) -> dict[str, Any]:
    """Return the rules that dropped something, from the tables or from System.map, by their index."""
    used = {int(i) for i in np.union1d(entries.rule, entries.map_rule).tolist() if i != KEPT}
    rules = kernel.release.book.rules
    return {str(i): _rule(rules[i], int((entries.rule == i).sum())) for i in sorted(used)}


def _rule(rule: Rule, count: int) -> dict[str, Any]:
    return {
        "id": rule.id,
        "slug": rule.slug,
        "stage": rule.stage,
        "reason": rule.reason,
        "fix": rule.fix,
        "count": count,
    }
