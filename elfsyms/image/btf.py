# SPDX-License-Identifier: GPL-2.0-or-later
"""BTF, the kernel's compact type information: which functions it describes, and under which number.

A BPF program attaches to a function (``fentry``) by the number of a ``FUNC`` of that name in ``.BTF``. Follows the
kernel's ``Documentation/bpf/btf.rst``: a header, records of 12 bytes and a tail that depends on their kind, and
strings. Types are numbered from 1 in the order of the records. Leaves out everything but names and kinds.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from elfsyms.errors import InputError
from elfsyms.image.equal_names import Texts

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from elfsyms.image.elf import Image

__all__ = ["Btf", "read_btf"]

_MAGIC = 0xEB9F
_HEADER = 24
_FUNC = 12

# Words behind a record's three, by kind: a fixed number, and as many for each member.
_TAIL = {1: (1, 0), 3: (3, 0), 4: (0, 3), 5: (0, 3), 6: (0, 2), 13: (0, 2), 14: (1, 0), 15: (0, 3), 17: (1, 0),
         19: (0, 3)}  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Btf:
    """The functions of a ``.BTF`` section, in the file's order: ``number`` (int64) of the type, and ``names``."""

    number: NDArray[np.int64]
    names: Texts

    def count(self, name: bytes) -> int:
        """Count the functions of a name."""
        pool, starts = self.names.pool, self.names.start[self.names.size == len(name)]
        return sum(pool.startswith(name, start) for start in starts.tolist())

    def numbered(self, numbers: NDArray[np.int64]) -> Texts:
        """Return the names of the functions among some type numbers."""
        which = np.flatnonzero(np.isin(self.number, numbers))
        return Texts(self.names.pool, self.names.start[which], self.names.size[which])


def read_btf(image: Image, base_strings: int = 0) -> Btf | None:
    """Return the functions that ``.BTF`` describes, None where there is no such section.

    A module's strings continue those of vmlinux, which has ``base_strings`` bytes of them. Raises
    :class:`InputError` for a section that is damaged.
    """
    section = image.section(".BTF")
    if section is None or not section.size:
        return None
    data = image.section_bytes(section)
    types, strings = _parts(image, data)
    words = np.frombuffer(types[: len(types) // 4 * 4], f"{image.abi.byte_order}u4")
    starts = _record_starts(image, words)
    kinds = (words[starts + 1] >> 24) & 31 if len(starts) else np.empty(0, np.uint32)
    which = np.flatnonzero(kinds == _FUNC)
    offsets = words[starts[which]].astype(np.int64) - base_strings
    return Btf(which + 1, _texts(strings, offsets))


def _parts(image: Image, data: bytes) -> tuple[bytes, bytes]:
    """Split the section into its types and its strings."""
    if len(data) < _HEADER:
        raise _damaged(image)
    order = image.abi.byte_order
    magic, _, _, size, type_at, type_size, text_at, text_size = struct.unpack_from(f"{order}HBBIIIII", data)
    ends = size + type_at + type_size, size + text_at + text_size
    if magic != _MAGIC or max(ends) > len(data):
        raise _damaged(image)
    return data[size + type_at : ends[0]], data[size + text_at : ends[1]]


def _record_starts(image: Image, words: NDArray[np.unsignedinteger]) -> NDArray[np.int64]:
    """Return the word at which each record begins: a walk by the second word of each, which tells its size."""
    infos = memoryview(words[1:].astype(np.uint32).tobytes()).cast("I")
    sizes: dict[int, int] = {}  # by the second word, of which few are different
    starts, at, last = [], 0, len(words) - 3
    while at <= last:
        starts.append(at)
        info = infos[at]
        at += sizes.get(info) or sizes.setdefault(info, _record_words(info))
    if at != len(words):
        raise _damaged(image)
    return np.array(starts, np.int64)


def _record_words(info: int) -> int:
    """Return how many words a record has, by its second one."""
    fixed, each = _TAIL.get(info >> 24 & 31, (0, 0))
    return 3 + fixed + each * (info & 0xFFFF)


def _texts(pool: bytes, start: NDArray[np.int64]) -> Texts:
    """Return the strings at some offsets, empty ones where they are the base's."""
    ends = np.append(np.flatnonzero(np.frombuffer(pool, np.uint8) == 0), len(pool))
    start = np.where((start >= 0) & (start < len(pool)), start, len(pool))
    end = ends[np.minimum(ends.searchsorted(start), len(ends) - 1)]
    return Texts(pool, start, end - start)


def _damaged(image: Image) -> InputError:
    return InputError(f"{image.path} is damaged: its .BTF does not hold what its header says; copy it again")
