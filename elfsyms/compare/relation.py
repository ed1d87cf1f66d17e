# SPDX-License-Identifier: GPL-2.0-or-later
"""How two accounts of a kernel are related: the same, moved, hidden, another build, another release.

The first thing to know about two lists of symbols, for it decides what their differences mean. Each answer needs
its proof. The *same* kernel has the same names and letters at the same addresses. *Moved* is all of it by one
offset, and KASLR did it only where the machine's rule allows the offset (``kaslr.py``). Where a kernel *hides* its
addresses, names, letters and order are all that can agree. A link that gave most symbols other distances is
*another build*; banners tell that it is of the same release, or else names do: two builds of a release share
nearly all of them, once what compilers count and hash is cut (``counters.py``), two releases of a kernel do not
(6.12 and 7.3 share 73 in 100, 6.1 and 6.12 41).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from elfsyms.compare.counters import kin_name

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from elfsyms.compare.pairing import Pairing
    from elfsyms.image.kaslr import Kaslr
    from elfsyms.image.records import Records

__all__ = [
    "Accounts",
    "Relation",
    "compared_accounts",
    "ends_early",
    "find_offset",
    "hidden_addresses",
    "relate",
    "signed_hex",
]

Kind = Literal["same", "moved", "hidden", "build", "release", "close"]

_PAGE = 1 << 12
_KIN = 0.97  # of the names, that two builds of a release share at least
_SCATTERED = 0.9  # of the addresses, that one link has in common with itself at least


@dataclass(frozen=True, slots=True)
class Relation:
    """The answer; ``sentence`` says it. ``close``: the same but for what is listed, and nothing proves why."""

    kind: Kind
    sentence: str


@dataclass(frozen=True, slots=True, eq=False)
class Accounts:
    """Two lists of records, paired, the second one with its ``offset`` taken off again.

    ``hidden`` (bool, one a record of the second) marks the addresses that were not to be seen.
    """

    first: Records
    second: Records
    pairing: Pairing
    hidden: NDArray[np.bool_]
    offset: int = 0

    @property
    def as_given(self) -> bool:
        """Tell whether no address was hidden, and nothing moved."""
        return not (self.offset or bool(self.hidden.any()))

    @property
    def alone(self) -> int:
        """Return how many symbols only one side has."""
        return len(self.pairing.only_first) + len(self.pairing.only_second)

    @property
    def retyped(self) -> bool:
        """Tell whether a letter differs."""
        return bool((self.first.letter[self.pairing.first] != self.second.letter[self.pairing.second]).any())

    @property
    def disordered(self) -> bool:
        """Tell whether symbols that both have stand in another order; those of one address have none."""
        address = self.first.address[self.pairing.first]
        return not np.array_equal(address, address[np.argsort(self.pairing.second, kind="stable")])

    @property
    def unlike(self) -> int:
        """Return how many addresses that can be seen differ."""
        seen = ~self.hidden[self.pairing.second]
        differs = self.first.address[self.pairing.first] != self.second.address[self.pairing.second]
        return int((seen & differs).sum())


def hidden_addresses(expected: Records, found: Records, pairing: Pairing) -> NDArray[np.bool_]:
    """Mark the records (bool, one a record of ``found``) whose address a reader was not allowed to see.

    A kernel shows 0 for these. A symbol may lie at 0, as the first per-CPU ones do; where all are 0, none does.
    """
    zero = np.asarray(found.address == 0)
    if bool(zero.all()):
        return zero
    truly = pairing.second[expected.address[pairing.first] == 0]
    zero[truly] = False
    return zero


def compared_accounts(first: Records, second: Records, pairing: Pairing, rule: Kaslr | None) -> Accounts:
    """Return two accounts with the move of the second taken back, and addresses that one of them hides lent.

    What stayed where it was lies below the image, as per-CPU symbols do: it does not move with the kernel.
    """
    if len(first) and not bool(first.address.any()):
        first = _lent(first, pairing.first, second.address[pairing.second])
    hidden = hidden_addresses(first, second, pairing)
    chosen = hidden[pairing.second]
    address = second.address.copy()
    address[pairing.second[chosen]] = first.address[pairing.first[chosen]]
    distance = (address[pairing.second] - first.address[pairing.first]).astype(np.int64)
    moved = (distance != 0) & ~chosen
    text = next((i for i, n in enumerate(first.take(pairing.first).names()) if n == b"_text"), None)
    offset = find_offset(distance[moved], None if text is None else int(distance[text]), rule, either=True)
    if text is not None and offset != int(distance[text]):
        offset = 0
    if offset:
        start = second.address[pairing.second[text]] if text is not None else np.uint64(0)
        shifted = address >= start
        shifted[pairing.second] = moved
        address[shifted] -= np.uint64(offset & ((1 << 64) - 1))
    return Accounts(first, replace(second, address=address), pairing, hidden, offset)


def _lent(records: Records, indices: NDArray[np.int64], addresses: NDArray[np.uint64]) -> Records:
    """Return records with other addresses at some indices."""
    address = records.address.copy()
    address[indices] = addresses
    return replace(records, address=address)


def ends_early(accounts: Accounts) -> bool:
    """Tell whether the second account is the beginning of the first, and nothing else."""
    missing, pairs = len(accounts.pairing.only_first), len(accounts.pairing.first)
    alike = not (
        len(accounts.pairing.only_second) or accounts.retyped or accounts.disordered or accounts.unlike
    )
    return missing > 0 and alike and int(accounts.pairing.only_first[0]) == pairs


def find_offset(
    distance: NDArray[np.int64], text: int | None, rule: Kaslr | None, *, either: bool = False
) -> int:
    """Return by how much a kernel was moved; 0 where it was not, or no offset is one that it can have.

    ``distance`` has one element for each symbol that moves with the kernel, ``text`` is that of ``_text``. What
    most symbols have is believed if the rule allows it; of another build only ``_text`` still tells. ``either`` of
    the two sides may be the one that was moved.
    """
    if not len(distance):
        return 0
    values, counts = np.unique(distance, return_counts=True)
    most = int(np.argmax(counts))
    candidates = [int(values[most])] if 2 * int(counts[most]) > len(distance) else []
    candidates += [text] if text is not None else []
    signs = (1, -1) if either else (1,)
    return next((o for o in candidates if any(_possible(sign * o, rule) for sign in signs)), 0)


def _possible(offset: int, rule: Kaslr | None) -> bool:
    return rule.allows(offset) if rule else offset % _PAGE == 0


def relate(accounts: Accounts, rule: Kaslr | None, same_release: bool | None = None) -> Relation:
    """Say how two accounts are related; ``same_release`` is what banners tell, if they tell it."""
    if not (accounts.alone or accounts.retyped or accounts.unlike or accounts.disordered):
        return _same(accounts, rule)
    shared = _shared_names(accounts)
    if same_release is False or (same_release is None and shared < _KIN):
        told = "" if same_release is False else ", or of another configuration"
        return Relation("release", f"another release{told}: {shared:.0%} of the names are the same")
    scattered = accounts.unlike > (1 - _SCATTERED) * len(accounts.pairing.first)
    if scattered or accounts.disordered or _counters_differ(accounts):
        return Relation(
            "build", f"another build of this release: {_agreement(accounts, shared)}{_moved(accounts)}"
        )
    return Relation("close", "")


def _same(accounts: Accounts, rule: Kaslr | None) -> Relation:
    hidden = int(accounts.hidden.sum())
    if hidden and bool(accounts.hidden[accounts.pairing.second].all()):
        return Relation("hidden", "names, letters and order of this kernel; its addresses are hidden")
    besides = f"; {hidden:,} addresses are hidden" if hidden else ""
    if not accounts.offset:
        return Relation("same", f"the same kernel{besides}")
    by = "by KASLR: " if rule else "as a whole: "
    return Relation("moved", f"the same kernel, moved {by}{signed_hex(accounts.offset)}{besides}")


def _agreement(accounts: Accounts, shared: float) -> str:
    """Say in how much two builds agree."""
    pairs = len(accounts.pairing.first)
    names = f"{shared:.0%} of the names are the same, compilers' suffixes apart"
    if bool(accounts.hidden.all()):
        return f"{names}; the addresses are hidden"
    return f"{names}, and {pairs - accounts.unlike:,} of {pairs:,} addresses"


def _moved(accounts: Accounts) -> str:
    if bool(accounts.hidden.all()):
        return ""
    return f"; moved by {signed_hex(accounts.offset)}" if accounts.offset else "; _text did not move"


def _shared_names(accounts: Accounts) -> float:
    """Return the share of names that both have, as their sources have them."""
    first, second = (set(map(kin_name, records.names())) for records in (accounts.first, accounts.second))
    return len(first & second) / max(len(first), len(second), 1)


def _counters_differ(accounts: Accounts) -> bool:
    """Tell whether a symbol of each side is the other's but for a count, hash or suffix: compiled anew."""
    alone_first = set(map(kin_name, accounts.first.take(accounts.pairing.only_first).names()))
    alone_second = set(map(kin_name, accounts.second.take(accounts.pairing.only_second).names()))
    return bool(alone_first & alone_second)


def signed_hex(number: int) -> str:
    """Return a number in hexadecimal with its sign.

    >>> signed_hex(-0xC80)
    '-0xc80'
    """
    return f"{'-' if number < 0 else '+'}{abs(number):#x}"
