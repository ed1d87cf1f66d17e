# SPDX-License-Identifier: GPL-2.0-or-later
"""The room that a link reserved for tables, found in the linked file and compared with what its symbols need.

The labels of the tables tell where it is, the mark of ``reserve.py`` that nothing was filled in yet, how large it
is, and whether it has slack. Without slack every label, its size and the end must be those of the tables, so that
the kernel is laid out as with its own; with slack each table must fit before the next one.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from elfsyms.errors import ElfsymsError, InputError
from elfsyms.image.elf import SHT_NOBITS
from elfsyms.image.memory import image_memory
from elfsyms.image.symbols import SHN_UNDEF
from elfsyms.pipeline.layout import RelocationKind
from elfsyms.writers.reserve import MARK_SIZE, read_mark

if TYPE_CHECKING:
    from pathlib import Path

    from elfsyms.image.elf import Section
    from elfsyms.pipeline.kernel import Kernel
    from elfsyms.pipeline.layout import Label, Layout, Relocations
    from elfsyms.writers.reserve import Mark

__all__ = ["MismatchError", "Room", "check_room", "find_room", "table_parts"]

_AGAIN = "reserve anew from this file, and link again"


class MismatchError(ElfsymsError):
    """The room that was reserved is not that of these tables: names or letters changed."""

    exit_code = 1


@dataclass(frozen=True, eq=False)  # no slots: one property is kept
class Room:
    """Where the tables of a kernel are to lie.

    ``entries`` are the labels' entries in ``.symtab``, ``start`` the address of the room, ``section`` the one
    around it.
    """

    kernel: Kernel
    layout: Layout
    entries: dict[bytes, int]
    start: int
    mark: Mark
    section: Section

    @property
    def path(self) -> Path:
        """The file."""
        return self.kernel.image.path

    @property
    def end(self) -> int:
        """The address behind the last table."""
        return self.start + self.mark.size

    @cached_property
    def text(self) -> int:
        """The address of ``_text``, as wide as the kernel's pointers."""
        return self.kernel.tables.boundaries.text & (1 << self.layout.abi.bits) - 1

    def address_of(self, label: Label) -> int:
        """Return the address of a table."""
        return _address(self.kernel, self.entries[label.name])

    def address_at(self, offset: int) -> int:
        """Return the address of a byte of the layout: its table's, and how far behind that it lies."""
        label = max((x for x in self.layout.labels if x.offset <= offset), key=lambda x: x.offset)
        return self.address_of(label) + offset - label.offset

    def file_offset(self, address: int) -> int:
        """Return where an address lies in the file."""
        return self.section.offset + address - self.section.address

    def relocations(self, kind: RelocationKind) -> Relocations | None:
        """Return the relocations of a kind that the tables' own object has, or None where it has none."""
        return next((g for g in self.layout.relocations if g.kind is kind and g.offsets.size), None)


def find_room(kernel: Kernel) -> Room:
    """Find the room by the tables' labels and by its mark.

    Raises :class:`MismatchError` where a label is missing, :class:`InputError` where nothing is reserved.
    """
    entries = {label.name: _entry(kernel, label) for label in kernel.layout.labels}
    image = kernel.image
    start = min(_address(kernel, entry) for entry in entries.values())
    names = next(_address(kernel, entry) for name, entry in entries.items() if name.endswith(b"_names"))
    section = next((s for s in image.sections if s.type != SHT_NOBITS and s.holds(names, MARK_SIZE)), None)
    mark = read_mark(image.read(names, MARK_SIZE) or b"") if section else None
    if section is None or mark is None:
        raise InputError(
            f"{image.path} has no room reserved for tables: link it with the object that elfsyms reserve makes "
            "(a kernel that was filled in, or linked with its tables, has none)"
        )
    if not section.holds(start, mark.size):
        raise InputError(f"{image.path}: the room for tables leaves section {section.name}: link it again")
    room = Room(kernel, kernel.layout, entries, start, mark, section)
    _check_bytes(room)
    return room


