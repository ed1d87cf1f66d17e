# SPDX-License-Identifier: GPL-2.0-or-later
"""Memory as an ELF core: decoded where VMCOREINFO says that the tables are, else searched."""

from __future__ import annotations

import os
import struct
from typing import TYPE_CHECKING

import pytest
from everyday import the_rest_slow
from imagemaker import boundary_tables
from tablemaker import FROM_TEXT, TEXT, linked_bytes, saved

from elfsyms.decode.choosing import AmbiguousError
from elfsyms.decode.opening import open_kernel
from elfsyms.decode.recover import recover
from elfsyms.detect.request import Request
from elfsyms.errors import NotThereError
from elfsyms.image.kernel_file import open_kernel_file
from elfsyms.pipeline.layout import lay_out

if TYPE_CHECKING:
    from pathlib import Path

    from elfsyms.decode.recovered import Recovered
    from elfsyms.pipeline.tables import Tables

TABLES = boundary_tables("6.12", (64, "<", 62))
PLACE = TEXT[64] + FROM_TEXT


def _note(text: str) -> bytes:
    other = struct.pack("<3I", 5, 3, 1) + b"CORE\0\0\0\0" + b"abc\0"
    return other + struct.pack("<3I", 11, len(text), 0) + b"VMCOREINFO\0\0" + text.encode()


def _core(note: bytes, before: int = 0, tables: Tables = TABLES) -> bytes:
    """Return a core of class 64: one note and one run of memory, so many bytes and the tables in it."""
    text = TEXT[tables.abi.bits]
    memory = bytes(before) + linked_bytes(lay_out(tables), text, text + FROM_TEXT) + bytes(4096)
    start = 64 + 2 * 56
    header = struct.pack(
        "<16sHHIQQQIHHHHHH",
        *(b"\x7fELF\2\1\1" + bytes(9), 4, tables.abi.machine, 1, 0, 64, 0, 0, 64, 56, 2, 0, 0, 0),
    )
    segments = struct.pack("<IIQQQQQQ", 4, 0, start, 0, 0, len(note), len(note), 1)
    segments += struct.pack(
        "<IIQQQQQQ", 1, 7, start + len(note), text + FROM_TEXT - before, 0, len(memory), len(memory), 1
    )
    return header + segments + note + memory


def _recover(data: bytes) -> Recovered:
    with saved(data) as path, open_kernel_file(path) as file:
        return recover(file)


def _assert_right(found: Recovered, tables: Tables = TABLES) -> None:
    assert found.decoded.address.tolist() == tables.records.address.tolist()
    assert list(found.decoded.names()) == list(tables.records.names())


def _vmcoreinfo(release: str, tables: Tables = TABLES) -> str:
    place = TEXT[tables.abi.bits] + FROM_TEXT
    labels = {label.name.decode(): place + label.offset for label in lay_out(tables).labels}
    wanted = ("names", "num_syms", "token_table", "token_index", "offsets", "relative_base")
    text = f"OSRELEASE={release}\nPAGESIZE=4096\n"
    return text + "".join(f"SYMBOL(kallsyms_{name})={labels[f'kallsyms_{name}']:x}\n" for name in wanted)


def test_vmcoreinfo_leads_to_the_tables() -> None:
    """From 6.0 on the notes of a core say where names and counts lie; nothing is searched."""
    found = _recover(_core(_note(_vmcoreinfo("6.12.0-made"))))
    _assert_right(found)
    assert any("VMCOREINFO" in line for line in found.evidence)


@pytest.mark.parametrize("release", ["5.10", "6.12"])
def test_a_core_of_class_64_may_be_of_a_machine_of_32_bits(release: str) -> None:
    """QEMU and kexec write so for memory beyond 4 GiB: the machine tells how wide pointers are, notes or not."""
    tables = boundary_tables(release, (32, "<", 3))
    for note in (_note(_vmcoreinfo("6.12.0", tables)), b"") if release == "6.12" else (b"",):
        found = _recover(_core(note, tables=tables))
        _assert_right(found, tables)
        assert found.decoded.abi.bits == 32
        assert any("VMCOREINFO" in line for line in found.evidence) == bool(note)


def test_a_core_whose_notes_do_not_tell_is_searched() -> None:
    """Before 6.0, and without the note, the tables are found as in any image."""
    for note in (_note("OSRELEASE=5.10.0\nSYMBOL(_stext)=ffffffff81000000\n"), b""):
        _assert_right(_recover(_core(note)))


