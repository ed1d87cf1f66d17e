# SPDX-License-Identifier: GPL-2.0-or-later
"""The sizes of a kernel's tables, remembered from one build to the next.

A build that reserves room before its link does not know its names yet. It takes the sizes of the build before:
the same configuration, linker and release. Where those are not the right ones any more, the fill says so, and a
link was for nothing; the tables are never wrong. So what is remembered may be stale, and need not be there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from elfsyms.detect.detect import detect_empty
from elfsyms.writers.reserve import describe, layout_described

if TYPE_CHECKING:
    from elfsyms.detect.request import Request
    from elfsyms.pipeline.cache import PassCache
    from elfsyms.pipeline.layout import Layout

__all__ = ["SizeKey", "recall_sizes", "remember_sizes", "size_key"]

_KIND = "sizes"

SizeKey = bytes


def size_key(request: Request, link: str) -> SizeKey:
    """Return what sizes are remembered under: the release, the configuration's text, and a word for the link.

    Raises :class:`InputError` where a request tells no release, or its configuration cannot be read.
    """
    findings = detect_empty(request)
    options = " ".join(findings.options.given())
    configuration = request.config.read_bytes() if request.config else b""
    return f"{findings.release.name}\n{options}\n{link}\n".encode() + configuration


def remember_sizes(cache: PassCache, key: SizeKey, layout: Layout) -> None:
    """Keep the sizes of a reserved layout."""
    cache.put(_KIND, describe(layout), key)


def recall_sizes(cache: PassCache, key: SizeKey) -> Layout | None:
    """Return the reserved layout of an earlier build, or None where there is none, or none that can be used."""
    found = cache.get(_KIND, key)
    if found is None:
        return None
    try:
        return layout_described(found)
    except ValueError:
        return None
