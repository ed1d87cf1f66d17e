# SPDX-License-Identifier: GPL-2.0-or-later
"""Moved symbols as runs: from which symbol on, by how much, and what made the step.

A change of size moves everything behind it by the same distance, so the thousands of symbols that moved
between two link passes are a few runs. A run begins at a step: between the symbol before and the first one of
the run something grew or shrank, and what lies there on either side tells what.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from elfsyms.compare.causes import Cause, absorbed, mark_labels, mark_veneers

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from elfsyms.compare.pairing import Pairing
    from elfsyms.image.records import Records

__all__ = ["Shift", "count_steps", "find_shifts"]


@dataclass(frozen=True, slots=True)
class Shift:
    """A run of ``count`` symbols moved by ``by`` bytes (0: back in place), from ``first`` on.

    ``step`` is the change against the run before; ``detail`` names what lies where it happened.
    """

    first: bytes
    was: int
    now: int
    by: int
    step: int
    count: int
    cause: Cause
    detail: str


@dataclass(frozen=True, slots=True, eq=False)
class _Alone:
    """What one side alone has, in address order, with what its names say."""

    address: NDArray[np.uint64]
    names: list[bytes]
    veneer: NDArray[np.bool_]
    label: NDArray[np.bool_]

    def between(self, low: int, high: int) -> slice:
        """Return the indices of those at two addresses and between them."""
        bounds = np.array([low, max(low, high)], np.uint64)
        first, last = (
            np.searchsorted(self.address, bounds[:1]),
            np.searchsorted(self.address, bounds[1:], "right"),
        )
        return slice(int(first[0]), int(last[0]))


@dataclass(frozen=True, slots=True, eq=False)
class _Sides:
    """Two images; ``was``, ``now``, ``delta`` and ``label`` (of the tables) are of the pairs, by address in a."""

    names: list[bytes]
    was: NDArray[np.uint64]
    now: NDArray[np.uint64]
    delta: NDArray[np.int64]
    label: NDArray[np.bool_]
    alone: tuple[_Alone, _Alone]


def count_steps(a: Records, b: Records, pairing: Pairing) -> int:
    """Return how often the distance between paired symbols changes, in address order."""
    order = np.argsort(a.address[pairing.first], kind="stable")
    was, now = a.address[pairing.first[order]], b.address[pairing.second[order]]
    return int(np.count_nonzero(np.diff((now - was).astype(np.int64), prepend=0)))


def find_shifts(a: Records, b: Records, pairing: Pairing) -> tuple[Shift, ...]:
    """Return the runs of symbols whose distance changed, in address order, those back in place included."""
    sides = _sides(a, b, pairing)
    begins = np.flatnonzero(np.diff(sides.delta, prepend=0))
    bounds = [*begins.tolist(), len(sides.delta)]
    return tuple(_shift(sides, begin, end) for begin, end in pairwise(bounds))


def _sides(a: Records, b: Records, pairing: Pairing) -> _Sides:
    order = np.argsort(a.address[pairing.first], kind="stable")
    paired = a.take(pairing.first[order])
    now = b.address[pairing.second[order]]
    return _Sides(
        names=list(paired.names()),
        was=paired.address,
        now=now,
        delta=(now - paired.address).astype(np.int64),
        label=mark_labels(paired),
        alone=(_alone(a, pairing.only_first), _alone(b, pairing.only_second)),
    )


def _alone(records: Records, indices: NDArray[np.int64]) -> _Alone:
    chosen = records.take(indices[np.argsort(records.address[indices], kind="stable")])
    return _Alone(chosen.address, list(chosen.names()), mark_veneers(chosen), mark_labels(chosen))


def _shift(sides: _Sides, begin: int, end: int) -> Shift:
    by = int(sides.delta[begin])
    step = by - (int(sides.delta[begin - 1]) if begin else 0)
    was, now = int(sides.was[begin]), int(sides.now[begin])
    cause, detail = _cause(sides, begin, step)
    return Shift(sides.names[begin], was, now, by, step, end - begin, cause, detail)


def _cause(sides: _Sides, begin: int, step: int) -> tuple[Cause, str]:
    """Tell what made a step, by what lies between the pairs on both sides of it."""
    veneers, labels, others = _between(sides, begin)
    before = _text(sides.names[begin - 1]) if begin else "the beginning"
    if veneers:
        return Cause.VENEER, _some(veneers)
    if begin and sides.label[begin - 1]:
        return Cause.TABLES, f"behind {before}"
    if labels:
        return Cause.TABLES, _some(labels)
    if begin and absorbed(int(sides.was[begin]), int(sides.now[begin]), step):
        return Cause.ALIGNMENT, f"behind {before}"
    return (Cause.SYMBOL, _some(others)) if others else (Cause.GROWTH, f"behind {before}")


def _between(sides: _Sides, begin: int) -> tuple[list[bytes], list[bytes], list[bytes]]:
    """Return what only one side has between two neighbouring pairs: veneers, labels of the tables, all."""
    veneers: list[bytes] = []
    labels: list[bytes] = []
    names: list[bytes] = []
    for alone, address in zip(sides.alone, (sides.was, sides.now), strict=True):
        gap = alone.between(int(address[begin - 1]) if begin else 0, int(address[begin]))
        found = list(
            zip(alone.names[gap], alone.veneer[gap].tolist(), alone.label[gap].tolist(), strict=True)
        )
        names += alone.names[gap]
        veneers += [name for name, veneer, _ in found if veneer]
        labels += [name for name, _, label in found if label]
    return veneers, labels, names


def _text(name: bytes) -> str:
    return name.decode("utf-8", "replace")


def _some(names: list[bytes]) -> str:
    """Name the first, and say how many more."""
    return _text(names[0]) + (f" and {len(names) - 1} more" if len(names) > 1 else "")
