# SPDX-License-Identifier: GPL-2.0-or-later
"""What differs between two images, told as two link passes or as two kernels.

Two passes of one build differ by little, and what matters is why, and whether it will end: what was added
and removed, by cause, runs of moved symbols with what made each step, letters that changed, and the verdict of
``convergence.py``. Two kernels differ by much, and what matters is which names a tracing tool will miss:
gained, lost, renamed by a suffix, and names that now stand for several symbols.

Both are answered from any mix of vmlinux, ``System.map`` and kallsyms object; which of the two is meant is
told by the banners, or, where a file has none, by how much the two have in common.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from elfsyms.compare.causes import Cause, mark_edges, name_causes
from elfsyms.compare.convergence import Verdict, check_convergence, check_three_passes
from elfsyms.compare.inputs import Level, Source, alike, code_letters, read_sources
from elfsyms.compare.pairing import Pairing, pair_records
from elfsyms.compare.relation import compared_accounts, relate
from elfsyms.compare.renames import Rename, pair_renamed, pair_renumbered
from elfsyms.compare.shifts import Shift, count_steps, find_shifts
from elfsyms.detect.banner import banner_version
from elfsyms.errors import UsageError
from elfsyms.image.kaslr import kaslr_of
from elfsyms.inspect.globs import name_pattern
from elfsyms.pipeline.filters import KEPT
from elfsyms.pipeline.kernel import Kernel

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from elfsyms.compare.relation import Relation
    from elfsyms.detect.request import Request
    from elfsyms.image.kaslr import Kaslr
    from elfsyms.image.records import Records

__all__ = ["Change", "Crossing", "Difference", "Mode", "Retyped", "Side", "diff", "diff_sources"]

Mode = Literal["passes", "kernels"]
_LEVELS: tuple[Level, Level] = ("tables", "map")
_FEW, _SHARE = 32, 50  # two passes differ by at most 32 symbols and steps, or one in 50


@dataclass(frozen=True, slots=True)
class Side:
    """One of the inputs: ``symbols`` as compared, ``functions`` of them by their letters."""

    path: str
    kind: str
    title: str
    symbols: int
    functions: int


@dataclass(frozen=True, slots=True)
class Change:
    """A symbol that one side has; ``rule`` is the id of what keeps it out of that side's tables, if any."""

    name: bytes
    letter: str
    address: int
    function: bool
    cause: Cause
    rule: str = ""


@dataclass(frozen=True, slots=True)
class Retyped:
    """A symbol whose letter changed."""

    name: bytes
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Crossing:
    """A symbol that both images have, but the tables of one only: mostly one at a range's edge.

    ``old`` and ``new`` are the ids of the rules that drop it, empty where it is kept.
    """

    name: bytes
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Difference:
    """The answer of :func:`diff`. Of two kernels, ``shifts`` and ``crossed`` are empty and ``verdict`` None.

    ``renumbered`` are names that differ by a compiler's count or hash alone, ``ambiguous`` those that one function
    had before and several have now; ``moved`` counts symbols. ``relation`` says how the last two are related.
    """

    mode: Mode
    sides: tuple[Side, ...]
    added: tuple[Change, ...]
    removed: tuple[Change, ...]
    crossed: tuple[Crossing, ...]
    retyped: tuple[Retyped, ...]
    renamed: tuple[Rename, ...]
    ambiguous: tuple[bytes, ...]
    shifts: tuple[Shift, ...]
    moved: int
    verdict: Verdict | None
    renumbered: tuple[Rename, ...] = ()
    relation: Relation | None = None

    @property
    def same(self) -> bool:
        """Whether nothing differs, or nothing that reaches the tables."""
        if self.verdict is not None:
            return self.verdict.state == "converged"
        return not (self.added or self.removed or self.retyped or self.renamed or self.renumbered)

    @property
    def summary(self) -> str:
        """The difference in one line, fit for a mail."""
        if self.same and self.relation is not None and self.relation.kind in ("moved", "hidden"):
            return f"same: {self.relation.sentence}"
        return _summary_of_passes(self) if self.mode == "passes" else _summary_of_kernels(self)


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


def filtered(difference: Difference, glob: str) -> Difference:
    """Return a difference with those symbols alone whose name matches a glob, the old or the new one."""
    match = name_pattern(glob).fullmatch
    return replace(
        difference,
        added=tuple(change for change in difference.added if match(change.name)),
        removed=tuple(change for change in difference.removed if match(change.name)),
        crossed=tuple(crossing for crossing in difference.crossed if match(crossing.name)),
        retyped=tuple(change for change in difference.retyped if match(change.name)),
        renamed=tuple(rename for rename in difference.renamed if match(rename.old) or match(rename.new)),
        renumbered=tuple(r for r in difference.renumbered if match(r.old) or match(r.new)),
        ambiguous=tuple(name for name in difference.ambiguous if match(name)),
        shifts=tuple(shift for shift in difference.shifts if match(shift.first)),
    )


