# SPDX-License-Identifier: GPL-2.0-or-later
"""Which symbols are kept, and for each of the others, by which rule.

Carries the symbols through the stages of the stock chain: what ``nm`` lists, what ``mksysmap`` leaves, what
``scripts/kallsyms.c`` reads and finds valid. Each step marks records with the rule that drops them; the decision
*is* the rule, and nothing derives it a second time.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from elfsyms.image import symbols as sym
from elfsyms.image.records import Records
from elfsyms.pipeline.maptext import MapText, is_plain, read_text, write_text
from elfsyms.releases.matchers import Exact, Letters, Names, Prefix
from elfsyms.releases.rules import TABLE_LABELS, rule_by_id

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from elfsyms.image.elf import Abi
    from elfsyms.image.listing import Listing
    from elfsyms.image.symbols import SymbolTable
    from elfsyms.releases.format_history import Release
    from elfsyms.releases.matchers import Matcher
    from elfsyms.releases.options import Options
    from elfsyms.releases.rules import RuleBook, Stage

__all__ = ["KEPT", "Boundaries", "Verdicts", "generate", "judge"]

KEPT = -1
_NO_START, _NO_END = (1 << 64) - 1, 0


@dataclass(frozen=True, slots=True)
class Boundaries:
    """The values that the generator learns from the map while it reads: what the rest is measured by."""

    text: int = 0  # of _text; 0 when it was not seen, as in the generator
    lowest: int = _NO_START  # of the symbols read and not marked per-CPU
    ranges: tuple[tuple[int, int], ...] = ()
    percpu: tuple[int, int] = (_NO_START, _NO_END)


@dataclass(frozen=True, slots=True, eq=False)
class Verdicts:
    """The fate of every symbol table entry, and the records that stay.

    ``rule`` and ``map_rule`` (int16, one an entry) are indices in the release's rule book, or :data:`KEPT`: of
    the tables, and of ``System.map``. ``read`` are records that the generator reads, and ``stays`` (bool) marks
    those that it keeps; ``percpu`` (bool, one for each of the kept) those that ``--absolute-percpu`` made absolute.
    ``listed`` are the lines of nm from which the map is made, records, or the map itself as text where lines are
    not what they seem; ``in_map`` (bool) marks the records that ``mksysmap`` leaves. What is kept and what is in
    the map are marks, not copies: with five million symbols each copy takes 150 MB.
    """

    rule: NDArray[np.int16]
    map_rule: NDArray[np.int16]
    read: Records
    stays: NDArray[np.bool_]
    percpu: NDArray[np.bool_]
    boundaries: Boundaries
    listed: Records | MapText
    in_map: NDArray[np.bool_]

    @property
    def map_lines(self) -> Records | MapText:
        """What ``mksysmap`` leaves; made each time."""
        return self.listed if isinstance(self.listed, MapText) else self.listed.take(self.in_map)

    @property
    def kept(self) -> Records:
        """The records of the tables in the order of reading, letters as the tables have them; made each time."""
        return _kept(self.read, self.stays, self.percpu)

    def dropped_by(self, rule: int) -> list[int]:
        """Return the entries that a rule, by its index in the rule book, keeps out of the tables."""
        return np.flatnonzero(self.rule == rule).tolist()


def judge(table: SymbolTable, listing: Listing, release: Release, options: Options) -> Verdicts:
    """Decide about every entry of a symbol table, which ``listing`` shows as nm lists it.

    Raises :class:`UsageError` for options that the release does not know, and :class:`EncodeError` where its
    generator gives up over a line.
    """
    options.check(release)
    unlisted = _unlisted(table, listing)
    listed: Records | MapText
    if is_plain(listing.lines, release):
        listed, records, verdict = _filter_records(listing.lines, release, options, table.abi)
    else:
        listed, records, verdict = _filter_text(
            write_text(listing.lines, table.abi), listing, release, options
        )
    map_rule = unlisted.copy()
    map_rule[listing.lines.symbol] = verdict
    rule = map_rule.copy() if release.map_is_input else unlisted
    _mark_unread(rule, records, undefined=table.section == sym.SHN_UNDEF)
    stays, percpu, boundaries = _generate(rule, records, release, options)
    in_map = np.ones(len(listed), np.bool_) if release.map_is_input else verdict == KEPT
    if isinstance(listed, Records):
        records, stays = listed, _spread(stays, listed.defined)
    return Verdicts(rule, map_rule, records, stays, percpu, boundaries, listed, in_map)


def _spread(marks: NDArray[np.bool_], among: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return marks of the elements that another array marks as marks of all."""
    spread = among.copy()
    spread[among] = marks
    return spread


