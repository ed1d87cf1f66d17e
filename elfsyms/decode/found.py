# SPDX-License-Identifier: GPL-2.0-or-later
"""Tables found in some bytes: where each lies, how they are to be read, and what proves it.

Leaves out the search (``search.py``), and choosing among several (``choosing.py``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from elfsyms.decode.address_layouts import AddressLayout
    from elfsyms.decode.name_layouts import NameLayout
    from elfsyms.decode.names import Texts

__all__ = ["Found", "NameStream", "index_of"]


@dataclass(frozen=True, slots=True, eq=False)
class NameStream:
    """Names that were proved, with the tokens that spell them: where each lies (offsets in some bytes).

    ``token_table`` and ``token_index`` are None where names are not compressed. ``behind`` is where the next table
    would be.
    """

    byte_order: Literal["<", ">"]
    tokens: tuple[bytes, ...]
    token_table: int | None
    token_index: int | None
    layout: NameLayout
    behind: int


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """Tables in some bytes: where each lies (offsets), how they are to be read, and what proves it.

    ``others`` are the readings that were given up, a sentence each; ``copies`` are further tables that say the
    same, as a kernel's file in its memory.
    """

    stream: NameStream
    addresses: AddressLayout
    texts: Texts
    evidence: tuple[str, ...]
    others: tuple[str, ...] = ()
    copies: tuple[Found, ...] = ()

    @property
    def byte_order(self) -> Literal["<", ">"]:
        """The byte order of all tables."""
        return self.stream.byte_order

    @property
    def names(self) -> NameLayout:
        """Where and how the names lie."""
        return self.stream.layout

    def address_of(self, name: bytes) -> int | None:
        """Return the first symbol of a name: its address, or for distances its offset in the bytes searched."""
        index = index_of(self.texts, name)
        return None if index is None else int(self.addresses.address[index])

    @property
    def offsets(self) -> dict[str, int]:
        """The offset of each table, by name without ``kallsyms_``."""
        names = self.names
        known: dict[str, int | None] = {
            "num_syms": names.num_syms,
            "names": names.names,
            "markers": names.markers,
            "token_table": self.stream.token_table,
            "token_index": self.stream.token_index,
            **self.addresses.offsets,
            "seqs_of_names": self.sequences,
        }
        return {name: offset for name, offset in known.items() if offset is not None}

    @property
    def sequences(self) -> int | None:
        """The offset of the name sequences, if there are any."""
        return self.names.sequences if self.names.sequences is not None else self.addresses.sequences

    @property
    def sequence_width(self) -> int:
        """The bytes of an entry of them, 0 if there are none."""
        return self.names.form.sequence_width or self.addresses.sequence_width

    @property
    def order(self) -> tuple[str, ...]:
        """The tables in the order in which they lie."""
        return tuple(sorted(self.offsets, key=self.offsets.__getitem__))


def index_of(texts: Texts, name: bytes) -> int | None:
    """Return the first symbol of a name."""
    for index in np.flatnonzero(texts.size == len(name) + 1).tolist():
        start = int(texts.start[index]) + 1
        if texts.pool[start : start + len(name)] == name:
            return int(index)
    return None
