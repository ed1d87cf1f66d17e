# SPDX-License-Identifier: GPL-2.0-or-later
"""A vmlinux of what was recovered: the image's bytes in sections, and the symbols of its tables over them.

The sections are those of the ELF file in the image, where it kept them; a bare image is cut at its boundary symbols
(``_stext`` to ``_etext`` is ``.text``). nm tells a symbol's letter by its section, so a symbol whose section would
give another letter than its own goes to an empty section of the right kind. Sizes are those that the kernel
computes: up to the next higher address.

The symbols may be those of a map instead (``System.map``): then the file says of a kernel without ``.symtab`` what
its own build knew.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from elfsyms.errors import InputError
from elfsyms.image.elf import SHF_ALLOC, SHF_EXECINSTR, SHF_WRITE, SHT_NOBITS
from elfsyms.image.records import Records
from elfsyms.image.symbols import SHN_ABS
from elfsyms.releases.matchers import begin_with
from elfsyms.unpack.codecs import MOST_BYTES
from elfsyms.writers.elf_image import ImagePart, ImageSymbols, write_image

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from elfsyms.decode.recover import Recovered
    from elfsyms.releases.format_history import Release

__all__ = ["MADE_UP_SECTIONS", "rebuild"]

_TEXT, _RODATA, _DATA = SHF_ALLOC | SHF_EXECINSTR, SHF_ALLOC, SHF_ALLOC | SHF_WRITE
_NOBITS = 1 << 30  # marks a kind without bytes, beside the flags of sections
_BSS = _DATA | _NOBITS
_PAGE = 0xFFF
_KINDS = (_TEXT, _RODATA, _DATA, _BSS)
_KIND_OF = {
    ord("t"): _TEXT,
    ord("r"): _RODATA,
    ord("d"): _DATA,
    ord("b"): _BSS,
    ord("g"): _DATA,
    ord("s"): _BSS,
}
_OTHER = {_TEXT: ".text.other", _RODATA: ".rodata.other", _DATA: ".data.other", _BSS: ".bss.other"}
# Sections that no kernel has: for symbols whose own section would give them another letter.
MADE_UP_SECTIONS = tuple(_OTHER.values())
_OBJECT, _FUNC, _NOTYPE = 1, 2, 0
_EM_ARM = 40
_CONFIG = b"IKCFG_ST\x1f\x8b\x08"  # kernel/configs.c: a mark, and gzip
_LABELS = (b"kallsyms_", b"linux_banner", b"kernel_config_data")
_CONFIG_MARK = 8  # bytes
# How a bare image is cut: the first of these pairs of symbols that there is, the section, and its kind.
_CUTS = (
    ((("_stext", "_etext"), ("_text", "_etext")), ".text", _TEXT),
    ((("_sinittext", "_einittext"),), ".init.text", _TEXT),
    ((("__start_rodata", "__end_rodata"),), ".rodata", _RODATA),
    ((("__bss_start", "__bss_stop"), ("__bss_start", "_end")), ".bss", _BSS),
)


@dataclass(frozen=True, slots=True)
class _Range:
    name: str
    start: int
    end: int
    kind: int


def rebuild(recovered: Recovered, records: Records | None = None, kaslr: int = 0) -> bytes:
    """Return an ELF file of the image, with the symbols of its tables, or with those given.

    ``kaslr`` moves the whole of it, but for what the tables hold as numbers.
    """
    own = recovered.decoded.records()
    lines = _with_labels(recovered, own if records is None else records)
    parts = _parts(recovered, lines)
    section, kind = _sections(lines, parts, percpu_letter=records is None)
    moves = _moves(recovered, lines, section)
    shift = np.uint64(kaslr & (1 << 64) - 1)
    symbols = ImageSymbols(
        pool=lines.pool,
        start=lines.start,
        name_size=lines.size,
        value=lines.address + np.where(moves, shift, np.uint64(0)),
        size=_sizes(lines.address, section),
        binding=_bindings(lines.letter),
        type=_types(kind, lines.letter, _thumb(recovered, lines)),
        section=section,
    )
    moved = [_moved(part, kaslr, recovered.decoded.abi.bits) for part in parts]
    return write_image(moved, symbols, recovered.decoded.abi)


def _moved(part: ImagePart, kaslr: int, bits: int) -> ImagePart:
    address = (
        (part.address + kaslr) & (1 << bits) - 1
        if not part.name.startswith(".data..percpu")
        else part.address
    )
    return ImagePart(part.name, part.flags, address, part.size, part.data)


def _moves(recovered: Recovered, lines: Records, section: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Mark the symbols that move with the image: neither numbers, nor per-CPU offsets of the old rule."""
    decoded = recovered.decoded
    moves = section != SHN_ABS
    if len(lines) >= len(decoded) and np.array_equal(lines.address[: len(decoded)], decoded.address):
        absolute = decoded.absolute if decoded.form == "base" else np.zeros(len(decoded), np.bool_)
        moves[: len(decoded)] &= ~absolute
    return np.asarray(moves)


