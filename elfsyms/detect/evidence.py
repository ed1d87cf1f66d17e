# SPDX-License-Identifier: GPL-2.0-or-later
"""What a kernel image shows of its own release and options, beside what its banner says.

A distribution's kernel may carry a table format that its version number does not promise: stable updates and
vendors back-port. A finished vmlinux holds the tables that its own build made, and their labels tell which there
are, in which order and how far apart; x86-64's per-CPU area tells whether it begins at address zero. Each such
observation is a :class:`Constraint` on the release. Other observations answer for options.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from elfsyms.detect.kconfig import default_base_relative
from elfsyms.detect.own_tables import OwnTables, kept_anyway
from elfsyms.e_machine import EM_386, EM_ARM, EM_X86_64
from elfsyms.image.records import CODE_LETTERS
from elfsyms.releases.table_labels import find_labels, written_tables
from elfsyms.releases.versions import When

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterator

    from elfsyms.image.elf import Image
    from elfsyms.image.listing import Listing
    from elfsyms.image.symbols import SymbolTable
    from elfsyms.releases.format_history import Release

__all__ = ["Constraint", "Labels", "constraints", "find_tables", "guess_options"]

_ENOUGH = 1024  # symbols, so that alignment cannot hide the width of an entry

# The per-CPU area of x86-64 with SMP begins at zero from then on, until addresses count from the first one.
_PERCPU_AT_ZERO = When("2.6.30..")
# Where ARM's memory can begin (Kconfig's VMSPLIT), and what tells it from an address in the kernel.
_ARM_SPLITS, _ARM_SPLIT_MASK = (0x40000000, 0x80000000, 0xB0000000, 0xC0000000), 0xF0000000
# KALLSYMS_ABSOLUTE_PERCPU is set for all of x86-64; later, for SMP alone.
_PERCPU_BY_MACHINE = When("3.15..4.6")


@dataclass(frozen=True, slots=True)
class Constraint:
    """Something seen in the file or tree that only some releases agree with."""

    seen: str
    allows: Callable[[Release], bool]


@dataclass(frozen=True, slots=True)
class Labels:
    """Addresses of the table labels that a finished image has, in address order; empty where it has no tables."""

    addresses: tuple[tuple[str, int], ...]

    @property
    def order(self) -> tuple[str, ...]:
        """The tables in the order in which they lie."""
        return tuple(name for name, _ in self.addresses)

    @property
    def uncompressed(self) -> bool:
        """Whether there are names without tokens, as OpenWrt's generator leaves them."""
        return "names" in self.order and "token_table" not in self.order

    def room(self, name: str) -> int | None:
        """Return the bytes from a table's label to the next, None for the last and for one that is absent."""
        following = dict(zip(self.order, (address for _, address in self.addresses[1:]), strict=False))
        return following[name] - dict(self.addresses)[name] if name in following else None

    def count(self, word: int) -> int:
        """Return how many symbols the tables have room for, as the address table tells; 0 if it does not."""
        room, wide = self.room("offsets"), self.room("addresses")
        return (room or 0) // 4 or (wide or 0) // word


def find_tables(table: SymbolTable) -> Labels:
    """Find where the tables lie; empty where there are none, or where two lie at one address."""
    found = find_labels(table)
    if found is None:
        return Labels(())
    addresses = sorted(((n, int(table.value[i])) for n, i in found.entries.items()), key=lambda pair: pair[1])
    distinct = len({address for _, address in addresses}) == len(addresses)
    return Labels(tuple(addresses) if distinct and len(addresses) > 3 else ())


def constraints(table: SymbolTable, labels: Labels, banner: bytes) -> Iterator[Constraint]:
    """Yield what the file shows about its release."""
    if labels.order:
        yield Constraint(
            f"its tables are {', '.join(labels.order)}, in this order",
            lambda release: (
                labels.order
                == written_tables(
                    release,
                    whole_addresses="addresses" in labels.order,
                    uncompressed=labels.uncompressed,
                )
            ),
        )
        yield from _widths(table, labels)
    start = table.address_of(b"__per_cpu_start")
    if table.abi.machine == EM_X86_64 and start is not None and b" SMP " in banner:
        at_zero = start == 0
        yield Constraint(
            f"its per-CPU area begins at {start:#x}",
            lambda release: at_zero == (release.version in _PERCPU_AT_ZERO and release.base != "first"),
        )


