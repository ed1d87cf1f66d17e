# SPDX-License-Identifier: GPL-2.0-or-later
"""Out of reach: the stray symbol is named, not the many that are right, and each fix that is offered works."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from elfmaker import Symbol, vmlinux
from hypothesis import given, settings
from hypothesis import strategies as st
from tablemaker import saved

from elfsyms.errors import EncodeError
from elfsyms.pipeline.kernel import load
from elfsyms.releases.format_history import find_release

if TYPE_CHECKING:
    from pathlib import Path

ARM64, X86_64, I386 = 183, 62, 3
TEXT = 0xFFFFFF8008080000
OPTION = re.compile(r"--(no-)?([a-z-]+) ")


def symbols(strays: list[int], percpu: bool = False) -> list[Symbol]:
    """Return a kernel of functions, with stray symbols, and per-CPU ones at zero if so."""
    many = [Symbol("_stext", TEXT), Symbol("_text", TEXT)]
    many += [Symbol(f"function_{at}", TEXT + 64 * at, binding="local") for at in range(1, 30)]
    many += [Symbol(f"stray_{at}", value, ".far", type="object") for at, value in enumerate(strays)]
    if percpu:
        area = ".data..percpu"
        many += [
            Symbol("__per_cpu_start", 0, area),
            Symbol("cpu_number", 0x100, area),
            Symbol("__per_cpu_end", 0x200, area),
        ]
    return many


def refused(path: Path, release: str, **options: bool) -> str:
    """Return the sentence by which a kernel's tables are refused."""
    with (
        load(path, release=release, all_symbols=True, **options) as kernel,
        pytest.raises(EncodeError) as error,
    ):
        assert kernel.tables is None
    return str(error.value)


def test_one_stray_below_is_named_and_not_the_many_above() -> None:
    """A symbol at 0x10 becomes the base: that one is named with its section, whatever the options are."""
    with saved(vmlinux(symbols([0x10]), release=None, machine=ARM64)) as path:
        for options in ({"absolute_percpu": False}, {"absolute_percpu": True}):
            sentence = refused(path, "6.12.0", **options)
            assert sentence.startswith("symbol stray_0 at 0x10 in section .far lies far from the other 31")
            assert "no option of 6.12" in sentence
            assert not OPTION.search(sentence)
            assert "without it the others can be encoded" in sentence


@pytest.mark.parametrize(
    ("release", "options", "advised"),
    [
        ("6.1.0", {"base_relative": True, "absolute_percpu": False}, {"base-relative": False}),
        ("6.12.0", {"absolute_percpu": False}, {"absolute-percpu": True}),
    ],
)
def test_per_cpu_symbols_at_zero_have_their_option(
    release: str, options: dict[str, bool], advised: dict[str, bool]
) -> None:
    """Where per-CPU symbols are what is far, the options that encode them are offered."""
    with saved(vmlinux(symbols([], percpu=True), release=None, machine=X86_64)) as path:
        sentence = refused(path, release, **options)
    found = {name: not no for no, name in OPTION.findall(sentence)}
    assert advised.items() <= found.items()


def test_32_bits_may_do_without_places() -> None:
    """On 32 bits plain addresses reach everything; on 64 bits they would be cut, and are not offered."""
    low = [Symbol("_text", 0xC0000000), Symbol("_stext", 0xC0000000), Symbol("vector", 0x1000, ".vectors")]
    low += [Symbol(f"f{at}", 0xC0000010 + at, binding="local") for at in range(5)]
    with saved(vmlinux(low, release=None, machine=I386, bits=32)) as path:
        assert "--no-pc-relative" in refused(path, "7.3", pc_relative=True)
    with saved(vmlinux(symbols([0x10]), release=None, machine=ARM64)) as path:
        assert "--no-pc-relative" not in refused(path, "7.3", pc_relative=True)


@settings(max_examples=60, deadline=None)
@given(
    release=st.sampled_from(["4.19", "6.1.0", "6.12.0", "6.15", "7.3"]),
    strays=st.lists(st.integers(0, (1 << 64) - 1), min_size=1, max_size=4, unique=True),
    percpu=st.booleans(),
    absolute=st.booleans(),
)
def test_every_fix_that_is_offered_works(
    release: str, strays: list[int], percpu: bool, absolute: bool
) -> None:
    """Each option that the sentence names encodes the symbols; so does leaving out the strays, where it says so."""
    known = find_release(release).knows("--absolute-percpu")
    options = {"absolute_percpu": absolute} if known else {}
    everything = symbols(strays, percpu=percpu)
    with saved(vmlinux(everything, release=None, machine=X86_64)) as path:
        with load(path, release=release, all_symbols=True, **options) as kernel:
            try:
                assert kernel.tables is not None
            except EncodeError as error:
                sentence, entries = str(error), getattr(error, "strays", ())
                names = {kernel.symbols.name(entry) for entry in entries}
            else:
                return
        for no, name in OPTION.findall(sentence):
            with load(
                path, release=release, all_symbols=True, **(options | {name.replace("-", "_"): not no})
            ) as other:
                assert len(other.tables.records) > 0
    if "the others can be encoded" in sentence:
        left = [symbol for symbol in everything if symbol.octets not in names]
        with (
            saved(vmlinux(left, release=None, machine=X86_64)) as path,
            load(path, release=release, all_symbols=True, **options) as kernel,
        ):
            assert len(kernel.tables.records) > 0
