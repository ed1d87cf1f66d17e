# SPDX-License-Identifier: GPL-2.0-or-later
"""What an explanation consists of: values alone, for ``explain.py`` to fill and others to show.

All are frozen; names are bytes, addresses whole numbers, entries of ``.symtab`` their index there.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from elfsyms.image.symbols import SymbolClass
    from elfsyms.inspect.aliases import Position
    from elfsyms.inspect.similar import Near
    from elfsyms.inspect.tokens import TokenSequence
    from elfsyms.releases.rules import Rule
    from elfsyms.releases.trace_rules import TraceRule
    from elfsyms.trace.sources import FunctionSource

__all__ = [
    "Cost",
    "Encoding",
    "Explanation",
    "Fate",
    "Gap",
    "Lookup",
    "Probe",
    "Step",
    "SymbolFacts",
    "TraceAddress",
]


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
    """Bytes in the tables: of the address, of the name with its length, of the name's position in the sequence.

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
class Probe:
    """Where to put a kprobe on a function whose name alone is ambiguous: at a distance from a unique symbol."""

    anchor: bytes
    offset: int


@dataclass(frozen=True, slots=True)
class SymbolFacts:
    """Everything about one entry of ``.symtab``.

    ``size`` is the file's; ``extent`` the distance to the next symbol, which is the size that a trace prints
    (None where it is dropped). ``source`` is the file that STT_FILE names for a local symbol. ``letter`` is
    nm's; ``table_letter`` the tables', empty where it is dropped. ``map_rule`` is what keeps it out of
    ``System.map``. ``region`` names the range that holds its address. ``affected``: how many entries its fix
    would keep; ``next_rule``: what would drop it if its own rule did not. ``moves``: with KASLR. ``probe`` is
    None where the name alone will do. ``token_sequence`` is None where it was not looked up. ``traced`` has for
    code that is kept the rule that refuses by who asks to trace it, None where it can be done.
    """

    symbol: int
    name: bytes
    value: int
    size: int
    extent: int | None
    binding: str
    type: str
    section: str
    source: str
    kind: SymbolClass
    letter: str
    table_letter: str
    rule: Rule | None
    map_rule: Rule | None
    affected: int
    next_rule: Rule | None
    steps: tuple[Step, ...]
    region: tuple[str, str] | None
    position: Position | None
    moves: bool
    probe: Probe | None
    encoding: Encoding | None
    token_sequence: TokenSequence | None
    cost: Cost
    traced: Mapping[str, TraceRule | None]

    @property
    def fate(self) -> Fate:
        """The verdict."""
        if self.rule is not None:
            return Fate.DROPPED
        return Fate.SHADOWED if self.position and self.position.shadowed else Fate.KEPT


@dataclass(frozen=True, slots=True)
class Lookup:
    """What the kernel says an address is: a symbol of the tables, and the distance from it."""

    symbol: int
    name: bytes
    offset: int


@dataclass(frozen=True, slots=True)
class TraceAddress:
    """An address as a trace prints it, compared with this kernel.

    ``size`` is None where the trace has none. ``sizes`` are those that this kernel would print for its symbols of
    that name; ``fits`` tells whether one of them is the trace's. ``address`` is what the line names beside it,
    ``shift`` how far that lies from where this kernel has it.
    """

    name: bytes
    offset: int | None
    size: int | None
    module: str
    sizes: tuple[int, ...] = ()
    fits: bool = True
    address: int | None = None
    shift: int | None = None


@dataclass(frozen=True, slots=True)
class Gap:
    """Between two symbols: behind the end of one, ``past`` bytes, and before the next, if there is one.

    ``kind`` is ``padding`` within a section, ``hole`` where no section lies, ``past end`` where a trace's offset
    reaches past its own symbol. ``size`` is that of the symbol before, 0 where none is known.
    """

    kind: Literal["padding", "hole", "past end"]
    before: bytes
    size: int
    past: int
    after: bytes = b""


@dataclass(frozen=True, slots=True)
class Explanation:
    """The answer to one question; ``symbols`` is empty where there is none such in the file.

    ``fate`` is dropped if any of several is, shadowed if any is and none is dropped. ``near`` are variants and,
    for an absent name, close spellings. For an address, ``symbols`` are those at it or around it, ``address``
    is where the file has it, and ``lookup`` what a trace would print; ``kaslr`` is how far the kernel was moved
    from there. ``looks_moved`` tells that an address lies where KASLR may have put this kernel. ``source`` is what
    debug information tells of a single name, where it was asked; ``objects`` are the sources of the units that
    hold the symbols, in their order.
    """

    what: str
    fate: Fate
    symbols: Sequence[SymbolFacts]
    near: tuple[Near, ...] = ()
    address: int | None = None
    lookup: Lookup | None = None
    trace: TraceAddress | None = None
    gap: Gap | None = None
    kaslr: int = 0
    looks_moved: bool = False
    source: FunctionSource | None = None
    objects: tuple[str, ...] = ()
