# SPDX-License-Identifier: GPL-2.0-or-later
"""What differs between two images, told as two link passes or as two kernels.

Two passes of one build differ by little, and what matters is why, and whether it will end: what was added
and removed, by cause, runs of moved symbols with what made each step, letters that changed, and the verdict of
``convergence.py``. Two kernels differ by much, and what matters is which names a tracing tool will miss:
gained, lost, renamed by a suffix, and names that now stand for several symbols.

Both are answered from any mix of vmlinux, ``System.map`` and kallsyms object; which of the two is meant, and what
of each file is compared, ``views.py`` decides. The answer's values are in ``difference.py``.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from elfsyms.compare.causes import mark_edges, name_causes
from elfsyms.compare.convergence import check_convergence, check_three_passes
from elfsyms.compare.difference import Change, Crossing, Difference, Retyped, Side
from elfsyms.compare.inputs import read_sources
from elfsyms.compare.pairing import Pairing, pair_records
from elfsyms.compare.relation import compared_accounts, relate
from elfsyms.compare.renames import pair_demangled, pair_renamed, pair_renumbered
from elfsyms.compare.shifts import find_shifts
from elfsyms.compare.sources import Source, alike
from elfsyms.compare.views import check_three, chosen_views, mode_of_banners, mode_of_records
from elfsyms.detect.banner import banner_version
from elfsyms.image.kaslr import kaslr_of
from elfsyms.pipeline.filters import KEPT
from elfsyms.pipeline.kernel import Kernel

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from elfsyms.compare.difference import Mode
    from elfsyms.detect.request import Request
    from elfsyms.image.kaslr import Kaslr
    from elfsyms.image.records import Records

__all__ = ["diff", "diff_sources"]


def diff(
    a: Kernel | str | Path,
    b: Kernel | str | Path,
    c: Kernel | str | Path | None = None,
    *,
    request: Request | None = None,
    mode: Mode | None = None,
) -> Difference:
    """Compare two images; with ``c``, three consecutive link passes, of which the last two are shown.

    Each is a kernel, or a path of a vmlinux, a map or a kallsyms object. ``mode`` overrides what they look
    like. Raises :class:`InputError` for a file that is none of these.
    """
    given = [image for image in (a, b, c) if image is not None]
    sources = read_sources(given, request)
    try:
        return diff_sources(alike(sources), mode="passes" if c is not None else mode)
    finally:
        for source, image in zip(sources, given, strict=True):
            if not isinstance(image, Kernel):
                source.close()


def diff_sources(sources: Sequence[Source], mode: Mode | None = None) -> Difference:
    """Compare sources read before: two, or three passes. Raises :class:`UsageError` for three kernels."""
    check_three(sources)
    mode = mode or mode_of_banners(sources)
    views = chosen_views(sources, mode)
    pairing = pair_records(views[-2].records, views[-1].records)
    rule = _kaslr_rule(views)
    accounts = compared_accounts(views[-2].records, views[-1].records, pairing, rule)
    views[-2:] = [
        replace(views[-2], records=accounts.first),
        replace(views[-1], records=accounts.second),
    ]
    unmoved = len(sources) > 2 or mode == "passes" or accounts.as_given
    relation = None if unmoved and mode == "passes" else relate(accounts, rule, _same_release(views))
    if relation is not None and relation.kind in ("same", "moved", "hidden"):
        mode = mode or "passes"
    mode = mode or mode_of_records(accounts.first, accounts.second, pairing)
    common = _Common(views, pairing)
    answer = _passes(common) if mode == "passes" else _kernels(common)
    return replace(answer, relation=relation)


def _kaslr_rule(views: Sequence[Source]) -> Kaslr | None:
    """Return the machine's rule, where one of the sources tells the machine."""
    kernels = (view.kernel for view in views if view.kernel is not None)
    return next((kaslr_of(kernel.image.abi) for kernel in kernels), None)


def _same_release(views: Sequence[Source]) -> bool | None:
    """Tell whether the last two are of one release by their banners; None where one has none."""
    told = [banner_version(view.banner) for view in views[-2:]]
    if told[0] is None or told[1] is None:
        return None
    return told[0][0] == told[1][0]


