# SPDX-License-Identifier: GPL-2.0-or-later
"""What the questions of those who trace share, as arrays over a kernel's kept records in table order, or some.

Each is made when it is first asked for: which records are code, which are freed, which sorts first at an address
and among those of one name, what suffix a name has, what a kprobe would find there.
"""

from __future__ import annotations

import re
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from elfsyms.e_machine import EM_386, EM_PPC64, EM_X86_64
from elfsyms.image.equal_names import Texts
from elfsyms.image.sorting import distinct
from elfsyms.releases.matchers import Names, Prefix
from elfsyms.trace.instructions import ADDS_TOC, ENDBR, LOADS_TOC, first_word
from elfsyms.trace.same_names import FewNames, ManyNames

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from elfsyms.image.records import Records
    from elfsyms.trace.kernel_facts import KernelFacts
    from elfsyms.trace.same_names import SameNames

__all__ = ["Facts", "Marks", "with_wholes"]

Marks = np.ndarray[tuple[int], np.dtype[np.bool_]]
_Numbers = np.ndarray[tuple[int], np.dtype[np.uint64]]

_PIECES = (b".cold", b".part.")


class Facts:
    """The facts about some records of one kernel: all arrays have one element a record.

    The records are those of the table, in its order; or those that ``which`` (int64, ascending) are. With them must
    be the records of which theirs are parts (:func:`with_wholes`).
    """

    def __init__(self, of_kernel: KernelFacts, which: NDArray[np.int64] | None = None) -> None:
        """Take what is known of the kernel, and the records."""
        self.of_kernel = of_kernel
        self.which = np.arange(len(of_kernel.records)) if which is None else which
        self.names: SameNames = (
            ManyNames(of_kernel.kernel.equal_names) if which is None else FewNames(of_kernel.records, which)
        )
        self.records: Records = of_kernel.records if which is None else of_kernel.records.take(which)
        self.address: NDArray[np.uint64] = of_kernel.address if which is None else of_kernel.address[which]

    @cached_property
    def nothing(self) -> Marks:
        """No record."""
        return np.zeros(len(self.records), np.bool_)

    def all_if(self, condition: bool) -> Marks:
        """Return all records, or none."""
        return ~self.nothing if condition else self.nothing

    def within(self, first: str, last: str) -> Marks:
        """Mark the records between two labels of the linker script."""
        bounds = self.of_kernel.sites.bounds(first, last)
        if bounds is None:
            return self.nothing
        return (self.address >= np.uint64(bounds[0])) & (self.address < np.uint64(bounds[1]))

    # Where it lies.

    @cached_property
    def code(self) -> Marks:
        """Records that are code."""
        return np.asarray(self.of_kernel.entry_is_code[self.records.symbol])

    @cached_property
    def init(self) -> Marks:
        """What is freed once the kernel has started: by labels, which a cut table lacks, and by section."""
        named = [
            section.index
            for section in self.of_kernel.kernel.symbols.sections
            if section.name == ".init.text"
        ]
        inside = np.isin(self.of_kernel.kernel.symbols.section[self.records.symbol], named)
        return inside | self.within("__init_begin", "__init_end") | self.within("_sinittext", "_einittext")

    @cached_property
    def outside(self) -> Marks:
        """What is neither the kernel's text nor freed."""
        text = self.of_kernel.sites.bounds("_stext", "_etext")
        return self.nothing if text is None else ~self.within("_stext", "_etext") & ~self.init

    # Names.

    @cached_property
    def repeated(self) -> Marks:
        """Records whose names others have, too."""
        return np.asarray(self.names.count > 1)

    @cached_property
    def hidden_by_name(self) -> Marks:
        """Records that a lookup of their name does not find: it finds another address first."""
        return np.asarray(self.of_kernel.address[self.names.first] != self.address)

    @cached_property
    def padding(self) -> Marks:
        """The room before functions."""
        names = Names(self.records)
        return Prefix(b"__pfx_").marks(names) | Prefix(b"__cfi_").marks(names)

    @cached_property
    def dotted(self) -> NDArray[np.int64]:
        """The indices of the records of code that have a suffix in their names."""
        dots = self.of_kernel.dots
        code = np.flatnonzero(self.code)
        start = self.records.start[code]
        end = start + self.records.size[code]
        return np.asarray(code[dots.searchsorted(end) > dots.searchsorted(start + 1)])

    @cached_property
    def whole(self) -> NDArray[np.int64]:
        """Of the records with a suffix, the first record of the table that has the name without it, or -1."""
        dots, start = self.of_kernel.dots, self.records.start[self.dotted]
        stem = dots[dots.searchsorted(start)] - start if len(start) else start
        return self.names.find(Texts(self.records.pool, start, stem))

    def of_whole(self, marks: Marks) -> Marks:
        """Mark the records with a suffix whose name without it is marked."""
        result, known = self.nothing.copy(), self.whole >= 0
        wholes = self.which.searchsorted(self.whole[known])
        result[self.dotted[known]] = marks[wholes]
        return result

    @cached_property
    def piece(self) -> Marks:
        """Parts of functions that begin somewhere in their middle."""
        records, indices, marks = self.records, self.dotted, self.nothing.copy()
        start, end = records.start[indices], records.start[indices] + records.size[indices]
        for piece in _PIECES if len(indices) else ():
            found = np.array([one.start() for one in re.finditer(re.escape(piece), records.pool)], np.int64)
            marks[indices] |= found.searchsorted(start) < found.searchsorted(end - len(piece), "right")
        return marks

    # Lookups by address, and ftrace.

    @cached_property
    def slot(self) -> NDArray[np.int64]:
        """The index of each record's address among all that have a record."""
        return self.of_kernel.starts.searchsorted(self.address).astype(np.int64)

    @cached_property
    def shadowed(self) -> Marks:
        """Records behind another at the same address, which a lookup never finds."""
        return self.of_kernel.shadowed[self.which]

    @cached_property
    def called(self) -> Marks:
        """Records in whose range, up to the next address, one of ftrace's calls lies."""
        return self._at_slots(self.of_kernel.call_slot)

    @cached_property
    def entered(self) -> Marks:
        """Records at whose start one of ftrace's calls lies."""
        return self._at_slots(self.of_kernel.call_slot[self.of_kernel.call_is_near])

    def _at_slots(self, slots: NDArray[np.int64]) -> Marks:
        marks = np.zeros(len(self.of_kernel.starts), np.bool_)
        marks[slots] = True
        return np.asarray(marks[self.slot])

    # kprobes.

    @cached_property
    def probed(self) -> _Numbers:
        """Where a kprobe at each record's name goes.

        Behind x86's ENDBR; on 64-bit PowerPC at ftrace's call, or behind what loads the TOC; else at its address.
        """
        if self.of_kernel.machine == EM_PPC64:
            return self._probed_powerpc
        if self.of_kernel.machine not in (EM_386, EM_X86_64):
            return self.address
        first = self.of_kernel.words(self.address) & np.uint64(0xFFFFFFFF)
        return self.address + np.where(np.isin(first, ENDBR), np.uint64(4), np.uint64(0))

    @property
    def _probed_powerpc(self) -> _Numbers:
        order = self.of_kernel.kernel.image.abi.byte_order
        words = self.of_kernel.words(self.address)
        upper = np.uint64(0xFFFF0000)
        first = first_word(EM_PPC64, order, words) & upper
        second = first_word(EM_PPC64, order, words >> np.uint64(32)) & upper
        loads_toc = np.isin(first, LOADS_TOC) & (second == np.uint64(ADDS_TOC))
        entry = self.address + np.where(loads_toc, np.uint64(8), np.uint64(0))
        calls = np.append(self.of_kernel.calls, np.uint64(0))
        call = calls[self.of_kernel.calls.searchsorted(self.address)]
        return np.where((call >= self.address) & (call - self.address <= np.uint64(16)), call, entry)

    @cached_property
    def listed(self) -> Marks:
        """Records on the kprobes' blacklist: each of its addresses stands for all up to the next symbol."""
        starts, listed = self.of_kernel.starts, self.of_kernel.sites.blacklist
        found = np.zeros(len(starts) + 1, np.bool_)
        at = starts.searchsorted(listed)
        found[at[np.append(starts, np.uint64(0))[at] == listed]] = True
        return found[self.slot]


def with_wholes(of_kernel: KernelFacts, which: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return some records, and those whose parts they are by their names: what is said of one is of its part."""
    wholes = Facts(of_kernel, which).whole
    return distinct(np.concatenate((which, wholes[wholes >= 0])))
