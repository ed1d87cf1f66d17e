# SPDX-License-Identifier: GPL-2.0-or-later
"""Options read from a kernel's own tables, relocations that addresses wait for, and halves of files."""

from __future__ import annotations

import resource
import shutil
import struct
import subprocess
import sys
from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from elfmaker import Section, Symbol, elf_file, vmlinux
from hypothesis import given
from hypothesis import strategies as st
from imagemaker import made_image
from tablemaker import MACHINES, TEXT, filler, kernel_of, linked_kernel, saved

from elfsyms.cli.app import run
from elfsyms.compare.verify import verify
from elfsyms.decode.decode import decode_dump, decode_file
from elfsyms.decode.opening import open_kernel
from elfsyms.decode.rebuilt_labels import with_labels
from elfsyms.detect.own_tables import follows_percpu_rule
from elfsyms.detect.request import Request
from elfsyms.errors import InputError
from elfsyms.image.elf import Abi, open_image
from elfsyms.image.symbols import read_symbols
from elfsyms.pipeline.kernel import load
from elfsyms.releases.format_history import find_release
from elfsyms.trace.facts import Facts
from elfsyms.trace.kernel_facts import KernelFacts

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

X86_64, IA64, TILEGX, MIPS = 62, 50, 191, 8


@pytest.mark.parametrize("release", ["2.6.25", "4.14", "6.1", "6.12", "7.3"])
@pytest.mark.parametrize("machine", MACHINES[:5])
@pytest.mark.parametrize("every", [True, False])
def test_all_symbols_is_read_from_the_letters_inside(
    machine: tuple[int, str, int], release: str, every: bool
) -> None:
    """A few data symbols among hundreds of functions tell that data were kept, and their absence that not."""
    text = TEXT[machine[0]]
    functions = filler(text)
    end = functions[-1].value + 16
    data = [Symbol("jiffies", end + 0x100, ".data", type="object"), Symbol("counter", end + 0x110, ".data")]
    bounds = [Symbol("_text", text), Symbol("_stext", text), Symbol("_etext", end)]
    symbols = [*bounds, *functions, *data]
    with kernel_of(symbols, machine, release) as model:
        tables = model.tables if every else None
        if tables is None:
            with load(model.image.path, release=release, all_symbols=False) as narrow:
                tables = narrow.tables
    image = linked_kernel(tables)
    with saved(_with_symbols(image, symbols, machine)) as path, load(path, release=release) as kernel:
        assert kernel.options.all_symbols == every


@pytest.mark.parametrize("release", ["6.10", "6.12", "7.3"])
@pytest.mark.parametrize("every", [True, False])
def test_names_kept_anyway_tell_nothing_of_all_symbols(release: str, every: bool) -> None:
    """From 6.10 on ``__start_`` and ``__stop_`` are in every table, with letters of data too: others tell."""
    machine, text = MACHINES[0], TEXT[64]
    functions = filler(text)
    end = functions[-1].value + 16
    data = [
        Symbol("__start_once", end + 0x100, ".data", type="object"),
        Symbol("counter", end + 0x110, ".data", binding="local"),
        Symbol("__stop_once", end + 0x120, ".data", binding="local"),
        Symbol("jiffies", end + 0x130, ".data", type="object"),
    ]
    bounds = [Symbol("_text", text), Symbol("_stext", text), Symbol("_etext", end)]
    symbols = [*bounds, *functions, *data]
    whole = vmlinux(symbols, release=None)
    with saved(whole) as path, load(path, release=release, all_symbols=every) as model:
        assert b"__start_once" in set(model.tables.records.names())
        image = linked_kernel(model.tables)
    with saved(_with_symbols(image, symbols, machine)) as path:
        with load(path, release=release) as kernel:
            assert kernel.options.all_symbols == every
        with load(path, release=release, all_symbols=True) as kernel:
            assert verify(kernel).has_data == every


