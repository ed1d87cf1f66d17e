# SPDX-License-Identifier: GPL-2.0-or-later
"""The listing of a generator that reads the ELF file itself: where it is GNU nm's, and where it is its own."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest
from elfmaker import Section, Symbol, elf_file, vmlinux
from treemaker import make_tree

from elfsyms.image.nm_text import map_text
from elfsyms.image.which_nm import KERNEL, parse_nm
from elfsyms.pipeline.kernel import load

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

TEXT = 0x81000000
EM_ARM, EM_MIPS, EM_RISCV, EM_IA64 = 40, 8, 243, 50


def listed(path: Path) -> list[str]:
    """Return the lines of the kernel's own listing."""
    with load(path, nm=KERNEL) as kernel:
        return map_text(kernel.listing.lines, kernel.image.abi).decode().splitlines()


@pytest.mark.parametrize("name", ["amd64-7.3", "arm64-7.3", "s390x-7.2"])
def test_it_is_that_of_nm_on_kernels(name: str, sample: Callable[[str], Path]) -> None:
    """On the kernels that most people build, what has an address is what nm lists, but for hidden names."""
    path = sample(name)
    wanted = subprocess.run(
        ["nm", "-n", path],
        capture_output=True,
        text=True,
        check=True,
        env={"LC_ALL": "C", "PATH": "/usr/bin:/bin"},
    )
    hidden = {line for line in listed(path) if line.split(" ", 2)[2].startswith(("$", ".L"))}
    assert [line for line in listed(path) if line not in hidden and line.split()[1] not in "Uwv"] == [
        line for line in wanted.stdout.splitlines() if not line.startswith(" ") and line not in hidden
    ]


def kernel_file(path: Path, symbols: list[Symbol], machine: int) -> Path:
    """Write a small kernel."""
    path.write_bytes(vmlinux(symbols, release="7.3.0", bits=32, machine=machine))
    return path


def test_values_are_those_of_the_file(tmp_path: Path) -> None:
    """No mode bit is taken off a function, and no address of 32-bit MIPS gets 16 digits."""
    thumb = kernel_file(tmp_path / "arm", [Symbol("f", TEXT + 1)], machine=EM_ARM)
    mips = kernel_file(tmp_path / "mips", [Symbol("f", TEXT + 1)], machine=EM_MIPS)
    assert listed(thumb)[0] == listed(mips)[0] == "81000001 T f"


def test_nothing_is_hidden(tmp_path: Path) -> None:
    """Mapping symbols, local labels and symbols without a name are listed; filters come later."""
    path = kernel_file(
        tmp_path / "riscv",
        [Symbol("$x", TEXT), Symbol(".L1", TEXT + 4), Symbol("", TEXT + 8)],
        machine=EM_RISCV,
    )
    assert [line[11:] for line in listed(path)][:3] == ["$x", ".L1", ""]


def test_letters_of_its_own(tmp_path: Path) -> None:
    """Small data is plain, undefined symbols have a value, and what is not loaded and has no bytes is odd."""
    sections = [
        Section(".sdata", TEXT, bytes(8), flags="aws"),
        Section(".notes.x", 0, b"", type="nobits", flags="", size=8),
    ]
    symbols = [
        Symbol("small", TEXT, section=".sdata", type="object"),
        Symbol("odd", TEXT + 4, section=".notes.x", type="object", binding="local"),
        Symbol("gone", 0, section="UND", binding="weak", type="object"),
        Symbol("common", 16, section="COMMON", type="object", size=4),
    ]
    path = tmp_path / "ia64"
    path.write_bytes(elf_file(symbols, sections, machine=EM_IA64))
    letters = {line.split(" ")[2]: (line[:16].lstrip("0"), line[17]) for line in listed(path)}
    assert letters == {
        "small": ("81000000", "D"),
        "odd": ("81000004", "?"),
        "gone": ("", "v"),
        "common": ("10", "C"),
    }


def test_a_tree_chooses_it(tmp_path: Path) -> None:
    """A tree whose generator lists the symbols needs no nm, whatever nm the build names."""
    tree = make_tree(tmp_path / "linux", "7.3")
    path = kernel_file(tmp_path / "vmlinux", [Symbol("_text", TEXT + 1)], machine=EM_ARM)
    with load(path, tree=tree) as kernel:
        assert str(kernel.nm) == "gnu"
    (tree / "scripts" / "kallsyms-sysmap.c").write_text("/* lists symbols */\n")
    with load(path, tree=tree, nm=parse_nm("arm-linux-gnueabi-nm")) as kernel:
        assert kernel.nm == KERNEL
        assert "reads the ELF file itself" in next(f.source for f in kernel.findings.found if f.what == "nm")
