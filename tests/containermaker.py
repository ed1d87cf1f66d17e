# SPDX-License-Identifier: GPL-2.0-or-later
"""Boot images around a payload, written from the formats' own documents with ``struct`` alone."""

from __future__ import annotations

import bz2
import gzip
import lzma
import shutil
import struct
import subprocess
from typing import TYPE_CHECKING

import lz4.block
import lz4.frame
import zstandard

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["CODECS", "CONTAINERS", "device_tree", "fit", "packed_by_lzop", "pe_file"]


def _legacy(data: bytes) -> bytes:
    """Write what ``lz4 -l`` does: a magic number, blocks of 8 MiB behind their sizes; then the kernel's size."""
    pieces = [data[at : at + (8 << 20)] for at in range(0, len(data), 8 << 20)]
    blocks = [lz4.block.compress(piece, store_size=False) for piece in pieces]
    body = b"".join(struct.pack("<I", len(block)) + block for block in blocks)
    return struct.pack("<I", 0x184C2102) + body + struct.pack("<I", len(data))


def packed_by_lzop(data: bytes) -> bytes | None:
    """Return what the program lzop makes, None where it is not installed."""
    if shutil.which("lzop") is None:
        return None
    return subprocess.run(["lzop", "-c"], input=data, capture_output=True, check=True).stdout


CODECS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": lambda data: gzip.compress(data, mtime=0),  # the same bytes each time
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "lzma": lambda data: lzma.compress(data, format=lzma.FORMAT_ALONE),
    "zstd": lambda data: zstandard.ZstdCompressor().compress(data),
    "lz4": lz4.frame.compress,
    "lz4 legacy": _legacy,
}


def _put(size: int, *fields: tuple[int, bytes]) -> bytes:
    header = bytearray(size)
    for at, octets in fields:
        header[at : at + len(octets)] = octets
    return bytes(header)


def _u32(*numbers: int) -> bytes:
    return struct.pack(f"<{len(numbers)}I", *numbers)


def bzimage(payload: bytes) -> bytes:
    """Boot protocol 2.15: five sectors of set-up code, then code, then the payload."""
    code = bytes(0x300)
    head = _put(
        5 * 512,
        (0x1F1, b"\4"),
        (0x1FE, b"\x55\xaaXXHdrS"),
        (0x202, b"HdrS"),
        (0x206, struct.pack("<H", 0x20F)),
        (0x20E, struct.pack("<H", 0x400)),
        (0x248, _u32(len(code), len(payload))),
        (0x600, b"6.12.0-made (builder@host) #1\0"),
    )
    return head + code + payload + bytes(64)


def zboot(payload: bytes) -> bytes:
    """Write a PE file as ``zboot-header.S`` has it."""
    head = _put(0x1000, (0, b"MZ\0\0zimg"), (8, _u32(0x1000, len(payload))), (24, b"gzip\0"))
    return head + payload + bytes(512)


def arm_zimage(payload: bytes) -> bytes:
    """Code, with a magic number and the image's own bounds; where the payload begins is not said."""
    size = 0x2000 + len(payload) + 16
    head = _put(0x2000, (0x24, _u32(0x016F2818, 0, size, 0x04030201)), (0x400, b"\x1f\x8b\x08 not a stream"))
    return head + payload + bytes(16)


def _uimage_header(size: int, kind: int, compression: int) -> bytes:
    numbers = (0x27051956, 0, 0, size, 0x80008000, 0x80008000, 0)
    return struct.pack(">7I4B32s", *numbers, 5, 5, kind, compression, b"Linux-made")


def uimage(payload: bytes) -> bytes:
    """U-Boot's legacy header, big-endian."""
    return _uimage_header(len(payload), 2, 3) + payload


def uimage_multi(payload: bytes) -> bytes:
    """Write the same of several files: their sizes, a zero, the files."""
    files = struct.pack(">III", len(payload), 100, 0) + payload + bytes(100)
    return _uimage_header(len(files), 4, 0) + files


def android(layout: int) -> Callable[[bytes], bytes]:
    """boot.img of a header version: pages of 2048 bytes until 2, of 4096 from 3 on."""

    def make(payload: bytes) -> bytes:
        page = 2048 if layout < 3 else 4096
        sizes = _u32(len(payload), 0, 500) if layout < 3 else _u32(len(payload), 500)
        head = _put(page, (0, b"ANDROID!"), (8, sizes), (36, _u32(page if layout < 3 else 0, layout)))
        return head + payload + bytes(-len(payload) % page) + bytes(500)

    return make