def _with_symbols(image: bytes, symbols: list[Symbol], machine: tuple[int, str, int]) -> bytes:
    """Return a linked kernel with other symbols beside the labels of its tables."""
    bits, order, number = machine
    with saved(image) as path, open_image(path) as opened:
        table = read_symbols(opened)
        rodata = opened.section(".rodata")
        assert rodata is not None
        content = opened.section_bytes(rodata)
        names = [table.name(i) for i in range(1, len(table))]
        labels = [
            Symbol(name, int(table.value[table.find(name)[0]]), ".rodata", type="object")
            for name in names
            if name.startswith(b"kallsyms_")
        ]
    sections = [Section(".rodata", rodata.address, content)]
    return vmlinux(
        [*symbols, *labels], release=None, bits=bits, order=order, machine=number, sections=sections
    )


def test_the_begin_of_init_text_is_known_though_no_table_keeps_it(tmp_path: Path) -> None:
    """Without KALLSYMS_ALL ``_sinittext`` is dropped where it is ``_etext``; what lies behind is freed."""
    text, page = TEXT[64], 0x1000
    edges = {"_text": 0, "_stext": 2, "_etext": 6, "_sinittext": 6, "_einittext": 8}
    symbols = [Symbol(name, text + page * pages) for name, pages in edges.items()]
    symbols += [replace(symbol, value=symbol.value + 2 * page + 8) for symbol in filler(text)]
    symbols.append(Symbol("setup", text + 6 * page + 16))
    source, image = tmp_path / "vmlinux", tmp_path / "Image"
    source.write_bytes(vmlinux(symbols, release=None))
    with load(source, release="6.12", all_symbols=False) as kernel:
        wanted = list(kernel.tables.records.names())
        image.write_bytes(made_image(kernel.tables, 7, 1 << 16, banner="6.12.1", with_traps=False).data)
    assert b"_sinittext" not in wanted
    with open_kernel(image, Request()) as kernel:
        assert list(kernel.tables.records.names()) == wanted
        assert Facts(KernelFacts(kernel)).init[wanted.index(b"setup")]


def test_the_begin_of_the_image_is_what_its_addresses_are_written_from() -> None:
    """LoongArch's ``_text`` lies before ``_stext``, no table has it, and 7.3 writes distances from it."""
    symbols = [Symbol("_stext", TEXT[64] + 0x20000), Symbol("_etext", TEXT[64] + 0x40000)]
    with kernel_of([*symbols, *filler(TEXT[64] + 0x20008)], (64, "<", 258), "7.3") as kernel:
        lines = kernel.ordered.records
    decoded = SimpleNamespace(release=find_release("7.3"), form="pc-relative", tables={})
    image = SimpleNamespace(spans=(SimpleNamespace(start=TEXT[64]),), lowest=TEXT[64])
    file = SimpleNamespace(is_core=True)
    recovered: Any = SimpleNamespace(decoded=decoded, memory=image, banner_at=None, file=file)
    known = with_labels(recovered, lines)
    assert known.address[list(known.names()).index(b"_text")] == TEXT[64]


@pytest.mark.parametrize(("machine", "expected"), [(X86_64, True), (IA64, False), (TILEGX, False)])
def test_base_relative_is_kconfigs_default(machine: int, expected: bool, tmp_path: Path) -> None:
    """Without tables inside, 4.6 to 6.10 have offsets, but whole addresses on Itanium and 64-bit Tile."""
    path = tmp_path / "vmlinux"
    path.write_bytes(vmlinux([Symbol("_text", 0x1000)], release="6.1.0", machine=machine))
    with load(path) as kernel:
        assert kernel.options.base_relative == expected


RELATIVE = {183: 1027, 62: 8, 243: 3, 22: 12}  # R_*_RELATIVE, of the psABIs


