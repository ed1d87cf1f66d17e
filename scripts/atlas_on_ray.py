#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Export any number of kernels into an atlas on Ray: one machine's cores, or a cluster's.

    scripts/atlas_on_ray.py -o atlas/ --workers 2 kernels/*/vmlinux
    scripts/atlas_on_ray.py -o s3://bucket/atlas --cluster auto --list kernels.txt

Ray Data spreads the paths over workers; each calls what ``elfsyms export`` calls, and writes its kernel's file. A
kernel that is in the atlas already is left alone, so a job that broke off is started again. On Spark the same
function goes into ``mapInArrow``: it takes record batches with a column ``path`` and yields the rows.

Prints a line a kernel, and the kernels a minute at the end. What cannot be exported is reported (exit code 1).
"""

from __future__ import annotations

import argparse
import logging
import sys
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_STARTS = 3  # of a cluster: Ray waits 30 seconds for its node, which a busy machine may need
REPORT = pa.schema(
    [("path", pa.string()), ("kernel", pa.string()), ("rows", pa.int64()), ("problem", pa.string())]
)


def symbols(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Yield the symbols of every kernel whose path comes in: for Spark's ``mapInArrow``, and any like it."""
    from elfsyms import export_table  # noqa: PLC0415 (on the worker)

    for batch in batches:
        for path in batch["path"].to_pylist():
            yield from export_table(path).to_batches()


def into_atlas(batch: Any, atlas: str) -> Any:
    """Export the kernels of a batch of paths; return what became of each."""
    return pa.Table.from_pylist([_export(path, atlas) for path in batch["path"].to_pylist()], schema=REPORT)


def _export(path: str, atlas: str) -> dict[str, Any]:
    from elfsyms import ElfsymsError, export_table  # noqa: PLC0415 (on the worker)
    from elfsyms.atlas.store import add_table, open_atlas  # noqa: PLC0415 (as above)

    try:
        table = export_table(path)
        add_table(open_atlas(atlas), table)
    except ElfsymsError as error:
        return {"path": path, "kernel": None, "rows": 0, "problem": str(error)}
    return {"path": path, "kernel": table["kernel"][0].as_py(), "rows": table.num_rows, "problem": None}


def export_all(paths: Sequence[str], atlas: str, workers: int) -> Iterator[dict[str, Any]]:
    """Export kernels with so many workers; yield what became of each, as it is done."""
    import ray.data  # noqa: PLC0415 (a second)

    given = ray.data.from_items([{"path": path} for path in paths], override_num_blocks=len(paths))
    done = given.map_batches(
        partial(into_atlas, atlas=atlas),
        batch_size=1,
        batch_format="pyarrow",
        compute=ray.data.TaskPoolStrategy(size=workers),
    )
    yield from done.iter_rows()


def main() -> int:
    """Export what the command line names."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("kernels", nargs="*", metavar="KERNEL")
    parser.add_argument("-o", "--output", required=True, metavar="ATLAS")
    parser.add_argument("--list", type=Path, metavar="FILE", help="a path a line")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--cluster", metavar="ADDRESS", help="of a running cluster; else one is started here")
    arguments = parser.parse_args()
    named = arguments.list.read_text(encoding="utf-8").splitlines() if arguments.list else []
    paths = [*arguments.kernels, *filter(None, named)]
    if not paths:
        parser.error("no kernels are given")
    _start(arguments.cluster, arguments.workers)
    start, problems = time.monotonic(), 0
    for row in export_all(paths, arguments.output, arguments.workers):
        problems += row["problem"] is not None
        print(row["problem"] or f"{row['rows']:>9,}  {row['kernel']}  {row['path']}", flush=True)
    seconds = time.monotonic() - start
    each = f"{60 * len(paths) / seconds:.1f} kernels a minute"
    print(f"{len(paths)} kernels in {seconds:.1f} s with {arguments.workers} workers: {each}")
    return 1 if problems else 0


def _start(cluster: str | None, workers: int) -> None:
    """Join a cluster, or start one on this machine."""
    import ray  # noqa: PLC0415 (a second)

    ray.data.DataContext.get_current().enable_progress_bars = False
    if cluster:
        ray.init(address=cluster, log_to_driver=False)
        return
    for left in reversed(range(_STARTS)):
        try:
            ray.init(
                num_cpus=workers, include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR
            )
        except Exception:
            ray.shutdown()
            if not left:
                raise
        else:
            return


if __name__ == "__main__":
    sys.exit(main())
