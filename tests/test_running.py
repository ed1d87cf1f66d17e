# SPDX-License-Identifier: GPL-2.0-or-later
"""The running kernel's file: found where tracers look, believed by its build-id alone."""

from __future__ import annotations

import os
import struct
from pathlib import Path
from types import SimpleNamespace

import pytest
from elfmaker import Section, Symbol, vmlinux

from elfsyms.cli.running import file_or_running
from elfsyms.detect.running import find_running, moved_by, running_build_id
from elfsyms.errors import NotThereError

RELEASE = "6.12.117-amd64"
OWN, OTHER = bytes(range(20)), bytes(20)


def note(build_id: bytes, byte_order: str = "<") -> bytes:
    """Return the note that holds a build-id."""
    return struct.pack(f"{byte_order}III", 4, len(build_id), 3) + b"GNU\0" + build_id


def kernel(path: Path, build_id: bytes) -> None:
    """Put a kernel of a build-id at a place."""
    path.parent.mkdir(parents=True, exist_ok=True)
    section = Section(".notes", 0xFFFFFFFF82000000, note(build_id), type="note")
    path.write_bytes(vmlinux([Symbol("_text", 0xFFFFFFFF81000000)], sections=[section]))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a system whose kernel tells its build-id."""
    notes = tmp_path / "sys/kernel/notes"
    notes.parent.mkdir(parents=True)
    notes.write_bytes(note(OWN, "="))
    return tmp_path


def test_the_build_id_is_read(root: Path) -> None:
    """The build-id stands in the notes that the kernel shows; where it shows none, there is none."""
    assert running_build_id(root) == OWN.hex()
    assert running_build_id(root / "nowhere") == ""


@pytest.mark.parametrize("machine", ["mips", "mips64", "s390x", "x86_64"])
def test_notes_have_the_byte_order_of_this_process(
    root: Path, machine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The name of a machine does not tell its byte order: MIPS has one name for both."""
    monkeypatch.setattr(os, "uname", lambda: SimpleNamespace(machine=machine, release=RELEASE))
    assert running_build_id(root) == OWN.hex()


@pytest.mark.parametrize(
    "place",
    [
        f"lib/modules/{RELEASE}/build/vmlinux",
        f"usr/lib/debug/boot/vmlinux-{RELEASE}",
        f"usr/lib/debug/lib/modules/{RELEASE}/vmlinux",
        f"boot/vmlinux-{RELEASE}",
        f"usr/lib/debug/.build-id/{OWN.hex()[:2]}/{OWN.hex()[2:]}.debug",
    ],
)
def test_it_is_looked_for_where_tracers_look(root: Path, place: str) -> None:
    """Each place that perf, bpftrace or drgn knows will do."""
    kernel(root / place, OWN)
    assert find_running(root, RELEASE).path == root / place
    assert find_running(root, RELEASE).remarks == ()


def test_another_kernel_of_the_name_is_passed_over(root: Path) -> None:
    """A file with another build-id is not the running kernel, and that is said."""
    kernel(root / f"lib/modules/{RELEASE}/build/vmlinux", OTHER)
    with pytest.raises(NotThereError, match="is of another kernel"):
        find_running(root, RELEASE)
    kernel(root / f"boot/vmlinux-{RELEASE}", OWN)
    found = find_running(root, RELEASE)
    assert found.path == root / f"boot/vmlinux-{RELEASE}"
    assert len(found.remarks) == 1


def test_without_a_build_id_the_name_has_to_do(tmp_path: Path) -> None:
    """Where the system hides its notes, the file is taken by its name, with a remark."""
    kernel(tmp_path / f"boot/vmlinux-{RELEASE}", OWN)
    assert "by its name alone" in find_running(tmp_path, RELEASE).remarks[0]


def test_debuginfod_is_offered(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing is found and debuginfod-find is there and set up, the command to use is told."""
    tool = tmp_path / "bin/debuginfod-find"
    tool.parent.mkdir()
    tool.write_text("#!/bin/sh\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tool.parent))
    monkeypatch.setenv("DEBUGINFOD_URLS", "")
    with pytest.raises(NotThereError, match="debug symbols"):
        find_running(root, RELEASE)
    monkeypatch.setenv("DEBUGINFOD_URLS", "set")
    with pytest.raises(NotThereError, match=f"debuginfod-find debuginfo {OWN.hex()}"):
        find_running(root, RELEASE)


@pytest.mark.parametrize(
    ("text", "moved"),
    [(b"ffffffff91000000 T _stext\n", 0x10000000), (b"0000000000000000 T _stext\n", None), (b"", None)],
)
def test_what_hides_addresses_tells_no_offset(tmp_path: Path, text: bytes, moved: int | None) -> None:
    """With kptr_restrict all addresses are zero, and say nothing of where the kernel is."""
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/kallsyms").write_bytes(text)
    assert moved_by(0xFFFFFFFF81000000, root=tmp_path) == moved


def test_a_first_word_that_is_a_file_is_one(tmp_path: Path) -> None:
    """A path stays the file, there or not."""
    assert file_or_running(tmp_path / "gone", ["x"]) == (tmp_path / "gone", ["x"])
    assert file_or_running(Path("vmlinux"), ["x"]) == (Path("vmlinux"), ["x"])


def test_a_first_word_that_is_no_file_is_named_where_no_kernel_is_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Who mistyped a file's name is told so, not that the running kernel's cannot be found alone."""

    def nowhere() -> None:
        raise NotThereError("no vmlinux of the running kernel")

    monkeypatch.setattr("elfsyms.detect.running.find_running", nowhere)
    with pytest.raises(NotThereError, match=r"kernel-6\.12 is no file.*no vmlinux of the running kernel"):
        file_or_running(Path("kernel-6.12"), ["schedule"])
