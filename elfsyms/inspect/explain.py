# SPDX-License-Identifier: GPL-2.0-or-later
"""Why a symbol is in the tables, or is not: the facts of every stage, for a name, a glob or an address.

Nothing is decided here. The verdict is the rule that :mod:`elfsyms.pipeline.filters` gave the entry; the rest is
evidence, read off the arrays that the pipeline made anyway: what ``nm`` saw, where the ranges lie, which
alias stands first, how the address is encoded, which tokens spell the name. ``cli/explain.py`` makes
sentences of it.

Leaves out what no symbol table knows: why a compiler made no symbol of a function, and whether a kept one may
be probed or patched.
"""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from elfsyms.errors import EncodeError, UsageError
from elfsyms.image.records import Records
from elfsyms.image.symbols import SymbolClass, classify
from elfsyms.inspect.aliases import Standing
from elfsyms.inspect.explanation import Cost, Encoding, Explanation, Lookup, Step, SymbolFacts
from elfsyms.inspect.globs import is_glob, matching
from elfsyms.inspect.similar import close_spellings, variants
from elfsyms.inspect.tokens import OwnTables, fewest_codes, made_spelling
from elfsyms.pipeline.addresses import Addresses
from elfsyms.pipeline.addressing import addresses_of, moving, seen_address
from elfsyms.pipeline.filters import KEPT
from elfsyms.releases.matchers import Names
from elfsyms.releases.rules import STAGES

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from elfsyms.inspect.aliases import Place
    from elfsyms.inspect.similar import Near
    from elfsyms.inspect.tokens import Spelling
    from elfsyms.pipeline.kernel import Kernel
    from elfsyms.releases.rules import Rule

__all__ = ["BINDINGS", "TYPES", "Explainer", "explain"]

_ADDRESS = re.compile(r"0[xX][0-9a-fA-F]+|[0-9a-fA-F]{8,16}")
_TRACE = re.compile(r"(?P<name>.+)\+(?P<offset>0x[0-9a-fA-F]+)(?:/0x[0-9a-fA-F]+)?")
_NO_PLACE = ("KS101", "KS102", "KS103")  # entries that stand for no place under a name

BINDINGS = {0: "LOCAL", 1: "GLOBAL", 2: "WEAK", 10: "UNIQUE"}
TYPES = {0: "NOTYPE", 1: "OBJECT", 2: "FUNC", 3: "SECTION", 4: "FILE", 5: "COMMON", 6: "TLS", 10: "IFUNC"}


def explain(kernel: Kernel, what: str, *, spell: bool = False) -> Explanation:
    """Explain a name, a glob, an address (``0xffffffff81000000``) or a place in a trace (``schedule+0x2e``).

    With ``spell`` the names' tokens are worked out where the image's own tables do not tell them: half a
    second.

    Raises :class:`UsageError` for an empty question.
    """
    return Explainer(kernel, spell=spell).explain(what)


