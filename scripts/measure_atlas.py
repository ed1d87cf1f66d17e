#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Measure an atlas: kernels, rows, bytes a row, and how long the questions of docs/atlas.md take in DuckDB.

    scripts/measure_atlas.py atlas/
    scripts/measure_atlas.py atlas/ --export ~/.cache/elfsyms/images/amd64/vmlinuz-*

With ``--export`` the kernels are exported first, one after the other in one process, and the kernels a minute are
printed; ``scripts/atlas_on_ray.py --workers 1`` and ``--workers 2`` tell the same of an engine. Each question is
asked three times; the time is that of the median, and the answer's rows are counted.
"""

from __future__ import annotations

import argparse
import os
import re
import statistics
import sys
import time
from pathlib import Path

DOCS = Path(__file__).parent.parent / "docs" / "atlas.md"
_ROUNDS = 3


def main() -> int:
    """Measure the atlas that the command line names."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("atlas", type=Path, metavar="ATLAS")
    parser.add_argument("--export", nargs="+", default=[], metavar="KERNEL")
    given = parser.parse_args()
    if given.export:
        _export(given.atlas, given.export)
    _sizes(given.atlas)
    _questions(given.atlas)
    return 0


def _export(folder: Path, kernels: list[str]) -> None:
    from elfsyms import ElfsymsError, export_table  # noqa: PLC0415 (only where asked for)
    from elfsyms.atlas.store import add_table, open_atlas  # noqa: PLC0415 (as above)

    atlas, start, failed = open_atlas(folder), time.perf_counter(), 0
    for kernel in kernels:
        try:
            add_table(atlas, export_table(kernel))
        except ElfsymsError as error:
            failed += 1
            print(f"not exported: {error}", file=sys.stderr)
    minutes = (time.perf_counter() - start) / 60
    print(f"exported  {len(kernels) - failed} kernels, {(len(kernels) - failed) / minutes:.1f} a minute")


def _sizes(folder: Path) -> None:
    from elfsyms.atlas.store import open_atlas  # noqa: PLC0415 (pyarrow, not for --help)

    kernels = open_atlas(folder).kernels()
    rows = sum(kernel.rows for kernel in kernels)
    size = sum(Path(kernel.path).stat().st_size for kernel in kernels)
    print(
        f"atlas     {len(kernels)} kernels, {rows:,} rows, {size / 1e6:.1f} MB, {size / rows:.2f} bytes a row"
    )
    for source in ("symtab", "map", "tables"):
        some = [kernel for kernel in kernels if kernel.facts["source"] == source]
        if some:
            rows, size = sum(k.rows for k in some), sum(Path(k.path).stat().st_size for k in some)
            print(f"  {source:<7} {len(some):>4} kernels, {size / rows:5.2f} bytes a row")


def _questions(folder: Path) -> None:
    import duckdb  # noqa: PLC0415 (not for --help)

    os.chdir(folder.absolute().parent)
    text = DOCS.read_text(encoding="utf-8").replace("'atlas/", f"'{folder.absolute().name}/")
    for title, sql in re.findall(r"^### (.*?)\n.*?^```sql\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        taken, rows = [], 0
        for _ in range(_ROUNDS):
            start = time.perf_counter()
            rows = len(duckdb.execute(sql).fetchall())
            taken.append(time.perf_counter() - start)
        print(f"{statistics.median(taken):6.2f} s {rows:>7,} rows  {title}")


if __name__ == "__main__":
    sys.exit(main())
