# SPDX-License-Identifier: GPL-2.0-or-later
"""Sizes that a file declares are not believed: every command ends within 2 s and 300 MB, with a documented code."""

from __future__ import annotations

import struct
import sys
import zlib
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

HERE = Path(__file__).parent
sys.path.append(str(HERE))

from run import check  # noqa: E402 (found by the line above)
from seeds import kernels  # noqa: E402 (as above)
from targets import TARGETS, TREE  # noqa: E402 (as above)

sys.path.append(str(HERE.parent))

from elfmaker import Section, Symbol, vmlinux  # noqa: E402 (as above)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.slow  # ten commands for each file, under limits

TEXT = 0xFFFFFFFF81000000
COMMANDS = ("main", "explain", "ledger", "list", "decode", "verify", "stats", "report", "fill", "symbolize")
FIELDS = {"offset": 24, "size": 32, "link": 40, "entry size": 56}
SYMTAB, STRTAB = 2, 3


def headers(data: bytes) -> Iterator[tuple[int, int]]:
    """Yield where each section header of a 64-bit little-endian file is, and its type."""
    start, count = struct.unpack_from("<Q", data, 40)[0], struct.unpack_from("<H", data, 60)[0]
    for place in range(start, start + 64 * count, 64):
        yield place, struct.unpack_from("<I", data, place + 4)[0]


def declaring(kind: int, field: str, value: int) -> bytes:
    """Return a kernel whose sections of a type declare something."""
    data = bytearray(kernels()[0])
    for place, found in headers(bytes(data)):
        if found == kind:
            form = "<I" if field == "link" else "<Q"
            struct.pack_into(form, data, place + FIELDS[field], value)
    return bytes(data)


def endless_configuration() -> bytes:
    """Return a kernel with a configuration of 1 MB that unpacks to a gigabyte."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    packed = b"".join(packer.compress(bytes(1 << 20)) for _ in range(1 << 10)) + packer.flush()
    content = b"IKCFG_ST" + packed + b"IKCFG_ED"
    symbols = [Symbol("_text", TEXT), Symbol("kernel_config_data", TEXT + 0x100008, ".rodata", type="object")]
    symbols.append(Symbol("kernel_config_data_end", TEXT + 0x100008 + len(packed), ".rodata", type="object"))
    return vmlinux(symbols, release="6.12.5", sections=[Section(".rodata", TEXT + 0x100000, content)])


def shared_section_name() -> bytes:
    """Return a kernel of 10,000 sections that share one name of 300,000 bytes."""
    data = bytearray(vmlinux([Symbol("_text", TEXT)], release="6.12.5"))
    start, count = struct.unpack_from("<Q", data, 40)[0], struct.unpack_from("<H", data, 60)[0]
    rows = bytearray(data[start : start + 64 * count])
    names = 64 * (count - 1)
    offset = len(data)
    data += b"\0" + b"n" * 300_000 + b"\0"
    struct.pack_into("<QQ", rows, names + 24, offset, 300_002)
    struct.pack_into("<I", rows, names, 1)
    rows = rows[:names] + struct.pack("<IIQQQQIIQQ", 1, 1, 2, 0, 0, 0, 0, 0, 1, 0) * 10_000 + rows[names:]
    struct.pack_into("<Q", data, 40, len(data))
    struct.pack_into("<HH", data, 60, len(rows) // 64, len(rows) // 64 - 1)
    return bytes(data + rows)


# Made when they are asked for: a gigabyte is packed for one of them.
FILES: dict[str, Callable[[], bytes]] = {
    **{
        f"{field} of {'symbols' if kind == SYMTAB else 'strings'}: {value:#x}": partial(
            declaring, kind, field, value
        )
        for kind in (SYMTAB, STRTAB)
        for field, value in (
            *(("size", value) for value in (0, 1, 25, 24 << 32, 1 << 60, (1 << 64) - 24)),
            *(("offset", value) for value in (0, 1 << 60, (1 << 64) - 1)),
            *(("link", value) for value in (0, 1, 2, 3, 0xFFFFFFFF)),
            *(("entry size", value) for value in (0, 1, 1 << 63)),
        )
    },
    "a configuration without end": endless_configuration,
    "one name for 10,000 sections": shared_section_name,
    "strings without a last zero": lambda: kernels()[0].replace(b"linux_banner\0", b"linux_bannerx"),
}


@pytest.mark.parametrize("what", FILES)
def test_no_command_believes_it(what: str) -> None:
    """Whatever is declared, each command keeps what the fuzzer holds it to."""
    commands = COMMANDS if what in list(FILES)[-3:] else COMMANDS[:3]
    data = FILES[what]()
    for name in commands:
        assert check(TARGETS[name], data) == "", name


LONG = (
    b"a",
    b"0",
    b"a0",
    b"_",
    b" ",
    b"\t",
    b"(",
    b"[<",
    b"/*",
    b"'",
    b"\\(",
    b"a+0x",
    b"x\n",
    b"#if 0\n",
    b"-e ",
    b"Command line: ",
)
TEXTS = ("symbolize-log", "diff-map", "verify-map", "config", "tree")


@pytest.mark.parametrize("name", TEXTS)
def test_time_follows_the_size_of_text(name: str) -> None:
    """What reads text takes no more than its limit for 200,000 bytes of anything, in each of the files it reads."""
    for piece in LONG:
        long = piece * (200_000 // len(piece))
        for data in (long, b"\0\0\0".join([TREE.split(b"\0\0\0")[0], *[long] * 3])):
            assert check(TARGETS[name], data) == "", piece