class Explainer:
    """Answers many questions about one kernel; what they share is made once."""

    def __init__(self, kernel: Kernel, *, spell: bool = False) -> None:
        """Take a kernel; see :func:`explain` for ``spell``."""
        self.kernel = kernel
        self.spell = spell

    @cached_property
    def standing(self) -> Standing:
        """The kept symbols in table order."""
        return Standing(self.kernel)

    @cached_property
    def own(self) -> OwnTables:
        """The tables that the image itself has."""
        return OwnTables(self.kernel)

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

    def explain(self, what: str) -> Explanation:
        """Answer one question; see :func:`explain`."""
        if not what:
            raise UsageError("nothing to explain: give a name, a glob or an address")
        name = what.encode("utf-8", "surrogateescape")
        if found := self._named(name):
            ordered = sorted(found, key=self._table_place)
            return Explanation(what, self._facts(ordered), self._near(name, spellings=False))
        if is_glob(what):
            return Explanation(what, self._facts(self._globbed(what)))
        address = self._address(what)
        if address is not None:
            return self._explain_address(what, address)
        return Explanation(what, (), self._near(name, spellings=True))

    def facts(self, symbol: int) -> SymbolFacts:
        """Return the facts about one entry of the symbol table."""
        table, verdicts = self.kernel.symbols, self.kernel.verdicts
        rule = self._rule(verdicts.rule[symbol])
        place = self.standing.place(symbol) if rule is None else None
        spelling = self._spelling(place)
        return SymbolFacts(
            symbol=symbol,
            name=table.name(symbol),
            value=int(table.value[symbol]),
            size=int(table.size[symbol]),
            binding=BINDINGS.get(int(table.binding[symbol]), f"binding {table.binding[symbol]}"),
            type=TYPES.get(int(table.type[symbol]), f"type {table.type[symbol]}"),
            section=table.section_name(symbol),
            kind=SymbolClass(int(self._kinds[symbol])),
            letter=chr(self.kernel.listing.letters[symbol]),
            table_letter=chr(self.standing.records.letter[place.index]) if place else "",
            rule=rule,
            map_rule=self._rule(verdicts.map_rule[symbol]),
            fellows=self._fellows(rule),
            next_rule=self._next_rule(symbol, rule),
            steps=self._steps(rule),
            region=self._region(int(table.value[symbol])),
            place=place,
            encoding=self._encoding(place) if place else None,
            spelling=spelling,
            cost=self._cost(symbol, spelling),
        )

    def _facts(self, symbols: list[int]) -> tuple[SymbolFacts, ...]:
        return tuple(map(self.facts, symbols))

    def _named(self, name: bytes) -> list[int]:
        """Return the entries of a name; those of files and sections only where there is no other."""
        found = self.kernel.symbols.find(name)
        places = [symbol for symbol in found if not self._is_no_place(symbol)]
        return places or found

    def _table_place(self, symbol: int) -> float:
        """Order entries as the tables have them; what is not in them comes last."""
        index = self.standing.index(symbol)
        return float("inf") if index is None else index

    def _is_no_place(self, symbol: int) -> bool:
        rule = self._rule(self.kernel.verdicts.rule[symbol])
        return rule is not None and rule.id in _NO_PLACE

    def _globbed(self, glob: str) -> list[int]:
        """Return the entries that nm lists and a glob matches, in nm's order."""
        lines = self.kernel.listing.lines
        symbols: list[int] = lines.symbol[matching(lines, glob)].tolist()
        return symbols

    def _near(self, name: bytes, *, spellings: bool) -> tuple[Near, ...]:
        lines = self.kernel.listing.lines
        found = variants(lines, name)
        found += close_spellings(lines, name) if spellings and not found else []
        return tuple(replace(near, rule=self._rule(self.kernel.verdicts.rule[near.symbol])) for near in found)

    def _address(self, what: str) -> int | None:
        """Return the address that a text is, or None."""
        if _ADDRESS.fullmatch(what):
            return int(what, 16)
        trace = _TRACE.fullmatch(what)
        found = self._named(trace["name"].encode()) if trace else []
        if trace is None or not found:
            return None
        kept = [symbol for symbol in found if self.kernel.verdicts.rule[symbol] == KEPT]
        return int(self.kernel.symbols.value[(kept or found)[0]]) + int(trace["offset"], 16)

    def _explain_address(self, what: str, address: int) -> Explanation:
        """Find the symbols at an address, else those around it, else none."""
        if address >= 1 << 64:
            raise UsageError(f"{what} is no address: it has more than 64 bits")
        table, lines = self.kernel.symbols, self.kernel.listing.lines
        value = seen_address(self.kernel, lines.address)
        offset = np.uint64(address & ((1 << 64) - 1)) - value
        at = lines.defined & (offset == 0)
        around = lines.defined & (value <= np.uint64(address)) & (offset < table.size[lines.symbol])
        chosen = lines.symbol[at if at.any() else around].tolist()
        held = bool(chosen) or any(section.holds(address) for section in table.sections)
        lookup = self._lookup(address) if held else None
        if not chosen and lookup is not None:
            return Explanation(what, self._facts([lookup.symbol]), address=address, lookup=lookup)
        return Explanation(what, self._facts(chosen), address=address, lookup=lookup)

    def _lookup(self, address: int) -> Lookup | None:
        records = self.standing.records
        place = self.standing.before(address)
        if place is None:
            return None
        offset = address - int(self.standing.addresses[place])
        return Lookup(int(records.symbol[place]), records.name(place), offset)

    def _steps(self, rule: Rule | None) -> tuple[Step, ...]:
        """Return the stages that this release has between the symbol table and its tables."""
        release = self.kernel.release
        asked = {"nm", "read", "range"} | ({"map"} if release.map_is_input else set())
        stages = [
            stage for stage in STAGES if stage in asked or (stage == "valid" and release.book.of(stage))
        ]
        last = stages.index(rule.stage) if rule else len(stages)
        return tuple(
            Step(stage, rule if place == last else None, reached=place <= last)
            for place, stage in enumerate(stages)
        )

    def _fellows(self, rule: Rule | None) -> int:
        """Count the entries that one rule drops or, since one cure is for all, those of the ranges' stage."""
        if rule is None:
            return 0
        rules = self.kernel.release.book.rules
        alike = [
            at for at, other in enumerate(rules) if other is rule or rule.stage == other.stage == "range"
        ]
        return int(np.isin(self.kernel.verdicts.rule, alike).sum())

    def _region(self, address: int) -> tuple[str, str] | None:
        """Return the names of the range that holds an address, ends included."""
        pairs = zip(self.kernel.release.ranges, self.kernel.verdicts.landmarks.ranges, strict=True)
        return next((names for names, (first, last) in pairs if first <= address <= last and last), None)

    def _next_rule(self, symbol: int, rule: Rule | None) -> Rule | None:
        """Return what would drop an entry outside the ranges once they do not count."""
        if rule is None or rule.stage != "range":
            return None
        table = self.kernel.symbols
        one = Records(
            symbol=np.array([symbol]),
            address=table.value[[symbol]],
            letter=self.kernel.listing.letters[[symbol]],
            defined=np.array([True]),
            pool=table.strings,
            start=table.name_start[[symbol]],
            size=table.name_size[[symbol]],
        )
        plain, bare = Names(one), Names(one, self.kernel.options.symbol_prefix)
        book = self.kernel.release.book
        later = (book.rules[index] for index in book.of("valid"))
        hits = (r for r in later if r.matcher and r.matcher.marks(bare if r.stripped else plain)[0])
        return next(hits, None)

    def _encoding(self, place: Place) -> Encoding:
        index = place.index
        percpu = bool(self.standing.percpu[index])
        if isinstance(self._addresses, EncodeError):
            return Encoding("", 0, None, moves=False, percpu=percpu, problem=str(self._addresses))
        table = self._addresses
        text = self.kernel.verdicts.landmarks.text
        moves = bool(moving(table, self.standing.percpu)[index])
        base = {"word": text, "base": text + table.base, "place": text}.get(table.form) if moves else None
        return Encoding(table.form, int(table.value[index]), base, moves, percpu)

    def _spelling(self, place: Place | None) -> Spelling | None:
        if place is None:
            return None
        records = self.standing.records
        text = bytes([int(records.letter[place.index])]) + records.name(place.index)
        own = self.own.spelling(place.index, text)
        return made_spelling(self.kernel, place.index) if own is None and self._makes_tables else own

    def _cost(self, symbol: int, spelling: Spelling | None) -> Cost:
        wide = self.kernel.image.abi.word if self._has_words else 4
        if spelling:
            return Cost(wide, spelling.size, self.kernel.release.sequence_width, exact=True)
        text = bytes([int(self.kernel.listing.letters[symbol])]) + self.kernel.symbols.name(symbol)
        tokens = self.kernel.tables.compressed.tokens if self._makes_tables else self.own.tokens
        codes = fewest_codes(text, tokens) if tokens else len(text)
        return Cost(wide, codes + 1, self.kernel.release.sequence_width, estimated=bool(tokens))

    @property
    def _makes_tables(self) -> bool:
        """Whether to work out the tables for what the image's own do not tell."""
        return self.spell and isinstance(self._addresses, Addresses)

    @cached_property
    def _has_words(self) -> bool:
        """Whether the address table is as wide as a pointer."""
        return isinstance(self._addresses, Addresses) and self._addresses.form == "word"

    def _rule(self, index: int) -> Rule | None:
        return None if index == KEPT else self.kernel.release.book.rules[index]
