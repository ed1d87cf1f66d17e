# SPDX-License-Identifier: GPL-2.0-or-later
"""Token compression: equality with the documented algorithm, done here the slow and plain way."""

from __future__ import annotations

import random
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from elfsyms.pipeline import byte_pairs, compress
from elfsyms.pipeline.compress import Compressed, PairsRunOutError, compress_pairs
from elfsyms.pipeline.substrings import compress_substrings


def compressed(symbols: list[bytes], *, stops_at_zero: bool = True) -> Compressed:
    """Compress symbols with elfsyms."""
    material = np.frombuffer(b"".join(symbol + b"\0" for symbol in symbols), np.uint8)
    sizes = np.array([len(symbol) for symbol in symbols], np.int64)
    return compress_pairs(material, sizes, stops_at_zero=stops_at_zero)


def pieces(result: Compressed) -> list[bytes]:
    """Return the codes of each symbol."""
    codes, ends = result.codes.tobytes(), np.cumsum(result.sizes).tolist()
    return [codes[start:end] for start, end in zip([0, *ends], ends, strict=False)]


def documented(symbols: list[bytes]) -> tuple[list[bytes], list[bytes]]:
    """Compress as the history says: count all pairs, replace the most frequent, and again; return codes and tokens.

    Of pairs equally frequent the one of the smallest ``x + 256 * y`` is taken; bytes that occur stand for
    themselves.
    """
    used = set(b"".join(symbols))
    tokens = [bytes([code]) if code in used else b"" for code in range(256)]
    for code in sorted(set(range(256)) - used, reverse=True):
        counts = Counter(pair for symbol in symbols for pair in pairwise(symbol))
        if not counts:
            break
        first, second = min(counts, key=lambda pair: (-counts[pair], pair[0] + 256 * pair[1]))
        symbols = [symbol.replace(bytes([first, second]), bytes([code])) for symbol in symbols]
        tokens[code] = tokens[first] + tokens[second]
    return symbols, tokens


def names(letters: bytes, longest: int = 24) -> st.SearchStrategy[list[bytes]]:
    """Make lists of symbols of an alphabet."""
    symbol = st.lists(st.sampled_from(letters), min_size=1, max_size=longest).map(bytes)
    return st.lists(symbol, max_size=25)


WORDS = ["T", "t", "_", "__", "tcp", "sock", "init", "aaaa", "aaa", "get", "abab", "0", "s"]
KERNEL_LIKE = st.lists(st.lists(st.sampled_from(WORDS), min_size=1, max_size=7).map("".join), max_size=40)
ANY_BYTE = bytes(range(1, 256))


@settings(deadline=None)
@given(symbols=st.one_of(names(b"ab"), names(b"abcT_"), names(ANY_BYTE)))
@example(symbols=[b"aaaa"])
@example(symbols=[b"aaa", b"aaaaa", b"a"])
@example(symbols=[b"abababab", b"babab"])
@example(symbols=[ANY_BYTE, ANY_BYTE])
@example(symbols=[])
def test_result_is_that_of_the_documented_algorithm(symbols: list[bytes]) -> None:
    """Codes and tokens are those of counting and replacing pair by pair, runs that overlap themselves included."""
    codes, tokens = documented(symbols)
    result = compressed(symbols)
    assert pieces(result) == codes
    assert list(result.tokens) == tokens


@settings(deadline=None, max_examples=40)
@given(symbols=KERNEL_LIKE)
def test_names_as_kernels_have_them(symbols: list[str]) -> None:
    """Words that come again and again make tokens of tokens, chosen as documented."""
    material = [symbol.encode() for symbol in symbols]
    codes, tokens = documented(material)
    result = compressed(material)
    assert (pieces(result), list(result.tokens)) == (codes, tokens)


@settings(deadline=None)
@given(
    symbols=st.one_of(names(b"ab", 60), names(ANY_BYTE), KERNEL_LIKE.map(lambda w: [s.encode() for s in w]))
)
def test_tokens_expand_to_the_symbols(symbols: list[bytes]) -> None:
    """Each code replaced by its token gives the symbols back."""
    result = compressed(symbols)
    assert [b"".join(result.tokens[code] for code in piece) for piece in pieces(result)] == symbols


def test_pair_of_two_symbols_is_none() -> None:
    """The last byte of a symbol and the first of the next are no pair."""
    assert compressed([b"a", b"b"] * 9).pairs == ()


def test_equally_frequent_pairs_go_by_second_code_then_first() -> None:
    """Ties go to the smallest second code, then to the smallest first."""
    made = compressed([b"xb", b"za", b"ya"]).pairs
    assert [pair[1:] for pair in made] == [(ord("y"), ord("a")), (ord("z"), ord("a")), (ord("x"), ord("b"))]


def test_replaced_from_the_left() -> None:
    """Of three equal bytes the first two make the token."""
    result = compressed([b"aaa"])
    assert pieces(result) == [bytes([254])]
    assert result.pairs == ((255, ord("a"), ord("a")), (254, 255, ord("a")))


def test_nothing_gives_empty_tokens() -> None:
    """No symbols make no codes, and 256 empty tokens."""
    result = compressed([])
    assert (result.codes.tobytes(), result.tokens) == (b"", (b"",) * 256)


def test_pairs_that_run_out_are_told_where_the_generator_never_stopped() -> None:
    """Before 3.0 the token search does not end when no pair is left: that is an error, not a result."""
    with pytest.raises(PairsRunOutError):
        compressed([b"Ta", b"Tb"], stops_at_zero=False)


def kernel_like_symbols(count: int) -> list[bytes]:
    """Return as many symbols made of words, always the same ones."""
    draw = random.Random(2614)  # noqa: S311 (no secret)
    return ["_".join(draw.choices(WORDS, k=draw.randint(2, 6))).encode() for _ in range(count)]


def test_blocks_make_no_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where blocks end, and which pairs are so rare that they are looked up among the codes, changes nothing."""
    symbols = kernel_like_symbols(200)
    whole = compressed(symbols)
    for ranks, block in ((255, 7), (3, 7), (3, 64), (0, 1)):
        monkeypatch.setattr(byte_pairs, "_RANKS", ranks)
        for module in (byte_pairs, compress):
            monkeypatch.setattr(module, "_BLOCK", block)
        other = compressed(symbols)
        assert (pieces(other), other.tokens) == (pieces(whole), whole.tokens)


def test_same_bytes_on_every_run() -> None:
    """The result depends on the symbols alone."""
    symbols = kernel_like_symbols(5000)
    first, second = compressed(symbols), compressed(symbols)
    assert first.codes.tobytes() == second.codes.tobytes()
    assert first.tokens == second.tokens


def test_thousands_of_symbols_as_documented() -> None:
    """Equality holds where pairs are many and counts are high."""
    symbols = kernel_like_symbols(1500)
    codes, tokens = documented(symbols)
    result = compressed(symbols)
    assert (pieces(result), list(result.tokens)) == (codes, tokens)


def test_substrings_expand_to_the_symbols() -> None:
    """The tokens of 2.6.12 give the symbols back as well."""
    symbols = kernel_like_symbols(1200)
    sizes = np.array([len(symbol) for symbol in symbols], np.int64)
    material = np.frombuffer(b"".join(symbol + b"\0" for symbol in symbols), np.uint8)
    result = compress_substrings(material, sizes)
    assert [b"".join(result.tokens[code] for code in piece) for piece in pieces(result)] == symbols
