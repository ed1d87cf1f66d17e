# SPDX-License-Identifier: GPL-2.0-or-later
"""The first token compression, of 2.6.12 and 2.6.13: profitable substrings of a sample.

From a sample of about a thousand symbols, every substring of 2 to 11 codes is a candidate. A candidate costs ten
bytes of table and gains its length less one each time it occurs. For each free code, from 255 down, the candidate
of the highest profit becomes its token and is replaced in all symbols; symbols of the sample are forgotten before
and learned again after. Follows ``scripts/kallsyms.c`` of 2.6.12: ``build_initial_tok_table``, ``learn_symbol``,
``forget_symbol``, ``find_best_token``. Ties go to the candidate that was last moved to the head of its list, so
that the order of learning matters; a dict keeps it, its end being the head of the generator's list.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from elfsyms.pipeline.compress import Compressed, PairsRunOutError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

__all__ = ["compress_substrings"]

_CODES = 256
_SAMPLE = 1024
_LONGEST = 11
_COST = 10


def compress_substrings(material: NDArray[np.uint8], sizes: NDArray[np.int64]) -> Compressed:
    """Compress symbols as 2.6.12 does; arguments as for :func:`elfsyms.pipeline.compress.compress_pairs`.

    Raises :class:`PairsRunOutError` where there is no candidate at all.
    """
    symbols = material.tobytes().split(b"\0")[: len(sizes)]
    used = np.bincount(material, minlength=_CODES) > 0
    used[0] = False  # what separates the symbols
    tokens = {int(code): bytes([code]) for code in np.flatnonzero(used)}
    candidates = _Candidates()
    sample = _sample(len(symbols))
    for index in sample:
        candidates.learn(symbols[index])
    sampled = set(sample)
    for code in (np.flatnonzero(~used)[::-1]).tolist():
        token = candidates.best()
        _replace(symbols, token, bytes([code]), sampled, candidates)
        tokens[code] = b"".join(tokens[part] for part in token)
    return Compressed(
        codes=np.frombuffer(b"".join(symbols), np.uint8),
        sizes=np.array([len(symbol) for symbol in symbols], np.int64),
        tokens=tuple(tokens.get(code, b"") for code in range(_CODES)),
        pairs=(),
    )


def _sample(count: int) -> list[int]:
    """Choose every so-many-th symbol, about a thousand of them; all where there are fewer."""
    if count <= _SAMPLE:
        return list(range(count))
    chosen, owed = [], 0
    for index in range(count):
        owed += _SAMPLE
        if owed >= count:
            chosen.append(index)
            owed -= count
    return chosen


def _replace(
    symbols: list[bytes], token: bytes, code: bytes, sampled: set[int], candidates: _Candidates
) -> None:
    for index, symbol in enumerate(symbols):
        if token in symbol:
            symbols[index] = symbol.replace(token, code)
            if index in sampled:
                candidates.forget(symbol)
                candidates.learn(symbols[index])


class _Candidates:
    """Profits of substrings, in two lists as the generator has them; the last of a dict is a list's head."""

    def __init__(self) -> None:
        self.good: dict[bytes, int] = {}
        self.bad: dict[bytes, int] = {}

    def learn(self, symbol: bytes) -> None:
        """Count the substrings of a symbol."""
        for text in _substrings(symbol):
            if text in self.good:
                self.good[text] += len(text) - 1
            elif text not in self.bad:
                self.bad[text] = -_COST
            elif (profit := self.bad[text] + len(text) - 1) < 0:
                self.bad[text] = profit
            else:
                del self.bad[text]
                self.good[text] = profit

    def forget(self, symbol: bytes) -> None:
        """Take back what learning the symbol counted."""
        for text in _substrings(symbol):
            if text in self.bad:
                self.bad[text] -= len(text) - 1
            elif (profit := self.good[text] - len(text) + 1) >= 0:
                self.good[text] = profit
            else:
                del self.good[text]
                self.bad[text] = profit

    def best(self) -> bytes:
        """Return the most profitable substring, of equal ones that nearest to the head."""
        candidates = self.good or self.bad
        if not candidates:
            raise PairsRunOutError
        highest = max(candidates.values())
        return next(text for text in reversed(candidates) if candidates[text] == highest)


def _substrings(symbol: bytes) -> Iterator[bytes]:
    """Yield the substrings of 2 to 11 codes in the order of learning: by start, the longest first."""
    for start in range(len(symbol) - 1):
        for end in range(min(start + _LONGEST, len(symbol)), start + 1, -1):
            yield symbol[start:end]
