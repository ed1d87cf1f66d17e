# SPDX-License-Identifier: GPL-2.0-or-later
"""What the kernel's generator learned in twenty years: a test for each lesson, named after what it protects.

Each has its few symbols, and the answer of the release's own ``scripts/kallsyms.c`` and ``mksysmap``: copied from
the text that they print for a sample, or the rule of the release applied by hand, in the test's own lines. The
same rules at the size of whole kernels are in ``test_digests.py``.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from elfmaker import Section, Symbol, vmlinux
from tablemaker import filler, saved

from elfsyms.detect.request import Findings
from elfsyms.errors import EncodeError, UsageError
from elfsyms.pipeline.kernel import Kernel, load
from elfsyms.pipeline.order import table_order
from elfsyms.releases.format_history import find_release
from elfsyms.releases.options import Options
from elfsyms.writers.build import assembly_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

TEXT = 0xFFFFFFFF81000000
ETEXT, SINIT, EINIT = TEXT + 0x10000, TEXT + 0x20000, TEXT + 0x21000

# Both text ranges, as every kernel has them.
RANGES = [
    Symbol("_text", TEXT),
    Symbol("_stext", TEXT),
    Symbol("_etext", ETEXT),
    Symbol("_sinittext", SINIT),
    Symbol("_einittext", EINIT),
]
RANGE_NAMES = {symbol.octets.decode() for symbol in RANGES}

# Enough of names for the releases whose token search needs pairs for every code.
FILLER = filler(TEXT + 0x1000)
FILLER_NAMES = {symbol.octets.decode() for symbol in FILLER}

DEBUG = Section(".debug_info", flags="")
NOTES = Section(".comment", flags="")


@contextmanager
def kernel(
    symbols: Sequence[Symbol], release: str, sections: Sequence[Section] = (), **options: Any
) -> Iterator[Kernel]:
    """Give symbols a kernel of a release; all symbols are kept unless said otherwise."""
    data = vmlinux(symbols, release=None, sections=sections)
    with saved(data) as path, load(path) as made:
        yield as_release(made, release, **options)


def as_release(made: Kernel, release: str, **options: Any) -> Kernel:
    """Return a kernel to be treated as of a release, with options and no others."""
    chosen = Options(**{"all_symbols": True, **options})
    result = Kernel(made.image, made.request)
    result.__dict__["findings"] = Findings(find_release(release), chosen)
    return result


def kept(symbols: Sequence[Symbol], release: str, *sections: Section, **options: Any) -> list[str]:
    """Return the names that a release lets through, in the order of reading, those of ``RANGES`` left out."""
    with kernel([*RANGES, *symbols], release, sections, **options) as made:
        names = [name.decode() for name in made.verdicts.kept.names()]
    return [name for name in names if name not in RANGE_NAMES]


def ordered(symbols: Sequence[Symbol], release: str) -> list[str]:
    """Return names in the order of the tables."""
    with kernel([Symbol("_text", TEXT), *FILLER, *symbols], release) as made:
        names = [name.decode() for name in made.tables.records.names()]
    return [name for name in names if name not in FILLER_NAMES | {"_text"}]


def lines(symbols: Sequence[Symbol], release: str, label: str, **options: Any) -> list[str]:
    """Return the lines of one table in the assembly text, without comments."""
    with kernel(symbols, release, **options) as made:
        return table_lines(assembly_of(made), label)


def table_lines(text: bytes, label: str) -> list[str]:
    """Return the lines between a label and the empty line behind it, without comments."""
    table = re.search(rf"^{label}:\n(.*?)^$", text.decode("latin-1"), re.DOTALL | re.MULTILINE)
    assert table
    rows = [re.sub(r"\t/\*.*\*/$", "", row) for row in table[1].splitlines()]
    return [row.strip() for row in rows if not row.startswith(".size")]


def labels(symbols: Sequence[Symbol], release: str, **options: Any) -> list[str]:
    """Return the labels of the assembly text in their order."""
    with kernel(symbols, release, **options) as made:
        return re.findall(r"^(\w+):$", assembly_of(made).decode(), re.MULTILINE)


def places(*names: str, at: int, step: int = 0x10, **kind: Any) -> list[Symbol]:
    """Return symbols one behind the other."""
    return [Symbol(name, at + index * step, **kind) for index, name in enumerate(names)]


# --- names -----------------------------------------------------------------------------------------------------


PREFIXED = [
    Symbol("__text", TEXT),
    Symbol("__stext", TEXT),
    Symbol("__etext", ETEXT),
    Symbol("_inside", TEXT + 0x20),
    Symbol("_at_end", ETEXT),
    Symbol("_outside", ETEXT + 0x20),
    Symbol("_kallsyms_names", TEXT + 0x30),
    Symbol("_$a", TEXT + 0x40),
    Symbol("_$foo", TEXT + 0x50),
]


@pytest.mark.parametrize("release", ["2.6.12", "2.6.14", "2.6.32", "3.10", "4.17"])
def test_symbol_prefix_is_passed_over(release: str) -> None:
    """On h8300, v850 and Blackfin C names have a ``_`` more: boundaries and rules look behind it, ``$`` not."""
    with kernel([*PREFIXED, *FILLER], release, all_symbols=False, symbol_prefix=b"_") as made:
        names = {name.decode() for name in made.verdicts.kept.names()} - FILLER_NAMES
        assert b".globl _kallsyms_names\n" in assembly_of(made)
    assert names == {"__text", "__stext", "__etext", "_inside", "_$foo"}


@pytest.mark.parametrize(("release", "option"), [("4.18", "symbol_prefix"), ("4.7", "page_offset")])
def test_an_option_that_went_is_refused(release: str, option: str) -> None:
    """A generator without the option prints its usage and fails; so do we."""
    value: Any = {"symbol_prefix": b"_", "page_offset": TEXT}[option]
    with (
        pytest.raises(UsageError, match=option.replace("_", "-")),
        kernel(RANGES, release, **{option: value}) as made,
    ):
        assembly_of(made)


MAPPING = ["$a", "$d.1", "$x", "$x.y", "$t2", "$foo"]


@pytest.mark.parametrize(
    ("release", "left"),
    [
        ("2.6.12", ["$x", "$x.y", "$t2", "$foo"]),  # ARM's three kinds, followed by the end or a dot
        ("2.6.14", []),  # whatever begins with $ (6f00df24ee39)
        ("4.1", []),
        ("6.0", []),
        ("6.1", []),  # now mksysmap's business
        ("6.3", []),
        ("6.4", MAPPING),  # the shell took the dollar away
        ("6.4.6", []),  # ec336aa83162
        ("6.9", []),
        ("6.10", MAPPING),  # sed took the backslash for itself
        ("6.12.8", MAPPING),
        ("6.12.9", []),  # 7a6c355b55c0
        ("6.13.7", []),
        ("7.3", []),
    ],
)
def test_mapping_symbols_stay_out(release: str, left: list[str]) -> None:
    """``$a``, ``$d``, ``$x`` mark where code and data begin: no names to show; some releases forgot."""
    assert kept(places(*MAPPING, at=TEXT + 0x20), release) == left


@pytest.mark.parametrize(
    ("release", "stays"),
    [
        ("6.9", False),
        ("6.10", True),
        ("6.12.110", True),
        ("6.12.111", False),
        ("7.1", True),
        ("7.2.6", True),
        ("7.2.7", False),
    ],
)
def test_mapping_symbols_of_the_start_code_stay_out(release: str, *, stays: bool) -> None:
    """``__pi_$x`` is a mapping symbol too; its pattern was mended long after the others."""
    assert kept([Symbol("__pi_$x", TEXT + 0x20)], release) == (["__pi_$x"] if stays else [])


@pytest.mark.parametrize(
    ("release", "left"),
    [
        ("2.6.25", ["debugging", "unloaded"]),
        ("2.6.26", ["unloaded"]),  # aab34ac85823
        ("4.13", ["unloaded"]),
        ("4.14", []),
        ("5.10", []),
        ("6.0", []),
        ("6.1", []),
        ("6.12", []),
        ("7.3", []),
    ],
)
def test_symbols_of_debugging_sections_stay_out(release: str, left: list[str]) -> None:
    """A symbol in a section that is not loaded (letter N, or n) has an address that means nothing."""
    symbols = [
        Symbol("debugging", 0x10, ".debug_info", "local", "notype"),
        Symbol("unloaded", 0x20, ".comment", "local", "notype"),
    ]
    assert kept(symbols, release, DEBUG, NOTES) == left


@pytest.mark.parametrize(
    ("release", "limit"),
    [
        ("3.13", 128),
        ("4.14.177", 128),
        ("4.19", 128),
        ("4.20", 128),
        ("4.19.78", 127),  # the stable series took it early
        ("5.0", 127),
        ("6.0", 127),
        ("6.1", 511),
        ("6.4.6", 511),
        ("7.3", 511),
    ],
)
def test_names_longer_than_the_kernels_buffer_stay_out(release: str, limit: int) -> None:
    """A name that the kernel's buffers (KSYM_NAME_LEN) cannot hold is dropped; each series has its exact bound."""
    names = ["n" * (limit - 1), "n" * limit, "n" * (limit + 1)]
    assert kept(places(*names, at=TEXT + 0x20), release) == names[:2]


