# SPDX-License-Identifier: GPL-2.0-or-later
"""Files that lie beside kernels and are none, by what they begin with: each gets a sentence, and what to do.

A ramdisk or a file system may be searched for long, and what comes of it ("no tables") is not what is wrong. Only
what a header proves is here; bytes that nothing tells of are searched. Memory and flash may begin with a device
tree or a file system: where a header tells its size, no more than that may be there.

Follows the formats' own documents: cpio(5), deb(5), the Devicetree Specification, squashfs's and AOSP's headers.
Leaves out containers that may hold a kernel (``containers.py``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from elfsyms.unpack.parts import u32, u64

if TYPE_CHECKING:
    from collections.abc import Callable
    from mmap import mmap

__all__ = ["OTHER_FILES", "OtherFile", "other_file", "other_program"]

_TRAILER = 1 << 16  # bytes behind a file that may be a signature or the like


@dataclass(frozen=True, slots=True)
class OtherFile:
    """What a file is, with its article, and what to do about it (empty: that is said)."""

    what: str
    advice: str = ""

    def __str__(self) -> str:
        """Return what follows ``FILE is``."""
        return f"{self.what}, not a kernel" + (f": {self.advice}" if self.advice else "")


_UNPACK = "unpack it, and give the kernel in it"
# Where the mark lies, the mark, and what has it.
OTHER_FILES: tuple[tuple[int, bytes, OtherFile], ...] = (
    (0, b"070701", OtherFile("a ramdisk (a cpio archive)")),
    (0, b"070702", OtherFile("a ramdisk (a cpio archive)")),
    (0, b"070707", OtherFile("a cpio archive")),
    (0, b"\xd0\x0d\xfe\xed", OtherFile("a device tree")),
    (0, b"\xd7\xb7\xab\x1e", OtherFile("an Android image of device trees (dtbo)", "give boot.img")),
    (0, b"VNDRBOOT", OtherFile("an Android vendor_boot image (a ramdisk and device trees)", "give boot.img")),
    (0, b"AVB0", OtherFile("Android's verification data (vbmeta)", "give boot.img")),
    (0, b"\x3a\xff\x26\xed", OtherFile("an Android sparse image", "unpack it with simg2img")),
    (0, b"CrAU", OtherFile("an Android update (payload.bin)", "take boot.img out of it")),
    (0, b"hsqs", OtherFile("a squashfs file system")),
    (0, b"sqsh", OtherFile("a squashfs file system")),
    (0, b"!<arch>\ndebian-binary", OtherFile("a Debian package", _UNPACK)),
    (0, b"!<arch>\n", OtherFile("an archive of objects (ar)")),
    (0, b"\xed\xab\xee\xdb", OtherFile("an RPM package", _UNPACK)),
    (0, b"PK\3\4", OtherFile("a zip archive", _UNPACK)),
    (257, b"ustar", OtherFile("a tar archive", _UNPACK)),
    (0, b"KDUMP   ", OtherFile("a compressed dump (makedumpfile)", "'makedumpfile -E' makes an ELF core")),
    (0, b"QFI\xfb", OtherFile("a disk of a virtual machine (qcow2)")),
)


# Programs with tables like the kernel's, made by a descendant of its generator: by a text in them.
_PROGRAMS = ((b"Xen version %d.%d%s (", OtherFile("the Xen hypervisor")),)


def other_program(data: bytes | mmap) -> OtherFile | None:
    """Return which program of those that are much like a kernel some bytes are, which have no kernel's banner."""
    return next((program for text, program in _PROGRAMS if data.find(text) >= 0), None)


def other_file(data: memoryview) -> OtherFile | None:
    """Return what a file is by its beginning, None where that does not tell."""
    for at, mark, file in OTHER_FILES:
        if bytes(data[at : at + len(mark)]) == mark:
            return file if _ends(data, mark) else None
    return None


# Of what lies in front of kernels in memory and flash: how many bytes it has.
_SIZES: dict[bytes, Callable[[memoryview], int]] = {
    b"\xd0\x0d\xfe\xed": lambda data: u32(data, 4, ">"),
    b"hsqs": lambda data: u64(data, 40),
    b"sqsh": lambda data: u64(data, 40, ">"),
}


def _ends(data: memoryview, mark: bytes) -> bool:
    """Tell whether nothing lies behind a file but padding and a trailer."""
    size = _SIZES[mark](data) if mark in _SIZES else len(data)
    return len(data) - size <= _TRAILER or not bytes(data[size:]).strip(b"\0\xff")
