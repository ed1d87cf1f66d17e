# SPDX-License-Identifier: GPL-2.0-or-later
"""Files that are no good, kernels that cannot be encoded, outputs that cannot be written.

Each ends in one sentence with a cure and in its documented exit code, never in a traceback, and an output that
was there before is as it was.
"""

from __future__ import annotations

import json
import os
import random
import re
import resource
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from command import elfsyms, environment, sentence
from elfmaker import ET_CORE, ET_REL, Section, Symbol, elf_file, vmlinux

from elfsyms.errors import ElfsymsError, EncodeError, InputError
from elfsyms.pipeline.kernel import load
from elfsyms.pipeline.tables import check_count
from elfsyms.releases.format_history import find_release
from elfsyms.releases.options import Options
from elfsyms.releases.versions import NEWEST
from elfsyms.writers.build import assembly_of, check_anchor

if TYPE_CHECKING:
    from collections.abc import Callable

TEXT = 0xFFFFFFFF81000000
SYMBOLS = [
    Symbol("_text", TEXT),
    Symbol("_stext", TEXT),
    Symbol("start_kernel", TEXT + 0x10),
    Symbol("helper", TEXT + 0x20, binding="local"),
    Symbol("_etext", TEXT + 0x100),
    Symbol("jiffies", TEXT + 0x1000, ".data", type="object"),
]
GOOD = vmlinux(SYMBOLS, release="6.12.5")
NARROW = vmlinux(
    [Symbol("_text", 0x80100000), Symbol("jiffies", 0x80200000, ".data", type="object")],
    release="6.1.100",
    bits=32,
    order=">",
    machine=8,
)
BEFORE = b"what was there before"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with an output of an earlier run."""
    (tmp_path / "kallsyms.o").write_bytes(BEFORE)
    return tmp_path


def refuse(folder: Path, *arguments: str, code: int) -> str:
    """Run the main job, which must fail, and leave the earlier output as it was; return what it says."""
    words = sentence(elfsyms("vmlinux", "-o", "kallsyms.o", *arguments, cwd=folder), code)
    assert (folder / "kallsyms.o").read_bytes() == BEFORE
    assert sorted(path.name for path in folder.iterdir()) == ["kallsyms.o", "vmlinux"]
    return words


def stripped(data: bytes) -> bytes:
    """Take the symbol table away as ``strip`` does: its section gets another type."""
    headers = int.from_bytes(data[40:48], "little")
    count = int.from_bytes(data[60:62], "little")
    damaged = bytearray(data)
    for place in range(headers, headers + 64 * count, 64):
        if damaged[place + 4] == 2:  # SHT_SYMTAB
            damaged[place + 4] = 1
    return bytes(damaged)


UNUSABLE = {
    "not ELF": (b"#!/bin/sh\n", "is not an ELF file"),
    "empty": (b"", "is not an ELF file (it is empty)"),
    "compressed": (b"\x1f\x8b\x08\0\0", "a gzip file, perhaps vmlinuz"),
    "header cut": (GOOD[:40], "is a damaged or truncated ELF file"),
    "half": (GOOD[: len(GOOD) // 2], "is a damaged or truncated ELF file"),
    "stripped": (stripped(GOOD), "has no .symtab: it was stripped; give the unstripped vmlinux"),
    "no symbols": (elf_file([]), ".symtab holds no symbols (24 bytes), as of a stripped file"),
    "core": (stripped(elf_file([], kind=ET_CORE)), "has no .symtab: memory, not a file that was linked"),
    "module": (
        elf_file(SYMBOLS[:1], [Section(".text")], kind=ET_REL),
        "is a relocatable object, as modules (.ko)",
    ),
    "no _text": (vmlinux(SYMBOLS[1:], release="6.12.5"), "defines no _text"),
    "undefined _text": (
        vmlinux([Symbol("_text", 0, "UND"), *SYMBOLS[1:]], release="6.12.5"),
        "defines no _text",
    ),
    "no banner": (
        vmlinux(SYMBOLS, release=None),
        "has no linux_banner that tells its release: give --release",
    ),
    "unknown machine": (
        vmlinux(SYMBOLS, release="6.12.5", machine=0xFEED),
        "cannot write an object for e_machine 65261",
    ),
}


@pytest.mark.parametrize("case", list(UNUSABLE))
def test_unusable_file_is_one_sentence(folder: Path, case: str) -> None:
    """What is no linked kernel with symbols has exit code 4 and a sentence that names the file and the cure."""
    data, words = UNUSABLE[case]
    (folder / "vmlinux").write_bytes(data)
    text = refuse(folder, code=4)
    assert words in text
    assert "vmlinux" in text or case == "unknown machine"
    assert re.search(r"give|copy|rebuild|unpack|write|stripped", text)


def test_file_that_is_not_there(tmp_path: Path) -> None:
    """A missing file is named."""
    text = sentence(elfsyms("vmlinux", "-o", "kallsyms.o", cwd=tmp_path), 4)
    assert "cannot read vmlinux: No such file or directory" in text


def test_folder_is_no_kernel(folder: Path) -> None:
    """A folder is named as what it is."""
    (folder / "vmlinux").mkdir()
    assert "cannot read vmlinux: Is a directory" in refuse(folder, code=4)


def test_unknown_machine_names_the_known_ones(folder: Path) -> None:
    """An unknown machine is refused with a list of those that are known; assembly needs none."""
    (folder / "vmlinux").write_bytes(vmlinux(SYMBOLS, release="6.12.5", machine=0xFEED))
    text = refuse(folder, code=4)
    assert all(name in text for name in ("x86-64", "arm64", "riscv64", "s390x", "-o kallsyms.S"))
    result = elfsyms("vmlinux", "-o", "-", cwd=folder)
    assert result.stdout.startswith(b"#include")


@pytest.mark.parametrize("release", ["9.9", "2.6.11"])
def test_unknown_release_has_exit_code_2(folder: Path, release: str) -> None:
    """A release that nobody knows is wrong usage; the known ones are named."""
    (folder / "vmlinux").write_bytes(GOOD)
    assert f"elfsyms knows 2.6.12 to {NEWEST}" in refuse(folder, "--release", release, code=2)


FAR_TEXT = 0xFFFF800010000000  # where arm64 has its image: there is room above
NEAR = [Symbol("_text", FAR_TEXT), Symbol("_stext", FAR_TEXT), Symbol("start_kernel", FAR_TEXT + 0x10)]
FAR = Symbol("strayed", FAR_TEXT + (1 << 33), ".far", type="object")
LOW = Symbol("lonely", 0x10, ".low", type="object")

# Releases and options, a symbol out of reach, and what the sentence must have.
OUT_OF_RANGE = [
    ("7.2", (), FAR, "+0x200000000 from _text", "2 GiB either way"),
    ("6.15", (), FAR, "+0x200000000 from the relative base", "4 GiB above it"),
    ("6.15", (), LOW, "from the relative base 0x10 (of lonely)", "4 GiB above it"),
    (
        "6.15",
        (),
        LOW,
        "symbol lonely at 0x10 in section .low lies far from the other 3",
        "without it the others",
    ),
    (
        "6.12",
        (),
        FAR,
        "+0x200000000 from the relative base",
        "no option of 6.12 encodes it; without it the others",
    ),
    (
        "6.12",
        ("--absolute-percpu",),
        FAR,
        "+0x200000000 from the relative base",
        "no option of 6.12 encodes it",
    ),
    ("6.12", ("--absolute-percpu",), LOW, "symbol lonely at 0x10", "no option of 6.12 encodes it"),
    ("6.1.100", (), FAR, "+0x200000000 from the relative base", "--no-base-relative"),
    ("4.19", (), FAR, "+0x200000000 from the relative base", "--no-base-relative"),
]


@pytest.mark.parametrize(("release", "flags", "symbol", "distance", "cure"), OUT_OF_RANGE)
def test_symbol_out_of_range_is_named(
    folder: Path, release: str, flags: tuple[str, ...], symbol: Symbol, distance: str, cure: str
) -> None:
    """A symbol out of reach is named with address, section and distance, and the option that would encode it."""
    (folder / "vmlinux").write_bytes(vmlinux([*NEAR, symbol], release=None))
    text = refuse(folder, "--release", release, "--all-symbols", *flags, code=5)
    if symbol is FAR:
        assert f"symbol strayed at {FAR.value:#x} in section .far lies" in text
    assert distance in text
    assert cure in text


def test_advised_option_encodes_the_symbol(folder: Path) -> None:
    """The option that the sentence names does help: whole addresses, or 4 GiB in place of 2."""
    higher = Symbol("higher", FAR_TEXT + (3 << 30), ".far", type="object")
    for release, symbol, refused, advised in (
        ("6.1.100", FAR, "--base-relative", "--no-base-relative"),
        ("6.12", higher, "--absolute-percpu", "--no-absolute-percpu"),
    ):
        (folder / "vmlinux").write_bytes(vmlinux([*NEAR, symbol], release=None))
        assert advised in refuse(folder, "--release", release, refused, code=5)
        result = elfsyms("vmlinux", "-o", "other.o", "--release", release, advised, cwd=folder)
        assert result.returncode == 0
        (folder / "other.o").unlink()


def test_further_symbols_out_of_range_are_counted(folder: Path) -> None:
    """The first symbol is named, the others are counted."""
    more = [Symbol(f"strayed{n}", FAR.value + n, ".far") for n in range(1, 4)]
    (folder / "vmlinux").write_bytes(vmlinux([*NEAR, FAR, *more], release=None))
    assert "(and 3 more)" in refuse(folder, "--release", "7.2", code=5)


@pytest.mark.parametrize(
    ("release", "limit"),
    [("3.13", 128), ("4.19", 128), ("5.0", 127), ("6.0", 127), ("6.1", 511), ("7.3", 511)],
)
def test_names_too_long_are_left_out_and_listed(tmp_path: Path, release: str, limit: int) -> None:
    """Names over the release's limit are dropped, as stock does it, and all of them are listed."""
    fits, first, second = "f" * limit, "a" * (limit + 1), "b" * (limit + 7)
    filler = [Symbol(f"word{number}_{number % 7}", TEXT + 0x20) for number in range(300)]
    names = [Symbol(name, TEXT + 0x30) for name in (fits, first, second)]
    path = tmp_path / "vmlinux"
    path.write_bytes(vmlinux([*SYMBOLS, *filler, *names], release=None))
    with load(path, release=release, all_symbols=True) as kernel:
        assert (fits.encode() in set(kernel.tables.records.names())) is True
        assert not {first.encode(), second.encode()} & set(kernel.tables.records.names())
    result = elfsyms(path, "--stats", "--release", release, "--all-symbols")
    listed = re.findall(r"left out, (\d+) bytes where (\d+) are the most: (\w+)", result.stderr.decode())
    assert sorted(listed) == sorted((str(len(name)), str(limit), name) for name in (first, second))


