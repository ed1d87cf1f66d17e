# SPDX-License-Identifier: GPL-2.0-or-later
"""The fields that relocations fill in: those of a kallsyms object, and those of a relocatable kernel.

In an object, each address in the tables is the sum of a symbol, mostly ``_text``, and an addend, less the
address of the field for PC-relative ones. Two entries may make one field: RISC-V and LoongArch add the symbol and
subtract a local label at the field. So every entry is a term, and a field the sum of its terms.

In a linked kernel only dynamic relocations without a symbol matter: the field is the addend, moved by as much as
the kernel is. They count because the field itself may hold zero (arm64's ``--no-apply-dynamic-relocs``). Where the
addends lie in the fields (``SHT_REL``, ``SHT_RELR``), the file reads right as it is.

Follows the gABI, chapter "Relocation", and the psABIs; the numbers are in ``machines.py``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from elfsyms.e_machine import EM_LOONGARCH, EM_MIPS, EM_RISCV
from elfsyms.errors import InputError
from elfsyms.image.elf import SHF_ALLOC, SHT_REL, SHT_RELA
from elfsyms.image.machines import MACHINES, machine_of
from elfsyms.image.symbols import SHN_ABS, SHN_UNDEF, entry_type

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from elfsyms.image.elf import Abi, Image, Section
    from elfsyms.image.machines import Machine
    from elfsyms.image.symbols import SymbolTable

__all__ = ["Entries", "Patch", "dynamic_patches", "entries_of", "object_patches", "relative_addresses"]


@dataclass(frozen=True, slots=True, eq=False)
class Patch:
    """Fields of one width: ``addresses`` (uint64, ascending) where they lie, and ``values`` (uint64) in them."""

    width: int
    addresses: NDArray[np.uint64]
    values: NDArray[np.uint64]

    def between(self, start: int, end: int) -> NDArray[np.uint64]:
        """Return the addresses of the fields that begin in a range of addresses."""
        return self.addresses[self._range(start, end)]

    def apply(self, data: bytes, address: int, byte_order: str) -> bytes:
        """Return the bytes that lie at an address, with these fields filled in."""
        if not self.addresses[self._covering(address, len(data))].size:
            return data
        result = np.frombuffer(bytearray(data), np.uint8)
        self.apply_to(result, address, byte_order)
        return result.tobytes()

    def apply_to(self, octets: NDArray[np.uint8], address: int, byte_order: str) -> None:
        """Fill these fields in in bytes (writable) that lie at an address."""
        chosen = self._covering(address, len(octets))
        if self.addresses[chosen].size:
            fields = _fields(octets, f"{byte_order}u{self.width}")
            mask = np.uint64((1 << 8 * self.width) - 1)
            fields[self.addresses[chosen] - np.uint64(address)] = self.values[chosen] & mask

    def _covering(self, address: int, size: int) -> slice:
        """Return the fields that lie wholly in so many bytes at an address."""
        return self._range(address, address + size - self.width + 1)

    def _range(self, start: int, end: int) -> slice:
        bounds = np.array([start, min(max(start, end), (1 << 64) - 1)], np.uint64)
        first, last = np.searchsorted(self.addresses, bounds)
        return slice(int(first), int(last))


@dataclass(frozen=True, slots=True)
class _Term:
    """What one relocation adds to its field: ``sign * (symbol + addend)``, less its own address if so."""

    width: int
    sign: int = 1
    pc_relative: bool = False
    bias: int = 0


# ADD32 and SUB32, which assemblers write in pairs for a distance.
_PAIRS: dict[int, dict[int, _Term]] = {
    EM_RISCV: {35: _Term(4), 39: _Term(4, sign=-1)},
    EM_LOONGARCH: {50: _Term(4), 55: _Term(4, sign=-1)},
}


@dataclass(frozen=True, slots=True, eq=False)
class Entries:
    """Relocations as int64 arrays of one length; ``explicit`` tells that the addends stand in the entries."""

    offset: NDArray[np.int64]
    symbol: NDArray[np.int64]
    type: NDArray[np.int64]
    addend: NDArray[np.int64]
    explicit: bool


def object_patches(image: Image, table: SymbolTable, section: Section, text: int) -> tuple[Patch, ...]:
    """Apply the relocations of a section of an object, which is taken to lie at ``text``, as ``_text`` is.

    Raises :class:`InputError` for a relocation of another kind, or against a symbol that is defined elsewhere.
    """
    data = np.frombuffer(image.section_bytes(section), np.uint8)
    sources = [
        s for s in image.sections if s.type in (SHT_REL, SHT_RELA) and s.info == section.index and s.size
    ]
    sums: list[Patch] = []
    for source in sources:
        entries = entries_of(image, source)
        terms = _terms(machine_of(image.abi), image.abi)
        _check(entries, terms, image, source, (data.size, len(table)))
        targets = _targets(entries, table, section, text, image)
        for width in sorted({term.width for term in terms.values()}):
            sums += _sum(entries, targets, terms, width, data, text, image.abi)
    return tuple(sums)


def dynamic_patches(image: Image) -> tuple[Patch, ...]:
    """Return the words that a linked image's own ``SHT_RELA`` relocations fill in.

    Those without a symbol hold the word itself; those of the machine's word kind against a symbol of ``.dynsym``
    (s390x until 6.x) its value more.
    """
    sources = [s for s in image.sections if s.type == SHT_RELA and s.flags & SHF_ALLOC and s.size]
    return tuple(_dynamic(image, source) for source in sources)


def _dynamic(image: Image, source: Section) -> Patch:
    entries = entries_of(image, source)
    machine = MACHINES.get((image.abi.machine, image.abi.bits))
    values = _dynamic_values(image, source)
    named = (entries.symbol > 0) & (entries.symbol < len(values))
    named &= entries.type == (machine.word if machine else -1)
    plain = (entries.symbol == 0) & (entries.type != 0)
    words = entries.addend.astype(np.uint64)
    words[named] += values[entries.symbol[named]]
    known = plain | named
    addresses = entries.offset[known].astype(np.uint64)
    order = np.argsort(addresses, kind="stable")
    return Patch(image.abi.word, addresses[order], words[known][order])


def _dynamic_values(image: Image, source: Section) -> NDArray[np.uint64]:
    """Return the values of the symbols that a section's relocations are against."""
    if not 0 < source.link < len(image.sections):
        return np.empty(0, np.uint64)
    entry = entry_type(image.abi)
    data = image.section_bytes(image.sections[source.link])
    return np.frombuffer(data[: len(data) // entry.itemsize * entry.itemsize], entry)["value"].astype(
        np.uint64
    )


def entries_of(image: Image, section: Section) -> Entries:
    """Decode a relocation section."""
    order, word = image.abi.byte_order, image.abi.word
    split = image.abi.machine == EM_MIPS and image.abi.bits == 64
    info = [("symbol", f"{order}u4"), ("type", ">u4")] if split else [("info", f"{order}u{word}")]
    explicit = section.type == SHT_RELA
    addend = [("addend", f"{order}i{word}")] if explicit else []
    entry = np.dtype([("offset", f"{order}u{word}"), *info, *addend])
    data = image.section_bytes(section)
    rows = np.frombuffer(data[: len(data) // entry.itemsize * entry.itemsize], entry)
    symbol, kind = (rows["symbol"], rows["type"]) if split else _split(rows["info"], image.abi)
    return Entries(
        offset=rows["offset"].astype(np.int64),
        symbol=symbol.astype(np.int64),
        type=kind.astype(np.int64),
        addend=rows["addend"].astype(np.int64) if explicit else np.zeros(len(rows), np.int64),
        explicit=explicit,
    )


def relative_addresses(image: Image, section: Section) -> NDArray[np.uint64]:
    """Return the addresses of the words that an ``SHT_RELR`` section moves with the kernel, ascending.

    An even entry is an address; an odd one is a map of the words behind those before it, a bit each. Follows the
    gABI, chapter "Relocation".
    """
    word = image.abi.word
    entries = np.frombuffer(image.section_bytes(section), f"{image.abi.byte_order}u{word}").tolist()
    addresses, following = [], 0
    for entry in entries:
        if entry & 1 == 0:
            addresses.append(entry)
            following = entry + word
            continue
        bits = entry >> 1
        while bits:
            lowest = bits & -bits
            addresses.append(following + word * (lowest.bit_length() - 1))
            bits ^= lowest
        following += word * (8 * word - 1)
    return np.array(sorted(addresses), np.uint64)


def _split(info: NDArray[np.unsignedinteger], abi: Abi) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """Divide ``r_info`` into symbol and type; on 64-bit SPARC the type has data of its own above 8 bits."""
    shift = np.uint64(abi.bits // 2 if abi.word > 4 else 8)
    wide = info.astype(np.uint64)
    return wide >> shift, wide & ((np.uint64(1) << shift) - np.uint64(1))


def _terms(machine: Machine, abi: Abi) -> dict[int, _Term]:
    terms = {machine.word: _Term(abi.word), **_PAIRS.get(abi.machine, {})}
    if machine.pc_relative is not None:
        terms[machine.pc_relative] = _Term(4, pc_relative=True, bias=machine.pc_bias)
    return terms


def _check(
    entries: Entries, terms: dict[int, _Term], image: Image, source: Section, limits: tuple[int, int]
) -> None:
    """Check types, addresses and symbols; ``limits`` are the section's bytes and the number of symbols."""
    strange = np.setdiff1d(entries.type, list(terms))
    if strange.size:
        raise InputError(
            f"{image.path}: {source.name} has relocations of type {int(strange[0])}, which tables never need: "
            "give the object that the assembler or elfsyms wrote"
        )
    room, symbols = limits
    numbers = sorted(terms)
    widths = np.array([terms[number].width for number in numbers])[np.searchsorted(numbers, entries.type)]
    outside = (entries.offset < 0) | (entries.offset + widths > room)
    if bool((outside | (entries.symbol >= symbols)).any()):
        raise InputError(f"{image.path} is damaged: {source.name} points outside its section; make it again")


def _targets(
    entries: Entries, table: SymbolTable, section: Section, text: int, image: Image
) -> NDArray[np.int64]:
    """Return the address of each entry's symbol."""
    used = np.unique(entries.symbol)
    values = {index: _target(int(index), table, section, text, image) for index in used.tolist()}
    known = np.array([values[index] & (1 << 64) - 1 for index in used.tolist()], np.uint64)
    return np.asarray(known[np.searchsorted(used, entries.symbol)].astype(np.int64))


def _target(index: int, table: SymbolTable, section: Section, text: int, image: Image) -> int:
    where, value = int(table.section[index]), int(table.value[index])
    if index == 0 or where == SHN_ABS:
        return value
    if where == section.index:
        return text + value
    name = table.name(index)
    if where == SHN_UNDEF and name in (b"_text", name[:1] + b"_text"):
        return text
    raise InputError(
        f"{image.path}: the tables are relative to {name.decode('utf-8', 'replace') or 'a section'}, "
        "not to _text: link the object and give the image"
    )


def _sum(
    entries: Entries,
    targets: NDArray[np.int64],
    terms: dict[int, _Term],
    width: int,
    data: NDArray[np.uint8],
    text: int,
    abi: Abi,
) -> list[Patch]:
    """Sum the terms of all fields of one width."""
    mine = np.isin(entries.type, [number for number, term in terms.items() if term.width == width])
    addresses, field = np.unique(entries.offset[mine], return_inverse=True)
    if not addresses.size:
        return []
    rows = {number: terms[number] for number in np.unique(entries.type[mine]).tolist()}
    total = _start(entries, data, addresses, f"{abi.byte_order}u{width}", abi)
    for number, term in rows.items():
        chosen = entries.type[mine] == number
        value = term.sign * (targets[mine][chosen] + entries.addend[mine][chosen])
        if term.pc_relative:
            value = value - addresses[field[chosen]] - np.uint64(text).astype(np.int64) - term.bias
        np.add.at(total, field[chosen], value)
    return [Patch(width, addresses.astype(np.uint64) + np.uint64(text), total.astype(np.uint64))]


def _start(
    entries: Entries, data: NDArray[np.uint8], addresses: NDArray[np.int64], field: str, abi: Abi
) -> NDArray[np.int64]:
    """Return the addends that lie in the fields, zero where the entries have them."""
    if entries.explicit and not machine_of(abi).in_place:
        return np.zeros(addresses.size, np.int64)
    return np.asarray(_fields(data, field)[addresses].astype(np.int64))


def _fields(data: NDArray[np.uint8], field: str) -> NDArray[np.unsignedinteger]:
    """Return a view that has an integer at every byte, aligned or not."""
    kind = np.dtype(field)
    return np.ndarray((data.size - kind.itemsize + 1,), kind, data.data, strides=(1,))
