# SPDX-License-Identifier: GPL-2.0-or-later
"""Add the generators of kernel trees to those that are known: ``elfsyms/detect/known_generators.txt``.

Give a tree and the release that its code is of; the digests of its parts become rows, or its release is added
to rows that are there. Do so only for a release whose traits are in ``releases/format_history.py`` and whose tables
were compared with what its own generator makes (``scripts/stock.py``): from then on, code of these digests is
taken to do that.
"""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from pathlib import Path

from elfsyms.detect.generator import parts_of
from elfsyms.detect.lister import lister_parts
from elfsyms.detect.sources import read_source
from elfsyms.releases.versions import format_version, parse_version

KNOWN = Path(__file__).parent.parent / "elfsyms" / "detect" / "known_generators.txt"
HEADER = """\
# Parts of scripts/kallsyms.c that are known: a part, the digests of its statements, and the releases that have
# it so. A digest is the beginning of the SHA-256 of the tokens, one blank between them (csource.py); no text of
# the kernel is here. scripts/learn_generator.py writes this file.
"""


def main() -> int:
    """Read the trees, and write the file anew."""
    parser = argparse.ArgumentParser(description="Add generators to those that are known.")
    parser.add_argument("trees", nargs="+", metavar="RELEASE=TREE", help="6.12.118=path/of/the/tree")
    rows: dict[tuple[str, str], set[str]] = defaultdict(set)
    for line in KNOWN.read_text("utf-8").splitlines() if KNOWN.exists() else ():
        if line and not line.startswith("# "):
            name, digests, releases = line.split("\t")
            rows[name, digests] |= set(releases.split())
    for argument in parser.parse_args().trees:
        release, _, tree = argument.partition("=")
        parts = parts_of((Path(tree) / "scripts" / "kallsyms.c").read_text("utf-8"))[0]
        if (Path(tree) / "scripts" / "kallsyms-sysmap.c").exists():
            parts += lister_parts(read_source(Path(tree), "scripts/kallsyms-sysmap.c"))[0]
        for part in parts:
            rows[part.name, " ".join(part.digests)].add(format_version(parse_version(release)))
    lines = [
        f"{name}\t{digests}\t{' '.join(sorted(releases, key=parse_version))}\n"
        for (name, digests), releases in sorted(rows.items())
    ]
    KNOWN.write_text(HEADER + "".join(lines), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
