# SPDX-License-Identifier: GPL-2.0-or-later
"""Files that lie early in a Debian package, without the rest of it.

A package with a kernel's debug information has a gigabyte, and its System.map lies within the first few megabytes:
the files are sorted by name. So apt downloads, the growing file is read behind it, and apt is ended as soon as what
is wanted is there. What is taken so was not compared with the package's signed digest, which needs all of it: good
for a proof that compares two files with each other, and for nothing that is to be trusted.

Leaves out packages whose contents are not packed with xz, gzip or not at all.
"""

from __future__ import annotations

import shutil
import subprocess
import tarfile
import tempfile
import time
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING

from debian import DebianError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from debian import Archive, Package

__all__ = ["first_files"]

_HEADER = 60  # bytes of a member's header in an ar archive
_PATIENCE = 120.0  # seconds without a new byte
_BLINK = 0.05  # seconds between two looks at the growing file


class _Growing:
    """A file that another process writes, read as if it were complete."""

    def __init__(self, folder: Path, writer: subprocess.Popen[bytes]) -> None:
        self._writer = writer
        self._stream = self._wait_for(folder).open("rb")

    def _wait_for(self, folder: Path) -> Path:
        end = time.monotonic() + _PATIENCE
        while time.monotonic() < end:
            done = self._writer.poll() is not None
            if found := next(folder.glob("*.deb"), None):
                return found
            if done:
                break
            time.sleep(_BLINK)
        self._writer.terminate()  # else its last words would be waited for as long as it likes
        words = (
            (self._writer.stderr.read() if self._writer.stderr else b"").decode(errors="replace").split("\n")
        )
        raise DebianError(f"apt-get download brought no package ({words[0]})")

    def read(self, size: int) -> bytes:
        """Return so many bytes, fewer at the end of the package alone."""
        pieces: list[bytes] = []
        missing, end = size, time.monotonic() + _PATIENCE
        while missing and time.monotonic() < end:
            done = self._writer.poll() is not None
            piece = self._stream.read(missing)
            if piece:
                pieces.append(piece)
                missing, end = missing - len(piece), time.monotonic() + _PATIENCE
            elif done:
                break
            else:
                time.sleep(_BLINK)
        if missing and self._writer.poll() is None:
            raise OSError(f"apt-get download brought no new byte in {_PATIENCE:.0f} s")
        return b"".join(pieces)

    def close(self) -> None:
        """Close the file."""
        self._stream.close()


def first_files(archive: Archive, package: Package, wanted: Mapping[Path, Sequence[str]]) -> list[Path]:
    """Write to each target the first file that matches one of its globs; return the targets that nothing matched.

    Reads no further than to the last of them, so that one without a match costs the whole package.
    """
    target = next(iter(wanted))
    with tempfile.TemporaryDirectory(dir=target.parent) as name:
        folder = Path(name)
        command = ["apt-get", "-c", str(archive.folder / "apt.conf"), "download"]
        with subprocess.Popen(
            [*command, f"{package.name}={package.version}"],
            cwd=folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        ) as apt:
            try:
                return _take(_Growing(folder, apt), wanted)
            except (tarfile.TarError, EOFError, OSError, ValueError) as error:
                raise DebianError(f"{package.name} cannot be read ({error})") from error
            finally:
                apt.terminate()


def _take(stream: _Growing, wanted: Mapping[Path, Sequence[str]]) -> list[Path]:
    missing = dict(wanted)
    try:
        _skip_to_data(stream)
        with tarfile.open(fileobj=stream, mode="r|*") as files:  # type: ignore[call-overload] # read() is enough
            for member in files:
                target = _target(member.name, missing) if member.isreg() else None
                source = files.extractfile(member) if target else None
                if target is None or source is None:
                    continue
                staged = target.with_name(target.name + ".part")
                with staged.open("wb") as copy:
                    shutil.copyfileobj(source, copy, 1 << 20)
                staged.rename(target)
                del missing[target]
                if not missing:
                    break
    finally:
        stream.close()
    return list(missing)


def _target(name: str, wanted: Mapping[Path, Sequence[str]]) -> Path | None:
    return next((path for path, globs in wanted.items() if any(fnmatch(name, glob) for glob in globs)), None)


def _skip_to_data(stream: _Growing) -> None:
    """Leave an ar archive at the start of ``data.tar``'s bytes."""
    if stream.read(8) != b"!<arch>\n":
        raise ValueError("no ar archive")
    while header := stream.read(_HEADER):
        size = int(header[48:58])
        if header.startswith(b"data.tar"):
            return
        stream.read(size + size % 2)
    raise ValueError("no data.tar in it")
