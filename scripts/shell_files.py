#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Write the man pages and the completions under ``share/``, from the program's own declarations.

    scripts/shell_files.py            # after a command, an option or a line of help changed
    scripts/shell_files.py --check    # say what is not as it would be written; exit code 1 then

The wheel has them where a prefix has them (``share/man/man1`` and so on), so that an installed elfsyms has both.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from completions import bash, fish, zsh
from declarations import commands
from manpages import pages

SHARE = Path(__file__).parent.parent / "share"


def shell_files() -> dict[str, str]:
    """Return the text of every file, by its path under ``share/``."""
    declared = commands()
    made = {f"man/man1/{name}": text for name, text in pages(declared).items()}
    made["bash-completion/completions/elfsyms"] = bash(declared)
    made["zsh/site-functions/_elfsyms"] = zsh(declared)
    made["fish/vendor_completions.d/elfsyms.fish"] = fish(declared)
    return made


def stale() -> list[str]:
    """Return the paths that are missing, too many, or not as they would be written."""
    made = shell_files()
    there = {str(p.relative_to(SHARE)): p.read_text("utf-8") for p in SHARE.rglob("*") if p.is_file()}
    return sorted(name for name in made.keys() | there.keys() if made.get(name) != there.get(name))


def main() -> int:
    """Write, or check."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--check", action="store_true")
    if parser.parse_args().check:
        for name in stale():
            print(f"share/{name} is not as scripts/shell_files.py writes it")
        return 1 if stale() else 0
    made = shell_files()
    for name in stale():
        path = SHARE / name
        if name in made:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(made[name], encoding="utf-8")
        else:
            path.unlink()
        print(f"share/{name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
