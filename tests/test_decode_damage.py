# SPDX-License-Identifier: GPL-2.0-or-later
"""What is broken in tables is told in one sentence; what is missing is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from elfmaker import Section, Symbol, elf_file, vmlinux
from tablemaker import FROM_TEXT, MACHINES, TEXT, linked_bytes, linked_kernel, saved
from tablemaker import kernel_of as kernel_with

from elfsyms.decode.decode import Decoded, decode_dump, decode_file
from elfsyms.errors import InputError, NotThereError, UsageError
from elfsyms.image.elf import Abi
from elfsyms.pipeline.layout import lay_out
from elfsyms.releases.format_history import find_release

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from elfsyms.pipeline.kernel import Kernel

X86_64 = MACHINES[0]
COUNT = 600  # symbols, for three markers
NAMES = [f"name_{at * 7919 % 1000:03}_{at % 7}" for at in range(COUNT)]


@pytest.fixture
def kernel() -> Iterator[Kernel]:
    """Give a kernel of 600 symbols, of release 6.12."""
    text = TEXT[64]
    symbols = [Symbol(name, text + 16 * at) for at, name in enumerate(["_text", *NAMES])]
    with kernel_with(symbols, X86_64, "6.12") as made:
        yield made


def damaged(kernel: Kernel, **replaced: bytes) -> Decoded:
    """Decode the kernel's tables after some of them were overwritten."""
    with saved(linked_kernel(kernel.tables, replaced=replaced)) as path:
        return decode_file(path, kernel.release)


def test_sound_tables_have_no_problem(kernel: Kernel) -> None:
    """Without damage there is nothing to tell."""
    assert damaged(kernel).problems == ()


def test_a_broken_marker_is_named(kernel: Kernel) -> None:
    """A marker that points elsewhere is told with both numbers; names are read all the same."""
    true = int(kernel.tables.markers[1])
    decoded = damaged(kernel, markers=bytes(4) + (true + 1).to_bytes(4, "little"))
    assert decoded.problems == (
        f"kallsyms_markers[1] is {true + 1}, but symbol 256 begins at byte {true} of kallsyms_names",
    )
    assert list(decoded.names()) == list(kernel.tables.records.names())


def test_a_sequence_out_of_range_is_named(kernel: Kernel) -> None:
    """An entry behind the last symbol is told."""
    (problem,) = damaged(kernel, seqs_of_names=b"\xff\xff\xff").problems
    assert problem == f"kallsyms_seqs_of_names[0] is 16777215, but there are {COUNT + 1} symbols"


def test_a_sequence_with_a_symbol_twice_is_named(kernel: Kernel) -> None:
    """A sequence that is no permutation names a symbol that it has twice."""
    sequences = kernel.tables.sequences.tolist()
    second = sequences[1].to_bytes(3, "big")
    (problem,) = damaged(kernel, seqs_of_names=second * 2).problems
    assert problem == f"kallsyms_seqs_of_names has symbol {sequences[1]} 2 times, and others never"


def test_a_sequence_that_is_not_sorted_is_named(kernel: Kernel) -> None:
    """A permutation that is not by name is told with both symbols."""
    first, second = kernel.tables.sequences.tolist()[:2]
    (problem,) = damaged(kernel, seqs_of_names=second.to_bytes(3, "big") + first.to_bytes(3, "big")).problems
    assert problem.startswith(f"kallsyms_seqs_of_names[0] is symbol {second} (")
    assert f"by name symbol {first} (_text) comes there" in problem


def test_a_broken_token_index_is_named(kernel: Kernel) -> None:
    """An index that is not where its token begins is told."""
    (problem,) = damaged(kernel, token_index=b"\1\0").problems
    assert problem == "kallsyms_token_index[0] is 1, but the token begins at byte 0 of kallsyms_token_table"


def test_addresses_that_descend_are_named(kernel: Kernel) -> None:
    """An address below the one before it is told: the kernel searches by halves."""
    (problem,) = damaged(kernel, offsets=bytes(4) + b"\x40\0\0\0").problems
    assert problem.startswith("addresses do not ascend: symbol 2 is at 0xffffffff81000020")


def test_a_record_without_codes_is_named(kernel: Kernel) -> None:
    """A record of length zero has no letter: it is told, and shown with a question mark."""
    size = int(kernel.tables.name_sizes[0])
    decoded = damaged(kernel, names=bytes([0, size - 2]))
    assert decoded.problems[0] == "symbol 0 in kallsyms_names has no letter and no name"
    assert decoded.text().startswith(b"ffffffff81000000 ? \n")


