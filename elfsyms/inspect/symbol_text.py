# SPDX-License-Identifier: GPL-2.0-or-later
r"""Questions about a text of symbols: ``System.map``, what nm printed, or a copy of ``/proc/kallsyms``.

A text tells addresses, letters, names and modules, and so what a trace prints of an address; not sections, sizes
and what was left out of it. Follows ``kernel/kallsyms.c``, ``s_show``; where the reader was not allowed to see
addresses they are 0, or ``(null)`` in some releases, and nothing can be said of where they lie.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path  # noqa: TC003 (a dataclass names it)
from typing import TYPE_CHECKING

import numpy as np

from elfsyms.image.mapfile import name_and_module
from elfsyms.image.records import Records
from elfsyms.inspect.globs import matching
from elfsyms.inspect.pasted import asked_glob, has_words, parse_pasted, words
from elfsyms.inspect.probe_anchor import ANCHORS
from elfsyms.inspect.similar import Near, close_spellings, variants

if TYPE_CHECKING:
    from collections.abc import Sequence

    from elfsyms.inspect.pasted import Pasted

__all__ = ["MOST_ALIASES", "Listed", "SymbolText", "TextAnswer", "parse_symbol_text"]

MOST_ALIASES = 64  # names at one address that are listed; how many there are is told beside them

_LINE = re.compile(
    rb"^(?:(?P<address>[0-9a-fA-F]{1,16})|\(null\)| +) (?P<letter>\S) (?P<rest>[^\n]*)$",
    re.MULTILINE,
)


@dataclass(frozen=True, slots=True)
class Listed:
    """One symbol of a text: its line, what it says, and which of how many of its name in its object it is.

    ``aliases`` are the first :data:`MOST_ALIASES` of the ``alias_count`` others at its address: each of
    thousands at one address would else name all others. ``extent`` is the distance to the next address,
    None where that is not known.
    """

    line: int
    address: int
    letter: str
    name: bytes
    module: str
    sympos: int
    same_name: int
    aliases: tuple[bytes, ...]
    alias_count: int
    extent: int | None


@dataclass(frozen=True, slots=True)
class TextAnswer:
    """The answer to a question; ``offset`` is counted from each symbol, ``size`` is what a trace has behind it."""

    what: str
    symbols: tuple[Listed, ...]
    near: tuple[Near, ...] = ()
    offset: int | None = None
    size: int | None = None

    @property
    def fits(self) -> bool:
        """Whether the size is one that this text's kernel would print."""
        return self.size is None or any(self.size == symbol.extent for symbol in self.symbols)


