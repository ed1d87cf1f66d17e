# SPDX-License-Identifier: GPL-2.0-or-later
"""Commands on kernels without a symbol: boot images and stripped files, answered from the tables inside."""

from __future__ import annotations

import gzip
import re
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest
from command import elfsyms, sentence
from containermaker import CONTAINERS
from imagemaker import boundary_tables
from tablemaker import TEXT, linked_kernel

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow  # each container with each command

TABLES = boundary_tables("6.6", (64, "<", 62))
BASE = TEXT[64]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with vmlinux, the stripped ``vmlinuz`` made of it, and the map of both."""
    tmp_path = tmp_path_factory.mktemp("images")
    (tmp_path / "vmlinux").write_bytes(linked_kernel(TABLES, release="6.6.0"))
    subprocess.run(["strip", "-o", "stripped", "vmlinux"], cwd=tmp_path, check=True)
    packed = CONTAINERS["bzImage"](gzip.compress((tmp_path / "stripped").read_bytes()))
    (tmp_path / "vmlinuz-6.6.0-made").write_bytes(packed)
    text = elfsyms("decode", "vmlinux", cwd=tmp_path).stdout
    (tmp_path / "kernel.list").write_bytes(text)
    dropped = b"%016x t __pi_$x\n%016x A __crc_thing\n" % (BASE + 0x30000, 0x1234)
    (tmp_path / "System.map").write_bytes(text + dropped)
    return tmp_path


@pytest.mark.parametrize("kernel", ["vmlinuz-6.6.0-made", "stripped"])
def test_list_prints_what_the_tables_hold(folder: Path, kernel: str) -> None:
    """A boot image and a stripped kernel list the symbols that the unstripped one has in its tables."""
    done = elfsyms("list", kernel, cwd=folder)
    assert done.stdout == (folder / "kernel.list").read_bytes()


def test_explain_tells_a_kept_symbol(folder: Path) -> None:
    """A symbol in the tables is kept, with its address."""
    done = elfsyms("explain", "vmlinuz-6.6.0-made", "_etext", cwd=folder)
    assert done.returncode == 0
    assert f"{BASE + 0x8000:#x}".encode() in done.stdout


def test_explain_has_the_evidence_of_the_tables_alone(folder: Path) -> None:
    """Of an image nothing is told of a symbol table and of stages, and not that the release was given."""
    done = elfsyms("explain", "vmlinuz-6.6.0-made", "_etext", "--verbose", cwd=folder)
    assert re.search(rb"release +6\.6(\.0)? +\(a banner in the image\)", done.stderr)
    told = [
        line.split()[0] for line in done.stdout.splitlines() if line.startswith(b"  ") and line[2:3] != b" "
    ]
    assert b"position" in told
    assert not {b"symtab", b"nm", b"map", b"read", b"range"} & set(told)


def test_a_section_that_was_made_up_is_not_told(folder: Path) -> None:
    """What lies in no section of the image has none in any answer."""
    rows = elfsyms("list", "vmlinuz-6.6.0-made", "--csv", "--columns", "name,section", cwd=folder).stdout
    lines = rows.decode().splitlines()[1:]
    assert not [line for line in lines if ".other" in line]
    assert [line for line in lines if line.endswith(",")]
    ledger = elfsyms("ledger", "vmlinuz-6.6.0-made", "--by", "section", cwd=folder).stdout
    assert b"unknown" in ledger
    assert b".other" not in ledger


def test_explain_points_to_the_map_for_what_is_absent(folder: Path) -> None:
    """An image cannot tell a dropped symbol from one that never was; the remark says what can."""
    done = elfsyms("explain", "vmlinuz-6.6.0-made", "__crc_thing", cwd=folder)
    assert done.returncode == 3
    assert b"with --map" in done.stderr
    assert b"what they do not have was dropped when they were made, inlined," in b" ".join(
        done.stdout.split()
    )


def test_explain_with_a_map_names_the_rule(folder: Path) -> None:
    """A name of the map that is not in the tables gets the rule of the kernel's own release."""
    done = elfsyms("explain", "vmlinuz-6.6.0-made", "__crc_thing", "--map", "System.map", cwd=folder)
    assert done.returncode == 1
    assert re.search(rb"__crc_thing +dropped +KS\d+", done.stdout)


