# SPDX-License-Identifier: GPL-2.0-or-later
"""Names that take more codes than a byte can count, before names had a limit."""

from __future__ import annotations

import random
import re
from typing import TYPE_CHECKING

import pytest
from command import elfsyms
from elfmaker import Symbol, vmlinux

from elfsyms.pipeline.kernel import load
from elfsyms.writers.build import assembly_of

if TYPE_CHECKING:
    from pathlib import Path

TEXT = 0xFFFFFFFF81000000
LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"


@pytest.fixture
def kernel(tmp_path: Path) -> Path:
    """Make a kernel with a long name in which few pairs come twice."""
    rng = random.Random(3)  # noqa: S311 (a test, no secret)
    long = "".join(rng.choice(LETTERS) for _ in range(900))
    names = ["_text", "_stext", "short_one", long, "_etext"]
    path = tmp_path / "vmlinux"
    path.write_bytes(vmlinux([Symbol(n, TEXT + 16 * i) for i, n in enumerate(names)], release="3.4.0"))
    return path


def test_the_length_is_printed_whole(kernel: Path) -> None:
    """Each line of the names begins with how many codes follow, and each marker counts a byte for that."""
    with load(kernel) as loaded:
        text, longest = assembly_of(loaded).decode(), max(loaded.tables.overlong().values())
    names = text[text.index("kallsyms_names:") : text.index("kallsyms_markers:")]
    rows = [[int(word, 16) for word in line.split(", ")] for line in re.findall(r"\.byte (.*)", names)]
    assert [row[0] for row in rows] == [len(row) - 1 for row in rows]
    assert max(row[0] for row in rows) == longest > 0xFF


def test_the_broken_table_is_told(kernel: Path, tmp_path: Path) -> None:
    """The main job warns, since that kernel would misread its names."""
    done = elfsyms(kernel, "-o", tmp_path / "k.o")
    assert done.returncode == 0
    assert "names take more than 255 codes" in done.stderr.decode()


def test_a_limit_prevents_it(kernel: Path) -> None:
    """Since 3.13 such a name is left out."""
    with load(kernel, release="3.13") as loaded:
        assert loaded.tables.overlong() == {}
