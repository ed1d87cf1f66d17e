# SPDX-License-Identifier: GPL-2.0-or-later
"""The tables as assembly, to the byte what the release's ``scripts/kallsyms`` prints.

Follows ``scripts/kallsyms.c``, ``write_src`` and ``output_label``. Numbers are printed as C's ``%#llx`` does, so
that zero is a plain ``0``. Token texts are not escaped, as in the kernel.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from elfsyms.pipeline.tables import with_letters
from elfsyms.releases.table_labels import label_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from elfsyms.pipeline.tables import Tables

__all__ = ["assembly_text"]

_WORD_MASK = (1 << 64) - 1


def assembly_text(tables: Tables) -> bytes:
    """Return the whole text."""
    parts = [_header(tables)]
    comments = _Comments(tables)
    for name in tables.labels():
        parts += [_label(tables, name), *_BODIES[name](tables, comments), _size(tables, name), b"\n"]
    return b"".join(parts)


def _header(tables: Tables) -> bytes:
    release = tables.release
    section = b".data\n" if release.section == ".data" else b'\t.section .rodata, "a"\n'
    if not release.include:
        return section
    return b"".join(
        [
            b"#include <%b>\n" % release.include.encode(),
            b"#if BITS_PER_LONG == 64\n#define PTR .quad\n#define ALGN .%b 8\n" % release.align.encode(),
            b"#else\n#define PTR .long\n#define ALGN .%b 4\n#endif\n" % release.align.encode(),
            section,
        ]
    )


def _label(tables: Tables, name: str) -> bytes:
    label = _label_name(tables, name)
    align = b"\tALGN\n" if tables.release.include else b"\t.balign 4\n"
    return b".globl %b\n%b%b:\n" % (label, align, label)


def _label_name(tables: Tables, name: str) -> bytes:
    return label_of(name, tables.options.symbol_prefix)


def _size(tables: Tables, name: str) -> bytes:
    if name not in tables.release.sizes:
        return b""
    label = _label_name(tables, name)
    return b".size %b, . - %b\n" % (label, label)


class _Comments:
    """The comment behind a symbol's line, where the release writes one: its letter and name."""

    def __init__(self, tables: Tables) -> None:
        self.kind = tables.release.comments
        self.none = [b"\n"] * len(tables.records)
        self.all = [] if self.kind == "none" else self._texts(tables)

    def _texts(self, tables: Tables) -> list[bytes]:
        texts = with_letters(tables.records)[0].tobytes().split(b"\0")
        return [b"\t/* %b */\n" % text for text in texts[: len(tables.records)]]

    def behind(self, table: str) -> list[bytes]:
        """Return the line ends of a table."""
        wanted = self.kind == "all" or (self.kind == "offsets" and table == "offsets")
        return self.all if wanted else self.none


def _addresses(tables: Tables, comments: _Comments) -> Iterator[bytes]:
    text = tables.boundaries.text
    anchored = tables.addresses.anchored
    if anchored is None:
        raise ValueError(tables.addresses.form)
    rows = zip(tables.addresses.value.tolist(), anchored.tolist(), comments.behind("addresses"), strict=True)
    for value, relative, end in rows:
        if not relative:
            yield b"\tPTR\t%b%b" % (_hex(value), end)
        else:
            yield b"\tPTR\t_text %b%b" % (_signed(value, (text + value) & _WORD_MASK >= text), end)


def _signed(distance: int, forward: bool) -> bytes:
    """Spell a distance modulo 2^64 as the generator does: with the sign that makes it small."""
    return b"+ " + _hex(distance) if forward else b"- " + _hex(-distance & _WORD_MASK)


def _offsets(tables: Tables, comments: _Comments) -> Iterator[bytes]:
    pc_relative = tables.addresses.form == "pc-relative"
    spell: Callable[[int], bytes] = (
        (lambda value: b"_text - . + (%d)" % value)
        if pc_relative
        else (lambda value: _hex(value & 0xFFFFFFFF))
    )
    for value, end in zip(tables.addresses.value.tolist(), comments.behind("offsets"), strict=True):
        yield b"\t.long\t%b%b" % (spell(value), end)


def _relative_base(tables: Tables, _: _Comments) -> Iterator[bytes]:
    base = tables.addresses.base
    if tables.release.base_text == "minus":
        yield b"\tPTR\t_text - %b\n" % _hex(-base & _WORD_MASK)
    else:
        yield b"\tPTR\t_text %b\n" % _signed(base & _WORD_MASK, base >= 0)


def _count(tables: Tables, numbers: Iterable[int]) -> Iterator[bytes]:
    directive = b"PTR" if tables.release.wide_counts else b".long"
    for number in numbers:
        yield b"\t%b\t%d\n" % (directive, number)


def _num_syms(tables: Tables, _: _Comments) -> Iterator[bytes]:
    return _count(tables, [len(tables.records)])


def _markers(tables: Tables, _: _Comments) -> Iterator[bytes]:
    return _count(tables, tables.markers.tolist())


def _names(tables: Tables, comments: _Comments) -> Iterator[bytes]:
    # bytes.hex makes the digits of the whole stream at once: 0.1 s for 200,000 symbols, not 0.6.
    digits = tables.names.tobytes().hex(",").replace(",", ", 0x").encode()
    ends = np.cumsum(tables.name_sizes)
    starts = (ends - tables.name_sizes) * 6
    bounds = zip(starts.tolist(), (ends * 6 - 4).tolist(), comments.behind("names"), strict=True)
    long = tables.overlong()
    for index, (start, stop, end) in enumerate(bounds):
        text = digits[start:stop]
        yield b"\t.byte 0x%b%b" % (b"%x%b" % (long[index], text[2:]) if index in long else text, end)


def _token_table(tables: Tables, _: _Comments) -> Iterator[bytes]:
    for text in tables.compressed.tokens:
        yield b'\t.asciz\t"%b"\n' % text


def _token_index(tables: Tables, _: _Comments) -> Iterator[bytes]:
    for offset in tables.token_index:
        yield b"\t.short\t%d\n" % offset


def _sequences(tables: Tables, comments: _Comments) -> Iterator[bytes]:
    ends = comments.behind("seqs_of_names")
    if tables.release.sequence_width == 4:
        for number in tables.sequences.tolist():
            yield b"\t.long\t%d%b" % (number, ends[number])
    else:
        for number in tables.sequences.tolist():
            yield b"\t.byte 0x%02x, 0x%02x, 0x%02x%b" % (
                number >> 16,
                number >> 8 & 0xFF,
                number & 0xFF,
                ends[number],
            )


def _hex(number: int) -> bytes:
    return b"%#x" % number if number else b"0"


_BODIES: dict[str, Callable[[Tables, _Comments], Iterator[bytes]]] = {
    "addresses": _addresses,
    "offsets": _offsets,
    "relative_base": _relative_base,
    "num_syms": _num_syms,
    "names": _names,
    "markers": _markers,
    "token_table": _token_table,
    "token_index": _token_index,
    "seqs_of_names": _sequences,
}
