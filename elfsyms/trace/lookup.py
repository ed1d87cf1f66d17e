# SPDX-License-Identifier: GPL-2.0-or-later
"""From an address to a symbol and back, as the running kernel does it.

A lookup finds the first symbol at the next lower address, and takes it to end where the next one begins: the size
that ``%pS`` prints is that distance, not the one in ``.symtab`` (``kernel/kallsyms.c``, ``get_symbol_pos``). For a
module it is the same within the group of sections that the address lies in, and labels that mark what follows
(``$x``, ``.L5``) do not count (``kernel/module/kallsyms.c``, ``find_kallsyms_symbol``). The last symbol of a group
goes to the end of its last page where the kernel gave the group whole pages: with CONFIG_STRICT_MODULE_RWX, and
all from 6.10 on (``kernel/module/main.c``, ``module_memory_alloc``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from elfsyms.image.equal_names import EqualNames, Texts
from elfsyms.image.module import GROUPS, group_of
from elfsyms.image.symbols import read_symbols
from elfsyms.pipeline.addressing import table_addresses

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from elfsyms.image.module import ModuleFile
    from elfsyms.pipeline.kernel import Kernel

__all__ = ["Found", "Lookup", "kernel_lookup", "module_lookup"]

_PAGES = (4096, 16384, 65536)  # bytes of a page, by machine and configuration
_MARKS = (b"$", b".L", b"L0\1")  # is_mapping_symbol(), and assemblers' own labels


@dataclass(frozen=True, slots=True)
class Found:
    """What a lookup finds: a symbol's name, its address, and its size as the kernel has it.

    ``sizes`` are all that a kernel may print, which differ where it may have rounded up to a page.
    """

    name: bytes
    address: int
    sizes: tuple[int, ...]

    @property
    def size(self) -> int:
        """The size without rounding, in bytes."""
        return self.sizes[0]


class Lookup:
    """Symbols by address and by name. ``address`` ascends; of several symbols at one the first is found."""

    def __init__(
        self,
        address: NDArray[np.uint64],
        texts: Texts,
        names: EqualNames,
        ends: Sequence[int],
        pages: Sequence[int] = (),
    ) -> None:
        """Take symbols in the order of a table: addresses, names, and which of these are equal.

        ``ends`` are where what they lie in ends, ascending; ``pages`` the sizes of pages that an end may have been
        rounded up to.
        """
        self._address, self._texts, self._names = address, texts, names
        self._ends, self._pages = ends, pages
        self._sized: dict[bytes, dict[int, list[Found]]] = {}

    def at(self, address: int) -> Found | None:
        """Return the symbol that holds an address."""
        index = int(self._address.searchsorted(np.uint64(address), "right")) - 1
        if index < 0 or address >= self._end(int(self._address[index])):
            return None
        first = int(self._address.searchsorted(self._address[index], "left"))
        return self._found(first)

    def named(self, name: bytes) -> list[Found]:
        """Return the symbols of a name, in the table's order."""
        return [self._found(index) for index in self._names.indices(name)]

    def sized(self, name: bytes) -> dict[int, list[Found]]:
        """Return the symbols of a name by each size that a kernel may print; a log asks again and again."""
        if name not in self._sized:
            found: dict[int, list[Found]] = {}
            for one in self.named(name):
                for size in one.sizes:
                    found.setdefault(size, []).append(one)
            self._sized[name] = found
        return self._sized[name]

    def _found(self, index: int) -> Found:
        start, at = int(self._address[index]), int(self._texts.start[index])
        name = self._texts.pool[at : at + int(self._texts.size[index])]
        return Found(name, start, tuple(end - start for end in self._next(start)))

    def _next(self, start: int) -> tuple[int, ...]:
        """Return the next address that has a symbol, or the end and what it may be rounded up to."""
        after = int(self._address.searchsorted(np.uint64(start), "right"))
        end = self._end(start)
        if after < len(self._address) and int(self._address[after]) < end:
            return (int(self._address[after]),)
        return tuple(dict.fromkeys((end, *(-(-end // page) * page for page in self._pages))))

    def _end(self, address: int) -> int:
        """Return where the range ends that holds an address."""
        return next((end for end in self._ends if address < end), address)


def kernel_lookup(kernel: Kernel) -> Lookup:
    """Return the lookup of a kernel's own table; the last symbol ends with the image."""
    records = kernel.ordered.records
    ends = [s.address + s.size for s in kernel.image.sections if s.flags & 2 and s.address]
    texts = Texts(records.pool, records.start, records.size)
    return Lookup(table_addresses(kernel), texts, kernel.equal_names, [max(ends, default=0)])


def module_lookup(module: ModuleFile) -> Lookup:
    """Return the lookup of a module's symbols at the addresses where the file was laid out."""
    table = read_symbols(module.image)
    machine = module.image.abi.machine
    groups = {s.index: group for s in module.image.sections if (group := group_of(s, machine)) is not None}
    placed = [i for i in range(len(table)) if int(table.section[i]) in groups and table.name_size[i]]
    chosen = [i for i in placed if not table.name(i).startswith(_MARKS)]
    which = np.array(chosen, np.int64)
    order = which[np.argsort(table.value[which], kind="stable")] if len(which) else which
    ends = sorted(
        max(
            module.bases[index] + module.image.sections[index].size
            for index in groups
            if groups[index] == group
        )
        for group in GROUPS
        if group in groups.values()
    )
    texts = Texts(table.strings, table.name_start[order], table.name_size[order])
    return Lookup(table.value[order], texts, EqualNames(texts), ends, _PAGES)
