# SPDX-License-Identifier: GPL-2.0-or-later
"""Values of DWARF: attributes and tags by name, how many bytes a form has, and numbers of seven bits a byte.

Follows DWARF 5, chapter 7 (versions 2 to 5), and GNU's additions. Leaves out what no question here asks.
"""

from __future__ import annotations

from elfsyms.errors import InputError

__all__ = [
    "ADDR",
    "ADDRESS_FORMS",
    "ADDRX",
    "AT",
    "BLOCKS",
    "ELSEWHERE",
    "FLAG_PRESENT",
    "IMPLICIT",
    "INDIRECT",
    "LEBS",
    "LENGTHS",
    "NUMBERS",
    "PREFIXED",
    "REF4",
    "REFERENCES",
    "REF_ADDR",
    "SDATA",
    "STRING",
    "STRX",
    "TAG",
    "TEXTS",
    "UDATA",
    "WIDE_LENGTH",
    "DamageError",
    "form_step",
    "signed",
    "unsigned",
]


class DamageError(InputError):
    """Debug information that cannot be followed; the sentence says where."""


class AT:
    """Attributes."""

    SIBLING, NAME, STMT_LIST, LOW_PC, HIGH_PC, COMP_DIR, PRODUCER = 0x01, 0x03, 0x10, 0x11, 0x12, 0x1B, 0x25
    INLINE, ABSTRACT_ORIGIN, DECL_FILE, DECL_LINE, DECLARATION = 0x20, 0x31, 0x3A, 0x3B, 0x3C
    SPECIFICATION, RANGES, CALL_COLUMN, CALL_FILE, CALL_LINE = 0x47, 0x55, 0x57, 0x58, 0x59
    STR_OFFSETS_BASE, ADDR_BASE, RNGLISTS_BASE, LINKAGE_NAME = 0x72, 0x73, 0x74, 0x6E
    DWO_NAME, GNU_DWO_NAME, GNU_DWO_ID, GNU_RANGES_BASE, GNU_ADDR_BASE = 0x76, 0x2130, 0x2131, 0x2132, 0x2133


class TAG:
    """Kinds of entries."""

    LEXICAL_BLOCK, COMPILE_UNIT, INLINED, SUBPROGRAM, TRY_BLOCK = 0x0B, 0x11, 0x1D, 0x2E, 0x32
    NAMESPACE, PARTIAL_UNIT = 0x39, 0x3C


ADDR, STRP, STRING, REF_ADDR, INDIRECT, IMPLICIT, LINE_STRP = 0x01, 0x0E, 0x08, 0x10, 0x16, 0x21, 0x1F
BLOCK1, BLOCK2, BLOCK4, BLOCK, EXPRLOC, SDATA, FLAG_PRESENT = 0x0A, 0x03, 0x04, 0x09, 0x18, 0x0D, 0x19
REF4, UDATA = 0x13, 0x0F
WIDE_LENGTH = 0xFFFFFFFF  # in place of a length, which follows with 64 bits, as all offsets then have
LENGTHS = (0x0B, 0x05, 0x06, 0x07)  # DW_FORM_data1 to data8
FIXED = {
    0x0B: 1, 0x05: 2, 0x06: 4, 0x07: 8, 0x1E: 16, 0x0C: 1, FLAG_PRESENT: 0, IMPLICIT: 0, 0x11: 1, 0x12: 2,
    0x13: 4, 0x14: 8, 0x20: 8, 0x25: 1, 0x26: 2, 0x27: 3, 0x28: 4, 0x29: 1, 0x2A: 2, 0x2B: 3, 0x2C: 4,
    0x1C: 4, 0x24: 8,
}  # fmt: skip
OFFSETS = (STRP, LINE_STRP, 0x17, REF_ADDR, 0x1D, 0x1F20, 0x1F21)  # as wide as the unit's offsets
GNU_ADDR_INDEX, GNU_STR_INDEX = 0x1F01, 0x1F02  # of split units before DWARF 5
NUMBERS = (UDATA, 0x15, 0x1A, 0x1B, 0x22, 0x23, GNU_ADDR_INDEX, GNU_STR_INDEX)  # ULEB128
BLOCKS = {BLOCK1: 1, BLOCK2: 2, BLOCK4: 4, BLOCK: 0, EXPRLOC: 0}  # bytes of the length, 0: ULEB128
LEBS, PREFIXED = (*NUMBERS, SDATA), (BLOCK, EXPRLOC)  # of LEB128; behind a length in LEB128
REFERENCES = (0x11, 0x12, 0x13, 0x14, 0x15)  # within the unit
TEXTS = {STRP: ".debug_str", LINE_STRP: ".debug_line_str"}
STRX = (0x1A, 0x25, 0x26, 0x27, 0x28, GNU_STR_INDEX)
ADDRX = (0x1B, 0x29, 0x2A, 0x2B, 0x2C, GNU_ADDR_INDEX)
ADDRESS_FORMS = (ADDR, *ADDRX)
# Into other files, which are not read, and type units: what stands there leads nowhere.
ELSEWHERE = (0x1C, 0x1D, 0x1F20, 0x1F21, 0x20, 0x24)
# How to pass a value over: a number of bytes, or one of these.
LEB, TEXT, CODED = -1, -2, -3
_MOST_BITS = 7 * 32  # of a LEB128 number, padding included


def form_step(form: int, version: int, address: int, wide: int) -> int:  # noqa: PLR0911 (one a kind of form)
    """Return how many bytes a form has, or how to tell."""
    if form in FIXED:
        return FIXED[form]
    if form == ADDR or (form == REF_ADDR and version == 2):
        return address
    if form in OFFSETS:
        return wide
    if form in NUMBERS or form == SDATA:
        return LEB
    if form == STRING:
        return TEXT
    if form in BLOCKS or form == INDIRECT:
        return CODED
    if not form:
        return 0
    raise DamageError(f"the debug information has values of a form {form:#x} that is not known")


def unsigned(data: memoryview | bytes, cursor: int) -> tuple[int, int]:
    """Decode a ULEB128 number; return it and the offset behind it."""
    value = data[cursor]
    cursor += 1
    if value < 0x80:
        return value, cursor
    value &= 0x7F
    shift = 7
    while True:
        byte = data[cursor]
        cursor += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, cursor
        shift += 7
        if shift >= _MOST_BITS:
            raise DamageError("a number of the debug information has no end")


def signed(data: memoryview | bytes, cursor: int) -> tuple[int, int]:
    """Decode an SLEB128 number; return it and the offset behind it."""
    start = cursor
    value, cursor = unsigned(data, cursor)
    bits = 7 * (cursor - start)
    return value - (1 << bits) if value >> (bits - 1) else value, cursor
