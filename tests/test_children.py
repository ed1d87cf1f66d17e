# SPDX-License-Identifier: GPL-2.0-or-later
"""No process outlives the one that started it: who unmounts, or removes, the folder after a run finds it let go."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

# Linux hands what a process leaves behind to its nearest ancestor that asks for it: even what is dead already.
ADOPTER = """
import ctypes, os, subprocess, sys
PR_SET_CHILD_SUBREAPER = 36
assert ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0
code = subprocess.run(sys.argv[1:]).returncode
try:
    os.waitpid(-1, 0)
except ChildProcessError:
    print(code, "and nobody left")
"""


@pytest.mark.parametrize(("output", "code"), [("x.o", 0), ("none/x.o", 6)])
def test_no_child_is_left(sample: Callable[[str], Path], tmp_path: Path, output: str, code: int) -> None:
    """When the main job ends, whether done or not, the process that composes its object has ended."""
    command = [sys.executable, "-m", "elfsyms", "-q", str(sample("amd64-6.12")), "-o", output]
    root = str(Path(__file__).parents[1])
    environment = os.environ | {"XDG_CACHE_HOME": str(tmp_path / "cache"), "PYTHONPATH": root}
    done = subprocess.run(
        [sys.executable, "-c", ADOPTER, *command],
        check=True,
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.stdout == f"{code} and nobody left\n", done.stderr
