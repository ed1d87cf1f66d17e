# SPDX-License-Identifier: GPL-2.0-or-later
"""Boot images by their headers: which bytes of the file are the kernel, and what the header says of it.

One function a format, in a table. Each looks at the header alone and returns a :class:`Part`, or None for another
format. Where a header does not say where its compressed kernel begins (ARM zImage, s390x, x86 before 2.6.26), the
part is marked ``scan``: ``unpack.py`` then looks for a stream inside that proves itself.

Follows ``Documentation/arch/x86/boot.rst``, ``arch/arm64/booting.rst``, ``arch/riscv/boot-image-header.rst``,
``drivers/firmware/efi/libstub/zboot-header.S``, ``arch/arm/boot/compressed/head.S``, ``arch/s390/boot/head.S``,
U-Boot's ``image.h`` and AOSP's ``bootimg.h``. Leaves out signatures, FIT images (``fit.py``), PE files
(``pe.py``) and what is no kernel (``other_files.py``).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal

from elfsyms.e_machine import (
    EM_386,
    EM_AARCH64,
    EM_ARM,
    EM_LOONGARCH,
    EM_MIPS,
    EM_PPC,
    EM_RISCV,
    EM_S390,
    EM_X86_64,
)
from elfsyms.errors import InputError, NotThereError
from elfsyms.unpack.fit import fit_part
from elfsyms.unpack.other_files import OtherFile, other_file
from elfsyms.unpack.parts import Hints, Part, text_at, u32, u64
from elfsyms.unpack.pe import pe_part

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["CONTAINERS", "find_part"]


_VERSION = re.compile(r"[1-9]\d*\.\d+[^ ]* \(")  # "6.12.0-made (builder@host) ..."


def find_part(data: memoryview, name: str) -> Part | None:
    """Return the kernel in a container, None for bytes that are no container.

    Raises :class:`InputError` for a header that points outside the file, :class:`NotThereError` for a container
    without a kernel.
    """
    for recognise in CONTAINERS:
        part = recognise(data)
        if part is None:
            continue
        if isinstance(part, OtherFile):
            raise NotThereError(f"{name} is {part}")
        if not 0 <= part.start < part.end <= len(data):
            raise InputError(
                f"{name} is damaged or cut: its {part.kind} header places the kernel at bytes {part.start:,} to "
                f"{part.end:,} of {len(data):,}"
            )
        return part
    return None


def _x86(data: memoryview) -> Part | OtherFile | None:
    """Read the setup header of x86: it names the payload from protocol 2.08 (2.6.26) on.

    Other programs have it, too, so that Linux's boot loaders start them; their versions are not Linux's.
    """
    if bytes(data[0x202:0x206]) != b"HdrS" or bytes(data[0x1FE:0x200]) != b"\x55\xaa":
        return None
    protocol = u32(data, 0x206) & 0xFFFF
    start = ((data[0x1F1] or 4) + 1) * 512
    text = u32(data, 0x20E) & 0xFFFF
    version = text_at(data, 0x200 + text, 160) if text else ""
    if version and not _VERSION.match(version):
        return OtherFile(f"a program that is started as Linux is ({version})")
    hints = Hints(byte_order="<", version=version)
    if protocol < 0x208:
        return Part("bzImage", start, len(data), scan=True, hints=hints)
    payload, size = u32(data, 0x248), u32(data, 0x24C)
    return Part("bzImage", start + payload, start + payload + size, hints=hints)


def _zboot(data: memoryview) -> Part | None:
    """Read the EFI wrapper of generic kernels: a PE file with its payload's offset, size and compression."""
    if bytes(data[:2]) != b"MZ" or bytes(data[4:8]) != b"zimg":
        return None
    start, size = u32(data, 8), u32(data, 12)
    return Part(f"EFI zboot ({text_at(data, 24, 32)})", start, start + size)


def _arm64(data: memoryview) -> Part | None:
    if bytes(data[56:60]) != b"ARM\x64":
        return None
    order: Literal["<", ">"] = ">" if u64(data, 24) & 1 else "<"
    return Part("arm64 Image", 0, len(data), bare=True, hints=Hints(EM_AARCH64, order))


def _riscv(data: memoryview) -> Part | None:
    if bytes(data[56:60]) != b"RSC\x05" and bytes(data[48:53]) != b"RISCV":
        return None
    return Part("RISC-V Image", 0, len(data), bare=True, hints=Hints(EM_RISCV, "<"))


