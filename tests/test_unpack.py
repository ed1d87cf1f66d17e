# SPDX-License-Identifier: GPL-2.0-or-later
"""Boot images and compressed kernels: taken apart by their headers, bounded, or refused in a sentence."""

from __future__ import annotations

import gzip
import lzma
import random
import shutil
import struct
import subprocess
import sys
import tracemalloc
from typing import TYPE_CHECKING

import lzallright
import pytest
from command import elfsyms, sentence
from containermaker import CODECS, CONTAINERS, device_tree, fit, packed_by_lzop, pe_file
from elfmaker import Symbol, vmlinux
from hypothesis import given, settings
from hypothesis import strategies as st
from imagemaker import boundary_tables, made_image
from tablemaker import saved

from elfsyms.decode.recover import recover
from elfsyms.errors import ElfsymsError, InputError, NotThereError
from elfsyms.image.kernel_file import open_kernel_file
from elfsyms.unpack import codecs
from elfsyms.unpack.codecs import MissingLibraryError
from elfsyms.unpack.unpack import scan_for_kernel, unpack

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

KERNEL = vmlinux([Symbol("_text", 0xFFFFFFFF81000000)]) + bytes(1 << 15)
BARE = made_image(boundary_tables("6.12", (64, "<", 183)), 3, 1 << 16, banner="6.12.5").data


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("container", CONTAINERS)
def test_what_was_packed_comes_out(container: str, codec: str) -> None:
    """Whatever container and compression, the kernel inside comes out byte for byte."""
    data = CONTAINERS[container](CODECS[codec](KERNEL))
    found = unpack(data, "image")
    assert bytes(found.data) == KERNEL
    assert any(layer.startswith(codec) for layer in found.layers)


@pytest.mark.parametrize("container", [c for c in CONTAINERS if c not in ("ARM zImage", "s390x image")])
def test_a_kernel_that_is_not_compressed_comes_out(container: str) -> None:
    """A container may hold the ELF file itself."""
    assert bytes(unpack(CONTAINERS[container](KERNEL), "image").data[: len(KERNEL)]) == KERNEL


def test_lzop_files_are_read() -> None:
    """What lzop writes comes out, blocks that it could not make smaller included."""
    data = KERNEL + bytes(range(256)) * 2000
    packed = packed_by_lzop(data)
    if packed is None:
        pytest.skip("lzop is not installed")
    assert bytes(unpack(packed, "image").data) == data


def test_layers_are_taken_off_one_by_one() -> None:
    """A stream in a container in a stream is a kernel all the same, and each layer is named."""
    found = unpack(gzip.compress(CONTAINERS["uImage"](CODECS["xz"](KERNEL))), "image")
    assert (bytes(found.data), found.layers) == (KERNEL, ("gzip", "uImage", "xz"))


def test_a_bare_image_is_searched_for_its_tables() -> None:
    """An arm64 Image in Android's container, LZ4 around it, gives the symbols of its tables."""
    image = bytearray(BARE)
    image[56:60] = b"ARM\x64"
    data = CONTAINERS["Android boot image v4"](CODECS["lz4 legacy"](bytes(image)))
    with saved(data) as path, open_kernel_file(path) as file:
        found = recover(file)
    assert found.file.layers[-1] == "arm64 Image"
    assert b"_text" in set(found.decoded.names())


def test_bounds_follow_the_size() -> None:
    """A small stream may be a hundred times as long, and no more: 90 kB do not take half a gigabyte."""
    bomb = lzma.compress(bytes(80 << 20), preset=0)
    found = codecs.codec_of(bomb)
    assert found is not None
    with pytest.raises(
        InputError, match=r"more than [67][0-9],[0-9,]* bytes, which no kernel of its size does"
    ):
        found.open(memoryview(bomb), "bomb")
    assert len(found.open(memoryview(lzma.compress(bytes(60 << 20), preset=0)), "zeros")) == 60 << 20


