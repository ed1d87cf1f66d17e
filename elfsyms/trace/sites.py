# SPDX-License-Identifier: GPL-2.0-or-later
"""The addresses that a kernel's own tables name: what ftrace patches, what kprobes avoid, what else is patched.

All are found by the linker script's labels around them and read as the running kernel will have them, with the
relocations of a relocatable kernel applied. A table that is not there has no addresses; one whose entries do not
all lie in the kernel's text is of a form nobody knows here, and is left out rather than guessed at.

Follows ``include/asm-generic/vmlinux.lds.h`` for the labels, ``include/linux/jump_label.h``,
``include/linux/static_call_types.h`` and ``arch/x86/include/asm/alternative.h`` for the entries, and the ports'
``ftrace_call_adjust``.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from elfsyms.e_machine import EM_386, EM_ARM, EM_X86_64
from elfsyms.errors import InputError
from elfsyms.image.machines import RELATIVE
from elfsyms.image.memory import image_memory
from elfsyms.image.records import chunks, numbers_everywhere
from elfsyms.image.sections import SHF_ALLOC, SHF_EXECINSTR
from elfsyms.image.sorting import distinct
from elfsyms.image.symbols import SHN_UNDEF

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from elfsyms.image.memory import Memory
    from elfsyms.image.symbols import SymbolTable
    from elfsyms.pipeline.kernel import Kernel

__all__ = ["Sites"]

Numbers = np.ndarray[tuple[int], np.dtype[np.uint64]]

# Labels around .rela.dyn: arm64's (older ones, too), those of s390 and RISC-V, and LoongArch's.
_RELOCATIONS = (
    ("__pi_rela_start", "__pi_rela_end"),
    ("__rela_start", "__rela_end"),
    ("__rela_dyn_start", "__rela_dyn_end"),
    ("__rela_dyn_begin", "__rela_dyn_end"),
)
_KIMAGE_ALIGN = 2 << 20  # bytes: _text lies up to 512 KB behind (TEXT_OFFSET)
_RELATIVE_ENTRY = 3  # numbers of 8 bytes: where, of what kind, and the addend
_NONE: Numbers = np.empty(0, np.uint64)

# Entries of the table of BUG(), with the file's name and line, a format, or neither (struct bug_entry).
_BUG_SIZES = (12, 16, 8)
_BUG_WORDS = (3, 4, 2)

_NEARLY = 0.9
_BEFORE_FUNCTION = 8  # bytes of NOPs before a function, where ftrace keeps a pointer there (CALL_OPS)


class Sites:
    """The tables of one kernel, each read when it is first asked for."""

    def __init__(self, kernel: Kernel) -> None:
        """Take a kernel."""
        self._image, self._table = kernel.image, kernel.symbols
        self._wide = kernel.image.abi.bits == 64

    @cached_property
    def memory(self) -> Memory:
        """The kernel's bytes as they are once it runs at its linked address."""
        return image_memory(self._image)

    @cached_property
    def labels(self) -> dict[bytes, int]:
        """The addresses of the labels that bound tables and ranges, by name."""
        return _addresses(self._table, _LABELS)

    def bounds(self, first: str, last: str) -> tuple[int, int] | None:
        """Return the addresses of two labels; None where one is missing or nothing lies between them."""
        start, end = self.labels.get(first.encode()), self.labels.get(last.encode())
        return (start, end) if start is not None and end is not None and start < end else None

    def words(self, first: str, last: str) -> Numbers:
        """Return the pointers between two labels."""
        bounds = self.bounds(first, last)
        word = self._image.abi.word
        if bounds is None:
            return _NONE
        found = self._numbers(bounds[0], (bounds[1] - bounds[0]) // word, word).astype(np.uint64)
        return found if found.all() else self._filled(found, bounds[0], word)

    def _filled(self, found: Numbers, start: int, word: int) -> Numbers:
        """Fill in pointers that lie at an address as the kernel does when it starts.

        The image of arm64 has zeros for some of assembly, that of s390 for all: where they go and what they are
        lies in ``.rela.dyn``.
        """
        bounds = next(filter(None, (self.bounds(*edges) for edges in _RELOCATIONS)), self._old_relocations)
        kind = RELATIVE.get((self._image.abi.machine, self._image.abi.bits))
        if bounds is None or kind is None:
            return found
        count = (bounds[1] - bounds[0]) // (8 * _RELATIVE_ENTRY)
        rows = self._numbers(bounds[0], count * _RELATIVE_ENTRY, 8).reshape(-1, _RELATIVE_ENTRY)
        where, kinds, addend = rows.astype(np.uint64).T
        index = (where - np.uint64(start)) // np.uint64(word)  # of one before, too, which is far behind then
        chosen = (kinds == kind) & (index < len(found))
        found = found.copy()
        found[index[chosen]] = addend[chosen]
        return found

    @property
    def _old_relocations(self) -> tuple[int, int] | None:
        """Where ``.rela.dyn`` of arm64 lies before 6.0, by its distance from KIMAGE_VADDR and its size."""
        text, distance, size = (
            self.labels.get(name) for name in (b"_text", b"__rela_offset", b"__rela_size")
        )
        if text is None or distance is None or not size:
            return None
        start = text // _KIMAGE_ALIGN * _KIMAGE_ALIGN + distance
        return start, start + size

    @cached_property
    def has_ftrace(self) -> bool:
        """Whether there is a list of the addresses that ftrace patches, be it empty."""
        return self.has("mcount_loc")

    @cached_property
    def has_blacklist(self) -> bool:
        """Whether there is a list of the functions that kprobes avoid, be it empty."""
        return self.has("kprobe_blacklist")

    def has(self, table: str) -> bool:
        """Tell whether the labels around a table are in the file, whatever lies between them."""
        return all(f"__{edge}_{table}".encode() in self.labels for edge in ("start", "stop"))

    def ftrace(self, starts: NDArray[np.uint64]) -> Numbers:
        """Return the addresses that ftrace patches, ascending; ``starts`` are those of functions, ascending.

        What the file lists is an address in each function, or the room before one that keeps a pointer for
        ftrace: then the function begins 8 bytes behind it, for most entries. Zeros stand for functions that the
        linker threw away.
        """
        listed = self.words("__start_mcount_loc", "__stop_mcount_loc")
        if self._image.abi.machine == EM_ARM:
            listed = listed & ~np.uint64(1)  # Thumb
        listed = distinct(listed[listed != 0])
        behind = listed + np.uint64(_BEFORE_FUNCTION)
        return behind if _share(behind, starts) > max(0.5, _share(listed, starts)) else listed

    @cached_property
    def blacklist(self) -> Numbers:
        """The functions marked with NOKPROBE_SYMBOL."""
        return distinct(self.words("__start_kprobe_blacklist", "__stop_kprobe_blacklist"))

    @cached_property
    def patched(self) -> Numbers:
        """The instructions that static keys, static calls and (x86) alternatives patch, ascending."""
        found = [
            self._jump_labels(),
            self._relative("__start_static_call_sites", "__stop_static_call_sites", 8),
        ]
        if self._image.abi.machine in (EM_386, EM_X86_64):
            found += [self._alternatives()]
        return distinct(np.concatenate(found))

    def _jump_labels(self) -> Numbers:
        """Return the static keys' addresses: two distances and a pointer each; on some machines three pointers."""
        names = ("__start___jump_table", "__stop___jump_table")
        relative = self._relative(*names, 16 if self._wide else 12)
        return relative if len(relative) else self._in_text(self.words(*names)[::3])

    def _alternatives(self) -> Numbers:
        """Return the alternatives' addresses of x86: distances at the start of entries whose size changed twice."""
        names = ("__alt_instructions", "__alt_instructions_end")
        found = (self._relative(*names, size) for size in (14, 12, 13))
        return next((addresses for addresses in found if len(addresses)), _NONE)

    @cached_property
    def bugs(self) -> Numbers:
        """The instructions of BUG() and WARN(), ascending: a distance first in each entry, or a pointer."""
        names = ("__start___bug_table", "__stop___bug_table")
        relative = (self._relative(*names, size) for size in _BUG_SIZES)
        words = self.words(*names)
        pointers = (self._in_text(words[::count]) for count in _BUG_WORDS if not len(words) % count)
        return next((distinct(found) for found in (*relative, *pointers) if len(found)), _NONE)

    def _relative(self, first: str, last: str, step: int) -> Numbers:
        """Return where entries point that begin with a distance of 32 bits; none where that makes no sense."""
        bounds = self.bounds(first, last)
        if bounds is None or (bounds[1] - bounds[0]) % step:
            return _NONE
        start, end = bounds
        try:
            data = self.memory.read(start, end - start)
        except InputError:
            return _NONE
        rows = np.frombuffer(data, np.uint8).reshape(-1, step)[:, :4]
        distance = np.ascontiguousarray(rows).view(f"{self._image.abi.byte_order}i4").ravel().astype(np.int64)
        own = np.arange(len(distance), dtype=np.int64) * step + np.uint64(start).astype(np.int64)
        addresses = (own + distance).astype(np.uint64)
        return self._in_text(addresses & ~np.uint64(3) if step == 8 else addresses)  # a tail call's flag

    def _in_text(self, addresses: Numbers) -> Numbers:
        """Return the addresses if nearly all lie in code, none otherwise.

        An image has no labels around ``.exit.text``, which some machines keep until the kernel has started.
        """
        inside = np.zeros(len(addresses), np.bool_)
        for section in self._image.sections:
            if section.flags & SHF_ALLOC and section.flags & SHF_EXECINSTR:
                start, size = np.uint64(section.address), np.uint64(section.size)
                # By sizes: the section's end may lie behind the last address.
                inside |= (addresses >= start) & (addresses - start < size)
        return addresses if len(addresses) and inside.mean() > _NEARLY else _NONE

    def _numbers(self, address: int, count: int, width: int) -> NDArray[np.int64]:
        try:
            return self.memory.numbers(address, count, width)
        except InputError:
            return np.empty(0, np.int64)


def _share(addresses: Numbers, starts: NDArray[np.uint64]) -> float:
    """Return which share of addresses are starts of functions."""
    if not len(addresses) or not len(starts):
        return 0.0
    below = starts.searchsorted(addresses, "right") - 1
    return float((starts[below] == addresses).mean())


# What is asked for by :meth:`Sites.bounds`, found at once.
_LABELS = b"""_text _stext _etext _sinittext _einittext __init_begin __init_end __head_end
    __start_mcount_loc __stop_mcount_loc __start_kprobe_blacklist __stop_kprobe_blacklist
    __start___bug_table __stop___bug_table
    __start___jump_table __stop___jump_table __start_static_call_sites __stop_static_call_sites
    __alt_instructions __alt_instructions_end __kprobes_text_start __kprobes_text_end
    __noinstr_text_start __noinstr_text_end __entry_text_start __entry_text_end
    __irqentry_text_start __irqentry_text_end __idmap_text_start __idmap_text_end
    __hyp_text_start __hyp_text_end __hyp_idmap_text_start __hyp_idmap_text_end
    __pi_rela_start __pi_rela_end __rela_start __rela_end __rela_dyn_start __rela_dyn_begin
    __rela_dyn_end __rela_offset __rela_size""".split()


def _addresses(table: SymbolTable, names: Sequence[bytes]) -> dict[bytes, int]:
    """Return the addresses of the defined symbols among some names, by one look at the beginnings of all."""
    beginnings = np.array([name[:8].ljust(8, b"\0") for name in names], "S8").view("<u8")
    numbers = numbers_everywhere(table.strings)
    begins = np.isin(chunks(numbers, table.name_start, table.name_size, 0), beginnings)
    found = np.flatnonzero(begins & (table.section != SHN_UNDEF)).tolist()
    named = ((table.name(symbol), int(table.value[symbol])) for symbol in found)
    return {name: address for name, address in named if name in names}
