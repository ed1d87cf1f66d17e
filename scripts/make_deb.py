#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Build the Debian packages in a clean Debian system, check them with lintian, and try them in another.

    scripts/make_deb.py               # into ./dist
    scripts/make_deb.py -o FOLDER     # elsewhere

The packages are built from the sdist, as they would be from a release, with the libraries of Debian 13, the
first whose libraries are new enough. ``trial`` installs them where nothing else is and makes a table of a
sample; pages and completions must lie where Debian's man, bash, zsh and fish look. Objects need LIEF, which
Debian does not have: what README.Debian says of that is done there, too.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from debian import DebianError
from debian_root import system
from try_pythons import COMMANDS, SAME, digest, distributions, expected, sample

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from debian_root import System

ROOT = Path(__file__).parent.parent
SUITE = "trixie"
LINTIAN = ("--info", "--display-info", "--pedantic", "--fail-on", "error,warning")

# Where Debian's programs look for what the packages bring.
PLACES = (
    "/usr/bin/elfsyms",
    "/usr/share/man/man1/elfsyms.1.gz",
    "/usr/share/man/man1/elfsyms-explain.1.gz",
    "/usr/share/bash-completion/completions/elfsyms",
    "/usr/share/zsh/vendor-completions/_elfsyms",
    "/usr/share/fish/vendor_completions.d/elfsyms.fish",
)
NEEDS_MORE = {"export", "atlas"}  # pyarrow, which Debian does not have


def build(sdist: Path, folder: Path) -> list[Path]:
    """Build the packages from an sdist; return the ``.deb`` files, in a folder of this machine."""
    version = debian_version()
    with system(SUITE, ("build-essential", "debhelper", "dh-python", "lintian")) as there:
        there.put(sdist, f"/build/elfsyms_{version.rpartition('-')[0]}.orig.tar.gz")
        source = f"/build/elfsyms-{version.rpartition('-')[0]}"
        there.run("tar", "-xf", f"elfsyms_{version.rpartition('-')[0]}.orig.tar.gz", folder="/build")
        there.put(ROOT / "debian", f"{source}/debian")
        there.run("apt-get", "update", "-qq")
        there.run("apt-get", "build-dep", "-qy", "--no-install-recommends", "./", folder=source)
        there.run("dpkg-buildpackage", "-us", "-uc", folder=source)
        print(lintian(there), end="")
        return [Path(shutil.copy(deb, folder)) for deb in sorted(there.path("/build").glob("*.deb"))]


def lintian(there: System) -> str:
    """Return what lintian has to say of source and packages; raise where it is an error or a warning."""
    (changes,) = there.path("/build").glob("*.changes")
    said = there.run("lintian", "--allow-root", *LINTIAN, changes.name, folder="/build")
    return "".join(f"{line}\n" for line in said.splitlines() if not line.startswith("N:"))


def debian_version() -> str:
    """Return the version that ``debian/changelog`` begins with."""
    text = (ROOT / "debian" / "changelog").read_text(encoding="utf-8")
    match = re.match(r"elfsyms \((\S+)\)", text)
    if match is None:
        raise DebianError("debian/changelog does not begin with a version")
    return match[1]


def trial(debs: Sequence[Path]) -> Iterator[str]:
    """Install packages in an empty system and use them; yield what was seen, or raise."""
    with tempfile.TemporaryDirectory() as folder, system(SUITE) as there:
        there.put(sample(Path(folder)), "/try/vmlinux")
        wanted = expected(Path(folder))
        there.install("man-db", *(f".{there.put(deb, f'/{deb.name}')}" for deb in debs))
        yield there.run("elfsyms", "--version").strip()
        missing = [place for place in PLACES if not there.path(place).exists()]
        if missing:
            raise DebianError(f"the packages do not bring {', '.join(missing)}")
        yield from _everything_but_objects(there, wanted)
        yield from _objects(there, wanted)


def _everything_but_objects(there: System, wanted: dict[str, str]) -> Iterator[str]:
    there.install("python3-jinja2")  # which the packages recommend
    for command in COMMANDS:
        if "kallsyms.o" not in command and command[0] not in NEEDS_MORE:
            there.run("elfsyms", *command, folder="/try")
    _compare(there, wanted, SAME[0], SAME[2])
    yield "works with Debian's libraries; assembly and map are the same"
    there.run("elfsyms", "vmlinux", "-o", "kallsyms.S", "--quiet", folder="/try")
    try:
        there.run("elfsyms", "vmlinux", "-o", "kallsyms.o", folder="/try")
    except DebianError as error:
        if "ended with 70" not in str(error) or "lief is not installed" not in str(error):
            raise
        yield "an object without LIEF: one sentence, exit code 70"
    else:
        raise DebianError("LIEF is in this Debian: the packages should depend on it")


def _objects(there: System, wanted: dict[str, str]) -> Iterator[str]:
    """Do what README.Debian says."""
    there.install("python3-pip")
    there.run("pip", "install", "--quiet", "--break-system-packages", "lief>=0.17")
    there.run("elfsyms", "vmlinux", "-o", "kallsyms.o", folder="/try")
    _compare(there, wanted, "kallsyms.o")
    yield "with LIEF from PyPI the object is the same"


def _compare(there: System, wanted: dict[str, str], *names: str) -> None:
    for name in names:
        if digest(there.path(f"/try/{name}")) != wanted[name]:
            raise DebianError(f"{name} is not what this checkout makes")


def main() -> int:
    """Build, check, try."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("-o", "--output", type=Path, default=ROOT / "dist", metavar="FOLDER")
    folder: Path = parser.parse_args().output
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as made:
        _, sdist = distributions(Path(made))
        debs = build(sdist, folder)
    for line in trial(debs):
        print(line, flush=True)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (DebianError, subprocess.CalledProcessError) as error:
        sys.exit(f"make_deb: {error}")
