# SPDX-License-Identifier: GPL-2.0-or-later
"""Which of several places in memory a kernel runs at, where an ELF core has its tables at more than one.

A core may map the same memory twice (the kernel's own mapping, and the map of all memory), and hold copies of a
kernel; it may also map the memory of a kernel where it does not run, or by physical addresses alone. Tables of
addresses say the same wherever they are read; tables of distances (from 7.0 on) tell the right addresses only where
the kernel runs. That is where its own pointers point to.

Leaves out bare images, of which nothing is mapped (``placing.py``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from elfsyms.decode.bias import pointers_in, vote_for_text
from elfsyms.decode.choosing import AmbiguousError
from elfsyms.image.kernel_file import Run

if TYPE_CHECKING:
    from mmap import mmap

    from elfsyms.decode.found import Found
    from elfsyms.image.kernel_file import KernelFile

__all__ = ["where_it_runs"]

_TABLES = 4  # bytes that tables are aligned to at least


def where_it_runs(
    file: KernelFile, data: bytes | mmap, found: Found
) -> tuple[Found, tuple[Run, ...], tuple[str, ...]]:
    """Return the tables to read, the runs of memory with the one to read them in first, and what told it.

    Raises :class:`AmbiguousError` where tables of distances lie at several places and nothing tells which is right.
    """
    runs = file.runs()
    if not file.is_core or found.addresses.form != "pc-relative":
        return found, runs, ()
    places = {
        _origin(copy, run): (copy, run)
        for copy in (found, *found.copies)
        for run in runs
        if run.offset <= copy.offsets["offsets"] < run.offset + run.size
    }
    told = next((at for copy, run in places.values() if (at := _voted(data, copy, run)) is not None), None)
    if told is None and len(places) > 1:
        known = " and ".join(f"{start:#x}" for start in places)
        raise AmbiguousError(
            f"{file.path}: its kernel lies at {known}, and its pointers do not tell at which of these it runs"
        )
    if told is None or not places:
        return found, runs, ()
    if told in places:
        copy, run = places[told]
        how = f"of {len(places)} places of the kernel in memory its pointers point to that at {told:#x}"
    else:
        first, (copy, run) = next(iter(places.items()))
        run = Run(run.offset, (run.address + told - first) & _mask(copy), run.size)
        how = f"its pointers point to {told:#x}, where the headers have no kernel"
    return copy, (run, *(other for other in runs if other != run)), (how,)


def _mask(found: Found) -> int:
    return (1 << 8 * found.addresses.word) - 1


def _text(found: Found) -> int:
    """Return where ``_text`` is in the bytes searched, else the first symbol: both begin pages."""
    text = found.address_of(b"_text")
    return int(found.addresses.address[0]) if text is None else text


def _origin(found: Found, run: Run) -> int:
    """Return the address that this has in a run."""
    return (_text(found) - run.offset + run.address) & _mask(found)


def _voted(data: bytes | mmap, found: Found, run: Run) -> int | None:
    """Let the pointers in the kernel's own bytes vote for the address of its text."""
    reading = found.addresses
    first, last = int(reading.address[0]), int(reading.address[-1])
    start = first if run.offset <= first < run.offset + run.size else run.offset
    start += (found.names.num_syms - start) % _TABLES
    octets = np.frombuffer(data, np.uint8)[: min(last, run.offset + run.size)]
    for phase in range(start, start + reading.word, _TABLES):  # words need not lie as tables do
        pointers = pointers_in(octets[phase:], found.byte_order, reading.word, (last - first) & _mask(found))
        voted = vote_for_text(pointers, reading.address, _text(found)) if pointers.size else None
        if voted is not None:
            return voted & _mask(found)
    return None
