# SPDX-License-Identifier: GPL-2.0-or-later
"""The order of symbols in the tables, and the order of their names.

Follows ``scripts/kallsyms.c``: ``compare_symbols`` and ``may_be_linker_script_provide_symbol`` for the main order,
``compare_names`` for ``kallsyms_seqs_of_names``. The main order is by address; only among the aliases at one
address does anything else count, so only they are looked at.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from elfsyms.image.records import chunks, numbers_everywhere
from elfsyms.image.sorting import by_name

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from elfsyms.image.records import Records
    from elfsyms.pipeline.filters import Verdicts
    from elfsyms.releases.format_history import Release

__all__ = ["Ordered", "alias_keys", "is_name_order", "name_order", "order_kept", "table_order"]

_CHUNK = 8


@dataclass(frozen=True, slots=True, eq=False)
class Ordered:
    """The kept records in table order; ``percpu`` (bool) marks those that ``--absolute-percpu`` made absolute."""

    records: Records
    percpu: NDArray[np.bool_]


def order_kept(verdicts: Verdicts, release: Release) -> Ordered:
    """Put the kept records into the order of the tables."""
    kept = verdicts.kept
    order = table_order(kept, release)
    return Ordered(kept.take(order), verdicts.percpu[order])


def table_order(records: Records, release: Release) -> NDArray[np.int64]:
    """Return the records' indices in table order."""
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
    """Return what decides among aliases, the most important key first; lower sorts first.

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
    """Return the indices of records in the order of their names; of equal names the first record first.

    Records of one name are in table order already, so that their indices order them by address; others may stand
    in another order (``shared_order.py``). With
    ``lto_clang`` the names are cut where the release cuts them.
    """
    size = _cut_sizes(records, release.lto_cut) if lto_clang and release.lto_cut else records.size
    return by_name(records.pool, records.start, size, np.zeros(len(records), np.int64))


def is_name_order(
    order: NDArray[np.int64], records: Records, release: Release, *, lto_clang: bool = False
) -> bool:
    """Tell whether indices are what :func:`name_order` returns for records; in a third of its time."""
    count = len(records)
    seen = np.zeros(count, np.bool_)
    if len(order) != count or int(order.max(initial=0)) >= count:
        return False
    seen[order] = True
    size = _cut_sizes(records, release.lto_cut) if lto_clang and release.lto_cut else records.size
    numbers, start, size = numbers_everywhere(records.pool), records.start.take(order), size.take(order)
    indices, at = np.arange(count - 1), 0  # of names that are so far equal to the next one
    while len(indices):
        one = chunks(numbers, start.take(indices), size.take(indices), at).byteswap()
        next_one = chunks(numbers, start.take(indices + 1), size.take(indices + 1), at).byteswap()
        if bool((one > next_one).any()):
            return False
        indices = indices.compress(one == next_one)
        at += _CHUNK
        ended = np.maximum(size.take(indices), size.take(indices + 1)) <= at
        same = indices.compress(ended)
        if bool((order.take(same) > order.take(same + 1)).any()):
            return False
        indices = indices.compress(~ended)
    return bool(seen.all())


def _cut_sizes(records: Records, cut: str) -> NDArray[np.int64]:
    """Return the sizes of the names cut at the first occurrence of a text."""
    text = cut.encode()
    return np.fromiter((_cut(name, text) for name in records.names()), np.int64, len(records))


def _cut(name: bytes, text: bytes) -> int:
    index = name.find(text)
    return len(name) if index < 0 else index


def _from_linker_script(name: bytes) -> bool:
    """Tell whether a linker script may have provided a symbol.

    >>> _from_linker_script(b"__start_rodata"), _from_linker_script(b"__bss_stop"), _from_linker_script(b"_end")
    (True, False, False)
    """
    if len(name) < 8 or not name.startswith(b"__"):
        return False
    return name.startswith((b"start_", b"stop_", b"end_"), 2) or name.endswith((b"_start", b"_end"))
