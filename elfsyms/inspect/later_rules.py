# SPDX-License-Identifier: GPL-2.0-or-later
"""What else would drop symbols that lie outside the kept ranges, once ``--all-symbols`` takes the ranges away."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from elfsyms.image.records import Records
from elfsyms.releases.matchers import Names

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from elfsyms.pipeline.kernel import Kernel

__all__ = ["NO_RULE", "later_rules"]

NO_RULE = -1


def later_rules(kernel: Kernel, symbols: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return for each entry the index in the rule book of what would drop it next, -1 for nothing.

    Only what a range drops can meet another rule: the other stages come before it or go by the same names.
    """
    book = kernel.release.book
    found = np.full(len(symbols), NO_RULE, np.int64)
    rules = kernel.verdicts.rule[symbols]
    in_range = [index for index, rule in enumerate(book.rules) if rule.stage == "range"]
    asked = np.flatnonzero(np.isin(rules, in_range))
    if not len(asked) or not book.of("valid"):
        return found
    plain = _records(kernel, symbols[asked])
    names, bare = Names(plain), Names(plain, kernel.options.symbol_prefix)
    for index in reversed(book.of("valid")):
        rule = book.rules[index]
        if rule.matcher:
            found[asked[rule.matcher.marks(bare if rule.stripped else names)]] = index
    return found


def _records(kernel: Kernel, symbols: NDArray[np.int64]) -> Records:
    table = kernel.symbols
    return Records(
        symbol=symbols,
        address=table.value[symbols],
        letter=kernel.listing.letters[symbols],
        defined=np.ones(len(symbols), np.bool_),
        pool=table.strings,
        start=table.name_start[symbols],
        size=table.name_size[symbols],
    )
