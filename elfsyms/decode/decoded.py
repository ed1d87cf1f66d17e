# SPDX-License-Identifier: GPL-2.0-or-later
"""What comes out of decoding: the symbols, and the tables they were in, as plain arrays.

A value and what it is asked for; ``decode.py`` makes it. Leaves out modules, ftrace trampolines, BPF and kprobes,
which a running kernel's ``/proc/kallsyms`` adds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from elfsyms.image.nm_text import map_text
from elfsyms.image.records import Records

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from elfsyms.decode.checks import Fault
    from elfsyms.image.elf import Abi
    from elfsyms.releases.format_history import Release

__all__ = ["Decoded"]


@dataclass(frozen=True, slots=True, eq=False)
class Decoded:
    """The symbols that tables stand for, in table order, and the tables themselves as numbers.

    ``address`` (uint64), ``letter`` (uint8) and ``absolute`` (bool: a number that no relocation moves) have one
    element a symbol; so have ``start`` and ``size`` (int64), which locate the name in ``pool``. ``markers``,
    ``sequences`` and ``token_index`` (int64) are as they stand, ``tokens`` the texts of the 256 codes.

    ``form`` is that of :mod:`elfsyms.decode.addresses`; ``relative_base`` is None where there is none;
    ``percpu_rule`` tells whether ``--absolute-percpu`` was in force. ``tables`` and ``sizes`` are address and
    bytes of each table. With ``from_text`` the addresses that are not absolute are distances from ``_text``.
    ``faults`` are what the kernel would trip over.
    """

    release: Release
    abi: Abi
    form: str
    address: NDArray[np.uint64]
    letter: NDArray[np.uint8]
    absolute: NDArray[np.bool_]
    pool: bytes
    start: NDArray[np.int64]
    size: NDArray[np.int64]
    markers: NDArray[np.int64]
    sequences: NDArray[np.int64]
    tokens: tuple[bytes, ...]
    token_index: NDArray[np.int64]
    relative_base: int | None
    percpu_rule: bool
    tables: Mapping[str, int]
    sizes: Mapping[str, int]
    from_text: bool
    faults: tuple[Fault, ...]

    @property
    def problems(self) -> tuple[str, ...]:
        """The faults as sentences."""
        return tuple(fault.sentence for fault in self.faults)

    def __len__(self) -> int:
        """Return the number of symbols."""
        return len(self.address)

    def name(self, index: int) -> bytes:
        """Return the name of one symbol."""
        return self.records().name(index)

    def names(self) -> Iterator[bytes]:
        """Yield the names in table order."""
        return self.records().names()

    def records(self) -> Records:
        """Return the symbols as records; a record's ``symbol`` is its index in the table."""
        everyone = np.arange(len(self))
        defined = np.ones(len(self), np.bool_)
        return Records(everyone, self.address, self.letter, defined, self.pool, self.start, self.size)

    def text(self) -> bytes:
        """Return the lines ``ADDRESS LETTER NAME``, as ``/proc/kallsyms`` shows them to root."""
        return map_text(self.records(), self.abi)
