# SPDX-License-Identifier: GPL-2.0-or-later
"""What the questions of those who trace share, as arrays over a kernel's kept records in table order.

Each is made when it is first asked for: which records are code, which are freed, where ftrace's calls lie, which
sorts first at an address and among those of one name, what suffix a name has, what a kprobe would find there.
"""

from __future__ import annotations

import re
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from elfsyms.e_machine import EM_386, EM_PPC, EM_PPC64, EM_X86_64
from elfsyms.image.code_sections import in_code
from elfsyms.image.elf import SHF_ALLOC, SHF_EXECINSTR
from elfsyms.image.equal_names import Texts
from elfsyms.image.symbols import STT_OBJECT
from elfsyms.pipeline.addressing import table_addresses
from elfsyms.releases.matchers import Names, Prefix
from elfsyms.releases.versions import When
from elfsyms.trace.instructions import ENDBR
from elfsyms.trace.sites import Sites

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from elfsyms.image.btf import Btf
    from elfsyms.image.equal_names import EqualNames
    from elfsyms.image.records import Records
    from elfsyms.pipeline.kernel import Kernel

__all__ = ["Facts", "Marks"]

Marks = np.ndarray[tuple[int], np.dtype[np.bool_]]
_Numbers = np.ndarray[tuple[int], np.dtype[np.uint64]]

# How far behind a symbol's address ftrace's call may lie (FTRACE_MCOUNT_MAX_OFFSET), since 5.19.
_FAR = 1 << 62
_CALL_LIMIT = {EM_386: 0, EM_X86_64: 4, EM_PPC: 8, EM_PPC64: 16}
_LIMITED = When("5.19..")

_PIECES = (b".cold", b".part.")
_WORD = 8


