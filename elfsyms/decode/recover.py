# SPDX-License-Identifier: GPL-2.0-or-later
"""A kernel without one symbol, read: from the bytes of any image to the symbols of its tables.

    KernelFile ─ search ─> Found ─ fitting ─> Release
                                 ─ where the bytes lie ─> Memory ─ decode ─> Recovered

ELF headers tell where bytes lie in memory. For a bare image the tables' own labels do (from 6.10 on they are in the
tables), or the banner's, or the kernel's pointers (``placing.py``). What could not be told is among ``notes``.

Leaves out cores that name their tables (``core.py``).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from elfsyms.decode.addresses import Decision
from elfsyms.decode.checks import Fault
from elfsyms.decode.core import decode_core, read_core_notes
from elfsyms.decode.decode import decode
from elfsyms.decode.fitting import fits, release_for, span_of
from elfsyms.decode.locate import TableMap
from elfsyms.decode.placing import Clues, load_address
from elfsyms.decode.search import search_tables
from elfsyms.detect.banner import banner_version, find_banners
from elfsyms.errors import NotThereError
from elfsyms.image.elf import Abi
from elfsyms.image.kernel_file import open_scanned, open_searchable
from elfsyms.image.memory import Memory, Span, segment_memory
from elfsyms.image.relocated import Patch, dynamic_patches
from elfsyms.releases.format_history import find_release, release_of
from elfsyms.releases.versions import is_known, parse_version

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from mmap import mmap

    from elfsyms.decode.core import CoreNotes
    from elfsyms.decode.decode import Decoded
    from elfsyms.decode.search import Found
    from elfsyms.image.kernel_file import KernelFile, Run
    from elfsyms.releases.format_history import Release
    from elfsyms.releases.versions import Version

__all__ = ["Recovered", "recover"]

_SOMEWHERE = {
    4: 1 << 30,
    8: 1 << 40,
}  # where an image lies of which nothing tells it, so that nothing wraps around
_TOP = (1 << 64) - 1
_WORDS = {
    3: 4,
    40: 4,
    20: 4,
    62: 8,
    183: 8,
    22: 8,
    258: 8,
}  # bytes of a pointer of machines that headers name


@dataclass(frozen=True, slots=True, eq=False)
class Recovered:
    """What a kernel's own tables tell.

    ``version`` is that of the banner, whose text is ``banner`` (empty: none) at ``banner_at``; ``search`` are
    sentences on how the tables were found, ``notes`` what could not be told. ``memory`` has the kernel's
    bytes at their addresses; ``placed`` tells whether these are the true ones, else they count from ``_text`` (if
    it is not in the tables, from the first symbol).
    ``found`` is what the search found, None where notes named the tables.
    """

    file: KernelFile
    decoded: Decoded
    memory: Memory
    placed: bool
    version: Version | None
    banner: bytes
    banner_at: int | None
    search: tuple[str, ...]
    notes: tuple[str, ...]
    found: Found | None = None

    @property
    def evidence(self) -> tuple[str, ...]:
        """Sentences on how the tables were found, and which releases write such (all are asked: on demand)."""
        return (*self.search, *(_format(self.found) if self.found is not None else ()))


def recover(file: KernelFile, release: str | None = None, at: int | None = None) -> Recovered:
    """Find and decode the tables in a kernel without symbols.

    ``release`` overrides what the banner says; ``at`` is the address of the first byte of a bare image, where it is
    known. Raises :class:`NotThereError` where there are no tables, :class:`AmbiguousError` where several readings
    remain, :class:`InputError` for tables that cannot be read.
    """
    notes = read_core_notes(file.image) if file.image is not None and file.is_core else None
    if notes is not None and file.image is not None:
        decoded = decode_core(file.image, notes, release)
        if decoded is not None:
            return _from_core(file, decoded, notes)
    file = open_searchable(file)
    try:
        return _recovered(file, release, at)
    except NotThereError:
        inner = None if file.is_core else open_scanned(file)
        if inner is None:
            raise
        return _recovered(inner, release, at)


def _recovered(file: KernelFile, release: str | None, at: int | None) -> Recovered:
    """Search the bytes of a kernel for its tables."""
    data = _relocated(file)
    banners = find_banners(data)
    wanted = find_release(release) if release else _release_told(file, banners)
    image = file.image
    found = search_tables(
        data,
        str(file.path),
        word=image.abi.word if image else _WORDS.get(file.hints.machine),
        byte_order=image.abi.byte_order if image else None,
        prefer=lambda reading: wanted is not None and fits(wanted, reading),
    )
    bias, how = load_address(Clues(file, found, banners), at)
    placed = bool(file.runs()) or bias is not None
    distances = not placed and found.addresses.form == "pc-relative"
    bias = _SOMEWHERE[found.addresses.word] if distances else bias
    memory = _memory(file, data, found, bias)
    banner = _banner(found, banners, bias, file.runs())
    version = find_release(release).version if release else _version(banner, banners, file.hints.version)
    chosen = release_for(version, found)
    tables = {name: _address(start, file.runs(), bias) for name, start in found.offsets.items()}
    decision = Decision(found.addresses.percpu_rule, found.addresses.form == "pc-relative")
    walked = found.names.starts, found.texts
    decoded = decode(memory, chosen, TableMap(tables), decision, walked=walked)
    waits = _waits(found, file)
    decoded = _from_text(decoded, found) if distances else decoded
    known = {fault.table for fault in decoded.faults}
    decoded = replace(
        decoded, faults=(*(fault for fault in waits if fault.table not in known), *decoded.faults)
    )
    return Recovered(
        file=file,
        decoded=decoded,
        memory=memory,
        placed=placed,
        version=version,
        banner=banner,
        banner_at=_banner_address(banner, banners, file.runs(), bias),
        search=(*_layers(file), *found.evidence, *how),
        notes=tuple(_notes(found, banner, banners, placed=placed)),
        found=found,
    )


def _from_core(file: KernelFile, decoded: Decoded, notes: CoreNotes) -> Recovered:
    """Return what a core's notes led to."""
    image = file.image
    if image is None:
        raise ValueError(file.path)
    named = ", ".join(f"kallsyms_{name}" for name in notes.tables)
    return Recovered(
        file=file,
        decoded=decoded,
        memory=segment_memory(image),
        placed=True,
        version=decoded.release.version,
        banner=b"",
        banner_at=None,
        search=(f"VMCOREINFO names {notes.release}, and where {named} lie",),
        notes=(),
    )


