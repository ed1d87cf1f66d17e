# SPDX-License-Identifier: GPL-2.0-or-later
"""Debian's packages of any suite and architecture, beside the system's own apt and without a trace in it.

What the other scripts stand on: an apt configuration of its own in the cache folder (state, lists, sources,
architecture), the newest package that matches, one file streamed out of a package, and a set of packages with
what they depend on unpacked under a private prefix. The mirror is the one that the machine's own apt sources
name, the signatures are checked with the machine's own Debian keyring.

Leaves out installing anything, architectures that only Debian ports has, and machines whose sources name no
Debian mirror.
"""

from __future__ import annotations

import fcntl
import functools
import os
import re
import subprocess
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

__all__ = [
    "Archive",
    "DebianError",
    "Package",
    "cache_folder",
    "download",
    "locked",
    "mirror",
    "native_architecture",
    "newest",
    "open_archive",
    "packages",
    "run",
    "stream_file",
    "unpack",
    "unpack_closure",
]

LISTS_LIFETIME = 24 * 3600  # seconds until the package lists are fetched anew

# What the sources of one suite are: the suite, and its companions, which some suites have and some have not.
SUITE = "{main} {suite} main"
COMPANIONS = (
    "{main} {suite}-updates main",
    "{security} {suite}-security main",
    "{main} {suite}-backports main",
)
ROLLING = {"sid", "unstable", "experimental"}  # these have no companions

CONFIGURATION = """\
Dir::State "{folder}";
Dir::State::lists "{folder}/lists/";
Dir::State::status "{folder}/status";
Dir::Cache "{folder}/cache";
Dir::Cache::pkgcache "pkgcache.bin";
Dir::Cache::srcpkgcache "srcpkgcache.bin";
Dir::Etc::sourcelist "{folder}/sources.list";
Dir::Etc::sourceparts "{folder}/none";
Dir::Etc::preferences "{folder}/none/preferences";
Dir::Etc::preferencesparts "{folder}/none";
#clear APT::Architectures;
APT::Architecture "{architecture}";
APT::Architectures {{ "{architecture}"; }};
APT::Sandbox::User "root";
APT::Install-Recommends "false";
Acquire::Languages "none";
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
"""


class DebianError(Exception):
    """What could not be had, in one sentence."""


@dataclass(frozen=True, slots=True)
class Archive:
    """One suite of one architecture, as an apt configuration of its own."""

    suite: str
    architecture: str
    folder: Path

    def apt(self, program: str, *arguments: str, folder: Path | None = None) -> str:
        """Run ``apt-get`` or ``apt-cache`` under this configuration; return its output."""
        return run([program, "-c", str(self.folder / "apt.conf"), *arguments], folder=folder)


@dataclass(frozen=True, slots=True)
class Package:
    """One version of one binary package."""

    name: str
    version: str
    architecture: str
    size: int
    sha256: str

    @property
    def upstream(self) -> str:
        """The version without Debian's revision and epoch: ``6.12.117``, ``7.3~rc7``."""
        return self.version.rpartition("-")[0].rpartition(":")[2] or self.version


def cache_folder() -> Path:
    """Return the cache: ``$ELFSYMS_CACHE``, else ``elfsyms`` under the user's cache folder."""
    own = os.environ.get("ELFSYMS_CACHE")
    users = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(own).expanduser().absolute() if own else Path(users) / "elfsyms"


@contextmanager
def locked(folder: Path) -> Iterator[Path]:
    """Hold a folder of the cache for oneself: tests in several processes share it."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield folder


def run(command: Sequence[str], *, folder: Path | None = None) -> str:
    """Run a program and return its standard output, or raise :class:`DebianError` with its own words."""
    environment = {**os.environ, "LC_ALL": "C", "DEBIAN_FRONTEND": "noninteractive"}
    try:
        done = subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, check=False
        )
    except FileNotFoundError as error:
        raise DebianError(f"{command[0]} is not installed, and nothing works without it") from error
    if done.returncode:
        lines = done.stderr.splitlines()
        errors = [line.removeprefix("E: ") for line in lines if line.startswith("E: ")]
        words = (errors or lines[-1:] or [f"status {done.returncode}"])[0]
        raise DebianError(f"{Path(command[0]).name} failed: {words}")
    return done.stdout


def native_architecture() -> str:
    """Return Debian's name for this machine: ``amd64``."""
    return run(["dpkg", "--print-architecture"]).strip()


def open_archive(suite: str, architecture: str | None = None) -> Archive:
    """Return a suite, of this machine's architecture unless given, with package lists no older than a day."""
    architecture = architecture or native_architecture()
    folder = cache_folder() / "apt" / f"{suite}-{architecture}"
    archive = Archive(suite, architecture, folder)
    with locked(folder):
        if _age(folder / "updated") > LISTS_LIFETIME:
            _configure(archive)
            _update(archive)
            (folder / "updated").touch()
    return archive


def _age(stamp: Path) -> float:
    return time.time() - stamp.stat().st_mtime if stamp.exists() else float("inf")


def _configure(archive: Archive) -> None:
    folder = archive.folder
    for name in ("lists/partial", "cache/archives/partial", "none"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / "status").touch()
    (folder / "apt.conf").write_text(
        CONFIGURATION.format(folder=folder, architecture=archive.architecture), encoding="utf-8"
    )
    (folder / "sources.list").write_text("\n".join(_sources(archive.suite)) + "\n", encoding="utf-8")