def _unlisted(table: SymbolTable, listing: Listing) -> NDArray[np.int16]:
    """Give the entries that nm does not list their rules."""
    rule = np.full(len(table), KEPT, np.int16)
    rule[listing.hidden] = rule_by_id("KS104")
    rule[table.type == sym.STT_SECTION] = rule_by_id("KS103")
    rule[table.type == sym.STT_FILE] = rule_by_id("KS102")
    rule[0] = rule_by_id("KS101")
    return rule


def _filter_records(
    lines: Records, release: Release, options: Options, abi: Abi
) -> tuple[Records, Records, NDArray[np.int16]]:
    """Filter the map where every line is what it seems; return lines, those that are read, and their verdicts.

    Where the generator reads the map, the lines that the map has not are gone.
    """
    names = Names(lines, abi=abi)
    verdict = np.full(len(lines), KEPT, np.int16)
    _apply(verdict, names, release.book, "map")
    if options.exclude_tables:
        _claim(verdict, "KS237", _any(names, TABLE_LABELS))
    source = lines.take(verdict == KEPT) if release.map_is_input else lines
    return source, source.take(source.defined), verdict


def _filter_text(
    text: MapText, listing: Listing, release: Release, options: Options
) -> tuple[MapText, Records, NDArray[np.int16]]:
    """Filter the map as text, line by line, where names have blanks or are no words."""
    book = release.book
    patterns = [(r, m.line_pattern) for r in book.of("map") if (m := book.rules[r].matcher)]
    if options.exclude_tables:
        patterns += [(rule_by_id("KS237"), label.line_pattern) for label in TABLE_LABELS]
    left, gone = text.without(patterns)
    verdict = np.array([gone.get(symbol, KEPT) for symbol in listing.lines.symbol.tolist()], np.int16)
    return left, read_text(left if release.map_is_input else text, release), verdict


def _mark_unread(rule: NDArray[np.int16], records: Records, undefined: NDArray[np.bool_]) -> None:
    """Mark what came through the map, but of which the generator reads no record."""
    unread = rule == KEPT
    unread[records.symbol] = False
    rule[unread & undefined] = rule_by_id("KS301")
    rule[unread & ~undefined] = rule_by_id("KS303")


def generate(
    rule: NDArray[np.int16], records: Records, release: Release, options: Options
) -> tuple[Records, NDArray[np.bool_], Boundaries]:
    """Do what the generator does before it sorts: read, learn the boundaries, mark per-CPU symbols, filter.

    Returns the kept records, which of them are per-CPU (bool), and the boundaries; gives all records their rules.
    """
    stays, percpu, boundaries = _generate(rule, records, release, options)
    return _kept(records, stays, percpu), percpu, boundaries


def _kept(records: Records, stays: NDArray[np.bool_], percpu: NDArray[np.bool_]) -> Records:
    kept = records.take(stays)
    return replace(kept, letter=np.where(percpu, np.uint8(ord("A")), kept.letter))


def _generate(
    rule: NDArray[np.int16], records: Records, release: Release, options: Options
) -> tuple[NDArray[np.bool_], NDArray[np.bool_], Boundaries]:
    names = Names(records)
    bare = Names(records, options.symbol_prefix) if options.symbol_prefix else names
    verdict = _read(records, names, bare, release)
    boundaries = _boundaries(records, bare, verdict, release, options)
    start, end = boundaries.percpu
    percpu = (records.address >= start) & (records.address <= end)
    boundaries = replace(boundaries, lowest=_lowest(records.address[(verdict == KEPT) & ~percpu]))
    _validate(verdict, records, names, bare, boundaries, release, options)
    rule[records.symbol] = verdict
    stays = verdict == KEPT
    rule[records.symbol[stays]] = KEPT  # of a symbol with several records, one is enough
    return stays, percpu[stays], boundaries


