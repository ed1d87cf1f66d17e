# SPDX-License-Identifier: GPL-2.0-or-later
"""The order of symbols in the tables, and the order of their names.

Follows ``scripts/kallsyms.c``: ``compare_symbols`` and ``may_be_linker_script_provide_symbol`` for the main order,
``compare_names`` for ``kallsyms_seqs_of_names``. The main order is by address; only among the aliases at one
address does anything else count, so only they are looked at.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from elfsyms.records import Records
    from elfsyms.releases import Release

__all__ = ["alias_keys", "name_order", "table_order"]

_CHUNK = 8


def table_order(records: Records, release: Release) -> NDArray[np.int64]:
    """Return the records' places in table order."""
    if release.order == "listed":
        return np.arange(len(records))
    order = np.argsort(records.address, kind="stable")
    address = records.address[order]
    same = address[1:] == address[:-1]
    tied = np.flatnonzero(np.append(same, False) | np.append(False, same))
    if len(tied):
        aliases = order[tied]
        keys = alias_keys(records, aliases, release)
        order[tied] = aliases[np.lexsort((aliases, *reversed(keys), address[tied]))]
    return order


def alias_keys(
    records: Records, aliases: NDArray[np.int64], release: Release
) -> tuple[NDArray[np.int64], ...]:
    """Return what decides among aliases, the most important key first; lower stands first.

    Weak symbols stand last; then, since 2.6.30, names that a linker script may have made; then those with more
    underscores in front. What is equal in all of these stays in the order of the map.
    """
    weak = np.isin(records.letter[aliases], list(b"wW")).astype(np.int64)
    if release.order == "weak last":
        return (weak,)
    names = [records.name(index) for index in aliases.tolist()]
    script = np.fromiter(map(_from_linker_script, names), np.int64, len(names))
    underscores = np.fromiter((len(n) - len(n.lstrip(b"_")) for n in names), np.int64, len(names))
    return weak, script, underscores


def name_order(records: Records, release: Release, *, lto_clang: bool = False) -> NDArray[np.int64]:
    """Return the places of records in the order of their names; of equal names the first record first.

    ``records`` are in table order already, so that their places order equal names by address. With
    ``lto_clang`` the names are cut where the release cuts them.
    """
    size = _cut_sizes(records, release.lto_cut) if lto_clang and release.lto_cut else records.size
    order = np.arange(len(records))
    group = np.zeros(len(records), np.int64)  # the place at which each record's group of equals begins
    open_places = order.copy()  # places in the order where names are still equal to a neighbour's
    pool = np.frombuffer(records.pool, np.uint8)
    for at in range(0, int(size.max(initial=0)) + _CHUNK, _CHUNK):
        members = order[open_places]
        chunk = _chunks(pool, records.start[members], size[members], at)
        ranks = np.lexsort((members, chunk, group[open_places]))
        order[open_places], chunk = members[ranks], chunk[ranks]
        open_places, group = _still_open(open_places, group, chunk, size[order[open_places]] > at + _CHUNK)
        if not len(open_places):
            break
    return order


def _still_open(
    places: NDArray[np.int64], group: NDArray[np.int64], chunk: NDArray[np.uint64], longer: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Split the groups by what was just compared; return the places that a longer look may still move."""
    first = np.ones(len(places), np.bool_)
    first[1:] = (group[places[1:]] != group[places[:-1]]) | (chunk[1:] != chunk[:-1])
    leader = places[np.maximum.accumulate(np.where(first, np.arange(len(places)), 0))]
    group[places] = leader
    alone = first & np.append(first[1:], True)
    return places[~alone & _any_in_group(leader, longer)], group


def _any_in_group(leader: NDArray[np.int64], marks: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Mark every member of a group that has a marked member."""
    return np.isin(leader, leader[marks])


def _chunks(
    pool: NDArray[np.uint8], start: NDArray[np.int64], size: NDArray[np.int64], at: int
) -> NDArray[np.uint64]:
    """Return eight bytes of each name as a number that orders like them, zeros behind the name."""
    rows = np.zeros((len(start), _CHUNK), np.uint8)
    for place in range(_CHUNK):
        inside = at + place < size
        rows[inside, place] = pool[start[inside] + at + place]
    return rows.view(">u8").ravel().astype(np.uint64)


def _cut_sizes(records: Records, cut: str) -> NDArray[np.int64]:
    """Return the sizes of the names cut at the first occurrence of a text."""
    text = cut.encode()
    return np.fromiter((_cut(name, text) for name in records.names()), np.int64, len(records))


def _cut(name: bytes, text: bytes) -> int:
    place = name.find(text)
    return len(name) if place < 0 else place


def _from_linker_script(name: bytes) -> bool:
    """Tell whether a linker script may have provided a symbol.

    >>> _from_linker_script(b"__start_rodata"), _from_linker_script(b"__bss_stop"), _from_linker_script(b"_end")
    (True, False, False)
    """
    if len(name) < 8 or not name.startswith(b"__"):
        return False
    return name.startswith((b"start_", b"stop_", b"end_"), 2) or name.endswith((b"_start", b"_end"))