def _banner_address(
    banner: bytes, banners: list[tuple[int, bytes]], runs: tuple[Run, ...], bias: int | None
) -> int | None:
    """Return the address of a banner, None where nothing tells it."""
    offset = next((start for start, text in banners if text == banner), None)
    return None if offset is None or not (runs or bias is not None) else _address(offset, runs, bias)


def _release_told(file: KernelFile, banners: list[tuple[int, bytes]]) -> Release | None:
    version = _version(b"", banners, file.hints.version)
    return release_of(version) if version is not None and is_known(version) else None


def _version(banner: bytes, banners: list[tuple[int, bytes]], hint: str) -> Version | None:
    """Return the version of the banner itself, else of the first one seen, else of the container's header."""
    for text in (banner, *(text for _, text in banners)):
        if text and (told := banner_version(text)):
            return told[0]
    try:
        return parse_version(hint) if hint else None
    except ValueError:
        return None


def _layers(file: KernelFile) -> list[str]:
    return [f"the kernel is packed: {' > '.join(file.layers)}"] if file.layers else []


def _format(found: Found) -> list[str]:
    span = span_of(found)
    told = f"tables as from {span}" if span else "no release known writes tables quite like these"
    return [f"{told}: {', '.join(found.order)}; addresses as {found.addresses.form}"]


def _address(offset: int, runs: tuple[Run, ...], bias: int | None) -> int:
    """Return the address of a byte of the image; without a bias, its offset."""
    for run in runs:
        if run.offset <= offset < run.offset + run.size:
            return run.address + offset - run.offset
    return (offset + (bias or 0)) & _TOP


