# SPDX-License-Identifier: GPL-2.0-or-later
"""Why a symbol is in the tables, or is not: for a name, a glob, an address, or a line that somebody pasted.

Finds the entries that a question means; the facts about each are :mod:`elfsyms.inspect.symbol_facts`'s, and
``cli/explain_text.py`` makes sentences of them. Questions by the thousand share what is made once: the names in a
dictionary, the entries as columns.

Leaves out what no symbol table knows: why a compiler made no symbol of a function.
"""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from elfsyms.errors import UsageError
from elfsyms.image.suffixes import base_name
from elfsyms.inspect.around import Neighbours
from elfsyms.inspect.explanation import Explanation, Fate, Gap, Lookup, TraceAddress
from elfsyms.inspect.globs import matching
from elfsyms.inspect.kaslr_offset import looks_moved
from elfsyms.inspect.lazy import LazyFacts
from elfsyms.inspect.names import NameIndex
from elfsyms.inspect.pasted import Pasted, asked_glob, has_words, parse_pasted, words
from elfsyms.inspect.probe_anchor import ANCHORS
from elfsyms.inspect.symbol_facts import FactsMaker
from elfsyms.pipeline.filters import KEPT
from elfsyms.releases.rules import NAMELESS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from elfsyms.inspect.aliases import Standing
    from elfsyms.inspect.explanation import SymbolFacts
    from elfsyms.inspect.similar import Near
    from elfsyms.pipeline.kernel import Kernel
    from elfsyms.trace.sources import Sources

__all__ = ["Explainer", "explain"]

_EAGER = 256  # symbols of one answer whose facts are collected at once
_FEW = 4  # symbols of one name whose source is told
_FUNCTIONS = {"FUNC", "IFUNC"}
_NAME = re.compile(r"[A-Za-z_][\w.$]*")
_MOST_UNITS = 100  # units of a header's function that are read


def explain(kernel: Kernel, what: str, *, tokens: bool = False, kaslr: int = 0) -> Explanation:
    """Explain a name, a glob, an address (``0xffffffff81000000``), or a line of a trace, an oops or perf.

    With ``tokens`` the names' tokens are worked out where the image's own tables do not tell them: half a
    second. ``kaslr`` is how far the running kernel was moved, in bytes: addresses asked for are its own.

    Raises :class:`UsageError` for an empty question.
    """
    return Explainer(kernel, tokens=tokens, kaslr=kaslr).explain(what)


