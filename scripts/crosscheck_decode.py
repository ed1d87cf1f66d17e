#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Compare what elfsyms decodes from whole kernels with what others find in them, symbol by symbol.

    scripts/crosscheck_decode.py vmlinux...
    scripts/crosscheck_decode.py --others venv/bin/python vmlinux...

The tables inside each kernel are compared with those that elfsyms makes of its symbol table, for the release and
options found in the file; and with what vmlinux-to-elf and drgn read from them (``other_decoders.py``), if an
interpreter is given that has both.

One line a kernel. vmlinux-to-elf shifts all addresses where its guess of the base is wrong; that is said, and is no
difference. Exit: 0 no difference, 1 some. Leaves out whether the symbols are the right ones: that is
``compare_with_stock.py``'s.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from other_decoders import Answer, ask_drgn, ask_finder

from elfsyms.decode.decode import decode_image
from elfsyms.errors import ElfsymsError
from elfsyms.pipeline.kernel import load

if TYPE_CHECKING:
    from collections.abc import Sequence

    from elfsyms.decode.decode import Decoded
    from elfsyms.pipeline.kernel import Kernel


def check(path: Path, python: str | None) -> tuple[str, bool]:
    """Decode one kernel; return its line, and whether all agree."""
    with load(path) as kernel:
        _ = kernel.symbols, kernel.release
        start = time.perf_counter()
        decoded = decode_image(kernel.image, kernel.release)
        seconds = time.perf_counter() - start
        answers = {"own tables": against_own_tables(kernel, decoded)}
        if python:
            letters = [bytes([letter]) for letter in decoded.letter.tolist()]
            named = [letter + name for letter, name in zip(letters, decoded.names(), strict=True)]
            found = ask_finder(python, kernel, decoded)
            answers["vmlinux-to-elf"] = against(found, decoded, named)
            answers["drgn"] = against(ask_drgn(python, kernel, decoded), decoded, list(decoded.names()))
    facts = f"{kernel.release.name}, {decoded.form}, {len(decoded):,} symbols in {seconds:.2f} s"
    verdicts = "; ".join(f"{who}: {what}" for who, what in answers.items())
    line = f"{path}: {facts}; problems: {'; '.join(decoded.problems) or 'none'}; {verdicts}"
    return line, not decoded.problems and all(what.startswith("equal") for what in answers.values())


def against_own_tables(kernel: Kernel, decoded: Decoded) -> str:
    """Compare with the tables that elfsyms makes of the kernel's symbols."""
    tables = kernel.tables
    records = tables.records
    mask = np.uint64((1 << decoded.abi.bits) - 1)
    equal = {
        "count": len(records) == len(decoded),
        "addresses": np.array_equal(records.address & mask, decoded.address),
        "letters": np.array_equal(records.letter, decoded.letter),
        "names": list(records.names()) == list(decoded.names()),
        "markers": np.array_equal(tables.markers, decoded.markers),
        "sequences": np.array_equal(tables.sequences, decoded.sequences),
        "tokens": tables.compressed.tokens == decoded.tokens,
    }
    wrong = [name for name, same in equal.items() if not same]
    return f"{', '.join(wrong)} differ" if wrong else "equal"


def against(found: Answer | str, decoded: Decoded, names: list[bytes]) -> str:
    """Compare with another decoder's answer."""
    if isinstance(found, str):
        return f"fails ({found})"
    if found.names != names:
        return f"names differ, {len(found.names):,} found"
    mask = (1 << decoded.abi.bits) - 1
    shifts = {(a - b) & mask for a, b in zip(found.addresses, decoded.address.tolist(), strict=True)}
    if len(shifts) > 1:
        return f"addresses differ, in {len(shifts):,} ways"
    shift = shifts.pop() if shifts else 0
    return "equal" if not shift else f"equal but for a base {shift:#x} too high"


def main(arguments: Sequence[str] | None = None) -> int:
    """Check every kernel named on the command line."""
    parser = argparse.ArgumentParser(description="Compare decoded tables with those of others.")
    parser.add_argument("kernels", nargs="+", type=Path, metavar="VMLINUX")
    parser.add_argument("--others", metavar="PYTHON", help="an interpreter that has vmlinux-to-elf and drgn")
    wanted = parser.parse_args(arguments)
    agreed = True
    for path in wanted.kernels:
        try:
            line, equal = check(path, wanted.others)
        except ElfsymsError as error:
            line, equal = f"{path}: {error}", False
        print(line, flush=True)
        agreed &= equal
    return 0 if agreed else 1


if __name__ == "__main__":
    sys.exit(main())
