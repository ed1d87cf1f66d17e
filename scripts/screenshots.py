#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Take the pictures of docs/report.md anew: the pages of two whole kernels in headless Chromium.

    scripts/screenshots.py ~/.cache/elfsyms/kernels/amd64-6.12*/vmlinux ~/.cache/elfsyms/kernels/amd64-7.3*/vmlinux

Look at them before they are committed: no test can tell whether a page is good to look at. Needs playwright,
Chromium and Pillow, which makes the files small.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

DOCS = Path(__file__).parent.parent / "docs"


@dataclass(frozen=True, slots=True)
class Picture:
    """A part of a page: which page, what follows its address, what is brought to the top, and how large."""

    name: str
    page: str
    part: str
    size: tuple[int, int]
    address: str = ""
    scheme: str = "light"
    scale: float = 1


PICTURES = (
    Picture("report-flow", "kernel", "#flow", (1180, 880)),
    Picture("report-bytes-dark", "kernel", "#bytes", (1180, 900), scheme="dark"),
    Picture("report-tracing", "kernel", "#tracing", (1180, 960)),
    Picture("report-symbols", "kernel", "#symbols", (1180, 860), "q=^tcp_sendmsg&entry={tcp_sendmsg}"),
    Picture("report-phone", "kernel", "#symbols", (390, 844), "q=tcp_send&fate=kept", scale=2),
    Picture("report-difference", "difference", "header", (1180, 980)),
)


def main() -> int:
    """Make both pages and take every picture."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("old", metavar="OLD")
    parser.add_argument("new", metavar="NEW")
    given = parser.parse_args()
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 (not for --help)

    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    arguments = ["--disable-gpu", *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as driver:
        pages = {"kernel": Path(folder) / "kernel.html", "difference": Path(folder) / "difference.html"}
        _report([given.new], pages["kernel"])
        _report([given.old, given.new], pages["difference"])
        chromium = driver.chromium.launch(executable_path=program, args=arguments)
        for picture in PICTURES:
            _take(chromium, picture, pages[picture.page])
            _shrink(DOCS / f"{picture.name}.png")
        chromium.close()
    return 0


def _report(kernels: list[str], page: Path) -> None:
    subprocess.run([sys.executable, "-m", "elfsyms", "report", *kernels, "-o", page], check=True)


def _take(chromium: Any, picture: Picture, page: Path) -> None:
    width, height = picture.size
    context = chromium.new_context(
        viewport={"width": width, "height": height},
        color_scheme=picture.scheme,
        device_scale_factor=picture.scale,
    )
    window = context.new_page()
    window.goto(page.as_uri())
    window.wait_for_selector("body.ready")
    if picture.address:
        query, _, wanted = picture.address.partition("&entry=")
        window.evaluate("(address) => { location.hash = address; }", query)
        if wanted:
            window.click(f".row:has(.name:text-is('{wanted.strip('{}')}'))")
    window.evaluate(f"document.querySelector({picture.part!r}).scrollIntoView()")
    window.screenshot(path=DOCS / f"{picture.name}.png")
    context.close()


def _shrink(path: Path) -> None:
    """Write a picture with a palette: a page has few colours."""
    from PIL import Image  # noqa: PLC0415 (not for --help)

    with Image.open(path) as picture:
        picture.convert("RGB").quantize(192, dither=Image.Dither.NONE).save(path, optimize=True)


if __name__ == "__main__":
    sys.exit(main())
