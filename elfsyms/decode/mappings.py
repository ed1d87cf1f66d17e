# SPDX-License-Identifier: GPL-2.0-or-later
"""Which of several places in memory a kernel runs at, where an ELF core has its tables at more than one.

A core may map the same memory twice (the kernel's own mapping, and the map of all memory), and hold copies of a
kernel. Tables of addresses say the same wherever they are read; tables of distances (from 7.0 on) tell the right
addresses only at the place where the kernel runs. That is the one that its own pointers point to.

Leaves out bare images, of which nothing is mapped (``placing.py``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from elfsyms.decode.bias import pointers_in, vote_for_text
from elfsyms.decode.choosing import AmbiguousError

if TYPE_CHECKING:
    from mmap import mmap

    from elfsyms.decode.found import Found
    from elfsyms.image.kernel_file import KernelFile, Run

__all__ = ["where_it_runs"]

_TOP = (1 << 64) - 1


def where_it_runs(
    file: KernelFile, data: bytes | mmap, found: Found
) -> tuple[Found, tuple[Run, ...], tuple[str, ...]]:
    """Return the tables to read, the runs of memory with the one to read them in first, and what told it.

    Raises :class:`AmbiguousError` where tables of distances lie at several places and nothing tells which is right.
    """
    runs = file.runs()
    places = [
        (copy, run)
        for copy in (found, *found.copies)
        for run in runs
        if run.offset <= copy.offsets.get("offsets", -1) < run.offset + run.size
    ]
    if found.addresses.form != "pc-relative" or len(places) < 2:
        return found, runs, ()
    texts = {_first_symbol(copy, run): (copy, run) for copy, run in places}
    told = next((at for copy, run in texts.values() if (at := _voted(data, copy, run)) in texts), None)
    if told is None:
        known = " and ".join(f"{start:#x}" for start in texts)
        raise AmbiguousError(
            f"{file.path}: its kernel begins at {known}, and its pointers do not tell at which of these it runs"
        )
    copy, chosen = texts[told]
    how = f"of {len(texts)} places of the kernel in memory its pointers point to that at {told:#x}"
    return copy, (chosen, *(run for run in runs if run != chosen)), (how,)


def _first_symbol(found: Found, run: Run) -> int:
    """Return the address that the first symbol has in a run."""
    return (int(found.addresses.address[0]) - run.offset + run.address) & _TOP


def _voted(data: bytes | mmap, found: Found, run: Run) -> int | None:
    """Let the pointers in the kernel's own bytes vote for the address of its first symbol."""
    reading = found.addresses
    first, last = int(reading.address[0]), int(reading.address[-1])
    inside = first if run.offset <= first < run.offset + run.size else run.offset
    inside += (found.names.num_syms - inside) % 4
    octets = np.frombuffer(data, np.uint8)[inside : min(last, run.offset + run.size)]
    pointers = pointers_in(octets, found.byte_order, reading.word, (last - first) & _TOP)
    return vote_for_text(pointers, reading.address, first) if pointers.size else None
