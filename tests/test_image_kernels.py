# SPDX-License-Identifier: GPL-2.0-or-later
"""Debian's own images of every architecture: decoded alone, right by the map of their build, read by gdb and nm.

The newest image of each architecture in the cache is taken; ``scripts/prove_images.py`` proves them all.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from command import elfsyms

sys.path.append(str(Path(__file__).parents[1] / "scripts"))

from fetch_images import ARCHITECTURES
from prove_images import newest_images, prove

pytestmark = pytest.mark.kernel

UML = "amd64 user-mode-linux"


def _newest(what: str) -> Path:
    """Return the newest image in the cache, of an architecture or user-mode-linux."""
    architecture, _, match = what.partition(" ")
    images = newest_images(f"^{architecture}/vmlinuz-.*{match}")
    kernels = [path for path in images if match or "user-mode" not in path.name]
    if not kernels:
        pytest.skip(
            f"the cache has no image of {what} with its map: scripts/prove_images.py --fetch brings it"
        )
    return kernels[0]


@pytest.mark.parametrize("what", [*ARCHITECTURES, UML])
def test_an_image_of_every_architecture_is_right(what: str) -> None:
    """Each line is in the map of the build, and of the map nothing is missing that the rules keep."""
    proof = prove(_newest(what), None)
    assert proof.verdict == "right"
    assert proof.symbols > 20_000


@pytest.mark.parametrize("what", ARCHITECTURES)
def test_what_is_listed_of_an_image_is_what_its_tables_hold(what: str) -> None:
    """``list`` applies the kernel's rules to the vmlinux that is made of an image, and leaves and adds nothing."""
    image = _newest(what)
    assert elfsyms("list", image).stdout == elfsyms("decode", image).stdout


@pytest.mark.skipif(shutil.which("gdb-multiarch") is None, reason="gdb-multiarch is not installed")
@pytest.mark.parametrize("what", [*ARCHITECTURES, UML])
def test_gdb_and_nm_read_the_written_vmlinux_of_every_architecture(what: str, tmp_path: Path) -> None:
    """Gdb names a function by its address and disassembles it; nm has the names of the tables."""
    image = _newest(what)
    listed = elfsyms("decode", image).stdout
    names = {line.split(b" ", 2)[2] for line in listed.splitlines()}
    assert elfsyms("decode", image, "--elf", tmp_path / "out").returncode == 0
    nm = subprocess.run(["nm", "-a", tmp_path / "out"], capture_output=True, check=True).stdout
    assert names <= {line.rsplit(b" ", 1)[1] for line in nm.splitlines()}
    found = re.search(rb"^([0-9a-f]+) [tT] schedule$", listed, re.MULTILINE)
    assert found
    commands = ["-ex", f"info symbol 0x{found[1].decode()}", "-ex", "x/4i schedule"]
    gdb = ["gdb-multiarch", "-batch", "-nx", *commands, str(tmp_path / "out")]
    said = subprocess.run(gdb, capture_output=True, text=True, check=True).stdout
    assert "schedule in section" in said
    instructions = re.findall(r"^ +0x[0-9a-f]+ <schedule(?:\+\d+)?>:\t(\S+)", said, re.MULTILINE)
    assert len(instructions) == 4
    assert "(bad)" not in instructions
