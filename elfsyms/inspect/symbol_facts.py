# SPDX-License-Identifier: GPL-2.0-or-later
"""The facts about one entry of ``.symtab``, read off the arrays that the pipeline made anyway.

Nothing is decided here. The verdict is the rule that :mod:`elfsyms.pipeline.filters` gave the entry; the rest is
evidence: what ``nm`` saw, where the ranges lie, which alias sorts first, how the address is encoded, which
tokens make up the name. For the same facts about all entries at once see :mod:`elfsyms.inspect.entries`.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from elfsyms.errors import EncodeError
from elfsyms.image.records import CODE_LETTERS
from elfsyms.image.symbols import SymbolClass, classify
from elfsyms.inspect.aliases import Standing
from elfsyms.inspect.explanation import Cost, Encoding, Probe, Step, SymbolFacts
from elfsyms.inspect.later_rules import later_rules
from elfsyms.inspect.objects import source_of
from elfsyms.inspect.probe_anchor import probe_anchor
from elfsyms.inspect.sections import section_name
from elfsyms.inspect.tokens import OwnTables, fewest_codes, made_sequence
from elfsyms.pipeline.addresses import OFFSET_SIZE, Addresses
from elfsyms.pipeline.addressing import addresses_of, moving
from elfsyms.pipeline.filters import KEPT
from elfsyms.pipeline.tables import length_sizes
from elfsyms.releases.rules import STAGES
from elfsyms.trace.kernel_facts import KernelFacts
from elfsyms.trace.traceability import rules_of_record, traceability

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from elfsyms.inspect.aliases import Position
    from elfsyms.inspect.tokens import TokenSequence
    from elfsyms.pipeline.kernel import Kernel
    from elfsyms.releases.rules import Rule
    from elfsyms.releases.trace_rules import TraceRule
    from elfsyms.trace.traceability import Traceability

__all__ = ["BINDINGS", "TYPES", "FactsMaker", "stages_of"]

BINDINGS = {0: "LOCAL", 1: "GLOBAL", 2: "WEAK", 10: "UNIQUE"}
TYPES = {0: "NOTYPE", 1: "OBJECT", 2: "FUNC", 3: "SECTION", 4: "FILE", 5: "COMMON", 6: "TLS", 10: "IFUNC"}

_FEW = 8  # symbols for which nothing is worked out for all


class FactsMaker:
    """Collects the facts about entries of one kernel; what they share is made once."""

    def __init__(self, kernel: Kernel, *, tokens: bool = False) -> None:
        """Take a kernel; ``tokens`` works the tokens out where the image's own tables do not tell them."""
        self.kernel = kernel
        self.tokens = tokens
        self._affected: dict[str, int] = {}
        self._asked = 0  # symbols whose facts were asked for

    @cached_property
    def standing(self) -> Standing:
        """The kept symbols in table order."""
        return Standing(self.kernel)

    @cached_property
    def own(self) -> OwnTables:
        """The tables that the image itself has."""
        return OwnTables(self.kernel)

    def _kind(self, symbol: int) -> SymbolClass:
        self._asked += 1
        if self._asked <= _FEW:
            return SymbolClass(int(classify(self.kernel.symbols, np.array([symbol]))[0]))
        return SymbolClass(int(self._kinds[symbol]))

    @cached_property
    def _kinds(self) -> NDArray[np.uint8]:
        return classify(self.kernel.symbols)

    @cached_property
    def _addresses(self) -> Addresses | EncodeError:
        """The address table, or the error with which the tables fail."""
        try:
            return addresses_of(self.kernel)
        except EncodeError as error:
            return error

    @cached_property
    def _anchor(self) -> tuple[bytes, int] | None:
        """What a probe's distance is counted from."""
        return probe_anchor(self.kernel.symbols, self._kept_addresses)

    def rule(self, index: int) -> Rule | None:
        """Return the rule of a verdict, None for what is kept."""
        return None if index == KEPT else self.kernel.release.book.rules[index]

    def facts(self, symbol: int) -> SymbolFacts:
        """Return the facts about one entry of the symbol table."""
        table, verdicts = self.kernel.symbols, self.kernel.verdicts
        rule = self.rule(verdicts.rule[symbol])
        position = self.standing.position(symbol) if rule is None else None
        sequence = self._token_sequence(position)
        encoding = self._encoding(position) if position else None
        kind = self._kind(symbol)
        return SymbolFacts(
            symbol=symbol,
            name=table.name(symbol),
            value=int(table.value[symbol]),
            size=int(table.size[symbol]),
            extent=self.standing.extent(position.index) if position else None,
            binding=BINDINGS.get(int(table.binding[symbol]), f"binding {table.binding[symbol]}"),
            type=TYPES.get(int(table.type[symbol]), f"type {table.type[symbol]}"),
            section=section_name(self.kernel, symbol),
            source=source_of(table, symbol),
            kind=kind,
            letter=chr(self.kernel.listing.letters[symbol]),
            table_letter=chr(self.standing.records.letter[position.index]) if position else "",
            rule=rule,
            map_rule=self.rule(verdicts.map_rule[symbol]),
            affected=self._affected_by(rule),
            next_rule=self.rule(int(later_rules(self.kernel, np.array([symbol]))[0])),
            steps=self._steps(rule),
            region=self._region(int(table.value[symbol])),
            position=position,
            moves=encoding.moves if encoding and not encoding.problem else kind is SymbolClass.RELATIVE,
            probe=self._probe(position) if position else None,
            encoding=encoding,
            token_sequence=sequence,
            cost=self._cost(symbol, sequence),
            traced=self._traced(symbol, position),
        )

    def _traced(self, symbol: int, position: Position | None) -> dict[str, TraceRule | None]:
        """Return who may trace it, for code that is kept."""
        if position is None or chr(self.standing.records.letter[position.index]) not in CODE_LETTERS:
            return {}
        if self._asked <= _FEW:
            return rules_of_record(self._of_kernel, position.index)
        return self._traceability.rules(symbol)

    @cached_property
    def _of_kernel(self) -> KernelFacts:
        return KernelFacts(self.kernel)

    @cached_property
    def _traceability(self) -> Traceability:
        return traceability(self.kernel)

    def _steps(self, rule: Rule | None) -> tuple[Step, ...]:
        stages = stages_of(self.kernel)
        last = stages.index(rule.stage) if rule else len(stages)
        return tuple(
            Step(stage, rule if index == last else None, reached=index <= last)
            for index, stage in enumerate(stages)
        )

    def _affected_by(self, rule: Rule | None) -> int:
        """Count the entries that one rule drops or, since one fix is for all, those of the ranges' stage."""
        if rule is None:
            return 0
        if rule.id not in self._affected:
            rules = enumerate(self.kernel.release.book.rules)
            alike = [i for i, other in rules if other is rule or rule.stage == other.stage == "range"]
            self._affected[rule.id] = int(np.isin(self.kernel.verdicts.rule, alike).sum())
        return self._affected[rule.id]

    def _region(self, address: int) -> tuple[str, str] | None:
        """Return the names of the range that holds an address, ends included."""
        pairs = zip(self.kernel.release.ranges, self.kernel.verdicts.boundaries.ranges, strict=True)
        return next((names for names, (first, last) in pairs if first <= address <= last and last), None)

    def _probe(self, position: Position) -> Probe | None:
        """Return where to probe one of several functions of a name."""
        letter = chr(self.standing.records.letter[position.index])
        if len(position.same_name) < 2 or letter not in CODE_LETTERS or self._anchor is None:
            return None
        name, address = self._anchor
        offset = int(self.standing.addresses[position.index]) - address
        return Probe(name, offset) if offset >= 0 else None

    def _kept_addresses(self, symbols: list[int]) -> list[int]:
        """Return the addresses of those of some entries that are in the tables."""
        indices = [self.standing.index(symbol) for symbol in symbols]
        return [int(self.standing.addresses[index]) for index in indices if index is not None]

    def _encoding(self, position: Position) -> Encoding:
        index = position.index
        percpu = bool(self.standing.percpu[index])
        if isinstance(self._addresses, EncodeError):
            return Encoding("", 0, None, moves=False, percpu=percpu, problem=str(self._addresses))
        table = self._addresses
        text = self.kernel.verdicts.boundaries.text
        moves = bool(moving(table, self.standing.percpu)[index])
        base = (
            {"word": text, "base": text + table.base, "pc-relative": text}.get(table.form) if moves else None
        )
        return Encoding(table.form, int(table.value[index]), base, moves, percpu)

    def _token_sequence(self, position: Position | None) -> TokenSequence | None:
        if position is None:
            return None
        records = self.standing.records
        text = bytes([int(records.letter[position.index])]) + records.name(position.index)
        own = self.own.sequence(position.index, text)
        return made_sequence(self.kernel, position.index) if own is None and self._makes_tables else own

    def _cost(self, symbol: int, sequence: TokenSequence | None) -> Cost:
        wide, release = self._address_size, self.kernel.release
        if sequence:
            return Cost(wide, sequence.size, release.sequence_width, exact=True)
        text = bytes([int(self.kernel.listing.letters[symbol])]) + self.kernel.symbols.name(symbol)
        tokens = self.kernel.tables.compressed.tokens if self._makes_tables else self.own.tokens
        codes = fewest_codes(text, tokens) if tokens else len(text)
        name = codes + int(length_sizes(np.array(codes), release))
        return Cost(wide, name, release.sequence_width, estimated=bool(tokens))

    @property
    def _makes_tables(self) -> bool:
        """Whether to work out the tables for what the image's own do not tell."""
        return self.tokens and isinstance(self._addresses, Addresses)

    @cached_property
    def _address_size(self) -> int:
        """The bytes of an address in the tables; an offset's where they cannot be made."""
        table = self._addresses
        return table.entry_size(self.kernel.image.abi) if isinstance(table, Addresses) else OFFSET_SIZE


def stages_of(kernel: Kernel) -> list[str]:
    """Return the stages that a kernel's release has between the symbol table and its tables."""
    release = kernel.release
    asked = {"nm", "read", "range"} | ({"map"} if release.map_is_input else set())
    return [stage for stage in STAGES if stage in asked or (stage == "valid" and release.book.of(stage))]
