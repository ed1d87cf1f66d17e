# SPDX-License-Identifier: GPL-2.0-or-later
"""Decoding is the inverse of encoding, for every release, class and byte order, wherever the tables lie."""

from __future__ import annotations

import json
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from conftest import sample_names
from elfmaker import Symbol
from everyday import the_rest_slow
from hypothesis import given, settings
from hypothesis import strategies as st
from tablemaker import (
    FROM_TEXT,
    MACHINES,
    TEXT,
    assert_inverse,
    filler,
    kernel_of,
    linked_bytes,
    linked_kernel,
    saved,
)

from elfsyms.decode.addresses import Decision
from elfsyms.decode.decode import decode_dump, decode_file
from elfsyms.errors import EncodeError
from elfsyms.pipeline.kernel import Kernel, load
from elfsyms.pipeline.layout import lay_out
from elfsyms.releases.format_history import Release, find_release
from elfsyms.writers.build import object_of

if TYPE_CHECKING:
    from collections.abc import Callable


ROWS = Path(__file__).parent.parent / "testdata" / "digests.jsonl"
RELEASES = sorted(
    {json.loads(line)["release"] for line in ROWS.read_text().splitlines()},
    key=lambda name: find_release(name).version,
)
FORMATS = {
    (r.tables, r.align, r.section, r.wide_counts, r.length_encoding, r.relative, r.addresses, r.base): r.name
    for r in map(find_release, RELEASES)
}

NAMES = st.one_of(
    st.text("abcdefgh_.$019TZ", min_size=1, max_size=40).map(str.encode),
    st.binary(min_size=1, max_size=127).map(lambda raw: bytes(0x80 | octet for octet in raw)),
    st.integers(120, 500).map(lambda size: bytes(0x21 + at * at * 7 % 94 for at in range(size))),
)
WHERE = st.sampled_from([".text", ".data", ".init.text", ".bss"])
SYMBOLS = st.lists(st.tuples(NAMES, st.integers(0, 0x2FFFFFFF), WHERE, st.booleans()), max_size=30)
FLAGS = st.fixed_dictionaries(
    {name: st.booleans() for name in ("base_relative", "absolute_percpu", "pc_relative", "lto_clang")}
)


def symbols_of(rows: list[tuple[bytes, int, str, bool]], machine: tuple[int, str, int]) -> list[Symbol]:
    """Return drawn rows as symbols of a machine's kernel, with ``_text`` and a per-CPU area."""
    text = TEXT[machine[0]]
    drawn = [
        Symbol(name, text + distance, section, "local" if local else "weak", "object")
        for name, distance, section, local in rows
    ]
    percpu = [Symbol("__per_cpu_start", 0, ".data..percpu"), Symbol("__per_cpu_end", 0x3000, ".data..percpu")]
    near = percpu if machine[0] == 64 else []
    return [Symbol("_text", text), *near, *drawn]


def known_options(release: Release, flags: dict[str, bool]) -> dict[str, bool]:
    """Return the flags that a release knows, per-CPU ones only where symbols near zero need them."""
    return {name: value and release.knows("--" + name.replace("_", "-")) for name, value in flags.items()}


def without_low_symbols(symbols: list[Symbol], options: dict[str, bool], release: Release) -> list[Symbol]:
    """Leave out the per-CPU area where offsets cannot reach it."""
    words = release.relative == "never" or (release.relative == "option" and not options["base_relative"])
    if words or options["absolute_percpu"]:
        return symbols
    return [symbol for symbol in symbols if symbol.section != ".data..percpu"]


def check_all_shapes(kernel: Kernel, decision: Decision) -> None:
    """Decode the tables of a kernel from an object, a linked image, and a raw dump, and compare."""
    tables, release = kernel.tables, kernel.release
    bits = kernel.image.abi.bits
    text = tables.boundaries.text & (1 << bits) - 1
    relative = tables.addresses.form in ("base", "pc-relative")
    with saved(object_of(kernel)) as path:
        assert_inverse(decode_file(path, release, text=text, decision=decision), tables)
        distances = decode_file(path, release, decision=decision)
        assert_inverse(distances, tables, text=text if release.addresses != "number" else None)
    with saved(linked_kernel(tables)) as path:
        decoded = decode_file(path, release, decision=decision)
        assert_inverse(decoded, tables)
        if tables.addresses.form != "plain":
            assert decoded.problems == ()
    layout, place = lay_out(tables), text + FROM_TEXT
    offsets = {label.name.decode().removeprefix("kallsyms_"): label.offset for label in layout.labels}
    with saved(b"\xff" * 64 + linked_bytes(layout, text, place) + b"\xff" * 64) as path:
        for start in ("num_syms", "names"):
            dump = decode_dump(
                path,
                release,
                kernel.image.abi,
                place - 64,
                {start: place + offsets[start]},
                base_relative=relative,
                decision=decision,
            )
            assert_inverse(dump, tables)
            assert dump.tables == {name: place + offset for name, offset in offsets.items()}


@pytest.mark.parametrize("name", the_rest_slow(RELEASES, lambda _, name: name in FORMATS.values()))
@settings(max_examples=8, deadline=None)
@given(rows=SYMBOLS, machine=st.sampled_from(MACHINES), flags=FLAGS)
def test_decoding_is_the_inverse_of_encoding(
    name: str, rows: list[tuple[bytes, int, str, bool]], machine: tuple[int, str, int], flags: dict[str, bool]
) -> None:
    """Object, linked image and dump give back every address, letter and name, whatever the symbols."""
    release = find_release(name)
    options = known_options(release, flags)
    if release.length_encoding == "byte":  # a longer name's length would not fit; later releases drop it
        rows = [(label[:128], *rest) for label, *rest in rows]  # type: ignore[misc]
    symbols = without_low_symbols(symbols_of(rows, machine), options, release)
    if not release.stops_at_zero:
        symbols += filler(TEXT[machine[0]])
    decision = Decision(options["absolute_percpu"], options["pc_relative"])
    with kernel_of(symbols, machine, name, **options) as kernel:
        check_all_shapes(kernel, decision)