def test_a_stream_that_overruns_is_told(kernel: Kernel) -> None:
    """Where the names end within a symbol, those before it are shown."""
    layout = lay_out(kernel.tables)
    offsets = {label.name.decode().removeprefix("kallsyms_"): label.offset for label in layout.labels}
    whole = linked_bytes(layout, TEXT[64], 0x1000)
    names, end = 0x1000 + len(whole), int(kernel.tables.names.size) - 3
    data = whole + kernel.tables.names.tobytes()[:end]
    places = {name: 0x1000 + offset for name, offset in offsets.items()} | {"names": names}
    with saved(data) as path:
        decoded = decode_dump(path, kernel.release, kernel.image.abi, 0x1000, places)
    assert len(decoded) == COUNT
    assert decoded.problems[0].startswith(
        f"kallsyms_names ends within symbol {COUNT} of {COUNT + 1}, at byte "
    )


def test_a_count_that_cannot_be_is_refused(kernel: Kernel) -> None:
    """Another release's or another table's bytes are not taken for a number of symbols."""
    with pytest.raises(InputError, match=r"kallsyms_num_syms at 0x\w+ reads 3,735,928,559, more than"):
        damaged(kernel, num_syms=b"\xef\xbe\xad\xde")


def test_a_kernel_without_labels_asks_for_an_address(kernel: Kernel) -> None:
    """Where no label is left, the sentence says what to give; given, everything else follows."""
    data = linked_kernel(kernel.tables, labels=False)
    place = TEXT[64] + FROM_TEXT
    with saved(data) as path:
        with pytest.raises(NotThereError, match="--address num_syms="):
            decode_file(path, kernel.release)
        decoded = decode_file(path, kernel.release, tables={"num_syms": place})
        assert list(decoded.names()) == list(kernel.tables.records.names())
        assert decoded.problems == ()


def test_addresses_that_lead_nowhere_are_not_enough(kernel: Kernel) -> None:
    """A table from which no other follows is named, with those that are missing."""
    with saved(linked_kernel(kernel.tables)) as path:
        index = decode_file(path, kernel.release).tables["token_index"]
        with pytest.raises(
            UsageError, match=r"kallsyms_token_index, kallsyms_offsets alone does not tell where"
        ):
            decode_file(path, kernel.release, tables={"token_index": index})


@pytest.mark.parametrize("release", ["4.14", "6.1", "6.4"])
def test_earlier_tables_follow_from_later_ones(release: str) -> None:
    """Tables that lie in front of the count are found as well as those behind it."""
    symbols = [Symbol(name, TEXT[64] + 16 * at) for at, name in enumerate(["_text", *NAMES])]
    with kernel_with(symbols, X86_64, release, base_relative=True) as kernel:
        data = linked_kernel(kernel.tables)
        with saved(data) as path:
            places = decode_file(path, kernel.release).tables
            for name in ("num_syms", "names"):
                assert decode_file(path, kernel.release, tables={name: places[name]}).tables == places


def test_an_object_relative_to_another_symbol_is_refused() -> None:
    """An address that nobody knows is not made up."""
    labels = [
        Symbol(f"kallsyms_{name}", 8 * at, ".rodata") for at, name in enumerate(["addresses", "num_syms"])
    ]
    relocation = bytes(8) + (1 | 3 << 32).to_bytes(8, "little") + bytes(8)
    sections = [
        Section(".rodata", 0, bytes(64)),
        Section(".rela.rodata", 0, relocation, "rela", "", ".symtab", ".rodata", 24),
    ]
    data = elf_file([*labels, Symbol("stranger", 0, "UND")], sections, kind=1)
    with saved(data) as path, pytest.raises(InputError, match="relative to stranger, not to _text"):
        decode_file(path, find_release("4.0"))


def test_pointers_that_only_dynamic_relocations_know() -> None:
    """A relocatable kernel whose base is zero in the file decodes by its .rela.dyn."""
    arm64 = (64, "<", 183)
    text = 0xFFFF800080000000
    symbols = [Symbol(name, text + 16 * at) for at, name in enumerate(["_text", *NAMES])]
    with kernel_with(symbols, arm64, "6.12") as kernel:
        layout = lay_out(kernel.tables)
        place = text + 0x1000000
        labels = [Symbol(label.name, place + label.offset, ".rodata") for label in layout.labels]
        base = next(label.value for label in labels if label.name == b"kallsyms_relative_base")
        relative = b"".join(n.to_bytes(8, "little") for n in (base, 1027, text))
        sections = [
            Section(".rodata", place, bytes(layout.blob)),
            Section(".rela.dyn", place - 0x1000, relative, "rela", "a", entry_size=24),
        ]
        data = vmlinux([Symbol("_text", text), *labels], release=None, machine=183, sections=sections)
        with saved(data) as path:
            decoded = decode_file(path, kernel.release)
    assert decoded.relative_base == text
    assert decoded.address.tolist() == kernel.tables.records.address.tolist()


def test_an_unreadable_dump_is_named(tmp_path: Path) -> None:
    """A dump that is not there is told by its name."""
    abi = Abi(bits=64, byte_order="<", machine=62, flags=0)
    with pytest.raises(InputError, match=r"cannot read .*nothing"):
        decode_dump(tmp_path / "nothing", find_release("6.12"), abi, 0, {})
