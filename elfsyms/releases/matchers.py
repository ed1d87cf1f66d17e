# SPDX-License-Identifier: GPL-2.0-or-later
"""How a rule looks at names and letters: a few kinds of matcher, each over all records at once.

The kernel's filters look at text: sed patterns over whole map lines, string comparisons over names. Here each
kind of pattern is a small value that can do two things: mark the records it matches (:meth:`marks`, by array
steps over eight bytes of each name at a time, 1 ms for 200,000 where a loop takes 40), and say the
regular expression it stands for on a line of the map (:attr:`line_pattern`), for the few inputs in which a name
has blanks and a line is not what it seems (``maptext.py``).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

import numpy as np

from elfsyms.image.nm_text import map_lines
from elfsyms.image.records import MASKS, chunks, numbers_everywhere

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from elfsyms.image.elf import Abi
    from elfsyms.image.records import Records

__all__ = [
    "Contains",
    "Exact",
    "Letters",
    "LinePattern",
    "Matcher",
    "Names",
    "Pattern",
    "Prefix",
    "Suffix",
    "begin_with",
]

_EIGHT = 8


class Names:
    """The names and letters of some records, with what several matchers ask for kept.

    ``strip`` is a prefix character that is passed over where a name begins with it (``--symbol-prefix``).
    ``abi`` tells how wide nm prints an address, for matchers that look at whole lines.
    """

    def __init__(self, records: Records, strip: bytes = b"", abi: Abi | None = None) -> None:
        """Look at records, with or without the symbol prefix."""
        self._records, self._abi = records, abi
        self.letter = records.letter
        self.pool = records.pool
        self.start, self.size = records.start, records.size
        self._numbers = numbers_everywhere(records.pool)
        if strip:
            first = chunks(self._numbers, self.start, self.size, 0) & np.uint64(0xFF)
            skip = (first == ord(strip)).astype(np.int64)
            self.start, self.size = self.start + skip, self.size - skip
        self._chunks: dict[int, NDArray[np.uint64]] = {}

    def chunk(self, at: int) -> NDArray[np.uint64]:
        """Return eight bytes of each name, as :func:`elfsyms.image.records.chunks` does; each is made once."""
        if at not in self._chunks:
            self._chunks[at] = chunks(self._numbers, self.start, self.size, at)
        return self._chunks[at]

    @cached_property
    def last(self) -> NDArray[np.uint64]:
        """The last eight bytes of each name, the last the highest, zeros before a shorter one."""
        last = self._numbers[self.start + np.maximum(self.size - _EIGHT, 0)]
        short = np.flatnonzero(self.size < _EIGHT)
        missing = _EIGHT - self.size.take(short)
        kept = last.take(short) << (_EIGHT * (missing % _EIGHT)).astype(np.uint64)
        last[short] = np.where(missing == _EIGHT, np.uint64(0), kept)
        return last

    @cached_property
    def lines(self) -> list[bytes]:
        """The lines of the map that show the records; :class:`ValueError` where no ABI was given."""
        if self._abi is None:
            raise ValueError("lines of which width?")
        return map_lines(self._records, self._abi)

    def name(self, index: int) -> bytes:
        """Return one name."""
        start = int(self.start[index])
        return self.pool[start : start + int(self.size[index])]

    def keep(self, candidates: NDArray[np.bool_], pattern: re.Pattern[bytes]) -> NDArray[np.bool_]:
        """Narrow candidates to those whose name matches a pattern."""
        marks = candidates.copy()
        for index in np.flatnonzero(candidates).tolist():
            marks[index] = pattern.match(self.name(index)) is not None
        return marks


class Matcher(Protocol):
    """What every kind can do."""

    def marks(self, names: Names) -> NDArray[np.bool_]:
        """Mark the records that match."""

    @property
    def line_pattern(self) -> bytes:
        """The regular expression of a map line ``ADDRESS LETTER NAME`` that the kernel's filter has."""


@dataclass(frozen=True, slots=True)
class Letters:
    """The letter is one of these."""

    letters: bytes

    def marks(self, names: Names) -> NDArray[np.bool_]:
        """Mark the records that match."""
        return np.isin(names.letter, list(self.letters))

    @property
    def line_pattern(self) -> bytes:
        """A letter between blanks, wherever it stands."""
        return b" [%b] " % self.letters


