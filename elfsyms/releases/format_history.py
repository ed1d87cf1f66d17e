# SPDX-License-Identifier: GPL-2.0-or-later
"""Kernel releases as data: every trait of the table format, with the versions in which it holds.

One table, :data:`TRAITS`. A row has a value, the half-open spans of versions, the commit that made the change and
what was observed. The last row that holds for a version gives the trait its value, so that a stable back-port is
one more row. Nothing else in the package compares versions: a new kernel is a new row here, and one in
``rules.py`` if it drops other symbols.

Follows the kernel's ``scripts/kallsyms.c``, ``scripts/mksysmap``, ``scripts/link-vmlinux.sh`` and
``kernel/kallsyms.c`` from 2.6.12 to 7.3. 2.6.30 and 2.6.31 read past the end of names, so what they print is not
defined: they stand here as 2.6.32, as their own stable updates do.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Literal

from elfsyms.errors import UsageError
from elfsyms.releases.options import OPTIONS, Option
from elfsyms.releases.rules import RuleBook, book_of
from elfsyms.releases.versions import FIRST, NEWEST, Version, When, format_version, is_known, parse_version

__all__ = ["TRAITS", "Release", "Row", "Trait", "find_release", "release_of", "with_traits"]


@dataclass(frozen=True, slots=True)
class Release:
    """One kernel release: the value of every trait. See :data:`TRAITS` for what each means and since when."""

    version: Version
    section: str
    include: str
    align: Literal["align", "balign", "balign 4"]
    tables: tuple[str, ...]
    wide_counts: bool
    length_encoding: Literal["byte", "uleb128"]
    name_limit: int
    addresses: Literal["number", "text"] | None
    number_by: Literal["first code", "percpu"]
    relative: Literal["never", "option", "always"]
    base: Literal["lowest", "first unflagged", "first"]
    base_text: Literal["minus", "signed"]
    no_relative_base: bool
    options: tuple[str, ...]
    ranges: tuple[tuple[str, str], ...]
    range_ends: tuple[str, ...]
    range_symbols_exempt: bool
    text_anchor: Literal["none", "read", "kept"]
    kept_prefixes: tuple[str, ...]
    order: Literal["listed", "weak last", "full"]
    compression: Literal["substrings", "pairs"]
    stops_at_zero: bool
    sequence_width: int
    lto_cut: str
    comments: Literal["none", "offsets", "all"]
    sizes: tuple[str, ...]
    reader: str
    map_is_input: bool
    empty_allowed: bool
    tables_excluded: bool
    book: RuleBook

    @property
    def name(self) -> str:
        """The release as people write it."""
        return format_version(self.version)

    def knows(self, option: str) -> bool:
        """Tell whether the release's generator has an option (``"--all-symbols"``)."""
        return option in self.options

    def takes(self, option: Option) -> bool:
        """Tell whether the release's build gives an option to its generator, or to ``mksysmap``."""
        return self.knows(option.flag) if option.of_generator else self.tables_excluded


@dataclass(frozen=True, slots=True)
class Row:
    """A trait's value in some versions; ``commit`` is the upstream commit that made it so, if known."""

    value: Any
    when: When
    commit: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Trait:
    """One column of the history: a field of :class:`Release`, what it means, and its rows."""

    field: str
    meaning: str
    rows: tuple[Row, ...]

    def row(self, version: Version) -> Row:
        """Return the row that holds in a version: the last that names it."""
        return next(row for row in reversed(self.rows) if version in row.when)


_TAIL = ("token_table", "token_index")
_OFFSETS = ("offsets", "relative_base")
_NAMES = ("num_syms", "names", "markers")
_COMMON_RANGES = (("_stext", "_etext"), ("_sinittext", "_einittext"))