def test_verify_holds_tables_against_the_map(folder: Path) -> None:
    """Tables agree with the map that they were made from; without it there is nothing to compare with."""
    assert elfsyms("verify", "vmlinuz-6.6.0-made", "--map", "System.map", cwd=folder).returncode == 0
    assert "give --map" in sentence(elfsyms("verify", "vmlinuz-6.6.0-made", cwd=folder), 2)


def test_verify_finds_a_symbol_that_the_map_lacks(folder: Path) -> None:
    """A map of another build differs."""
    lines = (folder / "System.map").read_bytes().splitlines(keepends=True)
    (folder / "other.map").write_bytes(b"".join(lines[:100] + lines[101:]))
    assert elfsyms("verify", "vmlinuz-6.6.0-made", "--map", "other.map", cwd=folder).returncode == 1


def test_a_running_kernel_is_compared_with_an_image(folder: Path) -> None:
    """``/proc/kallsyms`` under KASLR equals the image's tables."""
    moved = elfsyms("list", "vmlinuz-6.6.0-made", "--kaslr", "1c400000", cwd=folder).stdout
    (folder / "running").write_bytes(moved)
    done = elfsyms("verify", "vmlinuz-6.6.0-made", "--proc-kallsyms", "running", cwd=folder)
    assert done.returncode == 0
    assert b"+0x1c400000" in done.stdout


def test_two_images_are_compared(folder: Path) -> None:
    """Diff takes boot images; the same kernel has no difference."""
    assert elfsyms("diff", "vmlinuz-6.6.0-made", "stripped", cwd=folder).returncode == 0


def test_stats_and_ledger_take_images(folder: Path) -> None:
    """The questions that are about all symbols are answered, too."""
    for command in ("stats", "ledger"):
        assert elfsyms(command, "vmlinuz-6.6.0-made", cwd=folder).returncode == 0


def test_a_map_beside_symbols_is_a_mistake(folder: Path) -> None:
    """A kernel with symbols of its own takes no map."""
    words = sentence(elfsyms("list", "vmlinux", "--map", "System.map", cwd=folder), 2)
    assert "has symbols of its own" in words


def test_a_packed_vmlinux_is_opened(folder: Path) -> None:
    """A vmlinux with its symbols, only compressed, is what it was."""
    (folder / "vmlinux.gz").write_bytes(gzip.compress((folder / "vmlinux").read_bytes()))
    plain = elfsyms("list", "vmlinux", cwd=folder)
    assert elfsyms("list", "vmlinux.gz", cwd=folder).stdout == plain.stdout


def _nm(path: Path) -> set[bytes]:
    done = subprocess.run(["nm", path], capture_output=True, check=True)
    return set(done.stdout.splitlines())


def test_the_written_vmlinux_has_the_symbols(folder: Path) -> None:
    """Nm shows of the file that --elf writes what the tables hold, letter by letter."""
    assert elfsyms("decode", "vmlinuz-6.6.0-made", "--elf", "out", cwd=folder).returncode == 0
    assert set((folder / "kernel.list").read_bytes().splitlines()) <= _nm(folder / "out")


def test_the_written_vmlinux_is_moved_by_kaslr(folder: Path) -> None:
    """--kaslr moves symbols and bytes, by a number or a line of dmesg that the machine's kernels can have."""
    for offset in ("0x200000", "Kernel Offset: 0x200000 from 0xffffffff81000000"):
        elfsyms("decode", "vmlinuz-6.6.0-made", "--elf", "out", "--kaslr", offset, cwd=folder)
        assert b"%016x T _etext" % (BASE + 0x208000) in _nm(folder / "out")
    wrong = elfsyms("decode", "vmlinuz-6.6.0-made", "--elf", "out", "--kaslr", "1234", cwd=folder)
    assert "no multiple of 2 MiB" in sentence(wrong, 2)


