# SPDX-License-Identifier: GPL-2.0-or-later
"""The folder in which the examples of README and docs run."""

from __future__ import annotations

import lzma
import shutil
from pathlib import Path

from linkmaker import link_kernel

__all__ = ["fill_folder"]

SAMPLE = Path(__file__).parent.parent / "testdata" / "vmlinux-samples" / "amd64-6.12.xz"


def fill_folder(folder: Path) -> None:
    """Put the files that the pages name into a folder."""
    with lzma.open(SAMPLE) as packed, (folder / "vmlinux").open("wb") as target:
        shutil.copyfileobj(packed, target)
    work = folder / ".link"
    work.mkdir()
    images = link_kernel(work, passes=4).images
    shutil.copyfile(images[-2], folder / "linked-before")
    shutil.copyfile(images[-1], folder / "linked")