def _with_labels(recovered: Recovered, lines: Records) -> Records:
    """Add labels that the generator dropped: those of the tables, of the banner and of the configuration inside."""
    known = {name for name in lines.names() if name.startswith(_LABELS)}
    decoded, data = recovered.decoded, _has_data(lines, recovered.decoded.release)
    wanted = {}
    if not (
        data and decoded.release.kept_prefixes
    ):  # from 951bcae6c5a0 (6.10) on labels are symbols like others
        wanted = {b"kallsyms_" + name.encode(): slot for name, slot in decoded.tables.items()}
    if not data and recovered.banner_at is not None:
        wanted[b"linux_banner"] = recovered.banner_at
    if not data and (config := _configuration(recovered)) is not None:
        wanted[b"kernel_config_data"] = config
    added = {name: slot for name, slot in wanted.items() if name not in known}
    if not added:
        return lines
    size = np.array([len(name) for name in added], np.int64)
    pool = b"\0".join(added) + b"\0"
    return Records(
        symbol=np.arange(len(lines) + len(added)),
        address=np.concatenate([lines.address, np.array(list(added.values()), np.uint64)]),
        letter=np.concatenate([lines.letter, np.full(len(added), ord("R"), np.uint8)]),
        defined=np.ones(len(lines) + len(added), np.bool_),
        pool=lines.pool + pool,
        start=np.concatenate([lines.start, len(lines.pool) + np.cumsum(size + 1) - size - 1]),
        size=np.concatenate([lines.size, size]),
    )


def _configuration(recovered: Recovered) -> int | None:
    """Return where the configuration begins that ``CONFIG_IKCONFIG`` puts into a kernel, behind a mark."""
    file = recovered.file
    if file.is_core:  # of whose memory only pieces are read
        return None
    start = file.data.find(_CONFIG)
    if start < 0 or file.data.find(_CONFIG, start + 1) >= 0:
        return None
    offset = start + _CONFIG_MARK
    runs = [run for run in file.runs() if run.offset <= offset < run.offset + run.size]
    if file.image is not None:
        return runs[0].address + offset - runs[0].offset if runs else None
    return recovered.memory.spans[0].start + offset


def _has_data(lines: Records, release: Release) -> bool:
    """Tell whether symbols of data are among the lines, so that those of labels and banner would be, too.

    What the release keeps wherever it lies is no proof.
    """
    data = np.isin(lines.letter, list(b"rRdDbB"))
    return bool((data & ~begin_with(lines, release.kept_prefixes)).any())


def _parts(recovered: Recovered, lines: Records) -> list[ImagePart]:
    """Return the image's sections, and an empty one of each kind."""
    found = [_part(recovered, part) for part in _ranges(recovered, lines)]
    return [*found, *(ImagePart(_OTHER[kind], kind & ~_NOBITS, 0, 0, _no_bytes(kind)) for kind in _KINDS)]


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
            yield _Range(f".data.{rest}" if rest else ".head", at, cut.start, _DATA)
            rest += 1
        yield cut
        at = cut.end
    if at < end:
        yield _Range(".data", at, end, _DATA)


def _kind(part: ImagePart) -> int:
    flags = part.flags & (SHF_ALLOC | SHF_EXECINSTR | SHF_WRITE)
    if flags & SHF_EXECINSTR:
        return _TEXT
    if part.data is None:
        return _BSS
    return _DATA if flags & SHF_WRITE else _RODATA


