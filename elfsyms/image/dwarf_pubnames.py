# SPDX-License-Identifier: GPL-2.0-or-later
"""Which units have a function of a name, by ``.debug_gnu_pubnames``.

Compilers make this index for split units, so that a debugger need not open each ``.dwo`` for a name: GCC and clang
alike, and the kernel's linker script keeps it. It has the functions that a unit defines, those that were inlined
everywhere among them. The names are those of the source, in C++ with their namespaces (``ns::tt<int>``); functions
within functions are left out, and so are names of the linker's own (mangled ones, ``asm`` labels).

Follows GCC's ``output_pubnames`` and GDB's manual, "Index Section Format", for the byte that tells the kind.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from functools import cached_property
from struct import Struct
from typing import TYPE_CHECKING

from elfsyms.image.dwarf_forms import WIDE_LENGTH, DamageError

if TYPE_CHECKING:
    from elfsyms.image.dwarf_entries import Information

__all__ = ["PublicNames"]

_SECTION = ".debug_gnu_pubnames"
_MANGLED = (b"_Z", b"_R")
_FUNCTION = b"\x30\xb0"  # the byte before a name: a function, which others see or do not
_LETTERS = rb"[\w$.]"


class PublicNames:
    """The functions that units name in the index, by their skeletons' offsets."""

    def __init__(self, info: Information) -> None:
        """Take the information that has the skeletons; nothing is read yet."""
        self._info = info
        self._data = info.sections.get(_SECTION)

    def tells_of(self, name: bytes) -> bool:
        """Tell whether a name is such as stands in the index."""
        return bool(self._data) and not name.startswith(_MANGLED)

    @cached_property
    def units(self) -> frozenset[int]:
        """The units that have a part in the index: of others nothing is known."""
        return frozenset(self._parts[1])

    def naming(self, name: bytes) -> frozenset[int]:
        """Return the units that have a function of a name, be it in a namespace or of a template."""
        begins, units = self._parts
        text = re.compile(re.escape(name) + rb"(?!%b)" % _LETTERS)
        found = (one.start() for one in text.finditer(self._data))
        return frozenset(units[bisect_right(begins, at) - 1] for at in found if self._begins(at))

    def _begins(self, at: int) -> bool:
        """Tell whether a name begins at an offset, behind its kind or a namespace."""
        before = bytes(self._data[at - 1 : at])
        return before in _FUNCTION or not re.match(_LETTERS, before)

    @cached_property
    def _parts(self) -> tuple[list[int], list[int]]:
        """Where each part's names begin, ascending, and the unit that it is about."""
        order = "<" if self._info.order == "little" else ">"
        head, wide_head = Struct(f"{order}IHII"), Struct(f"{order}IQHQQ")
        begins, units, cursor, data = [], [], 0, self._data
        while cursor + head.size <= len(data):
            length, _, unit, _ = head.unpack_from(data, cursor)
            begin, end = cursor + head.size, cursor + 4 + length
            if length == WIDE_LENGTH and cursor + wide_head.size <= len(data):
                _, length, _, unit, _ = wide_head.unpack_from(data, cursor)
                begin, end = cursor + wide_head.size, cursor + 12 + length
            if end > len(data) or end < begin:
                raise DamageError(f"the index of names in {_SECTION} makes no sense")
            begins.append(begin)
            units.append(unit)
            cursor = end
        return begins, units