def test_symbols_that_three_bytes_cannot_count() -> None:
    """More than 2^24 symbols do not fit a name sequence of 3 bytes; where there is none, they do."""
    with pytest.raises(
        EncodeError, match=r"16,777,217 symbols are more than kallsyms_seqs_of_names can count"
    ):
        check_count((1 << 24) + 1, find_release("6.12"), Options())
    check_count(1 << 24, find_release("6.12"), Options())
    check_count((1 << 24) + 1, find_release("6.1"), Options())


def test_no_symbol_left_is_an_error_where_stock_has_one(folder: Path) -> None:
    """Until 6.10 a table of no symbols is refused, with stock's words (No valid symbol)."""
    (folder / "vmlinux").write_bytes(vmlinux([Symbol("_text", TEXT, ".data")], release=None))
    text = refuse(folder, "--release", "6.1", "--no-all-symbols", code=5)
    assert "No valid symbol" in text
    assert "give --all-symbols" in text


def test_an_option_that_is_given_is_no_advice(folder: Path) -> None:
    """What was done already is not offered as a fix, neither where none is left nor where there are too many."""
    (folder / "vmlinux").write_bytes(vmlinux([Symbol("_text", TEXT, "ABS")], release=None))
    text = refuse(folder, "--release", "6.1", "--all-symbols", code=5)
    assert "see 'elfsyms ledger'" in text
    assert "--all-symbols" not in text
    for every in (True, False):
        with pytest.raises(EncodeError) as told:
            check_count((1 << 24) + 1, find_release("6.12"), Options(all_symbols=every))
        assert ("--no-all-symbols" in str(told.value)) == every


