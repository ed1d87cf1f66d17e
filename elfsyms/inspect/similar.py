# SPDX-License-Identifier: GPL-2.0-or-later
"""What a name that is not there may be called instead: variants that the build makes, and close spellings.

Compilers rename what they clone, split or make global (``.isra.N``, ``.constprop.N``, ``.part.N``, ``.cold``,
``.llvm.HASH``, ``.lto_priv.N``); the build puts prefixes before what it pads, hashes or wraps (``__pfx_``,
``__cfi_``, the system call wrappers). The search goes over the string table, not over the symbols.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import TYPE_CHECKING

import numpy as np

from elfsyms.image.sorting import among
from elfsyms.image.suffixes import PREFIXES, SUFFIXES, base_name, suffix_pattern
from elfsyms.releases.matchers import Names, Prefix, Suffix

if TYPE_CHECKING:
    from collections.abc import Iterator

    from elfsyms.image.records import Records
    from elfsyms.releases.rules import Rule

__all__ = ["Near", "close_spellings", "variant_reason", "variants"]

_ENDING_OR_NONE = re.compile(rb"(?:%b)*" % suffix_pattern)
_SHORTEST = 3  # bytes of a name whose variants are looked for: shorter ones are in everything
_CLOSE = 0.75  # of SequenceMatcher's ratio
_REACH = 2  # characters by which a close spelling may be longer or shorter


@dataclass(frozen=True, slots=True)
class Near:
    """A symbol that may be meant: its entry in the symbol table, its name, and what makes it near.

    ``rule`` is what drops it, None where it is kept.
    """

    symbol: int
    name: bytes
    why: str
    rule: Rule | None = None


def variants(records: Records, name: bytes) -> list[Near]:
    """Find the records that are variants of a name, or whose variant it is; prefixed ones last."""
    base = base_name(name)
    if len(base) < _SHORTEST:
        return []
    ends = list(_variant_ends(records.pool, base))
    here = np.flatnonzero(among(records.start + records.size, np.array(ends, np.int64))).tolist()
    found = [(int(records.symbol[i]), records.name(i)) for i in here]
    near = [
        Near(i, other, variant_reason(base, other))
        for i, other in found
        if other != name and _begins(other, base)
    ]
    return sorted(near, key=lambda one: not one.name.startswith(base))


def _variant_ends(pool: bytes, base: bytes) -> Iterator[int]:
    """Yield where the names end that a name's variants may be."""
    offset = pool.find(base)
    while offset >= 0:
        end = pool.find(b"\0", offset)
        if _ENDING_OR_NONE.fullmatch(pool, offset + len(base), end):
            yield end
        offset = pool.find(base, offset + 1)


def _begins(other: bytes, base: bytes) -> bool:
    """Tell whether a name begins with another, a known prefix before it or none."""
    return other.startswith(base) or any(other.startswith(prefix + base) for prefix, _ in PREFIXES)


def variant_reason(base: bytes, other: bytes) -> str:
    """Say what a name has that the base has not."""
    before, _, behind = other.partition(base)
    reasons = [why for prefix, why in PREFIXES if prefix == before]
    reasons += [s.why for s in SUFFIXES if re.match(rb"(?:%b)\Z|(?:%b)\." % (s.pattern, s.pattern), behind)]
    return reasons[0] if reasons else "the name without what the compiler added"


def close_spellings(records: Records, name: bytes, most: int = 5) -> list[Near]:
    """Find names a slip or two away, the nearest first.

    Only names that share their first or their second half with the one asked for are looked at.
    """
    half = len(name) // 2
    if not half:
        return []
    names = Names(records)
    near = np.abs(records.size - len(name)) <= _REACH
    near &= Prefix(name[:half]).marks(names) | Suffix(name[half:]).marks(names)
    text = name.decode("latin-1")
    matcher = SequenceMatcher(a="", b=text, autojunk=False)
    rated: dict[bytes, tuple[float, int]] = {}
    for index in np.flatnonzero(near).tolist():
        other = records.name(index)
        matcher.set_seq1(other.decode("latin-1"))
        rated.setdefault(other, (matcher.ratio(), int(records.symbol[index])))
    rated.pop(name, None)
    best = sorted(rated.items(), key=lambda item: (-item[1][0], item[0]))[:most]
    return [Near(symbol, other, "a close spelling") for other, (ratio, symbol) in best if ratio >= _CLOSE]