def test_notes_without_a_release_lead_to_the_search() -> None:
    """A release that is empty, or no number, is no mistake of who asks."""
    for release in ("", "made"):
        _assert_right(_recover(_core(_note(_vmcoreinfo(release)))))


def test_symbols_outside_all_memory_are_listed() -> None:
    """A core may lack the pages that symbols lie in; the tables tell their addresses."""
    with saved(_core(_note(_vmcoreinfo("6.12.0")))) as path, open_kernel(path, Request()) as kernel:
        assert kernel.symbols.address_of(b"_text") == TEXT[64]


def test_of_a_large_memory_the_pages_with_symbols_are_a_kernel(tmp_path: Path) -> None:
    """What explain and its like read of a core is where symbols lie, however large the runs of memory are."""
    data = bytearray(_core(_note(_vmcoreinfo("6.12.0")), before=FROM_TEXT))
    struct.pack_into("<QQ", data, 64 + 56 + 32, 1 << 32, 1 << 32)  # p_filesz, p_memsz
    path = tmp_path / "core"
    path.write_bytes(data)
    os.truncate(path, len(data) + (1 << 32))
    with open_kernel(path, Request(release="6.12")) as kernel:
        size = sum(section.size for section in kernel.image.sections)
        assert 4096 < size < 1 << 27
        assert kernel.symbols.address_of(b"_text") == TEXT[64]


def test_notes_that_lead_astray_are_not_believed() -> None:
    """Addresses that are not the tables' lead to the search, and to the right symbols."""
    text = f"OSRELEASE=6.12.0\nSYMBOL(kallsyms_names)={PLACE:x}\nSYMBOL(kallsyms_num_syms)={PLACE + 64:x}\n"
    _assert_right(_recover(_core(_note(text))))


def test_a_core_that_ends_early_is_read_as_far_as_it_goes() -> None:
    """A dump that was cut off behind the tables has all symbols, and what there is of the memory."""
    core = _core(_note(_vmcoreinfo("6.12.0")))
    with saved(core[:-4000]) as path, open_kernel(path, Request()) as kernel:
        assert kernel.symbols.address_of(b"_text") == TEXT[64]


def test_a_core_that_ends_in_its_tables_has_none() -> None:
    """Where the tables themselves are cut off, they are not there."""
    core = _core(_note(_vmcoreinfo("6.12.0")))
    with pytest.raises(NotThereError, match="holds no kallsyms tables"):
        _recover(core[:-8000])


def test_program_headers_of_more_than_their_fields_are_read() -> None:
    """The file says how long its program headers are; what is behind their fields is passed over."""
    core = _core(b"")
    header, segments, rest = core[:64], core[64 : 64 + 112], core[64 + 112 :]
    wide = struct.pack("<H", 72).join((header[:54], header[56:]))
    moved = [bytearray(segments[at : at + 56]) for at in (0, 56)]
    for one in moved:
        one[8:16] = struct.pack("<Q", struct.unpack_from("<Q", one, 8)[0] + 32)
    data = wide + b"".join(bytes(one) + b"\xff" * 16 for one in moved) + rest
    _assert_right(_recover(data))


def _twice_mapped(pointers: bytes) -> bytes:
    """Return a core of one run of memory at two addresses, the wrong one first: 7.3's distances behind pointers."""
    tables = boundary_tables("7.3", (64, "<", 62), (("pc_relative", True),))
    memory = pointers.ljust(1 << 16, b"\0") + linked_bytes(lay_out(tables), TEXT[64], PLACE + (1 << 16))
    start = 64 + 2 * 56
    header = struct.pack(
        "<16sHHIQQQIHHHHHH", b"\x7fELF\2\1\1" + bytes(9), 4, 62, 1, 0, 64, 0, 0, 64, 56, 2, 0, 0, 0
    )
    runs = [
        struct.pack("<IIQQQQQQ", 1, 7, start, address, 0, len(memory), len(memory), 1)
        for address in (0xFFFF888001000000, PLACE)
    ]
    return header + b"".join(runs) + memory


def test_distances_are_read_where_the_kernel_runs() -> None:
    """A core may map a kernel twice: its pointers tell at which of its addresses it runs, or none is chosen."""
    tables = boundary_tables("7.3", (64, "<", 62), (("pc_relative", True),))
    addresses = tables.records.address.tolist()
    found = _recover(_twice_mapped(struct.pack(f"<{len(addresses)}Q", *addresses)))
    assert found.decoded.address.tolist() == addresses
    assert any("of 2 places of the kernel in memory" in sentence for sentence in found.evidence)
    with pytest.raises(AmbiguousError, match="its pointers do not tell at which of these it runs"):
        _recover(_twice_mapped(b""))


