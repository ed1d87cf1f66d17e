# SPDX-License-Identifier: GPL-2.0-or-later
"""What the questions of those who trace ask about a kernel as a whole: its lists, its messages, ftrace's calls.

Each is made when it is first asked for, and shared by all who ask about its symbols (``facts.py``).
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from elfsyms.e_machine import EM_386, EM_AARCH64, EM_ARM, EM_PPC, EM_PPC64, EM_RISCV, EM_X86_64
from elfsyms.image.code_sections import in_code
from elfsyms.image.elf import SHF_ALLOC, SHF_EXECINSTR, SHT_NOBITS
from elfsyms.image.symbols import STB_WEAK, STT_OBJECT
from elfsyms.pipeline.addressing import table_addresses
from elfsyms.releases.versions import When
from elfsyms.trace.sites import Sites

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from elfsyms.image.btf import Btf
    from elfsyms.image.records import Records
    from elfsyms.image.sections import Section
    from elfsyms.pipeline.kernel import Kernel

__all__ = ["KernelFacts"]

_Marks = np.ndarray[tuple[int], np.dtype[np.bool_]]
_Numbers = np.ndarray[tuple[int], np.dtype[np.uint64]]

# How far behind a symbol's address ftrace's call may lie (FTRACE_MCOUNT_MAX_OFFSET), and since when: powerpc from
# 7af82ff90a2b on, 6.4 by the date.
_FAR = 1 << 62
_X86_LIMITED, _POWERPC_LIMITED = When("5.19.."), When("6.4..")
_CALL_LIMIT = {
    EM_386: (0, _X86_LIMITED),
    EM_X86_64: (4, _X86_LIMITED),
    EM_PPC: (8, _POWERPC_LIMITED),
    EM_PPC64: (16, _POWERPC_LIMITED),
}
_NO_LIMIT = (_FAR, When(".."))
# x86 has kprobes through ftrace since it has ftrace at a function's start; elsewhere a function of it tells.
_THROUGH_FTRACE = (EM_386, EM_X86_64)
# Where ftrace patches the instruction behind the one that its list names (ftrace_call_adjust): its address is no
# function's own. RISC-V from b2137c3b6d7a on, 6.16 by the date.
_BEHIND = {EM_AARCH64: When(".."), EM_RISCV: When("6.16..")}

_POWERPC_NOP, _MOST = 0x60000000, 0.5
_WORD = 8
_FEW = 64  # addresses whose bytes are read one by one


class KernelFacts:
    """The facts about one kernel."""

    def __init__(self, kernel: Kernel) -> None:
        """Take a kernel."""
        self.kernel = kernel
        self.sites = Sites(kernel)
        self.records: Records = kernel.ordered.records
        self.address: NDArray[np.uint64] = table_addresses(kernel)
        self.version = kernel.release.version
        self.machine = kernel.image.abi.machine
        self._said: dict[bytes, bool] = {}
        self._whole: dict[int, bytes] = {}  # sections of code that were read whole

    @cached_property
    def entry_is_code(self) -> NDArray[np.bool_]:
        """By entry of the symbol table, kept or not: whether it is code."""
        table = self.kernel.symbols
        return np.asarray(in_code(table) & (table.type != STT_OBJECT))

    @cached_property
    def dots(self) -> NDArray[np.int64]:
        """Where the pool of names has a dot, ascending."""
        return np.flatnonzero(np.frombuffer(self.records.pool, np.uint8) == ord("."))

    # Lookups by address, and ftrace.

    @cached_property
    def starts(self) -> _Numbers:
        """The addresses that have a record, ascending."""
        return self.address[~self.shadowed]

    @cached_property
    def shadowed(self) -> _Marks:
        """Records behind another at the same address, which a lookup never finds."""
        return np.append(False, self.address[1:] == self.address[:-1])[: len(self.address)]

    @cached_property
    def calls(self) -> _Numbers:
        """The addresses that ftrace patches, ascending, but for those below the first symbol."""
        calls = self.sites.ftrace(self.starts)
        calls = calls[calls >= self.starts[0]] if len(self.starts) else calls[:0]
        return calls + np.uint64(self._call_shift(calls))

    def _call_shift(self, calls: _Numbers) -> int:
        """Return how far behind what the list names ftrace patches, where that is not its own machine's rule.

        PowerPC with -fpatchable-function-entry has two NOPs, of which the second is patched; or one, where each
        function has a stub of its own (CONFIG_PPC_FTRACE_OUT_OF_LINE). The list names the first.
        """
        if self.machine not in (EM_PPC, EM_PPC64) or not len(calls):
            return 0
        some = calls[:: len(calls) // _FEW + 1]
        order = self.kernel.image.abi.byte_order
        pairs = self.words(some).astype("<u8").view(f"{order}u4").reshape(-1, 2)
        return 4 if float((pairs == _POWERPC_NOP).all(axis=1).mean()) > _MOST else 0

    @cached_property
    def call_slot(self) -> NDArray[np.int64]:
        """The index in :attr:`starts` of the address below each of ftrace's calls."""
        return self.starts.searchsorted(self.calls, "right").astype(np.int64) - 1

    @cached_property
    def call_is_near(self) -> _Marks:
        """Of each of ftrace's calls: whether it is near enough to the address below to have its name."""
        limit, when = _CALL_LIMIT.get(self.machine, _NO_LIMIT)
        near = limit if self.version in when else _FAR
        return np.asarray((self.calls - self.starts[self.call_slot]) <= np.uint64(near))

    @cached_property
    def calls_not_to_probe(self) -> _Numbers:
        """Ftrace's calls at whose very address no kprobe can be: where kprobes do not work through ftrace."""
        through_ftrace = self.configured("KPROBES_ON_FTRACE")
        if through_ftrace is None:
            through_ftrace = self.machine in _THROUGH_FTRACE or self.has("kprobe_ftrace_handler")
        behind = self.machine in _BEHIND and self.version in _BEHIND[self.machine]
        return self.calls[:0] if through_ftrace or behind else self.calls

    # The bytes of code.

    def words(self, addresses: _Numbers) -> _Numbers:
        """Return the eight bytes at addresses in code as little-endian numbers; zero elsewhere."""
        result = np.zeros(len(addresses), np.uint64)
        for section in self._code:
            offset = addresses - np.uint64(section.address)  # wraps to a large number below the section
            inside = np.flatnonzero(offset < np.uint64(section.size - _WORD + 1))
            result[inside] = self._words_of(section, offset[inside])
        return result

    def _words_of(self, section: Section, offsets: _Numbers) -> _Numbers:
        """Return the numbers at offsets of a section, which is read whole for many of them."""
        if len(offsets) <= _FEW:
            image = self.kernel.image
            words = [image.read_at(section.offset + offset, _WORD) for offset in offsets.tolist()]
            return np.array([int.from_bytes(word, "little") for word in words], np.uint64)
        if section.index not in self._whole:
            self._whole[section.index] = self.kernel.image.section_bytes(section)
        data = self._whole[section.index]
        return np.ndarray((len(data) - _WORD + 1,), "<u8", data, strides=(1,))[offsets]

    @cached_property
    def is_thumb(self) -> bool:
        """Whether the kernel is one of 32-bit ARM in Thumb code: of A32 most instructions hold always (0xE)."""
        if self.machine != EM_ARM:
            return False
        words = self.words(self.starts[:: len(self.starts) // _FEW + 1])
        first = words[words != 0] & np.uint64(0xF0000000)  # no data
        return bool(len(first)) and float((first == np.uint64(0xE0000000)).mean()) < _MOST

    @cached_property
    def _code(self) -> list[Section]:
        """The sections of code that the file has and that are long enough."""
        wanted = SHF_EXECINSTR | SHF_ALLOC
        sections = (s for s in self.kernel.image.sections if s.flags & wanted == wanted)
        return [section for section in sections if section.type != SHT_NOBITS and section.size >= _WORD]

    # What the kernel has, whatever its release is.

    def configured(self, variable: str) -> bool | None:
        """Tell whether the kernel was built with a variable's yes; None where no configuration is at hand."""
        config = self.kernel.configuration
        return None if config is None else config.get(variable) == "y"

    def has(self, name: str) -> bool:
        """Tell whether the kernel has a function."""
        return self.kernel.symbols.address_of(name.encode()) is not None

    @cached_property
    def lacks_trampoline(self) -> bool:
        """Whether BPF programs cannot be called from a function's entry, on the machine or by ftrace.

        The function that makes a trampoline is weak where the machine has none of its own (``kernel/bpf``); a
        symbol that is missing proves nothing, but for one of two that a file of the kernel has together.
        """
        table = self.kernel.symbols
        makers = table.find(b"arch_prepare_bpf_trampoline")
        direct = self.configured("DYNAMIC_FTRACE_WITH_DIRECT_CALLS")
        if direct is None:
            direct = self.has("register_ftrace_direct") or not self.has("register_ftrace_function")
        return not direct or any(int(table.binding[maker]) == STB_WEAK for maker in makers)

    def says(self, text: bytes) -> bool:
        """Tell whether the kernel has a message, and so the check that it is about."""
        if text not in self._said:
            self._said[text] = any(text in data for data in self._constants)
        return self._said[text]

    @cached_property
    def _constants(self) -> list[bytes]:
        """The bytes of read-only data; of all data where the file does not tell where that lies, as an image."""
        image = self.kernel.image
        constants = [s for s in image.sections if s.size and s.name.startswith((".rodata", ".init.rodata"))]
        data = (s for s in image.sections if s.flags & SHF_ALLOC and not s.flags & SHF_EXECINSTR)
        return [image.section_bytes(s) for s in constants or data if s.type != SHT_NOBITS]

    @property
    def btf(self) -> Btf | None:
        """The functions that the kernel's types describe; None where there are none that can be read."""
        return self.kernel.btf