def _widths(table: SymbolTable, labels: Labels) -> Iterator[Constraint]:
    """Yield what the distances between labels tell of the entries' widths."""
    word = table.abi.word
    count = labels.count(word)
    if word == 8 and labels.room("num_syms") == 4:
        yield Constraint("its tables are aligned to 4 bytes", lambda release: release.align == "balign 4")
    if count < _ENOUGH:
        return
    sequences = labels.room("seqs_of_names")
    if sequences is not None:
        width = 4 if sequences >= 4 * count - word else 3
        yield Constraint(
            f"its name sequence has {width} bytes an entry", lambda release: release.sequence_width == width
        )
    markers = labels.room("markers")
    if markers is not None and word == 8:
        wide = markers >= (count // 256) * 8
        yield Constraint(
            f"its markers have {8 if wide else 4} bytes each", lambda release: release.wide_counts == wide
        )


def guess_options(
    image: Image,
    table: SymbolTable,
    listing: Listing,
    labels: Labels,
    release: Release,
    wanted: Container[str],
) -> Iterator[tuple[str, bool | bytes | int | None, str]]:
    """Yield those of the wanted options (by field) that the file lets one tell: field, value, and from what.

    What its own tables tell is read from them, exactly; a guess is the last resort.
    """
    own = OwnTables(image, dict(labels.addresses), release)
    asked: dict[str, Callable[[], tuple[bool | bytes | int | None, str]]] = {
        "all_symbols": lambda: _all_symbols(own, table, listing, labels),
        "absolute_percpu": lambda: _absolute_percpu(own, table),
        "base_relative": lambda: _base_relative(table, labels),
        "lto_clang": lambda: _lto_clang(table),
        "page_offset": lambda: _page_offset(table),
        "pc_relative": lambda: _pc_relative(own, table),
        "symbol_prefix": lambda: _symbol_prefix(table),
        "uncompressed": lambda: (labels.uncompressed, "whether its own tables have tokens"),
    }
    for field, answer in asked.items():
        concerned = field != "page_offset" or table.abi.machine == EM_ARM
        if concerned and field in wanted and release.knows(f"--{field.replace('_', '-')}"):
            yield (field, *answer())


def _base_relative(table: SymbolTable, labels: Labels) -> tuple[bool, str]:
    if labels.order:
        return "addresses" not in labels.order, "its own tables"
    return default_base_relative(table.abi), "no tables inside: the default of Kconfig"


def _all_symbols(own: OwnTables, table: SymbolTable, listing: Listing, labels: Labels) -> tuple[bool, str]:
    """Read it from the letters of the tables inside; from their number where the letters are not there."""
    lines = listing.lines.take(listing.lines.defined)
    anyway = kept_anyway(lines, table, own.release)
    told = own.letters
    if told:
        inside, outside = Counter(lines.letter[anyway].tolist()), set(lines.letter[~anyway].tolist())
        elsewhere = {letter for letter in told if _is_more(letter, told, inside)}
        if elsewhere:
            return True, f"its own tables have symbols of type {', '.join(map(chr, sorted(elsewhere)))}"
        if outside - inside.keys() - told.keys():
            return False, "its own tables have symbols of the text alone"
    count, text = own.count or labels.count(own.abi.word), int(anyway.sum())
    if not count or count > 2 * len(listing.lines):  # a sample, or a file that lost most of its symbols
        return True, "nothing in the file tells: taken as in every distribution's kernel"
    every = abs(count - len(lines)) < abs(count - text)
    return every, f"its own tables have {count:,} symbols, its text {text:,}, all of it {len(lines):,}"


def _is_more(letter: int, told: Counter[int], inside: Counter[int]) -> bool:
    """Tell whether the tables have symbols of a letter (an ASCII code) that are not inside what is kept anyway.

    A link pass adds and takes functions, so that of their letters no number tells.
    """
    return not inside[letter] or (chr(letter) not in CODE_LETTERS and told[letter] > inside[letter])


def _absolute_percpu(own: OwnTables, table: SymbolTable) -> tuple[bool, str]:
    if (read := own.percpu_rule) is not None:
        return read, "the offsets of its own tables, which ascend so"
    if table.abi.machine != EM_X86_64:
        return False, "only x86-64 has a per-CPU area at zero"
    if own.release.version in _PERCPU_BY_MACHINE:
        return True, f"x86-64 of {own.release.name}, where Kconfig has it so"
    start = table.address_of(b"__per_cpu_start")
    return start == 0, "no per-CPU area" if start is None else f"__per_cpu_start is at {start:#x}"


def _lto_clang(table: SymbolTable) -> tuple[bool, str]:
    found = b".llvm." in table.strings
    return found, "there are names with .llvm." if found else "no name has .llvm."


def _page_offset(table: SymbolTable) -> tuple[int | None, str]:
    """Tell ARM's PAGE_OFFSET by where the kernel is linked; one that runs in place has its data elsewhere."""
    text, data = table.address_of(b"_text"), table.address_of(b"_sdata")
    start = None if text is None else text & _ARM_SPLIT_MASK
    if start not in _ARM_SPLITS:
        return None, "_text lies where no memory of ARM's Kconfig begins"
    if data is not None and data & _ARM_SPLIT_MASK != start:
        return None, "_sdata lies far from _text: the kernel runs in place"
    return start, f"the memory in which _text lies, at {text:#x}"


def _pc_relative(own: OwnTables, table: SymbolTable) -> tuple[bool, str]:
    """Tell whether offsets count from the entries themselves: always so on 64 bits; else by the table inside."""
    if table.abi.bits == 64:
        return True, "a 64-bit kernel"
    first = own.number("offsets")
    if first:
        addresses = table.value & np.uint64(0xFFFFFFFF)
        plain = bool((addresses == np.uint64(first)).any())
        return not plain, "the first entry of its own kallsyms_offsets"
    return table.abi.machine == EM_386, "a 32-bit kernel: relocatable by default on i386 only"


def _symbol_prefix(table: SymbolTable) -> tuple[bytes, str]:
    plain, prefixed = table.address_of(b"_stext"), table.address_of(b"__stext")
    if plain is None and prefixed is not None:
        return b"_", "there is __stext, and no _stext"
    return b"", "there is _stext" if plain is not None else "no _stext tells of one"
