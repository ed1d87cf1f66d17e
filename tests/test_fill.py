# SPDX-License-Identifier: GPL-2.0-or-later
"""Room that is filled in after one link gives, to the byte, what links in passes give; or nothing is written."""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from command import elfsyms, sentence
from roommaker import RELEASES, TARGETS, differing, same, tool, toy_of

from elfsyms.compare.reasons import likely_reason
from elfsyms.compare.verify import verify
from elfsyms.errors import EncodeError, InputError, OutputError
from elfsyms.image.elf import TORN, open_image
from elfsyms.image.machines import machine_of
from elfsyms.pipeline.kernel import load
from elfsyms.writers import inplace
from elfsyms.writers.build import assembly_of, object_of
from elfsyms.writers.fill import fill, plan_fill
from elfsyms.writers.object import write_object
from elfsyms.writers.reserve import describe, layout_described, reserve
from elfsyms.writers.room import MismatchError

if TYPE_CHECKING:
    from roommaker import Toy
    from test_object_links import Target

KILLS = 1000
QUICK = {("x86-64", "6.1"), ("x86-64", "6.12"), ("x86-64", "7.3"), ("s390x", "7.3"), ("i386", "6.12")}
COMBINATIONS = [
    pytest.param(
        target,
        release,
        kept,
        id=f"{target.name}-{release}{''.join(kept)}",
        marks=[] if (target.name, release) in QUICK and kept else [pytest.mark.slow],
    )
    for target in TARGETS
    for release in sorted(RELEASES)
    for kept in ((), ("--emit-relocs",))
]


@pytest.fixture(params=["6.12", "7.3"])
def release(request: pytest.FixtureRequest) -> str:
    """Name a release with a base that the linker relocates, and one with PC-relative offsets."""
    return str(request.param)


@pytest.fixture
def toy(tmp_path: Path, release: str) -> Toy:
    """Make a kernel for x86-64."""
    return toy_of(tmp_path, release)


def filled(toy: Toy, image: Path) -> Path:
    """Fill an image in."""
    with load(image, **toy.request) as kernel:
        fill(kernel)
    return image


@pytest.mark.parametrize(("target", "release", "kept"), COMBINATIONS)
def test_filled_kernel_is_that_of_links_in_passes(
    tmp_path: Path, release: str, target: Target, kept: tuple[str, ...]
) -> None:
    """On every target, in both byte orders, with kept relocations or without, and the build ID too."""
    toy = toy_of(tmp_path, release, target)
    with open_image(tmp_path / "start.o") as image:
        if RELEASES[release].get("pc_relative") and machine_of(image.abi).pc_relative is None:
            pytest.skip(f"{target.name} has no PC-relative relocation of 32 bits")
    options = ("--build-id=sha1", *kept)
    stock = toy.in_passes(*options)
    assert same(filled(toy, toy.with_room(*options)), stock)


def test_position_independent_kernel_is_filled_in(toy: Toy) -> None:
    """Dynamic relocations of the tables' base stay, and hold."""
    options = ("--build-id=sha1", "-pie", "--no-dynamic-linker", "-z", "notext")
    stock = toy.in_passes(*options)
    assert same(filled(toy, toy.with_room(*options)), stock)


@pytest.mark.parametrize("pack", ["none", "relr"])
def test_kernel_of_lld_is_filled_in(tmp_path: Path, release: str, pack: str) -> None:
    """LLD's kernels too, with dynamic relocations as entries or as bit maps."""
    toy = toy_of(tmp_path, release, linker="ld.lld-19")
    options = ("-pie", "--no-dynamic-linker", f"--pack-dyn-relocs={pack}", "-z", "notext", "--build-id=none")
    stock = toy.in_passes(*options)
    assert same(filled(toy, toy.with_room(*options)), stock)


def test_unfilled_kernel_has_no_symbols(toy: Toy) -> None:
    """What was reserved says of itself that it holds nothing: a kernel that starts so finds no names."""
    toy.in_passes()
    image = toy.with_room()
    with load(image, **toy.request) as kernel:
        place = kernel.symbols.address_of(b"kallsyms_num_syms")
        assert place is not None
        assert kernel.image.read(place, 4) == bytes(4)


