# SPDX-License-Identifier: GPL-2.0-or-later
"""Tables back to symbols, where something tells their place: the inverse of ``tables.py`` and ``layout.py``.

    file ─ memory ─> Memory ─ locate ─> TableMap ─ decode_tables ─> Decoded

The tables are found by their labels in the symbol table, or by addresses that the caller gives
(``locate.py``); they are read from a linked kernel, an object or a dump (``image/memory.py``). The tables do not
say of which release they are, so that is given; its traits tell the rest.

Leaves out finding the release, which is ``detect.py``'s, and kernels without labels (``recover.py``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from elfsyms.decode.addresses import Decision
from elfsyms.decode.decode_tables import decode_tables
from elfsyms.decode.decoded import Decoded
from elfsyms.decode.locate import TableMap, complete_tables, find_tables
from elfsyms.detect.kconfig import default_base_relative
from elfsyms.errors import InputError
from elfsyms.files import open_input, reading
from elfsyms.image.debug_half import check_whole
from elfsyms.image.elf import RELOCATABLE, open_image
from elfsyms.image.memory import dump_memory, image_memory, object_memory
from elfsyms.image.symbols import read_symbols
from elfsyms.releases.format_history import with_traits

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from elfsyms.image.elf import Abi, Image
    from elfsyms.image.memory import Memory
    from elfsyms.releases.format_history import Release

__all__ = ["Decoded", "decode_dump", "decode_file", "decode_image"]

_TOKEN_TABLES = {"token_table", "token_index"}


def decode_file(
    path: str | Path,
    release: Release,
    *,
    tables: Mapping[str, int] | None = None,
    text: int | None = None,
    base_relative: bool | None = None,
    decision: Decision | None = None,
) -> Decoded:
    """Decode the tables in a linked kernel or in an object of them; see :func:`decode_image`."""
    with open_image(path) as image:
        return decode_image(
            image, release, tables=tables, text=text, base_relative=base_relative, decision=decision
        )


def decode_image(
    image: Image,
    release: Release,
    *,
    tables: Mapping[str, int] | None = None,
    text: int | None = None,
    base_relative: bool | None = None,
    decision: Decision | None = None,
) -> Decoded:
    """Decode the tables in an open ELF file.

    ``tables`` are addresses by table name without ``kallsyms_`` (``{"num_syms": 0xffffffff82000000}``), where
    labels are missing or wrong; one of ``num_syms`` and ``names`` is enough. ``text`` is the address of ``_text``
    for an object, which does not know it; without it, addresses count from there. ``base_relative`` and
    ``decision`` say how addresses were encoded, where the tables and labels do not tell.

    Where neither tells whether addresses or offsets are there, both are tried, and the form that reads right is
    taken. Raises :class:`NotThereError` where nothing tells where the tables are, :class:`UsageError` for tables
    that are too few, :class:`InputError` for tables that cannot be read at all.
    """
    if image.file_type == RELOCATABLE:
        memory, known = _object(image, text or 0)
    else:
        check_whole(image)
        memory = image_memory(image)
        known = _given(tables, image) if tables else find_tables(read_symbols(image))
        release = _as_labelled(release, known) if not tables else release
    from_text = memory.complete and text is None
    return _decode_either(memory, release, known, decision or Decision(), base_relative, from_text=from_text)


def decode_dump(
    path: str | Path,
    release: Release,
    abi: Abi,
    base: int,
    tables: Mapping[str, int],
    *,
    base_relative: bool | None = None,
    decision: Decision | None = None,
) -> Decoded:
    """Decode the tables in a raw dump of memory that begins at the address ``base``; see :func:`decode_image`.

    Addresses that relocations have yet to fill in are made, where the dump carries the relocations along.
    """
    with reading(path), open_input(path) as stream:
        data = stream.read()
    memory = dump_memory(data, base, abi, str(path))
    return _decode_either(memory, release, TableMap(dict(tables)), decision or Decision(), base_relative)


def _decode_either(
    memory: Memory,
    release: Release,
    known: TableMap,
    decision: Decision,
    base_relative: bool | None,
    *,
    from_text: bool = False,
) -> Decoded:
    """Decode tables; where nothing tells whether they have offsets or addresses, in the form that reads right."""
    told = base_relative is not None or {"addresses", "offsets"} & known.addresses.keys()
    forms = [base_relative] if told or release.relative != "option" else [None, *_other_form(memory)]
    decoded: list[Decoded] = []
    errors: list[InputError] = []
    for form in forms:
        try:
            complete = complete_tables(known, release, memory, base_relative=form)
            decoded.append(decode_tables(memory, release, complete, decision, from_text=from_text))
        except InputError as error:
            errors.append(error)
    if not decoded:
        raise errors[0]
    return min(decoded, key=_misread)


def _other_form(memory: Memory) -> list[bool]:
    """Return the choice of base-relative that is not Kconfig's default."""
    return [not default_base_relative(memory.abi)]


def _misread(decoded: Decoded) -> tuple[bool, int]:
    """Return how little sense addresses make: whether they lack relocations, and how often they descend."""
    waits = any(fault.table in ("addresses", "relative_base") for fault in decoded.faults)
    return waits, int((decoded.address[1:] < decoded.address[:-1]).sum())


def _object(image: Image, text: int) -> tuple[Memory, TableMap]:
    """Take an object's tables to lie at ``text``."""
    table = read_symbols(image)
    found = find_tables(table)
    if not 0 < found.section < len(image.sections):
        raise InputError(f"{image.path}: the kallsyms labels lie in no section: give an object of tables")
    section = image.sections[found.section]
    outside = next((name for name, address in found.addresses.items() if address > section.size), None)
    if outside is not None:
        raise InputError(
            f"{image.path} is damaged: kallsyms_{outside} lies outside its section {section.name}: make it again"
        )
    memory = object_memory(image, table, section, text)
    return memory, TableMap({name: address + text for name, address in found.addresses.items()}, found.prefix)


def _as_labelled(release: Release, known: TableMap) -> Release:
    """Return the release without token tables where the labels have names and no tokens (OpenWrt's kernels)."""
    if "names" not in known.addresses or _TOKEN_TABLES & known.addresses.keys():
        return release
    return with_traits(release, tables=tuple(name for name in release.tables if name not in _TOKEN_TABLES))


def _given(addresses: Mapping[str, int], image: Image) -> TableMap:
    mask = (1 << image.abi.bits) - 1
    return TableMap({name: address & mask for name, address in addresses.items()})
