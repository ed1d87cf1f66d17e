# SPDX-License-Identifier: GPL-2.0-or-later
"""A copy of a kernel as the next link pass would have it: the same names, many of them at other addresses.

Everything from ``__init_begin`` on, which lies behind the tables, moves up by a constant, in ``.symtab`` alone: the
sections stay, since only the symbols are read.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import numpy as np

from elfsyms.image.elf import SHT_SYMTAB, open_image
from elfsyms.image.symbols import entry_type, read_symbols

__all__ = ["moved_copy"]


def moved_copy(vmlinux: Path, target: Path, offset: int) -> Path:
    """Write the copy and return its path."""
    with open_image(vmlinux) as image:
        symbols = read_symbols(image)
        start = symbols.address_of(b"__init_begin") or int(np.median(symbols.value))
        section = next(s for s in image.sections if s.type == SHT_SYMTAB)
        raw = image.raw_symtab().entries
        abi = image.abi
    entries = np.frombuffer(raw, entry_type(abi)).copy()
    entries["value"][(entries["value"] >= start) & (entries["section"] > 0)] += offset
    shutil.copyfile(vmlinux, target)
    with target.open("r+b") as stream:
        stream.seek(section.offset)
        stream.write(entries.tobytes())
    return target


if __name__ == "__main__":
    moved_copy(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3], 16))
