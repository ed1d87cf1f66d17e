# SPDX-License-Identifier: GPL-2.0-or-later
"""Where a function comes from: its source, the object, where it was inlined, and whether BTF describes it.

What a symbol table cannot tell, debug information can: that a function without a symbol was inlined at four call
sites, and where its source is. Where there is none, nothing is said. Paths are told from the root of the kernel's
source, which is found by ``start_kernel``: that is in ``init/main.c``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from elfsyms.image.dwarf_functions import definitions

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from elfsyms.image.dwarf import Dwarf
    from elfsyms.image.dwarf_functions import Definition
    from elfsyms.pipeline.kernel import Kernel

__all__ = ["FunctionSource", "Sources", "function_source", "source_root"]

_START, _START_FILE = b"start_kernel", "init/main.c"


@dataclass(frozen=True, slots=True)
class FunctionSource:
    """What debug information tells of a function's name.

    ``definitions`` is empty where there is no DWARF, or no function of the name in it. ``btf`` counts the types
    (FUNC) of the name in ``.BTF``, None where there is none that can be read. ``split`` are files (``.dwo``) that
    hold the functions of some units and cannot be had: what they define is not among the definitions.
    """

    name: str
    definitions: tuple[Definition, ...] = ()
    btf: int | None = None
    split: tuple[str, ...] = ()


def function_source(kernel: Kernel, name: str) -> FunctionSource:
    """Return where a function comes from, by its name (a mangled one, too), with every call site it was inlined at.

    Raises :class:`InputError` for debug information that is damaged.
    """
    return Sources(kernel).of(name)


def source_root(dwarf: Dwarf, start: int | None) -> str:
    """Return the folder of the kernel's source as DWARF has it; ``start`` is the address of ``start_kernel``."""
    if start is None:
        return ""
    # Of split units the line tells it: the file with the unit's name may be missed, and is not needed for that.
    file = "" if dwarf.split.exist else dwarf.unit_file(start)
    file = file or dwarf.line_file(start)
    return file.removesuffix(_START_FILE) if file.endswith(_START_FILE) else ""


class Sources:
    """Where the functions of one kernel come from; what questions share is made once."""

    def __init__(self, kernel: Kernel, progress: Callable[[int, int], None] | None = None) -> None:
        """Take a kernel; ``progress`` is called with the entries read of one name, and how many there are."""
        self._kernel, self._progress = kernel, progress

    @cached_property
    def dwarf(self) -> Dwarf | None:
        """The debug information, None where the file has none."""
        return self._kernel.image.dwarf()

    def of(self, name: str, most: int | None = None, addresses: Sequence[int] = ()) -> FunctionSource:
        """Return where the functions of a name come from; of a header's function ``most`` units are read.

        The ``addresses`` of its symbols, where there are any, make it faster.
        """
        types = self._kernel.btf
        btf = types.count(name.encode("utf-8", "surrogateescape")) if types else None
        if self.dwarf is None:
            return FunctionSource(name, (), btf)
        self.dwarf.split.unread.clear()  # what another name lacked is nothing to this one
        found = definitions(self.dwarf, name, most, self._progress, addresses)
        split = tuple(f"{file} ({why})" for file, why in self.dwarf.split.unread.items())
        return FunctionSource(name, tuple(self._trimmed(one) for one in found), btf, split)

    def unit_of(self, address: int) -> str:
        """Return the source of the unit that holds an address, empty where nothing tells."""
        return self.dwarf.unit_file(address).removeprefix(self._root) if self.dwarf else ""

    def _trimmed(self, one: Definition) -> Definition:
        units = tuple(unit.removeprefix(self._root) for unit in one.units)
        return replace(one, file=one.file.removeprefix(self._root), units=units)

    @cached_property
    def _root(self) -> str:
        start = self._kernel.symbols.address_of(_START)
        return source_root(self.dwarf, start) if self.dwarf else ""
