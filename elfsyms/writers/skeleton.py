# SPDX-License-Identifier: GPL-2.0-or-later
"""A planned object without what LIEF decides: its header, its contents in their places, and room for the rest.

LIEF parses it to compose an object (``object.py``); an object after a template takes its contents from it
(``templates.py``). Follows the gABI, chapters "ELF Header", "Sections" and "Symbol Table".
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from elfsyms.image.elf import Abi
    from elfsyms.writers.readback import ObjectPlan

__all__ = ["HEADER", "SECTION_HEADER", "SYMBOL", "Layouts", "skeleton"]

ET_REL, EV_CURRENT = 1, 1


@dataclass(frozen=True, slots=True)
class Layouts:
    """One structure of a class of ELF files, in both byte orders."""

    fields: str

    def of(self, byte_order: str) -> struct.Struct:
        """Return the structure in a byte order."""
        return _structure(byte_order + self.fields)


@cache
def _structure(form: str) -> struct.Struct:
    return struct.Struct(form)


HEADER: Final = {32: Layouts("16sHHIIIIIHHHHHH"), 64: Layouts("16sHHIQQQIHHHHHH")}
SECTION_HEADER: Final = {32: Layouts("IIIIIIIIII"), 64: Layouts("IIQQQQIIQQ")}
SYMBOL: Final = {32: Layouts("IIIBBH"), 64: Layouts("IBBHQQ")}


def skeleton(plan: ObjectPlan) -> tuple[list[bytes | memoryview], list[int]]:
    """Return an image that ends where section headers can go, in parts to join, and each section's offset in it."""
    parts: list[bytes | memoryview] = [_headers(plan.abi)]
    offsets = []
    end = len(parts[0])
    for section in plan.sections:
        padding = -end % section.align
        offsets.append(end + padding)
        end += padding + section.size
        room = bytes(section.size) if section.content is None else section.content.data
        parts += [bytes(padding), room]
    return [*parts, bytes(-end % plan.abi.word)], offsets


def _headers(abi: Abi) -> bytes:
    """Return an ELF header and the null section's, the least that LIEF parses."""
    layout = HEADER[abi.bits].of(abi.byte_order)
    size, entry_size = layout.size, SECTION_HEADER[abi.bits].of(abi.byte_order).size
    byte_order = 1 if abi.byte_order == "<" else 2
    ident = bytes((*b"\x7fELF", abi.bits // 32, byte_order, EV_CURRENT, abi.os_abi, abi.abi_version))
    offsets = (0, 0, size)  # entry point, program headers, section headers
    counts = (size, 0, 0, entry_size, 1, 0)
    header = layout.pack(ident, ET_REL, abi.machine, EV_CURRENT, *offsets, abi.flags, *counts)
    return header + bytes(entry_size)
