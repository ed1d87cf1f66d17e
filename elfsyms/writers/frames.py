# SPDX-License-Identifier: GPL-2.0-or-later
"""An object's frame: everything of it but the tables' and relocations' bytes, remembered between link passes.

The second pass of a link makes an object of the same sections, sizes and symbols as the first; only the contents of
two sections differ. What LIEF composed around them is kept in the pass cache, some 1,500 bytes under a hash of the
plan that it followed, and the next object is put together without importing LIEF, which takes half a second. It is
checked against its plan like any other (``readback.py``), so a frame is right or is not used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from elfsyms.errors import EncodeError
from elfsyms.writers.readback import check_object

if TYPE_CHECKING:
    from collections.abc import Sequence

    from elfsyms.pipeline.cache import PassCache
    from elfsyms.writers.readback import ObjectPlan

__all__ = ["keep_frame", "object_from_frame"]

_KIND = "frame"
_SIZE = 8  # bytes of a piece's size


def object_from_frame(plan: ObjectPlan, cache: PassCache) -> bytes | None:
    """Return the planned object, put together from a frame, or None where there is none that fits."""
    found = cache.get(_KIND, _description(plan))
    if found is None:
        return None
    pieces = _unpack(found)
    bulk = _bulk(plan)
    if len(pieces) != len(bulk) + 1:
        return None
    parts: list[bytes | memoryview] = []
    for piece, section in zip(pieces, bulk, strict=False):
        parts += [piece, section]
    image = b"".join([*parts, pieces[-1]])
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
    cache.put(_KIND, _pack(pieces), _description(plan))


def _pack(pieces: Sequence[bytes]) -> bytes:
    return b"".join(len(piece).to_bytes(_SIZE, "little") + piece for piece in pieces)


def _unpack(data: bytes) -> list[bytes]:
    """Return what :func:`_pack` packed; of anything else, pieces that fit no plan."""
    pieces = []
    while data:
        end = _SIZE + int.from_bytes(data[:_SIZE], "little")
        pieces.append(data[_SIZE:end])
        data = data[end:]
    return pieces


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
