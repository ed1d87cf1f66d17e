# SPDX-License-Identifier: GPL-2.0-or-later
"""A kernel inside a container: which bytes it is, what the header says of it, and how headers' fields are read.

Leaves out the formats themselves (``containers.py``, ``fit.py``).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from elfsyms.unpack.other_files import OtherFile

__all__ = ["Hints", "Part", "text_at", "u32", "u64"]


@dataclass(frozen=True, slots=True)
class Hints:
    """What headers tell of the kernel: its machine (``e_machine``, 0 unknown), byte order, and version text."""

    machine: int = 0
    byte_order: Literal["<", ">"] | None = None
    version: str = ""

    def with_hints(self, other: Hints) -> Hints:
        """Return both, the other's where it has any."""
        return Hints(
            other.machine or self.machine, other.byte_order or self.byte_order, other.version or self.version
        )


@dataclass(frozen=True, slots=True)
class Part:
    """The kernel in a container: bytes ``start`` to ``end``.

    ``bare`` tells that these are the kernel itself, not packed any further by this container; ``scan`` that a
    stream begins somewhere in them; without one it is what ``otherwise`` says (None: a kernel all the same).
    """

    kind: str
    start: int
    end: int
    bare: bool = False
    scan: bool = False
    hints: Hints = Hints()
    otherwise: OtherFile | None = None


def u32(data: memoryview, at: int, order: str = "<") -> int:
    """Return four bytes as a number, 0 where there are none."""
    return int(struct.unpack_from(f"{order}I", data, at)[0]) if at + 4 <= len(data) else 0


def u64(data: memoryview, at: int, order: str = "<") -> int:
    """Return eight bytes as a number, 0 where there are none."""
    return int(struct.unpack_from(f"{order}Q", data, at)[0]) if at + 8 <= len(data) else 0


def text_at(data: memoryview, at: int, most: int) -> str:
    """Return the text up to a NUL, of so many bytes at most."""
    return bytes(data[at : at + most]).split(b"\0")[0].decode("latin-1")
