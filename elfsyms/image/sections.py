# SPDX-License-Identifier: GPL-2.0-or-later
"""Section headers: an array of all, and a :class:`Section` of each one that is asked for.

A file of 64 MB may have a million headers. As one array they are read in milliseconds, and found by name, type or
address without a Python object for each; those that are looked at become values, once.

Follows the gABI, chapter "Sections".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, overload

import numpy as np

from elfsyms.image.sorting import distinct

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from numpy.typing import NDArray

__all__ = [
    "SHF_ALLOC",
    "SHF_EXECINSTR",
    "SHF_WRITE",
    "Section",
    "Sections",
    "header_rows",
    "header_type",
    "most_name_bytes",
]

SHF_WRITE, SHF_ALLOC, SHF_EXECINSTR = 0x1, 0x2, 0x4
_NAMES_ANYWAY, _NAMES_SHARED = 1 << 22, 8  # bytes, and how often each byte of a file may be part of a name


@dataclass(frozen=True, slots=True)
class Section:
    """One section header, with its name."""

    index: int
    name: str
    type: int
    flags: int
    address: int
    offset: int
    size: int
    link: int
    info: int = 0
    align: int = 0

    def holds(self, address: int, size: int = 1) -> bool:
        """Tell whether ``size`` bytes at ``address`` lie in this section's allocated range."""
        inside = self.address <= address and address + size <= self.address + self.size
        return bool(self.flags & SHF_ALLOC) and inside


def most_name_bytes(size: int) -> int:
    """Return how many bytes names may be long together whose entries and strings take ``size`` bytes of a file.

    Names may share their bytes; a file in which far more names than that share them is damaged, or an attack.
    """
    return _NAMES_ANYWAY + _NAMES_SHARED * size


def header_type(bits: int, byte_order: str) -> np.dtype[np.void]:
    """Return the type of one section header; its fields are named as in :class:`Section`."""
    word = "u4" if bits == 32 else "u8"
    fields = [("name", "u4"), ("type", "u4"), ("flags", word), ("address", word), ("offset", word)]
    fields += [("size", word), ("link", "u4"), ("info", "u4"), ("align", word), ("entry_size", word)]
    return np.dtype([(name, byte_order + kind) for name, kind in fields])


def header_rows(data: bytes, step: int, entry: np.dtype[np.void]) -> NDArray[np.void]:
    """Return a table of headers, of ``step`` bytes each, without what they have behind the fields of ``entry``.

    Raises :class:`ValueError` for headers that are too short for these.
    """
    if not data:
        return np.empty(0, entry)
    if step < entry.itemsize:
        raise ValueError(f"headers of {step} bytes")
    wide = np.frombuffer(data, np.dtype((np.void, step)))
    return wide.view(_stepped(entry, step))


def _stepped(entry: np.dtype[np.void], step: int) -> np.dtype[np.void]:
    """Return a header's type with the bytes that a larger header has behind it."""
    names = list(entry.names or ())
    fields = [entry.fields[name] for name in names] if entry.fields else []
    formats, offsets = [field[0] for field in fields], [field[1] for field in fields]
    return np.dtype({"names": names, "formats": formats, "offsets": offsets, "itemsize": step})


@dataclass(frozen=True, slots=True, eq=False)
class Sections(Sequence[Section]):
    """All sections of a file, the null one included: ``rows`` of :func:`header_type`, and their names' strings."""

    rows: NDArray[np.void]
    strings: bytes = b""
    _made: dict[int, Section] = field(default_factory=dict)

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self.rows)

    @overload
    def __getitem__(self, index: int) -> Section: ...
    @overload
    def __getitem__(self, index: slice) -> list[Section]: ...
    def __getitem__(self, index: int | slice) -> Section | list[Section]:
        """Return a section, or a list of some."""
        if isinstance(index, slice):
            return [self[number] for number in range(*index.indices(len(self)))]
        number = index + len(self) if index < 0 else index
        if not 0 <= number < len(self):
            raise IndexError(f"section {index} of {len(self)}")
        if number not in self._made:
            self._made[number] = self._make(number)
        return self._made[number]

    def check_names(self) -> None:
        """Raise :class:`ValueError` for names that share far more bytes than headers and strings have.

        A file of 1 MB may give 10,000 sections one name of 300,000 bytes.
        """
        start = self.rows["name"].astype(np.int64)
        ends = np.append(np.flatnonzero(np.frombuffer(self.strings, np.uint8) == 0), len(self.strings))
        inside = np.minimum(start, len(self.strings))
        total = int((ends[np.searchsorted(ends, inside)] - inside).sum())
        if total > most_name_bytes(len(self.strings) + self.rows.nbytes):
            raise ValueError(f"section names of {total:,} bytes")

    def where(self, chosen: NDArray[np.bool_]) -> list[Section]:
        """Return the sections that are marked."""
        return [self[number] for number in np.flatnonzero(chosen).tolist()]

    def named(self, name: str) -> Section | None:
        """Return the first section of that name, or None."""
        wanted = name.encode("utf-8", "surrogateescape")
        starts = distinct(self.rows["name"])
        alike = [start for start in starts.tolist() if self._text(start) == wanted]
        found = np.flatnonzero(np.isin(self.rows["name"], alike))
        return self[int(found[0])] if found.size else None

    def holding(self, address: int, size: int = 1) -> list[Section]:
        """Return the allocated sections that hold ``size`` bytes at an address, in their order."""
        rows = self.rows
        if size < 0 or address < 0 or address + size > 1 << 64:
            return []
        start = rows["address"].astype(np.uint64)
        last = np.uint64(address + max(size, 1) - 1)
        below = (start <= np.uint64(address)) & ((rows["flags"] & SHF_ALLOC) != 0)
        near = below & ((last - start) <= rows["size"].astype(np.uint64))
        return [section for section in self.where(near) if section.holds(address, size)]

    def ask(
        self, numbers: NDArray[np.int64], question: Callable[[Section], int], absent: int
    ) -> NDArray[np.int64]:
        """Return the answer to a question about the section of each number; ``absent`` where there is none.

        Each section is asked once, and only those that are among the numbers.
        """
        used, which = np.unique(numbers, return_inverse=True)
        inside = [0 < number < len(self) for number in used.tolist()]
        known = zip(used.tolist(), inside, strict=True)
        answers = [question(self[number]) if there else absent for number, there in known]
        return np.array(answers, np.int64)[which.reshape(-1)]

    def _text(self, start: int) -> bytes:
        end = self.strings.find(b"\0", start)
        return self.strings[start : end if end >= 0 else len(self.strings)]

    def _make(self, number: int) -> Section:
        row: Any = self.rows[number].tolist()
        start, kind, flags, address, offset, size, link, info, align, _ = row
        name = self._text(start).decode("utf-8", "surrogateescape")
        return Section(number, name, kind, flags, address, offset, size, link, info, align)
