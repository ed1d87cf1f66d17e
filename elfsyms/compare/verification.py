# SPDX-License-Identifier: GPL-2.0-or-later
"""The answer of verify, as values: what is missing or extra, moved, retyped, disordered, or faulty."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from elfsyms.compare.causes import Cause
    from elfsyms.compare.relation import Relation
    from elfsyms.compare.shifts import Shift
    from elfsyms.decode.checks import Fault

__all__ = ["Unmatched", "Verification", "WrongLetter"]


@dataclass(frozen=True, slots=True)
class Unmatched:
    """A symbol that is missing or extra, and why that may be."""

    name: bytes
    letter: str
    address: int
    cause: Cause


@dataclass(frozen=True, slots=True)
class WrongLetter:
    """A symbol with another letter than its symbol table entry has."""

    name: bytes
    expected: str
    found: str


@dataclass(frozen=True, slots=True)
class Verification:
    """The answer of :func:`verify`; ``expected`` and ``found`` count symbols.

    ``moved`` are runs of symbols at wrong addresses, ``disordered`` names that stand out of order. Of a
    running kernel, ``relation`` says whether it is this one; ``kaslr`` is the offset by which it moved (None:
    hidden), ``unseen`` counts hidden addresses, ``modules`` the lines set aside, ``unread`` those that are no
    symbols. ``unmapped`` counts symbols of the tables of which the map that they were compared with says nothing;
    ``has_data`` tells whether any symbol of the tables is data by its letter.
    ``mismatch`` says how the tables are not the release's, if they are not.
    """

    file: str
    against: str
    release: str
    options: tuple[str, ...]
    expected: int
    found: int
    missing: tuple[Unmatched, ...]
    extra: tuple[Unmatched, ...]
    moved: tuple[Shift, ...]
    retyped: tuple[WrongLetter, ...]
    disordered: tuple[bytes, ...]
    faults: tuple[Fault, ...]
    running: bool = False
    hidden: bool = False
    unseen: int = 0
    kaslr: int | None = None
    relation: Relation | None = None
    modules: int = 0
    unread: int = 0
    unmapped: int = 0
    has_data: bool = False
    mismatch: str = ""

    @property
    def equal(self) -> bool:
        """Whether both accounts agree in everything that can be seen."""
        wrong = self.missing or self.extra or self.moved or self.retyped or self.disordered or self.faults
        return not (wrong or self.unread)
