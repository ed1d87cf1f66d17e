# SPDX-License-Identifier: GPL-2.0-or-later
"""Split units: which file is taken for a skeleton's, and what is said where there is none."""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from command import elfsyms
from dwarfmaker import build
from elfmaker import Section, Symbol, vmlinux

from elfsyms.errors import InputError
from elfsyms.files import MOST
from elfsyms.image.dwarf_functions import definitions
from elfsyms.image.dwarf_package import read_package
from elfsyms.image.elf import open_image
from elfsyms.image.packed_sections import has_compressed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from elfsyms.image.dwarf import Dwarf

pytestmark = pytest.mark.skipif(shutil.which("gcc") is None, reason="needs gcc")

FIRST, SECOND = "program-first.dwo", "program-second.dwo"


@pytest.fixture(params=["gcc-split", "gcc-split-4"])
def program(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Return a program of two split units, in a folder of its own."""
    folder = tmp_path / "built"
    folder.mkdir()
    return build(folder, request.param)


@pytest.fixture
def dwarf(program: Path) -> Iterator[Dwarf]:
    """Return its debug information."""
    with open_image(program) as image:
        found = image.dwarf()
        assert found is not None
        yield found


def entry(program: Path, name: str) -> int:
    """Return the address of a function, by nm."""
    shown = subprocess.run(["nm", str(program)], capture_output=True, text=True, check=True).stdout
    return next(int(line.split()[0], 16) for line in shown.splitlines() if line.endswith(f" {name}"))


def test_a_missing_file_takes_names_and_leaves_lines(program: Path, dwarf: Dwarf) -> None:
    """Without its file a unit has lines and no names; that is told, of this unit alone."""
    (program.parent / FIRST).unlink()
    (frame,) = dwarf.frames(entry(program, "first"))
    assert (frame.function, frame.line > 0) == ("", True)
    assert definitions(dwarf, "up") == ()
    assert [one.line for one in definitions(dwarf, "helper")] == [4]
    assert dwarf.split.unread == {FIRST: "not there"}


def test_only_files_that_the_index_names_are_opened(program: Path, dwarf: Dwarf) -> None:
    """A unit without a function of the name is not asked for its file: its absence does not matter."""
    (program.parent / SECOND).unlink()
    assert [one.line for one in definitions(dwarf, "up")] == [3]
    assert definitions(dwarf, "no_function") == ()
    assert dwarf.split.unread == {}


@pytest.mark.skipif(shutil.which("objcopy") is None, reason="needs objcopy")
def test_the_index_changes_no_answer(program: Path, dwarf: Dwarf) -> None:
    """What is found by the index is what is found without one, when every file that has the name is read."""
    bare = program.with_name("bare")
    command = ["objcopy", "--remove-section=.debug_gnu_pubnames", str(program), str(bare)]
    subprocess.run(command, check=True)
    with open_image(bare) as image:
        whole = image.dwarf()
        assert whole is not None
        for name in ("twice", "up", "first", "lookup", "helper", "main", "words", "loo", "ookup"):
            told = [[replace(one, read=0, of=0) for one in definitions(of, name)] for of in (dwarf, whole)]
            assert told[0] == told[1], name


def test_units_behind_the_first_are_counted_and_not_opened(program: Path, dwarf: Dwarf) -> None:
    """Of a header's function as many units are read as asked for; the others' files need not be there."""
    (program.parent / SECOND).unlink()
    (found,) = definitions(dwarf, "twice", most=1)
    assert (found.read, found.of, len(found.units)) == (1, 2, 1)
    assert dwarf.split.unread == {}


def test_a_symbol_leads_to_a_unit_where_the_index_has_another_name(tmp_path: Path) -> None:
    """A function with a name of the linker's own is found by that: its symbol's address tells the unit."""
    (tmp_path / "one.c").write_text('int one(int x) __asm__("label");\nint one(int x) { return x; }\n')
    command = "gcc -g -gsplit-dwarf -nostdlib -static -Wl,-e,label one.c -o one"
    subprocess.run(command.split(), cwd=tmp_path, check=True)
    with open_image(tmp_path / "one") as image:
        dwarf = image.dwarf()
        assert dwarf is not None
        assert definitions(dwarf, "label") == ()
        (found,) = definitions(dwarf, "label", addresses=[entry(tmp_path / "one", "label")])
    assert found.line == 2


def test_a_file_of_another_build_is_not_taken(program: Path, dwarf: Dwarf) -> None:
    """A unit's file that a later build left is told, and nothing is taken from it."""
    folder = program.parent
    (folder / FIRST).write_bytes((folder / SECOND).read_bytes())
    assert dwarf.frames(entry(program, "first"))[0].function == ""
    assert definitions(dwarf, "up") == ()
    assert dwarf.split.unread == {FIRST: "of another build"}


def test_files_are_found_beside_a_program_that_was_moved(program: Path, tmp_path: Path) -> None:
    """A build folder that went elsewhere has its files beside the program still."""
    moved = tmp_path / "moved"
    program.parent.rename(moved)
    with open_image(moved / program.name) as image:
        dwarf = image.dwarf()
        assert dwarf is not None
        assert [one.function for one in dwarf.frames(entry(moved / program.name, "helper"))] == ["helper"]
        assert not dwarf.split.unread


def test_files_are_found_above_a_file_that_was_moved(program: Path, tmp_path: Path) -> None:
    """A module lies deep in a build folder that went elsewhere: its units' files are named from the top of that."""
    deep = tmp_path / "moved" / "drivers" / "net"
    deep.parent.mkdir(parents=True)
    for file in (FIRST, SECOND):
        (program.parent / file).rename(tmp_path / "moved" / file)
    program.parent.rename(deep)
    with open_image(deep / program.name) as image:
        dwarf = image.dwarf()
        assert dwarf is not None
        assert [one.line for one in definitions(dwarf, "helper")] == [4]
        assert not dwarf.split.unread


def test_a_damaged_file_is_named(program: Path, dwarf: Dwarf) -> None:
    """A file that is cut short stops the answer with a sentence that names it, not the program."""
    file = program.parent / FIRST
    file.write_bytes(file.read_bytes()[:200])
    with pytest.raises(InputError, match=FIRST):
        dwarf.frames(entry(program, "first"))


def test_a_file_that_cannot_be_read_is_told_with_the_cause(program: Path, dwarf: Dwarf) -> None:
    """A file that the system does not let be read, here for its size, is not called damaged, and stops nothing."""
    os.truncate(program.parent / FIRST, MOST + 1)
    assert dwarf.frames(entry(program, "first"))[0].function == ""
    assert dwarf.split.unread == {FIRST: "File too large"}


def test_only_an_elf_file_is_read(program: Path, dwarf: Dwarf) -> None:
    """A skeleton may name any file: what is none of ours is told to be none, and nothing of what it holds."""
    file = program.parent / FIRST
    file.write_bytes(b"secret")
    assert dwarf.frames(entry(program, "first"))[0].function == ""
    assert dwarf.split.unread == {FIRST: "no ELF file"}


def test_what_has_no_bytes_by_its_size_is_not_read(program: Path, dwarf: Dwarf) -> None:
    """A file of the system that loses what is read of it, and says that it has no bytes, is left alone."""
    file = program.parent / FIRST
    file.unlink()
    file.symlink_to("/proc/self/environ")
    assert dwarf.frames(entry(program, "first"))[0].function == ""
    assert dwarf.split.unread == {FIRST: "no ELF file"}


def test_units_are_found_again_when_files_were_dropped(dwarf: Dwarf, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where only one file at a time is kept, names and addresses of all are told as before."""
    monkeypatch.setattr("elfsyms.image.dwarf_split._KEPT", 1)
    for _ in range(2):
        assert [one.line for one in definitions(dwarf, "up")] == [3]
        assert [one.line for one in definitions(dwarf, "helper")] == [4]


def test_parts_of_a_package_lie_apart(tmp_path: Path) -> None:
    """A package whose units share one part of the entries is damaged: each would be read for all."""
    index = struct.pack("<4I", 2, 2, 2, 2) + struct.pack("<QQII", 1, 2, 1, 2) + struct.pack("<II", 1, 3)
    index += struct.pack("<4I", 0, 0, 1, 0) + struct.pack("<4I", 9, 4, 9, 4)
    parts = {".debug_cu_index": index, ".debug_info.dwo": bytes(10), ".debug_abbrev.dwo": bytes(4)}
    sections = [Section(name, 0, data, flags="") for name, data in parts.items()]
    (tmp_path / "program.dwp").write_bytes(vmlinux([Symbol("_text", 0x1000)], sections=sections))
    with pytest.raises(InputError, match=r"the parts that units have of \.debug_info lie over each other"):
        read_package(tmp_path / "program.dwp")


def test_symbolize_and_explain_say_what_they_lack(program: Path) -> None:
    """Both answer by what is there, and name the file that is not."""
    log = f"[<{entry(program, 'lookup'):016x}>]\n".encode()
    release = ("--release", "6.12")
    assert b"first.c:" in elfsyms("symbolize", program, *release, stdin=log).stdout
    (program.parent / FIRST).unlink()
    told = elfsyms("symbolize", program, *release, stdin=log)
    assert b"first.c:" in told.stdout
    assert f"{FIRST} (not there)" in told.stderr.decode()
    shown = elfsyms("explain", program, *release, "lookup", "helper", "--source").stdout.decode()
    lookup, helper = (" ".join(one.split()) for one in shown.split("\n\n"))
    assert f"cannot be had: {FIRST} (not there)" in lookup
    assert "second.c:4" in helper
    assert FIRST not in helper


def test_compressed_sections_are_seen_in_both_classes(tmp_path: Path) -> None:
    """Plain objects of 32 and 64 bits have no compressed sections, compressed ones have, and noise may have."""
    (tmp_path / "one.c").write_text("int one(int x) { return x; }\n")
    for bits in ("-m64", "-m32"):
        for packed in ("none", "zlib"):
            command = ["gcc", bits, "-g", f"-gz={packed}", "-c", "one.c", "-o", "one.o"]
            subprocess.run(command, cwd=tmp_path, check=True)
            assert has_compressed((tmp_path / "one.o").read_bytes()) == (packed == "zlib")
    assert has_compressed(b"\x7fELF\2\1")
