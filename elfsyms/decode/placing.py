# SPDX-License-Identifier: GPL-2.0-or-later
"""At which address a bare image's first byte lies: by its relocations, its tables, its header, or its pointers.

Addresses in the tables do not tell where the tables themselves lie, nor any other byte. The tables' own labels do,
and the banner's; an Image begins with ``_text``; and where tables hold distances, only pointers are left to ask.

Leaves out ELF files, whose headers say it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from elfsyms.decode.bias import pointers_in, vote_for_text
from elfsyms.image.raw_relocations import find_relative_relocations

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from elfsyms.decode.found import Found
    from elfsyms.image.kernel_file import KernelFile

__all__ = ["Clues", "load_address"]

_TOP = (1 << 64) - 1
_BLANK, _TILDE, _TEXT = 0x20, 0x7E, 8
_TABLES = 4  # bytes that tables are aligned to at least
Told: TypeAlias = tuple[int, str]  # an address, and what told it


@dataclass(frozen=True, slots=True, eq=False)
class Clues:
    """What is known of an image: the file, the tables in it, and its banners with their offsets."""

    file: KernelFile
    found: Found
    banners: list[tuple[int, bytes]]


def load_address(clues: Clues, at: int | None) -> tuple[int | None, list[str]]:
    """Return the address of a bare image's first byte, None where nothing tells, and what told it."""
    if at is not None:
        return at, [f"its first byte lies at {at:#x}, as given"]
    if clues.file.runs() or (clues.found.addresses.waits and clues.found.addresses.bias is None):
        return None, []  # headers tell, or there are no addresses yet that could
    for tell in (_by_relocations, _by_labels, _by_banner, _by_header, _by_pointers, _by_strings):
        told = tell(clues)
        if told is not None:
            bias, how = told
            return bias & _TOP, [f"its first byte lies at {bias & _TOP:#x}: {how}"]
    return None, []


def _by_relocations(clues: Clues) -> Told | None:
    bias = clues.found.addresses.bias
    return None if bias is None else (bias, "its relocations fill the tables in there")


def _by_labels(clues: Clues) -> Told | None:
    """Ask the tables for their own labels, which are symbols from 6.10 on."""
    if clues.found.addresses.form == "pc-relative":
        return None
    known = [
        (name, address - clues.found.offsets[name])
        for name in clues.found.offsets
        if (address := clues.found.address_of(b"kallsyms_" + name.encode())) is not None
    ]
    if known and len({bias for _, bias in known}) == 1:
        return known[0][1], f"kallsyms_{known[0][0]} is among the symbols"
    return None


def _by_banner(clues: Clues) -> Told | None:
    address = clues.found.address_of(b"linux_banner")
    if address is None or clues.found.addresses.form == "pc-relative" or len(clues.banners) != 1:
        return None
    return address - clues.banners[0][0], "linux_banner is among the symbols"


def _by_header(clues: Clues) -> Told | None:
    """Take the beginning of an Image for ``_text``, as its header does."""
    text = clues.found.address_of(b"_text")
    bare = bool(clues.file.layers) and clues.file.layers[-1].endswith(" Image")
    if text is None or clues.found.addresses.form == "pc-relative" or not bare:
        return None
    return text, f"_text begins an {clues.file.layers[-1]}"


def _by_pointers(clues: Clues) -> Told | None:
    """Let the image's pointers, and the targets of its relocations, vote; only distances need that.

    They vote for the address of ``_text``, else of the first byte of the image: both begin pages.
    """
    reading = clues.found.addresses
    if reading.form != "pc-relative":
        return None
    text = clues.found.address_of(b"_text") or 0
    for candidates in _pointers(clues, (int(reading.address[-1]) - int(reading.address[0])) & _TOP):
        address = vote_for_text(candidates, reading.address, text)
        if address is not None:
            return address - text, "most of its pointers point to symbols then"
    return None


def _pointers(clues: Clues, span: int) -> Iterator[NDArray[np.uint64]]:
    """Yield what may be pointers into an image of ``span`` bytes, the likeliest first."""
    order, word = clues.found.byte_order, clues.found.addresses.word
    for octets in _phases(clues):
        yield pointers_in(octets, order, word, span)
    phase = clues.found.names.num_syms % _TABLES
    relocations = find_relative_relocations(np.frombuffer(clues.file.data, np.uint8)[phase:], order)
    if relocations is not None:
        yield np.unique(relocations.targets)


def _phases(clues: Clues) -> Iterator[NDArray[np.uint8]]:
    """Yield the image's bytes from where its words may begin: tables are aligned, if to four bytes alone."""
    octets = np.frombuffer(clues.file.data, np.uint8)
    for phase in range(clues.found.names.num_syms % _TABLES, clues.found.addresses.word, _TABLES):
        yield octets[phase:]


def _by_strings(clues: Clues) -> Told | None:
    """Let pointers to texts vote: the image's words, less where texts begin in it."""
    texts = _texts(np.frombuffer(clues.file.data, np.uint8))
    for octets in _phases(clues) if texts.size else ():
        pointers = _near(octets, clues.found, len(clues.file.data))
        bias = vote_for_text(pointers, texts, 0) if pointers.size else None
        if bias is not None:
            return bias, "most of its pointers point to texts then"
    return None


def _near(octets: NDArray[np.uint8], found: Found, reach: int) -> NDArray[np.uint64]:
    """Return the words that lie near the symbols, or where symbols have distances alone, near each other."""
    reading = found.addresses
    if reading.form == "pc-relative":
        return pointers_in(octets, found.byte_order, reading.word, reach)
    middle, top = int(reading.address[len(reading.address) // 2]), (1 << 8 * reading.word) - 1
    words = octets[: len(octets) // reading.word * reading.word].view(f"{found.byte_order}u{reading.word}")
    near = (words >= max(middle - reach, 0)) & (words <= min(middle + reach, top))
    return np.unique(words[near]).astype(np.uint64)


def _texts(octets: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """Return where texts of eight printable bytes and more begin, behind a zero."""
    printable = (octets >= _BLANK) & (octets <= _TILDE)
    starts = np.flatnonzero(printable[1:-_TEXT] & (octets[: -_TEXT - 1] == 0)) + 1
    for ahead in range(1, _TEXT):
        starts = starts[printable[starts + ahead]]
    return starts.astype(np.uint64)
