# SPDX-License-Identifier: GPL-2.0-or-later
"""Where addresses lie around names that are known, and in which form: all readings that the bytes allow.

The address tables stand in front of ``kallsyms_num_syms`` (to 6.3) or behind the token tables (from 6.4 on), as
whole words, as offsets with their base, or as distances from the entries themselves. Each is read where it may be;
a reading lives only if its addresses ascend as the generator sorts them, for almost no other bytes do. What speaks
for it is kept as sentences: sequences that are a permutation, boundary symbols in their order, aliases at one
address, a base that a symbol has.

Follows ``scripts/kallsyms.c`` and ``kernel/kallsyms.c``, ``kallsyms_sym_address``, of all eras. Leaves out
choosing among readings (``search.py``), and where the kernel runs (``bias.py``).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from elfsyms.decode.name_layouts import padded

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from elfsyms.decode.name_layouts import NameLayout

__all__ = ["AddressLayout", "Boundaries", "find_address_layouts"]

_ALL_ONES = 0xFFFFFFFF
_BOUNDARIES = ("_text", "_stext", "_etext", "_end")
_PAGE = 0x1000


@dataclass(frozen=True, slots=True)
class Boundaries:
    """The offset in the table of each boundary symbol that is in it, by name."""

    index: Mapping[str, int]


@dataclass(frozen=True, slots=True, eq=False)
class AddressLayout:
    """One reading. Offsets are offsets in the bytes searched.

    ``address`` (uint64) are the addresses; in the form ``pc-relative`` offsets in the bytes searched, modulo the
    word; with ``waits`` they are not there yet, but for relocations to fill in. ``sequences`` is the offset
    of the name sequences behind, with ``sequence_width`` bytes each, or None. ``score`` counts what speaks for
    it.
    """

    form: Literal["word", "base", "pc-relative", "plain"]
    word: Literal[4, 8]
    offsets: Mapping[str, int]
    behind: bool
    address: NDArray[np.uint64]
    base: int | None = None
    percpu_rule: bool = False
    numbers: int = 0  # by the per-CPU rule, so many symbols in front are numbers, not distances
    waits: bool = False
    filled: bool = False  # relocations made what the bytes have as zeros
    bias: int | None = None  # the address of the first of the bytes searched, where relocations told it
    sequences: int | None = None
    sequence_width: int = 0
    score: int = 0
    evidence: tuple[str, ...] = field(default=())


@dataclass(frozen=True, slots=True, eq=False)
class _Bytes:
    """The bytes searched, in a byte order, with what is read from them."""

    data: NDArray[np.uint8]
    byte_order: str

    def numbers(self, offset: int, count: int, width: int) -> NDArray[np.uint64] | None:
        """Return that many numbers, or None where there are not so many bytes."""
        if offset < 0 or offset + count * width > len(self.data):
            return None
        return np.frombuffer(self.data, f"{self.byte_order}u{width}", count, offset).astype(np.uint64)


def find_address_layouts(
    data: NDArray[np.uint8], byte_order: str, names: NameLayout, behind: int, boundaries: Boundaries
) -> list[AddressLayout]:
    """Return the readings that ascend, the best first; ``behind`` is where a table behind the names would begin."""
    source = _Bytes(data, byte_order)
    found = [
        _scored(source, reading, names, boundaries)
        for word in _words(names)
        for reading in (*_in_front(source, names, word), *_behind(source, names, word, behind))
    ]
    return sorted(found, key=lambda reading: -reading.score)


def _words(names: NameLayout) -> tuple[Literal[4, 8], ...]:
    """Return the bytes of a pointer that go with the alignment of the tables; 4 goes with both from 7.0 on."""
    return _WORDS[names.form.align]


_WORDS: dict[int, tuple[Literal[4, 8], ...]] = {4: (8, 4), 8: (8,), 16: (4,), 256: (8,)}


def _in_front(source: _Bytes, names: NameLayout, word: Literal[4, 8]) -> Iterator[AddressLayout]:
    align, count, end = names.form.align, names.count, names.num_syms
    base = end - padded(word, align)
    if align >= word:  # words of eight bytes four bytes apart do not exist
        yield from _as_words(source, end - padded(count * word, align), count, word, behind=False)
        yield from _as_offsets(source, base - padded(4 * count, align), base, count, word, behind=False)
    if names.sequences is not None:  # whoever moves the newest form in front has sequences, too
        yield from _as_distances(source, end - padded(4 * count, align), count, word, behind=False)


def _behind(source: _Bytes, names: NameLayout, word: Literal[4, 8], start: int) -> Iterator[AddressLayout]:
    align, count = names.form.align, names.count
    base = start + padded(4 * count, align)
    if align >= word:
        yield from _as_words(source, start, count, word, behind=True)
        yield from _as_offsets(source, start, base, count, word, behind=True)
    yield from _as_distances(source, start, count, word, behind=True)


def _as_words(
    source: _Bytes, offset: int, count: int, word: Literal[4, 8], *, behind: bool
) -> Iterator[AddressLayout]:
    values = source.numbers(offset, count, word)
    if values is None or not _ascend(values):
        return
    waits = not values.any()
    yield AddressLayout("word", word, {"addresses": offset}, behind, values, waits=waits)


def _as_offsets(
    source: _Bytes, offset: int, base_offset: int, count: int, word: Literal[4, 8], *, behind: bool
) -> Iterator[AddressLayout]:
    offsets, bases = source.numbers(offset, count, 4), source.numbers(base_offset, 1, word)
    if offsets is None or bases is None or not offsets.any():
        return
    base, top = int(bases[0]), 1 << 8 * word
    tables = {"offsets": offset, "relative_base": base_offset}
    if _ascend(offsets) and base + int(offsets[-1]) < top:
        address = offsets + np.uint64(base)
        yield AddressLayout("base", word, tables, behind, address, base=base, waits=base == 0)
    yield from _as_percpu(
        offsets, AddressLayout("base", word, tables, behind, offsets, base=base, percpu_rule=True)
    )


def _as_percpu(offsets: NDArray[np.uint64], reading: AddressLayout) -> Iterator[AddressLayout]:
    """Yield the reading by which negative offsets count down from the base, and others are numbers."""
    signed = offsets.astype(np.uint32).astype(np.int32).astype(np.int64)
    numbers = int((signed >= 0).sum())
    distances = -1 - signed[numbers:]
    base = reading.base or 0
    if numbers == len(signed) or bool((signed[numbers:] >= 0).any()):
        return
    parts = signed[:numbers].astype(np.uint64), distances.astype(np.uint64)
    if all(map(_ascend, parts)) and base + int(distances[-1]) < 1 << 8 * reading.word:
        address = np.concatenate([parts[0], parts[1] + np.uint64(base)])
        yield replace(reading, address=address, numbers=numbers, waits=base == 0)


def _as_distances(
    source: _Bytes, offset: int, count: int, word: Literal[4, 8], *, behind: bool
) -> Iterator[AddressLayout]:
    entries = source.numbers(offset, count, 4)
    if entries is None or not entries.any():
        return
    distances = entries.astype(np.uint32).astype(np.int32).astype(np.int64)
    targets = offset + 4 * np.arange(count) + distances
    if bool((targets[1:] >= targets[:-1]).all()):
        mask = np.uint64((1 << 8 * word) - 1)
        yield AddressLayout(
            "pc-relative", word, {"offsets": offset}, behind, targets.astype(np.uint64) & mask
        )
    if word == 4 and behind and _ascend(entries):  # in front these are whole addresses
        yield AddressLayout("plain", word, {"offsets": offset}, behind, entries)


def _ascend(values: NDArray[np.uint64]) -> bool:
    return bool((values[1:] >= values[:-1]).all())


def _scored(
    source: _Bytes, reading: AddressLayout, names: NameLayout, boundaries: Boundaries
) -> AddressLayout:
    """Return the reading with what speaks for it."""
    offset, width = _sequences(source, reading, names)
    facts = list(_facts(reading, boundaries))
    lacks_sequences = reading.behind and offset is None and names.sequences is None  # no release has that
    if offset is not None:
        facts.append(f"{names.count:,} name sequences behind it are a permutation")
    return replace(
        reading,
        sequences=offset,
        sequence_width=width,
        score=len(facts) + 2 * (offset is not None) - 2 * lacks_sequences,
        evidence=(f"{names.count:,} addresses ascend", *facts),
    )


def _sequences(source: _Bytes, reading: AddressLayout, names: NameLayout) -> tuple[int | None, int]:
    """Return where name sequences lie behind a reading's tables, and their width."""
    if not reading.behind or names.sequences is not None:
        return None, 0
    name, last = max(reading.offsets.items(), key=lambda item: item[1])
    size = {"relative_base": reading.word, "addresses": names.count * reading.word}.get(name, 4 * names.count)
    offset = last + padded(size, names.form.align)
    for width in (3, 4):
        if is_permutation(source.data, offset, names.count, width, source.byte_order):
            return offset, width
    return None, 0


