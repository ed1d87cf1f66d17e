# SPDX-License-Identifier: GPL-2.0-or-later
"""A source of symbols to compare, whatever file it was: one form, and of a vmlinux three views.

A vmlinux can stand beside any other kind: by the lines of ``nm -n`` (what a link pass really contains, thunks
included), by those of its ``System.map``, and by the records of its tables. Other files have one view. How files
become sources is in ``inputs.py``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from elfsyms.detect.banner import kernel_name, read_banner
from elfsyms.image.records import CODE_LETTERS
from elfsyms.image.symbols import STT_FUNC, STT_GNU_IFUNC
from elfsyms.pipeline.filters import KEPT
from elfsyms.pipeline.kernel import Kernel

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from elfsyms.image.records import Records

__all__ = ["Level", "Source", "alike", "code_letters", "kernel_source"]

Level = Literal["listing", "map", "tables"]


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """Symbols to compare, and what is known about each.

    ``records`` are in the order of their addresses; ``rule`` (int16, one a record) is the index in ``RULES``
    of what keeps it out of the tables, or ``KEPT``; ``function`` (bool) is what ELF says of it, or where
    nothing else tells, the letter: a data section may be executable, and its letter then is that of code.
    ``bits`` is 32 where addresses wrap around there. ``banner`` is empty where the file has none.
    """

    path: str
    kind: Literal["vmlinux", "map", "object"]
    title: str  # the release, where it is known, else the file's name
    records: Records
    rule: NDArray[np.int16]
    function: NDArray[np.bool_]
    bits: int = 64
    banner: bytes = b""
    modules: int = 0
    kernel: Kernel | None = None

    @property
    def kept(self) -> NDArray[np.bool_]:
        """Which records the tables hold; all, where nothing tells."""
        return np.asarray(self.rule == KEPT)

    def close(self) -> None:
        """Close the file of a vmlinux."""
        if self.kernel is not None:
            self.kernel.image.close()

    def at(self, level: Level) -> Source:
        """Return the view of a vmlinux that stands beside maps or tables; other sources have one view."""
        return self if self.kernel is None else kernel_source(self.kernel, level)


def kernel_source(kernel: Kernel, level: Level) -> Source:
    """Return one view of a kernel."""
    lines, verdicts = kernel.listing.lines, kernel.verdicts
    if level == "tables":
        records = kernel.ordered.records
    else:
        shown = level == "listing" or verdicts.map_rule[lines.symbol] == KEPT
        records = lines.take(lines.defined & shown)
    banner = read_banner(kernel.image, kernel.symbols) or b""
    return Source(
        path=str(kernel.image.path),
        kind="vmlinux",
        title=_title(banner, kernel),
        records=records,
        rule=verdicts.rule[records.symbol],
        function=np.isin(kernel.symbols.type[records.symbol], (STT_FUNC, STT_GNU_IFUNC)),
        bits=kernel.image.abi.bits,
        banner=banner,
        kernel=kernel,
    )


def alike(sources: Sequence[Source]) -> list[Source]:
    """Give passes of one build the options of the last: an early pass has no tables that would tell them."""
    last = sources[-1]
    if last.kernel is None or len({source.banner for source in sources}) > 1:
        return list(sources)
    return [_with_options(source, last.kernel) for source in sources]


def _with_options(source: Source, model: Kernel) -> Source:
    kernel = source.kernel
    if kernel is None or (kernel.release, kernel.options) == (model.release, model.options):
        return source
    request = kernel.request.changed(release=model.release.name, **model.options.values())
    return kernel_source(Kernel(kernel.image, request), "listing")


def _title(banner: bytes, kernel: Kernel) -> str:
    """Return the release as ``uname -r`` says it, else as it was found."""
    return kernel_name(banner) or kernel.release.name


def code_letters(records: Records) -> NDArray[np.bool_]:
    """Mark the records whose letter is that of code."""
    return np.isin(records.letter, list(CODE_LETTERS.encode()))
