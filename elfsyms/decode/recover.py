# SPDX-License-Identifier: GPL-2.0-or-later
"""A kernel without one symbol, read: from the bytes of any image to the symbols of its tables.

    KernelFile ─ search ─> Found ─ fitting ─> Release
                                 ─ where the bytes lie ─> Memory ─ decode ─> Recovered

ELF headers tell where bytes lie in memory. For a bare image the tables' own labels do (from 6.10 on they are in the
tables), or the banner's, or the kernel's pointers (``placing.py``). What could not be told is among ``notes``.

Leaves out cores that name their tables (``core.py``).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from elfsyms.decode.addresses import Decision
from elfsyms.decode.checks import Fault
from elfsyms.decode.core import decode_core, read_core_notes
from elfsyms.decode.decode_tables import decode_tables
from elfsyms.decode.fitting import fits, release_for
from elfsyms.decode.live_memory import parts_to_search
from elfsyms.decode.locate import TableMap
from elfsyms.decode.mappings import where_it_runs
from elfsyms.decode.own_banner import banner_address, own_banner, release_told, version_told
from elfsyms.decode.placed_bytes import Placement, memory_of, relocated_bytes
from elfsyms.decode.placing import Clues, load_address
from elfsyms.decode.recovered import Recovered
from elfsyms.decode.search import search_tables
from elfsyms.detect.banner import find_banners
from elfsyms.errors import NotThereError
from elfsyms.image.kernel_file import open_scanned
from elfsyms.image.machines import word_of
from elfsyms.image.memory import segment_memory
from elfsyms.releases.format_history import find_release
from elfsyms.unpack.other_files import other_program

if TYPE_CHECKING:
    from collections.abc import Iterator
    from mmap import mmap

    from elfsyms.decode.core import CoreNotes
    from elfsyms.decode.decoded import Decoded
    from elfsyms.decode.found import Found
    from elfsyms.image.kernel_file import KernelFile
    from elfsyms.image.memory import Memory
    from elfsyms.releases.format_history import Release

__all__ = ["recover"]

_SOMEWHERE = {
    4: 1 << 30,
    8: 1 << 40,
}  # where an image lies of which nothing tells it, so that nothing wraps around
_DEEPEST = 3  # a kernel in a boot wrapper in a flash image


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
    missing: NotThereError | None = None
    for part in _parts(file):
        try:
            return _recovered(part, release, at)
        except NotThereError as error:
            missing = missing or error
    raise missing or NotThereError(f"{file.path} has no memory to search")


def _parts(file: KernelFile) -> Iterator[KernelFile]:
    """Yield a file, what of it can be searched, or what is found in it by scanning."""
    if file.is_core:
        yield from parts_to_search(file)
        return
    part: KernelFile | None = file
    for _ in range(_DEEPEST):
        if part is None:
            return
        yield part
        part = open_scanned(part)


def _recovered(file: KernelFile, release: str | None, at: int | None) -> Recovered:
    """Search the bytes of a kernel for its tables."""
    data = relocated_bytes(file)
    banners = find_banners(data)
    if not banners and (program := other_program(data)):
        raise NotThereError(f"{file.path} is {program}")
    found = _searched(file, data, find_release(release) if release else release_told(file, banners))
    found, runs, told = where_it_runs(file, data, found)
    bias, how = load_address(Clues(file, found, banners), at)
    placement = Placement(runs, bias)
    banner = own_banner(found, banners, placement)
    version = find_release(release).version if release else version_told(banner, banners, file.hints.version)
    decoded, memory = _decoded(file, data, found, placement, release_for(version, found))
    return Recovered(
        file=file,
        decoded=decoded,
        memory=memory,
        placed=placement.is_known,
        version=version,
        banner=banner,
        banner_at=banner_address(banner, banners, _assumed(found, placement)),
        search=(*_layers(file), *found.evidence, *told, *how),
        notes=tuple(_notes(found, banner, banners, placed=placement.is_known)),
        found=found,
    )


def _searched(file: KernelFile, data: bytes | mmap, wanted: Release | None) -> Found:
    image = file.image
    machine = file.hints.machine if image is None else image.abi.machine
    return search_tables(
        data,
        str(file.path),
        word=word_of(machine) if image is None or file.is_core else image.abi.word,
        byte_order=image.abi.byte_order if image else None,
        prefer=lambda reading: wanted is not None and fits(wanted, reading),
    )


def _decoded(
    file: KernelFile, data: bytes | mmap, found: Found, placement: Placement, release: Release
) -> tuple[Decoded, Memory]:
    """Decode the tables; where nothing tells where distances begin, from ``_text`` on."""
    place = _assumed(found, placement)
    from_text = place is not placement
    memory = memory_of(file, data, found, place)
    tables = TableMap({name: place.address_of(start) for name, start in found.offsets.items()})
    decision = Decision(found.addresses.percpu_rule, found.addresses.form == "pc-relative")
    walked = found.names.starts, found.texts
    decoded = decode_tables(memory, release, tables, decision, walked=walked)
    waits = _waits(found, file)
    decoded = _from_text(decoded, found) if from_text else decoded
    known = {fault.table for fault in decoded.faults}
    more = (fault for fault in waits if fault.table not in known)
    return replace(decoded, faults=(*more, *decoded.faults)), memory


def _assumed(found: Found, placement: Placement) -> Placement:
    """Return the placement; for distances of which nothing tells it, one where nothing wraps around."""
    if placement.is_known or found.addresses.form != "pc-relative":
        return placement
    return Placement(bias=_SOMEWHERE[found.addresses.word])


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


def _layers(file: KernelFile) -> list[str]:
    return [f"the kernel is packed: {' > '.join(file.layers)}"] if file.layers else []


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
