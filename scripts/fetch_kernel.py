#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Bring the vmlinux of a Debian kernel into the cache, by suite, architecture and release; print its path.

    scripts/fetch_kernel.py --suite bookworm --arch amd64 --release 6.12
    scripts/fetch_kernel.py --suite sid --arch s390x --strip-debug

The package is ``linux-image-*-dbg``, about a gigabyte; one file is streamed out of it and the package is
deleted. Beside the file stands ``origin.json``: package, version, suite, architecture, digests. What is in
the cache already is found without a network (``--update`` looks for a newer one).

The file is kept as Debian made it unless ``--strip-debug`` asks for a copy of a fifth of the size: objcopy
takes the STT_FILE and STT_SECTION entries of ``.symtab`` along with the debug sections. ``nm`` shows neither,
and its output is compared before the copy is handed out, but counts of entries differ.

Leaves out kernels that are not Debian's and packages without debug symbols.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from debian import (
    Archive,
    DebianError,
    Package,
    cache_folder,
    download,
    locked,
    newest,
    open_archive,
    packages,
    run,
    stream_file,
)

# linux-image-6.1.0-56-amd64-dbg, linux-image-6.12.117+deb12-cloud-amd64-dbg: the release's part, the flavour.
PACKAGE = re.compile(r"linux-image-(?P<abi>\d+\.\d+\.0-[^-]+|\d+\.\d[^-]*)-(?P<flavour>[^+]+)-dbg")
METAPACKAGE = 1 << 20  # bytes: what is smaller than this only depends on the real one
SPECIAL = {"rt", "cloud", "lpae", "pae", "16k", "64k"}  # words of flavours that are not the plain one
UNPACKERS = {b"\xfd7zX": "xz", b"(\xb5/\xfd": "zstd", b"\x1f\x8b": "gzip"}


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked for; ``None`` takes the newest release or the plainest flavour."""

    suite: str
    architecture: str
    release: str | None = None
    flavour: str | None = None

    def wants_release(self, upstream: str) -> bool:
        """Tell whether ``6.12.117`` or ``7.3~rc7`` is (of) the release asked for."""
        wanted = self.release
        return wanted is None or upstream == wanted or upstream.startswith((f"{wanted}.", f"{wanted}~"))

    def __str__(self) -> str:
        """Name the request for a message."""
        parts = (self.release, self.flavour, f"for {self.architecture} in {self.suite}")
        return " ".join(part for part in parts if part)


def fetch(request: Request, *, update: bool = False, strip_debug: bool = False) -> Path:
    """Return the vmlinux that was asked for, from the cache or from Debian."""
    path = None if update else _cached(request)
    path = path or _fetch(request)
    return _stripped(path) if strip_debug else path


def _kernels() -> Path:
    return cache_folder() / "kernels"


def _cached(request: Request) -> Path | None:
    """Return the newest kernel in the cache that answers the request."""
    origins = [
        (origin, path.with_name("vmlinux"))
        for path in _kernels().glob("*/origin.json")
        if _answers(request, origin := json.loads(path.read_text(encoding="utf-8")))
    ]
    found = {origin["version"]: path for origin, path in origins}
    order = newest(Package("", version, "", 0, "") for version in found)
    return found[order[0].version] if order else None


def _answers(request: Request, origin: dict[str, Any]) -> bool:
    flavour = origin["flavour"] == request.flavour if request.flavour else origin["plainest"]
    where = (origin["suite"], origin["architecture"]) == (request.suite, request.architecture)
    return bool(flavour) and where and request.wants_release(origin["upstream"])


def _fetch(request: Request) -> Path:
    archive = open_archive(request.suite, request.architecture)
    package = _choose(archive, request)
    flavour = _flavour(package)
    folder = _kernels() / f"{request.architecture}-{package.version.replace('~', '-')}-{flavour}"
    with locked(folder):
        path = folder / "vmlinux"
        if not (folder / "origin.json").exists():
            member = _bring(archive, package, path)
            origin = _origin(request, package, member, path)
            (folder / "origin.json").write_text(json.dumps(origin, indent=1) + "\n", encoding="utf-8")
    return path


def _choose(archive: Archive, request: Request) -> Package:
    """Return the newest package of the release, of the flavour asked for or the plainest."""
    real = [p for p in packages(archive, r"linux-image-\d.*-dbg") if p.size > METAPACKAGE and _flavour(p)]
    fitting = [p for p in real if request.wants_release(p.upstream)]
    if request.flavour:
        fitting = [p for p in fitting if _flavour(p) == request.flavour]
    if not fitting:
        known = ", ".join(sorted({f"{p.upstream} ({_flavour(p)})" for p in real})) or "none at all"
        raise DebianError(f"no kernel {request} has debug symbols; there are: {known}")
    version = newest(fitting)[0].version
    return min((p for p in fitting if p.version == version), key=lambda p: _plainness(_flavour(p)))


def _flavour(package: Package) -> str:
    match = PACKAGE.fullmatch(package.name)
    return match["flavour"] if match else ""


def _plainness(flavour: str) -> tuple[int, int, str]:
    words = flavour.split("-")
    return len(SPECIAL.intersection(words)), len(words), flavour


def _bring(archive: Archive, package: Package, target: Path) -> str:
    """Download the package, stream the kernel out of it, delete the package; return the member's name."""
    _kernels().mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=_kernels()) as folder:
        print(f"{package.name} {package.version}: {package.size >> 20} MiB", file=sys.stderr)
        deb = download(archive, package, Path(folder))
        part = Path(folder) / "vmlinux"
        member = stream_file(deb, "*/vmlinux*", part)
        _decompress(part)
        if _start(part) != b"\x7fELF":
            raise DebianError(f"{member} of {package.name} is no ELF file")
        part.replace(target)
    return member


