# SPDX-License-Identifier: GPL-2.0-or-later
"""The release in ``linux_banner``, the text that ``/proc/version`` shows.

``Linux version 6.1.0-56-amd64 (…) #1 SMP … Debian 6.1.192-2 (…)``: the first number is what modules are
matched by, and may be far behind the stable update that was built. Debian and Ubuntu tell the true one at the
end, the latter as ``(Ubuntu 5.15.0-91.101-generic 5.15.131)``.
"""

from __future__ import annotations

import re
from itertools import islice
from typing import TYPE_CHECKING

from elfsyms.releases.table_labels import address_of
from elfsyms.releases.versions import parse_version

if TYPE_CHECKING:
    from mmap import mmap

    from elfsyms.image.elf import Image
    from elfsyms.image.symbols import SymbolTable
    from elfsyms.releases.versions import Version

__all__ = ["banner_version", "find_banners", "kernel_name", "read_banner"]

_LONGEST = 512
_MAGIC = b"Linux version "
_START = re.compile(rb"Linux version (\d+\.\d+[^\s]*)")
_LINE = re.compile(rb"Linux version (?=\d+\.\d)[^\0\n]{0,%d}" % (_LONGEST - len(_MAGIC)))
_MOST_LINES = 1 << 14  # looked at: memory with years of logs in it has hundreds
_TRUE = re.compile(rb" (?:Debian|\(Ubuntu \d[^\s()]*) (\d+\.\d+(?:\.\d+)*)")


def read_banner(image: Image, table: SymbolTable) -> bytes | None:
    """Return the banner's text without its newline, or None where the file has none."""
    address = address_of(table, b"linux_banner")
    if address is None:
        return None
    text = image.read_some(address, _LONGEST).split(b"\0")[0].rstrip(b"\n")
    return text if text.startswith(_MAGIC) else None


def banner_version(banner: bytes) -> tuple[Version, str] | None:
    """Return the version that a banner tells, and where in it; None where it tells none."""
    for pattern, source in ((_TRUE, "the end of linux_banner"), (_START, "linux_banner")):
        if match := pattern.search(banner):
            text = match[0].decode("utf-8", "replace").strip()
            return parse_version(match[1].decode("utf-8", "replace")), f"{source}, {text!r}"
    return None


def kernel_name(banner: bytes) -> str:
    """Return what a kernel calls itself, as ``uname -r`` prints it; empty where there is no banner.

    >>> kernel_name(b"Linux version 6.12.9-amd64 (gcc) #1 SMP")
    '6.12.9-amd64'
    """
    words = banner.removeprefix(_MAGIC).split(maxsplit=1) if banner.startswith(_MAGIC) else []
    return words[0].decode("utf-8", "backslashreplace") if words else ""


def find_banners(data: bytes | mmap) -> list[tuple[int, bytes]]:
    """Return offset and text of every banner in raw bytes: ``Linux version``, a number, a builder and a ``#``."""
    lines = ((line.start(), line[0]) for line in islice(_LINE.finditer(data), _MOST_LINES))
    return [(at, text) for at, text in lines if b" (" in text and b"#" in text]
