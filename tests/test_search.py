# SPDX-License-Identifier: GPL-2.0-or-later
"""The search without labels: found, or refused, never wrong; on images made of every generation's tables."""

from __future__ import annotations

import random
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from elfmaker import Symbol
from everyday import the_rest_slow
from hypothesis import given, settings
from hypothesis import strategies as st
from imagemaker import BOUNDARIES, MadeImage, boundary_tables, made_image
from tablemaker import MACHINES, TEXT, filler, kernel_of, saved

from elfsyms.decode import name_layouts
from elfsyms.decode.choosing import AmbiguousError
from elfsyms.decode.name_layouts import FORMS, NameLayout, find_name_layouts
from elfsyms.decode.recover import recover
from elfsyms.detect.detect import known_versions
from elfsyms.detect.name_records import walk_blocks
from elfsyms.errors import ElfsymsError, NotThereError
from elfsyms.image.kernel_file import open_kernel_file
from elfsyms.releases.format_history import find_release, release_of
from elfsyms.releases.versions import format_version

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from elfsyms.decode.recovered import Recovered
    from elfsyms.pipeline.tables import Tables

RELEASES = tuple(map(format_version, known_versions()))
OLD_ORDER = (
    *("addresses", "offsets", "relative_base"),
    *("num_syms", "names", "markers"),
    *("token_table", "token_index"),
)
# What vendors did: newer tables in older trees, and older ones in newer; release, and the traits of others.
MIXES: tuple[tuple[str, dict[str, Any]], ...] = (
    ("6.3", {"tables": release_of((6, 4, 0, 0)).tables}),
    ("5.15", {"tables": release_of((6, 1, 60, 0)).tables, "sequence_width": 3}),
    ("5.15", {"length_encoding": "uleb128", "name_limit": 511}),
    ("5.15", {"tables": release_of((6, 4, 0, 0)).tables, "sequence_width": 3, "length_encoding": "uleb128"}),
    (
        "6.12",
        {
            "tables": (
                *release_of((6, 4, 0, 0)).tables[:3],
                "seqs_of_names",
                *release_of((6, 4, 0, 0)).tables[3:-1],
            )
        },
    ),
    ("4.4", {"relative": "always", "tables": OLD_ORDER}),
    ("4.19", {"wide_counts": False}),
    ("6.1.42", {}),
)
OPTIONS = {"--base-relative": "base_relative", "--absolute-percpu": "absolute_percpu"}
MACHINE = st.sampled_from(MACHINES)


def _search(image: MadeImage, at: int | None = None) -> Recovered:
    with saved(image.data) as path, open_kernel_file(path) as file:
        return recover(file, at=at)


def _assert_found(image: MadeImage, found: Recovered) -> None:
    """Hold what was found against what the tables were made of; distances need not know where they begin."""
    tables, decoded = image.tables, found.decoded
    assert not decoded.problems
    assert list(decoded.names()) == list(tables.records.names())
    assert decoded.letter.tobytes() == tables.records.letter.tobytes()
    mask = np.uint64((1 << (32 if decoded.form == "plain" else tables.abi.bits)) - 1)
    wanted = tables.records.address & mask
    if found.placed or decoded.form != "pc-relative":
        assert decoded.address.tolist() == wanted.tolist()
    else:
        assert np.diff(decoded.address).tolist() == np.diff(wanted).tolist()
    assert {tables.addresses.form, decoded.form} in (
        {decoded.form},
        {"word", "plain"},
    )  # the last are the same bytes


def _options(release: str, bits: int, draw: random.Random) -> tuple[tuple[str, Any], ...]:
    """Draw options that a release knows and that decide how addresses are written."""
    known = find_release(release).options
    chosen = [(name, draw.random() < 0.5) for option, name in OPTIONS.items() if option in known]
    if "--pc-relative" in known:  # every 64-bit kernel has it
        chosen.append(("pc_relative", bits == 64 or draw.random() < 0.5))
    return tuple(chosen)


def _tables(release: str, machine: tuple[int, str, int], seed: int) -> Tables:
    draw = random.Random(seed % 4)  # noqa: S311 (no secret; few kinds, so that most are made once)
    return boundary_tables(release, machine, _options(release, machine[0], draw))