def _sections(
    lines: Records, parts: list[ImagePart], *, percpu_letter: bool
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the section number and the kind of each symbol: where it lies, unless its letter says otherwise.

    ``percpu_letter``: the lines are of tables, where A may stand for what is per CPU; of a map it means a number.
    """
    kinds = np.array([_kind(part) for part in parts], np.int64)
    at = _containing(lines.address, parts)
    lower = lines.letter | 0x20
    wanted = np.full(len(lines), -1, np.int64)
    for letter, kind in _KIND_OF.items():
        wanted[lower == letter] = kind
    there = np.where(at >= 0, kinds[np.maximum(at, 0)], -2)
    other = len(parts) - len(_KINDS) + (wanted[:, None] == np.array(_KINDS)).argmax(1)
    free = (wanted < 0) & (at >= 0)
    chosen = np.where((there == wanted) | free, at, np.where(wanted < 0, -1, other))
    section = np.where(chosen >= 0, chosen + 1, SHN_ABS)
    percpu = np.array([part.name.startswith(".data..percpu") for part in parts])
    absolute = (lower == ord("a")) & ~(percpu_letter & (at >= 0) & percpu[np.maximum(at, 0)])
    section[absolute] = SHN_ABS
    return section, np.where(chosen >= 0, kinds[np.maximum(chosen, 0)], 0)


def _containing(address: NDArray[np.uint64], parts: list[ImagePart]) -> NDArray[np.int64]:
    """Return the number of the part that each address lies in, its end included where no other begins; else -1."""
    order = sorted((part.address, number) for number, part in enumerate(parts) if part.size)
    if not order:
        return np.full(len(address), -1, np.int64)
    starts = np.array([start for start, _ in order], np.uint64)
    numbers = np.array([number for _, number in order], np.int64)
    sizes = np.array([parts[number].size for _, number in order], np.uint64)
    slot = np.searchsorted(starts, address, side="right") - 1
    inside = (slot >= 0) & (address - starts[np.maximum(slot, 0)] <= sizes[np.maximum(slot, 0)])
    return np.where(inside, numbers[np.maximum(slot, 0)], -1)


def _sizes(address: NDArray[np.uint64], section: NDArray[np.int64]) -> NDArray[np.uint64]:
    """Return the distance to the next higher address; 0 for the last one and for numbers."""
    distinct = np.unique(address[section != SHN_ABS])
    after = np.searchsorted(distinct, address, side="right")
    known = (after < len(distinct)) & (section != SHN_ABS)
    following = distinct[np.minimum(after, len(distinct) - 1)] if len(distinct) else address
    return np.where(known, following - address, np.uint64(0))


def _bindings(letter: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return ``STB_WEAK`` for w and v, ``STB_GLOBAL`` for capitals and ?, else ``STB_LOCAL``."""
    lower = letter | 0x20
    weak = np.isin(lower, list(b"wv"))
    capital = (letter >= ord("A")) & (letter <= ord("Z"))
    binding = np.where(weak, 2, np.where(capital, 1, 0)).astype(np.uint8)
    binding[letter == ord("u")] = 10  # STB_GNU_UNIQUE
    return binding


def _thumb(recovered: Recovered, lines: Records) -> NDArray[np.bool_]:
    """Mark odd addresses on ARM: of a function nm shows them even, as the bit stands for Thumb."""
    is_arm = recovered.decoded.abi.machine == _EM_ARM
    return (lines.address & np.uint64(1)).astype(np.bool_) & is_arm


def _types(kind: NDArray[np.int64], letter: NDArray[np.uint8], thumb: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Return ``STT_FUNC`` for code, ``STT_OBJECT`` for data, ``STT_NOTYPE`` for numbers and odd code."""
    lower = letter | 0x20
    result = np.where(kind == _TEXT, _FUNC, np.where(kind == 0, _NOTYPE, _OBJECT)).astype(np.uint8)
    result[lower == ord("v")] = _OBJECT
    result[lower == ord("w")] = np.where(
        result[lower == ord("w")] == _OBJECT, _NOTYPE, result[lower == ord("w")]
    )
    result[letter == ord("i")] = 10  # STT_GNU_IFUNC
    result[thumb & (result == _FUNC)] = _NOTYPE
    return result
