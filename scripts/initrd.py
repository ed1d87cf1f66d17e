# SPDX-License-Identifier: GPL-2.0-or-later
"""An initial RAM disk of one program: Debian's static busybox, and a script for it.

A cpio archive of the newc form, written here: device nodes need no root that way, and the archive is the same
each time. Follows the kernel's description of the format (``Documentation/driver-api/early-userspace``).
"""

from __future__ import annotations

import gzip
import stat
from typing import TYPE_CHECKING

from debian import DebianError, cache_folder, download, locked, newest, open_archive, packages, unpack

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["write_initrd"]

# Debian's name for a port, and the suite whose busybox is taken.
BUSYBOX = {
    "x86_64": ("amd64", "bookworm"),
    "um": ("amd64", "bookworm"),
    "arm64": ("arm64", "bookworm"),
    "riscv64": ("riscv64", "sid"),
    "s390x": ("s390x", "bookworm"),
    "arm": ("armel", "bookworm"),
    "i386": ("i386", "bookworm"),
    "ppc64el": ("ppc64el", "bookworm"),
    "mips64el": ("mips64el", "bookworm"),
    "loong64": ("loong64", "sid"),
}
CONSOLE = (5, 1)  # the device numbers of /dev/console


def write_initrd(port: str, script: str, target: Path, files: Mapping[str, bytes] | None = None) -> Path:
    """Write an initial RAM disk whose ``/init`` is a script for busybox, with other files; return ``target``."""
    archive = b"".join(
        (
            _entry("dev", stat.S_IFDIR | 0o755),
            _entry("dev/console", stat.S_IFCHR | 0o600, device=CONSOLE),
            _entry("proc", stat.S_IFDIR | 0o755),
            _entry("busybox", stat.S_IFREG | 0o755, _busybox(port).read_bytes()),
            _entry("init", stat.S_IFREG | 0o755, script.encode()),
            *(_entry(name, stat.S_IFREG | 0o644, data) for name, data in (files or {}).items()),
            _entry("TRAILER!!!", 0),
        )
    )
    target.write_bytes(gzip.compress(archive, compresslevel=1, mtime=0))
    return target


def _entry(name: str, mode: int, data: bytes = b"", device: tuple[int, int] = (0, 0)) -> bytes:
    """Return one file: a header of hexadecimal fields, the name and the data, each padded to four bytes."""
    fields = (0, mode, 0, 0, 1, 0, len(data), 0, 0, *device, len(name) + 1, 0)
    header = b"070701" + b"".join(b"%08X" % field for field in fields)
    return _padded(header + name.encode() + b"\0") + _padded(data)


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)


def _busybox(port: str) -> Path:
    """Return the static busybox of a port, unpacked in the cache."""
    architecture, suite = BUSYBOX[port]
    folder = cache_folder() / "busybox" / architecture
    with locked(folder):
        if not (program := _program(folder)):
            archive = open_archive(suite, architecture)
            found = newest(packages(archive, "busybox-static"))
            if not found:
                raise DebianError(f"Debian {suite} has no busybox-static for {architecture}")
            deb = download(archive, found[0], folder)
            unpack(deb, folder)
            deb.unlink()
            program = _program(folder)
    if program is None:
        raise DebianError(f"Debian's busybox-static for {architecture} holds no busybox")
    return program


def _program(folder: Path) -> Path | None:
    return next(
        (path for path in (folder / "bin/busybox", folder / "usr/bin/busybox") if path.exists()), None
    )