@dataclass(frozen=True, slots=True)
class Prefix:
    """The name begins with a text."""

    text: bytes

    def marks(self, names: Names) -> NDArray[np.bool_]:
        """Mark the records that match."""
        marks = np.ones(len(names.start), np.bool_)
        for at in range(0, len(self.text), _EIGHT):
            part = self.text[at : at + _EIGHT]
            marks &= names.chunk(at) & MASKS[len(part)] == np.uint64(int.from_bytes(part, "little"))
            if not marks.any():
                break
        return marks

    @property
    def line_pattern(self) -> bytes:
        """A blank and the text: the beginning of any word of the line."""
        return b" " + re.escape(self.text)


@dataclass(frozen=True, slots=True)
class Suffix:
    """The name ends with a text."""

    text: bytes

    def marks(self, names: Names) -> NDArray[np.bool_]:
        """Mark the records that match."""
        tail = self.text[-_EIGHT:]
        shift = np.uint64(8 * (_EIGHT - len(tail)))
        marks: NDArray[np.bool_] = names.last >> shift == np.uint64(int.from_bytes(tail, "little"))
        if len(self.text) <= _EIGHT:
            return marks
        return names.keep(marks, re.compile(b".*" + re.escape(self.text) + rb"\Z", re.DOTALL))

    @property
    def line_pattern(self) -> bytes:
        """The text at the line's end."""
        return re.escape(self.text) + rb"\Z"


@dataclass(frozen=True, slots=True)
class Exact:
    """The name is a text."""

    text: bytes

    def marks(self, names: Names) -> NDArray[np.bool_]:
        """Mark the records that match."""
        marks = Prefix(self.text).marks(names)
        marks &= names.size == len(self.text)
        return marks

    @property
    def line_pattern(self) -> bytes:
        """The text as the line's last word."""
        return b" " + re.escape(self.text) + rb"\Z"


@dataclass(frozen=True, slots=True)
class Contains:
    """The name contains a text."""

    text: bytes

    def marks(self, names: Names) -> NDArray[np.bool_]:
        """Mark the records that match: look for the text in the pool, then for the names around it.

        Names that share an end share it whole (a string table merges suffixes), so that of all occurrences before
        one NUL of the pool the last decides.
        """
        last: dict[int, int] = {}
        offset = names.pool.find(self.text)
        while offset >= 0:
            last[_piece_end(names.pool, offset)] = offset
            offset = names.pool.find(self.text, offset + 1)
        if not last:
            return np.zeros(len(names.start), np.bool_)
        ends = np.array(sorted(last), np.int64)
        offsets = np.array([last[end] for end in ends.tolist()], np.int64)
        end = names.start + names.size
        which = np.minimum(np.searchsorted(ends, end), len(ends) - 1)
        return np.asarray((ends[which] == end) & (offsets[which] >= names.start), np.bool_)

    @property
    def line_pattern(self) -> bytes:
        """The text, anywhere."""
        return re.escape(self.text)


@dataclass(frozen=True, slots=True)
class Pattern:
    r"""The name matches a regular expression at its beginning; ``\Z`` in it is the name's end.

    ``head`` is a text that every match begins with, ``holds`` one that it contains, so that few names need a
    closer look.
    """

    pattern: bytes
    head: bytes
    holds: bytes = b""

    def marks(self, names: Names) -> NDArray[np.bool_]:
        """Mark the records that match."""
        candidates = Prefix(self.head).marks(names)
        if self.holds:
            candidates &= Contains(self.holds).marks(names)
        return names.keep(candidates, re.compile(self.pattern))

    @property
    def line_pattern(self) -> bytes:
        """A blank and the expression: at the beginning of any word of the line."""
        return b" " + self.pattern


@dataclass(frozen=True, slots=True)
class LinePattern:
    """A regular expression is found in the map line, address and letter included: what a build tree may bring."""

    pattern: bytes

    def marks(self, names: Names) -> NDArray[np.bool_]:
        """Mark the records that match."""
        search = re.compile(self.pattern, re.DOTALL).search
        return np.array([search(line) is not None for line in names.lines], np.bool_)

    @property
    def line_pattern(self) -> bytes:
        """The expression itself."""
        return self.pattern


def begin_with(records: Records, prefixes: Iterable[str]) -> NDArray[np.bool_]:
    """Mark the records (bool) whose names begin with any of some texts."""
    names = Names(records)
    marks = np.zeros(len(records), np.bool_)
    for prefix in prefixes:
        marks |= Prefix(prefix.encode()).marks(names)
    return marks


def _piece_end(pool: bytes, offset: int) -> int:
    """Return where the piece around an offset ends: pieces are separated by NUL."""
    end = pool.find(b"\0", offset)
    return len(pool) if end < 0 else end