@pytest.mark.parametrize("release", ["2.6.12", "2.6.32", "3.12", "3.10.105"])
def test_names_had_no_limit(release: str) -> None:
    """Until 3.13 a name is kept however long it is, up to the 499 bytes that are read of it."""
    names = ["n" * 129, "n" * 499]
    assert kept(places(*names, at=TEXT + 0x20), release) == names


@pytest.mark.parametrize("release", ["2.6.12", "4.19", "6.0"])
def test_a_word_of_500_bytes_is_read_in_pieces(release: str) -> None:
    """``%499s`` leaves the rest of a name in the stream: digits of it are taken for the next address."""
    symbol = Symbol("n" * 499 + "abc", TEXT + 0x20)
    behind = Symbol("T", TEXT + 0x30)
    expected = [("n" * 499, TEXT + 0x20)] if release == "2.6.12" else []
    # "abc", then the next line's address: its first digit "f" stands for the letter, the others for the name.
    expected.append((f"{TEXT + 0x30:x}"[1:], 0xABC))
    with kernel([symbol, behind], release) as made:
        records = made.verdicts.kept
        names = [name.decode() for name in records.names()]
        assert list(zip(names, records.address.tolist(), strict=True)) == expected


# --- ranges ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("release", "known"),
    [("3.12", False), ("3.13", True), ("4.6", True), ("3.10.104", False), ("3.10.105", True)],
)
def test_page_offset_keeps_low_symbols_out(release: str, *, known: bool) -> None:
    """On ARM, what lies below PAGE_OFFSET is no kernel address: dropped with ``--all-symbols`` too."""
    symbols = [Symbol("vector", 0x20), Symbol("below", TEXT - 1), Symbol("at", TEXT)]
    if known:
        assert kept(symbols, release, page_offset=TEXT) == ["at"]
    else:
        with pytest.raises(UsageError):
            kept(symbols, release, page_offset=TEXT)


