# SPDX-License-Identifier: GPL-2.0-or-later
"""Symbols that a compiler renamed: the same function under another suffix.

Optimisers leave their mark behind a name: ``.isra.0`` for changed arguments, ``.constprop.0`` for arguments
made constant, ``.part.0`` and ``.cold`` for pieces, ``.llvm.123`` and ``.lto_priv.0`` for statics of link
time optimisation. Another compiler, or another version of it, decides otherwise, and a probe on the old name
fails. A name that was removed and one that was added are taken for one symbol when they are equal but for such
suffixes; pieces with pieces first, then what is left, cold pieces with cold pieces alone. What differs by a count
or a hash of the compiler's is no rename but noise (``counters.py``), and paired before.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from elfsyms.compare.counters import without_counters
from elfsyms.image.demangle import demangled
from elfsyms.image.suffixes import base_name, piece_name, suffix_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["Rename", "pair_demangled", "pair_renamed", "pair_renumbered"]


@dataclass(frozen=True, slots=True)
class Rename:
    """One symbol under two names; ``function`` tells functions from data."""

    old: bytes
    new: bytes
    function: bool = field(default=True, compare=False)

    @property
    def kinds(self) -> str:
        """What was exchanged for what, hashes and counters left out (``.isra -> .constprop``)."""
        return f"{_kind(self.old)} -> {_kind(self.new)}"


def pair_renamed(
    removed: Iterable[bytes], added: Iterable[bytes]
) -> tuple[list[Rename], list[bytes], list[bytes]]:
    """Pair names by what they are without suffixes; return the pairs, and what is left of both lists."""
    pairs: list[Rename] = []
    left, right = list(removed), list(added)
    for key in (piece_name, _whole_or_cold):
        found, left, right = _pair_by(key, left, right)
        pairs += found
    return pairs, left, right


def _whole_or_cold(name: bytes) -> bytes:
    """Return a base name, with a mark if it is of a cold piece, which is no function under another name.

    >>> _whole_or_cold(b"tcp_ack.part.0"), _whole_or_cold(b"tcp_ack.isra.0.cold")
    (b'tcp_ack', b'tcp_ack.cold')
    """
    return base_name(name) + (b".cold" if piece_name(name).endswith(b".cold") else b"")


def pair_renumbered(
    removed: Iterable[bytes], added: Iterable[bytes]
) -> tuple[list[Rename], list[bytes], list[bytes]]:
    """Pair names that differ by a compiler's count or hash; return the pairs, and what is left of both lists."""
    return _pair_by(without_counters, list(removed), list(added))


def pair_demangled(
    gone: Iterable[bytes], come: Iterable[bytes]
) -> tuple[list[Rename], list[bytes], list[bytes]]:
    """Pair Rust's names that say the same in the source, where there is one such on each side.

    A crate's hash of another length moves the references within a name, so that more than the hash differs.
    """
    left, right = list(gone), list(come)
    sides = [Counter(filter(None, map(demangled, names))) for names in (left, right)]
    single = {text for text, count in sides[0].items() if count == sides[1][text] == 1}
    old, new = (
        {demangled(name): name for name in names if demangled(name) in single} for names in (left, right)
    )
    pairs = [Rename(name, new[text]) for text, name in old.items()]
    return pairs, _without(left, old.values()), _without(right, new.values())


def _without(names: list[bytes], taken: Iterable[bytes]) -> list[bytes]:
    paired = set(taken)
    return [name for name in names if name not in paired]


def _pair_by(
    key: Callable[[bytes], bytes], removed: list[bytes], added: list[bytes]
) -> tuple[list[Rename], list[bytes], list[bytes]]:
    waiting: dict[bytes, list[bytes]] = defaultdict(list)
    for name in reversed(added):
        waiting[key(name)].append(name)
    pairs, left = [], []
    for name in removed:
        same = waiting.get(key(name))
        if same:
            pairs.append(Rename(name, same.pop()))
        else:
            left.append(name)
    return pairs, left, [name for name in added if _take(waiting, key(name), name)]


def _take(waiting: dict[bytes, list[bytes]], key: bytes, name: bytes) -> bool:
    """Take a name from those that still wait; False if it was paired."""
    if name in waiting[key]:
        waiting[key].remove(name)
        return True
    return False


def _kind(name: bytes) -> str:
    """Return the suffixes without their numbers; "no suffix" for none.

    >>> _kind(b"do_one.isra.0.cold"), _kind(b"do_one.llvm.1234"), _kind(b"do_one")
    ('.isra.cold', '.llvm', 'no suffix')
    """
    suffix = re.sub(rb"\.\d+", b"", suffix_of(name)).decode("ascii", "replace")
    return suffix or (".N" if suffix_of(name) else "no suffix")
