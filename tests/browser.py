# SPDX-License-Identifier: GPL-2.0-or-later
"""Pages in a headless Chromium, with everything watched that a page must not do."""

from __future__ import annotations

import os
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["Watched", "browser"]

_ARGUMENTS = ["--disable-gpu", "--disable-background-networking"]


class Watched:
    """A page and what it did: ``complaints`` of its console, ``requests`` beyond its own file."""

    def __init__(self, page: Any, path: Path) -> None:
        """Watch a page, open a file in it, and wait until its list is there."""
        self.page = page
        page.set_default_timeout(60_000)  # a busy machine is slow, not wrong
        self.complaints: list[str] = []
        self.requests: list[str] = []
        page.on("console", lambda message: self.complaints.append(message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", lambda request: self._requested(request.url, path))
        page.on("dialog", self._dialog)
        self.open(path)

    def open(self, path: Path, address: str = "") -> None:
        """Open a file with what follows the # of its address."""
        self.page.goto("about:blank")
        self.page.goto(f"{path.as_uri()}{address and '#'}{address}")
        self.page.wait_for_selector("body.ready")

    def names(self) -> list[str]:
        """Return the names in the rows that the list draws, from the top down."""
        script = """() => [...document.querySelectorAll('.row:not([hidden])')]
            .sort((a, b) => a.dataset.index - b.dataset.index)
            .map((row) => row.querySelector('.name').textContent)"""
        found: list[str] = self.page.evaluate(script)
        return found

    def search(self, text: str) -> list[str]:
        """Type a query; return the names that the list draws when all is found."""
        self.page.fill("#query", text)
        self.page.wait_for_selector("body[data-all-ms]")
        return self.names()

    def facts(self) -> dict[str, str]:
        """Return the lines of the open explanation by their labels."""
        script = """() => [...document.querySelectorAll('#details-facts dt')]
            .map((label) => [label.textContent, label.nextElementSibling.innerText])"""
        return dict(self.page.evaluate(script))

    def _requested(self, url: str, path: Path) -> None:
        ours = url.split("#", maxsplit=1)[0] in {path.as_uri(), "about:blank", "data:,"}
        if not ours and not url.startswith("blob:"):  # the page's own memory: the script of its worker
            self.requests.append(url)

    def _dialog(self, dialog: Any) -> None:
        self.complaints.append(f"dialog: {dialog.message}")
        dialog.dismiss()


@contextmanager
def browser() -> Iterator[Any]:
    """Start Chromium, or skip the test where it is not installed."""
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("Chromium is not installed")
    api = pytest.importorskip("playwright.sync_api", reason="playwright, which drives Chromium, is missing")
    arguments = [*_ARGUMENTS, *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    with api.sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=program, args=arguments)
        try:
            yield chromium
        finally:
            chromium.close()
