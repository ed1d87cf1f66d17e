# SPDX-License-Identifier: GPL-2.0-or-later
"""Which of the version banners in an image is the kernel's own, and the version it tells.

Kernels carry banners of others in their texts, and memory has what was printed: the own one lies at
``linux_banner``.

Leaves out reading a version from a text (``detect/banner.py``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from elfsyms.detect.banner import banner_version
from elfsyms.releases.format_history import release_of
from elfsyms.releases.versions import is_known, parse_version

if TYPE_CHECKING:
    from elfsyms.decode.found import Found
    from elfsyms.decode.placed_bytes import Placement
    from elfsyms.image.kernel_file import KernelFile
    from elfsyms.releases.format_history import Release
    from elfsyms.releases.versions import Version

__all__ = ["banner_address", "own_banner", "release_told", "version_told"]


def own_banner(found: Found, banners: list[tuple[int, bytes]], placement: Placement) -> bytes:
    """Return the banner at ``linux_banner``, else the only one there is."""
    address = found.address_of(b"linux_banner")
    at = address
    if address is not None and found.addresses.form != "pc-relative":
        at = placement.offset_of(address)
    told = dict(banners).get(at) if at is not None else None
    releases = {text.split()[2] for _, text in banners}
    return told or (banners[0][1] if len(releases) == 1 else b"")


def banner_address(banner: bytes, banners: list[tuple[int, bytes]], placement: Placement) -> int | None:
    """Return the address of a banner, None where nothing tells it."""
    offset = next((start for start, text in banners if text == banner), None)
    return None if offset is None or not placement.is_known else placement.address_of(offset)


def release_told(file: KernelFile, banners: list[tuple[int, bytes]]) -> Release | None:
    """Return the release that banners which agree or the container's header tell; None for one not known."""
    agreed = banners if len({text.split()[2] for _, text in banners}) == 1 else []
    version = version_told(b"", agreed, file.hints.version)
    return release_of(version) if version is not None and is_known(version) else None


def version_told(banner: bytes, banners: list[tuple[int, bytes]], hint: str) -> Version | None:
    """Return the version of the banner itself, else of the first one seen, else of the container's header."""
    for text in (banner, *(text for _, text in banners)):
        if text and (told := banner_version(text)):
            return told[0]
    try:
        return parse_version(hint) if hint else None
    except ValueError:
        return None