L1, L2 = 0xFFA00000, 0xFEB00000
ON_CHIP = [
    Symbol("_stext_l1", L1),
    Symbol("in_l1", L1 + 0x10),
    Symbol("at_end_l1", L1 + 0x100),
    Symbol("_etext_l1", L1 + 0x100),
    Symbol("behind_l1", L1 + 0x110),
    Symbol("_stext_l2", L2),
    Symbol("in_l2", L2 + 0x10),
    Symbol("_etext_l2", L2 + 0x100),
]


@pytest.mark.parametrize(
    ("release", "known"),
    [("2.6.29", False), ("2.6.31", True), ("2.6.32", True), ("3.10", True), ("4.19", True), ("4.20", False)],
)
def test_on_chip_text_of_blackfin_is_text(release: str, *, known: bool) -> None:
    """``_stext_l1`` to ``_etext_l1`` and the l2 pair are kept like text, what lies at their very end included."""
    inside = {"_stext_l1", "in_l1", "at_end_l1", "_etext_l1", "_stext_l2", "in_l2", "_etext_l2"}
    assert set(kept(ON_CHIP, release, all_symbols=False)) == (inside if known else set())


@pytest.mark.parametrize(
    ("release", "stays"),
    [
        ("2.6.24", False),
        ("2.6.26", False),
        ("2.6.32", True),
        ("4.19", True),
        ("4.20", False),
        ("5.10", False),
    ],
)
def test_address_zero_lies_in_a_range_that_nobody_named(release: str, *, stays: bool) -> None:
    """Where no l1 and l2 symbols are, their ranges are [0, 0], and a symbol at 0 is kept as text."""
    symbols = [Symbol("at_zero", 0, ".data"), Symbol("at_one", 1, ".data")]
    assert kept(symbols, release, all_symbols=False) == (["at_zero"] if stays else [])


@pytest.mark.parametrize(
    ("release", "known"), [("2.6.12", True), ("2.6.14", True), ("2.6.24", True), ("2.6.25", False)]
)
def test_extra_text_is_text(release: str, *, known: bool) -> None:
    """``_sextratext`` to ``_eextratext`` is kept, and at its end only the end symbol, until 2.6.25."""
    extra = TEXT + 0x50000
    symbols = [
        Symbol("_sextratext", extra),
        Symbol("in_extra", extra + 0x10),
        Symbol("at_end", extra + 0x100),
        Symbol("_eextratext", extra + 0x100),
    ]
    names = kept(symbols, release, all_symbols=False)
    assert names == (["_sextratext", "in_extra", "_eextratext"] if known else [])