class Explainer:
    """Answers many questions about one kernel; what they share is made once."""

    def __init__(
        self, kernel: Kernel, *, tokens: bool = False, kaslr: int = 0, sources: Sources | None = None
    ) -> None:
        """Take a kernel; see :func:`explain` for ``tokens`` and ``kaslr``.

        ``sources`` finds where functions come from; ``most_units`` is how many units it reads for a header's.
        """
        self.kernel = kernel
        self.sources = sources
        self.most_units: int | None = _MOST_UNITS
        self.maker = FactsMaker(kernel, tokens=tokens)
        self.kaslr = kaslr

    @property
    def standing(self) -> Standing:
        """The kept symbols in table order."""
        return self.maker.standing

    @cached_property
    def _neighbours(self) -> Neighbours:
        return Neighbours(self.kernel)

    @cached_property
    def _names(self) -> NameIndex:
        return NameIndex(self.kernel)

    def explain(self, what: str) -> Explanation:
        """Answer one question; see :func:`explain`."""
        answer = self._explain(what)
        return answer if self.sources is None else self._with_source(answer, self.sources)

    def _with_source(self, answer: Explanation, sources: Sources) -> Explanation:
        """Add where a function comes from, where one name is asked for that is a function's or nobody's."""
        if len(answer.symbols) > _FEW:
            return answer
        names = {base_name(facts.name) for facts in answer.symbols}
        kinds = {facts.type for facts in answer.symbols}
        if len(names) > 1 or (kinds and not kinds & _FUNCTIONS):
            return answer
        name = names.pop().decode("utf-8", "surrogateescape") if names else answer.what.strip()
        if not _NAME.fullmatch(name):
            return answer
        source = sources.of(name, self.most_units, [facts.value for facts in answer.symbols])
        if not source.definitions:
            return replace(answer, source=source)
        objects = tuple(sources.unit_of(facts.value) for facts in answer.symbols)
        return replace(answer, source=source, objects=objects)

    def _explain(self, what: str) -> Explanation:
        if not what.strip():
            raise UsageError("nothing to explain: give a name, a glob or an address")
        found = self._named(what)
        if found:
            return self._explain_name(what, found)
        if glob := asked_glob(what):
            return self._answer(what, self._globbed(glob))
        pasted = parse_pasted(what)
        if pasted is not None:
            return self._explain_pasted(what, pasted)
        if has_words(what):
            return self._explain_words(what)
        return self._answer(what, [], near=self._near(what, spellings=True))

    def facts(self, symbol: int) -> SymbolFacts:
        """Return the facts about one entry of the symbol table."""
        return self.maker.facts(symbol)

    def _answer(self, what: str, symbols: Sequence[int] | NDArray[np.int64], **more: Any) -> Explanation:
        """Make an answer about some entries; the facts of few are collected at once, while the file is open."""
        entries = np.asarray(symbols, np.int64)
        facts = LazyFacts(self.maker, entries)
        lazy = len(symbols) > _EAGER or self._names.many
        return Explanation(
            what, self._fate(entries), facts if lazy else tuple(facts), kaslr=self.kaslr, **more
        )

    def _fate(self, symbols: NDArray[np.int64]) -> Fate:
        """Return the verdict on all: dropped if any is, shadowed if any is and none is dropped."""
        if not len(symbols):
            return Fate.ABSENT
        if (self.kernel.verdicts.rule[symbols] != KEPT).any():
            return Fate.DROPPED
        return Fate.SHADOWED if self.standing.shadowed(symbols).any() else Fate.KEPT

    def _explain_name(self, what: str, found: list[int], trace: TraceAddress | None = None) -> Explanation:
        near = () if self._names.many else self._near(what, spellings=False)
        return self._answer(what, self._in_table_order(found), near=near, trace=trace)

    def _explain_words(self, what: str) -> Explanation:
        """Explain the first word of a line that is a name; the line as it is, where none is."""
        candidates = words(what)
        named = next((word for word in candidates if self._named(word)), None)
        if named is None:
            near = self._near(candidates[0], spellings=True) if len(candidates) == 1 else ()
            return self._answer(what, [], near=near)
        return self._answer(what, self._in_table_order(self._named(named)))

    def _explain_pasted(self, what: str, pasted: Pasted) -> Explanation:
        """Explain what a line names: by its symbol where this kernel has one, else by its address."""
        if pasted.module:
            trace = TraceAddress(_octets(pasted.name), pasted.offset, pasted.size, pasted.module)
            return self._answer(what, [], trace=trace)
        found = self._named(pasted.name) if pasted.name else []
        if found:
            return self._explain_in_symbol(what, pasted, found)
        if pasted.address is not None:
            return self._explain_address(what, pasted.address, _octets(pasted.name))
        trace = TraceAddress(_octets(pasted.name), pasted.offset, pasted.size, "")
        return self._answer(what, [], near=self._near(pasted.name, spellings=True), trace=trace)

    def _explain_in_symbol(self, what: str, pasted: Pasted, found: list[int]) -> Explanation:
        """Explain an offset in a symbol, choosing among those of its name by the size that the trace has."""
        kept = [symbol for symbol in found if self.kernel.verdicts.rule[symbol] == KEPT]
        symbols = self._in_table_order(kept or found)
        fitting = [symbol for symbol in symbols if pasted.size in self._sizes(symbol)]
        chosen = fitting or symbols
        trace = TraceAddress(
            name=_octets(pasted.name),
            offset=pasted.offset,
            size=pasted.size,
            module="",
            sizes=tuple(self._sizes(symbol)[0] for symbol in symbols),
            fits=pasted.size is None or bool(fitting),
            address=pasted.address,
        )
        if len(chosen) > 1 or pasted.offset is None:
            return self._answer(what, chosen, trace=trace)
        return self._explain_offset(what, chosen[0], pasted.offset, trace)

    def _explain_offset(self, what: str, symbol: int, offset: int, trace: TraceAddress) -> Explanation:
        """Explain an offset in one symbol: what a trace shows there, or that it is past the symbol's end."""
        address = self._value(symbol) + offset
        shift = None if trace.address is None else trace.address - address
        trace = replace(trace, shift=shift)
        size = self._sizes(symbol)[0]
        name = self.kernel.symbols.name(symbol)
        if offset and offset >= size > 0 and name in ANCHORS and trace.size is None:
            return self._explain_linked(what, address)  # as a probe is written
        if offset and offset >= size > 0:
            past = Gap("past end", name, size, offset - size)
            return self._answer(what, [symbol], address=address, trace=trace, gap=past)
        gap = self._neighbours.around(address).gap
        return self._answer(
            what, [symbol], address=address, lookup=self._lookup(address), trace=trace, gap=gap
        )

    def _explain_address(self, what: str, asked: int, name: bytes = b"") -> Explanation:
        """Find the symbols at an address, else those around it, else none."""
        if asked >= 1 << 64:
            raise UsageError(f"{what} is no address: it has more than 64 bits")
        trace = TraceAddress(name, None, None, "") if name else None
        return self._explain_linked(what, self._linked(asked), trace)

    def _explain_linked(self, what: str, address: int, trace: TraceAddress | None = None) -> Explanation:
        """Find the symbols at an address of the link."""
        around = self._neighbours.around(address)
        lookup = self._lookup(address) if around.held else None
        chosen = around.symbols or ([lookup.symbol] if lookup else [])
        moved = not chosen and not self.kaslr and looks_moved(self.kernel, address)
        more = {"lookup": lookup, "gap": around.gap, "trace": trace, "looks_moved": moved}
        return self._answer(what, chosen, address=address, **more)

    def _linked(self, asked: int) -> int:
        """Return where the file has an address of the running kernel; what never moves is where it is."""
        linked = asked - self.kaslr
        return linked if linked >= 0 and self._neighbours.around(linked).held else asked

    def _lookup(self, address: int) -> Lookup | None:
        records = self.standing.records
        index = self.standing.before(address)
        if index is None:
            return None
        offset = address - int(self.standing.addresses[index])
        return Lookup(int(records.symbol[index]), records.name(index), offset)

    def _value(self, symbol: int) -> int:
        return int(self.kernel.symbols.value[symbol]) & (1 << self.kernel.image.abi.bits) - 1

    def _sizes(self, symbol: int) -> tuple[int, int]:
        """Return the size that a trace prints for a symbol, and the file's."""
        size = int(self.kernel.symbols.size[symbol])
        index = self.standing.index(symbol)
        return (size if index is None else self.standing.extent(index)), size

    def _named(self, what: str) -> list[int]:
        """Return the entries of a name; those of files and sections only where there is no other."""
        found = self._names.find(_octets(what))
        named = [symbol for symbol in found if not self._names_nothing(symbol)]
        return named or found

    def _in_table_order(self, symbols: list[int]) -> list[int]:
        """Order entries as the tables have them; what is not in them comes last."""
        if len(symbols) < 2:
            return symbols
        indices = {symbol: self.standing.index(symbol) for symbol in symbols}
        return sorted(symbols, key=lambda symbol: (indices[symbol] is None, indices[symbol] or 0))

    def _names_nothing(self, symbol: int) -> bool:
        rule = self.maker.rule(self.kernel.verdicts.rule[symbol])
        return rule is not None and rule.id in NAMELESS

    def _globbed(self, glob: str) -> NDArray[np.int64]:
        """Return the entries that nm lists and a glob matches, in nm's order."""
        lines = self.kernel.listing.lines
        return lines.symbol[matching(lines, glob)]

    def _near(self, name: str, *, spellings: bool) -> tuple[Near, ...]:
        found = self._names.near(_octets(name), spellings=spellings)
        rules = self.kernel.verdicts.rule
        return tuple(replace(near, rule=self.maker.rule(rules[near.symbol])) for near in found)


def _octets(name: str) -> bytes:
    return name.encode("utf-8", "surrogateescape")