def _loongarch(data: memoryview) -> Part | None:
    if bytes(data[:2]) != b"MZ" or u32(data, 56) != 0x818223CD:
        return None
    return Part("LoongArch Image", 0, len(data), bare=True, hints=Hints(EM_LOONGARCH, "<"))


def _arm(data: memoryview) -> Part | None:
    """Read the zImage of 32-bit ARM: its header has its own bounds, not those of the stream inside."""
    orders: tuple[Literal["<", ">"], ...] = ("<", ">")
    for order in orders:
        if u32(data, 0x24, order) == 0x016F2818:
            big = u32(data, 0x30, order) == 0x01020304
            end = u32(data, 0x2C, order) - u32(data, 0x28, order)
            end = end if 0 < end <= len(data) else len(data)
            hints = Hints(EM_ARM, ">" if big or order == ">" else "<")
            return Part("ARM zImage", 0, end, scan=True, hints=hints)
    return None


_UIMAGE_MULTI = 4
# Types of uImages that hold no kernel. (A "firmware" or a "standalone program" may be one.)
_UIMAGE_OTHERS = {
    3: OtherFile("a U-Boot ramdisk"),
    6: OtherFile("a U-Boot script"),
    7: OtherFile("a U-Boot file system image"),
    8: OtherFile("a device tree for U-Boot"),
}
_RAMDISK = OtherFile("an Android boot image of a ramdisk alone (init_boot)", "give boot.img")
_UIMAGE_MACHINES = {
    2: EM_ARM,
    3: EM_386,
    5: EM_MIPS,
    6: EM_MIPS,
    7: EM_PPC,
    8: EM_S390,
    22: EM_AARCH64,
    24: EM_X86_64,
    26: EM_RISCV,
}


def _uimage(data: memoryview) -> Part | OtherFile | None:
    if u32(data, 0, ">") != 0x27051956 or len(data) < 64:
        return None
    size, machine, kind = u32(data, 12, ">"), data[29], data[30]
    if kind in _UIMAGE_OTHERS:
        return _UIMAGE_OTHERS[kind]
    name = text_at(data, 32, 32)
    start, end = 64, 64 + size
    if kind == _UIMAGE_MULTI:  # sizes up to a zero, then the files; the kernel is the first
        first, sizes = u32(data, 64, ">"), 1
        while sizes < 64 and u32(data, 64 + 4 * sizes, ">"):
            sizes += 1
        start, end = 64 + 4 * (sizes + 1), 64 + 4 * (sizes + 1) + first
    version = name.removeprefix("Linux-") if name.startswith("Linux-") else ""
    return Part("uImage", start, end, hints=Hints(_UIMAGE_MACHINES.get(machine, 0), version=version))


def _android(data: memoryview) -> Part | OtherFile | None:
    """Read a boot.img of Android: pages, header first, then the kernel; from version 3 on they have 4096 bytes."""
    if bytes(data[:8]) != b"ANDROID!":
        return None
    size, page, layout = u32(data, 8), u32(data, 36), u32(data, 40)
    if not size:
        return _RAMDISK
    if layout in (3, 4):
        page = 4096
    elif layout > 4:  # before layouts had numbers, these bytes were the size of a device tree
        layout = 0
    if page not in {1 << bits for bits in range(11, 18)}:
        raise InputError(f"an Android boot image with pages of {page:,} bytes is damaged: copy it again")
    return Part(f"Android boot image v{layout}", page, page + size)


def _mediatek(data: memoryview) -> Part | None:
    """Skip the 512 bytes that MediaTek puts in front of a kernel in boot.img."""
    if u32(data, 0) != 0x58881688:
        return None
    return Part("MediaTek header", 512, min(512 + u32(data, 4), len(data)))


def _s390(data: memoryview) -> Part | None:
    if bytes(data[0x10008:0x1000E]) != b"S390EP":
        return None
    return Part("s390x image", 0, len(data), scan=True, hints=Hints(EM_S390, ">"))


CONTAINERS: tuple[Callable[[memoryview], Part | OtherFile | None], ...] = (
    _x86,
    _zboot,
    _arm64,
    _riscv,
    _loongarch,
    _arm,
    _uimage,
    _android,
    _mediatek,
    _s390,
    fit_part,
    pe_part,
    other_file,
)
