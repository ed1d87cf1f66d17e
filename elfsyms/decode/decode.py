# SPDX-License-Identifier: GPL-2.0-or-later
"""Tables back to symbols: the inverse of ``tables.py`` and ``layout.py``, for every release.

    file ─ memory ─> Memory ─ locate ─> TableMap ─ names, addresses ─> Decoded

The tables are found by their labels in the symbol table, or by addresses that the caller gives
(``locate.py``); they are read from a linked kernel, an object or a dump (``image/memory.py``). The tables do not
say of which release they are, so that is given; its traits tell the rest. What the kernel would trip over is not an
error here but listed in ``faults``: a broken table is what one wants to look at.

Follows ``kernel/kallsyms.c``. Leaves out finding the release, which is ``detect.py``'s.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from elfsyms.decode.addresses import Decision, read_addresses
from elfsyms.decode.checks import (
    check_addresses,
    check_index,
    check_markers,
    check_records,
    check_relocated,
    check_sequences,
)
from elfsyms.decode.decoded import Decoded
from elfsyms.decode.locate import (
    TableMap,
    complete_tables,
    find_tables,
    read_count,
    read_records,
    read_tokens,
)
from elfsyms.decode.names import PLAIN_TOKENS, Texts, expand, split_tokens
from elfsyms.detect.kconfig import default_base_relative
from elfsyms.errors import InputError
from elfsyms.files import open_input, reading
from elfsyms.image.debug_half import check_whole
from elfsyms.image.elf import RELOCATABLE, open_image
from elfsyms.image.memory import dump_memory, image_memory, object_memory
from elfsyms.image.records import Records
from elfsyms.image.symbols import read_symbols
from elfsyms.releases.format_history import with_traits
from elfsyms.releases.table_labels import CODES, table_width

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from elfsyms.decode.addresses import Encoded
    from elfsyms.image.elf import Abi, Image
    from elfsyms.image.memory import Memory
    from elfsyms.releases.format_history import Release

__all__ = ["Decoded", "decode", "decode_dump", "decode_file", "decode_image"]

_TOKEN_TABLES = {"token_table", "token_index"}
_NO_LETTER = ord("?")  # of a record without codes


def decode_file(
    path: str | Path,
    release: Release,
    *,
    tables: Mapping[str, int] | None = None,
    text: int | None = None,
    base_relative: bool | None = None,
    decision: Decision | None = None,
) -> Decoded:
    """Decode the tables in a linked kernel or in an object of them; see :func:`decode_image`."""
    with open_image(path) as image:
        return decode_image(
            image, release, tables=tables, text=text, base_relative=base_relative, decision=decision
        )


def decode_image(
    image: Image,
    release: Release,
    *,
    tables: Mapping[str, int] | None = None,
    text: int | None = None,
    base_relative: bool | None = None,
    decision: Decision | None = None,
) -> Decoded:
    """Decode the tables in an open ELF file.

    ``tables`` are addresses by table name without ``kallsyms_`` (``{"num_syms": 0xffffffff82000000}``), where
    labels are missing or wrong; one of ``num_syms`` and ``names`` is enough. ``text`` is the address of ``_text``
    for an object, which does not know it; without it, addresses count from there. ``base_relative`` and
    ``decision`` say how addresses were encoded, where the tables and labels do not tell.

    Where neither tells whether addresses or offsets are there, both are tried, and the form that reads right is
    taken. Raises :class:`NotThereError` where nothing tells where the tables are, :class:`UsageError` for tables
    that are too few, :class:`InputError` for tables that cannot be read at all.
    """
    if image.file_type == RELOCATABLE:
        memory, known = _object(image, text or 0)
    else:
        check_whole(image)
        memory = image_memory(image)
        known = _given(tables, image) if tables else find_tables(read_symbols(image))
        release = _as_labelled(release, known) if not tables else release
    from_text = memory.complete and text is None
    return _decode_either(memory, release, known, decision or Decision(), base_relative, from_text=from_text)


def decode_dump(
    path: str | Path,
    release: Release,
    abi: Abi,
    base: int,
    tables: Mapping[str, int],
    *,
    base_relative: bool | None = None,
    decision: Decision | None = None,
) -> Decoded:
    """Decode the tables in a raw dump of memory that begins at the address ``base``; see :func:`decode_image`.

    Addresses that relocations have yet to fill in are made, where the dump carries the relocations along.
    """
    with reading(path), open_input(path) as stream:
        data = stream.read()
    memory = dump_memory(data, base, abi, str(path))
    return _decode_either(memory, release, TableMap(dict(tables)), decision or Decision(), base_relative)


def _decode_either(
    memory: Memory,
    release: Release,
    known: TableMap,
    decision: Decision,
    base_relative: bool | None,
    *,
    from_text: bool = False,
) -> Decoded:
    """Decode tables; where nothing tells whether they have offsets or addresses, in the form that reads right."""
    told = base_relative is not None or {"addresses", "offsets"} & known.addresses.keys()
    forms = [base_relative] if told or release.relative != "option" else [None, *_other_form(memory)]
    decoded: list[Decoded] = []
    errors: list[InputError] = []
    for form in forms:
        try:
            complete = complete_tables(known, release, memory, base_relative=form)
            decoded.append(decode(memory, release, complete, decision, from_text=from_text))
        except InputError as error:
            errors.append(error)
    if not decoded:
        raise errors[0]
    return min(decoded, key=_misread)


def _other_form(memory: Memory) -> list[bool]:
    """Return the choice of base-relative that is not Kconfig's default."""
    return [not default_base_relative(memory.abi)]


def _misread(decoded: Decoded) -> tuple[bool, int]:
    """Return how little sense addresses make: whether they lack relocations, and how often they descend."""
    waits = any(fault.table in ("addresses", "relative_base") for fault in decoded.faults)
    return waits, int((decoded.address[1:] < decoded.address[:-1]).sum())


def decode(
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


def _object(image: Image, text: int) -> tuple[Memory, TableMap]:
    """Take an object's tables to lie at ``text``."""
    table = read_symbols(image)
    found = find_tables(table)
    if not 0 < found.section < len(image.sections):
        raise InputError(f"{image.path}: the kallsyms labels lie in no section: give an object of tables")
    section = image.sections[found.section]
    outside = next((name for name, address in found.addresses.items() if address > section.size), None)
    if outside is not None:
        raise InputError(
            f"{image.path} is damaged: kallsyms_{outside} lies outside its section {section.name}: make it again"
        )
    memory = object_memory(image, table, section, text)
    return memory, TableMap({name: address + text for name, address in found.addresses.items()}, found.prefix)


def _as_labelled(release: Release, known: TableMap) -> Release:
    """Return the release without token tables where the labels have names and no tokens (OpenWrt's kernels)."""
    if "names" not in known.addresses or _TOKEN_TABLES & known.addresses.keys():
        return release
    return with_traits(release, tables=tuple(name for name in release.tables if name not in _TOKEN_TABLES))


def _given(addresses: Mapping[str, int], image: Image) -> TableMap:
    mask = (1 << image.abi.bits) - 1
    return TableMap({name: address & mask for name, address in addresses.items()})


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
