#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Write the hook as patches, for those who carry patches instead of running ``elfsyms kbuild install``.

    scripts/kbuild/make_patches.py

One patch for each shape of the link script, made by ``git format-patch`` on the script of a release that
Debian has. One line of context and the name of a function are the kernel's; the rest is the hook.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
sys.path.append(str(HERE.parent))

from debian import DebianError  # noqa: E402 (the other scripts are found by the line above)
from sources import parts_tree  # noqa: E402 (as above)

from elfsyms.kbuild import install, status  # noqa: E402 (as above)

SERIES = ("5.10", "6.1", "6.12")

MESSAGE = """\
kbuild: make the symbol table with elfsyms if ELFSYMS is set

With

  make ELFSYMS=elfsyms

the functions of scripts/link-vmlinux.sh that run nm, sed, scripts/kallsyms
and the assembler give way to those of scripts/elfsyms-hook.sh, which call
elfsyms. Without ELFSYMS nothing changes.

For the link script of Linux {releases}.
"""

# The same patch each time, whoever makes it.
AUTHOR = {
    "GIT_AUTHOR_NAME": "elfsyms",
    "GIT_AUTHOR_EMAIL": "elfsyms@localhost",
    "GIT_AUTHOR_DATE": "2026-01-01T00:00:00Z",
    "GIT_COMMITTER_NAME": "elfsyms",
    "GIT_COMMITTER_EMAIL": "elfsyms@localhost",
    "GIT_COMMITTER_DATE": "2026-01-01T00:00:00Z",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_SYSTEM": os.devnull,
}


def make_patch(tree: Path, target: Path) -> Path:
    """Write the patch for a tree into a folder; return it."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "linux"
        (copy / "scripts").mkdir(parents=True)
        for name in ("Makefile", "scripts/link-vmlinux.sh", "scripts/kallsyms.c", "scripts/mksysmap"):
            shutil.copy(tree / name, copy / name)
        _git(copy, "init", "--quiet")
        _commit(copy, "the kernel's script")
        install(copy)
        shape = status(copy).shape
        assert shape is not None
        _commit(copy, MESSAGE.format(releases=shape.releases))
        made = _git(copy, "format-patch", "-1", "--unified=1", "--no-signature", "--zero-commit", "--stdout")
    patch = target / f"elfsyms-hook-{shape.releases.replace(' to ', '-')}.patch"
    patch.write_bytes(made)
    return patch


def _commit(tree: Path, message: str) -> None:
    _git(tree, "add", "--all")
    _git(tree, "commit", "--quiet", f"--message={message}")


def _git(tree: Path, *arguments: str) -> bytes:
    command = ["git", *arguments]
    return subprocess.run(
        command, cwd=tree, env={**os.environ, **AUTHOR}, check=True, stdout=subprocess.PIPE
    ).stdout


def main() -> int:
    """Write the patches beside this script."""
    try:
        for series in SERIES:
            print(make_patch(parts_tree(series), HERE))
    except DebianError as error:
        print(f"make_patches: {error}", file=sys.stderr)
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main())
