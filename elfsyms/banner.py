# SPDX-License-Identifier: GPL-2.0-or-later
"""The release in ``linux_banner``, the text that ``/proc/version`` shows.

``Linux version 6.1.0-56-amd64 (…) #1 SMP … Debian 6.1.192-2 (…)``: the first number is what modules are matched
by, and may be far behind the stable update that was built. Debian tells the true one at the end.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from elfsyms.versions import parse_version

if TYPE_CHECKING:
    from elfsyms.elf import Image
    from elfsyms.symbols import SymbolTable
    from elfsyms.versions import Version

__all__ = ["banner_version", "read_banner"]

_LONGEST = 512
_START = re.compile(rb"Linux version (\d+\.\d+[^\s]*)")
_DEBIAN = re.compile(rb" Debian (\d+\.\d+(?:\.\d+)*)")


def read_banner(image: Image, table: SymbolTable) -> bytes | None:
    """Return the banner's text without its newline, or None where the file has none."""
    address = table.address_of(b"linux_banner")
    if address is None:
        address = table.address_of(b"_linux_banner")  # where C symbols have a prefix
    if address is None:
        return None
    text = image.read_some(address, _LONGEST).split(b"\0")[0].rstrip(b"\n")
    return text if text.startswith(b"Linux version ") else None


def banner_version(banner: bytes) -> tuple[Version, str] | None:
    """Return the version that a banner tells, and where in it; None where it tells none."""
    debian = _DEBIAN.search(banner)
    if debian:
        return parse_version(debian[1].decode()), f"the end of linux_banner, {debian[0].strip().decode()!r}"
    start = _START.match(banner)
    if start:
        return parse_version(start[1].decode()), f"linux_banner, {start[0].decode()!r}"
    return None
