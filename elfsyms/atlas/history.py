# SPDX-License-Identifier: GPL-2.0-or-later
"""What became of names over the kernels of an atlas: in which they are, since when gone, by which rule, as what.

Kernels are compared along lines: those of one architecture and flavour, in the order of their releases. Within
a line a name's history is a list of spans, in each of which its fate stays the same. A new name is found as
``diff`` finds it: a name that was removed and one that was added, equal but for what compilers append.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from elfsyms.compare.renames import pair_renamed
from elfsyms.errors import InputError, NotThereError
from elfsyms.image.suffixes import base_name
from elfsyms.inspect.globs import is_glob, literal_head, name_pattern

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from elfsyms.atlas.store import Atlas, Held

__all__ = ["Fate", "History", "Span", "histories"]

_COLUMNS = ["name", "verdict", "rule"]
_DAMAGE = (pa.ArrowException, OSError, ValueError, LookupError)  # ValueError of text that is no UTF-8, too


@dataclass(frozen=True, slots=True)
class Fate:
    """What a kernel makes of a name: ``kept`` (if only as an alias), ``dropped`` with its rule, or ``absent``.

    ``count`` is how many symbols of the tables have the name; ``now`` the name under which the symbol lives on
    where it was removed.
    """

    verdict: str
    rule: str = ""
    count: int = 0
    now: str = ""


@dataclass(frozen=True, slots=True)
class Span:
    """Kernels one after the other in which a name has one fate."""

    fate: Fate
    kernels: tuple[Held, ...]


@dataclass(frozen=True, slots=True)
class History:
    """A name along one line of kernels, which ``line`` names (``x86_64 cloud-amd64``)."""

    name: str
    line: str
    spans: tuple[Span, ...]

    @property
    def gone_since(self) -> Held | None:
        """The first kernel without the name after the last with it.

        None where the newest has it, and where none ever had: what every kernel drops did not go.
        """
        without = 0  # spans at the end, without the name in the tables
        for span in reversed(self.spans):
            if span.fate.verdict == "kept":
                break
            without += 1
        return self.spans[-without].kernels[0] if 0 < without < len(self.spans) else None


def histories(atlas: Atlas, what: str) -> list[History]:
    """Return the histories of the names that a glob matches, or of one name, along every line of the atlas.

    A line none of whose kernels has such a name has no history. Sorted by name, then line. Raises
    :class:`NotThereError` where the atlas has no kernel.
    """
    what = what.encode("utf-8", "surrogateescape").decode(
        "utf-8", "backslashreplace"
    )  # as names are in the atlas
    kernels = atlas.kernels()
    if not kernels:
        raise NotThereError(f"there is no kernel in the atlas {atlas.folder}")
    seen = _read(atlas, kernels, what)
    wanted = _matching(what, {name for names in seen.values() for name in names})
    found = [history for line, among in _lines(kernels) for history in _along(line, among, seen, wanted)]
    return sorted(found, key=lambda one: (one.name, one.line))


def _read(atlas: Atlas, kernels: Sequence[Held], what: str) -> dict[str, dict[str, Fate]]:
    """Return by a kernel's file the fates of all names that begin as the answer's do, old and new."""
    head = literal_head(what) if is_glob(what) else base_name(what.encode()).decode("utf-8", "replace")
    seen: dict[str, dict[str, Fate]] = {}
    for held in kernels:
        try:
            seen[held.path] = _fates(_rows_that_begin(atlas, held, head))
        except MemoryError:  # of Arrow too, whose own is an ArrowException as well
            raise
        except _DAMAGE as error:
            raise InputError(
                f"{held.path}: this file of the atlas is damaged ({error}): export it again"
            ) from error
    return seen


def _rows_that_begin(atlas: Atlas, held: Held, head: str) -> pa.Table:
    """Return the rows of a kernel whose names begin with ``head``; groups of rows that have none are not read.

    All in this thread. ``pyarrow.dataset`` would ask Arrow's thread pools, which wait for ever where there is too
    little memory to start a thread.
    """
    with atlas.files.open_input_file(held.path) as stream, pq.ParquetFile(stream, pre_buffer=False) as file:
        missing = set(_COLUMNS) - set(file.schema_arrow.names)
        if missing:
            raise ValueError(f"it has no column {min(missing)}")
        place = file.schema_arrow.get_field_index("name")
        groups = [file.metadata.row_group(group) for group in range(file.num_row_groups)]
        wanted = [at for at, group in enumerate(groups) if _may_begin(group.column(place).statistics, head)]
        table = file.read_row_groups(wanted, columns=_COLUMNS, use_threads=False)
    return table.filter(pc.starts_with(pc.cast(table["name"], "string"), head)) if head else table


def _may_begin(bounds: pq.Statistics | None, head: str) -> bool:
    """Tell whether a group of rows may have names that begin so, by the first and the last of them."""
    if bounds is None or not bounds.has_min_max:
        return True
    return str(bounds.min)[: len(head)] <= head <= str(bounds.max)[: len(head)]


def _fates(table: pa.Table) -> dict[str, Fate]:
    """Take together the symbols of one name in a kernel: kept where any is."""
    columns = (pc.cast(table[name], "string").to_pylist() for name in _COLUMNS)
    seen: dict[str, Fate] = {}
    for name, verdict, rule in zip(*columns, strict=True):
        before = seen.get(name)
        if verdict == "dropped":
            seen.setdefault(name, Fate("dropped", rule))
        else:
            seen[name] = Fate("kept", count=1 + (before.count if before else 0))
    return seen


def _matching(what: str, names: Iterable[str]) -> list[str]:
    if not is_glob(what):
        return [what]
    pattern = name_pattern(what)
    return [name for name in names if pattern.match(name.encode())]


def _lines(kernels: Sequence[Held]) -> list[tuple[str, list[Held]]]:
    lines: dict[str, list[Held]] = defaultdict(list)
    for held in kernels:
        lines[f"{held.facts['architecture']} {held.facts['flavour']}".rstrip()].append(held)
    return sorted(lines.items())


def _along(
    line: str, kernels: Sequence[Held], seen: dict[str, dict[str, Fate]], wanted: Sequence[str]
) -> list[History]:
    """Follow every wanted name that any kernel of a line has."""
    names = [seen[held.path] for held in kernels]
    moved = [_renamed(before, after) for before, after in zip([{}, *names[:-1]], names, strict=True)]
    here = [name for name in wanted if any(name in each for each in names)]
    return [History(name, line, _spans(name, kernels, names, moved)) for name in here]


def _renamed(before: dict[str, Fate], after: dict[str, Fate]) -> dict[str, str]:
    """Return the new names of those that were removed from one kernel to the next."""
    old, new = ({name for name, fate in side.items() if fate.verdict == "kept"} for side in (before, after))
    pairs, _, _ = pair_renamed(
        (name.encode() for name in sorted(old - new)), (name.encode() for name in sorted(new - old))
    )
    return {pair.old.decode(): pair.new.decode() for pair in pairs}


def _spans(
    name: str, kernels: Sequence[Held], names: Sequence[dict[str, Fate]], moved: Sequence[dict[str, str]]
) -> tuple[Span, ...]:
    fates = []
    now = ""
    for each, pairs in zip(names, moved, strict=True):
        now = "" if name in each else _followed(name, now, each, pairs)
        fates.append(each.get(name) or Fate("absent", now=now))
    spans = groupby(zip(fates, kernels, strict=True), key=lambda pair: pair[0])
    return tuple(Span(fate, tuple(held for _, held in group)) for fate, group in spans)


def _followed(name: str, now: str, names: dict[str, Fate], pairs: dict[str, str]) -> str:
    """Return what an absent name lives on as: what it was renamed to, and what that was renamed to in turn."""
    if name in pairs:
        return pairs[name]
    return now if now in names else pairs.get(now, "")
