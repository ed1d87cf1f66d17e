# SPDX-License-Identifier: GPL-2.0-or-later
"""Walks over the entries of a unit, passing over what is not asked for.

A unit of a kernel has 4,000 entries at its top and some hundred functions among them. An entry is passed over by
the size that its abbreviation tells, with what lies below it where it names its sibling (DWARF 5, section 2.3):
both are known by the code's byte alone, once that was met (:attr:`Abbreviations.hops`).
"""

from __future__ import annotations

from bisect import bisect_right
from itertools import count
from typing import TYPE_CHECKING

from elfsyms.image.dwarf_forms import DamageError, unsigned

if TYPE_CHECKING:
    from collections.abc import Iterator

    from elfsyms.image.dwarf_abbreviations import Abbreviation
    from elfsyms.image.dwarf_entries import Entry, Information, Unit

__all__ = ["Found", "children", "covering", "located"]

_MARKED = 64  # entries between two that are remembered, of those passed over

Found = tuple[int, int, "Abbreviation"]  # where an entry begins, where its values do, and what these are


def children(info: Information, unit: Unit, entry: Entry, tags: tuple[int, ...]) -> Iterator[Found]:
    """Yield the children of an entry that have one of some tags, and addresses."""
    if not entry.children:
        return
    data, hops, word = info.data, unit.abbreviations.hops, info.word
    cursor, start, end = entry.behind, unit.offset, unit.end
    while cursor < end:
        hop = hops[data[cursor]]
        if hop > 0:
            cursor += hop
        elif hop < 0:
            at, cursor = cursor, start + word(data, cursor - hop)[0]
            if not at < cursor <= end:
                raise _backward(at)
        else:
            code, behind = unsigned(data, cursor)
            if not code:
                return
            abbreviation = info.abbreviation(unit, code, cursor)
            if abbreviation.tag in tags and abbreviation.located:
                yield cursor, behind, abbreviation
            cursor = _past(info, unit, abbreviation, behind)


def located(info: Information, unit: Unit, tags: tuple[int, ...]) -> Iterator[Found]:
    """Yield all entries of a unit that have one of some tags, and addresses."""
    data, hops, cursor = info.data, unit.abbreviations.hops, unit.first
    while cursor < unit.end:
        hop = hops[data[cursor]]
        if hop > 0:
            cursor += hop
            continue
        code, behind = unsigned(data, cursor)
        if code:
            abbreviation = info.abbreviation(unit, code, cursor)
            if abbreviation.tag in tags and abbreviation.located:
                yield cursor, behind, abbreviation
            behind = info.skip(unit, abbreviation, behind)
        cursor = behind


def covering(info: Information, unit: Unit, cursor: int) -> int | None:
    """Return where the entry begins that an offset of a unit lies in; None for the end of a list of children.

    Passes over whole subtrees, and begins near to where a question before it ended.
    """
    known = unit.passed
    data, hops, at = info.data, unit.abbreviations.hops, known[bisect_right(known, cursor) - 1]
    for step in count(1):
        hop = hops[data[at]]
        if hop > 0:
            after = at + hop
        elif not (hop < 0 and at < (after := unit.offset + info.word(data, at - hop)[0]) <= cursor):
            after = _behind(info, unit, at, cursor)
        if cursor < after:
            return at if data[at] else None
        at = after
        if step % _MARKED == 0 and at > known[-1]:
            known.append(at)
    raise AssertionError  # the count has no end


def _behind(info: Information, unit: Unit, at: int, cursor: int) -> int:
    """Return where the entry ends that begins at an offset; with its children, if an offset lies behind."""
    code, behind = unsigned(info.data, at)
    if not code:
        return behind
    abbreviation = info.abbreviation(unit, code, at)
    after = info.skip(unit, abbreviation, behind)
    if abbreviation.sibling >= 0 and after <= cursor:
        sibling = unit.offset + info.word(info.data, behind + abbreviation.sibling)[0]
        return sibling if after < sibling <= cursor else after
    return after


def _past(info: Information, unit: Unit, abbreviation: Abbreviation, behind: int) -> int:
    """Return the offset of the next sibling of an entry, whose values begin at ``behind``."""
    if abbreviation.sibling >= 0:
        return _sibling(info, unit, behind + abbreviation.sibling)
    cursor = info.skip(unit, abbreviation, behind)
    data, hops, depth = info.data, unit.abbreviations.hops, int(abbreviation.children)
    while depth and cursor < unit.end:
        hop = hops[data[cursor]]
        if hop > 0:
            cursor += hop
            continue
        code, cursor = unsigned(data, cursor)
        if not code:
            depth -= 1
            continue
        inner = info.abbreviation(unit, code, cursor)
        if inner.sibling >= 0:
            cursor = _sibling(info, unit, cursor + inner.sibling)
            continue
        cursor = info.skip(unit, inner, cursor)
        depth += inner.children
    return cursor


def _sibling(info: Information, unit: Unit, at: int) -> int:
    """Return the offset that a DW_AT_sibling at another names: ahead, or a reader would walk in a circle."""
    sibling: int = unit.offset + info.word(info.data, at)[0]
    if not at < sibling <= unit.end:
        raise _backward(at)
    return sibling


def _backward(at: int) -> DamageError:
    return DamageError(f"the entry at {at:#x} of .debug_info names a sibling that is not ahead")
