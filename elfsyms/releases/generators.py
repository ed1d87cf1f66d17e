# SPDX-License-Identifier: GPL-2.0-or-later
"""The generators of Linux by the id that git gives their text, and the releases that have them.

A tree whose ``scripts/kallsyms.c`` has such an id does what those releases do, to the byte, whatever else was
changed in it. All were compared with what this package makes (``testdata/digests.jsonl``).

Follows ``scripts/kallsyms.c`` of 2.6.12 to 7.3, and of stable updates and distributions that were seen.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, NamedTuple

from elfsyms.releases.versions import parse_version

if TYPE_CHECKING:
    from elfsyms.releases.versions import Version

__all__ = ["Stock", "blob_id", "stock_generator"]

_DIGITS = 10


class Stock(NamedTuple):
    """The first and the last release with a generator; ``uncompressed``: OpenWrt's, which can leave names be."""

    first: Version
    last: Version
    uncompressed: bool = False

    def like(self, version: Version) -> Version:
        """Return the release whose traits a tree of a version has: its own, where it is one of these."""
        return version if self.first <= version <= self.last else self.first


# fmt: off
_STOCK = {
    "d3d2e53410": "2.6.12..2.6.13",  "d591578bd3": "2.6.14..2.6.16",  "22d281c6ec": "2.6.17..2.6.19",
    "8b809b264d": "2.6.20..2.6.22",  "1f11d84853": "2.6.23..2.6.24",  "c912137f80": "2.6.25..2.6.25",
    "ad2434b269": "2.6.26..2.6.29",  "86c3896a1e": "2.6.32..2.6.34",  "e3902fb39a": "2.6.35..2.6.36",
    "60dd3eb936": "2.6.37..2.6.39",  "487ac6f37c": "3.0..3.11",       "9a11f9f799": "3.10.105..3.10.108",
    "10085de886": "3.13..3.14",      "1237dd7fb4": "3.15..3.15",      "dc7aa45e80": "3.16..3.16",
    "c6d33bd15b": "3.18..3.19",      "8fa81e84e2": "4.1..4.5",        "638b143ee6": "4.6..4.6",
    "1f22a186c1": "4.7..4.9",        "5d55441917": "4.10..4.13",      "9ee9bf7fd1": "4.14..4.15",
    "65792650c6": "4.16..4.16",      "a9186a98a3": "4.18..4.19",      "109a1af7e4": "4.20..4.20",
    "f75e7bda48": "5.0..5.0",        "e17837f1d3": "5.2..5.2",        "ae6504d07f": "5.3..5.4",
    "94153732ec": "5.5..5.5",        "3e8dea6e0a": "5.6..5.6",        "6dc3078649": "5.7..5.8",
    "7ecd2ccba5": "5.9..5.10",       "54ad86d137": "5.11..5.17",      "f18e6dfc68": "5.19..6.0",
    "03fa07ad45": "6.1..6.1",        "8a68179a98": "6.2..6.2",        "a239a87e7b": "6.3..6.3",
    "0d2db41177": "6.4..6.4",        "653b92f6d4": "6.5..6.9",        "47978efe47": "6.10..6.10",
    "03852da3d2": "6.12..6.14",      "4b0234e4b1": "6.15..6.19",      "37d5c095ad": "7.0..7.2",
    "494852ade6": "7.3..7.3",
    # Stable updates and distributions.
    "b435318996": "4.14.177..4.14.177", "31ed7f3f0e": "4.19.78..4.19.78", "fb15f09e0e": "5.4.59..5.4.59",
    "ff8cce1757": "6.1.60..6.1.999",
}
_OPENWRT = {"f432430257": "5.18..5.18"}
# fmt: on


def blob_id(text: bytes) -> str:
    """Return the beginning of git's id of a file with this text."""
    return hashlib.sha1(b"blob %d\0" % len(text) + text, usedforsecurity=False).hexdigest()[:_DIGITS]


def stock_generator(text: bytes) -> Stock | None:
    """Return the releases that have a generator of this very text, None where none is known."""
    name = blob_id(text)
    spans = _STOCK.get(name) or _OPENWRT.get(name)
    if spans is None:
        return None
    first, _, last = spans.partition("..")
    return Stock(parse_version(first), parse_version(last), name in _OPENWRT)
