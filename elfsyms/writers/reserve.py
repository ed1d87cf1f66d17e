# SPDX-License-Identifier: GPL-2.0-or-later
"""Room for tables that are filled in after the link: every label in its place, nothing yet behind it.

The sizes of the tables depend on names and letters alone, not on addresses. So a kernel can be linked once with
an object of the right sizes, and its tables be computed from the file that this link made (``fill.py``). What
such an object holds meanwhile is neutral: no symbols (``kallsyms_num_syms`` is 0), zeros, and at the start of
``kallsyms_names`` a mark, by which a file is known whose tables were never filled in.

Relocations stay, for a linker asked to keep them (``--emit-relocs``) writes them down: the base of ``_text`` as
it is to be, the PC-relative offsets of 7.0 on with addends of zero, which the fill sets right.

Leaves out ``kallsyms_addresses``, whole addresses that the linker itself has to relocate.
"""

from __future__ import annotations

import json
import struct
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from elfsyms.errors import EncodeError
from elfsyms.image.elf import Abi
from elfsyms.pipeline.layout import Label, Layout, RelocationKind, Relocations

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["MARK_SIZE", "Mark", "describe", "layout_described", "read_mark", "reserve"]

_MAGIC: Final = b"elfsyms reserved"
_FACTS: Final = struct.Struct("<QB")  # the same on every machine: elfsyms alone reads it
MARK_SIZE: Final = len(_MAGIC) + _FACTS.size

_OFFSET_SIZE: Final = 4
_SEQUENCE_SIZE: Final = 4  # slack is a multiple of it: 3 bytes a sequence then end where they may
_FIXED: Final = ("num_syms", "relative_base", "token_index")  # tables whose sizes no symbol changes


@dataclass(frozen=True, slots=True)
class Mark:
    """What a file with unfilled tables says of them: the bytes of their section, and whether there is slack."""

    size: int
    has_slack: bool

    def packed(self) -> bytes:
        """Return the mark as it lies at ``kallsyms_names``."""
        return _MAGIC + _FACTS.pack(self.size, self.has_slack)


def read_mark(data: bytes) -> Mark | None:
    """Return the mark that bytes begin with, or None where there is none."""
    if not data.startswith(_MAGIC) or len(data) < MARK_SIZE:
        return None
    size, has_slack = _FACTS.unpack_from(data, len(_MAGIC))
    return Mark(size, bool(has_slack))


def reserve(layout: Layout, slack: int = 0) -> Layout:
    """Return a layout of the same labels and sizes, with neutral contents.

    ``slack`` is what to add to every table that grows with the symbols, in percent. Raises :class:`EncodeError`
    for tables of whole addresses, and for tables too small to carry the mark.
    """
    _check_form(layout)
    wide = _widened(layout, slack) if slack else layout
    blob = bytearray(len(wide.blob))
    names = _table(wide, "names")
    if _room(wide, names) < MARK_SIZE:
        raise EncodeError("kallsyms_names is too small to be marked as reserved: link these tables in passes")
    blob[names.offset : names.offset + MARK_SIZE] = Mark(len(blob), bool(slack)).packed()
    relocations = tuple(_neutral(group) for group in wide.relocations)
    return replace(wide, blob=blob, relocations=relocations)


def describe(layout: Layout) -> bytes:
    """Return all of a reserved layout but its contents; :func:`layout_described` makes it from that."""
    names = _table(layout, "names")
    mark = read_mark(bytes(layout.blob[names.offset : names.offset + MARK_SIZE]))
    facts = {
        "abi": asdict(layout.abi),
        "section": layout.section,
        "size": len(layout.blob),
        "align": layout.align,
        "labels": [(label.name.hex(), label.offset, label.size) for label in layout.labels],
        "relocations": [_described(group) for group in layout.relocations],
        "anchor": layout.anchor.hex(),
        "slack": mark is not None and mark.has_slack,
    }
    return json.dumps(facts).encode()