@dataclass(frozen=True, eq=False)
class SymbolText:
    """The lines of a text. ``records`` has one a line, ``modules`` their modules' names, empty for the kernel."""

    path: Path
    records: Records
    modules: tuple[str, ...]
    digits: int = 16

    @property
    def hidden(self) -> bool:
        """Whether the reader was not allowed to see addresses."""
        return not bool(self.records.address.any())

    @cached_property
    def _names(self) -> list[bytes]:
        return list(self.records.names())

    @cached_property
    def _counts(self) -> Counter[tuple[bytes, str]]:
        return Counter(zip(self._names, self.modules, strict=True))

    @cached_property
    def _ranks(self) -> list[int]:
        """Which of the lines of its name and module each line is, from 1."""
        seen: Counter[tuple[bytes, str]] = Counter()
        ranks = []
        for key in zip(self._names, self.modules, strict=True):
            seen[key] += 1
            ranks.append(seen[key])
        return ranks

    @cached_property
    def _by_address(self) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        """The lines that have an address, by it; of one address in the order of the text."""
        lines = np.flatnonzero(self.records.defined)
        return lines[np.argsort(self.records.address[lines], kind="stable")]

    @cached_property
    def _sorted(self) -> np.ndarray[tuple[int], np.dtype[np.uint64]]:
        """The addresses of :attr:`_by_address`, ascending."""
        return self.records.address[self._by_address]

    def explain(self, what: str) -> TextAnswer:
        """Answer a question: a name, a glob, an address, or a line of a trace."""
        name = what.encode("utf-8", "surrogateescape")
        if name in self._by_name:
            return TextAnswer(what, self._listed(self._by_name[name]), self._near(name, spellings=False))
        if glob := asked_glob(what):
            return TextAnswer(what, self._listed(np.flatnonzero(matching(self.records, glob)).tolist()))
        pasted = parse_pasted(what)
        return self._of_words(what) if pasted is None else self._of_pasted(what, pasted)

    def _of_words(self, what: str) -> TextAnswer:
        """Answer with the first word of a line that is a name; else with names near to the whole."""
        named = (word.encode() for word in words(what) if has_words(what))
        found = next((self._by_name[name] for name in named if name in self._by_name), [])
        near = () if found else self._near(what.encode("utf-8", "surrogateescape"), spellings=True)
        return TextAnswer(what, self._listed(found), near)

    def _of_pasted(self, what: str, pasted: Pasted) -> TextAnswer:
        """Answer what a line names: by its symbol where the text has it, else by its address."""
        name = pasted.name.encode()
        if name in self._by_name:
            of_module = (i for i in self._by_name[name] if pasted.module in ("", self.modules[i]))
            symbols = self._listed(list(of_module))
            fitting = tuple(s for s in symbols if pasted.size is not None and s.extent == pasted.size)
            if name in ANCHORS and symbols and pasted.size is None and _is_past(symbols[0], pasted.offset):
                return self._at(what, symbols[0].address + (pasted.offset or 0))  # as a probe is written
            return TextAnswer(what, fitting or symbols, (), pasted.offset, pasted.size)
        if pasted.address is not None and not self.hidden:
            return self._at(what, pasted.address)
        return TextAnswer(what, (), self._near(name, spellings=True))

    @cached_property
    def _by_name(self) -> dict[bytes, list[int]]:
        lines: dict[bytes, list[int]] = {}
        for line, name in enumerate(self._names):
            lines.setdefault(name, []).append(line)
        return lines

    def _at(self, what: str, address: int) -> TextAnswer:
        """Return the first symbol at the next lower address, as a lookup of the kernel finds it.

        None for an address above the last symbol: how far that reaches, a text does not tell.
        """
        index = int(self._sorted.searchsorted(np.uint64(address & (1 << 64) - 1), "right")) - 1
        if index < 0:
            return TextAnswer(what, ())
        start = self._sorted[index]
        if address > int(start) and self._extent(int(start)) is None:
            return TextAnswer(what, ())
        first = int(self._at_address(int(start))[0])
        return TextAnswer(what, self._listed([first]), (), address - int(start))

    def _listed(self, lines: Sequence[int]) -> tuple[Listed, ...]:
        return tuple(self._one(line) for line in lines)

    def _one(self, line: int) -> Listed:
        name, module = self._names[line], self.modules[line]
        address = int(self.records.address[line])
        known = not self.hidden and bool(self.records.defined[line])
        at = self._at_address(address) if known else self._by_address[:0]
        others = [i for i in at[: MOST_ALIASES + 1].tolist() if i != line]
        return Listed(
            line=line,
            address=address,
            letter=chr(int(self.records.letter[line])),
            name=name,
            module=module,
            sympos=self._ranks[line],
            same_name=self._counts[name, module],
            aliases=tuple(self._names[i] for i in others[:MOST_ALIASES]),
            alias_count=max(len(at) - 1, 0),
            extent=self._extent(address) if known else None,
        )

    def _at_address(self, address: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        """Return the lines at an address, in the order of the text."""
        left, right = (self._sorted.searchsorted(np.uint64(address), side) for side in ("left", "right"))
        return self._by_address[left:right]

    def _extent(self, address: int) -> int | None:
        after = int(self._sorted.searchsorted(np.uint64(address), "right"))
        return int(self._sorted[after]) - address if after < len(self._sorted) else None

    def _near(self, name: bytes, *, spellings: bool) -> tuple[Near, ...]:
        found = variants(self.records, name)
        return tuple(found or (close_spellings(self.records, name) if spellings else []))


def _is_past(symbol: Listed, offset: int | None) -> bool:
    """Tell whether an offset lies behind a symbol, as far as the text tells where it ends."""
    return bool(offset and symbol.extent and offset >= symbol.extent)


def parse_symbol_text(path: Path, data: bytes) -> SymbolText | None:
    r"""Parse a text of symbols; None for what has no such line.

    >>> text = parse_symbol_text(Path("kallsyms"), b"c0008000 T _text\nbf000000 t init\t[fuse]\n")
    >>> text.modules, list(text.records.names())
    (('', 'fuse'), [b'_text', b'init'])
    """
    matches = (match.groups() for match in _LINE.finditer(data))
    rows = [
        (address, letter, *parts)
        for address, letter, rest in matches
        if (parts := name_and_module(rest)) is not None
    ]
    if not rows:
        return None
    size = np.array([len(row[2]) for row in rows], np.int64)
    records = Records(
        symbol=np.arange(len(rows)),
        address=np.array([int(row[0] or b"0", 16) for row in rows], np.uint64),
        letter=np.array([row[1][0] for row in rows], np.uint8),
        defined=np.array([row[0] is not None for row in rows], np.bool_),
        pool=b"\0".join([row[2] for row in rows]) + b"\0",
        start=np.cumsum(size + 1) - size - 1,
        size=size,
    )
    digits = max((len(row[0]) for row in rows if row[0]), default=16)
    modules = tuple((row[3] or b"").decode("utf-8", "surrogateescape") for row in rows)
    return SymbolText(path, records, modules, 8 if digits <= 8 else 16)
