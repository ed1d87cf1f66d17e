# SPDX-License-Identifier: GPL-2.0-or-later
"""Small files whose parts are referred to again and again: the work follows the bytes, not their product."""

from __future__ import annotations

import struct
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

from elfmaker import Section, Symbol, vmlinux  # noqa: E402 (found by the line above)
from run import check  # noqa: E402 (as above)
from targets import TARGETS, Target, check_run  # noqa: E402 (as above)

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.slow  # tens of thousands of entries each, under limits

TEXT = 0xFFFFFFFF81000000
CODE = struct.pack("<QQ", TEXT, 0x1000)  # DW_AT_low_pc and DW_AT_high_pc
COUNT = 20_000
# Tags, attributes and forms of DWARF.
UNIT, FUNCTION, INLINED = 0x11, 0x2E, 0x1D
NAME, LINES, LOW, HIGH, RANGES, FILE, LINE = 3, 0x10, 0x11, 0x12, 0x55, 0x3A, 0x3B
CALL_FILE, CALL_LINE, OFFSETS, DWO, DWO_ID = 0x58, 0x59, 0x72, 0x2130, 0x2131
ADDR, DATA1, DATA8, STRP, SEC, PRESENT, STRX2 = 1, 0x0B, 7, 0x0E, 0x17, 0x19, 0x26
PCS = ((LOW, ADDR), (HIGH, DATA8))


def leb(number: int) -> bytes:
    """Encode a ULEB128 number."""
    low, more = number & 0x7F, number >> 7
    return bytes([low]) if not more else bytes([low | 0x80]) + leb(more)


def declared(code: int, tag: int, *attributes: tuple[int, int], children: bool = False) -> bytes:
    """Write an abbreviation."""
    pairs = b"".join(leb(name) + leb(form) for name, form in attributes)
    return leb(code) + leb(tag) + bytes([children]) + pairs + b"\0\0"


def unit(entries: bytes, table: int = 0, version: int = 4) -> bytes:
    """Write a unit of entries."""
    head = struct.pack("<HBBI", 5, 1, 8, table) if version == 5 else struct.pack("<HIB", 4, table, 8)
    return struct.pack("<I", len(head + entries)) + head + entries


def lines(files: bytes = b"a\0\0\0\0") -> bytes:
    """Write a line program of one row, which has all of the code."""
    code = b"\0\x09\2" + struct.pack("<Q", TEXT) + b"\1\2\xff\x1f\1\0\1\1"
    fixed = struct.pack("<BBBbBB", 1, 1, 1, -5, 14, 13) + bytes([0, 1, 1, 1, 1, 0, 0, 0, 1, 0, 0, 1])
    head = fixed + b"\0" + files + b"\0"
    body = struct.pack("<HI", 4, len(head)) + head + code
    return struct.pack("<I", len(body)) + body


def kernel(info: bytes, abbreviations: bytes, **more: bytes) -> bytes:
    """Return a kernel with debug sections."""
    found = {
        "info": info,
        "abbrev": abbreviations + b"\0",
        "line": lines(),
        "str": b"\0first\0x.dwo\0",
        **more,
    }
    sections = [Section(f".debug_{name}", 0, data, "progbits", "") for name, data in found.items()]
    symbols = [Symbol("_text", TEXT), Symbol("first", TEXT + 16), Symbol("_etext", TEXT + 0x1000)]
    code = Section(".text", TEXT, bytes(0x1000), "progbits", "ax")
    return vmlinux(symbols, release="6.12.5", sections=[code, *sections])


def tables_over_each_other() -> bytes:
    """Have each unit's abbreviations begin one behind those of the unit before."""
    tables = declared(1, UNIT) * COUNT
    return kernel(b"".join(unit(b"\1", len(declared(1, UNIT)) * at) for at in range(COUNT)), tables)


