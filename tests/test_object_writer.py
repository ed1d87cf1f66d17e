# SPDX-License-Identifier: GPL-2.0-or-later
"""The object that is written from a layout, read back by pyelftools; no assembler and no linker needed.

What linkers make of it is the matter of ``test_object_links.py``.
"""

from __future__ import annotations

import multiprocessing
import struct
import subprocess
import sys
from dataclasses import replace
from io import BytesIO
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pytest
from elftools.elf.elffile import ELFFile

from elfsyms.errors import EncodeError, InputError
from elfsyms.image.elf import Abi
from elfsyms.image.machines import MACHINES, machine_of
from elfsyms.pipeline.layout import Label, Layout, RelocationKind, Relocations
from elfsyms.writers import object as object_writer
from elfsyms.writers.object import preload, write_object
from elfsyms.writers.readback import check_object

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

WORD, PC_RELATIVE = RelocationKind.WORD, RelocationKind.PC_RELATIVE
X86_64 = Abi(bits=64, byte_order="<", machine=62, flags=0)
I386 = Abi(bits=32, byte_order="<", machine=3, flags=0)
S390X = Abi(bits=64, byte_order=">", machine=22, flags=0)
ARM_BE8 = Abi(bits=32, byte_order=">", machine=40, flags=0x05800000)
XTENSA = Abi(bits=32, byte_order="<", machine=94, flags=0x300)
SH = Abi(bits=32, byte_order="<", machine=42, flags=1)

BLOB = bytes(range(1, 17)) + bytes(16)
LABELS = (Label(b"kallsyms_names", 0, size=16), Label(b"kallsyms_offsets", 16))


def relocations(kind: RelocationKind, places: dict[int, int]) -> Relocations:
    """Return relocations from a dictionary of offset and addend."""
    return Relocations(kind, np.array([*places], np.uint64), np.array([*places.values()], np.int64))


def layout(abi: Abi, *groups: Relocations) -> Layout:
    """Return a small layout: 16 bytes of names, 16 for fields to relocate."""
    return Layout(abi, ".rodata", BLOB, 8, LABELS, groups)


def read(image: bytes) -> Any:
    """Return pyelftools' view of an object."""
    return ELFFile(BytesIO(image))


def every_abi() -> list[Abi]:
    """Return each machine of the table, in each of its byte orders."""
    orders: tuple[Literal["<"], Literal[">"]] = ("<", ">")
    return [
        Abi(bits=64 if bits == 64 else 32, byte_order=order, machine=number, flags=0)
        for (number, bits), machine in MACHINES.items()
        for order in orders
        if order in machine.byte_orders
    ]


@pytest.fixture(params=every_abi(), ids=lambda abi: f"{machine_of(abi).name}{abi.byte_order}")
def abi(request: pytest.FixtureRequest) -> Abi:
    """Return every ABI in turn."""
    found: Abi = request.param
    return found


def test_every_machine_gets_its_word_relocation(abi: Abi) -> None:
    """A pointer-wide ``_text + A`` is the machine's word relocation, the addend in entry or bytes."""
    elf = read(write_object(layout(abi, relocations(WORD, {16: -5}))))
    machine = machine_of(abi)
    section = elf.get_section_by_name(".rela.rodata" if machine.rela else ".rel.rodata")
    (entry,) = section.iter_relocations()
    assert (entry["r_offset"], entry["r_info_type"]) == (16, machine.word)
    assert elf.get_section_by_name(".symtab").get_symbol(entry["r_info_sym"]).name == "_text"
    field = elf.get_section_by_name(".rodata").data()[16 : 16 + abi.word]
    order: Literal["little", "big"] = "little" if abi.byte_order == "<" else "big"
    in_place = int.from_bytes(field, order, signed=True)
    in_entry = entry["r_addend"] if machine.rela else 0
    assert (in_place, in_entry) == ((-5, 0) if machine.in_place else (0, -5))


