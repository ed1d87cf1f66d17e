# SPDX-License-Identifier: GPL-2.0-or-later
"""Symbols that a release's offsets cannot reach: which are the stray ones, and whose the base is.

Offsets reach 2 or 4 GiB. Where a table does not fit, mostly a few symbols are far from the many, and one of those
may be the base that all offsets count from: then that one is named, and not the many, which are where they belong.
What helps against it is in ``range_fixes.py``.

Follows the checks of ``scripts/kallsyms.c``, ``write_src``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from elfsyms.errors import EncodeError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from elfsyms.image.records import Records

__all__ = ["OutOfRangeError", "Reach", "check_reach"]

_FEW = 3  # of so many symbols at most one is stray


@dataclass(frozen=True, slots=True)
class Reach:
    """What offsets count from, as a number and in words, and how far they reach, in bytes and in words."""

    origin: int
    origin_name: str
    span: int
    limit: str


class OutOfRangeError(EncodeError):
    """A symbol that the release's offsets cannot reach; ``symbol`` is its entry in the symbol table.

    ``strays`` are the entries of all that are far from the many.
    """

    def __init__(self, symbol: int, strays: tuple[int, ...], parts: tuple[str, str]) -> None:
        """Keep the facts, and make the sentence of its parts: before the symbol's section, and behind."""
        self.symbol = symbol
        self.strays = strays
        self.parts = parts
        super().__init__("".join(parts))

    def told(self, section: str, advice: str) -> OutOfRangeError:
        """Name the symbol's section in the sentence, and what helps; return the error."""
        self.args = (f"{self.parts[0]} in section {section}{self.parts[1]}: {advice}",)
        return self


def check_reach(records: Records, asked: NDArray[np.bool_], wrong: NDArray[np.bool_], reach: Reach) -> None:
    """Raise :class:`OutOfRangeError` where a record is out of reach.

    ``asked`` (bool) marks the records that are held to the reach, ``wrong`` those of them beyond it.
    """
    if not bool(wrong.any()):
        return
    strays = _strays(records, asked, wrong, reach)
    first = int(np.flatnonzero(strays)[0])
    address = int(records.address[first])
    more = f" (and {int(strays.sum()) - 1:,} more)" if int(strays.sum()) > 1 else ""
    name = records.name(first).decode("utf-8", "replace")
    parts = (f"symbol {name} at {address:#x}", f"{more}{_where(records, asked, strays, wrong, first, reach)}")
    entries = tuple(records.symbol[strays].tolist())
    raise OutOfRangeError(int(records.symbol[first]), entries, parts)


def _strays(
    records: Records, asked: NDArray[np.bool_], wrong: NDArray[np.bool_], reach: Reach
) -> NDArray[np.bool_]:
    """Mark the few that are far from the many: those outside the stretch, as long as the reach, that holds most."""
    address = np.sort(records.address[asked])
    ends = np.searchsorted(address, address + np.uint64(reach.span - 1), "right")
    past_all = address + np.uint64(reach.span - 1) < address  # the sum wrapped around
    ends = np.where(past_all, len(address), ends)
    begin = int(np.argmax(ends - np.arange(len(address))))
    low, high = address[begin], address[int(ends[begin]) - 1]
    outside = asked & ((records.address < low) | (records.address > high))
    few = 0 < _FEW * int(outside.sum()) <= int(asked.sum())
    return outside if few else wrong


def _where(
    records: Records,
    asked: NDArray[np.bool_],
    strays: NDArray[np.bool_],
    wrong: NDArray[np.bool_],
    first: int,
    reach: Reach,
) -> str:
    """Say where the stray symbol lies: from the base, or that the base is its own."""
    if bool(wrong[first]):
        distance = int(records.address[first]) - reach.origin
        return f" lies {_signed(distance)} from {reach.origin_name}, but offsets reach {reach.limit}"
    others = asked & ~strays
    nearest = int(records.address[others].min()) - reach.origin if bool(others.any()) else 0
    return (
        f" lies far from the other {int(others.sum()):,}, which begin {_signed(nearest)} from {reach.origin_name}, "
        f"but offsets reach {reach.limit}"
    )


def _signed(distance: int) -> str:
    return f"{'-' if distance < 0 else '+'}{abs(distance):#x}"