def _start(path: Path) -> bytes:
    with path.open("rb") as stream:
        return stream.read(4)


def _decompress(path: Path) -> None:
    """Decompress a kernel in place if it is compressed."""
    program = next((tool for magic, tool in UNPACKERS.items() if _start(path).startswith(magic)), None)
    if program is None:
        return
    packed = path.rename(path.with_suffix(".packed"))
    with packed.open("rb") as source, path.open("wb") as target:
        subprocess.run([program, "-d", "-c"], stdin=source, stdout=target, check=True)
    packed.unlink()


def _origin(request: Request, package: Package, member: str, path: Path) -> dict[str, Any]:
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    return {
        "package": package.name,
        "version": package.version,
        "upstream": package.upstream,
        "suite": request.suite,
        "architecture": request.architecture,
        "flavour": _flavour(package),
        "plainest": request.flavour is None,
        "package_sha256": package.sha256,
        "member": member,
        "sha256": digest,
        "bytes": path.stat().st_size,
    }


def _stripped(path: Path) -> Path:
    """Return a copy without debug sections, whose symbols nm prints just as before."""
    target = path.with_name("vmlinux.nodebug")
    if target.exists():
        return target
    part = path.with_name(".nodebug")
    run(["objcopy", "--strip-debug", str(path), str(part)])
    if run(["nm", "-p", str(part)]) != run(["nm", "-p", str(path)]):
        part.unlink()
        raise DebianError(f"objcopy --strip-debug changed the symbols of {path}: use it as it is")
    shutil.copymode(path, part)
    return part.replace(target)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Bring a Debian kernel's vmlinux into the cache.")
    parser.add_argument("--suite", default="bookworm", help="bullseye, bookworm, trixie, sid, experimental")
    parser.add_argument("--arch", default="amd64", help="Debian's name: amd64, arm64, s390x, ...")
    parser.add_argument("--release", help="6.12, 6.12.117 or 7.3; the newest unless given")
    parser.add_argument("--flavour", help="amd64, cloud-amd64, ...; the plainest unless given")
    parser.add_argument("--strip-debug", action=argparse.BooleanOptionalAction, default=False)
    parser.add_argument("--update", action="store_true", help="look for a newer one than the cache has")
    return parser.parse_args()


def main() -> int:
    """Print the path of the kernel that the command line asks for."""
    wanted = _arguments()
    request = Request(wanted.suite, wanted.arch, wanted.release, wanted.flavour)
    try:
        print(fetch(request, update=wanted.update, strip_debug=wanted.strip_debug))
    except DebianError as error:
        print(f"fetch_kernel: {error}", file=sys.stderr)
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main())