@pytest.mark.parametrize(
    ("output", "words"),
    [
        ("nowhere/kallsyms.o", "No such file or directory"),
        ("vmlinux/kallsyms.o", "Not a directory"),
        ("folder.o", "Is a directory"),
        ("/dev/full", "No space left on device"),
    ],
)
def test_output_that_cannot_be_written(folder: Path, output: str, words: str) -> None:
    """What cannot be written is named with the reason; exit code 6."""
    (folder / "vmlinux").write_bytes(GOOD)
    (folder / "folder.o").mkdir()
    result = elfsyms("vmlinux", "-o", output, "--format", "o", cwd=folder)
    assert f"cannot write {output}: {words}" in sentence(result, 6)
    assert list((folder / "folder.o").iterdir()) == []


def test_full_standard_output_is_told(folder: Path) -> None:
    """A disk that fills up behind a redirection is an error of the output too."""
    (folder / "vmlinux").write_bytes(GOOD)
    for flags in (("-o", "-"), ("--json",), ("--system-map", "-"), ("-o", "/dev/stdout", "--format", "S")):
        result = elfsyms_to_full("vmlinux", "-q", *flags, folder=folder)
        assert result.returncode == 6
        assert result.stderr.startswith(b"elfsyms: cannot write")
        assert result.stderr.count(b"\n") == 1


