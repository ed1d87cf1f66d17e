# SPDX-License-Identifier: GPL-2.0-or-later
"""Memory as an ELF core: decoded where VMCOREINFO says that the tables are, else searched."""

from __future__ import annotations

import struct

from imagemaker import boundary_tables
from tablemaker import FROM_TEXT, TEXT, linked_bytes, saved

from elfsyms.decode.recover import Recovered, recover
from elfsyms.image.kernel_file import open_kernel_file
from elfsyms.pipeline.layout import lay_out

TABLES = boundary_tables("6.12", (64, "<", 62))
PLACE = TEXT[64] + FROM_TEXT


def _note(text: str) -> bytes:
    other = struct.pack("<3I", 5, 3, 1) + b"CORE\0\0\0\0" + b"abc\0"
    return other + struct.pack("<3I", 11, len(text), 0) + b"VMCOREINFO\0\0" + text.encode()


def _core(note: bytes) -> bytes:
    """Return a core of one note and one run of memory, the tables in it."""
    memory = linked_bytes(lay_out(TABLES), TEXT[64], PLACE) + bytes(4096)
    start = 64 + 2 * 56
    header = struct.pack(
        "<16sHHIQQQIHHHHHH", b"\x7fELF\2\1\1" + bytes(9), 4, 62, 1, 0, 64, 0, 0, 64, 56, 2, 0, 0, 0
    )
    segments = struct.pack("<IIQQQQQQ", 4, 0, start, 0, 0, len(note), len(note), 1)
    segments += struct.pack("<IIQQQQQQ", 1, 7, start + len(note), PLACE, 0, len(memory), len(memory), 1)
    return header + segments + note + memory


def _recover(data: bytes) -> Recovered:
    with saved(data) as path, open_kernel_file(path) as file:
        return recover(file)


def _assert_right(found: Recovered) -> None:
    assert found.decoded.address.tolist() == TABLES.records.address.tolist()
    assert list(found.decoded.names()) == list(TABLES.records.names())


def test_vmcoreinfo_leads_to_the_tables() -> None:
    """From 6.0 on the notes of a core say where names and counts lie; nothing is searched."""
    labels = {label.name.decode(): PLACE + label.offset for label in lay_out(TABLES).labels}
    wanted = ("names", "num_syms", "token_table", "token_index", "offsets", "relative_base")
    text = "OSRELEASE=6.12.0-made\nPAGESIZE=4096\n"
    text += "".join(f"SYMBOL(kallsyms_{name})={labels[f'kallsyms_{name}']:x}\n" for name in wanted)
    found = _recover(_core(_note(text)))
    _assert_right(found)
    assert any("VMCOREINFO" in line for line in found.evidence)


def test_a_core_whose_notes_do_not_tell_is_searched() -> None:
    """Before 6.0, and without the note, the tables are found as in any image."""
    for note in (_note("OSRELEASE=5.10.0\nSYMBOL(_stext)=ffffffff81000000\n"), b""):
        _assert_right(_recover(_core(note)))


def test_notes_that_lead_astray_are_not_believed() -> None:
    """Addresses that are not the tables' lead to the search, and to the right symbols."""
    text = f"OSRELEASE=6.12.0\nSYMBOL(kallsyms_names)={PLACE:x}\nSYMBOL(kallsyms_num_syms)={PLACE + 64:x}\n"
    _assert_right(_recover(_core(_note(text))))