def is_permutation(data: NDArray[np.uint8], offset: int, count: int, width: int, byte_order: str) -> bool:
    """Tell whether ``count`` entries at an offset name each symbol once; three bytes have the highest first."""
    if offset < 0 or offset + count * width > len(data):
        return False
    octets = data[offset : offset + count * width].reshape(count, width).astype(np.int64)
    if width == 4 and byte_order == "<":
        octets = octets[:, ::-1]
    values = sum(octets[:, column] << 8 * (width - 1 - column) for column in range(width))
    values = np.asarray(values)
    return bool((values < count).all()) and bool((np.bincount(values, minlength=count) == 1).all())


def _facts(reading: AddressLayout, boundaries: Boundaries) -> Iterator[str]:
    """Yield what a reading shows that chance would not."""
    address = reading.address
    if reading.waits and reading.form == "word":
        return
    known = [(name, int(address[boundaries.index[name]])) for name in _BOUNDARIES if name in boundaries.index]
    offsets = [offset for _, offset in known]
    if len(offsets) > 1 and offsets[0] < offsets[-1] and offsets == sorted(offsets):
        yield f"{', '.join(name for name, _ in known)} follow each other"
    text = dict(known).get("_text")
    if text is not None and text % _PAGE == 0 and (text or reading.form == "pc-relative"):
        yield f"_text begins a page, {text:#x}"
    same = int((address[1:] == address[:-1]).sum())
    if same:
        yield f"{same:,} symbols share their address with the one before"
    if reading.base is not None and bool((address == np.uint64(reading.base)).any()):
        yield f"a symbol lies at the base, {reading.base:#x}"
