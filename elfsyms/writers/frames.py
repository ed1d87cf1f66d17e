# SPDX-License-Identifier: GPL-2.0-or-later
"""An object's frame: everything of it but the tables' and relocations' bytes, remembered between link passes.

The second pass of a link makes an object of the same sections, sizes and symbols as the first; only the contents of
two sections differ. What LIEF composed around them is kept in the pass cache, some 1,500 bytes under a hash of the
plan that it followed, and the next object is put together without importing LIEF, which takes half a second. It is
checked against its plan like any other (``readback.py``), so a frame is right or is not used.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from elfsyms.errors import EncodeError
from elfsyms.writers.readback import check_object

if TYPE_CHECKING:
    from elfsyms.pipeline.cache import PassCache
    from elfsyms.writers.readback import ObjectPlan

__all__ = ["keep_frame", "object_from_frame"]

_KIND = "frame"


def object_from_frame(plan: ObjectPlan, cache: PassCache) -> bytes | None:
    """Return the planned object, put together from a frame, or None where there is none that fits."""
    found = cache.find(_KIND, _description(plan))
    if found is None:
        return None
    head, _, rest = found.partition(b"\n")
    parts: list[bytes | memoryview] = []
    for size, section in zip(json.loads(head), [*_bulk(plan), None], strict=True):
        parts.append(rest[:size])
        rest = rest[size:]
        if section is not None:
            parts.append(section)
    image = b"".join(parts)
    try:
        check_object(image, plan)
    except EncodeError:
        return None
    return image


def keep_frame(plan: ObjectPlan, image: bytes, cache: PassCache) -> None:
    """Remember the frame of an object that was composed for a plan."""
    pieces, end = [], 0
    for content in _bulk(plan):
        place = image.find(content, end)
        if place < 0:
            return
        pieces.append(image[end:place])
        end = place + len(content)
    pieces.append(image[end:])
    head = json.dumps([len(piece) for piece in pieces]).encode()
    cache.keep(_KIND, _description(plan), head + b"\n" + b"".join(pieces))


def _bulk(plan: ObjectPlan) -> list[memoryview]:
    """Return the contents that a frame leaves out."""
    return [section.content.data for section in plan.sections if section.content is not None and section.size]


def _description(plan: ObjectPlan) -> bytes:
    """Return all of a plan but the contents."""
    sections = [
        (s.name, s.type, s.size, s.content is None, s.flags, s.link, s.info, s.align, s.entry_size)
        for s in plan.sections
    ]
    return repr((plan.abi, sections, plan.symbols)).encode()
