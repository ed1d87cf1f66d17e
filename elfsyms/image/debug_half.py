# SPDX-License-Identifier: GPL-2.0-or-later
"""The debug half of a file, and what its notes still tell.

``objcopy --only-keep-debug`` and ``eu-strip -f`` leave a file of symbols and debug information whose sections of
code and data are headers alone (``SHT_NOBITS``), notes excepted. nm's letters do not follow from those, nor do the
tables. ``.notes`` has the build ID that both halves share, and the salt of the build, in which distributions put
the release's name (``CONFIG_BUILD_SALT``).

Follows ``include/linux/build-salt.h``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from elfsyms.errors import InputError
from elfsyms.image.build_id import build_id, notes
from elfsyms.image.elf import SHF_ALLOC, SHF_EXECINSTR, SHT_NOBITS, SHT_NOTE

if TYPE_CHECKING:
    from pathlib import Path

    from elfsyms.image.elf import Image

__all__ = ["build_salt", "check_whole", "is_debug_half"]

_BUILD_SALT = (b"Linux", 0x100)
_DEBUG_SUFFIXES = (".debug", ".dbg")


def build_salt(image: Image) -> str:
    """Return the salt of a kernel's build, mostly the release's name; empty where there is none."""
    for section in image.of_type(SHT_NOTE):
        for owner, kind, text in notes(image.section_bytes(section), image.abi.byte_order):
            if (owner, kind) == _BUILD_SALT:
                return text.rstrip(b"\0").decode("utf-8", "replace")
    return ""


def is_debug_half(image: Image) -> bool:
    """Tell whether a file's code and data are elsewhere: all its loaded sections but notes have no bytes."""
    rows = image.sections.rows
    flags, kind = rows["flags"], rows["type"]
    loaded = ((flags & SHF_ALLOC) != 0) & (kind != SHT_NOTE) & (rows["size"] > 0)
    has_code = bool((flags[loaded] & SHF_EXECINSTR).any())
    return has_code and bool((kind[loaded] == SHT_NOBITS).all())


def check_whole(image: Image) -> None:
    """Raise :class:`InputError` for the debug half of a file, with what there is to find the other by."""
    if is_debug_half(image):
        raise InputError(
            f"{image.path} is the debug half of a kernel, as objcopy --only-keep-debug makes it: its sections of "
            f"code and data are NOBITS, and nm's letters do not follow from them; give {_other_half(image)}"
        )


def _other_half(image: Image) -> str:
    """Name the other half: a file beside this one, or what tells it."""
    beside = _beside(image.path)
    if beside is not None:
        return f"the other half, {beside}, or the whole vmlinux that it was split from"
    identity, salt = build_id(image), build_salt(image)
    marks = [f"build ID {identity}"] if identity else []
    marks += [f"release {salt} by its .notes"] if salt else []
    known = f" ({', '.join(marks)})" if marks else ""
    return f"the whole vmlinux that it was split from{known}"


def _beside(path: Path) -> Path | None:
    """Return the file that this one's name says it is the debug half of, where it is there."""
    names = [path.with_suffix("")] if path.suffix in _DEBUG_SUFFIXES else []
    names += [path.parent.parent / name.name for name in [*names, path] if path.parent.name == ".debug"]
    return next((name for name in names if name.is_file()), None)