@pytest.mark.parametrize("release", the_rest_slow(RELEASES, lambda place, _: place % 3 == 0))
def test_tables_of_every_generation_are_found_in_a_bare_image(release: str) -> None:
    """Whatever the release, class and byte order, the search finds the symbols that the tables were made of."""
    machine = MACHINES[RELEASES.index(release) % len(MACHINES)]
    image = made_image(_tables(release, machine, 1), 1, 1 << 14, banner=f"{release}-made")
    _assert_found(image, _search(image))


@settings(max_examples=30, deadline=None)
@given(release=st.sampled_from(RELEASES), machine=MACHINE, seed=st.integers(0, 1 << 30))
def test_noise_and_near_misses_do_not_mislead(release: str, machine: tuple[int, str, int], seed: int) -> None:
    """Among noise and what looks like an anchor, tables of any generation are found, wherever they begin."""
    image = made_image(_tables(release, machine, seed), seed, 1 << 18)
    _assert_found(image, _search(image))


@pytest.mark.slow
@pytest.mark.parametrize("part", range(2))  # one for each core of two
@settings(max_examples=1000, deadline=None)
@given(data=st.data(), machine=MACHINE, seed=st.integers(0, 1 << 30))
def test_four_megabytes_of_noise_do_not_mislead(
    part: int, data: st.DataObject, machine: tuple[int, str, int], seed: int
) -> None:
    """The same in 4 MB, two thousand times, a thousand of them with each half of the releases."""
    release = data.draw(st.sampled_from(RELEASES[part::2]))
    image = made_image(_tables(release, machine, seed), seed)
    _assert_found(image, _search(image))


@pytest.mark.parametrize(
    ("mix", "machine"), the_rest_slow(product(MIXES, MACHINES[::2]), lambda place, _: place % 3 == 0)
)
def test_mixtures_of_vendors_are_found(
    mix: tuple[str, dict[str, Any]], machine: tuple[int, str, int]
) -> None:
    """Tables of one release's order, widths or lengths in another's tree are read as they lie."""
    release, changes = mix
    tables = boundary_tables(release, machine, (), tuple(changes.items()))
    image = made_image(tables, 7, 1 << 16, banner=release)
    _assert_found(image, _search(image))


@pytest.mark.parametrize("machine", MACHINES[:4:2], ids=str)
@pytest.mark.parametrize("release", ["5.10", "6.6", "6.12", "7.0", "7.3"])
def test_a_kernel_twice_in_memory_is_one(release: str, machine: tuple[int, str, int]) -> None:
    """A dump may hold the kernel and a copy of its file: the rows are the same, and said once."""
    options = (("pc_relative", True),) if "--pc-relative" in find_release(release).options else ()
    image = made_image(boundary_tables(release, machine, options), 3, 1 << 14, banner=release)
    twice = MadeImage(image.data + image.data, image.tables, image.offset, image.bias)
    found = _search(twice)
    _assert_found(twice, found)
    assert any("lie 2 times in it" in sentence for sentence in found.evidence)


def test_two_kernels_of_two_releases_are_told() -> None:
    """More speaks for a kernel that has name sequences, but that is no proof that it is the one to ask about."""
    one, other = (
        made_image(_other_kernel("5.10"), 4, 1 << 14),
        made_image(_tables("6.12", MACHINES[0], 3), 3, 1 << 14),
    )
    both = MadeImage(one.data + other.data, other.tables, other.offset, other.bias)
    with pytest.raises(AmbiguousError, match=r"can be read in 2 ways.* give --release"):
        _search(both)
    with saved(both.data) as path, open_kernel_file(path) as file:
        assert recover(file, "6.12").decoded.release.name == "6.12"


def _other_kernel(release: str) -> Tables:
    """Return the tables of a kernel that lacks one of the made images' symbols."""
    text = TEXT[64]
    symbols = [Symbol(name, text + distance) for name, distance in BOUNDARIES.items()]
    with kernel_of([*symbols, *filler(text)[1:]], MACHINES[0], release) as kernel:
        return kernel.tables


def test_two_kernels_in_memory_are_told() -> None:
    """Where a dump holds two kernels, none is chosen: both are named, and what decides between them."""
    other = made_image(_other_kernel("6.12"), 4, 1 << 14, banner="6.12")
    one = made_image(_tables("6.12", MACHINES[0], 3), 3, 1 << 14, banner="6.12")
    with pytest.raises(AmbiguousError, match=r"can be read in 2 ways.* give --release"):
        _search(MadeImage(one.data + other.data, one.tables, one.offset, one.bias))