def elfsyms_to_full(*arguments: str, folder: Path) -> subprocess.CompletedProcess[bytes]:
    """Run the command with standard output on ``/dev/full``."""
    command = [sys.executable, "-m", "elfsyms", *arguments]
    with Path("/dev/full").open("wb") as full:
        return subprocess.run(
            command, cwd=folder, env=environment(), stdout=full, stderr=subprocess.PIPE, check=False
        )


def test_second_output_that_fails_leaves_the_first(folder: Path) -> None:
    """Where System.map cannot be written, the object is as it was too."""
    (folder / "vmlinux").write_bytes(GOOD)
    assert "nowhere/System.map" in refuse(folder, "--system-map", "nowhere/System.map", code=6)


def make_everything(path: Path, data: bytes) -> None:
    """Do the whole main job in this process, without writing."""
    path.write_bytes(data)
    with load(path) as kernel:
        check_anchor(kernel)
        _ = kernel.system_map, assembly_of(kernel), kernel.layout


def outcome(path: Path, data: bytes) -> str:
    """Return how the main job ends: done, or with an error of this package, in one sentence."""
    try:
        make_everything(path, data)
    except ElfsymsError as error:
        return type(error).__name__ if "\n" not in str(error) else "an error of several lines"
    return "done"


@pytest.mark.parametrize("data", [GOOD, NARROW], ids=["64-bit", "32-bit"])
def test_file_cut_anywhere_is_unusable(tmp_path: Path, data: bytes) -> None:
    """Cut behind any of its bytes, a kernel is an unusable input: its section headers are the last thing in it."""
    assert {outcome(tmp_path / "vmlinux", data[:cut]) for cut in range(0, len(data), 5)} == {"InputError"}
    assert outcome(tmp_path / "vmlinux", data) == "done"