def _sources(suite: str) -> list[str]:
    main, security = _mirrors()
    option = f"[signed-by={keyring}] " if (keyring := _keyring()) else ""
    templates = (SUITE,) if suite in ROLLING else (SUITE, *COMPANIONS)
    return [f"deb {option}{line.format(main=main, security=security, suite=suite)}" for line in templates]


def mirror() -> str:
    """Return the mirror of Debian that this machine's own apt sources name."""
    return _mirrors()[0]


def _mirrors() -> tuple[str, str]:
    """Return the mirrors of Debian and of its security suites that this machine's own apt sources name."""
    listed = run(["apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages"]).split()
    mirrors = [uri.rstrip("/") for uri in listed]
    main = next((uri for uri in mirrors if uri.endswith("/debian")), None)
    if main is None:
        raise DebianError("the apt sources of this machine name no mirror that ends in /debian: add one")
    security = next((uri for uri in mirrors if uri.endswith("/debian-security")), f"{main}-security")
    return main, security


def _keyring() -> str | None:
    """Return the Debian keyring of this machine, or None to leave the choice to apt."""
    try:
        files = run(["dpkg-query", "--listfiles", "debian-archive-keyring"]).split()
    except DebianError:
        return None
    return next((name for name in files if re.search(r"/debian-archive-keyring\.[gp]{2}g?$", name)), None)


def _update(archive: Archive) -> None:
    """Fetch the package lists; only the suite itself must be there, not its companions."""
    try:
        archive.apt("apt-get", "update")
    except DebianError as error:
        if not list((archive.folder / "lists").glob(f"*_dists_{archive.suite}_*Packages*")):
            words = f"Debian's {archive.suite} for {archive.architecture} cannot be had ({error})"
            raise DebianError(words) from error


def packages(archive: Archive, pattern: str) -> list[Package]:
    """Return all versions of all packages whose whole name matches a regular expression."""
    names = archive.apt("apt-cache", "pkgnames").split()
    wanted = [name for name in names if re.fullmatch(pattern, name)]
    if not wanted:
        return []
    stanzas = archive.apt("apt-cache", "show", "--all-versions", *wanted).split("\n\n")
    found = [_package(stanza) for stanza in stanzas if stanza.strip()]
    return list(dict.fromkeys(found))


def _package(stanza: str) -> Package:
    fields = dict(re.findall(r"^([\w-]+): (.*)$", stanza, re.MULTILINE))
    return Package(
        name=fields["Package"],
        version=fields["Version"],
        architecture=fields["Architecture"],
        size=int(fields["Size"]),
        sha256=fields.get("SHA256", ""),
    )


def newest(found: Iterable[Package]) -> list[Package]:
    """Order packages by version, the newest first (``dpkg --compare-versions``)."""
    return sorted(found, key=functools.cmp_to_key(_compare), reverse=True)


def _compare(one: Package, other: Package) -> int:
    if one.version == other.version:
        return 0
    command = ["dpkg", "--compare-versions", one.version, "lt", other.version]
    return -1 if subprocess.run(command, check=False).returncode == 0 else 1


def download(archive: Archive, package: Package, folder: Path) -> Path:
    """Download one package into a folder; apt checks its signed digest. Return the file."""
    folder.mkdir(parents=True, exist_ok=True)
    archive.apt("apt-get", "download", f"{package.name}={package.version}", folder=folder)
    return next(folder.glob(f"{package.name}_*.deb"))


def stream_file(deb: Path, pattern: str, target: Path) -> str:
    """Write the first file of a package that matches a glob to ``target``; return its name in the package."""
    unpacking = subprocess.Popen(
        ["dpkg-deb", "--fsys-tarfile", str(deb)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    options = ["--extract", "--verbose", "--to-stdout", "--occurrence=1", "--wildcards", pattern]
    with target.open("wb") as stream, unpacking:
        taken = subprocess.run(
            ["tar", *options], stdin=unpacking.stdout, stdout=stream, stderr=subprocess.PIPE, check=False
        )
        unpacking.kill()  # the rest of a package of a gigabyte is of no interest
    if taken.returncode:
        raise DebianError(f"{deb.name} holds no {pattern.lstrip('*/')}")
    return taken.stderr.decode().splitlines()[0]


def unpack(deb: Path, folder: Path) -> None:
    """Unpack a package's files under a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    run(["dpkg-deb", "--extract", str(deb), str(folder)])


def unpack_closure(archive: Archive, names: Sequence[str], prefix: Path) -> None:
    """Unpack packages and everything they depend on under a prefix of their own, once."""
    with locked(prefix):
        stamp = prefix / "unpacked"
        if stamp.exists() and stamp.read_text(encoding="utf-8").split() == list(names):
            return
        debs = prefix / "debs"
        (debs / "partial").mkdir(parents=True, exist_ok=True)
        archives = f"Dir::Cache::archives={debs}"
        archive.apt("apt-get", "install", "--yes", "--download-only", "-o", archives, *names)
        for deb in debs.glob("*.deb"):
            unpack(deb, prefix)
            deb.unlink()
        stamp.write_text("\n".join(names), encoding="utf-8")