class Facts:
    """The facts about one kernel. All arrays that are no lists of addresses have one element a kept record."""

    def __init__(self, kernel: Kernel) -> None:
        """Take a kernel."""
        self.kernel = kernel
        self.sites = Sites(kernel)
        self.records: Records = kernel.ordered.records
        self.address: NDArray[np.uint64] = table_addresses(kernel)
        self.version = kernel.release.version
        self.machine = kernel.image.abi.machine

    @cached_property
    def nothing(self) -> Marks:
        """No record."""
        return np.zeros(len(self.records), np.bool_)

    def all_if(self, condition: bool) -> Marks:
        """Return all records, or none."""
        return ~self.nothing if condition else self.nothing

    def within(self, first: str, last: str) -> Marks:
        """Mark the records between two labels of the linker script."""
        bounds = self.sites.bounds(first, last)
        if bounds is None:
            return self.nothing
        return (self.address >= np.uint64(bounds[0])) & (self.address < np.uint64(bounds[1]))

    # Where it lies.

    @cached_property
    def entry_is_code(self) -> NDArray[np.bool_]:
        """By entry of the symbol table, kept or not: whether it is code."""
        table = self.kernel.symbols
        return np.asarray(in_code(table) & (table.type != STT_OBJECT))

    @cached_property
    def code(self) -> Marks:
        """Records that are code."""
        return np.asarray(self.entry_is_code[self.records.symbol])

    @cached_property
    def init(self) -> Marks:
        """What is freed once the kernel has started: by labels, which a cut table lacks, and by section."""
        named = [section.index for section in self.kernel.symbols.sections if section.name == ".init.text"]
        inside = np.isin(self.kernel.symbols.section[self.records.symbol], named)
        return inside | self.within("__init_begin", "__init_end") | self.within("_sinittext", "_einittext")

    @cached_property
    def outside(self) -> Marks:
        """What is neither the kernel's text nor freed."""
        text = self.sites.bounds("_stext", "_etext")
        return self.nothing if text is None else ~self.within("_stext", "_etext") & ~self.init

    # Names.

    @property
    def same(self) -> EqualNames:
        """Which records have the same name."""
        return self.kernel.equal_names

    @property
    def first_of_name(self) -> NDArray[np.int64]:
        """For each record, the first record of the same name."""
        return self.same.first

    @cached_property
    def repeated(self) -> Marks:
        """Records whose names others have, too."""
        return np.asarray(self.same.count > 1)

    @cached_property
    def hidden_by_name(self) -> Marks:
        """Records that a lookup of their name does not find: it finds another address first."""
        return np.asarray(self.address[self.first_of_name] != self.address)

    def named(self, names: Texts) -> NDArray[np.int64]:
        """Count for each record how many of some names are its own."""
        found = self.same.find(names)
        return np.bincount(found[found >= 0], minlength=len(self.records))[self.first_of_name]

    @cached_property
    def padding(self) -> Marks:
        """The room before functions."""
        names = Names(self.records)
        return Prefix(b"__pfx_").marks(names) | Prefix(b"__cfi_").marks(names)

    @cached_property
    def dotted(self) -> NDArray[np.int64]:
        """The indices of the records of code that have a suffix in their names."""
        dots = np.flatnonzero(np.frombuffer(self.records.pool, np.uint8) == ord("."))
        code = np.flatnonzero(self.code)
        start = self.records.start[code]
        end = start + self.records.size[code]
        return np.asarray(code[dots.searchsorted(end) > dots.searchsorted(start + 1)])

    @cached_property
    def whole(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The records with a suffix, and of each the first record of the name without it, or -1."""
        indices, start = self.dotted, self.records.start[self.dotted]
        dots = np.flatnonzero(np.frombuffer(self.records.pool, np.uint8) == ord("."))
        stem = dots[dots.searchsorted(start)] - start if len(indices) else start
        return indices, self.same.find(Texts(self.records.pool, start, stem))

    def of_whole(self, marks: Marks) -> Marks:
        """Mark the records with a suffix whose name without it is marked."""
        indices, first = self.whole
        result = self.nothing.copy()
        result[indices] = (first >= 0) & marks[first]
        return result

    @cached_property
    def piece(self) -> Marks:
        """Parts of functions that begin somewhere in their middle."""
        records, indices, marks = self.records, self.dotted, self.nothing.copy()
        start, end = records.start[indices], records.start[indices] + records.size[indices]
        for piece in _PIECES:
            found = np.array([one.start() for one in re.finditer(re.escape(piece), records.pool)], np.int64)
            marks[indices] |= found.searchsorted(start) < found.searchsorted(end - len(piece), "right")
        return marks

    # Lookups by address, and ftrace.

    @cached_property
    def starts(self) -> _Numbers:
        """The addresses that have a record, ascending."""
        return self.address[~self.shadowed]

    @cached_property
    def slot(self) -> NDArray[np.int64]:
        """The index of each record's address in :attr:`starts`."""
        return self.starts.searchsorted(self.address).astype(np.int64)

    @cached_property
    def shadowed(self) -> Marks:
        """Records behind another at the same address, which a lookup never finds."""
        return np.append(False, self.address[1:] == self.address[:-1])[: len(self.address)]

    @cached_property
    def calls(self) -> _Numbers:
        """The addresses that ftrace patches, ascending, but for those below the first symbol."""
        calls = self.sites.ftrace(self.starts)
        return calls[calls >= self.starts[0]] if len(self.starts) else calls[:0]

    @cached_property
    def call_slot(self) -> NDArray[np.int64]:
        """The index in :attr:`starts` of the address below each of ftrace's calls."""
        return self.starts.searchsorted(self.calls, "right").astype(np.int64) - 1

    @cached_property
    def call_is_near(self) -> Marks:
        """Of each of ftrace's calls: whether it is near enough to the address below to have its name."""
        limit = _CALL_LIMIT.get(self.machine, _FAR) if self.version in _LIMITED else _FAR
        return np.asarray((self.calls - self.starts[self.call_slot]) <= np.uint64(limit))

    @cached_property
    def called(self) -> Marks:
        """Records in whose range, up to the next address, one of ftrace's calls lies."""
        return self._at_slots(self.call_slot)

    @cached_property
    def entered(self) -> Marks:
        """Records at whose start one of ftrace's calls lies."""
        return self._at_slots(self.call_slot[self.call_is_near])

    def _at_slots(self, slots: NDArray[np.int64]) -> Marks:
        marks = np.zeros(len(self.starts), np.bool_)
        marks[slots] = True
        return np.asarray(marks[self.slot])

    # kprobes.

    @cached_property
    def probed(self) -> _Numbers:
        """Where a kprobe at each record's name goes: behind x86's ENDBR, else at its address."""
        if self.machine not in (EM_386, EM_X86_64):
            return self.address
        first = self.words(self.address) & np.uint64(0xFFFFFFFF)
        return self.address + np.where(np.isin(first, ENDBR), np.uint64(4), np.uint64(0))

    @cached_property
    def listed(self) -> Marks:
        """Records on the kprobes' blacklist: each of its addresses stands for all up to the next symbol."""
        found = np.zeros(len(self.starts) + 1, np.bool_)
        at = self.starts.searchsorted(self.sites.blacklist)
        found[at[np.append(self.starts, np.uint64(0))[at] == self.sites.blacklist]] = True
        return found[self.slot]

    def words(self, addresses: _Numbers) -> _Numbers:
        """Return the eight bytes at addresses in code as little-endian numbers; zero elsewhere."""
        result = np.zeros(len(addresses), np.uint64)
        for address, numbers in self._code_numbers:
            offset = addresses - np.uint64(address)  # wraps to a large number below the section
            inside = np.flatnonzero(offset < np.uint64(len(numbers)))
            result[inside] = numbers[offset[inside]]
        return result

    @cached_property
    def _code_numbers(self) -> list[tuple[int, NDArray[np.uint64]]]:
        """The address of each section of code, and the number of eight bytes at each of its bytes."""
        image, wanted = self.kernel.image, SHF_EXECINSTR | SHF_ALLOC
        parts = ((s.address, image.section_bytes(s)) for s in image.sections if s.flags & wanted == wanted)
        return [
            (at, np.ndarray((len(data) - _WORD + 1,), "<u8", data, strides=(1,)))
            for at, data in parts
            if len(data) >= _WORD
        ]

    # What the kernel has, whatever its release is.

    def configured(self, variable: str) -> bool | None:
        """Tell whether the kernel was built with a variable's yes; None where no configuration is at hand."""
        config = self.kernel.configuration
        return None if config is None else config.get(variable) == "y"

    def has(self, name: str) -> bool:
        """Tell whether the kernel has a function."""
        return self.kernel.symbols.address_of(name.encode()) is not None

    def says(self, text: bytes) -> bool:
        """Tell whether the kernel has a message, and so the check that it is about."""
        return any(text in data for data in self._constants)

    @cached_property
    def _constants(self) -> list[bytes]:
        image = self.kernel.image
        return [
            image.section_bytes(s) for s in image.sections if s.name.startswith((".rodata", ".init.rodata"))
        ]

    @property
    def btf(self) -> Btf | None:
        """The functions that the kernel's types describe; None where there are none that can be read."""
        return self.kernel.btf
