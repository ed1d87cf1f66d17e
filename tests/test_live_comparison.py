# SPDX-License-Identifier: GPL-2.0-or-later
"""Whole Debian kernels against the kernel's own tools, built from Debian's sources: map, text and linked bytes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parent.parent / "scripts"
NOT_TO_BE_HAD = 3  # the scripts' exit code for what Debian's mirror, or this machine, does not have

pytestmark = [pytest.mark.kernel, pytest.mark.stock]


def fetch(suite: str, architecture: str, release: str) -> str:
    """Return the path of a kernel from Debian, or skip where it cannot be had."""
    words = ["--suite", suite, "--arch", architecture, "--release", release]
    done = run("fetch_kernel.py", *words)
    if done.returncode == NOT_TO_BE_HAD:
        pytest.skip(done.stderr.strip().splitlines()[-1])
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def run(script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run one of the scripts."""
    command = [sys.executable, str(SCRIPTS / script), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("suite", "architecture", "release"),
    [
        ("bookworm", "amd64", "6.12"),
        ("bookworm", "amd64", "6.1"),
        ("experimental", "amd64", "7.3"),
        ("sid", "s390x", "7.2"),
    ],
)
def test_a_whole_kernel_comes_out_as_from_stock(suite: str, architecture: str, release: str) -> None:
    """Without a flag, System.map, assembly and linked tables of a whole kernel are stock's to the byte."""
    done = run("compare_with_stock.py", fetch(suite, architecture, release))
    if done.returncode == NOT_TO_BE_HAD:
        pytest.skip(done.stderr.strip().splitlines()[-1])
    assert done.returncode == 0, done.stdout + done.stderr
    assert ": equal;" in done.stdout
