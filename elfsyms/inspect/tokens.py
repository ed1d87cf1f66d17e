# SPDX-License-Identifier: GPL-2.0-or-later
"""The token sequence of one symbol in the tables: its codes, and the text that each stands for.

The codes come from compressing every symbol together, which takes half a second for a whole kernel. A finished
vmlinux holds its own tables, and so the answer: :meth:`OwnTables.sequence` reads the one record there, and takes it
only where it expands to the very symbol. Follows ``kernel/kallsyms.c``, ``kallsyms_expand_symbol``. Leaves the
decoding of whole tables to :mod:`elfsyms.decode`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from elfsyms.detect.evidence import find_tables

if TYPE_CHECKING:
    from elfsyms.pipeline.kernel import Kernel

__all__ = ["OwnTables", "TokenSequence", "fewest_codes", "made_sequence"]

_STEP = 256  # symbols to a marker
_LONGEST = 2 + 512  # bytes of a record: lengths, and a letter with the longest name, uncompressed
_HIGH = 0x80


@dataclass(frozen=True, slots=True)
class TokenSequence:
    """The codes of one symbol, the text of each, and the bytes that it takes in ``kallsyms_names``."""

    codes: bytes
    texts: tuple[bytes, ...]
    size: int


class OwnTables:
    """The name tables inside a finished image, read no further than asked for."""

    def __init__(self, kernel: Kernel) -> None:
        """Look for the tables' labels; nothing is read yet."""
        self._image = kernel.image
        self._release = kernel.release
        self._tables = dict(find_tables(kernel.symbols).addresses)

    @cached_property
    def tokens(self) -> tuple[bytes, ...]:
        """The text of each of the 256 codes; empty where the image holds no tables."""
        table = self._tables.get("token_table")
        index = self._numbers("token_index", 0, _STEP, 2)
        if table is None or index is None or not any(index):
            return ()
        texts = self._image.read_some(table, index[-1] + _LONGEST)
        return tuple(texts[start : texts.find(b"\0", start)] for start in index)

    def sequence(self, index: int, text: bytes) -> TokenSequence | None:
        """Return the tokens of the symbol at an index in the table, if they expand to ``text``, letter and name."""
        if not self.tokens:
            return None
        width = self._image.abi.word if self._release.wide_counts else 4
        marker = self._numbers("markers", index // _STEP * width, 1, width)
        names = self._tables.get("names")
        if marker is None or names is None:
            return None
        stream = self._image.read_some(names + marker[0], (index % _STEP + 1) * _LONGEST)
        codes, size = self._record(stream, index % _STEP)
        texts = tuple(self.tokens[code] for code in codes)
        return TokenSequence(codes, texts, size) if b"".join(texts) == text else None

    def _record(self, stream: bytes, count: int) -> tuple[bytes, int]:
        """Skip some records; return the codes of the next, and its size with the length."""
        start = 0
        while start < len(stream):
            length, head = stream[start], 1
            if length & _HIGH and self._release.length_encoding == "uleb128":
                if start + 1 == len(stream):
                    break
                length, head = (length & 0x7F) | stream[start + 1] << 7, 2
            if count == 0:
                return stream[start + head : start + head + length], head + length
            start += head + length
            count -= 1
        return b"", 0

    def _numbers(self, label: str, offset: int, count: int, width: int) -> list[int] | None:
        table = self._tables.get(label)
        data = None if table is None else self._image.read(table + offset, count * width)
        return None if data is None else np.frombuffer(data, f"{self._image.abi.byte_order}u{width}").tolist()


def made_sequence(kernel: Kernel, index: int) -> TokenSequence:
    """Return the token sequence that the tables elfsyms makes have for the symbol at an index; makes them all."""
    tables = kernel.tables
    sizes = tables.compressed.sizes
    end = int(sizes[: index + 1].sum())
    codes = tables.compressed.codes[end - int(sizes[index]) : end].tobytes()
    return TokenSequence(
        codes, tuple(tables.compressed.tokens[code] for code in codes), int(tables.name_sizes[index])
    )


def fewest_codes(text: bytes, tokens: tuple[bytes, ...]) -> int:
    """Return the least number of codes that expand to a text: what a symbol that is not in the tables would take.

    An estimate: the compression replaces pairs in the order in which it made them, and may need a code more.

    >>> fewest_codes(b"tab", (b"t", b"a", b"b", b"ab"))
    2
    """
    known = set(tokens)
    longest = max(map(len, known), default=1)
    least = [0]
    for end in range(1, len(text) + 1):
        starts = range(max(0, end - longest), end)
        least.append(1 + min((least[s] for s in starts if text[s:end] in known), default=least[end - 1]))
    return least[-1]
