#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
r"""Bring the boot images of many Debian kernels into the cache; print their paths.

    scripts/fetch_images.py --suite bookworm --arch amd64 --match 'cloud-amd64'
    scripts/fetch_images.py --suite trixie --arch arm64 --match '6\.12\..*-arm64' --most 3
    scripts/fetch_images.py --suite sid --arch riscv64 --with-map

Every version that a suite and its companions (updates, security, backports) still have counts. A package holds the
modules too; its ``/boot/vmlinuz-*`` alone is kept, some 10 MB. ``--with-map`` also brings ``config-*`` and
``System.map-*``, which lies in the package with debug symbols, and puts them beside the image. What is in the cache
already is not fetched again, and no package is read further than to its last file of interest.

An unsigned package is taken only where the mirror has the signed one, whose kernel is the same, no more. Leaves out
the kernels with debug symbols, which ``fetch_kernel.py`` brings.
"""

from __future__ import annotations

import argparse
import re
import sys
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from debian import DebianError, cache_folder, newest, open_archive, packages
from package_start import first_files

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from debian import Archive, Package

__all__ = ["ARCHITECTURES", "SUITES", "fetch_images", "image_packages", "image_path"]

ARCHITECTURES = (
    "amd64",
    "i386",
    "arm64",
    "armhf",
    "armel",
    "ppc64el",
    "s390x",
    "riscv64",
    "loong64",
    "mipsel",
    "mips64el",
)
SUITES = ("bullseye", "bookworm", "trixie", "sid", "experimental")
METAPACKAGE = 4 << 20  # bytes: what is smaller only depends on the real one
UML = "user-mode-linux"
_KERNEL = re.compile(r"linux-(?:image|binary)-(\d[^_]*)|" + UML)

# Where packages have their files: from 6.19 on spread over linux-binary-*, linux-base-* and linux-image-*-dbg.
_IMAGE = ("./boot/vmlinu[xz]-*", "./usr/lib/modules/*/vmlinu[xz]", "./usr/bin/linux.uml")
_CONFIG = ("./boot/config-*", "./usr/lib/modules/*/config")
_MAP = ("./usr/lib/debug/boot/System.map-*", "./usr/lib/debug/lib/modules/*/System.map")


def fetch_images(
    suite: str, architecture: str, match: str, most: int, *, with_map: bool = False
) -> Iterator[Path]:
    """Yield the images of the newest packages whose name matches, from the cache or from Debian."""
    archive = open_archive(suite, architecture)
    for package in image_packages(archive, match)[:most]:
        try:
            yield _image(archive, package, with_map=with_map)
        except DebianError as error:  # lists name what the mirror dropped since
            print(f"fetch_images: {error}", file=sys.stderr)


def image_packages(archive: Archive, match: str) -> list[Package]:
    """Return the packages with a kernel's boot image whose name matches, the newest first."""
    found = packages(archive, r"linux-(image|binary)-\d.*|" + UML)
    real = [p for p in found if p.size > METAPACKAGE and not p.name.endswith(("-dbg", "-unsigned"))]
    return newest(p for p in real if re.search(match, p.name))


def image_path(package: Package) -> Path:
    """Return where the cache has a package's image."""
    version = package.version.replace("~", "-").replace(":", "-")
    match = _KERNEL.fullmatch(package.name)
    kernel = match[1] if match and match[1] else package.name
    return cache_folder() / "images" / package.architecture / f"vmlinuz-{kernel}_{version}"


def _image(archive: Archive, package: Package, *, with_map: bool) -> Path:
    """Return a package's image; downloads the package where the cache has it not."""
    path = image_path(package)
    path.parent.mkdir(parents=True, exist_ok=True)
    config, system_map = (_beside(path, stem) for stem in ("config-", "System.map-"))
    apart = package.name.startswith("linux-binary-")
    with_config = with_map and not apart and package.name != UML
    try:
        _bring(archive, package, path, {config: _CONFIG} if with_config else {})
    except DebianError:  # the mirror dropped some signed kernels before the lists that name them
        if package.name == UML:
            raise
        _bring(archive, replace(package, name=f"{package.name}-unsigned"), path)
    if with_map and package.name != UML:
        kernel = re.sub("^linux-(image|binary)-", "", package.name)
        if apart:
            _one(archive, replace(package, name=f"linux-base-{kernel}"), config, _CONFIG)
        _one(archive, replace(package, name=f"linux-image-{kernel}-dbg"), system_map, _MAP)
    return path


def _beside(path: Path, stem: str) -> Path:
    return path.with_name(stem + path.name.removeprefix("vmlinuz-"))


def _bring(
    archive: Archive, package: Package, image: Path, more: Mapping[Path, Sequence[str]] = MappingProxyType({})
) -> None:
    """Write an image, and what else is to be had on the way to it."""
    if not image.exists() and image in first_files(archive, package, {image: _IMAGE, **more}):
        raise DebianError(f"{package.name} holds no image")


def _one(archive: Archive, package: Package, target: Path, globs: Sequence[str]) -> None:
    if not target.exists() and first_files(archive, package, {target: globs}):
        raise DebianError(f"{package.name} holds no {globs[0].rpartition('/')[2]}")


def main() -> int:
    """Fetch what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--suite", default="bookworm")
    parser.add_argument("--arch", default="amd64")
    parser.add_argument("--match", default=".", metavar="REGEX", help="part of the package's name")
    parser.add_argument("--most", type=int, default=1000, help="how many at most, the newest first")
    parser.add_argument("--with-map", action="store_true", help="config-* and System.map-* too")
    arguments = parser.parse_args()
    try:
        for path in fetch_images(
            arguments.suite, arguments.arch, arguments.match, arguments.most, with_map=arguments.with_map
        ):
            print(path, flush=True)
    except DebianError as error:
        print(f"fetch_images: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
