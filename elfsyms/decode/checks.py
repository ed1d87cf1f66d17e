# SPDX-License-Identifier: GPL-2.0-or-later
"""What is wrong with tables that were read back: one sentence for each thing that the kernel would trip over.

The kernel trusts its tables. A marker that points into the middle of a name gives garbage for 256 symbols, a
sequence out of order hides names from ``kallsyms_lookup_name``, and neither is noticed at run time. Each function
here looks at one table and returns the first thing wrong with it as a :class:`Fault`, or None.

Follows ``kernel/kallsyms.c`` for what each table is used for. Leaves out whether the symbols are the right ones;
that is ``elfsyms.compare.verify``'s.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from elfsyms.pipeline.order import is_name_order, name_order
from elfsyms.releases.table_labels import CODES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from elfsyms.decode.addresses import Encoded
    from elfsyms.image.records import Records
    from elfsyms.releases.format_history import Release

__all__ = [
    "Fault",
    "check_addresses",
    "check_index",
    "check_markers",
    "check_records",
    "check_relocated",
    "check_sequences",
]


@dataclass(frozen=True, slots=True)
class Fault:
    """Something wrong with a table in itself; ``table`` is its name without ``kallsyms_``."""

    table: str
    sentence: str

    def __str__(self) -> str:
        """Return the sentence."""
        return self.sentence


def check_records(starts: NDArray[np.int64], count: int, texts: NDArray[np.int64]) -> Fault | None:
    """Check that the stream has all records, and a letter at least in each; ``texts`` (int64) are sizes."""
    found = len(starts) - 1
    if found < count:
        return Fault(
            "names", f"kallsyms_names ends within symbol {found} of {count}, at byte {int(starts[-1])}"
        )
    empty = np.flatnonzero(texts == 0)
    if empty.size:
        return Fault("names", f"symbol {int(empty[0])} in kallsyms_names has no letter and no name")
    return None


def check_markers(markers: NDArray[np.int64], starts: NDArray[np.int64]) -> Fault | None:
    """Check that each marker is the offset of every 256th record."""
    true = starts[:-1][::CODES]
    known = markers[: len(true)]
    wrong = np.flatnonzero(known != true)
    if wrong.size:
        block = int(wrong[0])
        return Fault(
            "markers",
            f"kallsyms_markers[{block}] is {int(known[block])}, but symbol {block * CODES} begins at byte "
            f"{int(true[block])} of kallsyms_names",
        )
    return None


def check_index(index: NDArray[np.int64], tokens: Sequence[bytes]) -> Fault | None:
    """Check that ``kallsyms_token_index`` has the offset of each token."""
    if len(tokens) < CODES:
        return Fault("token_table", f"kallsyms_token_table ends within token {len(tokens)} of {CODES}")
    true = np.concatenate([[0], np.cumsum([len(token) + 1 for token in tokens])[:-1]]) & 0xFFFF
    wrong = np.flatnonzero(index != true)
    if wrong.size:
        code = int(wrong[0])
        return Fault(
            "token_index",
            f"kallsyms_token_index[{code}] is {int(index[code])}, but the token begins at byte {int(true[code])} "
            "of kallsyms_token_table",
        )
    return None


def check_relocated(encoded: Encoded, lowest: int) -> Fault | None:
    """Check that addresses are there: a relocatable kernel's may wait for relocations that the file lacks.

    ``lowest`` is the lowest address of which the file has bytes.
    """
    zeros = int((encoded.address == 0).sum())
    if encoded.form == "word" and zeros > 1 and 2 * zeros > len(encoded.address):
        return Fault(
            "addresses",
            f"{zeros:,} of {len(encoded.address):,} addresses are zero: they wait for relocations, which this file "
            "does not hold; give the vmlinux, or memory of the running kernel",
        )
    low = encoded.base == 0 and not encoded.percpu_rule and lowest > 0
    if low and len(encoded.address) and int(encoded.address.max()) < lowest:
        return Fault(
            "relative_base",
            "kallsyms_relative_base is zero, and all addresses lie below the image: it waits for a relocation, "
            "which this file does not hold; give the vmlinux, or memory of the running kernel",
        )
    return None


def check_addresses(encoded: Encoded, release: Release) -> Fault | None:
    """Check that addresses ascend, where the release sorts them; the kernel searches them by halves."""
    if release.order == "listed":
        return None
    descends = np.flatnonzero(encoded.address[1:] < encoded.address[:-1])
    if descends.size:
        at = int(descends[0]) + 1
        return Fault(
            "addresses" if encoded.form == "word" else "offsets",
            f"addresses do not ascend: symbol {at} is at {int(encoded.address[at]):#x}, the one before at "
            f"{int(encoded.address[at - 1]):#x}",
        )
    return None


def check_sequences(sequences: NDArray[np.int64], records: Records, release: Release) -> Fault | None:
    """Check that the sequence names each symbol once, in the order of their names."""
    return _permutation(sequences, len(records)) or _sorted(sequences, records, release)


def _permutation(sequences: NDArray[np.int64], count: int) -> Fault | None:
    outside = np.flatnonzero(sequences >= count)
    if outside.size:
        at = int(outside[0])
        return _sequence_fault(f"[{at}] is {int(sequences[at])}, but there are {count} symbols")
    uses = np.bincount(sequences, minlength=count)
    if bool((uses > 1).any()):
        symbol = int(np.argmax(uses > 1))
        return _sequence_fault(f" has symbol {symbol} {int(uses[symbol])} times, and others never")
    return None


def _sorted(sequences: NDArray[np.int64], records: Records, release: Release) -> Fault | None:
    """Compare with the order by name; with names cut, where the release may have cut them for LTO."""
    if not len(records) or is_name_order(sequences, records, release):
        return None
    if release.lto_cut and is_name_order(sequences, records, release, lto_clang=True):
        return None
    wanted = name_order(records, release)
    at = int(np.flatnonzero(sequences != wanted)[0])
    found, right = (records.name(int(order[at])).decode("utf-8", "replace") for order in (sequences, wanted))
    return _sequence_fault(
        f"[{at}] is symbol {int(sequences[at])} ({found}), but by name symbol {int(wanted[at])} ({right}) "
        "comes there"
    )


def _sequence_fault(rest: str) -> Fault:
    return Fault("seqs_of_names", f"kallsyms_seqs_of_names{rest}")