def encodable(path: Path, release: str) -> Kernel:
    """Return a sample as of a release, with whole addresses where its offsets would not reach.

    Skips a sample that the release's own generator gives up over.
    """
    kernel = load(path, release=release, all_symbols=True)
    try:
        _ = kernel.tables
    except EncodeError as error:
        kernel.image.close()
        if not kernel.release.knows("--base-relative"):
            pytest.skip(f"{kernel.release.name} has no tables for it: {error}")
        kernel = load(path, release=release, all_symbols=True, base_relative=False)
    return kernel


@pytest.mark.parametrize(
    ("name", "release"),
    the_rest_slow(product(sample_names(), FORMATS.values()), lambda place, _: place % 5 == 0),
)
def test_samples_decode_to_their_own_symbols(name: str, release: str, sample: Callable[[str], Path]) -> None:
    """The tables of a real kernel's symbols decode to them without a problem, in each format there was."""
    with encodable(sample(name), release) as kernel:
        with saved(linked_kernel(kernel.tables)) as path:
            decoded = decode_file(path, kernel.release)
        assert_inverse(decoded, kernel.tables)
    assert decoded.problems == ()


def decoded_alone(symbols: list[Symbol], release: str, **options: Any) -> Any:
    """Return what the linked tables of a few symbols decode to."""
    with kernel_of(symbols, MACHINES[0], release, **options) as kernel:
        with saved(linked_kernel(kernel.tables)) as path:
            decoded = decode_file(path, kernel.release)
        assert_inverse(decoded, kernel.tables)
    return decoded


@pytest.mark.parametrize("release", ["6.12", "6.15", "7.0", "7.3"])
def test_a_table_of_no_symbols(release: str) -> None:
    """Where a release makes a table of no symbols, none come out of it."""
    with kernel_of([Symbol("_text", 0, "ABS")], MACHINES[0], release) as kernel:
        assert len(kernel.tables.records) == 0
        with saved(linked_kernel(kernel.tables)) as path:
            decoded = decode_file(path, kernel.release)
    assert (len(decoded), decoded.text(), decoded.problems) == (0, b"", ())


@pytest.mark.parametrize("release", ["3.0", "4.6", "5.0", "6.1", "6.4", "7.0"])
def test_a_table_of_one_symbol(release: str) -> None:
    """A table of one symbol is a table."""
    decoded = decoded_alone([Symbol("_text", TEXT[64])], release)
    assert decoded.text() == b"ffffffff81000000 T _text\n"


@pytest.mark.parametrize("release", ["4.6", "5.4", "5.10", "6.1", "6.14"])
def test_percpu_symbols_stay_absolute(release: str) -> None:
    """Under --absolute-percpu, numbers that are not negative stand for themselves, found out without being told."""
    symbols = [
        Symbol("_text", TEXT[64]),
        Symbol("_stext", TEXT[64]),
        Symbol("later", TEXT[64] + 0x100),
        Symbol("__per_cpu_start", 0, ".data..percpu"),
        Symbol("cpu_number", 0x2000, ".data..percpu", type="object"),
        Symbol("__per_cpu_end", 0x3000, ".data..percpu"),
    ]
    relative = {"base_relative": True} if find_release(release).knows("--base-relative") else {}
    decoded = decoded_alone(symbols, release, absolute_percpu=True, **relative)
    assert decoded.percpu_rule
    assert decoded.absolute.tolist() == [True, True, True, False, False, False]
    assert decoded.relative_base == TEXT[64]
    assert b"0000000000002000 A cpu_number\n" in decoded.text()


def test_pc_relative_offsets_count_from_each_entry() -> None:
    """Symbols on both sides of the tables, and aliases, come back from an object and an image alike."""
    text = TEXT[64]
    symbols = [Symbol(f"f{at}", text + at // 2 * 0x200000) for at in range(40)]
    with kernel_of([Symbol("_text", text), *symbols], MACHINES[0], "7.0", pc_relative=True) as kernel:
        check_all_shapes(kernel, Decision())


@pytest.mark.parametrize("relative", [True, False])
def test_32_bit_offsets_tell_what_they_count_from(*, relative: bool) -> None:
    """On 32 bits, where 7.0 has both kinds, the one whose addresses lie in the image is taken."""
    machine, text = (32, "<", 3), TEXT[32]
    symbols = [Symbol("_text", text), *(Symbol(f"f{at}", text + 16 * at) for at in range(40))]
    with kernel_of(symbols, machine, "7.0", pc_relative=relative) as kernel:
        with saved(linked_kernel(kernel.tables)) as path:
            decoded = decode_file(path, kernel.release)
        assert_inverse(decoded, kernel.tables)


def test_absolute_numbers_of_an_object_have_no_relocation() -> None:
    """In an object of whole addresses, exactly those symbols are absolute that carry plain numbers."""
    symbols = [Symbol("_text", TEXT[64]), Symbol("__gp", 0x1234, "ABS"), *filler(TEXT[64])]
    with kernel_of(symbols, MACHINES[0], "2.6.32") as kernel, saved(object_of(kernel)) as path:
        decoded = decode_file(path, kernel.release)
        anchored = kernel.tables.addresses.anchored
    assert anchored is not None
    assert decoded.absolute.tolist() == np.logical_not(anchored).tolist()