# --- order -----------------------------------------------------------------------------------------------------

ALIASES = [
    Symbol("__aaa", TEXT + 0x20),
    Symbol("__bbb_start", TEXT + 0x20),
    Symbol("_ccc", TEXT + 0x20),
    Symbol("ddd", TEXT + 0x20, binding="weak"),
    Symbol("eee", TEXT + 0x20),
    Symbol("__start_fff", TEXT + 0x20, binding="weak"),
]
LISTED = ["__aaa", "__bbb_start", "__start_fff", "_ccc", "ddd", "eee"]  # by name, as nm prints them
WEAK_LAST = ["__aaa", "__bbb_start", "_ccc", "eee", "__start_fff", "ddd"]
FULL = ["eee", "_ccc", "__aaa", "__bbb_start", "ddd", "__start_fff"]


@pytest.mark.parametrize("release", ["2.6.14", "2.6.24"])
def test_aliases_stand_as_listed_before_there_was_an_order(release: str) -> None:
    """Until 2.6.25 the tables have nm's order."""
    assert ordered(ALIASES, release) == LISTED


@pytest.mark.parametrize("release", ["2.6.25", "2.6.29"])
def test_weak_aliases_stand_last(release: str) -> None:
    """A weak alias is not the name that a trace should show (f2df3f65d0b4)."""
    assert ordered(ALIASES, release) == WEAK_LAST


@pytest.mark.parametrize("release", ["2.6.30", "2.6.31", "2.6.32", "3.10", "4.19", "5.10", "6.12", "7.3"])
def test_fewer_underscores_stand_first_and_linker_script_names_behind(release: str) -> None:
    """Of aliases the plainest name counts (b478b782e110); 2.6.30 and 2.6.31 as their own updates have it."""
    assert ordered(ALIASES, release) == FULL


def test_a_name_of_seven_bytes_is_no_linker_script_name() -> None:
    """``__x_end`` is too short to be taken for one that a linker script made; ``__xx_end`` is."""
    assert ordered(places("__x_end", "__xx_end", "___", at=TEXT + 0x20, step=0), "6.12") == [
        "__x_end",
        "___",
        "__xx_end",
    ]


@pytest.mark.parametrize("release", ["2.6.30", "2.6.31"])
def test_the_buggy_underscore_count_is_not_followed(release: str) -> None:
    """2.6.30 and 2.6.31 read past names without an underscore; what they write is what 2.6.32 writes."""
    with kernel([Symbol("_text", TEXT), *FILLER, *ALIASES], release) as made:
        text = assembly_of(made)
        assert text == assembly_of(as_release(made, "2.6.32"))


# --- addresses -------------------------------------------------------------------------------------------------

PERCPU = [
    Symbol("__per_cpu_start", 0, ".data..percpu", type="object"),
    Symbol("first", 0x10, ".data..percpu", type="object"),
    Symbol("weak_one", 0x10, ".data..percpu", "weak", "object"),
    Symbol("__per_cpu_end", 0x3000, ".data..percpu", type="object"),
    Symbol("behind", 0x3008, ".data..percpu", type="object"),
]


@pytest.mark.parametrize("release", ["3.15", "4.5", "4.6", "5.4", "5.5", "6.10", "6.14"])
def test_absolute_percpu_symbols_have_the_letter_a(release: str) -> None:
    """``--absolute-percpu`` gives the letter A from ``__per_cpu_start`` to ``__per_cpu_end``, both included."""
    with kernel([*RANGES, *PERCPU], release, absolute_percpu=True) as made:
        records = made.verdicts.kept
        letters = dict(zip(records.names(), records.letter.tobytes().decode(), strict=True))
    inside = (b"__per_cpu_start", b"first", b"weak_one", b"__per_cpu_end")
    assert [letters[name] for name in inside] == ["A"] * 4
    assert letters[b"behind"] == "D"


@pytest.mark.parametrize("release", ["3.15", "4.19", "5.10", "6.14"])
def test_a_weak_percpu_symbol_is_weak_no_more(release: str) -> None:
    """Its letter is A when the order is made: ``a_weak`` stands before ``b_strong``, as listed, not behind."""
    pair = [
        Symbol("a_weak", 0x10, ".data", "weak"),
        Symbol("b_strong", 0x10, ".data", type="object"),
    ]
    for absolute, expected in ((True, [b"a_weak", b"b_strong"]), (False, [b"b_strong", b"a_weak"])):
        with kernel([*RANGES, PERCPU[0], PERCPU[3], *pair], release, absolute_percpu=absolute) as made:
            order = table_order(made.verdicts.kept, made.release)
            names = list(made.verdicts.kept.take(order).names())
        assert names[1:3] == expected


