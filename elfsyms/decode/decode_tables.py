# SPDX-License-Identifier: GPL-2.0-or-later
"""Tables whose addresses are known, read: bytes of memory to symbols, and what is wrong with the tables.

    Memory, TableMap ─ names, addresses, checks ─> Decoded

What the kernel would trip over is not an error here but listed in ``faults``: a broken table is what one wants to
look at. Follows ``kernel/kallsyms.c``. Leaves out where the tables lie (``decode.py``, ``recover.py``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from elfsyms.decode.addresses import read_addresses
from elfsyms.decode.checks import (
    check_addresses,
    check_index,
    check_markers,
    check_records,
    check_relocated,
    check_sequences,
)
from elfsyms.decode.decoded import Decoded
from elfsyms.decode.locate import read_count, read_records, read_tokens
from elfsyms.decode.names import PLAIN_TOKENS, Texts, expand, split_tokens
from elfsyms.image.records import Records
from elfsyms.releases.table_labels import CODES, table_width

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from elfsyms.decode.addresses import Decision, Encoded
    from elfsyms.decode.locate import TableMap
    from elfsyms.image.elf import Abi
    from elfsyms.image.memory import Memory
    from elfsyms.releases.format_history import Release

__all__ = ["decode_tables"]

_NO_LETTER = ord("?")  # of a record without codes


def decode_tables(
    memory: Memory,
    release: Release,
    tables: TableMap,
    decision: Decision,
    *,
    from_text: bool = False,
    walked: tuple[NDArray[np.int64], Texts] | None = None,
) -> Decoded:
    """Decode tables whose addresses are all known; ``walked`` are starts and texts of names that were read before.

    Raises :class:`InputError` where the bytes of a table are not there.
    """
    addresses = tables.addresses
    stream = _read_stream(memory, addresses, release, walked)
    encoded = read_addresses(memory, addresses, release, stream.letter, decision)
    records = _records(stream, encoded)
    markers = _column(memory, addresses, "markers", -(-stream.count // CODES), release)
    sequences = _sequences(memory, addresses, stream.count, release)
    whole = len(records) == stream.count
    faults = (
        check_records(stream.starts, stream.count, stream.texts.size),
        check_markers(markers, stream.starts),
        check_index(stream.index, stream.tokens) if "token_index" in addresses else None,
        None if from_text else check_relocated(encoded, memory.lowest),
        None if from_text else check_addresses(encoded, release),
        check_sequences(sequences, records, release) if release.sequence_width and whole else None,
    )
    return Decoded(
        release=release,
        abi=memory.abi,
        form=encoded.form,
        address=encoded.address,
        letter=stream.letter,
        absolute=encoded.absolute,
        pool=records.pool,
        start=records.start,
        size=records.size,
        markers=markers,
        sequences=sequences,
        tokens=stream.tokens,
        token_index=stream.index,
        relative_base=encoded.base,
        percpu_rule=encoded.percpu_rule,
        tables=dict(addresses),
        sizes=_sizes(memory.abi, addresses, release, stream),
        from_text=from_text,
        faults=tuple(fault for fault in faults if fault),
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Stream:
    """Everything about names: how many, where their records begin, and what they expand to."""

    count: int
    starts: NDArray[np.int64]
    tokens: tuple[bytes, ...]
    index: NDArray[np.int64]
    texts: Texts
    letter: NDArray[np.uint8]


def _read_stream(
    memory: Memory,
    addresses: Mapping[str, int],
    release: Release,
    walked: tuple[NDArray[np.int64], Texts] | None,
) -> _Stream:
    count = read_count(memory, addresses["num_syms"], release)
    if walked is not None:
        tokens, index = _read_tokens(memory, addresses)
        return _Stream(count, walked[0], tokens, index, walked[1], _letters(walked[1]))
    data, starts = read_records(memory, addresses["names"], count, release)
    tokens, index = _read_tokens(memory, addresses)
    texts = expand(data, starts, (*tokens, *[b""] * (CODES - len(tokens))), release.length_encoding)
    return _Stream(count, starts, tokens, index, texts, _letters(texts))


def _read_tokens(memory: Memory, addresses: Mapping[str, int]) -> tuple[tuple[bytes, ...], NDArray[np.int64]]:
    """Read both token tables; names of a kernel without them are not compressed."""
    if "token_table" not in addresses:
        return PLAIN_TOKENS, np.empty(0, np.int64)
    tokens = split_tokens(read_tokens(memory, addresses["token_table"]))
    return tokens, memory.numbers(addresses["token_index"], CODES, 2)


def _letters(texts: Texts) -> NDArray[np.uint8]:
    letter = np.full(len(texts.start), _NO_LETTER, np.uint8)
    named = texts.size > 0
    letter[named] = np.frombuffer(texts.pool, np.uint8)[texts.start[named]]
    return letter


def _records(stream: _Stream, encoded: Encoded) -> Records:
    """Put addresses, letters and names together, the letters cut from the names."""
    texts, letter = stream.texts, stream.letter
    named = texts.size > 0
    return Records(
        symbol=np.arange(len(letter)),
        address=encoded.address,
        letter=letter,
        defined=np.ones(len(letter), np.bool_),
        pool=texts.pool,
        start=texts.start + named,
        size=texts.size - named,
    )


def _column(
    memory: Memory, addresses: Mapping[str, int], name: str, count: int, release: Release
) -> NDArray[np.int64]:
    """Read a table of that many integers; none are there to read where there are no symbols."""
    width = table_width(name, release, memory.abi)
    return memory.numbers(addresses[name], count, width) if count else np.empty(0, np.int64)


def _sequences(
    memory: Memory, addresses: Mapping[str, int], count: int, release: Release
) -> NDArray[np.int64]:
    if release.sequence_width != 3 or not count:
        return _column(memory, addresses, "seqs_of_names", count if release.sequence_width else 0, release)
    octets = np.frombuffer(memory.read(addresses["seqs_of_names"], 3 * count), np.uint8).reshape(count, 3)
    high, middle, low = octets.astype(np.int64).T
    return np.asarray(high << 16 | middle << 8 | low)


def _sizes(abi: Abi, addresses: Mapping[str, int], release: Release, stream: _Stream) -> dict[str, int]:
    """Return the bytes of each table, padding apart."""
    entries = {
        "num_syms": 1,
        "relative_base": 1,
        "names": int(stream.starts[-1]),
        "markers": -(-stream.count // CODES),
        "token_table": sum(map(len, stream.tokens)) + len(stream.tokens),
        "token_index": CODES,
    }
    return {name: entries.get(name, stream.count) * table_width(name, release, abi) for name in addresses}
