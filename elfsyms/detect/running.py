# SPDX-License-Identifier: GPL-2.0-or-later
"""The running kernel's own file: where tracers look for it, and whether what lies there is it.

The paths are those of perf, bpftrace (libbpf) and drgn. A file counts only if its build-id is the one in
``/sys/kernel/notes``: after an update, or in a container, a file of the right name may be another kernel's. Where
``/sys`` is hidden, the name has to do, and that is said.
"""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from elfsyms.errors import InputError, NotThereError
from elfsyms.image.build_id import build_id, build_id_in
from elfsyms.image.elf import open_image

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Running", "find_running", "moved_by", "running_build_id"]

# Where a release's vmlinux lies, {0} being the release; those with symbols and debug information first.
_PATHS = (
    "lib/modules/{0}/build/vmlinux",
    "usr/lib/debug/boot/vmlinux-{0}",
    "usr/lib/debug/lib/modules/{0}/vmlinux",
    "usr/lib/debug/boot/vmlinux-{0}.debug",
    "lib/modules/{0}/vmlinux",
    "usr/lib/modules/{0}/vmlinux",
    "boot/vmlinux-{0}",
)
_BY_BUILD_ID = "usr/lib/debug/.build-id/{0}/{1}.debug"
_NOTES, _KALLSYMS = "sys/kernel/notes", "proc/kallsyms"


@dataclass(frozen=True, slots=True)
class Running:
    """The file of the running kernel, and what had to be said on the way: one sentence each."""

    path: Path
    remarks: tuple[str, ...]


def find_running(root: Path = Path("/"), release: str | None = None) -> Running:
    """Find the vmlinux of the running kernel; ``root`` and ``release`` are for a system that lies elsewhere.

    Raises :class:`NotThereError` with the paths looked at and what would help.
    """
    release = release or os.uname().release
    wanted = running_build_id(root)
    remarks: list[str] = []
    for path in _candidates(root, release, wanted):
        if not path.exists():
            continue
        own = _build_id(path)
        if own is None:
            continue
        if not wanted:
            return Running(
                path, (*remarks, f"/{_NOTES} is hidden here, so {path} is taken by its name alone")
            )
        if own == wanted:
            return Running(path, tuple(remarks))
        remarks.append(
            f"{path} is of another kernel: its build-id is {own[:12] or 'none'}, not {wanted[:12]}"
        )
    raise NotThereError("; ".join([*remarks, _advice(root, release, wanted)]))


def running_build_id(root: Path = Path("/")) -> str:
    """Return the running kernel's build-id as hexadecimal digits, empty where it is hidden."""
    try:
        data = (root / _NOTES).read_bytes()
    except OSError:
        return ""
    return build_id_in(data, "<" if sys.byteorder == "little" else ">")


def moved_by(linked: int, name: bytes = b"_stext", root: Path = Path("/")) -> int | None:
    """Return how far the running kernel is from where it was linked, None where ``/proc/kallsyms`` hides it."""
    try:
        with (root / _KALLSYMS).open("rb") as lines:
            for line in lines:
                fields = line.split()
                if len(fields) == 3 and fields[2] == name:
                    return int(fields[0], 16) - linked if int(fields[0], 16) else None
    except OSError:
        return None
    return None


def _candidates(root: Path, release: str, wanted: str) -> Iterator[Path]:
    for path in _PATHS:
        yield root / path.format(release)
    if wanted:
        yield root / _BY_BUILD_ID.format(wanted[:2], wanted[2:])


def _build_id(path: Path) -> str | None:
    """Return a file's build-id, None where it is no ELF file that can be read."""
    try:
        with open_image(path) as image:
            return build_id(image)
    except InputError:
        return None


def _advice(root: Path, release: str, wanted: str) -> str:
    looked = ", ".join(f"/{path.format(release)}" for path in _PATHS[:3])
    text = f"no vmlinux of the running kernel {release} in {looked} and the like: name one"
    if wanted and shutil.which("debuginfod-find") and os.environ.get("DEBUGINFOD_URLS"):
        return f"{text}, as $(debuginfod-find debuginfo {wanted})"
    packed = root / f"boot/vmlinuz-{release}"
    if packed.exists():
        return f"{text}; {packed} has no .symtab"
    return f"{text}, or install the distribution's package of the kernel's debug symbols"
