# SPDX-License-Identifier: GPL-2.0-or-later
"""The tables: their labels, the width of their entries, how many they have, and where the labels are found.

:data:`TABLES` has a row a table, named without ``kallsyms_``. Which of them a release writes, in which order
and how aligned, is in its traits (``format_history.py``); what is here follows from both.

Follows ``scripts/kallsyms.c``, ``write_src`` and ``output_label``, and the declarations of ``kernel/kallsyms.c``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from elfsyms.image.machines import MACHINES
from elfsyms.image.symbols import SHN_UNDEF

if TYPE_CHECKING:
    from collections.abc import Mapping

    from elfsyms.image.elf import Abi
    from elfsyms.image.symbols import SymbolTable
    from elfsyms.releases.format_history import Release

__all__ = [
    "CODES",
    "TABLES",
    "FoundLabels",
    "Table",
    "address_of",
    "find_labels",
    "label_of",
    "table_alignment",
    "table_entries",
    "table_width",
    "written_tables",
]

CODES = 256  # of a compressed name; markers are as far apart
PREFIXES = (b"", b"_")  # what targets put before C names

Width = Literal["octet", "half", "four", "pointer", "count", "sequence"]
Entries = Literal["one", "symbols", "blocks", "codes", "octets"]


@dataclass(frozen=True, slots=True)
class Table:
    """One table: its name, how wide an entry is, and how many there are."""

    name: str
    width: Width
    entries: Entries

    @property
    def label(self) -> bytes:
        """The label of the table, without a symbol prefix."""
        return b"kallsyms_" + self.name.encode()


# A name stream and a token table have as many octets as they need; blocks are of 256 symbols.
TABLES: dict[str, Table] = {
    table.name: table
    for table in (
        Table("addresses", "pointer", "symbols"),
        Table("offsets", "four", "symbols"),
        Table("relative_base", "pointer", "one"),
        Table("num_syms", "count", "one"),
        Table("names", "octet", "octets"),
        Table("markers", "count", "blocks"),
        Table("seqs_of_names", "sequence", "symbols"),
        Table("token_table", "octet", "octets"),
        Table("token_index", "half", "codes"),
    )
}


@dataclass(frozen=True, slots=True)
class FoundLabels:
    """The labels of a symbol table: the prefix that all have, and each one's entry by the table's name."""

    prefix: bytes
    entries: Mapping[str, int]


def label_of(name: str, prefix: bytes = b"") -> bytes:
    """Return the label of a table.

    >>> label_of("num_syms"), label_of("names", b"_")
    (b'kallsyms_num_syms', b'_kallsyms_names')
    """
    return prefix + TABLES[name].label


def written_tables(release: Release, *, whole_addresses: bool, uncompressed: bool = False) -> tuple[str, ...]:
    """Return the tables that a release writes, in order: with whole addresses, or with offsets.

    ``uncompressed`` names need no tokens.
    """
    absent = {"offsets", "relative_base"} if whole_addresses else {"addresses"}
    absent |= {"token_table", "token_index"} if uncompressed else set()
    return tuple(name for name in release.tables if name not in absent)


def table_width(name: str, release: Release, abi: Abi) -> int:
    """Return the bytes of an entry of a table; 1 where its entries have no fixed width."""
    widths: dict[Width, int] = {
        "octet": 1,
        "half": 2,
        "four": 4,
        "pointer": abi.word,
        "count": abi.word if release.wide_counts else 4,
        "sequence": release.sequence_width,
    }
    return widths[TABLES[name].width]


def table_entries(name: str, symbols: int) -> int | None:
    """Return how many entries a table of so many symbols has; None where their names decide."""
    counts: dict[Entries, int | None] = {
        "one": 1,
        "symbols": symbols,
        "blocks": -(-symbols // CODES),
        "codes": CODES,
        "octets": None,
    }
    return counts[TABLES[name].entries]


def table_alignment(release: Release, abi: Abi) -> int:
    """Return the bytes that each table is aligned to; a machine that is not known counts as the usual kind."""
    machine = MACHINES.get((abi.machine, abi.bits))
    if release.align == "align" and machine is not None and machine.align_is_power:
        return 1 << abi.word
    return 4 if release.align == "balign 4" else abi.word


def find_labels(table: SymbolTable) -> FoundLabels | None:
    """Find the labels of the tables in a symbol table, with or without a symbol prefix.

    Labels that are undefined do not count, nor do those of a first link, which are all at one address. Of several
    definitions the last one counts. None where there are no tables.
    """
    for prefix in PREFIXES:
        entries = {name: _defined(table, label_of(name, prefix)) for name in TABLES}
        found = {name: entry for name, entry in entries.items() if entry is not None}
        if len({int(table.value[entry]) for entry in found.values()}) > 1:
            return FoundLabels(prefix, found)
    return None


def address_of(table: SymbolTable, name: bytes) -> int | None:
    """Return the address of a C symbol, with the target's symbol prefix or without; None where there is none."""
    found = (table.address_of(prefix + name) for prefix in PREFIXES)
    return next((address for address in found if address is not None), None)


def _defined(table: SymbolTable, label: bytes) -> int | None:
    return next((i for i in reversed(table.find(label)) if table.section[i] != SHN_UNDEF), None)
