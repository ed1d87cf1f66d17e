# SPDX-License-Identifier: GPL-2.0-or-later
"""Whether link passes converge, and whether one more will help.

A kernel build links, makes the tables of what it linked, and links again with them, until the tables inside
are those of the image around them. The tables of pass A lie in image B, those of B in the next. What a link
lays out depends on the *sizes* of what goes in, not on what the tables say. And their sizes depend on names
and letters alone: addresses have fixed widths. Two laws follow for consecutive passes A and B:

* the same names, letters and addresses: B has the right tables inside, and is final;
* the same names and letters, but other addresses: the next link gets tables of the same sizes as B did, so
  nothing moves again, and its tables are right. One more pass is the last.

Where names or letters differ the tables change size, everything behind them moves, and the linker may make or
drop a veneer, or a symbol may cross a range's edge: whether that repeats, only a third pass can show. If it
is A again, the passes oscillate, and no number of passes will help. The stock build compares sizes of objects
and gives up after three passes ("Inconsistent kallsyms data"). Follows ``scripts/link-vmlinux.sh``,
``kallsyms_step``.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from elfsyms.compare.causes import mark_labels

if TYPE_CHECKING:
    from collections.abc import Sequence

    from elfsyms.image.records import Records

__all__ = ["State", "Verdict", "check_convergence", "check_three_passes"]

State = Literal["converged", "converges", "unsettled", "oscillates"]
_Lettered = tuple[bytes, int]  # name and letter: what the sizes of the tables depend on


@dataclass(frozen=True, slots=True)
class Verdict:
    """What will become of the passes; ``more``: how many further links it takes, None where nothing tells.

    ``flipping``: the names that make the passes differ in size.
    """

    state: State
    more: int | None
    reason: str
    flipping: tuple[bytes, ...] = ()


def check_convergence(a: Records, b: Records) -> Verdict:
    """Judge two consecutive passes by the symbols of their tables."""
    lettered_a, lettered_b = _lettered(a), _lettered(b)
    if lettered_a == lettered_b:
        if _addresses(a) == _addresses(b):
            return Verdict("converged", 0, "both passes give the same tables: the last image is final")
        return Verdict(
            "converges",
            1,
            "names and letters agree, so the tables keep their sizes: the next link is the last",
        )
    flipping = _names(lettered_a, lettered_b)
    if _only_labels(b, lettered_a, lettered_b):
        return Verdict(
            "converges",
            2,
            "only labels of the tables are new, which every later pass has: "
            "the next link moves once more; the one after it is final, unless the new size brings veneers with it",
            flipping,
        )
    return Verdict(
        "unsettled",
        None,
        f"{_count(len(flipping), 'name')} or letters differ, so the tables change size and the next link "
        "moves again: link once more and give that image as a third file",
        flipping,
    )


def check_three_passes(passes: Sequence[Records]) -> Verdict:
    """Judge three consecutive passes: the last two, unless the third is the first again."""
    first, second, third = passes
    last = check_convergence(second, third)
    if last.state == "unsettled" and _lettered(first) == _lettered(third):
        return Verdict(
            "oscillates",
            None,
            f"the third pass has the names of the first again, and {_count(len(last.flipping), 'name')} "
            "come and go with every pass: no further pass will help; keep them out of the tables, or pad "
            "what decides",
            last.flipping,
        )
    if last.state == "unsettled":
        before = set(check_convergence(first, second).flipping)
        again = tuple(name for name in last.flipping if name in before)
        return Verdict(last.state, None, _still(last, again), last.flipping)
    return last


def _still(last: Verdict, again: tuple[bytes, ...]) -> str:
    if again:
        return (
            f"{_count(len(again), 'name')} flipped in both steps and {len(last.flipping)} in the last: "
            "these will likely go on; keep them out of the tables, or pad what decides"
        )
    return f"{_count(len(last.flipping), 'name')} or letters still differ, others than before: link once more"


def _lettered(records: Records) -> Counter[_Lettered]:
    return Counter(zip(records.names(), records.letter.tolist(), strict=True))


def _addresses(records: Records) -> Counter[tuple[bytes, int, int]]:
    return Counter(zip(records.names(), records.letter.tolist(), records.address.tolist(), strict=True))


def _names(a: Counter[_Lettered], b: Counter[_Lettered]) -> tuple[bytes, ...]:
    return tuple(sorted({name for name, _ in ((a - b) + (b - a))}))


def _only_labels(b: Records, lettered_a: Counter[_Lettered], lettered_b: Counter[_Lettered]) -> bool:
    """Tell whether B differs from A by labels of the tables that it has more."""
    labels = set(b.take(mark_labels(b)).names())
    return not lettered_a - lettered_b and {name for name, _ in lettered_b - lettered_a} <= labels


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