def test_header_repeats_the_abi(abi: Abi) -> None:
    """Class, byte order, OSABI, machine and flags are those of the vmlinux."""
    image = write_object(layout(replace(abi, os_abi=3, abi_version=1, flags=0x1003)))
    ident = bytes((*b"\x7fELF", abi.bits // 32, 1 if abi.byte_order == "<" else 2, 1, 3, 1)) + bytes(7)
    assert image[:16] == ident
    header = read(image).header
    assert (header["e_type"], header["e_flags"]) == ("ET_REL", 0x1003)


@pytest.mark.parametrize("abi", [X86_64, I386, S390X, ARM_BE8])
def test_labels_come_first_and_the_anchor_last(abi: Abi) -> None:
    """Labels are global NOTYPE symbols with value and size; ``_text`` is undefined."""
    symtab = read(write_object(layout(abi, relocations(WORD, {16: 0})))).get_section_by_name(".symtab")
    fields = ("st_value", "st_size", "st_shndx", "st_info")
    symbols = [(symbol.name, *(symbol[field] for field in fields)) for symbol in symtab.iter_symbols()]
    info = {"bind": "STB_GLOBAL", "type": "STT_NOTYPE"}
    assert symbols[symtab["sh_info"] :] == [
        ("kallsyms_names", 0, 16, 1, info),
        ("kallsyms_offsets", 16, 0, 1, info),
        ("_text", 0, 0, "SHN_UNDEF", info),
    ]


def test_mapping_symbol_is_local_and_before_the_labels(abi: Abi) -> None:
    """ARM and AArch64 get ``$d`` at the start of the tables, a local symbol; no other machine gets one."""
    symtab = read(write_object(layout(abi))).get_section_by_name(".symtab")
    local = [symbol for symbol in symtab.iter_symbols() if symbol["st_info"]["bind"] == "STB_LOCAL"]
    assert symtab["sh_info"] == len(local)
    fields = [(symbol.name, symbol["st_value"], symbol["st_shndx"]) for symbol in local]
    expected = [("$d", 0, 1)] if machine_of(abi).name in {"arm", "arm64"} else []
    assert fields == [("", 0, "SHN_UNDEF"), *expected]


def test_tables_without_relocations_need_no_anchor() -> None:
    """No relocation: no relocation section, and no undefined symbol that a link would have to satisfy."""
    for groups in ((), (relocations(PC_RELATIVE, {}),)):
        elf = read(write_object(layout(X86_64, *groups)))
        assert [s.name for s in elf.iter_sections()] == [
            "",
            ".rodata",
            ".symtab",
            ".strtab",
            ".shstrtab",
            ".note.GNU-stack",
        ]
        assert elf.get_section_by_name(".symtab").num_symbols() == 1 + len(LABELS)
        assert elf.get_section_by_name(".rodata").data() == BLOB


def test_an_empty_section_is_a_section() -> None:
    """A layout of no bytes gives an object all the same, without a symbol that would say that data begin."""
    empty = replace(layout(ARM_BE8), blob=b"", labels=(Label(b"kallsyms_names", 0),))
    elf = read(write_object(empty))
    section = elf.get_section_by_name(".rodata")
    assert (section["sh_size"], section["sh_flags"]) == (0, 2)
    assert elf.get_section_by_name(".symtab").get_symbol_by_name("$d") is None


def test_old_kernels_tables_are_writable_data() -> None:
    """Before 2.6.20 tables lay in ``.data``, and its flags say so."""
    elf = read(write_object(replace(layout(X86_64, relocations(WORD, {16: 1})), section=".data", align=256)))
    section = elf.get_section_by_name(".data")
    assert (section["sh_flags"], section["sh_addralign"], section["sh_offset"] % 256) == (3, 256, 0)
    assert elf.get_section_by_name(".rela.data")["sh_info"] == 1


def test_relocations_of_both_kinds_are_in_the_order_of_their_places() -> None:
    """Groups are merged by place, as an assembler would meet them."""
    groups = relocations(WORD, {24: 1}), relocations(PC_RELATIVE, {16: 2, 20: 3})
    section = read(write_object(layout(X86_64, *groups))).get_section_by_name(".rela.rodata")
    found = [(r["r_offset"], r["r_info_type"], r["r_addend"]) for r in section.iter_relocations()]
    assert found == [(16, 2, 2), (20, 2, 3), (24, 1, 1)]


@pytest.mark.parametrize("addend", [-5, 0xFFFFFFFB])
def test_pc_relative_addends_are_signed_and_32_bits_wide(addend: int) -> None:
    """An addend is taken modulo its field, so that no linker finds it out of range."""
    image = write_object(layout(X86_64, relocations(PC_RELATIVE, {16: addend})))
    (entry,) = read(image).get_section_by_name(".rela.rodata").iter_relocations()
    assert entry["r_addend"] == -5


@pytest.mark.parametrize("abi", [I386, SH, ARM_BE8])
def test_addends_in_place_may_lie_unaligned(abi: Abi) -> None:
    """Where addends lie in the section's bytes, nothing but their own fields changes."""
    image = write_object(layout(abi, relocations(PC_RELATIVE, {17: -2, 25: 0x01020304})))
    data = read(image).get_section_by_name(".rodata").data()
    assert data == BLOB[:16] + struct.pack(f"{abi.byte_order}xi4xi3x", -2, 0x01020304)


def test_the_layouts_own_bytes_stay_as_they_are() -> None:
    """Filling addends in works on a copy."""
    blob = bytearray(BLOB)
    write_object(replace(layout(I386, relocations(WORD, {16: 7})), blob=blob))
    assert blob == BLOB


def test_linked_flags_are_masked_off() -> None:
    """A linked BE8 image says EF_ARM_BE8, an object that goes into one must not."""
    assert read(write_object(layout(ARM_BE8))).header["e_flags"] == 0x05000000


def test_equal_layouts_give_equal_bytes(abi: Abi) -> None:
    """Nothing of the process, the time or the order of things gets into an object."""
    same = [layout(abi, relocations(WORD, {16: 9})) for _ in range(2)]
    assert write_object(same[0]) == write_object(same[1])


def test_as_many_relocations_as_symbols() -> None:
    """200,000 PC-relative entries are packed and come out one by one."""
    count = 200_000
    places = np.arange(count, dtype=np.uint64) * 4
    group = Relocations(PC_RELATIVE, places, places.astype(np.int64) - 7)
    image = write_object(Layout(S390X, ".rodata", bytes(4 * count), 4, (), (group,)))
    data = read(image).get_section_by_name(".rela.rodata").data()
    entries = np.frombuffer(data, ">u8").reshape(-1, 3)
    assert (entries[:, 0] == places).all()
    assert (entries[:, 1] == (1 << 32 | 5)).all()
    assert (entries[:, 2].astype(np.int64) == group.addends).all()


def test_unknown_machine_is_refused_by_number_and_known_ones_are_listed() -> None:
    """A machine without a row is an unusable input, and the sentence helps on."""
    with pytest.raises(InputError, match=r"e_machine 4660 \(ELF64, little-endian\).*arm64.*x86-64") as caught:
        write_object(layout(replace(X86_64, machine=0x1234)))
    assert caught.value.exit_code == 4


def test_a_class_that_the_machine_lacks_is_refused() -> None:
    """The class is half of the key: no kernel is x32."""
    with pytest.raises(InputError, match=r"e_machine 62 \(ELF32, little-endian\)"):
        write_object(layout(replace(X86_64, bits=32)))


def test_a_byte_order_that_the_machine_lacks_is_refused() -> None:
    """A big-endian x86-64 does not exist: such a header is damaged."""
    with pytest.raises(InputError, match=r"e_machine 62 \(ELF64, big-endian\)"):
        write_object(layout(replace(X86_64, byte_order=">")))


def test_machine_without_pc_relative_relocation_is_refused() -> None:
    """Xtensa's assembler cannot say ``_text - .`` either: the option that avoids it is named."""
    with pytest.raises(EncodeError, match=r"xtensa.*--no-pc-relative"):
        write_object(layout(XTENSA, relocations(PC_RELATIVE, {16: 0})))


def test_relocation_outside_the_section_is_refused() -> None:
    """A field that leaves the tables is an error here, not in the linker."""
    with pytest.raises(EncodeError, match=r"byte 28 of \.rodata"):
        write_object(layout(X86_64, relocations(WORD, {28: 0})))


DAMAGES: dict[str, Callable[[bytearray], None]] = {
    "e_flags": lambda image: image.__setitem__(48, 1),
    ".rodata": lambda image: image.__setitem__(image.index(BLOB), 0xEE),
    "symbols": lambda image: image.__setitem__(image.index(b"kallsyms_names"), ord("K")),
    "cannot be read back": lambda image: image.__delitem__(slice(60, None)),
}


@pytest.mark.parametrize("what", DAMAGES)
def test_a_wrong_object_does_not_leave_the_program(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever LIEF gets wrong is found when the object is read back."""
    plans: list[Any] = []
    monkeypatch.setattr(object_writer, "check_object", lambda _, plan: plans.append(plan))
    image = bytearray(write_object(layout(X86_64, relocations(WORD, {16: 1}))))
    check_object(bytes(image), plans[0])
    DAMAGES[what](image)
    with pytest.raises(EncodeError, match=what):
        check_object(bytes(image), plans[0])


def test_a_forked_process_can_write_with_its_parents_lief() -> None:
    """LIEF imported before a fork works after it."""
    preload()
    tables = layout(X86_64, relocations(WORD, {16: 1}))
    with multiprocessing.get_context("fork").Pool(1) as pool:
        assert pool.apply(write_object, (tables,)) == write_object(tables)


def test_lief_is_imported_only_to_write() -> None:
    """Half a second of import is no price for a command that writes no object."""
    code = "import sys, elfsyms.writers.object; sys.exit('lief' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_lief_keeps_quiet(capfd: pytest.CaptureFixture[str]) -> None:
    """Nothing of LIEF's logging reaches the terminal."""
    write_object(layout(X86_64, relocations(WORD, {16: 1})))
    assert capfd.readouterr() == ("", "")


def test_a_process_of_many_jobs_collects_no_dead_children(
    sample: Callable[[str], Path], tmp_path: Path
) -> None:
    """Of the children that compose objects, the system remembers the last one alone."""
    code = (
        "import elfsyms, os, sys, time\n"
        "for _ in range(4): elfsyms.build(sys.argv[1], sys.argv[2])\n"
        "time.sleep(0.5)\n"  # for the last one to die
        "dead = 0\n"
        "try:\n"
        "    while os.waitpid(-1, os.WNOHANG)[0]: dead += 1\n"
        "except ChildProcessError: pass\n"
        "print(dead)\n"
    )
    words = [sys.executable, "-c", code, str(sample("amd64-6.12")), str(tmp_path / "kallsyms.o")]
    assert int(subprocess.run(words, capture_output=True, check=True).stdout) <= 1