def test_unfilled_kernel_is_told_from_a_first_link(toy: Toy) -> None:
    """``verify`` of a kernel whose room was not filled in says so, not that its tables are empty ones."""
    first = toy.in_passes().with_name("pass0")
    for image, reason in ((toy.with_room(), "'elfsyms fill' writes them"), (first, "first link")):
        with load(image, **toy.request) as kernel:
            assert reason in likely_reason(verify(kernel))


def test_a_mismatch_is_refused_and_nothing_written(toy: Toy) -> None:
    """A kernel that got a function more than room was reserved for stays as it was linked."""
    toy.in_passes()
    before = toy.with_room().read_bytes()
    more = toy_of(
        toy.folder, toy.request["release"], more="\t.globl a_function_more\na_function_more:\n\t.long 0\n"
    )
    image = more.link((toy.folder / "tables.o").read_bytes(), "vmlinux")
    assert image.read_bytes() != before
    linked = image.read_bytes()
    with load(image, **toy.request) as kernel, pytest.raises(MismatchError, match=r"reserve anew"):
        fill(kernel)
    assert image.read_bytes() == linked


def test_room_of_the_mismatched_image_fits(toy: Toy) -> None:
    """What is reserved from the image that did not fit is right for the next link."""
    toy.in_passes()
    toy.with_room()
    tables = (toy.folder / "tables.o").read_bytes()
    more = toy_of(
        toy.folder, toy.request["release"], more="\t.globl a_function_more\na_function_more:\n\t.long 0\n"
    )
    image = more.link(tables, "too-small")
    stock = more.in_passes()
    assert same(filled(more, more.with_room(of=image)), stock)


def test_slack_takes_more_symbols(toy: Toy) -> None:
    """With slack the tables of more symbols fit, and read back as they should."""
    toy.in_passes()
    toy.with_room(slack=10)
    tables = (toy.folder / "tables.o").read_bytes()
    more = toy_of(
        toy.folder, toy.request["release"], more="\t.globl a_function_more\na_function_more:\n\t.long 0\n"
    )
    image = filled(more, more.link(tables, "vmlinux", "--emit-relocs"))
    with load(image, **toy.request) as kernel:
        answer = verify(kernel)
    assert answer.equal
    assert answer.found > 300


def test_kernel_without_room_is_refused(toy: Toy) -> None:
    """Tables that are there are not written over, whether linked or filled in."""
    stock = toy.in_passes()
    for image in (stock, filled(toy, toy.with_room())):
        with load(image, **toy.request) as kernel, pytest.raises(InputError, match=r"no room reserved"):
            plan_fill(kernel)


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [("size", 1 << 16, "is truncated: section .rodata"), ("offset", None, ".data lies over the room")],
)
def test_room_that_others_have_a_hand_in_is_refused(
    tmp_path: Path, field: str, value: int | None, words: str
) -> None:
    """A room that is not whole in the file, or whose bytes another section has too, is not written over."""
    toy = toy_of(tmp_path, "6.12")
    toy.in_passes()
    image = toy.with_room()
    with open_image(image) as opened:
        rodata, data = (opened.section(name) for name in (".rodata", ".data"))
    assert rodata is not None
    assert data is not None
    changed, new = (rodata, value) if value else (data, rodata.offset + rodata.size - 4)
    headers = bytearray(image.read_bytes())
    place = int.from_bytes(headers[40:48], "little") + 64 * changed.index + {"offset": 24, "size": 32}[field]
    headers[place : place + 8] = new.to_bytes(8, "little")
    image.write_bytes(headers)
    with load(image, **toy.request) as kernel, pytest.raises(InputError, match=words):
        plan_fill(kernel)
    assert image.read_bytes() == headers


def test_other_release_is_refused(toy: Toy, release: str) -> None:
    """Room for the tables of one release is no room for those of another."""
    toy.in_passes()
    image = toy.with_room()
    other = {"6.1": "7.3", "6.12": "5.10", "7.3": "6.12"}[release]
    request = {**toy.request, "pc_relative": None, "base_relative": None, "release": other}
    with load(image, **request) as kernel, pytest.raises(MismatchError):
        plan_fill(kernel)


def test_whole_addresses_are_refused(tmp_path: Path) -> None:
    """``kallsyms_addresses`` is the linker's to relocate, so that no room is reserved for it."""
    toy = toy_of(tmp_path, "6.1")
    image = toy.in_passes()
    with (
        load(image, release="4.4", all_symbols=True) as kernel,
        pytest.raises(EncodeError, match=r"kallsyms_addresses holds whole addresses"),
    ):
        reserve(kernel.layout)


