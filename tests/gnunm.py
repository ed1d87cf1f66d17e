# SPDX-License-Identifier: GPL-2.0-or-later
"""GNU nm as oracle: the one of binutils-multiarch, which reads the files of nearly all machines."""

from __future__ import annotations

import shutil
import subprocess
from functools import cache
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["nm_text"]


def nm_text(path: Path) -> bytes:
    """Return what ``nm -n`` prints for a file, in the order of the C locale; skip where no such nm is there."""
    _need_nm()
    return subprocess.run(["nm", "-n", str(path)], check=True, capture_output=True, env=_environment()).stdout


@cache
def _need_nm() -> None:
    if shutil.which("nm") is None:
        pytest.skip("nm (binutils-multiarch) is not installed")
    text = subprocess.run(
        ["nm", "--help"], check=True, capture_output=True, text=True, env=_environment()
    ).stdout
    if "GNU" not in _version() or "elf32-tradbigmips" not in text:
        pytest.skip("nm knows this machine's files only: install binutils-multiarch")


def _version() -> str:
    return subprocess.run(
        ["nm", "--version"], check=True, capture_output=True, text=True, env=_environment()
    ).stdout


def _environment() -> dict[str, str]:
    return {"LC_ALL": "C", "PATH": "/usr/local/bin:/usr/bin:/bin"}