def diff_sources(sources: Sequence[Source], mode: Mode | None = None) -> Difference:
    """Compare sources read before: two, or three passes. Raises :class:`UsageError` for three kernels."""
    _check_three(sources)
    mode = mode or _mode_of_banners(sources)
    views = _views(sources, mode)
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
    mode = mode or _mode_of_records(accounts.first, accounts.second, pairing)
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


def _check_three(sources: Sequence[Source]) -> None:
    """Raise :class:`UsageError` for three files that are not passes of one build."""
    banners = {source.banner: source.title for source in sources if source.banner}
    if len(sources) > 2 and len(banners) > 1:
        raise UsageError(
            f"three files are three link passes of one build, and these are of {' and '.join(banners.values())}: "
            "give two of them"
        )


def _mode_of_banners(sources: Sequence[Source]) -> Mode | None:
    banners = {source.banner for source in sources}
    if b"" in banners:
        return None
    return "passes" if len(banners) == 1 else "kernels"


def _mode_of_records(a: Records, b: Records, pairing: Pairing) -> Mode:
    """Tell passes by how little differs: passes share their names, and move in a few runs."""
    most = max(_FEW, len(pairing.first) // _SHARE)
    alone = len(pairing.only_first) + len(pairing.only_second)
    return "passes" if alone <= most and count_steps(a, b, pairing) <= most else "kernels"


def _views(sources: Sequence[Source], mode: Mode | None) -> list[Source]:
    """Choose what of each vmlinux is compared, so that all show the same things, told in the same way."""
    kinds = {source.kind for source in sources}
    modules = any(source.modules for source in sources)
    level: Level = "map" if "map" in kinds else "listing"
    running = modules or _shows_tables(sources)
    if "object" in kinds or running or (mode == "kernels" and kinds == {"vmlinux"}):
        level = "tables"
    views = [source.at(level) for source in sources]
    if kinds != {"vmlinux"}:  # the others know neither rules nor types
        views = [_plain(view) for view in views]
    if any(view.bits == 32 for view in views):
        views = [replace(view, records=_narrow(view.records)) for view in views]
    return views


def _shows_tables(sources: Sequence[Source]) -> bool:
    """Tell whether a text is a running kernel's, which shows what is in the tables, and not a ``System.map``.

    Where it has no line of a module, the number of its lines tells.
    """
    texts = [len(source.records) for source in sources if source.kind == "map"]
    kernels = [source for source in sources if source.kernel is not None]
    if not texts or not kernels:
        return False
    tables, lines = (len(kernels[-1].at(level).records) for level in _LEVELS)
    return abs(texts[-1] - tables) < abs(texts[-1] - lines)


def _plain(view: Source) -> Source:
    return replace(view, function=code_letters(view.records), rule=np.full(len(view.records), KEPT, np.int16))


def _narrow(records: Records) -> Records:
    return replace(records, address=records.address & np.uint64(0xFFFFFFFF))


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
    renamed, left_a, left_b = pair_renamed(left_a, left_b)
    return Difference(
        mode="kernels",
        sides=common.sides,
        added=tuple(gained[name] for name in left_b),
        removed=tuple(lost[name] for name in left_a),
        crossed=(),
        retyped=common.retyped,
        renamed=tuple(replace(rename, function=lost[rename.old].function) for rename in renamed),
        renumbered=tuple(replace(rename, function=lost[rename.old].function) for rename in renumbered),
        ambiguous=_ambiguous(b, counts_a, counts_b),
        shifts=(),
        moved=0,
        verdict=None,
    )


def _ambiguous(b: Source, before: Counter[bytes], after: Counter[bytes]) -> tuple[bytes, ...]:
    """Return the names of functions of which there was one, and are several."""
    several = {name for name, count in after.items() if count > 1 and before.get(name) == 1}
    return tuple(sorted(several & set(b.records.take(b.function).names())))


def _by_name(view: Source, indices: NDArray[np.int64]) -> dict[bytes, Change]:
    return {change.name: change for change in _changes(view, indices, view)}


def _summary_of_kernels(difference: Difference) -> str:
    """Say it as short as bloat-o-meter does."""
    a, b = difference.sides[-2:]
    noise = f", {len(difference.renumbered):,} renumbered" if difference.renumbered else ""
    return (
        f"{a.title} -> {b.title}: +{len(difference.added):,} -{len(difference.removed):,} symbols, "
        f"{len(difference.renamed):,} renamed{noise}"
    )


def _summary_of_passes(difference: Difference) -> str:
    """Say the verdict first, then the figures."""
    state = difference.verdict.state if difference.verdict else ""
    return (
        f"{state}: {len(difference.added):,} symbols added, {len(difference.removed):,} removed, "
        f"{difference.moved:,} moved, {len(difference.retyped):,} changed type"
    )