def layout_described(description: bytes) -> Layout:
    """Return the reserved layout that a description is of; :class:`ValueError` for what is none."""
    try:
        facts = json.loads(description)
        labels = tuple(Label(bytes.fromhex(name), offset, size) for name, offset, size in facts["labels"])
        layout = Layout(
            abi=Abi(**facts["abi"]),
            section=facts["section"],
            blob=bytearray(facts["size"]),
            align=facts["align"],
            labels=labels,
            relocations=tuple(_relocations(group) for group in facts["relocations"]),
            anchor=bytes.fromhex(facts["anchor"]),
        )
        names = _table(layout, "names").offset
        mark = Mark(facts["size"], facts["slack"]).packed()
    except (KeyError, TypeError, StopIteration) as error:
        raise ValueError(f"no description of tables: {error}") from error
    return replace(layout, blob=bytes(names) + mark + bytes(facts["size"] - names - len(mark)))


def _check_form(layout: Layout) -> None:
    if any(label.name.endswith(b"kallsyms_addresses") for label in layout.labels):
        raise EncodeError(
            "kallsyms_addresses holds whole addresses, which the linker has to relocate: tables of this form "
            "cannot be filled in after the link; link them in passes"
        )


def _table(layout: Layout, name: str) -> Label:
    ending = b"kallsyms_" + name.encode()
    return next(label for label in layout.labels if label.name.endswith(ending))


def _room(layout: Layout, label: Label) -> int:
    """Return the bytes from a label to the next one, or to the end."""
    later = [other.offset for other in layout.labels if other.offset > label.offset]
    return min([*later, len(layout.blob)]) - label.offset


def _neutral(group: Relocations) -> Relocations:
    """Return PC-relative relocations that stay in range wherever they come to lie; words as they are."""
    if group.kind is RelocationKind.WORD:
        return group
    return replace(group, addends=np.zeros(group.offsets.size, np.int64))


def _widened(layout: Layout, slack: int) -> Layout:
    """Return a layout whose tables have room for more symbols."""
    moved, end = {}, 0
    for label in layout.labels:
        end += -end % layout.align
        room = _room(layout, label)
        moved[label.name] = end
        grows = not label.name.endswith(tuple(name.encode() for name in _FIXED))
        end += room + (-(-room * slack // 100) if grows else 0)
        end += -end % _SEQUENCE_SIZE
    labels = tuple(replace(label, offset=moved[label.name]) for label in layout.labels)
    wide = replace(layout, labels=labels, blob=bytes(end), relocations=())
    sized = tuple(replace(label, size=_room(wide, label) if label.size else 0) for label in labels)
    wide = replace(wide, labels=sized)
    return replace(wide, relocations=tuple(_moved(layout, wide)))


def _moved(layout: Layout, wide: Layout) -> Iterator[Relocations]:
    """Yield the relocations of a widened layout: as many PC-relative ones as its offsets have room for."""
    for group in layout.relocations:
        table = "relative_base" if group.kind is RelocationKind.WORD else "offsets"
        label = _table(wide, table)
        count = 1 if group.kind is RelocationKind.WORD else _room(wide, label) // _OFFSET_SIZE
        offsets = label.offset + _OFFSET_SIZE * np.arange(count, dtype=np.uint64)
        addends = group.addends if count == group.addends.size else np.zeros(count, np.int64)
        yield Relocations(group.kind, offsets, addends)


def _described(group: Relocations) -> dict[str, Any]:
    """Describe relocations that follow each other: fields of one width in a row."""
    addend = int(group.addends[0]) if group.kind is RelocationKind.WORD and group.addends.size else 0
    first = int(group.offsets[0]) if group.offsets.size else 0
    return {"kind": group.kind.name, "first": first, "count": int(group.offsets.size), "addend": addend}


def _relocations(facts: dict[str, Any]) -> Relocations:
    offsets = facts["first"] + _OFFSET_SIZE * np.arange(facts["count"], dtype=np.uint64)
    addends = np.full(facts["count"], facts["addend"], np.int64)
    return Relocations(RelocationKind[facts["kind"]], offsets, addends)
