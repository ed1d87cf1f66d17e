# SPDX-License-Identifier: GPL-2.0-or-later
"""Which address a kernel's own export tables give each exported name: an account that kallsyms has no part in.

``__ksymtab`` and ``__ksymtab_gpl`` have an entry a symbol: its address, where its name lies, and from 5.4 on where
its namespace lies. Follows ``include/linux/export-internal.h``. Leaves out kernels whose ELF file has no such
sections, and tables of distances (``HAVE_ARCH_PREL32_RELOCATIONS``) instead of pointers.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from elfsyms.errors import ElfsymsError
from elfsyms.image.elf import open_image

if TYPE_CHECKING:
    from pathlib import Path

    from elfsyms.image.elf import Image, Section

__all__ = ["exported_addresses"]

_LONGEST = 512


def exported_addresses(path: Path) -> dict[bytes, int]:
    """Return the address of each exported symbol, empty for a file without such tables."""
    try:
        with open_image(path) as image:
            tables = [image.section(name) for name in ("__ksymtab", "__ksymtab_gpl")]
            return {name: at for table in tables if table for name, at in _entries(image, table)}
    except ElfsymsError:  # no ELF file, no tables
        return {}


def _entries(image: Image, section: Section) -> list[tuple[bytes, int]]:
    data, word, order = image.section_bytes(section), image.abi.word, image.abi.byte_order
    for fields in (3, 2):  # with a namespace, and without
        if len(data) % (fields * word):
            continue
        form = f"{order}{fields}{'Q' if word == 8 else 'I'}"
        found = [(row[1], row[0]) for row in struct.iter_unpack(form, data)]
        names = [image.read_some(at, _LONGEST).split(b"\0")[0] for at, _ in found]
        if all(name.isascii() and name for name in names):
            return [(name, at) for name, (_, at) in zip(names, found, strict=True)]
    return []
