# SPDX-License-Identifier: GPL-2.0-or-later
"""The sections of a vmlinux that is made of an image: those of its ELF file, else cut at its boundary symbols.

``_stext`` to ``_etext`` is ``.text``, and so on; what lies between is data. Behind them stands an empty section
of each kind, for symbols whose own would give them another letter.

Leaves out which symbol goes where (``rebuilt_symbols.py``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from elfsyms.errors import InputError
from elfsyms.image.elf import SHF_ALLOC, SHF_EXECINSTR, SHF_WRITE, SHT_NOBITS
from elfsyms.unpack.codecs import MOST_BYTES
from elfsyms.writers.elf_image import ImagePart

if TYPE_CHECKING:
    from collections.abc import Iterator

    from elfsyms.decode.recovered import Recovered
    from elfsyms.image.records import Records

__all__ = ["BSS", "DATA", "KINDS", "RODATA", "TEXT", "kind_of", "sections_of"]

TEXT, RODATA, DATA = SHF_ALLOC | SHF_EXECINSTR, SHF_ALLOC, SHF_ALLOC | SHF_WRITE
_NOBITS = 1 << 30  # marks a kind without bytes, beside the flags of sections
BSS = DATA | _NOBITS
KINDS = (TEXT, RODATA, DATA, BSS)
# Empty sections that no kernel has: for symbols whose own section would give them another letter.
_OTHER = {TEXT: ".text.other", RODATA: ".rodata.other", DATA: ".data.other", BSS: ".bss.other"}
_PAGE = 0xFFF

# How a bare image is cut: the first of these pairs of symbols that there is, the section, and its kind.
_CUTS = (
    ((("_stext", "_etext"), ("_text", "_etext")), ".text", TEXT),
    ((("_sinittext", "_einittext"),), ".init.text", TEXT),
    ((("__start_rodata", "__end_rodata"),), ".rodata", RODATA),
    ((("__bss_start", "__bss_stop"), ("__bss_start", "_end")), ".bss", BSS),
)


@dataclass(frozen=True, slots=True)
class _Range:
    name: str
    start: int
    end: int
    kind: int


def sections_of(recovered: Recovered, lines: Records) -> list[ImagePart]:
    """Return the image's sections, and an empty one of each kind."""
    found = [_part(recovered, part) for part in _ranges(recovered, lines)]
    return [*found, *(ImagePart(_OTHER[kind], kind & ~_NOBITS, 0, 0, _no_bytes(kind)) for kind in KINDS)]


def _no_bytes(kind: int) -> memoryview | None:
    return None if kind & _NOBITS else memoryview(b"")


def _part(recovered: Recovered, part: _Range) -> ImagePart:
    data = None
    if not part.kind & _NOBITS:
        data = memoryview(recovered.memory.read(part.start, part.end - part.start))
    return ImagePart(part.name, part.kind & ~_NOBITS, part.start, part.end - part.start, data)


def _ranges(recovered: Recovered, lines: Records) -> Iterator[_Range]:
    """Yield where sections lie: as the image's ELF headers say, else cut at boundary symbols."""
    image = recovered.file.image
    sections = [s for s in image.sections if s.flags & SHF_ALLOC and s.size] if image is not None else []
    for section in sections:
        flags = section.flags & (SHF_ALLOC | SHF_EXECINSTR | SHF_WRITE)
        kind = flags | (_NOBITS if section.type == SHT_NOBITS else 0)
        yield _Range(section.name, section.address, section.address + section.size, kind)
    if not sections:
        for start, end in _with_symbols(recovered, lines):
            yield from _cut(start, end, dict(_boundaries(lines)))


def _with_symbols(recovered: Recovered, lines: Records) -> list[tuple[int, int]]:
    """Return start and end of the runs of memory in which symbols lie.

    A core has many more, up to whole address spaces; of a run larger than any kernel the pages with symbols count.
    """
    address = np.sort(lines.address)
    found = []
    for span in (span for span in recovered.memory.spans if span.size):
        start, end = span.start, min(span.start + span.size, 1 << 64)
        first = int(address.searchsorted(np.uint64(start)))
        behind = int(address.searchsorted(np.uint64(end - 1), "right"))  # end may be 2^64
        if first >= behind:  # none in it
            continue
        if span.size > MOST_BYTES:
            start = max(start, int(address[first]) & ~_PAGE)
            end = min(end, (int(address[behind - 1]) | _PAGE) + 1)
        found.append((start, end))
    if (size := sum(end - start for start, end in found)) > MOST_BYTES:
        raise InputError(
            f"{recovered.file.path}: the memory in which its symbols lie has {size:,} bytes, more than is taken "
            f"for a kernel ({MOST_BYTES:,}): 'elfsyms decode' reads its symbols"
        )
    return found


def _boundaries(lines: Records) -> Iterator[tuple[str, int]]:
    wanted = {name.encode() for pairs, _, _ in _CUTS for pair in pairs for name in pair}
    sizes = np.isin(lines.size, [len(name) for name in wanted])
    for index in np.flatnonzero(sizes).tolist():
        if (name := lines.name(index)) in wanted:
            yield name.decode(), int(lines.address[index])


def _cut(start: int, end: int, boundaries: dict[str, int]) -> Iterator[_Range]:
    """Yield the pieces of one run of bytes, and what lies behind it without any."""
    cuts = []
    for pairs, name, kind in _CUTS:
        known = [(boundaries[a], boundaries[b]) for a, b in pairs if a in boundaries and b in boundaries]
        if known and known[0][0] < known[0][1]:
            cuts.append(_Range(name, *known[0], kind))
    at, rest = start, 0
    for cut in sorted(cuts, key=lambda cut: cut.start):
        if cut.kind & _NOBITS:
            if cut.end > end:
                yield _Range(cut.name, max(cut.start, end), cut.end, cut.kind)
            continue
        if cut.start < at or cut.end > end:
            continue
        if cut.start > at:
            yield _Range(f".data.{rest}" if rest else ".head", at, cut.start, DATA)
            rest += 1
        yield cut
        at = cut.end
    if at < end:
        yield _Range(".data", at, end, DATA)


def kind_of(part: ImagePart) -> int:
    """Return which of ``KINDS`` a section is of."""
    flags = part.flags & (SHF_ALLOC | SHF_EXECINSTR | SHF_WRITE)
    if flags & SHF_EXECINSTR:
        return TEXT
    if part.data is None:
        return BSS
    return DATA if flags & SHF_WRITE else RODATA
