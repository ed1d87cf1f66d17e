# SPDX-License-Identifier: GPL-2.0-or-later
"""How large the tables are, told without making them.

Two tables are as long as their texts, all others as their entries are many; nobody needs the order of the names for
that. :func:`size_tables` does what sizes depend on, and what ``tables.py`` finds wrong it finds, too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from elfsyms.image.machines import machine_of
from elfsyms.pipeline.addresses import AddressSource, encode_addresses
from elfsyms.pipeline.tables import check_count, compress_names, name_sizes, table_names
from elfsyms.releases.table_labels import table_alignment, table_entries, table_width

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from elfsyms.image.elf import Abi
    from elfsyms.image.records import Records
    from elfsyms.pipeline.addresses import Addresses
    from elfsyms.pipeline.compress import Compressed
    from elfsyms.pipeline.filters import Boundaries
    from elfsyms.pipeline.order import Ordered
    from elfsyms.pipeline.tables import Tables
    from elfsyms.releases.format_history import Release
    from elfsyms.releases.options import Options

__all__ = ["Sized", "SizedTables", "section_size", "size_tables", "table_sizes"]


@dataclass(frozen=True, slots=True, eq=False)
class SizedTables:
    """The tables of a release but for the order of names; fields as in :class:`elfsyms.pipeline.tables.Tables`."""

    release: Release
    options: Options
    abi: Abi
    records: Records
    addresses: Addresses
    compressed: Compressed
    name_sizes: NDArray[np.int64]

    def labels(self) -> tuple[str, ...]:
        """Return the tables that this release writes with these options, in their order."""
        return table_names(self.release, self.options, self.addresses)


# What tells the sizes of tables: all of them do, too.
Sized: TypeAlias = "SizedTables | Tables"


def size_tables(
    ordered: Ordered,
    boundaries: Boundaries,
    release: Release,
    options: Options,
    abi: Abi,
    compressed: Compressed | None = None,
) -> SizedTables:
    """Do what the sizes of the tables depend on; ``compressed`` are the names, where somebody has them.

    Raises what :func:`elfsyms.pipeline.tables.make_tables` does.
    """
    records = ordered.records
    check_count(len(records), release, options)
    if compressed is None:
        compressed = compress_names(records, release, options)
    sizes = name_sizes(compressed, release)
    source = AddressSource(records, ordered.percpu, boundaries, release, options)
    addresses = encode_addresses(source, compressed.first_codes())
    return SizedTables(release, options, abi, records, addresses, compressed, sizes)


def table_sizes(tables: Sized) -> dict[str, int]:
    """Return the bytes of each table, without the padding behind it, in the tables' order."""
    texts = {
        "names": int(tables.name_sizes.sum()),
        "token_table": sum(len(text) + 1 for text in tables.compressed.tokens),
    }
    return {name: texts.get(name, _entries_size(tables, name)) for name in tables.labels()}


def _entries_size(tables: Sized, name: str) -> int:
    return (table_entries(name, len(tables.records)) or 0) * table_width(name, tables.release, tables.abi)


def section_size(tables: Sized) -> int:
    """Return the bytes of the section that has all tables, padding included, as ``layout.py`` lays them out.

    Raises :class:`InputError` for a machine that is not known.
    """
    align = table_alignment(tables.release, tables.abi)
    size = 0
    for table in table_sizes(tables).values():
        size += -size % align + table
    return size + -size % min(align, machine_of(tables.abi).padded_to)
