# SPDX-License-Identifier: GPL-2.0-or-later
"""How each kept symbol's address stands in the tables, and which addresses move when the kernel does.

The answer needs order and boundaries, but not the compression, which is most of the work of the tables: with
one exception, :func:`addresses_of` makes the address table alone. The exception is ``kallsyms_addresses``
until 4.5, whose generator asks the letter of what is already compressed.

What moves (KASLR, or a relocatable kernel loaded elsewhere) follows from the form, as ``kernel/kallsyms.c``
reads it: whatever is written with ``_text`` in it is relocated with ``_text``; plain numbers, and so the
per-CPU symbols of ``--absolute-percpu``, are not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from elfsyms.pipeline.addresses import AddressSource, encode_addresses, needs_first_codes
from elfsyms.pipeline.out_of_range import OutOfRangeError
from elfsyms.pipeline.range_fixes import with_fixes

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from elfsyms.pipeline.addresses import Addresses
    from elfsyms.pipeline.kernel import Kernel

__all__ = ["addresses_of", "moving", "needs_compression", "seen_address", "table_addresses"]


def needs_compression(kernel: Kernel) -> bool:
    """Tell whether the release's address table depends on the compressed names."""
    return needs_first_codes(kernel.release, kernel.options)


def addresses_of(kernel: Kernel) -> Addresses:
    """Return the address table, in table order.

    Raises :class:`elfsyms.pipeline.out_of_range.OutOfRangeError` for a symbol that the release's form cannot
    reach; until 4.5 :class:`EncodeError` also for what the compression cannot do.
    """
    if needs_compression(kernel):
        return kernel.tables.addresses
    kept = kernel.ordered
    source = AddressSource(
        kept.records, kept.percpu, kernel.verdicts.boundaries, kernel.release, kernel.options
    )
    try:
        return encode_addresses(source, np.empty(0, np.uint8))
    except OutOfRangeError as error:
        raise with_fixes(kernel, error) from None


def moving(addresses: Addresses, percpu: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Tell which symbols (bool, in table order) move with the kernel."""
    if addresses.form == "word" and addresses.anchored is not None:
        return addresses.anchored
    if addresses.form == "base":
        return ~percpu
    return np.full(len(percpu), addresses.form == "pc-relative", np.bool_)


def seen_address(kernel: Kernel, address: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return addresses as the kernel has them: as wide as its pointers."""
    return address & np.uint64((1 << kernel.image.abi.bits) - 1)


def table_addresses(kernel: Kernel) -> NDArray[np.uint64]:
    """Return the addresses of the symbols in table order, ascending, as the kernel has them.

    Where some do not fit its pointers, no table can be made, and they are as the file has them: cut to a pointer's
    width they would not ascend, and nothing could be looked up by address. A release that leaves the map's order
    puts a line that a name forged where its name stands; one too low there counts as the highest before it, for a
    binary search does not find it by its own address.
    """
    address = kernel.ordered.records.address
    seen = seen_address(kernel, address)
    if bool((seen[1:] >= seen[:-1]).all()):
        return seen
    ascending: NDArray[np.uint64] = np.maximum.accumulate(address)
    return ascending