def one_list_of_ranges(tag: int) -> bytes:
    """Have one list of ranges for each unit, or each function."""
    top = declared(1, UNIT, *PCS, children=True) + declared(2, FUNCTION, (RANGES, SEC))
    tables = top if tag == FUNCTION else declared(1, UNIT, (RANGES, SEC))
    row = b"\2" + bytes(4)
    info = unit(b"\1" + CODE + row * COUNT + b"\0") if tag == FUNCTION else unit(b"\1" + bytes(4)) * COUNT
    return kernel(info, tables, ranges=struct.pack("<QQ", 1, 2) * (COUNT // 2) + bytes(16))


def one_long_name() -> bytes:
    """Have one name of 100,000 bytes for each unit."""
    info = unit(b"\1" + struct.pack("<I", 13) + CODE) * COUNT
    return kernel(
        info, declared(1, UNIT, (NAME, STRP), *PCS), str=b"\0first\0x.dwo\0" + b"x" * 100_000 + b"\0"
    )


def functions_of_one_name(form: int = STRP) -> bytes:
    """Define a function again and again in one unit."""
    base = ((OFFSETS, SEC),) if form == STRX2 else ()
    tables = declared(1, UNIT, *base, *PCS, children=True) + declared(2, FUNCTION, (NAME, form))
    one = b"\2" + (struct.pack("<H", 1) if form == STRX2 else struct.pack("<I", 1))
    top = b"\1" + (struct.pack("<I", 8) if form == STRX2 else b"") + CODE
    info = unit(top + one * (COUNT // 2) + b"\0", version=5 if form == STRX2 else 4)
    return kernel(info, tables, str_offsets=bytes(8) + struct.pack("<I", 1) * COUNT)


def kinds_of_functions() -> bytes:
    """Have as many abbreviations of functions as there are entries that may have the name."""
    functions = b"".join(declared(code, FUNCTION, (NAME, STRP)) for code in range(2, COUNT))
    tables = declared(1, UNIT, *PCS, children=True) + functions
    return kernel(unit(b"\1" + CODE + struct.pack("<I", 1) * COUNT), tables)


def many_attributes() -> bytes:
    """Have functions of 20,000 attributes without a byte."""
    wide = declared(2, FUNCTION, (RANGES, SEC), *[(0x20, PRESENT)] * COUNT)
    info = unit(b"\1" + CODE + (b"\2" + bytes(4)) * COUNT + b"\0")
    return kernel(info, declared(1, UNIT, *PCS, children=True) + wide, ranges=bytes(16))


def one_table_of_files() -> bytes:
    """Have one table of 20,000 files for each unit, which defines the function on another line."""
    function = declared(2, FUNCTION, (NAME, STRP), (FILE, DATA1), (LINE, DATA1))
    tables = declared(1, UNIT, (LINES, SEC), *PCS, children=True) + function
    one = b"\2" + struct.pack("<I", 1)
    units = (
        unit(b"\1" + bytes(4) + CODE + one + bytes([at % 99 + 1, at % 251]) + b"\0") for at in range(4000)
    )
    return kernel(b"".join(units), tables, line=lines(b"a\0\0\0\0" * COUNT))


def inlined_without_end() -> bytes:
    """Have functions inlined into each other, all from a file with a long name."""
    tables = declared(1, UNIT, (LINES, SEC), *PCS, children=True) + declared(2, FUNCTION, *PCS, children=True)
    tables += declared(3, INLINED, *PCS, (CALL_FILE, DATA1), (CALL_LINE, DATA1), children=True)
    info = unit(b"\1" + bytes(4) + CODE + b"\2" + CODE + (b"\3" + CODE + b"\1\1") * 15_000)
    return kernel(info, tables, line=lines(b"y" * 50_000 + b"\0\0\0\0"))


def skeletons_of_itself() -> bytes:
    """Have each unit name the file itself for its split one, which is not there among thousands."""
    tables = declared(1, UNIT, (DWO, STRP), (DWO_ID, DATA8), *PCS) + declared(9, UNIT, (DWO_ID, DATA8))
    own = {"info.dwo": b"".join(unit(b"\x09" + struct.pack("<Q", at)) for at in range(5000))}
    name = struct.pack("<I", 13)
    units = (unit(b"\1" + name + struct.pack("<Q", 10_000 + at) + CODE) for at in range(5000))
    strings = b"\0first\0x.dwo\0input\0"
    return kernel(b"".join(units), tables, str=strings, **own, **{"abbrev.dwo": tables + b"\0"})


FILES: dict[str, Callable[[], bytes]] = {
    "tables over each other": tables_over_each_other,
    "one list for all functions": lambda: one_list_of_ranges(FUNCTION),
    "one list for all units": lambda: one_list_of_ranges(UNIT),
    "one long name": one_long_name,
    "functions of one name": functions_of_one_name,
    "functions of one name by index": lambda: functions_of_one_name(STRX2),
    "kinds of functions": kinds_of_functions,
    "many attributes": many_attributes,
    "one table of files": one_table_of_files,
    "inlined without end": inlined_without_end,
    "skeletons of itself": skeletons_of_itself,
}


@pytest.mark.parametrize("what", FILES)
def test_what_is_shared_costs_its_bytes(what: str) -> None:
    """Functions and addresses of such a file are told, or damage is, within the limits of the fuzzer."""
    assert check(TARGETS["dwarf"], FILES[what]()) == ""


def asked_of(data: bytes, words: list[str]) -> Target:
    """Return a target that asks a kernel what comes by standard input; FILE stands for the kernel."""

    def ask(folder: Path, text: bytes) -> None:
        (folder / "vmlinux").write_bytes(data)
        check_run([str(folder / "vmlinux") if word == "FILE" else word for word in words], text)

    return Target(lambda _: b"", ask)


@pytest.mark.parametrize(
    "line", ["f+0x%x/0x10", "[<ffffffff810010%02x>] f+0x%x/0x10", "ffffffff810010%02x T f"]
)
def test_a_log_of_one_name_costs_its_lines(line: str) -> None:
    """Thousands of symbols of one name, and thousands of lines that name it, are no product of both."""
    symbols = [Symbol("f", TEXT + 0x1000 + 16 * at) for at in range(10_000)]
    data = vmlinux([Symbol("_text", TEXT), *symbols], release="6.12.5")
    numbers = line.count("%")
    log = "".join(f"{line}\n" % ((at % 16,) * numbers) for at in range(5_000)).encode()
    assert check(asked_of(data, ["symbolize", "FILE"]), log) == ""


def test_needs_of_one_name_cost_their_lines() -> None:
    """Thousands of needs of thousands of symbols of one name are no product of both."""
    symbols = [Symbol("f", TEXT + 0x1000 + 16 * at) for at in range(4_000)]
    data = vmlinux([Symbol("_text", TEXT), *symbols], release="6.12.5")
    needs = "".join(f"kprobe:f+{at}\n" for at in range(3_000)).encode()
    assert check(asked_of(data, ["check", "FILE", "--needs", "-"]), needs) == ""


def test_a_log_of_modules_costs_its_lines() -> None:
    """Thousands of modules and thousands of addresses are no product of both."""
    modules = b"".join(b"m%d 1 0 - Live 0x%x\n" % (at, 0xD0000000 + at * 4096) for at in range(6000))
    log = modules + b"".join(b"[<%08x>]\n" % (0xD0000000 + at * 1024) for at in range(24_000))
    assert check(TARGETS["symbolize-log"], log) == ""
