# SPDX-License-Identifier: GPL-2.0-or-later
"""llvm-nm as oracle, in every version on PATH that ``llvm_letters.py`` speaks of."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from functools import cache
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["llvm_nm_text", "llvm_versions", "need_llvm"]

OLDEST = 13


@cache
def _programs() -> dict[int, str]:
    """Return a program for each version."""
    names = ["llvm-nm", *(f"llvm-nm-{number}" for number in range(OLDEST, 40))]
    found = [path for name in names if (path := shutil.which(name))]
    versions = ((_version(path), path) for path in found)
    return {version: path for version, path in versions if version >= OLDEST}


def _version(path: str) -> int:
    text = subprocess.run([path, "--version"], check=True, capture_output=True, text=True).stdout
    match = re.search(r"LLVM version (\d+)", text)
    return int(match[1]) if match else 0


def llvm_versions() -> list[int]:
    """Return the versions that there are."""
    return sorted(_programs())


def need_llvm() -> list[int]:
    """Return the versions that there are; skip where there is none."""
    if not _programs():
        pytest.skip("no llvm-nm: install llvm")
    return llvm_versions()


def llvm_nm_text(path: Path, version: int) -> bytes:
    """Return what ``llvm-nm -n`` of a version prints for a file."""
    environment = {**os.environ, "LC_ALL": "C"}
    command = [_programs()[version], "-n", str(path)]
    return subprocess.run(command, check=True, capture_output=True, env=environment).stdout