@pytest.mark.parametrize("machine", [183, 62, 243, 22])
@pytest.mark.parametrize("with_relocations", [True, False])
def test_addresses_that_wait_for_relocations(machine: int, with_relocations: bool, tmp_path: Path) -> None:
    """A boot image whose pointers are zero is read by its own relocations, or said to lack them."""
    order = ">" if machine == 22 else "<"
    text = TEXT[64]
    with kernel_of(
        [Symbol("_text", text), *filler(text)], (64, order, machine), "4.9", base_relative=False
    ) as model:
        tables = model.tables
    with saved(linked_kernel(tables)) as path, open_image(path) as image:
        rodata = image.section(".rodata")
        assert rodata is not None
        content = bytearray(image.section_bytes(rodata))
        count = len(tables.records)
        start = rodata.address
        place = read_symbols(image).address_of(b"kallsyms_num_syms")
        assert place is not None
        pointers = struct.unpack_from(f"{order}{count}Q", content)
        content[: 8 * count] = bytes(8 * count)
    rela = b"".join(
        struct.pack(f"{order}3Q", start + 8 * at, RELATIVE[machine], value)
        for at, value in enumerate(pointers)
    )
    (tmp_path / "Image").write_bytes(
        bytes(content) + bytes(-len(content) % 8) + (rela if with_relocations else b"")
    )
    abi = Abi(64, ">" if machine == 22 else "<", machine, 0)
    decoded = decode_dump(tmp_path / "Image", find_release("4.9"), abi, start, {"num_syms": place})
    if with_relocations:
        assert decoded.faults == ()
        assert decoded.address.tolist() == tables.records.address.tolist()
    else:
        assert [fault.table for fault in decoded.faults][:1] in (["addresses"], ["relative_base"])
        assert "relocation" in decoded.faults[0].sentence


BASES = st.sampled_from([0xC0000000, 0x80000000, 0xFFFFFFFF81000000, 0xFFFF800080000000])


@given(
    base=BASES,
    steps=st.lists(st.integers(0, 0x100000), min_size=2, max_size=50),
    percpu=st.lists(st.integers(0, 0x20000), max_size=20),
    rule=st.booleans(),
)
def test_the_reading_of_offsets_that_ascends_is_right(
    base: int, steps: list[int], percpu: list[int], rule: bool
) -> None:
    """Offsets from a base, or those of ``--absolute-percpu``, are told by the addresses that they give."""
    distances = np.cumsum([0, *steps]).astype(np.int64)
    by_rule = np.concatenate([np.sort(np.array(percpu, np.int64)), -distances - 1])
    offset = by_rule if rule else distances
    unsigned = offset & 0xFFFFFFFF
    told = follows_percpu_rule(unsigned, base, 64 if base >> 32 else 32)
    if len(set(distances.tolist())) > 1:
        assert told == rule


def test_an_offset_of_all_ones_is_no_proof() -> None:
    """On 32 bits a symbol at the very end of memory has the offset 0xffffffff from a base of zero."""
    offset = np.array([0, 0x10, 0x20, 0xFFFFFFFF], np.int64)
    assert follows_percpu_rule(offset, 0, 32) is False


def half(whole: Path, target: Path) -> Path:
    """Return the debug half of a file."""
    if shutil.which("objcopy") is None:
        pytest.skip("no objcopy: install binutils-multiarch")
    subprocess.run(["objcopy", "--only-keep-debug", str(whole), str(target)], check=True)
    return target


@pytest.mark.parametrize("words", [["-o", "{}.S", "--release", "6.12"], ["--stats"]])
def test_the_debug_half_of_a_kernel_is_refused(
    words: list[str], sample: Callable[[str], Path], tmp_path: Path
) -> None:
    """Sections without bytes give wrong letters: the file is said to be what it is, and nothing is written."""
    path = half(sample("amd64-6.12"), tmp_path / "k.dbg")
    with pytest.raises(InputError, match="debug half of a kernel"):
        run([str(path), *(word.format(tmp_path / "out") for word in words)])
    assert not (tmp_path / "out.S").exists()