@pytest.mark.parametrize("release", ["3.14", "6.15", "7.3"])
def test_absolute_percpu_is_refused_where_it_is_not_known(release: str) -> None:
    """The option came with 3.15 and went with 6.15."""
    with pytest.raises(UsageError), kernel(RANGES, release, absolute_percpu=True) as made:
        assembly_of(made)


@pytest.mark.parametrize("release", ["4.6", "5.4", "5.10", "6.10"])
def test_absolute_percpu_offsets_are_positive_and_the_others_negative(release: str) -> None:
    """A per-CPU offset is the address itself; any other is ``base - address - 1``."""
    symbols = [*PERCPU[:-1], Symbol("_text", TEXT), Symbol("next", TEXT + 0x10)]
    offsets = lines(symbols, release, "kallsyms_offsets", absolute_percpu=True, base_relative=True)
    assert offsets == [f".long\t{x}" for x in ("0", "0x10", "0x10", "0x3000", "0xffffffff", "0xffffffef")]


def test_inverted_percpu_bounds_hold_nothing() -> None:
    """Where the end lies before the start, or there is none, no symbol is per-CPU."""
    start, end = Symbol("__per_cpu_start", 0x3000, ".data"), Symbol("__per_cpu_end", 0x10, ".data")
    for bounds in ([start, end], [start]):
        symbols = [Symbol("_text", 0x1000), Symbol("between", 0x1800, ".data"), *bounds]
        with kernel(symbols, "6.12", absolute_percpu=True) as made:
            assert not made.verdicts.percpu.any()


def test_absolute_percpu_addresses_of_a_real_kernel(sample: Callable[[str], Path]) -> None:
    """The first addresses that 3.15.5's own generator prints for a sample: low ones are plain numbers."""
    expected = ["PTR\t0", "PTR\t0", "PTR\t0xb000"]
    with load(sample("amd64-6.12")) as made:
        text = assembly_of(as_release(made, "3.15.5", absolute_percpu=True))
    assert table_lines(text, "kallsyms_addresses")[:3] == expected


@pytest.mark.parametrize(
    ("release", "expected"),
    [
        ("2.6.17", ["PTR\t0", "PTR\t0", "PTR\t0xb000"]),
        (
            "2.6.20",
            [f"PTR\t_text - {x}" for x in ("0xffffffff81000000", "0xffffffff81000000", "0xffffffff80ff5000")],
        ),
        (
            "3.0.1",
            [f"PTR\t_text - {x}" for x in ("0xffffffff81000000", "0xffffffff81000000", "0xffffffff80ff5000")],
        ),
    ],
)
def test_symbols_below_text_of_a_real_kernel(
    release: str, expected: list[str], sample: Callable[[str], Path]
) -> None:
    """The first addresses that three releases' own generators print for a sample whose per-CPU area is at 0."""
    with load(sample("amd64-6.12")) as made:
        text = assembly_of(as_release(made, release))
    assert table_lines(text, "kallsyms_addresses")[:3] == expected


BELOW = [Symbol("below", TEXT - 0x10), Symbol("_text", TEXT), Symbol("above", TEXT + 0x20)]


@pytest.mark.parametrize("release", ["3.0", "4.5", "4.6", "5.10", "6.10"])
def test_symbols_below_text_have_a_minus(release: str) -> None:
    """An address is spelled as a distance from ``_text``, so that relocating the kernel moves it."""
    assert lines(BELOW, release, "kallsyms_addresses") == [
        "PTR\t_text - 0x10",
        "PTR\t_text + 0",
        "PTR\t_text + 0x20",
    ]


@pytest.mark.parametrize(
    ("release", "base"),
    [
        ("4.6", "PTR\t_text - 0x10"),
        ("5.4", "PTR\t_text - 0x10"),
        ("5.5", "PTR\t_text - 0x10"),
        ("6.14", "PTR\t_text - 0x10"),
        ("6.19", "PTR\t_text - 0x10"),
    ],
)
def test_symbols_below_text_lower_the_relative_base(release: str, base: str) -> None:
    """Offsets cannot be negative: they count from the lowest symbol, wherever ``_text`` is."""
    known = find_release(release).knows("--base-relative")
    options = {"base_relative": True} if known else {}
    assert lines(BELOW, release, "kallsyms_relative_base", **options) == [base]
    assert lines(BELOW, release, "kallsyms_offsets", **options) == [
        f".long\t{x}" for x in ("0", "0x10", "0x30")
    ]