def test_kaslr_without_elf_is_a_mistake(folder: Path) -> None:
    """The offset is for what is written."""
    assert "give --elf OUT" in sentence(elfsyms("decode", "stripped", "--kaslr", "200000", cwd=folder), 2)


@pytest.mark.skipif(shutil.which("gdb") is None, reason="gdb is not installed")
def test_gdb_reads_the_written_vmlinux(folder: Path) -> None:
    """Gdb names an address, and disassembles at it."""
    elfsyms("decode", "vmlinuz-6.6.0-made", "--elf", "out", cwd=folder)
    commands = ["-ex", f"info symbol {BASE + 0x8000:#x}", "-ex", "x/1i _stext"]
    done = subprocess.run(
        ["gdb", "-batch", "-nx", *commands, "out"], cwd=folder, capture_output=True, check=True
    )
    assert b"_etext in section" in done.stdout
    assert f"{BASE:#x} <".encode() in done.stdout


@pytest.mark.skipif(shutil.which("addr2line") is None, reason="addr2line is not installed")
def test_addr2line_reads_the_written_vmlinux(folder: Path) -> None:
    """addr2line names the function of an address."""
    elfsyms("decode", "vmlinuz-6.6.0-made", "--elf", "out", cwd=folder)
    command = ["addr2line", "-f", "-e", "out", f"{BASE + 0x8000:#x}"]
    done = subprocess.run(command, cwd=folder, capture_output=True, check=True)
    assert done.stdout.split()[0] == b"_etext"


# Every command, on a boot image: the arguments, the exit code, and what it says.
WALK: dict[str, tuple[tuple[str, ...], int, bytes]] = {
    "build": (("build", "IMAGE", "-o", "out.o"), 4, b"give the vmlinux of the build tree"),
    "explain": (("explain", "IMAGE", "_stext", "--verbose"), 0, b"the kernel is packed: bzImage > gzip"),
    "ledger": (("ledger", "IMAGE"), 0, b"in the tables"),
    "list": (("list", "IMAGE"), 0, b" T _stext\n"),
    "decode": (("decode", "IMAGE"), 0, b" T _stext\n"),
    "verify": (("verify", "IMAGE", "--map", "System.map"), 0, b"equal"),
    "diff": (("diff", "IMAGE", "stripped"), 0, b"0 symbols added, 0 removed"),
    "check": (("check", "IMAGE", "--needs", "needs"), 0, b"1 of 1 needs are met"),
    "symbolize": (("symbolize", "IMAGE"), 0, b"_stext+0x4"),
    "stats": (("stats", "IMAGE"), 0, b"kallsyms_names"),
    "reserve": (("reserve", "IMAGE", "-o", "room.o"), 4, b"give the vmlinux of the build tree"),
    "fill": (("fill", "IMAGE"), 4, b"give the vmlinux of the build tree"),
    "report": (("report", "IMAGE", "-o", "report.html"), 0, b""),
    "export": (("export", "IMAGE", "-o", "atlas"), 0, b""),
}
NO_KERNEL = {"rules", "releases", "atlas", "kbuild"}


def test_the_walk_has_every_command() -> None:
    """No command that takes a kernel is left out of the walk below."""
    from elfsyms.cli.app import COMMANDS  # noqa: PLC0415 (typer, which few tests need)

    assert set(COMMANDS) == set(WALK) | NO_KERNEL


@pytest.mark.parametrize("command", WALK)
def test_every_command_answers_on_a_boot_image_or_says_what_to_give(folder: Path, command: str) -> None:
    """A command that takes a vmlinux takes a boot image, or refuses it in a sentence that names the right file."""
    arguments, code, words = WALK[command]
    (folder / "needs").write_text("_stext\n", encoding="ascii")
    log = b"[ 1.0] RIP: 0010:_stext+0x4/0x10\n[ 1.0]  [<%016x>] ?\n" % (BASE + 4)
    image = "vmlinuz-6.6.0-made"
    done = elfsyms(*(image if word == "IMAGE" else word for word in arguments), cwd=folder, stdin=log)
    assert done.returncode == code, done.stderr
    assert words in done.stdout + done.stderr
    assert b"Traceback" not in done.stderr
    if code:
        sentence(done, code)