@pytest.mark.parametrize("codec", CODECS)
def test_a_bomb_is_refused_before_it_takes_memory(codec: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stream that unpacks to more than any kernel is refused, and not unpacked first."""
    bomb = CODECS[codec](bytes(64 << 20))
    monkeypatch.setattr(codecs, "MOST_BYTES", 1 << 20)
    found = codecs.codec_of(bomb)
    assert found is not None
    tracemalloc.start()
    with pytest.raises(InputError, match=r"which no kernel of its size does|[Mm]emory"):
        found.open(memoryview(bomb), "bomb", 1 << 20)
    assert tracemalloc.get_traced_memory()[1] < 40 << 20
    tracemalloc.stop()


@pytest.mark.parametrize("outer", ["gzip", "xz"])
def test_streams_in_streams_have_one_bound(outer: str) -> None:
    """What a stream gives does not count as the file's size for the stream in it: all layers share one bound."""
    inner = gzip.compress(
        bytes(150 << 20), 1
    )  # 650 kB, which would allow for 84 MB, and packs to a hundredth
    packed = CODECS[outer](inner)
    most = codecs.most_unpacked(len(packed)) - len(inner)
    assert most < 66 << 20 < codecs.most_unpacked(len(inner))
    with pytest.raises(InputError, match=f"more than {most:,} bytes"):
        unpack(packed, "bomb")
    flash = bytes(99) + CODECS[outer](KERNEL)
    found = scan_for_kernel(flash, "flash")
    assert found is not None
    assert found.left == codecs.most_unpacked(len(flash)) - len(KERNEL)


def test_blocks_that_hold_less_than_they_claim_are_refused() -> None:
    """A thousand blocks of an lzop file that claim 64 MB each are given that once, and not a thousand times."""
    block = lzallright.LZOCompressor().compress(b"a" * 100)
    head = b"\x89LZO\0\r\n\x1a\n" + struct.pack(">3H2B", 0x1040, 0x20A0, 0x0940, 1, 5) + bytes(21)
    packed = head + (struct.pack(">2I", 64 << 20, len(block)) + block) * 1000 + bytes(4)
    with pytest.raises(InputError, match=r"lzo stream cannot be unpacked .*holds less than it claims"):
        unpack(packed, "bomb")
    right = head + (struct.pack(">2I", 100, len(block)) + block) * 2 + bytes(4)
    assert bytes(unpack(right, "image").data) == b"a" * 200


@pytest.mark.parametrize("codec", CODECS)
def test_a_cut_stream_is_refused(codec: str) -> None:
    """Half a stream is no kernel; the sentence names the compression."""
    packed = CODECS[codec](BARE)
    with pytest.raises(InputError, match=f"its {codec} stream cannot be unpacked|layers"):
        unpack(packed[: len(packed) // 2], "image")


@pytest.mark.parametrize("container", ["bzImage", "EFI zboot", "uImage", "Android boot image v2"])
def test_a_header_that_points_outside_is_refused(container: str) -> None:
    """A container cut behind its header is damaged, and said to be."""
    data = CONTAINERS[container](CODECS["gzip"](KERNEL))
    with pytest.raises(InputError, match="is damaged or cut"):
        unpack(data[: len(data) // 2], "image")


def _cpio() -> bytes:
    return b"070701" + b"%08X" * 13 % ((0,) * 11 + (11, 0)) + b"TRAILER!!!\0\0\0\0"


def _board(prop: Callable[[str, bytes], bytes]) -> bytes:
    return struct.pack(">2I", 1, 0) + prop("model", b"made\0") + struct.pack(">I", 2)


def _squashfs(order: str) -> bytes:
    return struct.pack(f"{order}I", 0x73717368) + bytes(36) + struct.pack(f"{order}Q", 4000) + bytes(1 << 18)


def _uimage_of(kind: int) -> bytes:
    image = bytearray(CONTAINERS["uImage"](gzip.compress(KERNEL)))
    image[30] = kind
    return bytes(image)


# What is no kernel, and what is said of it.
OTHERS: dict[str, tuple[bytes, str]] = {
    "uImage of a ramdisk": (_uimage_of(3), "a U-Boot ramdisk, not a kernel"),
    "uImage of a script": (_uimage_of(6), "a U-Boot script, not a kernel"),
    "uImage of a device tree": (_uimage_of(8), "a device tree for U-Boot, not a kernel"),
    "initrd": (gzip.compress(_cpio()), "a ramdisk (a cpio archive), not a kernel"),
    "device tree": (device_tree(_board), "a device tree, not a kernel"),
    "squashfs": (_squashfs("<"), "a squashfs file system, not a kernel"),
    "squashfs, big-endian": (_squashfs(">"), "a squashfs file system, not a kernel"),
    "vendor_boot": (
        b"VNDRBOOT" + struct.pack("<2I", 4, 4096) + bytes(8192),
        "an Android vendor_boot image (a ramdisk and device trees), not a kernel: give boot.img",
    ),
    "init_boot": (
        CONTAINERS["Android boot image v4"](b"") + bytes(4096),
        "an Android boot image of a ramdisk alone (init_boot), not a kernel: give boot.img",
    ),
    "package": (
        b"!<arch>\ndebian-binary   ",
        "a Debian package, not a kernel: unpack it, and give the kernel in it",
    ),
    "memory tester": (
        CONTAINERS["bzImage"](b"").replace(b"6.12.0-made (builder@host) #1", b"Memtest86+ v6.10\0".ljust(29)),
        "a program that is started as Linux is (Memtest86+ v6.10), not a kernel",
    ),
    "Xen": (
        gzip.compress(
            made_image(boundary_tables("4.4", (32, "<", 3)), 3).data + b"Xen version %d.%d%s (%s@%s)"
        ),
        "the Xen hypervisor, not a kernel",
    ),
    "PE": (pe_file({".text": bytes(512)}), "a program of EFI or Windows (PE), not a kernel"),
}


@pytest.mark.parametrize("what", OTHERS)
def test_what_a_header_proves_to_be_no_kernel_is_told(tmp_path: Path, what: str) -> None:
    """A file that lies beside kernels is named for what it is, in one sentence."""
    data, words = OTHERS[what]
    (tmp_path / "file").write_bytes(data)
    assert sentence(elfsyms("decode", "file", cwd=tmp_path), 3) == f"elfsyms: file is {words}\n"


def test_memory_may_begin_with_a_device_tree() -> None:
    """QEMU puts one at the beginning of an ARM machine's memory: what lies behind is searched."""
    for front in (device_tree(_board), _squashfs("<")[:4096]):
        with saved(front + bytes(-len(front) % 8) + BARE) as path, open_kernel_file(path) as file:
            assert b"_text" in set(recover(file).decoded.names())


def test_an_empty_file_is_told(tmp_path: Path) -> None:
    """A download that brought nothing is no kernel without tables."""
    (tmp_path / "vmlinuz").touch()
    assert (
        sentence(elfsyms("list", "vmlinuz", cwd=tmp_path), 4) == "elfsyms: vmlinuz is empty: copy it again\n"
    )


def test_a_ramdisk_in_front_of_a_kernel_is_passed_over() -> None:
    """Flash images have both: a ramdisk may have a kernel's banner in one of its files, and is none."""
    ramdisk = gzip.compress(_cpio() + random.Random(1).randbytes(1 << 15) + b"Linux version 6.12.0 (a@b)")  # noqa: S311
    found = scan_for_kernel(bytes(5000) + ramdisk + bytes(99) + gzip.compress(KERNEL), "flash.bin")
    assert found is not None
    assert bytes(found.data) == KERNEL


def test_a_kernel_in_a_boot_wrapper_in_flash_is_found() -> None:
    """MIPS wraps a packed kernel in an ELF file, and routers pack that once more, without a header for either."""
    wrapper = vmlinux([]) + gzip.compress(BARE)
    with saved(bytes(5000) + CODECS["lzma"](wrapper)) as path, open_kernel_file(path) as file:
        assert b"_text" in set(recover(file).decoded.names())


@pytest.mark.parametrize("name", [".linux", ".kernel"])
def test_the_kernel_in_a_section_of_a_pe_file_comes_out(name: str) -> None:
    """A unified kernel image holds a boot image in a section, whose padding is not part of it."""
    image = CONTAINERS["bzImage"](CODECS["xz"](KERNEL))
    found = unpack(pe_file({".osrel": b"NAME=made", name: image, ".initrd": _cpio()}), "uki.efi")
    assert bytes(found.data) == KERNEL
    assert found.layers[1:] == ("bzImage", "xz")
    assert found.hints.machine == 183


def test_a_pe_file_that_unpacks_itself_is_scanned() -> None:
    """Vendors packed kernels in PE files before there was a header for it."""
    assert bytes(unpack(pe_file({".text": bytes(600) + gzip.compress(KERNEL)}), "image.efi").data) == KERNEL


@pytest.mark.parametrize("behind", [False, True])
def test_the_kernel_of_a_fit_images_default_configuration_comes_out(*, behind: bool) -> None:
    """The default configuration names the kernel, in the tree or behind it, its packing and machine."""
    found = unpack(fit(CODECS["gzip"](KERNEL), compression="gzip", behind=behind), "image.itb")
    assert (bytes(found.data), found.layers) == (KERNEL, ("FIT image (gzip)", "gzip"))
    assert found.hints.machine == 183


def test_what_a_fit_image_says_of_its_kernel_is_held_to() -> None:
    """A kernel that is not packed as its node says is refused, as is a tree that is cut or has no end."""
    with pytest.raises(InputError, match="packed by lzma, which it is not"):
        unpack(fit(KERNEL, compression="lzma"), "image.itb")
    with pytest.raises(InputError, match="damaged or cut"):
        unpack(fit(KERNEL)[:900], "image.itb")
    deep = struct.pack(">10I", 0xD00DFEED, 0, 40, 40, 40, 17, 16, 0, 0, 0) + struct.pack(">2I", 1, 0) * 4000
    with pytest.raises(InputError, match="damaged or cut"):
        unpack(deep, "image.itb")


def test_a_fit_image_without_a_kernel_is_told() -> None:
    """The images that there are, are named."""
    ramdisks = fit(KERNEL, default="none").replace(b"kernel\0\0", b"ramdisk\0")
    with pytest.raises(NotThereError, match="of ramdisk-1, kernel-1, kernel-2 holds no kernel"):
        unpack(ramdisks, "image.itb")


@pytest.mark.skipif(shutil.which("mkimage") is None, reason="mkimage of u-boot-tools writes FIT images")
@pytest.mark.parametrize("external", [[], ["-E"], ["-E", "-p", "0x2000"]])
def test_what_mkimage_writes_is_read(tmp_path: Path, external: list[str]) -> None:
    """U-Boot's own program packs a kernel in a FIT image, in the tree, behind it, or at a position."""
    (tmp_path / "Image.gz").write_bytes(gzip.compress(KERNEL))
    source = ["mkimage", "-f", "auto", "-A", "arm64", "-O", "linux", "-T", "kernel", "-C", "gzip", "-a", "0"]
    command = [*source, "-e", "0", "-d", "Image.gz", *external, "image.itb"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    found = unpack((tmp_path / "image.itb").read_bytes(), "image.itb")
    assert (bytes(found.data), found.layers) == (KERNEL, ("FIT image (gzip)", "gzip"))


FULL = (KERNEL * (1 + (8 << 20) // len(KERNEL)))[
    : 8 << 20
]  # as much as one block of LZ4's legacy format holds


@pytest.mark.parametrize("kernel", [KERNEL, FULL, FULL + KERNEL], ids=["one", "full", "two"])
def test_what_follows_lz4s_legacy_format_is_not_read(kernel: bytes) -> None:
    """Blocks end with the first that is not full: boot wrappers may have anything behind it."""
    packed = CODECS["lz4 legacy"](kernel)
    behind = struct.pack("<2I", 4000, 4000) + bytes(range(256)) * 40
    assert bytes(unpack(packed, "image").data) == kernel
    if len(kernel) % len(FULL):
        assert bytes(unpack(packed + behind, "image").data) == kernel
        assert bytes(unpack(packed[:-4] + packed, "image").data) == kernel * 2  # lz4demo appends whole frames


def test_a_block_of_lz4s_legacy_format_that_is_cut_is_refused() -> None:
    """The second block is missing half: the first alone is no kernel."""
    packed = CODECS["lz4 legacy"](FULL + BARE)
    with pytest.raises(InputError, match="lz4 legacy stream cannot be unpacked"):
        unpack(packed[: -len(BARE) // 2], "image")


@pytest.mark.parametrize("codec", CODECS)
def test_what_follows_a_stream_is_passed_over(codec: str) -> None:
    """Kernels append sizes, signatures and device trees: a stream ends where it says."""
    packed = CODECS[codec](KERNEL)
    assert bytes(unpack(packed + b"signature" * 99, "image").data) == KERNEL


MAGICS = [codec.magic for codec in codecs.CODECS] + [b"ANDROID!", b"MZ\0\0zimg", b"\xd0\x0d\xfe\xed", b""]


@settings(max_examples=200, deadline=None)
@given(data=st.binary(max_size=600), start=st.sampled_from(MAGICS))
def test_any_bytes_are_opened_or_refused(data: bytes, start: bytes) -> None:
    """No bytes lead to anything but a kernel, themselves, or a sentence."""
    try:
        found = str(len(unpack(start + data, "bytes").data))
    except ElfsymsError as error:
        found = str(error)
    assert found


def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a codec's package, the sentence names it and the extra that brings it."""
    packed = CODECS["zstd"](KERNEL)
    monkeypatch.setitem(sys.modules, "zstandard", None)
    with pytest.raises(InputError, match=r"Python package zstandard: install elfsyms\[images\]"):
        unpack(packed, "image")


@pytest.mark.parametrize("name", ["image", "install/vmlinuz"])
def test_what_only_looks_like_a_stream_is_passed_over(name: str) -> None:
    """Bytes that begin as a stream does and are none end no search, whatever the file is called."""
    image = CONTAINERS["s390x image"](CODECS["gzip"](KERNEL))
    at = image.index(CODECS["gzip"](KERNEL)[:3])
    chance = b"\x1f\x8b\x08" + bytes(29)
    assert bytes(unpack(image[:at] + chance + image[at:], name).data) == KERNEL


def test_a_library_that_is_missing_ends_no_search(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bytes that could be a stream of a codec that is not installed do not hide the kernel behind them."""
    monkeypatch.setitem(sys.modules, "lz4", None)
    chance = CODECS["lz4"](KERNEL)[:64]
    data = bytes(4096) + chance + bytes(64) + CODECS["gzip"](KERNEL)
    found = scan_for_kernel(data, "firmware")
    assert found is not None
    assert bytes(found.data) == KERNEL
    with pytest.raises(MissingLibraryError):
        scan_for_kernel(bytes(4096) + CODECS["lz4"](KERNEL), "firmware")


def test_decode_reads_a_boot_image(tmp_path: Path) -> None:
    """The command takes a packed kernel as it is; --verbose says how the tables were found."""
    (tmp_path / "vmlinuz").write_bytes(CONTAINERS["uImage"](CODECS["gzip"](BARE)))
    done = elfsyms("decode", "vmlinuz", "--verbose", cwd=tmp_path)
    assert done.returncode == 0
    assert b" T _text\n" in done.stdout
    assert b"the kernel is packed: uImage > gzip" in done.stderr
    assert b"addresses ascend" in done.stderr


def test_a_damaged_boot_image_is_one_sentence(tmp_path: Path) -> None:
    """A cut image leaves exit code 4 and a sentence."""
    (tmp_path / "vmlinuz").write_bytes(CODECS["gzip"](BARE)[:1000])
    assert "gzip stream" in sentence(elfsyms("decode", "vmlinuz", cwd=tmp_path), 4)


def test_a_kernel_that_no_header_tells_of_is_found() -> None:
    """Firmware that holds a packed kernel somewhere is scanned; a stream counts only if a kernel comes out."""
    firmware = bytes(range(256)) * 40 + gzip.compress(b"no kernel" * 5000) + CODECS["xz"](BARE) + bytes(999)
    with saved(firmware) as path, open_kernel_file(path) as file:
        found = recover(file)
    assert found.file.layers[-1].startswith("xz at byte")
    assert b"_text" in set(found.decoded.names())


def test_what_looks_like_streams_hides_no_kernel() -> None:
    """Thousands of places like the beginning of a stream, as code has them, do not end a scan."""
    code = (b"\x5d\0\0\0" + b"BZh" + b"\x1f\x8b\x08\xff") * 3000
    with saved(b"code" + code + gzip.compress(BARE)) as path, open_kernel_file(path) as file:
        assert b"_text" in set(recover(file).decoded.names())


def test_a_scan_asks_for_no_library(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no tables are, four bytes like zstd's are no proof that zstd's package would help."""
    monkeypatch.setitem(sys.modules, "zstandard", None)
    code = b"code" + CODECS["zstd"](KERNEL)[:4] + bytes(99)
    with saved(code) as path, open_kernel_file(path) as file, pytest.raises(NotThereError):
        recover(file)
