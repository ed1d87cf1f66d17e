# SPDX-License-Identifier: GPL-2.0-or-later
"""Compressed sections: unpacked to what they were, and refused where they claim or hold what makes no sense."""

from __future__ import annotations

import struct
import zlib

import pytest

from elfsyms.errors import InputError
from elfsyms.image.elf import Abi
from elfsyms.image.packed_sections import unpack_section

CONTENT = bytes(range(256)) * 40
ABIS = [
    Abi(machine=62, bits=64, byte_order="<", flags=0),
    Abi(machine=22, bits=64, byte_order=">", flags=0),
    Abi(machine=40, bits=32, byte_order="<", flags=0),
    Abi(machine=8, bits=32, byte_order=">", flags=0),
]
every_abi = pytest.mark.parametrize("abi", ABIS, ids=lambda abi: f"{abi.bits}{abi.byte_order}")


def section(abi: Abi, kind: int, size: int, stream: bytes) -> memoryview:
    """Return a section as the gABI has it."""
    fields = (kind, 0, size, 1) if abi.bits == 64 else (kind, size, 1)
    return memoryview(struct.pack(abi.byte_order + ("IIQQ" if abi.bits == 64 else "III"), *fields) + stream)


@every_abi
def test_sections_are_unpacked(abi: Abi) -> None:
    """What zlib and zstd packed comes back."""
    packed = section(abi, 1, len(CONTENT), zlib.compress(CONTENT))
    assert unpack_section(packed, abi, "x") == CONTENT
    zstandard = pytest.importorskip("zstandard")
    packed = section(abi, 2, len(CONTENT), zstandard.ZstdCompressor().compress(CONTENT))
    assert unpack_section(packed, abi, "x") == CONTENT


MANY = 4 << 20  # bytes of zeros, which deflate to a thousandth
BAD = {
    "claims a size that it cannot have": (1, 0xFFFFFFF0, zlib.compress(CONTENT)),
    "expands a thousand times": (1, MANY, zlib.compress(bytes(MANY))),
    "holds less than it claims": (1, len(CONTENT) + 1, zlib.compress(CONTENT)),
    "is cut": (1, len(CONTENT), zlib.compress(CONTENT)[:30]),
    "is no stream": (1, 10, b"no stream at all"),
    "is no zstd": (2, len(CONTENT), zlib.compress(CONTENT)),
    "is of no kind": (7, len(CONTENT), zlib.compress(CONTENT)),
}


@every_abi
@pytest.mark.parametrize("what", BAD)
def test_bad_sections_are_refused(abi: Abi, what: str) -> None:
    """A section that makes no sense is an unusable input, whose sentence names it."""
    with pytest.raises(InputError, match=r"the section cannot be unpacked \("):
        unpack_section(section(abi, *BAD[what]), abi, "the section")


@every_abi
def test_more_than_claimed_is_not_unpacked(abi: Abi) -> None:
    """A stream that goes on beyond its size takes no more memory than that, and a header that is cut is refused."""
    assert unpack_section(section(abi, 1, 5, zlib.compress(CONTENT)), abi, "x") == CONTENT[:5]
    assert unpack_section(section(abi, 1, 0, zlib.compress(CONTENT)), abi, "x") == b""
    with pytest.raises(InputError, match="shorter than its header"):
        unpack_section(section(abi, 1, 5, b"")[:-1], abi, "x")