def _check_bytes(room: Room) -> None:
    """Check that the room's bytes are in the file, and of its section alone: they will be written over."""
    image, own = room.kernel.image, room.section
    if own.offset + own.size > image.size:
        raise InputError(
            f"{room.path} is truncated: section {own.name} ends at byte {own.offset + own.size:,}, the file has "
            f"{image.size:,}; copy it again"
        )
    start = room.file_offset(room.start)
    for other in image.sections:
        ends = other.offset + other.size if other.type != SHT_NOBITS and other.index != own.index else 0
        if start < ends and other.offset < start + room.mark.size:
            raise InputError(
                f"{room.path}: section {other.name} lies over the room for tables: link it again"
            )


def check_room(room: Room) -> None:
    """Raise :class:`MismatchError` unless the tables fit, and the word that the linker filled in is theirs."""
    if room.mark.has_slack:
        _check_capacity(room)
    else:
        _check_layout(room)
    _check_base(room)


def _entry(kernel: Kernel, label: Label) -> int:
    found = [i for i in kernel.symbols.find(label.name) if kernel.symbols.section[i] != SHN_UNDEF]
    if not found:
        name = label.name.decode("utf-8", "backslashreplace")
        raise MismatchError(
            f"{kernel.image.path} has no {name}, where {kernel.release.name} has a table: "
            "reserve room with the same release and options, and link again"
        )
    return found[-1]


def _address(kernel: Kernel, entry: int) -> int:
    return int(kernel.symbols.value[entry]) & (1 << kernel.image.abi.bits) - 1


def _check_layout(room: Room) -> None:
    """Check that every label, its size, and the end are those of the tables."""
    for label in room.layout.labels:
        _compare(room, label, "begins at byte", room.address_of(label) - room.start, label.offset)
        _compare(room, label, "has size", int(room.kernel.symbols.size[room.entries[label.name]]), label.size)
    _compare(room, None, "has size", room.mark.size, len(room.layout.blob))


def _compare(room: Room, label: Label | None, verb: str, found: int, needed: int) -> None:
    if found != needed:
        what = label.name.decode("utf-8", "backslashreplace") if label else "the room for all tables"
        raise MismatchError(
            f"{room.path}: {what} {verb} {found:,}, but its own symbols need {needed:,}: {_AGAIN}"
        )


def _check_capacity(room: Room) -> None:
    """Check that every table fits between its label and the next."""
    starts = sorted(room.address_of(label) for label in room.layout.labels)
    ends = dict(zip(starts, [*starts[1:], room.end], strict=True))
    for label, data in table_parts(room.layout):
        start = room.address_of(label)
        if len(data) > ends[start] - start:
            _compare(room, label, "has room for", ends[start] - start, len(data))


def table_parts(layout: Layout) -> list[tuple[Label, memoryview]]:
    """Return each table's label and bytes, the padding behind it included."""
    offsets = [label.offset for label in layout.labels]
    blob = memoryview(layout.blob)
    ends = [*offsets[1:], len(blob)]
    return [(label, blob[label.offset : end]) for label, end in zip(layout.labels, ends, strict=True)]


def _check_base(room: Room) -> None:
    """Check the word that the linker filled in: it is the base that the offsets count from."""
    group = room.relocations(RelocationKind.WORD)
    if group is None:
        return
    word = room.layout.abi.word
    mask = (1 << 8 * word) - 1
    address = room.address_at(int(group.offsets[0]))
    found = int(image_memory(room.kernel.image).numbers(address, 1, word)[0]) & mask
    needed = (room.text + int(group.addends[0])) & mask
    if found != needed:
        raise MismatchError(
            f"{room.path}: kallsyms_relative_base is {found:#x}, but its own symbols need {needed:#x}: {_AGAIN}"
        )
