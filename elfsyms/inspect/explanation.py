# SPDX-License-Identifier: GPL-2.0-or-later
"""What an explanation consists of: values alone, for ``explain.py`` to fill and others to show.

All are frozen; names are bytes, addresses whole numbers, entries of ``.symtab`` their index there.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from elfsyms.image.symbols import SymbolClass
    from elfsyms.inspect.aliases import Place
    from elfsyms.inspect.similar import Near
    from elfsyms.inspect.tokens import Spelling
    from elfsyms.releases.rules import Rule

__all__ = ["Cost", "Encoding", "Explanation", "Fate", "Lookup", "Step", "SymbolFacts"]


class Fate(Enum):
    """The verdict."""

    KEPT = "kept"
    SHADOWED = "shadowed"  # kept, but a lookup of its address finds an alias
    DROPPED = "dropped"
    ABSENT = "absent"


@dataclass(frozen=True, slots=True)
class Step:
    """One stage of the chain: passed where ``rule`` is None, or not asked any more (``reached`` False)."""

    stage: str
    rule: Rule | None
    reached: bool


@dataclass(frozen=True, slots=True)
class Encoding:
    """How an address stands in the table; ``form`` and ``stored`` as in :class:`elfsyms.pipeline.tables.Addresses`.

    ``base`` is the address that ``stored`` counts from, None where it is a plain number. ``moves``: with
    KASLR. ``problem``, if any, is the sentence of the error with which the tables fail.
    """

    form: str
    stored: int
    base: int | None
    moves: bool
    percpu: bool
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Cost:
    """Bytes in the tables: of the address, of the name with its length, of the name's place in the sequence.

    ``exact``: as the tables have it. ``estimated``: by the tokens that other symbols have. Else the name
    counts as
    if no token shortened it, which is the most that it can take.
    """

    address: int
    name: int
    sequence: int
    exact: bool = False
    estimated: bool = False

    @property
    def total(self) -> int:
        """The sum; markers, of which 256 symbols share one, left out."""
        return self.address + self.name + self.sequence


@dataclass(frozen=True, slots=True)
class SymbolFacts:
    """Everything about one entry of ``.symtab``.

    ``letter`` is nm's; ``table_letter`` the tables', empty where it is dropped. ``map_rule`` is what keeps it
    out of ``System.map``. ``region`` names the range that holds its address. ``fellows``: how many entries
    its cure would keep; ``next_rule``: what would drop it if its own rule did not. ``spelling`` is None where
    it was not looked up.
    """

    symbol: int
    name: bytes
    value: int
    size: int
    binding: str
    type: str
    section: str
    kind: SymbolClass
    letter: str
    table_letter: str
    rule: Rule | None
    map_rule: Rule | None
    fellows: int
    next_rule: Rule | None
    steps: tuple[Step, ...]
    region: tuple[str, str] | None
    place: Place | None
    encoding: Encoding | None
    spelling: Spelling | None
    cost: Cost

    @property
    def fate(self) -> Fate:
        """The verdict."""
        if self.rule is not None:
            return Fate.DROPPED
        return Fate.SHADOWED if self.place and self.place.shadowed else Fate.KEPT


@dataclass(frozen=True, slots=True)
class Lookup:
    """What the kernel says an address is: a symbol of the tables, and the distance from it."""

    symbol: int
    name: bytes
    offset: int


@dataclass(frozen=True, slots=True)
class Explanation:
    """The answer to one question; ``symbols`` is empty where there is none such in the file.

    ``near`` are variants and, for an absent name, close spellings. For an address, ``symbols`` are those at
    it or around it, ``address`` is the number, and ``lookup`` what a trace would print.
    """

    what: str
    symbols: tuple[SymbolFacts, ...]
    near: tuple[Near, ...] = ()
    address: int | None = None
    lookup: Lookup | None = None

    @property
    def fate(self) -> Fate:
        """The verdict: dropped if any of several is, shadowed if any is and none is dropped."""
        fates = {facts.fate for facts in self.symbols}
        return next((f for f in (Fate.DROPPED, Fate.SHADOWED, Fate.KEPT) if f in fates), Fate.ABSENT)