@pytest.mark.parametrize(("release", "base"), [("4.6", "0x20"), ("5.4", "0x20"), ("5.5", "0"), ("6.14", "0")])
def test_the_relative_base_counted_symbols_that_are_dropped(release: str, base: str) -> None:
    """Until 5.4 the lowest symbol that was read is the base, even if it then lies outside the text ranges."""
    dropped = Symbol("data", TEXT - 0x20, ".data", type="object")
    known = find_release(release).knows("--base-relative")
    options = {"base_relative": True} if known else {}
    (line,) = lines([dropped, *RANGES], release, "kallsyms_relative_base", all_symbols=False, **options)
    assert line.removeprefix("PTR\t_text ").lstrip("+- ") == base


@pytest.mark.parametrize("release", ["7.0", "7.3"])
def test_symbols_below_text_have_negative_distances(release: str) -> None:
    """From 7.0 on an offset counts from the entry itself, through ``_text``."""
    assert lines(BELOW, release, "kallsyms_offsets", pc_relative=True) == [
        ".long\t_text - . + (-16)",
        ".long\t_text - . + (0)",
        ".long\t_text - . + (32)",
    ]


@pytest.mark.parametrize(("release", "number"), [("2.6.19", True), ("2.6.20", False)])
def test_addresses_were_plain_numbers(release: str, *, number: bool) -> None:
    """Until 2.6.20 an address is a number; a relocatable kernel needs the distance from ``_text``."""
    line = lines([Symbol("_text", TEXT), *FILLER], release, "kallsyms_addresses")[1]
    assert line == (f"PTR\t{TEXT + 0x1000:#x}" if number else "PTR\t_text + 0x1000")


def one_byte_names() -> list[Symbol]:
    """Return ``_text`` far above 128 symbols, whose names are the bytes from 0x80 to 0xff."""
    return [Symbol(bytes([byte]), 0x1000 + byte) for byte in range(0x80, 0x100)]


def test_absolute_is_whose_first_code_reads_a() -> None:
    """Until 4.6 a symbol whose first *code* is that of A or a is left alone by relocation, whatever its letter.

    By hand: each symbol is T and a byte, a pair that occurs once; ties go to the smallest second code. So 0x80
    gets the highest free code, 0x7f, and so on down, T (0x54) left out: ``a`` (0x61) goes to the 31st, 0x9e, and
    ``A`` (0x41) to the 62nd, 0xbd.
    """
    symbols = one_byte_names()
    for release in ("3.0", "3.13", "4.5"):
        rows = lines(symbols, release, "kallsyms_addresses")
        plain = [0x80 + at for at, row in enumerate(rows) if "_text" not in row]
        assert plain == [0x9E, 0xBD]
        assert rows[0x9E - 0x80] == f"PTR\t{0x1000 + 0x9E:#x}"


@pytest.mark.parametrize("release", ["4.6", "5.10", "6.10"])
def test_the_percpu_mark_decided_what_is_absolute_from_then_on(release: str) -> None:
    """From 4.6 on (8c996940b3f7) no letter and no code makes an address a plain number."""
    rows = lines(one_byte_names(), release, "kallsyms_addresses")
    assert all(row.startswith("PTR\t_text + ") for row in rows)


@pytest.mark.parametrize("release", ["3.0", "4.5"])
def test_a_token_hides_the_letter_a(release: str) -> None:
    """An absolute symbol whose letter went into a token is relocated like the others, as stock has it."""
    symbols = [Symbol("__gp", 0x8000, "ABS"), Symbol("_text", TEXT)]
    assert lines(symbols, release, "kallsyms_addresses")[0] == f"PTR\t_text - {TEXT - 0x8000:#x}"


@pytest.mark.parametrize("release", ["2.6.12", "2.6.32", "4.19", "5.10", "6.3", "6.4", "6.12", "7.3"])
def test_absolute_symbols_stay_out_but_four(release: str) -> None:
    """An absolute symbol is a number, not a place; ia64 and PowerPC need four of them."""
    names = ("__gp", "__kernel_sigtramp", "__kernel_syscall_via_break", "__kernel_syscall_via_epc", "number")
    assert kept(places(*names, at=0x8000, section="ABS"), release) == list(names[:4])