def _memory(file: KernelFile, data: bytes | mmap, found: Found, bias: int | None) -> Memory:
    patches = _patches(file, found, bias)
    if file.image is not None:
        spans = tuple(Span(run.address, run.size, _reader(data, run.offset)) for run in file.runs())
        return Memory(file.image.abi, str(file.path), spans, patches)
    abi = Abi(64 if found.addresses.word == 8 else 32, found.byte_order, file.hints.machine, 0)
    start = (bias or 0) & (1 << abi.bits) - 1
    span = Span(start, len(file.data), _reader(data, 0))
    return Memory(abi, str(file.path), (span,), patches)


def _relocated(file: KernelFile) -> bytes | mmap:
    """Return the bytes with an ELF file's own dynamic relocations applied, where it has any."""
    image = file.image
    patches = dynamic_patches(image) if image is not None else ()
    if image is None or not patches:
        return file.data
    data = bytearray(file.data)
    for run in file.runs():
        for patch in patches:
            inside = memoryview(data)[run.offset : run.offset + run.size]
            patch.apply_to(np.frombuffer(inside, np.uint8), run.address, image.abi.byte_order)
    return bytes(data)


def _reader(data: bytes | mmap, start: int) -> Callable[[int, int], bytes]:
    return lambda offset, size: data[start + offset : start + offset + size]


def _patches(file: KernelFile, found: Found, bias: int | None) -> tuple[Patch, ...]:
    """Return the words that relocations filled in, over the zeros that the image has there."""
    reading = found.addresses
    if not reading.filled:
        return ()
    if reading.form == "word":
        first = _address(reading.offsets["addresses"], file.runs(), bias)
        fields = np.uint64(first) + np.arange(len(reading.address), dtype=np.uint64) * np.uint64(reading.word)
        return (Patch(reading.word, fields, reading.address),)
    start = _address(reading.offsets["relative_base"], file.runs(), bias)
    return (Patch(reading.word, np.array([start], np.uint64), np.array([reading.base], np.uint64)),)


def _banner(found: Found, banners: list[tuple[int, bytes]], bias: int | None, runs: tuple[Run, ...]) -> bytes:
    """Return the banner at ``linux_banner``, else the only one there is."""
    address = found.address_of(b"linux_banner")
    if found.addresses.form == "pc-relative":
        at = address
    elif address is not None and (runs or bias is not None):
        at = _offset(address, runs, bias)
    else:
        at = None
    told = dict(banners).get(at) if at is not None else None
    releases = {text.split()[2] for _, text in banners}
    return told or (banners[0][1] if len(releases) == 1 else b"")


def _offset(address: int, runs: tuple[Run, ...], bias: int | None) -> int | None:
    for run in runs:
        if run.address <= address < run.address + run.size:
            return run.offset + address - run.address
    return None if bias is None else (address - bias) & _TOP


def _waits(found: Found, file: KernelFile) -> list[Fault]:
    if not found.addresses.waits:
        return []
    table = "addresses" if found.addresses.form == "word" else "relative_base"
    why = f"kallsyms_{table} is zero: relocations have yet to fill it in, and {file.path} does not carry them along"
    return [Fault(table, f"{why}, so the addresses are not there")]


def _from_text(decoded: Decoded, found: Found) -> Decoded:
    """Return symbols and tables by their distances from ``_text``, else from the first symbol."""
    text = found.address_of(b"_text")
    offset = int(found.addresses.address[0]) if text is None else text
    mask = (1 << decoded.abi.bits) - 1
    origin = (_SOMEWHERE[decoded.abi.word] + offset) & mask
    address = (decoded.address - np.uint64(origin)) & np.uint64(mask)
    tables = {name: (start - origin) & mask for name, start in decoded.tables.items()}
    return replace(decoded, address=address, tables=tables, from_text=True)


def _notes(found: Found, banner: bytes, banners: list[tuple[int, bytes]], *, placed: bool) -> Iterator[str]:
    """Yield what could not be told."""
    if found.addresses.form == "pc-relative" and not placed:
        origin = "_text" if found.address_of(b"_text") is not None else "the first symbol"
        yield f"nothing tells where the kernel runs: addresses count from {origin}"
    texts = sorted({text.split()[2].decode("utf-8", "replace") for _, text in banners})
    if not banner and len(texts) > 1:
        yield f"it has banners of {', '.join(texts)}, and nothing tells which is its own: the first was taken"
    if not banners:
        yield "it has no version banner: the release is told by its tables alone"