def mediatek(payload: bytes) -> bytes:
    """Write an Android image whose kernel has MediaTek's own header in front."""
    return android(0)(_put(512, (0, _u32(0x58881688, len(payload))), (8, b"KERNEL")) + payload)


def s390(payload: bytes) -> bytes:
    """Write the s390x boot image: a mark at 0x10008, code, and somewhere in it the payload."""
    return _put(0x20000, (0x10008, b"S390EP\0\1")) + payload + bytes(4096)


def _node(name: str, *inside: bytes) -> bytes:
    text = name.encode() + b"\0"
    return struct.pack(">I", 1) + text + bytes(-len(text) % 4) + b"".join(inside) + struct.pack(">I", 2)


def device_tree(root: Callable[[Callable[[str, bytes], bytes]], bytes]) -> bytes:
    """Write a flattened device tree; ``root`` makes its node with the function that makes properties."""
    strings = bytearray()

    def prop(name: str, value: bytes) -> bytes:
        at = len(strings)
        strings.extend(name.encode() + b"\0")
        return struct.pack(">3I", 3, len(value), at) + value + bytes(-len(value) % 4)

    structure = root(prop) + struct.pack(">I", 9)
    at, end = 56, 56 + len(structure)
    numbers = (0xD00DFEED, end + len(strings), at, end, 40, 17, 16, 0, len(strings), len(structure))
    return struct.pack(">10I", *numbers) + bytes(16) + structure + bytes(strings)


def fit(payload: bytes, *, compression: str = "none", default: str = "conf-2", behind: bool = False) -> bytes:
    """Write U-Boot's FIT image of two kernels and a ramdisk; the second is that of the configuration ``conf-2``."""

    def root(prop: Callable[[str, bytes], bytes]) -> bytes:
        def kernel(name: str, octets: bytes) -> bytes:
            where = [prop("data-offset", bytes(4)), prop("data-size", struct.pack(">I", len(octets)))]
            told = [prop("type", b"kernel\0"), prop("arch", b"arm64\0")]
            told.append(prop("compression", compression.encode() + b"\0"))
            return _node(name, *(where if behind else [prop("data", octets)]), *told)

        ramdisk = _node("ramdisk-1", prop("data", b"nothing"), prop("type", b"ramdisk\0"))
        images = _node(
            "images", ramdisk, kernel("kernel-1", b"\x1f\x8b\x08 other"), kernel("kernel-2", payload)
        )
        configurations = [_node(f"conf-{n}", prop("kernel", b"kernel-%d\0" % n)) for n in (1, 2)]
        chosen = prop("default", default.encode() + b"\0")
        return _node(
            "", prop("description", b"made\0"), images, _node("configurations", chosen, *configurations)
        )

    tree = device_tree(root)
    return tree + (bytes(-len(tree) % 4) + payload if behind else b"")


def pe_file(sections: dict[str, bytes]) -> bytes:
    """Write a PE file for arm64: each section padded to 512 bytes in the file, its own size in memory."""
    start, rows, body = 0x80, b"", b""
    first = 1024 + -(0x80 + 24 + 240 + 40 * len(sections)) % 512
    for name, data in sections.items():
        padded = len(data) + -len(data) % 512
        where = (len(data), 0x1000 + len(body), padded, first + len(body), 0, 0, 0, 0x60000020)
        rows += struct.pack("<8s8I", name.encode(), *where)
        body += data.ljust(padded, b"\0")
    coff = struct.pack("<2HIIIHH", 0xAA64, len(sections), 0, 0, 0, 240, 0x22E)
    head = _put(start, (0, b"MZ"), (0x3C, _u32(start))) + b"PE\0\0" + coff + bytes(240) + rows
    return head.ljust(first, b"\0") + body


CONTAINERS: dict[str, Callable[[bytes], bytes]] = {
    "bzImage": bzimage,
    "EFI zboot": zboot,
    "ARM zImage": arm_zimage,
    "uImage": uimage,
    "uImage of files": uimage_multi,
    **{f"Android boot image v{layout}": android(layout) for layout in range(5)},
    "MediaTek": mediatek,
    "s390x image": s390,
    "FIT image": fit,
    "unified kernel image": lambda payload: pe_file({".linux": payload}),
}