# --- small tables ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("release", ["2.6.14", "2.6.19", "2.6.32", "2.6.39"])
def test_small_tables_never_ended(release: str, count: int) -> None:
    """Until 3.0 the generator did not stop when no pair is left, and recursed without end: an error here."""
    with pytest.raises(EncodeError, match="too few"), kernel(BELOW[1 : 1 + count], release) as made:
        assembly_of(made)


@pytest.mark.parametrize("release", ["3.0", "3.13", "4.19", "5.10"])
def test_a_table_of_one_symbol(release: str) -> None:
    """Pairs that occur once are tokens too, the smallest second code first, until the symbol is one code.

    By hand, T_text: T_ is ff (second code 5f), te is fe (65), xt is fd (74); then fe fd is fc, and ff fc is fb.
    """
    symbols = [Symbol("_text", TEXT)]
    assert lines(symbols, release, "kallsyms_names") == [".byte 0x01, 0xfb"]
    tokens = lines(symbols, release, "kallsyms_token_table")
    assert tokens[0xFB:] == [f'.asciz\t"{text}"' for text in ("T_text", "text", "xt", "te", "T_")]
    assert sum(token != '.asciz\t""' for token in tokens) == 5 + len(set("T_text"))


def test_a_table_of_two_symbols() -> None:
    """What two symbols share is counted twice, and so is the first token: ``ab`` of ``Tab`` and ``tab``.

    By hand: ab is ff (twice); then T ff and t ff have the same second code, and T (54) is before t (74).
    """
    symbols = [Symbol("ab", TEXT), Symbol("ab", TEXT + 0x10, binding="local")]
    assert lines(symbols, "6.12", "kallsyms_names") == [".byte 0x01, 0xfe", ".byte 0x01, 0xfd"]
    tokens = lines(symbols, "6.12", "kallsyms_token_table")
    assert tokens[0xFD:] == ['.asciz\t"tab"', '.asciz\t"Tab"', '.asciz\t"ab"']


@pytest.mark.parametrize("release", ["2.6.12", "2.6.32", "3.0", "5.10", "6.1", "6.10"])
def test_no_symbols_were_an_error(release: str) -> None:
    """Until 6.11 the generator says "No valid symbol." and fails."""
    with (
        pytest.raises(EncodeError, match="No valid symbol"),
        kernel([Symbol("nowhere", 0, "UND")], release) as made,
    ):
        assembly_of(made)


@pytest.mark.parametrize("release", ["6.11", "6.19", "7.0", "7.3"])
def test_no_symbols_are_a_table(release: str) -> None:
    """From 6.11 on the first link has a table of no symbols: empty tokens, one NUL each."""
    nothing = [Symbol("nowhere", 0, "UND")]
    assert lines(nothing, release, "kallsyms_num_syms") == [".long\t0"]
    assert lines(nothing, release, "kallsyms_names") == []
    assert lines(nothing, release, "kallsyms_token_table") == ['.asciz\t""'] * 256
    assert lines(nothing, release, "kallsyms_token_index") == [f".short\t{index}" for index in range(256)]


# --- the first compression -------------------------------------------------------------------------------------


@pytest.mark.parametrize("release", ["2.6.12", "2.6.13"])
def test_substrings_of_one_symbol(release: str) -> None:
    """The candidate nearest the head wins a tie, and every free code gets a token, needed or not.

    By hand, Tab: candidates Tab, Ta, ab at -10 each, ab the newest: ff. Then "T ff" is new at -10, the old ones
    were forgotten and are lower: fe. From then on "T ff", at -11 the newest of the highest, is taken for each code.
    """
    symbols = [Symbol("ab", TEXT)]
    assert lines(symbols, release, "kallsyms_names") == [".byte 0x01, 0xfe"]
    tokens = lines(symbols, release, "kallsyms_token_table")
    expected = {ord(letter): letter for letter in "Tab"} | {0xFF: "ab"}
    assert tokens == [f'.asciz\t"{expected.get(code, "Tab")}"' for code in range(256)]


@pytest.mark.parametrize("release", ["2.6.12", "2.6.13"])
def test_substrings_that_pay_come_first(release: str) -> None:
    """A candidate that has earned its ten bytes is taken before all that have not.

    By hand: of two symbols Tabcdefghij, the whole, 11 long, has -10 + 10 = 0, all others less: ff. Both symbols
    are forgotten; of those that lost least, the pairs at -10 + 1 - 2 = -11, the newest is ij, for all other codes.
    """
    symbols = places("abcdefghij", "abcdefghij", at=TEXT)
    assert lines(symbols, release, "kallsyms_names") == [".byte 0x01, 0xff"] * 2
    tokens = lines(symbols, release, "kallsyms_token_table")
    expected = {ord(letter): letter for letter in "Tabcdefghij"} | {0xFF: "Tabcdefghij"}
    assert tokens == [f'.asciz\t"{expected.get(code, "ij")}"' for code in range(256)]


