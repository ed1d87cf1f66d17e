# SPDX-License-Identifier: GPL-2.0-or-later
"""From the file at hand to the kernel in it: container by container, stream by stream.

    vmlinuz ─ containers ─> payload ─ codecs ─> ELF or bare image

Headers lead. Only where one does not say where its stream begins are the bytes searched, and then a stream counts
only if it unpacks to its end and what comes out is a kernel: an ELF file, or bytes with a version banner.

All layers of a file together may unpack to so many bytes as follow from its size: what is left is handed on from
layer to layer.

Leaves out finding anything in the kernel itself.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING

from elfsyms.errors import InputError, NotThereError
from elfsyms.unpack.codecs import CODECS, MissingLibraryError, TooLargeError, codec_of, most_unpacked
from elfsyms.unpack.containers import find_part
from elfsyms.unpack.other_files import other_file
from elfsyms.unpack.parts import Hints

if TYPE_CHECKING:
    from collections.abc import Iterator
    from mmap import mmap

    from elfsyms.unpack.codecs import Codec

__all__ = ["Unpacked", "scan_for_kernel", "unpack"]

_DEEPEST = 8  # containers in containers
_ELF = b"\x7fELF"
_BANNER = b"Linux version "
_SMALLEST = 1 << 14  # bytes of a stream that could be a kernel
_PROBE = 1 << 16  # bytes that a stream has to unpack to before more of it is tried
_SCANNED_TIMES = 4  # how many times what is left all streams of one scan may unpack to, one after the other
_MOST_OFFSETS = 1 << 16  # offsets looked at for each codec
_MOST_STARTS = 1 << 10  # offsets tried that have a codec's header


@dataclass(frozen=True, slots=True)
class Unpacked:
    """The kernel's bytes, the layers that were around them from the outside in, and what their headers said.

    ``left`` is to how many bytes more that which may be packed in it can be unpacked.
    """

    data: bytes | mmap
    layers: tuple[str, ...]
    hints: Hints
    left: int


def unpack(data: bytes | mmap, name: str, left: int | None = None) -> Unpacked:
    """Take all layers off; bytes that are in none come back as they are.

    ``left`` is how many bytes may come out in all; without one, as many as the size of the data allows.
    Raises :class:`InputError` for a header or a stream that is damaged, too large, or of a library not installed,
    :class:`NotThereError` for a container without a kernel.
    """
    layers: list[str] = []
    hints = Hints()
    start, end = 0, len(data)  # the part of ``data`` that is left
    left = most_unpacked(end) if left is None else left
    for _ in range(_DEEPEST):
        view = memoryview(data)[start:end]
        if view[:4] == _ELF:
            break
        if codec := codec_of(view):
            data = codec.open(view, name, left)
            layers.append(codec.name)
            start, end = 0, len(data)
            left -= end
            continue
        part = find_part(view, name)
        if part is None:
            break
        hints = hints.with_hints(part.hints)
        layers.append(part.kind)
        if part.bare:
            break
        inside = _scanned(data, start + part.start, start + part.end, name, left) if part.scan else None
        if inside is not None:
            codec_name, data = inside
            layers.append(codec_name)
            start, end = 0, len(data)
            left -= end
        elif part.otherwise is not None:
            raise NotThereError(f"{name} is {part.otherwise}")
        elif part.scan:
            break  # not packed, as an Image of before; what is there is searched as it is
        else:
            start, end = start + part.start, start + part.end
    else:
        raise InputError(
            f"{name} has more than {_DEEPEST} layers ({', '.join(layers)}): no kernel is packed so"
        )
    whole = end - start == len(data)
    return Unpacked(data if whole else data[start:end], tuple(layers), hints, left)


def scan_for_kernel(data: bytes | mmap, name: str, left: int | None = None) -> Unpacked | None:
    """Look for a stream with a kernel anywhere in bytes that have no header that tells of one; None for none.

    ``left`` is as in :func:`unpack`.
    """
    left = most_unpacked(len(data)) if left is None else left
    found = _scanned(data, 0, len(data), name, left)
    if found is None:
        return None
    inner = unpack(found[1], name, left - len(found[1]))
    return replace(inner, layers=(found[0], *inner.layers))


def _scanned(
    data: bytes | mmap, start: int, end: int, name: str, most: int
) -> tuple[str, bytes | mmap] | None:
    """Return codec and bytes of the first stream between two offsets that unpacks to a kernel.

    A stream may have ``most`` bytes, and all that are tried a few times as many. A codec whose library is missing
    is told (:class:`MissingLibraryError`) only where no other stream has a kernel.
    """
    left, missing = _SCANNED_TIMES * most, None
    inside: bytes | mmap = b""
    for at, codec in islice(sorted(_starts(data, start, end), key=lambda found: found[0]), _MOST_STARTS):
        view = memoryview(data)[at:end]
        if left <= 0:
            break
        try:
            if not _goes_on(codec, view, name):
                continue
            inside = b""  # the last one's memory goes before the next one's comes
            inside = codec.open(view, name, most)
        except MissingLibraryError as error:
            missing = missing or error
            continue
        except InputError:
            left -= most
            continue
        left -= len(inside)
        if _may_hold_kernel(inside):
            return f"{codec.name} at byte {at - start:,}", inside
    if missing is not None:
        raise missing
    return None


def _may_hold_kernel(data: bytes | mmap) -> bool:
    """Tell whether a stream's bytes are an ELF file or have a kernel's banner, and are no ramdisk that has one."""
    if len(data) < _SMALLEST or other_file(memoryview(data)) is not None:
        return False
    return data[:4] == _ELF or data.find(_BANNER) >= 0


def _goes_on(codec: Codec, view: memoryview, name: str) -> bool:
    """Tell whether a stream unpacks as far as a probe goes: chance ends before."""
    try:
        codec.open(view, name, _PROBE)
    except MissingLibraryError:
        raise
    except InputError as error:
        return isinstance(error.__cause__, TooLargeError)
    return True


def _starts(data: bytes | mmap, start: int, end: int) -> Iterator[tuple[int, Codec]]:
    """Yield where a stream could begin, and of which codec."""
    for codec in CODECS:
        header = re.compile(codec.header, re.DOTALL)
        for at in islice(_places(data, codec.magic, start, end), _MOST_OFFSETS):
            if header.match(data, at, end):
                yield at, codec


def _places(data: bytes | mmap, magic: bytes, start: int, end: int) -> Iterator[int]:
    at = data.find(magic, start, end)
    while at >= 0:
        yield at
        at = data.find(magic, at + 1, end)