# A table reads as a table: a row a line, columns aligned; the formatter would give most rows five lines.
# fmt: off
TRAITS: tuple[Trait, ...] = (
    Trait("section", "the section that the tables lie in", (
        Row(".data",   When("..2.6.20")),
        Row(".rodata", When("2.6.20.."), "aad094701c63"),
    )),
    Trait("include", "the header that the assembly includes for BITS_PER_LONG", (
        Row("asm/types.h",       When("..5.1")),
        Row("asm/bitsperlong.h", When("5.1..7.0"), note="5.0 has the old one, 5.2 the new"),
        Row("",                  When("7.0.."),    "a081b5789255"),
    )),
    Trait("align", "the directive before each table; .align counts bytes on some targets, bits on others", (
        Row("align",    When("..5.0")),
        Row("balign",   When("5.0..7.0"), "6db2983cd806"),
        Row("balign 4", When("7.0.."),    "a081b5789255"),
    )),
    Trait("tables",
          "the tables and their order; addresses stand for offsets and relative_base where not relative", (
        Row(("addresses", *_NAMES, *_TAIL),                             When("..4.6")),
        Row(("addresses", *_OFFSETS, *_NAMES, *_TAIL),                  When("4.6..6.2"),
            "2213e9a66bb8"),
        Row(("addresses", *_OFFSETS, *_NAMES, "seqs_of_names", *_TAIL), When("6.2..6.4", "6.1.42..6.2"),
            "60443c88f3a8"),
        Row((*_NAMES, *_TAIL, "addresses", *_OFFSETS, "seqs_of_names"), When("6.4..6.10.7"),
            "404bad70fcf7"),
        Row((*_NAMES, *_TAIL, *_OFFSETS, "seqs_of_names"),              When("6.10.7..7.0"),
            "64e166099b69"),
        Row((*_NAMES, *_TAIL, "offsets", "seqs_of_names"),              When("7.0.."),
            "a081b5789255"),
    )),
    Trait("wide_counts", "num_syms and markers are as wide as a pointer (else 32 bits)", (
        Row(True,  When("..4.20")),
        Row(False, When("4.20.."), "80ffbaa5b1bd"),
    )),
    Trait("length_encoding", "how the length before each compressed name is written", (
        Row("byte",    When("..6.1")),
        Row("uleb128", When("6.1.."), "73bbb94466fd"),
    )),
    Trait("name_limit", "the longest name kept, in bytes without the type letter; 0 for no limit", (
        Row(0,   When("..3.13")),
        Row(128, When("3.13..5.0"),                                 "f3462aa952cf"),
        Row(127, When("5.0..6.1", "4.19.27..4.20", "4.20.14..5.0"), "6db2983cd806", "stable: seen in 4.19.78"),
        Row(511, When("6.1.."),                                     "b8a94bfb3395"),
    )),
    Trait("addresses", "the pointer-wide address table: plain numbers, or distances from _text", (
        Row("number", When("..2.6.20")),
        Row("text",   When("2.6.20..6.10.7"), "2c22d8baa98a"),
        Row(None,     When("6.10.7.."),       "64e166099b69"),
    )),
    Trait("number_by",
          "which of its symbols stay plain numbers: those whose first code reads A, or those marked per-CPU", (
        Row("first code", When("..4.6"), note="meant as the letter, but read after compression"),
        Row("percpu",     When("4.6.."), "8c996940b3f7"),
    )),
    Trait("relative", "whether 32-bit offsets from a base stand for the addresses", (
        Row("never",  When("..4.6")),
        Row("option", When("4.6..6.10.7"), "2213e9a66bb8"),
        Row("always", When("6.10.7.."),    "64e166099b69"),
    )),
    Trait("base",
          "the relative base: the lowest address read, the first symbol not marked per-CPU, or the first symbol", (
        Row("lowest",          When("..5.5")),
        Row("first unflagged", When("5.5..6.15"), "5e5c4fa78745"),
        Row("first",           When("6.15.."),    "01157ddc58dc"),
    )),
    Trait("base_text", "how the base is spelled: always _text - x (x modulo 2^64), or _text + x as well", (
        Row("minus",  When("..5.5")),
        Row("signed", When("5.5.."), "8d60526999aa"),
    )),
    Trait("no_relative_base", "--pc-relative offsets count from each entry itself; there is no relative base", (
        Row(False, When("..7.0")),
        Row(True,  When("7.0.."), "a081b5789255"),
    )),
    Trait("ranges", "the address ranges kept without --all-symbols, both ends included", (
        Row((*_COMMON_RANGES, ("_sextratext", "_eextratext")),                         When("2.6.12..2.6.25"),
            "075d6eb16d27"),
        Row(_COMMON_RANGES,                                                            When("2.6.25.."),
            "a3b81113fb66"),
        Row((*_COMMON_RANGES, ("_stext_l1", "_etext_l1"), ("_stext_l2", "_etext_l2")), When("2.6.31..4.20"),
            "028f042613c3", "on-chip memory of Blackfin"),
    )),
    Trait("range_ends", "ends at which only the end symbol itself is kept", (
        Row(("_etext", "_einittext", "_eextratext"), When("..2.6.25")),
        Row(("_etext", "_einittext"),                When("2.6.25..")),
    )),
    Trait("range_symbols_exempt", "_text and the range symbols pass the filters of the reader unseen", (
        Row(True,  When("..5.5")),
        Row(False, When("5.5.."), "5e5c4fa78745"),
    )),
    Trait("text_anchor", "which _text gives the anchor its value: any that is read, or one that is kept", (
        Row("none", When("..2.6.20")),
        Row("read", When("2.6.20.."), "2c22d8baa98a"),
        Row("kept", When("5.5..5.6")),
        Row("read", When("5.6.."),    "7883a1433929"),
    )),
    Trait("kept_prefixes", "names that begin with one of these are kept wherever they lie", (
        Row((),                      When("..6.10")),
        Row(("__start_", "__stop_"), When("6.10.."), "951bcae6c5a0"),
    )),
    Trait("order",
          "the order of symbols: as listed; by address with weak ones last; or with all of the tie breaks", (
        Row("listed",    When("..2.6.25")),
        Row("weak last", When("2.6.25..2.6.30"), "f2df3f65d0b4"),
        Row("full",      When("2.6.30.."),
            "b478b782e110", "2.6.30 and 2.6.31 as corrected by a9ece53c4089"),
    )),
    Trait("compression",
          "how tokens are found: profitable substrings of a sample, or the most frequent pair, again and again", (
        Row("substrings", When("..2.6.14")),
        Row("pairs",      When("2.6.14.."), "b3dbb4ecd467"),
    )),
    Trait("stops_at_zero",
          "token search ends when no pair is left; before, the generator never came back from there", (
        Row(False, When("..3.0")),
        Row(True,  When("3.0.."), "e0a04b11e405"),
    )),
    Trait("sequence_width", "bytes of an entry of kallsyms_seqs_of_names; 0 for no such table", (
        Row(0, When("..6.2")),
        Row(4, When("6.1.42..6.1.60"),       "60443c88f3a8", "as in 6.2-rc1"),
        Row(3, When("6.2..", "6.1.60..6.2"), "19bd8981dc2e"),
    )),
    Trait("lto_cut", "where --lto-clang cuts names before they are sorted", (
        Row("",       When("..")),
        Row(".",      When("6.2..6.4.7"),                   "010a0aad39fc"),
        Row(".llvm.", When("6.4.7..6.10.7", "6.1.42..6.2"), "8cc32a9bbf29"),
    )),
    Trait("comments", "which lines of the assembly end in the symbol's name", (
        Row("none",    When("..6.4")),
        Row("offsets", When("6.4..6.11"), "dd1553b8a5f2"),
        Row("all",     When("6.11..")),
    )),
    Trait("sizes", "the tables whose labels have a .size", (
        Row((),                                             When("..7.3")),
        Row(("names", "markers", "token_table", "offsets"), When("7.3..")),
    )),
    Trait("reader", "how the generator reads the map: words of at most so many bytes, or lines", (
        Row("words of 499",  When("..6.1")),
        Row("words of 2048", When("6.1..6.5"), "94ff2f63d6a3"),
        Row("lines",         When("6.5.."),    "1c975da56a6f"),
    )),
    Trait("map_is_input", "the generator reads what mksysmap leaves (before, what nm prints)", (
        Row(False, When("..6.1")),
        Row(True,  When("6.1.."), "c13461693ea2"),
    )),
    Trait("empty_allowed", "a table of no symbols is made when there are none (before, an error)", (
        Row(False, When("..6.10.7")),
        Row(True,  When("6.10.7.."), "c442db3f49f2"),
    )),
    Trait("tables_excluded", "the map leaves out the symbols of the previous pass's table object", (
        Row(False, When("..")),
        Row(True,  When("6.4..6.10"), "320e7c9d4494", "removed by 951bcae6c5a0"),
    )),
)
# fmt: on


