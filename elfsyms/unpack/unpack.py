# SPDX-License-Identifier: GPL-2.0-or-later
"""From the file at hand to the kernel in it: container by container, stream by stream.

    vmlinuz ─ containers ─> payload ─ codecs ─> ELF or bare image

Headers lead. Only where one does not say where its stream begins are the bytes searched, and then a stream counts
only if it unpacks to its end and what comes out is a kernel: an ELF file, or bytes with a version banner.

Leaves out finding anything in the kernel itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from elfsyms.errors import InputError
from elfsyms.unpack.codecs import CODECS, MissingLibraryError, codec_of
from elfsyms.unpack.containers import Hints, find_part

if TYPE_CHECKING:
    from collections.abc import Iterator
    from mmap import mmap

__all__ = ["Unpacked", "scan_for_kernel", "unpack"]

_DEEPEST = 8  # containers in containers
_ELF = b"\x7fELF"
_BANNER = b"Linux version "
_SMALLEST = 1 << 14  # bytes of a stream that could be a kernel


@dataclass(frozen=True, slots=True)
class Unpacked:
    """The kernel's bytes, the layers that were around them from the outside in, and what their headers said."""

    data: bytes | mmap
    layers: tuple[str, ...]
    hints: Hints


def unpack(data: bytes | mmap, name: str) -> Unpacked:
    """Take all layers off; bytes that are in none come back as they are.

    Raises :class:`InputError` for a header or a stream that is damaged, too large, or of a library not installed,
    :class:`NotThereError` for a container without a kernel.
    """
    layers: list[str] = []
    hints = Hints()
    for _ in range(_DEEPEST):
        view = memoryview(data)
        if view[:4] == _ELF:
            break
        if codec := codec_of(view):
            data = codec.open(view, name)
            layers.append(codec.name)
            continue
        part = find_part(view, name)
        if part is None:
            break
        hints = hints.with_hints(part.hints)
        layers.append(part.kind)
        if part.bare:
            break
        inside = _scanned(view[part.start : part.end], name) if part.scan else None
        if inside is None and part.scan:
            break  # not packed, as an Image of before; what is there is searched as it is
        if inside is None:
            data = bytes(view[part.start : part.end])
            continue
        codec_name, data = inside
        layers.append(codec_name)
    else:
        raise InputError(
            f"{name} has more than {_DEEPEST} layers ({', '.join(layers)}): no kernel is packed so"
        )
    return Unpacked(data, tuple(layers), hints)


def scan_for_kernel(data: bytes | mmap, name: str) -> Unpacked | None:
    """Look for a stream with a kernel anywhere in bytes that have no header that tells of one; None for none."""
    found = _scanned(memoryview(data), name)
    if found is None:
        return None
    inner = unpack(found[1], name)
    return Unpacked(inner.data, (found[0], *inner.layers), inner.hints)


def _scanned(view: memoryview, name: str) -> tuple[str, bytes] | None:
    """Return codec and bytes of the first stream that unpacks to a kernel."""
    data = bytes(view)
    for at in sorted(_starts(data)):
        codec = codec_of(view[at:])
        if codec is None:
            continue
        try:
            inside = codec.open(view[at:], name)
        except MissingLibraryError:
            raise
        except InputError:
            continue
        if len(inside) >= _SMALLEST and (inside.startswith(_ELF) or _BANNER in inside):
            return f"{codec.name} at byte {at:,}", inside
    return None


def _starts(data: bytes) -> Iterator[int]:
    """Yield where a stream could begin."""
    for codec in CODECS:
        at = data.find(codec.magic)
        while at >= 0:
            yield at
            at = data.find(codec.magic, at + 1)
