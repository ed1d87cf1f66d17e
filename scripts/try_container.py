#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Build the image of ``Containerfile`` and make a table in it, without a registry and without a daemon.

    scripts/try_container.py

buildah builds in a storage of its own that is gone afterwards, isolated by chroot alone, so that it works within a
container too. In place of the base image from a registry stands a Debian system that mmdebstrap made
(``debian_root.py``); all else is as the file says. Needs root.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from debian import DebianError
from debian_root import CERTIFICATES, system
from try_pythons import SAME, digest, expected, sample

ROOT = Path(__file__).parent.parent
BASE, IMAGE = "localhost/elfsyms-base", "localhost/elfsyms"
SUITE = "trixie"


@dataclass(frozen=True, slots=True)
class Storage:
    """A storage of images that nobody else sees."""

    folder: Path

    def run(self, *command: str) -> str:
        """Run buildah; return its standard output, or raise :class:`DebianError` with its words."""
        program = shutil.which("buildah")
        if program is None or os.geteuid() != 0:
            raise DebianError("an image is built by root with buildah")
        own = [
            "--root",
            str(self.folder / "root"),
            "--runroot",
            str(self.folder / "run"),
            "--storage-driver",
            "vfs",
        ]
        done = subprocess.run([program, *own, *command], capture_output=True, check=False, text=True)
        if done.returncode:
            raise DebianError(
                f"buildah {' '.join(command)} ended with {done.returncode}:\n{done.stdout}{done.stderr}"
            )
        return done.stdout


def make_base(storage: Storage) -> None:
    """Import a Debian system, with the certificates that this machine trusts, as the base image."""
    with system(SUITE) as there:
        there.path("/etc/pip.conf").write_text(f"[global]\ncert = /{CERTIFICATES}\n", encoding="utf-8")
        container = storage.run("from", "scratch").strip()
        storage.run("add", "--quiet", container, str(there.root), "/")
        storage.run("commit", "--quiet", container, BASE)
        storage.run("rm", container)


def build(storage: Storage) -> None:
    """Build the image as the Containerfile says."""
    storage.run(
        *("build", "--isolation", "chroot", "--pull=never", "--build-arg", f"BASE={BASE}"),
        *(
            "--ignorefile",
            str(ROOT / ".containerignore"),
            "--file",
            str(ROOT / "Containerfile"),
            "--tag",
            IMAGE,
        ),
        str(ROOT),
    )


def trial(storage: Storage) -> str:
    """Make the tables of a sample as the image's user, in a folder of this machine; compare them."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        sample(folder)
        wanted = expected(folder)
        for made in SAME:
            (folder / made).unlink()
        folder.chmod(0o777)
        container = storage.run("from", "--pull=never", IMAGE).strip()
        start = ("run", "--isolation", "chroot", "--volume", f"{folder}:/work", container, "--", "elfsyms")
        for output in (("-o", "kallsyms.S", "--system-map", "System.map"), ("-o", "kallsyms.o")):
            storage.run(*start, "vmlinux", *output)
        for made, bytes_ in wanted.items():
            if digest(folder / made) != bytes_ or (folder / made).stat().st_uid != 1000:
                raise DebianError(f"{made} is not what this checkout makes, or not the user's")
        version = storage.run(*start, "--version").strip()
    return f"{version}: the image makes the same tables, as its user"


def main() -> int:
    """Build and try."""
    with tempfile.TemporaryDirectory(prefix="elfsyms-container-") as folder:
        storage = Storage(Path(folder))
        make_base(storage)
        build(storage)
        print(trial(storage))
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except DebianError as error:
        sys.exit(f"try_container: {error}")