def test_foreign_relocation_in_the_room_is_refused(tmp_path: Path) -> None:
    """A relocation that the tables do not need means that somebody else has a hand in the room."""
    toy = toy_of(tmp_path, "6.12")
    toy.in_passes()
    image = toy.with_room("--emit-relocs")
    with open_image(image) as opened:
        kept = next(s for s in opened.sections if s.name == ".rela.rodata")
    with load(image, **toy.request) as kernel:
        place = kernel.symbols.address_of(b"kallsyms_markers")
    assert place is not None
    with image.open("r+b") as stream:
        stream.seek(kept.offset)
        stream.write(place.to_bytes(8, "little"))
    with (
        load(image, **toy.request) as kernel,
        pytest.raises(InputError, match=r"relocates .* inside the tables"),
    ):
        plan_fill(kernel)


def test_description_makes_the_room_again(toy: Toy) -> None:
    """What is remembered of a reservation is enough to make the same object."""
    with load(toy.in_passes(), **toy.request) as kernel:
        for slack in (0, 25):
            layout = reserve(kernel.layout, slack)
            assert write_object(layout_described(describe(layout))) == write_object(layout)


def test_killed_fill_is_evident(toy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed before any of its writes, a fill leaves the kernel as linked, or one that nobody can read."""
    toy.in_passes("--build-id=sha1")
    linked = toy.with_room("--build-id=sha1")
    with load(linked, **toy.request) as kernel:
        plan = plan_fill(kernel)
    states = []
    for last in range(len(plan.writes) + 2):
        image = linked.with_name("killed")
        shutil.copy(linked, image)
        in_child(lambda image=image, last=last: _die_at(last, image, plan.writes, monkeypatch))
        states.append(state_of(image, linked, toy))
    assert states == ["linked", *["torn"] * (len(plan.writes) + 1)]


def test_interrupted_fill_is_whole(toy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C while tables are written comes through when all are there."""
    toy.in_passes()
    image = toy.with_room()
    whole = filled(toy, Path(shutil.copy(image, image.with_name("whole"))))
    with load(image, **toy.request) as kernel:
        writes = plan_fill(kernel).writes
    real = os.pwrite

    def pwrite(handle: int, data: bytes, offset: int) -> int:
        os.kill(os.getpid(), signal.SIGINT)
        return real(handle, data, offset)

    monkeypatch.setattr(os, "pwrite", pwrite)
    with pytest.raises(KeyboardInterrupt):
        inplace.overwrite(image, writes)
    assert same(image, whole)


@pytest.mark.parametrize("made_by", ["elfsyms", "the assembler", "reserve"])
def test_room_is_reserved_from_an_object_too(toy: Toy, made_by: str) -> None:
    """The object of an earlier link has every label and size, whoever made it; one that reserves room, too."""
    with load(toy.in_passes(), **toy.request) as kernel:
        wanted = write_object(reserve(kernel.layout))
        text, made = assembly_of(kernel), object_of(kernel)
    earlier = toy.folder / "earlier.o"
    earlier.write_bytes({"elfsyms": made, "reserve": wanted}.get(made_by, b""))
    if made_by == "the assembler":
        assemble(text, earlier)
    again = toy.folder / "again.o"
    assert elfsyms("reserve", earlier, "-o", again).returncode == 0
    assert again.read_bytes() == wanted


def test_object_without_tables_is_refused(toy: Toy) -> None:
    """Any other object is told to be none."""
    done = elfsyms("reserve", toy.folder / "start.o", "-o", toy.folder / "again.o")
    assert "is an object without tables of symbols" in sentence(done, 4)


@pytest.mark.slow
def test_a_thousand_kills(tmp_path: Path) -> None:
    """``kill -9`` at any moment leaves a kernel as linked, wholly filled, or refused by all."""
    toy = toy_of(tmp_path, "6.12")
    toy.in_passes("--build-id=sha1")
    linked = toy.with_room("--build-id=sha1")
    whole = filled(toy, Path(shutil.copy(linked, tmp_path / "whole")))
    with load(linked, **toy.request) as kernel:
        writes = plan_fill(kernel).writes
    chance = random.Random(12)  # noqa: S311 (moments, not secrets)
    image, states = tmp_path / "killed", {"linked": 0, "torn": 0, "filled": 0}
    for _ in range(KILLS):
        shutil.copy(linked, image)
        child = os.fork()
        if child == 0:
            inplace.overwrite(
                image, [(at + i, data[i : i + 64]) for at, data in writes for i in range(0, len(data), 64)]
            )
            os._exit(0)
        time.sleep(chance.uniform(0, 0.004))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        states[state_of(image, linked, toy, whole)] += 1
    assert sum(states.values()) == KILLS
    assert states["torn"] > 0
    print(states)  # noqa: T201 (what the kills left)


def assemble(text: bytes, target: Path) -> None:
    """Assemble tables as the kernel's build does."""
    include = target.parent / "include" / "asm"
    include.mkdir(parents=True)
    (include / "types.h").write_text("", encoding="ascii")
    (include / "bitsperlong.h").write_text("#define BITS_PER_LONG 64\n", encoding="ascii")
    source = target.with_suffix(".S")
    source.write_bytes(text)
    words = ["-D__ASSEMBLY__", f"-I{include.parent}", "-c", "-o", str(target), str(source)]
    subprocess.run([tool("x86_64-linux-gnu-gcc"), *words], check=True)


def _die_at(
    last: int, image: Path, writes: tuple[tuple[int, bytes], ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fill an image in, and be killed instead of the write of that number."""
    real, count = os.pwrite, iter(range(1000))

    def pwrite(handle: int, data: bytes, offset: int) -> int:
        if next(count) == last:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(handle, data, offset)

    monkeypatch.setattr(os, "pwrite", pwrite)
    inplace.overwrite(image, writes)


def in_child(function: object) -> None:
    """Call a function in a process of its own."""
    child = os.fork()
    if child == 0:
        try:
            function()  # type: ignore[operator]
        finally:
            os._exit(0)
    os.waitpid(child, 0)


def state_of(image: Path, linked: Path, toy: Toy, whole: Path | None = None) -> str:
    """Tell what became of an image, and check that a torn one is refused by those who would read it."""
    data = image.read_bytes()
    if data == linked.read_bytes():
        return "linked"
    if whole is not None and data == whole.read_bytes():
        return "filled"
    assert data.startswith(TORN)
    if whole is None:
        for program in ("x86_64-linux-gnu-nm", "x86_64-linux-gnu-objcopy"):
            assert subprocess.run([tool(program), str(image)], capture_output=True, check=False).returncode
    with pytest.raises(InputError, match=r"half filled in .* link it again"):
        load(image, **toy.request)
    return "torn"


def test_a_report_that_cannot_be_written_leaves_all_files(toy: Toy, tmp_path: Path) -> None:
    """The report comes before the first file changes: where it fails, kernel, map and object are as they were."""
    toy.in_passes()
    image = toy.with_room()
    before = image.read_bytes()
    flags = []
    for field, value in toy.request.items():
        flag = field.replace("_", "-")
        flags += (
            [f"--{flag}", value] if isinstance(value, str) else [f"--{flag}" if value else f"--no-{flag}"]
        )
    for words in (
        ("fill", image, "--system-map", tmp_path / "map"),
        ("reserve", image, "-o", tmp_path / "o.o"),
    ):
        command = [sys.executable, "-m", "elfsyms", *map(str, words), *flags, "--json"]
        with Path("/dev/full").open("wb") as full:
            done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, check=False)
        assert done.returncode == 6, done.stderr
    assert image.read_bytes() == before
    assert not (tmp_path / "map").exists()
    assert not (tmp_path / "o.o").exists()


@pytest.mark.parametrize(
    "words",
    [
        ("fill", "vmlinux", "--system-map", "vmlinux"),
        ("fill", "vmlinux", "--or-reserve", "link"),
        ("fill", "vmlinux", "--system-map", "one", "--or-reserve", "one"),
        ("reserve", "vmlinux", "-o", "vmlinux"),
        ("fill", "vmlinux", "--system-map", "-", "--json"),
        ("reserve", "vmlinux", "-o", "-", "--json"),
    ],
)
def test_no_output_overwrites_another(tmp_path: Path, words: tuple[str, ...]) -> None:
    """Outputs that are the kernel itself, or one another, are a usage error, before anything is read."""
    image = tmp_path / "vmlinux"
    image.write_bytes(b"a kernel")
    (tmp_path / "link").symlink_to(image)
    done = elfsyms(*words, cwd=tmp_path)
    assert re.search("must be different files|only one thing can go to standard output", sentence(done, 2))
    assert image.read_bytes() == b"a kernel"


def test_link_stays_a_link(toy: Toy) -> None:
    """A kernel by another name, a symbolic link or a hard one, is filled in where it lies."""
    toy.in_passes()
    image = toy.with_room()
    symbolic, hard = image.with_name("symbolic"), image.with_name("hard")
    symbolic.symlink_to(image.name)
    hard.hardlink_to(image)
    filled(toy, symbolic)
    assert symbolic.is_symlink()
    with load(image, **toy.request) as kernel:
        assert verify(kernel).equal
    assert same(hard, image)


def test_file_that_cannot_be_written_stays(toy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    """An image that may not be opened for writing is as it was."""
    toy.in_passes()
    toy.in_passes()
    image = toy.with_room()
    before = image.read_bytes()

    def refuse(*_: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("elfsyms.writers.inplace.os.open", refuse)
    with load(image, **toy.request) as kernel, pytest.raises(OutputError, match=r"as it was"):
        fill(kernel)
    assert image.read_bytes() == before


class TestCommands:
    """``elfsyms reserve`` and ``elfsyms fill``."""

    @pytest.fixture
    def toy(self, tmp_path: Path) -> Toy:
        """Make a kernel of one release; what the commands add is the same for all."""
        return toy_of(tmp_path, "7.3")

    def test_reserve_link_and_fill(self, toy: Toy) -> None:
        """Three commands make what links in passes make, and System.map is what the main job writes."""
        stock = toy.in_passes("--build-id=sha1")
        options = ("--release", "7.3", "--all-symbols", "--pc-relative")
        made = elfsyms("reserve", toy.folder / "pass0", "-o", toy.folder / "room.o", *options)
        assert b"to be filled in after the link" in made.stderr
        image = toy.link((toy.folder / "room.o").read_bytes(), "vmlinux", "--build-id=sha1")
        done = elfsyms("fill", image, "--system-map", toy.folder / "map", *options, "--json")
        assert same(image, stock)
        elfsyms(stock, "--system-map", toy.folder / "stock.map", *options)
        assert same(toy.folder / "map", toy.folder / "stock.map")
        facts = json.loads(done.stdout)
        assert (facts["schema"], facts["build_id"]["algorithm"]) == ("elfsyms.fill/1", "sha1")
        assert facts["build_id"]["before"] != facts["build_id"]["now"]

    def test_mismatch_has_exit_code_1_and_can_reserve_anew(self, toy: Toy) -> None:
        """Where the room does not fit, ``fill --or-reserve`` writes one that does, and says so with exit code 1."""
        toy.in_passes()
        toy.with_room()
        tables = (toy.folder / "tables.o").read_bytes()
        more = toy_of(toy.folder, "7.3", more="\t.globl one_more\none_more:\n\t.long 0\n")
        image = more.link(tables, "vmlinux")
        before = image.read_bytes()
        options = ("--release", "7.3", "--all-symbols", "--pc-relative")
        done = elfsyms("fill", image, "--or-reserve", toy.folder / "room.o", *options)
        assert "reserve anew from this file" in sentence(done, 1)
        assert image.read_bytes() == before
        stock = more.in_passes()
        image = more.link((toy.folder / "room.o").read_bytes(), "vmlinux")
        assert elfsyms("fill", image, *options).returncode == 0
        assert differing(image, stock) == []

    def test_sizes_are_remembered(self, toy: Toy) -> None:
        """Without a kernel, reserve makes the room of the build before: that of one configuration and link."""
        toy.in_passes()
        config = toy.folder / "auto.conf"
        config.write_text("CONFIG_KALLSYMS_ALL=y\n", encoding="ascii")
        options = ("--release", "7.3", "--pc-relative", "--config", config, "--cache", toy.folder / "cache")
        first, again = toy.folder / "first.o", toy.folder / "again.o"
        elfsyms("reserve", toy.folder / "pass0", "-o", first, *options, "--link", "ld 2.40")
        assert elfsyms("reserve", "-o", again, *options, "--link", "ld 2.40").returncode == 0
        assert same(again, first)
        other = elfsyms("reserve", "-o", again, *options, "--link", "ld 2.41")
        assert "no sizes are remembered" in sentence(other, 3)
        config.write_text("CONFIG_KALLSYMS_ALL=y\nCONFIG_SMP=y\n", encoding="ascii")
        assert elfsyms("reserve", "-o", again, *options, "--link", "ld 2.40").returncode == 3
