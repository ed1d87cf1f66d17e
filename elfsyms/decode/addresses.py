# SPDX-License-Identifier: GPL-2.0-or-later
"""The address tables, read back: four forms, and how to tell them apart where nobody says.

===========  ====================================================================================================
form         an entry of the table
===========  ====================================================================================================
word         the address itself, a pointer wide
base         32 bits: what is added to ``kallsyms_relative_base``, without sign; or, under ``--absolute-percpu``, a
             number that stands for itself if it is not negative, and ``base - 1 - entry`` if it is
pc-relative  32 bits with sign: the distance from the entry itself
plain        32 bits: the address
===========  ====================================================================================================

Follows ``kernel/kallsyms.c``, ``kallsyms_sym_address`` of each era. Addresses wrap around at the class's width.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from elfsyms.detect.own_tables import follows_percpu_rule
from elfsyms.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from elfsyms.image.memory import Memory
    from elfsyms.releases.format_history import Release

__all__ = ["Decision", "Encoded", "read_addresses"]


@dataclass(frozen=True, slots=True)
class Decision:
    """How the table was encoded, as far as the caller knows; None has it told from the table."""

    absolute_percpu: bool | None = None
    pc_relative: bool | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Encoded:
    """Addresses (uint64) in table order.

    ``absolute`` (bool) marks those that are numbers, which stay when the kernel is moved. ``percpu_rule`` tells
    whether the offsets follow ``--absolute-percpu``; ``base`` is ``kallsyms_relative_base``, if there is one.
    """

    form: str
    address: NDArray[np.uint64]
    absolute: NDArray[np.bool_]
    base: int | None = None
    percpu_rule: bool = False


def read_addresses(
    memory: Memory,
    starts: Mapping[str, int],
    release: Release,
    letters: NDArray[np.uint8],
    decision: Decision,
) -> Encoded:
    """Read the addresses of as many symbols as there are letters."""
    if "addresses" in starts:
        return _words(memory, starts["addresses"], release, letters)
    start, count = starts["offsets"], len(letters)
    if not release.no_relative_base:
        return _offsets(memory, start, count, starts["relative_base"], release, decision)
    relative = decision.pc_relative
    if relative is None:
        relative = _counts_from_starts(memory, start, count)
    return _distances(memory, start, count) if relative else _plain(memory, start, count)


def _wrap(values: NDArray[np.int64], memory: Memory) -> NDArray[np.uint64]:
    """Take numbers modulo the class's width."""
    return values.astype(np.uint64) & np.uint64((1 << memory.abi.bits) - 1)


def _words(memory: Memory, start: int, release: Release, letters: NDArray[np.uint8]) -> Encoded:
    word, count = memory.abi.word, len(letters)
    address = _wrap(memory.numbers(start, count, word), memory)
    moved = memory.relocated(start, count, word)
    if memory.complete or moved.any():
        absolute = ~moved
    elif release.addresses == "number":
        absolute = np.ones(count, np.bool_)
    else:
        absolute = np.isin(letters, list(b"Aa"))
    return Encoded("word", address, absolute)


def _offsets(
    memory: Memory, start: int, count: int, base_start: int, release: Release, decision: Decision
) -> Encoded:
    base = int(_wrap(memory.numbers(base_start, 1, memory.abi.word), memory)[0])
    origin = np.uint64(base).astype(np.int64)
    offset = memory.numbers(start, count, 4)
    rule = decision.absolute_percpu
    if rule is None:
        told = release.knows("--absolute-percpu") and follows_percpu_rule(offset, base, memory.abi.bits)
        rule = bool(told)
    if not rule:
        return Encoded("base", _wrap(origin + offset, memory), np.zeros(count, np.bool_), base)
    signed = offset.astype(np.int32).astype(np.int64)
    absolute = signed >= 0
    address = np.where(absolute, signed, origin - 1 - signed)
    return Encoded("base", _wrap(address, memory), absolute, base, percpu_rule=True)


def _distances(memory: Memory, start: int, count: int) -> Encoded:
    own_starts = np.uint64(start).astype(np.int64) + 4 * np.arange(count)
    address = _wrap(own_starts + memory.numbers(start, count, 4, signed=True), memory)
    return Encoded("pc-relative", address, np.zeros(count, np.bool_))


def _plain(memory: Memory, start: int, count: int) -> Encoded:
    return Encoded("plain", _wrap(memory.numbers(start, count, 4), memory), np.ones(count, np.bool_))


def _counts_from_starts(memory: Memory, start: int, count: int) -> bool:
    """Tell whether offsets count from the entries themselves: by relocations; on 64 bits always; else by what fits.

    Raises :class:`InputError` where both or neither reading gives addresses inside the image.
    """
    if memory.complete:
        return bool(memory.relocated(start, count, 4).any())
    if memory.abi.word > 4 or not count:
        return True
    relative = int(memory.holds(_distances(memory, start, count).address).sum())
    plain = int(memory.holds(_plain(memory, start, count).address).sum())
    if relative == plain:
        raise InputError(
            f"{memory.name}: nothing tells whether kallsyms_offsets counts from each entry itself: "
            "give --pc-relative or --no-pc-relative"
        )
    return relative > plain
