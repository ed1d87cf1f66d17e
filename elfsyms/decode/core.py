# SPDX-License-Identifier: GPL-2.0-or-later
"""Memory of a kernel as an ELF core (``/proc/kcore``, ``/proc/vmcore``, a dump of QEMU): what its notes tell.

The note VMCOREINFO, which the kernel writes for its own crash tools, names the release, and from 6.0 on where
``kallsyms_names`` and the other tables lie. From these and the release follow all others, so that nothing needs to
be searched, and a core of terabytes is read where the tables are.

Follows ``kernel/vmcore_info.c`` and the gABI, chapter "Note Section". Leaves out compressed dumps (makedumpfile).
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from elfsyms.decode.addresses import Decision
from elfsyms.decode.decode_tables import decode_tables
from elfsyms.decode.locate import TableMap, complete_tables
from elfsyms.errors import ElfsymsError, UsageError
from elfsyms.image.elf import PT_NOTE
from elfsyms.image.memory import segment_memory
from elfsyms.releases.format_history import find_release, release_of
from elfsyms.releases.versions import parse_version

if TYPE_CHECKING:
    from collections.abc import Mapping

    from elfsyms.decode.decoded import Decoded
    from elfsyms.image.elf import Image

__all__ = ["CoreNotes", "decode_core", "read_core_notes"]

_NAME = b"VMCOREINFO"
_MOST = 1 << 24  # bytes of notes
_SYMBOL = re.compile(r"^SYMBOL\((\w+)\)=([0-9a-f]+)$", re.MULTILINE)
_RELEASE = re.compile(r"^OSRELEASE=(\S+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class CoreNotes:
    """What VMCOREINFO tells: ``release`` as ``uname -r`` says it, and the addresses of some symbols."""

    release: str
    symbols: Mapping[str, int]

    @property
    def tables(self) -> dict[str, int]:
        """The addresses of tables, by name without ``kallsyms_``; empty before 6.0."""
        prefix = "kallsyms_"
        return {name.removeprefix(prefix): at for name, at in self.symbols.items() if name.startswith(prefix)}


def read_core_notes(image: Image) -> CoreNotes | None:
    """Return what a core's VMCOREINFO tells, None where it has none."""
    for segment in image.segments():
        if segment.type != PT_NOTE:
            continue
        data = image.read_at(segment.offset, min(segment.file_size, _MOST))
        text = _note(data, image.abi.byte_order)
        if text is not None:
            symbols = {name: int(address, 16) for name, address in _SYMBOL.findall(text)}
            release = _RELEASE.search(text)
            return CoreNotes(release[1] if release else "", symbols)
    return None


def _note(data: bytes, order: str) -> str | None:
    """Return the text of the note VMCOREINFO among others."""
    at = 0
    while at + 12 <= len(data):
        name_size, size, _ = struct.unpack_from(f"{order}3I", data, at)
        name, start = data[at + 12 : at + 12 + name_size], at + 12 + name_size + -name_size % 4
        if name.rstrip(b"\0") == _NAME:
            return data[start : start + size].decode("latin-1")
        at = start + size + -size % 4
    return None


def decode_core(image: Image, notes: CoreNotes, release: str | None) -> Decoded | None:
    """Decode the tables of a core where its notes say that they are; None where that does not lead to any.

    A release that does not write its tables so (a back-port) leads to faults, and is no answer either.
    """
    if not {"num_syms", "names"} <= notes.tables.keys():
        return None
    memory = segment_memory(image)
    try:
        wanted = find_release(release) if release else release_of(parse_version(notes.release))
    except UsageError:
        if release:
            raise
        return None  # the notes name none
    relative = "addresses" not in notes.tables
    try:
        tables = complete_tables(TableMap(notes.tables), wanted, memory, base_relative=relative)
        decoded = decode_tables(memory, wanted, tables, Decision())
    except ElfsymsError:
        return None
    return None if decoded.faults else decoded