def test_the_other_half_is_named(tmp_path: Path) -> None:
    """The file beside, whose name says so, is the other half; else the build's own marks are told."""
    whole = tmp_path / "vmlinux"
    salt = struct.pack("<III", 6, 9, 0x100) + b"Linux\0\0\0" + b"6.12.117\0\0\0\0"
    identity = struct.pack("<III", 4, 4, 3) + b"GNU\0" + b"\xab\xcd\xef\x01"
    sections = [
        Section(".notes", 0x2000, identity + salt, "note"),
        Section(".text", 0x1000, bytes(16), flags="ax"),
    ]
    whole.write_bytes(elf_file([Symbol("_text", 0x1000)], sections))
    path = half(whole, tmp_path / "vmlinux.debug")
    with pytest.raises(InputError, match=f"give the other half, {whole}"):
        load(path)
    whole.unlink()
    with pytest.raises(InputError, match=r"build ID abcdef01, release 6\.12\.117"):
        load(path)


def test_half_a_section_number_is_unusable(tmp_path: Path) -> None:
    """``.symtab_shndx`` of a size that is no multiple of four is a damaged file."""
    data = elf_file(
        [Symbol("_text", 0x1000)], [Section(".text", 0x1000, bytes(16), flags="ax")], extended=True
    )
    with saved(data) as path, open_image(path) as image:
        section = image.section(".symtab_shndx")
        assert section is not None
        header = int.from_bytes(data[40:48], "little") + 64 * section.index
    broken = data[: header + 32] + (7).to_bytes(8, "little") + data[header + 40 :]
    (tmp_path / "vmlinux").write_bytes(broken)
    with open_image(tmp_path / "vmlinux") as image, pytest.raises(InputError, match="no whole numbers"):
        read_symbols(image)


@pytest.mark.parametrize("place", [1 << 62, 1 << 63, (1 << 64) - 8])
@pytest.mark.parametrize("table", ["names", "num_syms", "offsets", "token_table"])
def test_a_label_outside_its_section_is_unusable(place: int, table: str, tmp_path: Path) -> None:
    """An object whose label lies nowhere near its bytes is damaged, whatever the number."""
    names = ["num_syms", "names", "markers", "token_table", "token_index", "offsets", "relative_base"]
    symbols = [
        Symbol(f"kallsyms_{name}", place if name == table else 8 * at, ".rodata", type="object")
        for at, name in enumerate([*names, "seqs_of_names"])
    ]
    path = tmp_path / "k.o"
    path.write_bytes(elf_file(symbols, [Section(".rodata", 0, bytes([4]) + bytes(4095))], kind=1))
    with pytest.raises(InputError, match=f"kallsyms_{table} lies outside its section"):
        decode_file(path, find_release("6.12"))


@pytest.mark.slow
def test_a_million_sections_cost_memory_as_the_file_does(tmp_path: Path) -> None:
    """Section headers are an array: a file of a million of them makes no million objects."""
    nothing = Section(".x", 0, b"", flags=0, type=1)
    sections = [Section(".text", 0x1000, bytes(16), flags="ax"), *[nothing] * 1_000_000]
    path = tmp_path / "vmlinux"
    path.write_bytes(elf_file([Symbol("_text", 0x1000, 1), Symbol("_stext", 0x1000, 1)], sections))
    code = "import sys; from elfsyms import load; load(sys.argv[1], release='6.12').tables"
    subprocess.run(
        [sys.executable, "-c", code, str(path)],
        check=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30)),
    )


def test_tables_with_a_fault_name_the_faulty_table(tmp_path: Path) -> None:
    """Whole addresses that do not ascend are a fault of ``kallsyms_addresses``, not of the offsets."""
    machine = MACHINES[0]
    text = TEXT[64]
    with kernel_of([Symbol("_text", text), *filler(text)], machine, "4.4") as model:
        image = linked_kernel(
            model.tables, replaced={"addresses": bytes(8) + (text + 0x100).to_bytes(8, "little")}
        )
    (tmp_path / "vmlinux").write_bytes(image)
    with load(tmp_path / "vmlinux", release="4.4", all_symbols=True) as kernel:
        assert {fault.table for fault in verify(kernel).faults} == {"addresses"}
