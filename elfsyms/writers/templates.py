# SPDX-License-Identifier: GPL-2.0-or-later
"""Objects made after a template: one that LIEF composed once, for tables of any size.

Importing LIEF takes half a second of processor time and 60 MB, more than the tables of a kernel do. But two objects
for one machine with the same labels differ in nothing but sizes, offsets, values and the two large contents. What
LIEF decides is the rest: the string tables, and where each name begins in them. So an object that it composed is
kept without its contents, some 1,500 bytes, and others are put together after it. Each is checked against its plan
like any other (``readback.py``), to the byte: a template is right, or is not used.

Templates outlive a build, in a folder of the user's: ``$XDG_CACHE_HOME/elfsyms/templates``, or what
``ELFSYMS_TEMPLATES`` names; empty, it switches them off. They are kept as ``cache.py`` keeps all entries: under the
version of elfsyms, in folders that nobody else can write.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from elfsyms.errors import EncodeError
from elfsyms.writers.readback import check_object
from elfsyms.writers.skeleton import HEADER, SECTION_HEADER, SYMBOL, skeleton

if TYPE_CHECKING:
    from collections.abc import Sequence

    from elfsyms.pipeline.cache import PassCache
    from elfsyms.writers.readback import ObjectPlan

__all__ = ["keep_template", "object_from_template"]

_KIND = "template"
_SIZE = 8  # bytes of a piece's size
_SHOFF = 6  # which field of the header is e_shoff
_OFFSET, _LENGTH = 4, 5  # and of a section header sh_offset and sh_size
_NO_CONTENT = b""


def object_from_template(plan: ObjectPlan, cache: PassCache) -> bytearray | None:
    """Return the planned object, made after a template, or None where there is none that fits."""
    found = cache.get(_KIND, _description(plan))
    if found is None:
        return None
    try:
        image = _expanded(_unpack(found), plan)
        check_object(image, plan)
    except (EncodeError, struct.error, ValueError, IndexError):
        return None
    return image


def keep_template(plan: ObjectPlan, image: bytes, cache: PassCache) -> None:
    """Keep what LIEF decided about an object that was composed for a plan."""
    header = HEADER[plan.abi.bits].of(plan.abi.byte_order)
    start: int = header.unpack_from(image)[_SHOFF]
    rows = _rows(image[start:], plan)
    contents = [
        image[row[_OFFSET] : row[_OFFSET] + row[_LENGTH]] if section.content is None else _NO_CONTENT
        for row, section in zip(rows[1:], plan.sections, strict=True)
    ]
    cache.put(_KIND, _pack([image[: header.size], image[start:], *contents]), _description(plan))


def _expanded(pieces: Sequence[bytes], plan: ObjectPlan) -> bytearray:
    """Put an object together: the plan's sizes and contents, the template's names."""
    head, table, *contents = pieces
    parts, offsets = skeleton(plan)
    image = bytearray().join(parts)
    rows = _rows(table, plan)
    image[: len(head)] = _header(head, plan, len(image))
    for index, (section, offset, content) in enumerate(zip(plan.sections, offsets, contents, strict=True), 1):
        if section.content is not None:
            size = section.size
        else:
            content = _symbols(content, plan) if section.name == ".symtab" else content  # noqa: PLW2901 (its own)
            size = len(content)
            if size > section.size:
                raise ValueError(section.name)
            image[offset : offset + size] = content
        if section.size:
            rows[index][_OFFSET], rows[index][_LENGTH] = offset, size
    layout = SECTION_HEADER[plan.abi.bits].of(plan.abi.byte_order)
    for row in rows:
        image += layout.pack(*row)
    return image


def _header(head: bytes, plan: ObjectPlan, table: int) -> bytes:
    layout = HEADER[plan.abi.bits].of(plan.abi.byte_order)
    fields = [*layout.unpack(head)]
    fields[_SHOFF] = table
    return layout.pack(*fields)


def _rows(table: bytes, plan: ObjectPlan) -> list[list[int]]:
    return [[*row] for row in SECTION_HEADER[plan.abi.bits].of(plan.abi.byte_order).iter_unpack(table)]


def _symbols(table: bytes, plan: ObjectPlan) -> bytes:
    """Return a symbol table with the values and sizes of the plan's labels."""
    layout = SYMBOL[plan.abi.bits].of(plan.abi.byte_order)
    value, size = (1, 2) if plan.abi.bits == 32 else (4, 5)
    null, *rows = ([*row] for row in layout.iter_unpack(table))
    for row, symbol in zip(rows, plan.symbols, strict=True):
        row[value], row[size] = symbol.value, symbol.size
    return b"".join(layout.pack(*row) for row in [null, *rows])


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


def _description(plan: ObjectPlan) -> bytes:
    """Return all of a plan that LIEF's decisions depend on: no sizes, no values, no contents."""
    sections = [
        (s.name, s.type, s.size > 0, s.content is None, s.flags, s.link, s.info, s.align, s.entry_size)
        for s in plan.sections
    ]
    symbols = [(s.name, s.section, s.local) for s in plan.symbols]
    return repr((plan.abi, sections, symbols)).encode()
