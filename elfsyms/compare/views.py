# SPDX-License-Identifier: GPL-2.0-or-later
"""Whether files are link passes or kernels, and what of each is compared.

Banners tell: one text is one build, two are two kernels. Where a file has none, what the two have in common tells.
Files show different things of a kernel (the lines of nm, those of ``System.map``, the records of the tables), so of
each vmlinux the view is taken that the others have too.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from elfsyms.compare.shifts import count_steps
from elfsyms.compare.sources import Level, Source, code_letters
from elfsyms.errors import UsageError
from elfsyms.pipeline.filters import KEPT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from elfsyms.compare.difference import Mode
    from elfsyms.compare.pairing import Pairing
    from elfsyms.image.records import Records

__all__ = ["check_three", "chosen_views", "mode_of_banners", "mode_of_records"]

_LEVELS: tuple[Level, Level] = ("tables", "map")
_FEW, _SHARE = 32, 50  # two passes differ by at most 32 symbols and steps, or one in 50


def check_three(sources: Sequence[Source]) -> None:
    """Raise :class:`UsageError` for three files that are not passes of one build."""
    banners = {source.banner: source.title for source in sources if source.banner}
    if len(sources) > 2 and len(banners) > 1:
        raise UsageError(
            f"three files are three link passes of one build, and these are of {' and '.join(banners.values())}: "
            "give two of them"
        )


def mode_of_banners(sources: Sequence[Source]) -> Mode | None:
    """Tell passes by their one banner; None where a file has none."""
    banners = {source.banner for source in sources}
    if b"" in banners:
        return None
    return "passes" if len(banners) == 1 else "kernels"


def mode_of_records(a: Records, b: Records, pairing: Pairing) -> Mode:
    """Tell passes by how little differs: passes share their names, and move in a few runs."""
    most = max(_FEW, len(pairing.first) // _SHARE)
    alone = len(pairing.only_first) + len(pairing.only_second)
    return "passes" if alone <= most and count_steps(a, b, pairing) <= most else "kernels"


def chosen_views(sources: Sequence[Source], mode: Mode | None) -> list[Source]:
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