def _read(records: Records, names: Names, bare: Names, release: Release) -> NDArray[np.int16]:
    """Apply what the generator refuses while reading."""
    verdict = np.full(len(records), KEPT, np.int16)
    if release.name_limit:
        _claim(verdict, "KS302", records.size > release.name_limit)
    if release.book.has("KS401"):
        absolute = Letters(b"Aa").marks(names)
        _claim(verdict, "KS401", absolute & ~_any(bare, release.book.kept_absolute))
    _apply(verdict, names, release.book, "read", bare)
    if release.range_symbols_exempt:
        exempt = _any(bare, _range_symbols(release))
        verdict[exempt & (verdict != rule_by_id("KS302"))] = KEPT
    return verdict


def _range_symbols(release: Release) -> tuple[Exact, ...]:
    ends = [name for pair in release.ranges for name in pair]
    anchor = [] if release.text_anchor == "none" else ["_text"]
    return tuple(Exact(name.encode()) for name in (*anchor, *ends))


def _boundaries(
    records: Records, bare: Names, verdict: NDArray[np.int16], release: Release, options: Options
) -> Boundaries:
    """Learn the values that the map itself gives. Of several symbols of one name, the last one counts."""
    stored = verdict == KEPT

    def value(name: str, among: NDArray[np.bool_], default: int) -> int:
        indices = np.flatnonzero(Exact(name.encode()).marks(bare) & among)
        return int(records.address[indices[-1]]) if len(indices) else default

    readable = verdict != rule_by_id("KS302")
    seen = {"none": np.zeros_like(stored), "read": readable, "kept": stored}[release.text_anchor]
    percpu = (value("__per_cpu_start", stored, _NO_START), value("__per_cpu_end", stored, _NO_END))
    return Boundaries(
        text=value("_text", seen, 0),
        ranges=tuple((value(first, stored, 0), value(last, stored, 0)) for first, last in release.ranges),
        percpu=percpu if options.absolute_percpu else (_NO_START, _NO_END),
    )


def _lowest(address: NDArray[np.uint64]) -> int:
    return int(address.min()) if len(address) else _NO_START


def _validate(
    verdict: NDArray[np.int16],
    records: Records,
    names: Names,
    bare: Names,
    boundaries: Boundaries,
    release: Release,
    options: Options,
) -> None:
    """Apply what the generator refuses once it has read everything."""
    if options.page_offset is not None:
        _claim(verdict, "KS503", records.address < np.uint64(options.page_offset))
    if not options.all_symbols:
        bound = np.ones(len(records), np.bool_)
        if release.kept_prefixes:
            bound = ~_any(names, [Prefix(prefix.encode()) for prefix in release.kept_prefixes])
        _claim(verdict, "KS501", bound & ~_within(records.address, boundaries.ranges))
        for (_, end), (_, last) in zip(release.ranges, boundaries.ranges, strict=True):
            if end in release.range_ends:
                at_end = (records.address == np.uint64(last)) & ~Exact(end.encode()).marks(bare)
                _claim(verdict, "KS502", bound & at_end)
    _apply(verdict, names, release.book, "valid", bare)


def _within(address: NDArray[np.uint64], ranges: tuple[tuple[int, int], ...]) -> NDArray[np.bool_]:
    """Tell which addresses lie in a range, both ends included."""
    inside = np.zeros(len(address), np.bool_)
    for first, last in ranges:
        inside |= (address >= np.uint64(first)) & (address <= np.uint64(last))
    return inside


def _any(names: Names, matchers: Iterable[Matcher]) -> NDArray[np.bool_]:
    """Mark the records that any of some matchers matches."""
    marks = np.zeros(len(names.start), np.bool_)
    for matcher in matchers:
        marks |= matcher.marks(names)
    return marks


def _apply(
    verdict: NDArray[np.int16], names: Names, book: RuleBook, stage: Stage, bare: Names | None = None
) -> None:
    """Give each record that is still kept the first rule of a stage that matches it."""
    for index in book.of(stage):
        rule = book.rules[index]
        if rule.matcher is not None:
            marks = rule.matcher.marks(bare if bare is not None and rule.stripped else names)
            verdict[marks & (verdict == KEPT)] = index


def _claim(verdict: NDArray[np.int16], rule_id: str, marks: NDArray[np.bool_]) -> None:
    """Give the marked records that are still kept a rule."""
    verdict[marks & (verdict == KEPT)] = rule_by_id(rule_id)
