# SPDX-License-Identifier: GPL-2.0-or-later
"""``elfsyms --symbol-names KERNEL BEGIN``: the names of a kernel's symbols that begin so, for a shell's completion.

A key was pressed, and somebody waits: nothing but the standard library is imported where the names are in the
cache already, as sorted lines; one scan finds the first, the others follow it. Else they are read from the kernel,
once. A file that changed has other names, so its size and time are part of its key. Whatever goes wrong, a
completion shows nothing and says nothing.
"""

from __future__ import annotations

import os
import secrets
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["cache_folder", "names_that_begin"]

MOST = 500  # names: more than anybody reads
_KEPT = 8  # kernels in the cache


def names_that_begin(kernel: str, begin: bytes) -> list[bytes]:
    """Return the names of a kernel's symbols that begin so, sorted, at most :data:`MOST`.

    Raises :class:`OSError` or :class:`elfsyms.errors.ElfsymsError` for what is no kernel.
    """
    return list(_first(b"\n" + _names(kernel), begin))


def _first(text: bytes, begin: bytes) -> Iterator[bytes]:
    """Yield the lines of a sorted text that begin so; a line end stands before the first."""
    offset = text.find(b"\n" + begin)
    for _ in range(MOST):
        if offset < 0 or not text.startswith(begin, offset + 1):
            return
        end = text.find(b"\n", offset + 1)
        if end < 0:
            return
        yield text[offset + 1 : end]
        offset = end


def _names(kernel: str) -> bytes:
    """Return all names, a line each, from the cache or else from the kernel."""
    path = cache_folder() / _key(kernel)
    try:
        return path.read_bytes()
    except OSError:
        names = _read(kernel)
    _keep(path, names)
    return names


def cache_folder() -> Path:
    """Return the folder of the names."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "elfsyms" / "names"


def _key(kernel: str) -> str:
    """Return what tells this file, as it is now, from every other."""
    found = os.stat(kernel)  # noqa: PTH116 (os.path.abspath would come with Path, too)
    facts = (os.path.realpath(kernel), found.st_size, found.st_mtime_ns, found.st_ino)
    return sha256(repr(facts).encode("utf-8", "surrogateescape")).hexdigest()[:32]


def _read(kernel: str) -> bytes:
    from elfsyms.pipeline.kernel import load  # noqa: PLC0415 (once for a kernel)

    with load(kernel) as opened:
        names = {name for name in opened.listing.lines.names() if name and b"\n" not in name}
    return b"".join(name + b"\n" for name in sorted(names))


def _keep(path: Path, names: bytes) -> None:
    """Put names into the cache, and leave the newest few there; a cache that cannot be written is none."""
    staged = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        staged.write_bytes(names)
        staged.replace(path)
        others = sorted(path.parent.iterdir(), key=lambda p: p.stat().st_mtime, reverse=True)
        for old in others[_KEPT:]:
            old.unlink(missing_ok=True)
    except OSError:
        return
