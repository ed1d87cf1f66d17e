# SPDX-License-Identifier: GPL-2.0-or-later
"""The names of one link pass, taken from an earlier one that had them in almost the same order.

The passes of a link have the same names, in the order of addresses. Only the tables' own labels move: in
the first image the tables are empty, several labels lie at one address there, and stand in another order. So names
are compressed, and kept, in an order that all passes share, those that begin with ``kallsyms`` last and by name;
what comes back is put into the order of the table. Codes, tokens and the order of names do not depend on which is
taken, but for the oldest compression, which samples the table, and for names that are cut, whose ties go by index.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from elfsyms.image.records import chunks, gather, numbers_everywhere

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from elfsyms.image.records import Records
    from elfsyms.pipeline.names import NameTables

__all__ = ["in_table_order", "shared_order"]

_LABEL = b"kallsyms"  # with eight bytes, one number


def shared_order(records: Records) -> NDArray[np.int64]:
    """Return the indices of records (int64) in the order that all passes share."""
    first = chunks(numbers_everywhere(records.pool), records.start, records.size, 0)
    own = first == int.from_bytes(_LABEL, "little")
    last = sorted(np.flatnonzero(own).tolist(), key=records.name)
    return np.concatenate([np.flatnonzero(~own), np.array(last, np.int64)])


def in_table_order(names: NameTables, order: NDArray[np.int64]) -> NameTables:
    """Put what was made of records in a shared ``order`` into that of the table."""
    compressed, sequences = names
    index = np.empty_like(order)
    index[order] = np.arange(len(order))
    start = np.cumsum(compressed.sizes) - compressed.sizes
    sizes = compressed.sizes.take(index)
    codes = gather(compressed.codes, start.take(index), sizes)
    return replace(compressed, codes=codes, sizes=sizes), order.take(sequences)