def find_release(text: str) -> Release:
    """Return the release that a string names (``6.12``, ``v6.1.192``, ``7.3-amd64``).

    Raises :class:`UsageError` for one older than 2.6.12 or newer than those known, and for what ``uname -r``
    says where a distribution numbers its packages instead of the stable updates that they are made of.
    """
    if _PACKAGE.match(text.strip()):
        raise UsageError(
            f"{text} does not tell the stable update that was built: give the release itself, as 6.1.192 "
            "(the end of /proc/version tells it), or leave it out where a kernel can be asked"
        )
    return release_of(parse_version(text))


# Debian's and Ubuntu's names: 6.1.0-56-amd64 is 6.1.192, 5.15.0-91-generic 5.15.131.
_PACKAGE = re.compile(r"v?\d+\.\d+\.0-\d+-")


@cache
def release_of(version: Version) -> Release:
    """Return the release of a version, all traits filled in."""
    if not is_known(version):
        raise UsageError(
            f"release {format_version(version)} is unknown: elfsyms knows {format_version(FIRST)} to {NEWEST}; "
            "name the nearest of these"
        )
    options = tuple(o.flag for o in OPTIONS if o.of_generator and version in o.when)
    traits = {t.field: t.row(version).value for t in TRAITS}
    return Release(version=version, options=options, book=book_of(version), **traits)


def with_traits(release: Release, **traits: Any) -> Release:
    """Return a release with some traits changed, as a build tree or a finished table shows them."""
    return replace(release, **traits)