@dataclass(frozen=True, slots=True, eq=False)
class _Common:
    """The views that are compared, and the pairs of the last two."""

    views: list[Source]
    pairing: Pairing

    @property
    def sides(self) -> tuple[Side, ...]:
        return tuple(map(_side, self.views))

    @property
    def retyped(self) -> tuple[Retyped, ...]:
        a, b = (view.records for view in self.views[-2:])
        old, new = a.letter[self.pairing.first], b.letter[self.pairing.second]
        return tuple(
            Retyped(a.name(int(self.pairing.first[i])), chr(old[i]), chr(new[i]))
            for i in np.flatnonzero(old != new).tolist()
        )


def _side(view: Source) -> Side:
    return Side(view.path, view.kind, view.title, len(view.records), int(view.function.sum()))


def _passes(common: _Common) -> Difference:
    a, b = common.views[-2:]
    shifts = find_shifts(a.records, b.records, common.pairing)
    kept = [view.records.take(view.kept) for view in common.views]
    return Difference(
        mode="passes",
        sides=common.sides,
        added=_changes(b, common.pairing.only_second, a),
        removed=_changes(a, common.pairing.only_first, b),
        crossed=_crossed(common),
        retyped=common.retyped,
        renamed=(),
        ambiguous=(),
        shifts=shifts,
        moved=sum(shift.count for shift in shifts if shift.by),
        verdict=check_convergence(*kept) if len(kept) == 2 else check_three_passes(kept),
    )


def _changes(view: Source, indices: NDArray[np.int64], other: Source) -> tuple[Change, ...]:
    records, rule = view.records.take(indices), view.rule[indices]
    causes = name_causes(records, _at_edges(view, records) | _at_edges(other, records))
    columns = (records.letter.tolist(), records.address.tolist(), view.function[indices].tolist())
    return tuple(
        Change(name, chr(letter), address, function, cause, _rule_id(view, number))
        for name, letter, address, function, cause, number in zip(
            records.names(), *columns, causes, rule.tolist(), strict=True
        )
    )


def _rule_id(view: Source, number: int) -> str:
    """Return the id of a rule; a source that is no kernel has none."""
    return view.kernel.release.book.rules[number].id if view.kernel and number != KEPT else ""


def _crossed(common: _Common) -> tuple[Crossing, ...]:
    """Return the symbols that both passes have, and the tables of one only."""
    a, b = common.views[-2:]
    old, new = a.rule[common.pairing.first], b.rule[common.pairing.second]
    names = a.records.take(common.pairing.first)
    return tuple(
        Crossing(names.name(i), _rule_id(a, int(old[i])), _rule_id(b, int(new[i])))
        for i in np.flatnonzero((old == KEPT) != (new == KEPT)).tolist()
    )


def _at_edges(view: Source, records: Records) -> NDArray[np.bool_]:
    """Mark records at the very address of an edge of the text ranges."""
    return np.isin(records.address, view.records.address[mark_edges(view.records)])


def _kernels(common: _Common) -> Difference:
    a, b = common.views[-2:]
    lost, gained = _by_name(a, common.pairing.only_first), _by_name(b, common.pairing.only_second)
    counts_a, counts_b = Counter(a.records.names()), Counter(b.records.names())
    renumbered, left_a, left_b = pair_renumbered(
        (name for name in lost if name not in counts_b), (name for name in gained if name not in counts_a)
    )
    rehashed, left_a, left_b = pair_demangled(left_a, left_b)
    renumbered += rehashed
    renamed, left_a, left_b = pair_renamed(left_a, left_b)
    return Difference(
        mode="kernels",
        sides=common.sides,
        added=tuple(change for name in left_b for change in gained[name]),
        removed=tuple(change for name in left_a for change in lost[name]),
        crossed=(),
        retyped=common.retyped,
        renamed=tuple(replace(rename, function=lost[rename.old][0].function) for rename in renamed),
        renumbered=tuple(replace(rename, function=lost[rename.old][0].function) for rename in renumbered),
        ambiguous=_ambiguous(b, counts_a, counts_b),
        shifts=(),
        moved=0,
        verdict=None,
    )


def _ambiguous(b: Source, before: Counter[bytes], after: Counter[bytes]) -> tuple[bytes, ...]:
    """Return the names of functions of which there was one, and are several."""
    several = {name for name, count in after.items() if count > 1 and before.get(name) == 1}
    return tuple(sorted(several & set(b.records.take(b.function).names())))


def _by_name(view: Source, indices: NDArray[np.int64]) -> dict[bytes, list[Change]]:
    found: dict[bytes, list[Change]] = {}
    for change in _changes(view, indices, view):
        found.setdefault(change.name, []).append(change)
    return found