@settings(max_examples=20, deadline=None)
@given(machine=MACHINE, seed=st.integers(0, 1 << 30))
def test_bytes_without_tables_are_refused(machine: tuple[int, str, int], seed: int) -> None:
    """Noise with every kind of trap in it has no tables, and that is said with what was searched."""
    whole = made_image(_tables("6.12", machine, seed), seed, 1 << 16)
    size = len(whole.data) - (1 << 16)
    data = whole.data[: whole.offset] + whole.data[whole.offset + size :]
    with (
        saved(data) as path,
        open_kernel_file(path) as file,
        pytest.raises(NotThereError, match="bytes were searched"),
    ):
        recover(file)


@settings(max_examples=30, deadline=None)
@given(release=st.sampled_from(RELEASES), machine=MACHINE, seed=st.integers(0, 1 << 30))
def test_damaged_tables_are_refused_or_right(release: str, machine: tuple[int, str, int], seed: int) -> None:
    """A changed byte in the tables leads to the right names, or to none."""
    draw = random.Random(seed)  # noqa: S311 (no secret)
    image = made_image(_tables(release, machine, seed), seed, 1 << 12, with_traps=False)
    data = bytearray(image.data)
    at = image.offset + draw.randrange(len(data) - image.offset - (1 << 11))
    data[at] ^= 1 << draw.randrange(8)
    with saved(bytes(data)) as path, open_kernel_file(path) as file:
        try:
            found = recover(file)
        except ElfsymsError:
            return
    names = list(image.tables.records.names())
    wrong = sum(one != other for one, other in zip(found.decoded.names(), names, strict=True))
    assert found.decoded.problems or wrong <= len(names) // 2  # one token at most is spelled another way


@given(
    st.lists(st.sampled_from([0, 1, 2, 3, 5, 127, 128, 300]), min_size=1, max_size=700),
    st.integers(0, (1 << 30) - 1),
    st.integers(-3, 3),
)
def test_few_blocks_are_walked_as_many_are(sizes: list[int], damage: int, cut: int) -> None:
    """Records that are walked one by one are those that are walked in all blocks at once, or both end early."""
    heads = [bytes([n]) if n < 128 else bytes([n & 127 | 128, n >> 7]) for n in sizes]
    records = bytearray(b"".join(head + bytes(size) for head, size in zip(heads, sizes, strict=True)))
    ends = np.cumsum([len(head) + size for head, size in zip(heads, sizes, strict=True)])
    markers = np.concatenate([[0], ends[:-1]])[::256].astype(np.int64)
    records[damage % len(records)] ^= damage >> 22
    stream = np.frombuffer(bytes(records) + b"\0" * (cut + 1) if cut >= 0 else bytes(records)[:cut], np.uint8)
    if markers[-1] >= len(stream) - 1:
        return
    for encoding in ("byte", "uleb128"):
        found = []
        for few in (0, 1 << 20):
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr("elfsyms.detect.name_records._FEW_BLOCKS", few)
                found.append(walk_blocks(stream, len(sizes), encoding, markers))
        at_once, by_record = [None if walked is None else walked.tolist() for walked in found]
        assert at_once == by_record


def test_offsets_that_might_be_names_are_not_all_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bytes in which every other word could begin names take some hundred proofs, not a hundred thousand."""
    tried: list[int] = []

    def note(_data: object, word: int, *_: object) -> Iterator[NameLayout]:
        tried.append(word)
        yield from ()

    monkeypatch.setattr(name_layouts, "_prove", note)
    words = np.resize(np.array([0, 130, 200, 0, 256, 0, 0, 131], "<u4"), 1 << 16)
    assert find_name_layouts(words.view(np.uint8), words.nbytes, "<") == []
    assert len(FORMS) < len(tried) < 200 * len(FORMS)


def test_token_tables_without_end_are_not_all_followed(tmp_path: Path) -> None:
    """A file that is nothing but token tables is refused, with how many of them were followed."""
    table = b"".join(b"a\0" if code == ord("a") else b"\0" for code in range(256)).ljust(260, b"\0")
    starts = [code if code <= ord("a") else code + 1 for code in range(256)]
    file = tmp_path / "image"
    file.write_bytes((table + np.array(starts, "<u2").tobytes()) * 500)
    with open_kernel_file(file) as opened, pytest.raises(NotThereError, match=r"the first 16 of 500 pairs"):
        recover(opened)
