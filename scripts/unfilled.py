#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Take the tables out of a finished vmlinux: a copy as it would be with room reserved for them, not filled in.

    scripts/unfilled.py vmlinux unfilled

What elfsyms fill makes of that must be the file itself: a test and a benchmark (``bench_once.py``) for kernels that
nobody can link. The build ID stays as it is.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path

from elfsyms import ElfsymsError
from elfsyms.pipeline.kernel import load
from elfsyms.pipeline.layout import RelocationKind
from elfsyms.writers.inplace import overwrite
from elfsyms.writers.reserve import reserve
from elfsyms.writers.room import table_parts

__all__ = ["neutral_writes", "unfilled"]


def unfilled(vmlinux: Path, target: Path) -> None:
    """Write a copy of a kernel whose tables are neutral; the base of offsets stays, for the linker wrote it."""
    writes = neutral_writes(vmlinux)
    shutil.copyfile(vmlinux, target)
    overwrite(target, writes)


def neutral_writes(vmlinux: Path) -> list[tuple[int, bytes]]:
    """Return what makes the tables of a finished kernel neutral: ranges, each ``(offset, bytes)``."""
    with load(vmlinux) as kernel:
        layout = reserve(kernel.layout)
        bases = {int(g.offsets[0]) for g in layout.relocations if g.kind is RelocationKind.WORD}
        writes = []
        for label, data in table_parts(layout):
            address = kernel.symbols.address_of(label.name)
            section = next(s for s in kernel.image.sections if address is not None and s.holds(address))
            if label.offset not in bases:
                writes.append((section.offset + (address or 0) - section.address, bytes(data)))
    return writes


def main() -> int:
    """Do it for the files named on the command line."""
    parser = argparse.ArgumentParser(description="Take the tables out of a vmlinux.")
    parser.add_argument("vmlinux", type=Path)
    parser.add_argument("target", type=Path)
    wanted = parser.parse_args()
    try:
        unfilled(wanted.vmlinux, wanted.target)
    except ElfsymsError as error:
        print(f"unfilled: {error}", file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
