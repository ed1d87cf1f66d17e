#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
r"""Bring the boot images of many Debian kernels into the cache; print their paths.

    scripts/fetch_images.py --suite bookworm --arch amd64 --match 'cloud-amd64'
    scripts/fetch_images.py --suite trixie --arch arm64 --match '6\.12\..*-arm64' --most 3

Every version that a suite and its companions (updates, security, backports) still have counts. A package holds the
modules too; its ``/boot/vmlinuz-*`` alone is kept, some 10 MB. What is in the cache already is not fetched again.

Leaves out unsigned packages, whose kernels are those of the signed ones, and the kernels with debug symbols, which
``fetch_kernel.py`` brings.
"""

from __future__ import annotations

import argparse
import re
import sys
from typing import TYPE_CHECKING

from debian import DebianError, cache_folder, download, locked, newest, open_archive, packages, stream_file

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from debian import Archive, Package

METAPACKAGE = 4 << 20  # bytes: what is smaller only depends on the real one
_PLAIN = re.compile(r"linux-image-(\d[^_]*)")


def fetch_images(suite: str, architecture: str, match: str, most: int) -> Iterator[Path]:
    """Yield the images of the newest packages whose name matches, from the cache or from Debian."""
    archive = open_archive(suite, architecture)
    for package in newest(_wanted(archive, match))[:most]:
        try:
            yield _image(archive, package)
        except DebianError as error:  # lists name what the mirror dropped since
            print(f"fetch_images: {error}", file=sys.stderr)


def _wanted(archive: Archive, match: str) -> list[Package]:
    found = packages(archive, r"linux-image-\d.*")
    real = [p for p in found if p.size > METAPACKAGE and not p.name.endswith(("-dbg", "-unsigned"))]
    return [p for p in real if re.search(match, p.name)]


def _image(archive: Archive, package: Package) -> Path:
    """Return a package's image; downloads the package where the cache has it not."""
    folder = cache_folder() / "images" / package.architecture
    path = folder / f"vmlinuz-{_name(package)}"
    if path.exists():
        return path
    with locked(folder):
        deb = download(archive, package, folder)
        staged = path.with_suffix(".part")
        try:
            stream_file(deb, "./boot/vmlinu[xz]-*", staged)
            staged.rename(path)
        finally:
            deb.unlink()
            staged.unlink(missing_ok=True)
    return path


def _name(package: Package) -> str:
    """Return what tells a package from the others: the kernel's name, and the version where that says more."""
    match = _PLAIN.fullmatch(package.name)
    return f"{match[1] if match else package.name}_{package.version.replace('~', '-').replace(':', '-')}"


def main() -> int:
    """Fetch what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--suite", default="bookworm")
    parser.add_argument("--arch", default="amd64")
    parser.add_argument("--match", default=".", metavar="REGEX", help="part of the package's name")
    parser.add_argument("--most", type=int, default=1000, help="how many at most, the newest first")
    arguments = parser.parse_args()
    try:
        for path in fetch_images(arguments.suite, arguments.arch, arguments.match, arguments.most):
            print(path, flush=True)
    except DebianError as error:
        print(f"fetch_images: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