# --- what stable series took early -----------------------------------------------------------------------------

HEAD = ["num_syms", "names", "markers"]
TOKENS = ["token_table", "token_index"]


@pytest.mark.parametrize(
    ("release", "tables"),
    [
        ("6.1", ["addresses", *HEAD, *TOKENS]),
        ("6.1.41", ["addresses", *HEAD, *TOKENS]),
        ("6.1.42", ["addresses", *HEAD, "seqs_of_names", *TOKENS]),
        ("6.1.192", ["addresses", *HEAD, "seqs_of_names", *TOKENS]),
        ("6.2", ["addresses", *HEAD, "seqs_of_names", *TOKENS]),
        ("6.4", [*HEAD, *TOKENS, "addresses", "seqs_of_names"]),
        ("6.10.6", [*HEAD, *TOKENS, "addresses", "seqs_of_names"]),
        ("6.10.7", [*HEAD, *TOKENS, "offsets", "relative_base", "seqs_of_names"]),
        ("6.11", [*HEAD, *TOKENS, "offsets", "relative_base", "seqs_of_names"]),
        ("7.0", [*HEAD, *TOKENS, "offsets", "seqs_of_names"]),
    ],
)
def test_tables_and_their_order(release: str, tables: list[str]) -> None:
    """Each table is where the release's kernel looks for it; 6.1.42 and 6.10.7 took theirs from later ones."""
    assert labels(BELOW, release) == [f"kallsyms_{name}" for name in tables]


@pytest.mark.parametrize(
    ("release", "line"),
    [
        ("6.1.42", ".long\t1"),
        ("6.1.59", ".long\t1"),
        ("6.1.60", ".byte 0x00, 0x00, 0x01"),
        ("6.2", ".byte 0x00, 0x00, 0x01"),
        ("7.3", ".byte 0x00, 0x00, 0x01"),
    ],
)
def test_sequences_shrank_to_three_bytes(release: str, line: str) -> None:
    """Of ``_text``, ``above``, ``below`` the first by name is the second by address (19bd8981dc2e)."""
    assert lines(BELOW, release, "kallsyms_seqs_of_names")[0] == line


# By name: "a.b" before "a_x"; cut at the dot, "a" is before both of them at the higher address; ".llvm." is longer.
CUT = places("a.b", "a", "a.llvm.7", "a.a", at=TEXT)


@pytest.mark.parametrize(
    ("release", "order"),
    [
        ("6.1.42", [1, 2, 3, 0]),
        ("6.1.192", [1, 2, 3, 0]),
        ("6.2", [0, 1, 2, 3]),
        ("6.4.6", [0, 1, 2, 3]),
        ("6.4.7", [1, 2, 3, 0]),
        ("6.10.6", [1, 2, 3, 0]),
    ],
)
def test_lto_names_are_cut_before_they_are_sorted(release: str, order: list[int]) -> None:
    """``--lto-clang`` sorts without the suffix: at the first dot, since 6.4.7 (8cc32a9bbf29) only at ``.llvm.``."""
    with kernel(CUT, release, lto_clang=True) as made:
        assert made.tables.sequences.tolist() == order


@pytest.mark.parametrize(
    ("release", "name", "stays"),
    [
        ("4.14.176", "__efistub_x", True),
        ("4.14.177", "__efistub_x", False),
        ("4.17", "__efistub_x", True),
        ("4.18", "__efistub_x", False),
        ("4.14.177", ".LASANPC1", False),
        ("4.18", ".LASANPC1", True),
        ("4.19.78", ".LASANPC1", False),
        ("5.2", ".LASANPC1", True),
        ("5.3", ".LASANPC1", False),
        ("5.9", "__LA25Thunk_x", True),
        ("5.10.223", "__LA25Thunk_x", False),
        ("5.11", "__LA25Thunk_x", False),
        ("6.2", "kallsyms_seqs_of_names", True),
        ("6.3", "kallsyms_seqs_of_names", False),
        ("6.1.192", "kallsyms_seqs_of_names", False),
        ("6.10", "kallsyms_names", True),
    ],
)
def test_stable_series_took_rules_early(release: str, name: str, *, stays: bool) -> None:
    """A rule holds in the stable releases that took it, not only from the mainline release on."""
    assert kept([Symbol(name, TEXT + 0x20)], release) == ([name] if stays else [])
