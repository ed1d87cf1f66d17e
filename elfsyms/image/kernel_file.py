# SPDX-License-Identifier: GPL-2.0-or-later
"""The file that somebody hands over, opened: a vmlinux, a boot image, a dump, a core.

One function for all commands: :func:`open_kernel_file`. An ELF file is read where it lies; everything else is
mapped, and what it is packed in is taken off (:mod:`elfsyms.unpack`), so that what remains is the kernel's own
bytes, as an ELF file or bare.

Leaves out finding tables in it (``decode/``).
"""

from __future__ import annotations

import io
import mmap
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Self, cast

from elfsyms.errors import InputError, NotThereError
from elfsyms.files import open_input, reading
from elfsyms.image.elf import CORE, PT_LOAD, SHF_ALLOC, SHT_NOBITS, SHT_SYMTAB, Image, read_image
from elfsyms.unpack.parts import Hints
from elfsyms.unpack.unpack import scan_for_kernel, unpack

if TYPE_CHECKING:
    from typing import BinaryIO

    from elfsyms.unpack.unpack import Unpacked

__all__ = ["KernelFile", "Run", "open_kernel_file", "open_scanned"]

_ELF = b"\x7fELF"


@dataclass(frozen=True, slots=True)
class Run:
    """Bytes of the kernel's file that lie in a row in memory, too: from ``offset`` on at ``address``."""

    offset: int
    address: int
    size: int


@dataclass(frozen=True, slots=True)
class KernelFile:
    """The kernel's own bytes, whatever they came in. Close it, or use it as a context manager.

    ``image`` is there where they are an ELF file, ``layers`` name what was taken off, ``hints`` are what headers
    told. ``left`` is to how many bytes more that which is packed in them may unpack; None: as their size allows.
    """

    path: Path
    data: bytes | mmap.mmap
    layers: tuple[str, ...]
    hints: Hints
    image: Image | None
    left: int | None = None

    def __enter__(self) -> Self:
        """Return the file itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the file."""
        if self.image is not None:
            self.image.close()

    @property
    def has_symbols(self) -> bool:
        """Whether there is a symbol table, so that nothing has to be searched."""
        return self.image is not None and any(s.type == SHT_SYMTAB and s.size for s in self.image.sections)

    @property
    def is_core(self) -> bool:
        """Whether this is memory of a running or crashed kernel as an ELF core."""
        return self.image is not None and self.image.file_type == CORE

    def runs(self) -> tuple[Run, ...]:
        """Return where bytes of the file lie in memory, as ELF headers tell; empty for a bare image."""
        if self.image is None:
            return ()
        sections = [s for s in self.image.sections if s.flags & SHF_ALLOC and s.type != SHT_NOBITS and s.size]
        if sections:
            return tuple(Run(section.offset, section.address, section.size) for section in sections)
        end = self.image.size  # a dump that was cut off has less than its headers say
        segments = [s for s in self.image.segments() if s.type == PT_LOAD and s.file_size and s.offset < end]
        return tuple(Run(s.offset, s.address, min(s.file_size, end - s.offset)) for s in segments)


def open_kernel_file(path: str | Path) -> KernelFile:
    """Open a kernel in whatever form it is at hand.

    Raises :class:`InputError` for what cannot be read, is empty or damaged, :class:`NotThereError` for a container
    that holds no kernel.
    """
    path = Path(path)
    stream = _open(path)
    try:
        data = _map(stream, path)
    except BaseException:
        stream.close()
        raise
    if data[:4] == _ELF:
        return _with_image(path, data, stream, (), Hints())
    stream.close()
    if not len(data):
        raise InputError(f"{path} is empty: copy it again")
    unpacked = unpack(data, str(path))
    return _opened(path, unpacked)


def open_scanned(file: KernelFile) -> KernelFile | None:
    """Look for a packed kernel anywhere in a file that has none by its headers; None where there is none.

    Boot wrappers that no header describes (firmware, an ELF file around a packed kernel) hold it so. A stream
    counts only if it unpacks to its end and to a kernel. Bytes that look like a stream of a library that is missing
    prove nothing: kernels have them in their own code.
    """
    try:
        found = scan_for_kernel(file.data, str(file.path), file.left)
    except (InputError, NotThereError):
        return None
    return None if found is None else _opened(file.path, replace(found, layers=(*file.layers, *found.layers)))


def _opened(path: Path, unpacked: Unpacked) -> KernelFile:
    data = unpacked.data
    if data[:4] == _ELF:
        stream = io.BytesIO(data) if isinstance(data, bytes) else cast("BinaryIO", _MemoryStream(data))
        return replace(_with_image(path, data, stream, unpacked.layers, unpacked.hints), left=unpacked.left)
    return KernelFile(path, data, unpacked.layers, unpacked.hints, None, unpacked.left)


class _MemoryStream(io.RawIOBase):
    """Mapped memory as a file, without a copy of it."""

    def __init__(self, data: mmap.mmap) -> None:
        self._data, self._at = data, 0

    def read(self, size: int = -1) -> bytes:
        end = len(self._data) if size < 0 else self._at + size
        piece = self._data[self._at : end]
        self._at += len(piece)
        return piece

    def seek(self, offset: int, whence: int = 0) -> int:
        self._at = max(offset + (0, self._at, len(self._data))[whence], 0)
        return self._at

    def tell(self) -> int:
        return self._at


def _with_image(
    path: Path, data: bytes | mmap.mmap, stream: BinaryIO, layers: tuple[str, ...], hints: Hints
) -> KernelFile:
    try:
        return KernelFile(path, data, layers, hints, read_image(path, stream))
    except BaseException:
        stream.close()
        raise


def _open(path: Path) -> BinaryIO:
    with reading(path):
        return open_input(path)


def _map(stream: BinaryIO, path: Path) -> bytes | mmap.mmap:
    """Map a file, or read what cannot be mapped, as pipes and what the kernel makes up as one reads."""
    with reading(path):
        if path.name == "kcore":  # larger than any memory: its segments are read where they are needed
            magic = stream.read(4)
            stream.seek(0)
            return magic
        with suppress(OSError, ValueError):
            return mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
        return stream.read()