def test_kcore_is_read_where_its_notes_lead(tmp_path: Path) -> None:
    """A file of that name is not mapped, as the kernel's cannot be: it is read where its notes lead."""
    (tmp_path / "kcore").write_bytes(_core(_note(_vmcoreinfo("6.12.0-made"))))
    with open_kernel_file(tmp_path / "kcore") as file:
        found = recover(file)
    _assert_right(found)
    assert any("VMCOREINFO" in line for line in found.evidence)


def _kcore(path: Path, machine: tuple[int, str, int], runs: list[tuple[int, int, bytes]]) -> None:
    """Write a core of runs of memory: address, bytes of zeros in front, and what is behind them."""
    bits, order, number = machine
    wide = bits == 64
    header, segment = (64, 56) if wide else (52, 32)
    ident = b"\x7fELF" + bytes([bits // 32, 1 if order == "<" else 2, 1])
    form = order + ("16sHHIQQQIHHHHHH" if wide else "16sHHIIIIIHHHHHH")
    data = struct.pack(form, ident, 4, number, 1, 0, header, 0, 0, header, segment, len(runs), 0, 0, 0)
    offset = header + segment * len(runs)
    for address, before, memory in runs:
        size = before + len(memory)
        fields = (
            (1, 7, offset, address, 0, size, size, 1) if wide else (1, offset, address, 0, size, size, 7, 1)
        )
        data += struct.pack(order + ("2I6Q" if wide else "8I"), *fields)
        offset += size
    with path.open("wb") as stream:
        stream.write(data)
        for _, before, memory in runs:
            stream.seek(before, 1)  # a hole, as most of kcore is
            stream.write(memory)


@pytest.mark.parametrize("machine", [(64, "<", 62), (32, ">", 8)], ids=str)
def test_kcore_without_notes_is_searched_in_its_smaller_segments(
    tmp_path: Path, machine: tuple[int, str, int]
) -> None:
    """Before 6.0 nothing in /proc/kcore tells of tables: the text's segment is read, all memory is not."""
    tables = boundary_tables("5.10", machine)
    text = tables.boundaries.text & (1 << machine[0]) - 1
    memory = linked_bytes(lay_out(tables), text, text + FROM_TEXT)
    _kcore(tmp_path / "kcore", machine, [(0x10000, 1 << 30, b"\0"), (text + FROM_TEXT, 0, memory)])
    _assert_kcore(tmp_path / "kcore", tables)


@pytest.mark.parametrize(
    ("machine", "release"),
    the_rest_slow(
        [
            ((bits, "<", number), release)
            for bits, number in ((64, 258), (32, 3))
            for release in ("7.3", "5.10")
        ],
        lambda place, _: place == 0,  # each reads 300 MB
    ),
)
def test_kcore_without_a_segment_of_the_text_is_read_through(
    tmp_path: Path, machine: tuple[int, str, int], release: str
) -> None:
    """Machines whose kernel is part of the map of all memory have its tables there, wherever it runs."""
    options = (("pc_relative", True),) if release == "7.3" else ()
    tables = boundary_tables(release, machine, options)
    bits, order, _ = machine
    addresses = [address & (1 << bits) - 1 for address in tables.records.address.tolist()]
    pointers = struct.pack(f"{order}{len(addresses)}{'Q' if bits == 64 else 'I'}", *addresses)
    text = tables.boundaries.text & (1 << bits) - 1
    ahead = (300 << 20) - FROM_TEXT
    memory = pointers.ljust(FROM_TEXT, b"\0") + linked_bytes(lay_out(tables), text, text + FROM_TEXT)
    _kcore(tmp_path / "kcore", machine, [(0x10000, 1 << 12, b"\1"), (1 << 28, ahead, memory)])
    _assert_kcore(tmp_path / "kcore", tables)


def _assert_kcore(path: Path, tables: Tables) -> None:
    with open_kernel_file(path) as file:
        found = recover(file)
    mask = (1 << tables.abi.bits) - 1
    assert found.decoded.address.tolist() == [address & mask for address in tables.records.address.tolist()]
    assert list(found.decoded.names()) == list(tables.records.names())
