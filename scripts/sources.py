# SPDX-License-Identifier: GPL-2.0-or-later
"""Source trees of the kernel, or the few files of one that kallsyms is made with, from Debian in the cache.

A release is had from the nearest version of its series whose ``linux-source-X.Y`` a mirror still holds; the
tarball inside the package is streamed and the package deleted. :func:`parts_tree` unpacks some ten files,
:func:`source_tree` all of it.

Leaves out series that Debian has no source package of, and Debian's patches: the tarball has them applied.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from debian import DebianError, Package, cache_folder, download, locked, newest, open_archive, packages

if TYPE_CHECKING:
    from collections.abc import Sequence

    from debian import Archive

__all__ = ["parts_tree", "source_tree", "tree_version"]

# Where Debian keeps the source of a series; a series that is not here is looked for everywhere.
SUITES = {
    "5.10": ("bullseye",),
    "6.1": ("bookworm", "bullseye"),
    "6.12": ("bookworm", "trixie"),
    "7.2": ("sid", "trixie"),
    "7.3": ("experimental", "trixie"),
}
CANDIDATES = 3  # packages that are tried before giving up
EVERYWHERE = ("bookworm", "trixie", "sid", "experimental", "bullseye")

# All of a tree that the generator and the map are made with; series lack some of it.
PARTS = (
    "*/Makefile",
    "*/scripts/kallsyms.c",
    "*/scripts/mksysmap",
    "*/scripts/link-vmlinux.sh",
    "*/scripts/include/*",
    "*/include/linux/kallsyms.h",
)


def source_tree(release: str) -> Path:
    """Return the release's whole source tree, unpacked in the cache: some 1.5 GB."""
    return _fetch_tree(release, cache_folder() / "trees", ())


def _series(release: str) -> str:
    match = re.match(r"\d+\.\d+", release)
    if match is None:
        raise DebianError(f"{release} is no release of the kernel: give 6.12 or 6.12.117")
    return match[0]


def _cached_tree(release: str) -> Path | None:
    """Return a tree in the cache that is of the very release, or of its series if no more is asked for."""
    series = _series(release)
    trees = (cache_folder() / "stock").glob(f"{series}*/Makefile")
    versions = {tree_version(path.parent): path.parent for path in trees}
    exact = versions.get(release)
    if exact or release != series:
        return exact
    fitting = [Package("", version, "", 0, "") for version in versions if _series(version) == series]
    return versions[newest(fitting)[0].version] if fitting else None


def parts_tree(release: str) -> Path:
    """Return the tree, of few files, that is nearest to a release.

    What the cache has of the very release is taken; then what Debian has; without Debian at hand, what the
    cache has of the series.
    """
    cached = _cached_tree(release) or _parts_of_whole(release)
    if cached:
        return cached
    try:
        return _fetch_tree(release, cache_folder() / "stock", PARTS)
    except DebianError as error:
        tree = _cached_tree(_series(release))
        if tree is None:
            raise
        print(f"{error}; {tree_version(tree)} of the cache stands in for {release}", file=sys.stderr)
        return tree


def _parts_of_whole(release: str) -> Path | None:
    """Copy the parts out of a whole tree in the cache, where there is one of the very release or its series."""
    wanted = "" if release == _series(release) else release
    for makefile in sorted((cache_folder() / "trees").glob(f"{_series(release)}*/Makefile")):
        whole = makefile.parent
        if tree_version(whole) == wanted or (not wanted and _series(tree_version(whole)) == release):
            target = cache_folder() / "stock" / whole.name
            for pattern in PARTS:
                for path in whole.glob(pattern.removeprefix("*/")):
                    copy = target / path.relative_to(whole)
                    copy.parent.mkdir(parents=True, exist_ok=True)
                    if path.is_file():
                        shutil.copyfile(path, copy)
            return target
    return None


def _fetch_tree(release: str, folder: Path, parts: Sequence[str]) -> Path:
    """Return the nearest tree that can be had: mirrors list packages that they no longer hold."""
    with locked(folder):
        *others, last = _source_packages(release)
        for archive, package in others:
            with suppress(DebianError):
                return _tree_of(archive, package, folder, parts)
        return _tree_of(*last, folder, parts)


def _tree_of(archive: Archive, package: Package, folder: Path, parts: Sequence[str]) -> Path:
    tree = folder / package.upstream.replace("~", "-")
    if not (tree / "Makefile").exists():
        _unpack_source(archive, package, tree, parts)
    return tree


def _source_packages(release: str) -> list[tuple[Archive, Package]]:
    """Return the source packages nearest to a release and where they are, the nearest first."""
    series = _series(release)
    archives = [open_archive(suite) for suite in SUITES.get(series, EVERYWHERE)]
    found = {p: a for a in archives for p in packages(a, f"linux-source-{re.escape(series)}")}
    if not found:
        raise DebianError(f"Debian has no linux-source-{series}; it has one of: {', '.join(SUITES)}")
    order = newest(found)
    if release != series:
        patch = _patch_level(release)
        order.sort(key=lambda package: abs(_patch_level(package.upstream) - patch))
    return [(found[package], package) for package in order[:CANDIDATES]]


def _patch_level(version: str) -> int:
    match = re.match(r"\d+\.\d+\.(\d+)", version)
    return int(match[1]) if match else 0


def tree_version(tree: Path) -> str:
    """Return the version that a tree's Makefile states."""
    text = (tree / "Makefile").read_text(encoding="utf-8")
    names = ("VERSION", "PATCHLEVEL", "SUBLEVEL", "EXTRAVERSION")
    fields = dict(re.findall(r"^(\w+) *= *(\S*)$", text, re.MULTILINE))
    return ".".join(str(fields[name]) for name in names[:3]) + str(fields.get("EXTRAVERSION", ""))


def _unpack_source(archive: Archive, package: Package, tree: Path, parts: Sequence[str]) -> None:
    """Unpack a source package, or some patterns of it, and delete the package."""
    tree.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=tree.parent) as folder:
        print(f"{package.name} {package.version}: {package.size >> 20} MiB", file=sys.stderr)
        deb = download(archive, package, Path(folder))
        target = Path(folder) / "tree"
        target.mkdir()
        _unpack_tarball(deb, target, parts)
        if not (target / "scripts" / "kallsyms.c").exists():
            raise DebianError(f"{deb.name} holds no scripts/kallsyms.c")
        target.replace(tree)


def _unpack_tarball(deb: Path, target: Path, parts: Sequence[str]) -> None:
    """Stream the tarball of a source package through xz and tar; patterns that match nothing do no harm."""
    inner = ["tar", "--extract", "--to-stdout", "--wildcards", "*/linux-source-*.tar.xz"]
    options = ["--strip-components=1", "--wildcards", "--no-wildcards-match-slash", f"--directory={target}"]
    with (
        subprocess.Popen(["dpkg-deb", "--fsys-tarfile", str(deb)], stdout=subprocess.PIPE) as package,
        subprocess.Popen(inner, stdin=package.stdout, stdout=subprocess.PIPE) as packed,
        subprocess.Popen(["xz", "-d", "-T0"], stdin=packed.stdout, stdout=subprocess.PIPE) as plain,
    ):
        subprocess.run(
            ["tar", "--extract", *options, *parts],
            stdin=plain.stdout,
            stderr=subprocess.DEVNULL,
            check=False,
        )
