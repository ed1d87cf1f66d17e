# SPDX-License-Identifier: GPL-2.0-or-later
r"""The map as text, for the rare table whose names a line cannot carry.

The stock chain passes text from tool to tool. For nearly every kernel that makes no difference, and elfsyms never
makes the text. But a name may hold a blank, a newline, or nothing at all, or be longer than the generator's
buffer: then ``sed`` sees a line that is no line, and the generator's reader takes a piece of a name for an
address. To give stock's answer there too, this module writes the lines, filters them as ``mksysmap`` does, and
reads them as the release's ``read_symbol`` does, byte for byte; each record remembers its symbol.

Follows ``scripts/kallsyms.c``, ``read_symbol``: ``fscanf`` with ``"%llx %c %499s\n"`` until 6.0, 2048 bytes
until 6.4, ``getline`` and ``strtoull`` since 6.5.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from elfsyms.errors import EncodeError
from elfsyms.image.nm_text import map_lines
from elfsyms.image.records import records_of
from elfsyms.releases.matchers import Letters

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from elfsyms.image.elf import Abi
    from elfsyms.image.records import Records
    from elfsyms.releases.format_history import Release

__all__ = ["MapText", "is_plain", "read_text", "write_text"]

_SPACE = b" \t\n\v\f\r"
# A number to strtoull, and to fscanf: to that "0x" alone is one too (glibc has it so until 2.41).
_NUMBER = re.compile(rb"[ \t\n\v\f\r]*([+-]?)(?:0[xX](?=[0-9a-fA-F]))?([0-9a-fA-F]+)")
_SCANNED = re.compile(rb"[ \t\n\v\f\r]*([+-]?)(0[xX][0-9a-fA-F]*|[0-9a-fA-F]+)")
_BLANKS = re.compile(rb"[ \t\n\v\f\r]")
_GAP = re.compile(rb"[ \t\n\v\f\r]*")
_TOP = (1 << 64) - 1


@dataclass(frozen=True, slots=True)
class MapText:
    """Lines without their newlines, and for each the symbol table entry that it, or its beginning, is of."""

    lines: tuple[bytes, ...]
    symbols: tuple[int, ...]

    def __len__(self) -> int:
        """Return the number of lines."""
        return len(self.lines)

    def text(self) -> bytes:
        """Return the whole map."""
        return b"".join(line + b"\n" for line in self.lines)

    def without(self, patterns: Iterable[tuple[int, bytes]]) -> tuple[MapText, dict[int, int]]:
        """Remove the lines that a pattern is found in; return the rest, and the rules of symbols all gone.

        ``patterns`` are pairs of a rule and a regular expression.
        """
        tests = [(rule, re.compile(pattern, re.DOTALL)) for rule, pattern in patterns]
        hits = [next((r for r, test in tests if test.search(line)), None) for line in self.lines]
        pairs = list(zip(self.lines, self.symbols, hits, strict=True))
        left = [(line, symbol) for line, symbol, hit in pairs if hit is None]
        gone = {symbol: hit for _, symbol, hit in pairs if hit is not None}
        for _, symbol in left:
            gone.pop(symbol, None)
        return MapText(tuple(line for line, _ in left), tuple(s for _, s in left)), gone


def _word_width(reader: str) -> int:
    """Return how many bytes of a word the generator reads (``words of 499``); 0 where it reads lines."""
    kind, _, width = reader.rpartition(" ")
    return int(width) if kind else 0


def is_plain(records: Records, release: Release) -> bool:
    """Tell whether every record's line can only be read as what it is."""
    if release.reader == "symbols":
        return True  # no text is between the symbols and the generator
    width = _word_width(release.reader)
    if width:
        odd = (records.size == 0) | (records.size > width)
    else:
        book = release.book
        matchers = [book.rules[index].matcher for index in book.of("map")]
        # mksysmap drops most lines without an address by their letter, U or w; one that it leaves is not plain.
        gone = b"".join(m.letters for m in matchers if isinstance(m, Letters))
        odd = ~(records.defined | np.isin(records.letter, list(gone)))
    if bool(odd.any()):
        return False
    blank = any(bytes([space]) in records.pool for space in _SPACE)
    return not (blank and any(_BLANKS.search(name) for name in records.names()))


def write_text(records: Records, abi: Abi) -> MapText:
    """Write records as nm prints them, and split what it prints into lines."""
    lines: list[bytes] = []
    symbols: list[int] = []
    for symbol, text in zip(records.symbol.tolist(), map_lines(records, abi), strict=True):
        pieces = text.split(b"\n")
        lines += pieces
        symbols += [symbol] * len(pieces)
    return MapText(tuple(lines), tuple(symbols))


def read_text(text: MapText, release: Release) -> Records:
    """Read a map as the release's generator does.

    Raises :class:`EncodeError` where the generator gives up over a line.
    """
    width = _word_width(release.reader)
    rows = list(_read_words(text, width) if width else _read_lines(text))
    return records_of([row[1:] for row in rows], [row[0] for row in rows])


def _read_lines(text: MapText) -> Iterator[tuple[int, int, int, bytes]]:
    """Read as 6.5 and later: a number, a blank, a byte, a blank, the rest."""
    for line, symbol in zip(text.lines, text.symbols, strict=True):
        number = _NUMBER.match(line)
        end = number.end() if number else 0
        fields = line[end : end + 3]
        if not number or len(fields) < 3 or fields[::2] != b"  " or fields[1] >= 0x80:
            raise EncodeError(
                f"the generator gives up over the map line {line!r} (line format error): rename the symbol"
            )
        yield symbol, _value(number), fields[1], line[end + 3 :]


def _value(number: re.Match[bytes]) -> int:
    """Return what ``strtoull`` makes of a number: the highest where it is too large, whatever its sign."""
    value = int(number[2].lower().removeprefix(b"0x") or b"0", 16)
    if value > _TOP:
        return _TOP
    return -value & _TOP if number[1] == b"-" else value


def _read_words(text: MapText, width: int) -> Iterator[tuple[int, int, int, bytes]]:
    """Read as 6.4 and before: ``fscanf`` over the whole stream; where no number stands, the line is skipped."""
    stream = text.text()
    starts = [0]
    for line in text.lines:
        starts.append(starts[-1] + len(line) + 1)
    word = re.compile(rb"[^ \t\n\v\f\r]{1,%d}" % width)
    offset = 0
    while offset < len(stream):
        begin = _end(_GAP, stream, offset)
        match = _SCANNED.match(stream, offset)
        if not match:
            begin += stream[begin : begin + 1] in (b"+", b"-")  # a sign is gone already
            offset = _skip_line(stream, begin, width)
            continue
        letter = _end(_GAP, stream, match.end())
        name = word.match(stream, _end(_GAP, stream, letter + 1))
        if not name:
            return  # the stream ended within a record
        symbol = text.symbols[bisect_right(starts, begin) - 1]
        yield symbol, _value(match), stream[letter], name[0]
        offset = _end(_GAP, stream, name.end())


def _end(pattern: re.Pattern[bytes], text: bytes, offset: int) -> int:
    match = pattern.match(text, offset)
    return match.end() if match else offset


def _skip_line(stream: bytes, offset: int, width: int) -> int:
    """Skip to behind the newline, as ``fgets`` into the name's buffer does."""
    end = stream.find(b"\n", offset)
    end = len(stream) if end < 0 else end + 1
    return min(end, offset + width)