def test_sample_cut_anywhere_is_unusable(tmp_path: Path, sample: Callable[[str], Path]) -> None:
    """A real kernel cut short is an unusable input, unless nothing that is needed was behind the cut."""
    whole = sample("i386-6.1")
    size = whole.stat().st_size
    path = tmp_path / "vmlinux"
    with whole.open("rb") as stream:
        path.write_bytes(stream.read())
    for step in range(30, 0, -1):
        with path.open("r+b") as stream:
            stream.truncate(size * step // 31)
        with pytest.raises(InputError):
            load(path)


def test_truncated_file_as_a_user_sees_it(folder: Path) -> None:
    """The command tells a truncated file with exit code 4 at every kind of cut."""
    for cut in (10, 64, 300, len(GOOD) - 100):
        (folder / "vmlinux").write_bytes(GOOD[:cut])
        assert "truncated" in refuse(folder, code=4)


def flipped(data: bytes, seed: int) -> bytes:
    """Change some bytes, most of them in the ELF header, the section headers and the symbol table."""
    draw = random.Random(seed)  # noqa: S311 (no secret)
    damaged = bytearray(data)
    for _ in range(draw.choice([1, 1, 2, 4, 16])):
        place = draw.choice(
            [draw.randrange(64), draw.randrange(len(data) // 2, len(data)), draw.randrange(len(data))]
        )
        damaged[place] = draw.choice([0, 255, draw.randrange(256), damaged[place] ^ 1 << draw.randrange(8)])
    return bytes(damaged)


@pytest.mark.parametrize("data", [GOOD, NARROW], ids=["64-bit", "32-bit"])
@pytest.mark.parametrize("block", range(4))
def test_damaged_bytes_end_in_a_sentence_at_worst(tmp_path: Path, data: bytes, block: int) -> None:
    """Whatever bytes are changed, the main job is done or ends in an error of this package."""
    ends = [
        outcome(tmp_path / "vmlinux", flipped(data, seed)) for seed in range(block * 100, block * 100 + 100)
    ]
    assert {"done", "InputError"} <= set(ends) <= {"done", "InputError", "OutOfRangeError", "EncodeError"}


def field(data: bytes, place: int, size: int, value: int) -> bytes:
    """Return a little-endian 64-bit file with one number changed."""
    return data[:place] + value.to_bytes(size, "little") + data[place + size :]


# Where numbers of the ELF header are, and what they lead to if they lie.
HEADER = {"e_shoff": (40, 8), "e_shentsize": (58, 2), "e_shnum": (60, 2), "e_shstrndx": (62, 2)}


@pytest.mark.parametrize("value", [1, 0xFF, 0xFFFF, 1 << 15])
@pytest.mark.parametrize("name", list(HEADER))
def test_lying_header_costs_nothing(tmp_path: Path, name: str, value: int) -> None:
    """A header that counts more than the file has is refused before anything is counted or read."""
    place, size = HEADER[name]
    assert outcome(tmp_path / "vmlinux", field(GOOD, place, size, value)) in {"InputError", "done"}


def test_first_section_header_that_counts_billions(tmp_path: Path) -> None:
    """The escaped number of sections, 64 bits wide, is checked against the file's size."""
    headers = int.from_bytes(GOOD[40:48], "little")
    data = field(field(GOOD, 60, 2, 0), headers + 32, 8, 1 << 60)
    with pytest.raises(InputError, match="the section header table ends at byte"):
        make_everything(tmp_path / "vmlinux", data)


def test_name_table_of_exabytes(tmp_path: Path) -> None:
    """Section names are not read beyond the file."""
    headers, last = int.from_bytes(GOOD[40:48], "little"), int.from_bytes(GOOD[62:64], "little")
    data = field(GOOD, headers + 64 * last + 32, 8, 1 << 62)
    with pytest.raises(InputError, match="the section name table ends at byte"):
        make_everything(tmp_path / "vmlinux", data)


@pytest.mark.parametrize("outputs", [("-o", "KERNEL.o"), ("-o", "x.o", "--system-map", "x.o")])
def test_one_file_is_not_written_over_another(tmp_path: Path, outputs: tuple[str, ...]) -> None:
    """An output that is the input, or the other output, is wrong usage, and nothing is written."""
    path = tmp_path / "KERNEL.o"
    path.write_bytes(vmlinux(SYMBOLS, release="6.12.5"))
    before = path.read_bytes()
    words = [str(tmp_path / word) if word.endswith(".o") else word for word in outputs]
    assert elfsyms(path, *words).returncode == 2
    assert path.read_bytes() == before
    assert not (tmp_path / "x.o").exists()


DECODE_MISTAKES = [
    (["vmlinux", "--address", "foo=1"], "no table is called 'foo': --address takes one of"),
    (
        ["vmlinux", "--dump-at", "1000", "--address", "names=1000", "--like", "vmlinux"],
        "give --release R, too",
    ),
    (
        ["vmlinux", "--dump-at", "1000", "--address", "names=1000", "--release", "6.12"],
        "give --like ELF, too",
    ),
    (["stripped", "--address", "names=1000"], "give --release R, too"),
]


@pytest.mark.parametrize(
    ("arguments", "words"), DECODE_MISTAKES, ids=[" ".join(a) for a, _ in DECODE_MISTAKES]
)
def test_decode_says_what_is_still_missing(arguments: list[str], words: str, tmp_path: Path) -> None:
    """Where a file tells too little, the sentence names the options that are not given yet, and only those."""
    (tmp_path / "vmlinux").write_bytes(GOOD)
    subprocess.run(["strip", "-o", "stripped", "vmlinux"], cwd=tmp_path, check=True)
    assert words in sentence(elfsyms("decode", *arguments, cwd=tmp_path), 2)


@pytest.mark.parametrize("arguments", [[], ["--release", "6.12"], ["--dump-at", "1000"]])
def test_a_file_without_tables_is_said_to_have_none(arguments: list[str], tmp_path: Path) -> None:
    """Where a search finds nothing, the sentence says what was searched, and the exit code that it is not there."""
    (tmp_path / "vmlinux").write_bytes(GOOD)
    subprocess.run(["strip", "-o", "stripped", "vmlinux"], cwd=tmp_path, check=True)
    assert "bytes were searched for" in sentence(elfsyms("decode", "stripped", *arguments, cwd=tmp_path), 3)


def test_remarks_nobody_reads_change_nothing(tmp_path: Path) -> None:
    """With standard error closed by its reader the job is done all the same, and its exit code tells so."""
    (tmp_path / "vmlinux").write_bytes(GOOD)
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "elfsyms", "vmlinux", "-o", "kallsyms.o", "--verbose"]
    done = subprocess.run(command, cwd=tmp_path, env=environment(), stderr=writer, check=False)
    os.close(writer)
    assert done.returncode == 0
    assert (tmp_path / "kallsyms.o").read_bytes().startswith(b"\x7fELF")


def shared_name(size: int, count: int) -> bytes:
    """Return a kernel of so many symbols that share one name of so many bytes, in a file of little more."""
    name = b"a" * size  # one object for all of them
    twins = [Symbol(name, TEXT + 0x20 + 16 * at) for at in range(count)]
    return vmlinux([*SYMBOLS, *twins], release="6.12.5")


@pytest.mark.parametrize("command", [(), ("explain", "start_kernel"), ("ledger",), ("list",), ("stats",)])
def test_work_follows_the_size_of_the_file(folder: Path, command: tuple[str, ...]) -> None:
    """20 GB of names in a file of 2 MB are refused in a moment, in little memory, by every command."""
    (folder / "vmlinux").write_bytes(shared_name(500_000, 40_000))
    words = ("-o", "kallsyms.o") if not command else ()
    arguments = [*command[:1], "vmlinux", *command[1:], *words]
    result = subprocess.run(
        [sys.executable, "-m", "elfsyms", *arguments],
        cwd=folder,
        env=environment(),
        capture_output=True,
        check=False,
        timeout=60,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_DATA, (400 << 20, 400 << 20)),
    )
    assert "the names of its symbols are" in sentence(result, 4)
    assert (folder / "kallsyms.o").read_bytes() == BEFORE


def test_long_names_are_cut_where_they_are_listed(tmp_path: Path) -> None:
    """A name of 100,000 bytes is left out, and its first 600 are shown, on the screen and in JSON."""
    path = tmp_path / "vmlinux"
    path.write_bytes(shared_name(100_000, 1))
    shown = "a" * 600 + "... (100,000 bytes)"
    result = elfsyms(path, "-o", tmp_path / "x.o")
    assert f"left out, 100000 bytes where 511 are the most: {shown}\n" in result.stderr.decode()
    facts = json.loads(elfsyms(path, "-o", tmp_path / "x.o", "--json").stdout)
    assert facts["too_long"] == [shown]


def test_report_that_cannot_be_written_leaves_the_outputs(folder: Path) -> None:
    """What is printed of a job is an output of it: where the disk is full, the object is not replaced."""
    (folder / "vmlinux").write_bytes(GOOD)
    result = elfsyms_to_full("vmlinux", "-o", "kallsyms.o", "--json", folder=folder)
    assert result.returncode == 6
    assert (folder / "kallsyms.o").read_bytes() == BEFORE


def test_map_alone_needs_no_tables(folder: Path) -> None:
    """A symbol out of reach of the tables does not keep the map from being written."""
    (folder / "vmlinux").write_bytes(vmlinux([*NEAR, FAR], release=None))
    result = elfsyms("vmlinux", "--system-map", "map", "--release", "7.2", cwd=folder)
    assert (result.returncode, result.stderr) == (0, b"map: 4 lines, release 7.2\n")


FORGER = Symbol(b"a_forger\nffffffff81000040 T a_forged", TEXT + 0x30)


@pytest.mark.parametrize("release", ["6.1.100", "6.4", "6.12.5", "7.3"])
def test_names_that_forge_lines_are_told(tmp_path: Path, release: str) -> None:
    """A newline in a name makes a symbol of the rest, as stock does: the main job warns, explain copes."""
    path = tmp_path / "vmlinux"
    fill = [Symbol(f"fill{at}", TEXT + 0x100 + at) for at in range(300)]
    path.write_bytes(vmlinux([*SYMBOLS, FORGER, *fill], release=None))
    given = ("--release", release, "--all-symbols")
    result = elfsyms(path, "-o", tmp_path / "x.o", *given)
    assert "2 in the tables are no symbol's name, a_forger the first" in result.stderr.decode()
    assert result.returncode == 0
    result = elfsyms("explain", path, "a*", *given)
    assert (result.returncode, result.stderr) == (0, b"")


@pytest.mark.parametrize("prefix", ["\xff", "\u20ac", "ab", "\x07", " "])
def test_prefix_that_is_no_character_is_refused(tmp_path: Path, prefix: str) -> None:
    """A prefix goes into the labels of the tables: a printable ASCII character, from a flag or a configuration."""
    path, config = tmp_path / "vmlinux", tmp_path / "config"
    path.write_bytes(vmlinux(SYMBOLS, release=None))
    config.write_text(
        f'CONFIG_SYMBOL_PREFIX="{prefix}"\n', encoding="latin-1" if prefix == "\xff" else "utf-8"
    )
    for output in ("x.o", "x.S"):
        given = (path, "-o", tmp_path / output, "--release", "3.4")
        assert "no printable ASCII character" in sentence(elfsyms(*given, "--config", config), 4)
        assert "takes one printable ASCII character" in sentence(
            elfsyms(*given, "--symbol-prefix", prefix), 2
        )


def test_prefix_that_is_a_raw_byte_is_refused(tmp_path: Path) -> None:
    """An argument need not be UTF-8."""
    path = tmp_path / "vmlinux"
    path.write_bytes(vmlinux(SYMBOLS, release=None))
    raw = os.fsdecode(b"\xff")
    result = elfsyms(path, "-o", tmp_path / "x.o", "--release", "3.4", "--symbol-prefix", raw)
    assert "takes one printable ASCII character" in sentence(result, 2)
