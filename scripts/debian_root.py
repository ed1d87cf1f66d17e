# SPDX-License-Identifier: GPL-2.0-or-later
"""A Debian suite as a system of its own to try elfsyms in: other Pythons, Debian's own libraries, an empty home.

mmdebstrap makes the system once and keeps it packed in the cache; each trial unpacks a copy, which may be
changed at will and is gone afterwards. Programs run in it with process ids and ``/proc`` of their own, by the
network of this machine, and with the certificates that this machine trusts. Needs root.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from debian import DebianError, cache_folder, locked, mirror, run

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["System", "packed_system", "system"]

LIFETIME = 30 * 24 * 3600  # seconds until a suite is fetched anew
CERTIFICATES = "etc/ssl/certs/ca-certificates.crt"
VARIABLES = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/root",
    "LC_ALL": "C.UTF-8",
    "DEBIAN_FRONTEND": "noninteractive",
    "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    "PIP_ROOT_USER_ACTION": "ignore",
    "SSL_CERT_FILE": f"/{CERTIFICATES}",
}
# A suite that nobody signed anew for a week is still what it was; trials pin no package.
OPTIONS = ("--aptopt=Acquire::Check-Valid-Until false", "--variant=apt", "--format=tar", "--quiet")


@dataclass(frozen=True, slots=True)
class System:
    """An unpacked copy; ``root`` is where its ``/`` lies here."""

    root: Path

    def path(self, name: str) -> Path:
        """Return where a file of the system lies on this machine: ``/usr/bin/x`` under the root."""
        return self.root / name.lstrip("/")

    def put(self, file: Path, name: str) -> str:
        """Copy a file or a folder into the system; return its name there."""
        target = self.path(name)
        target.parent.mkdir(parents=True, exist_ok=True)
        if file.is_dir():
            shutil.copytree(file, target, symlinks=True)
        else:
            shutil.copy(file, target)
        return name

    def run(self, *command: str, folder: str = "/", **variables: str) -> str:
        """Run a program; return what it printed on both outputs, or raise :class:`DebianError` with that."""
        own = ["unshare", "--mount", "--pid", "--fork", "--kill-child", f"--mount-proc={self.root}/proc"]
        script = 'cd "$1" && shift && exec "$@"'
        done = subprocess.run(
            [*own, "chroot", str(self.root), "sh", "-c", script, "sh", folder, *command],
            env={**VARIABLES, **variables},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
            text=True,
        )
        if done.returncode:
            raise DebianError(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}")
        return done.stdout

    def install(self, *packages: str) -> None:
        """Install packages of the suite, or files (``./x.deb``) with what they depend on."""
        self.run("apt-get", "update", "-qq")
        self.run("apt-get", "install", "-qy", "--no-install-recommends", *packages)


def packed_system(suite: str, packages: Sequence[str] = ()) -> Path:
    """Return a suite with some packages as a tar file in the cache, made if it is not there or old."""
    if os.geteuid() != 0 or shutil.which("mmdebstrap") is None:
        raise DebianError("a Debian system to try things in needs root and the program mmdebstrap")
    name = "-".join([suite, *(re.sub(r"\W", "", package) for package in packages)])
    folder = cache_folder() / "systems"
    tar = folder / f"{name}.tar"
    with locked(folder):
        if not tar.exists() or time.time() - tar.stat().st_mtime > LIFETIME:
            _make(suite, ["ca-certificates", *packages], tar)
    return tar


@contextmanager
def system(suite: str, packages: Sequence[str] = ()) -> Iterator[System]:
    """Unpack a copy of a suite with some packages, for as long as the context lasts."""
    tar = packed_system(suite, packages)
    with tempfile.TemporaryDirectory(prefix="elfsyms-system-") as folder:
        root = Path(folder) / "root"
        root.mkdir()
        run(["tar", "-xf", str(tar), "-C", str(root), "--numeric-owner"])
        for name in ("etc/resolv.conf", CERTIFICATES):
            if (Path("/") / name).exists():
                (root / name).unlink(missing_ok=True)
                shutil.copy(Path("/") / name, root / name)
        yield System(root)


def _make(suite: str, packages: Sequence[str], tar: Path) -> None:
    part = tar.with_suffix(".part")
    run(["mmdebstrap", *OPTIONS, f"--include={','.join(packages)}", suite, str(part), mirror()])
    part.replace(tar)
