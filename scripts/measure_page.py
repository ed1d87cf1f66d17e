#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Measure a kernel's page: its weight, what making it costs beside ``list``, first paint and searches in Chromium.

    scripts/measure_page.py ~/.cache/elfsyms/kernels/amd64-7.3*/vmlinux

``report`` and ``list`` run one after the other, some rounds; medians of processor time (user and system) and of
wall time are printed, and the ratio. Then the page is opened afresh as often: first contentful paint as Chromium
tells it, when the list was there, and the slowest and the usual of some searches, as the page's own clock has them:
until the first rows are shown, and until all are.
Needs playwright and Chromium; leaves nothing behind.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

QUERIES = (
    *("t", "tc", "tcp", "tcp_", "^tcp_", "tcp send", "_init$", "*lock*", "/^(vfs|do)_/", "no_such_name"),
    *("e", "E", "e t a", "*e*t*", "/(_[a-z]+)+$/", "0xffffffff83000000"),  # what finds most, or looks longest
)
_PAINT = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? null"


def main() -> int:
    """Measure the page of the kernel that the command line names."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("kernel", type=Path, metavar="VMLINUX")
    parser.add_argument("--rounds", type=int, default=5, metavar="N")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "report.html"
        report = ["report", str(given.kernel), "-o", str(page)]
        _compare(report, ["list", str(given.kernel)], given.rounds)
        print(f"page     {page.stat().st_size / 1e6:.2f} MB")
        _browse(page, given.rounds)
    return 0


def _compare(report: list[str], listing: list[str], rounds: int) -> None:
    taken: dict[str, list[tuple[float, float]]] = {"report": [], "list": []}
    for _ in range(rounds):
        for arguments in (report, listing):
            taken[arguments[0]].append(_run(arguments))
    middle = {
        name: [statistics.median(each) for each in zip(*all_, strict=True)] for name, all_ in taken.items()
    }
    for name, (cpu, wall) in middle.items():
        print(f"{name:<8} {cpu:.2f} s of processor time, {wall:.2f} s")
    cpu, wall = (a / b for a, b in zip(middle["report"], middle["list"], strict=True))
    print(f"ratio    {cpu:.2f} in processor time, {wall:.2f} in time")


def _run(arguments: list[str]) -> tuple[float, float]:
    """Run elfsyms; return the processor time and the time that it took."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    before, start = os.times(), time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "elfsyms", *arguments], check=True, stdout=subprocess.DEVNULL, env=environment
    )
    after = os.times()
    cpu = sum(getattr(after, n) - getattr(before, n) for n in ("children_user", "children_system"))
    return cpu, time.perf_counter() - start


def _browse(page: Path, rounds: int) -> None:
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 (for this part alone)

    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    arguments = ["--disable-gpu", *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    with sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=program, args=arguments)
        opened = [_open(chromium, page) for _ in range(rounds)]
        print(f"Chromium {chromium.version}")
        chromium.close()
    paints, ready, searches = zip(*opened, strict=True)
    print(f"paint    {_range(paints)} ms")
    print(f"list     {_range(ready)} ms after the page was asked for")
    for label, which in (("search", 0), ("all rows", 1)):
        every = sorted(took[which] for each in searches for took in each)
        print(
            f"{label:<8} {statistics.median(every):.0f} ms usually, {every[-1]:.0f} ms at most, of {len(every)}"
        )


def _open(chromium: Any, page: Path) -> tuple[float, float, list[tuple[float, float]]]:
    """Open the page in a window of its own; return first paint, the list's arrival, and each search, all in ms."""
    window = chromium.new_page(viewport={"width": 1280, "height": 900})
    window.goto(page.as_uri())
    window.wait_for_selector("body.ready")
    ready = window.evaluate("performance.now()")
    window.wait_for_function(f"() => ({_PAINT}) !== null")
    searches = []
    for query in QUERIES:
        window.evaluate("delete document.body.dataset.allMs")
        window.fill("#query", query)
        window.wait_for_function("() => document.body.dataset.allMs !== undefined")
        first, all_ = (
            float(window.evaluate(f"document.body.dataset.{name}Ms")) for name in ("search", "all")
        )
        searches.append((first, all_))
    paint = window.evaluate(_PAINT)
    window.close()
    return paint, ready, searches


def _range(values: tuple[float, ...]) -> str:
    return f"{min(values):.0f} to {max(values):.0f}"


if __name__ == "__main__":
    sys.exit(main())
