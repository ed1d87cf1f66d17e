# SPDX-License-Identifier: GPL-2.0-or-later
"""``symbolize``: a log comes out as it went in, with what its addresses are put behind them."""

from __future__ import annotations

import lzma
import os
import re
import shutil
import struct
import subprocess
from typing import TYPE_CHECKING

import pytest
from command import elfsyms
from elfmaker import Section, Symbol, vmlinux
from hypothesis import given
from hypothesis import strategies as st

from elfsyms.cli.app import run
from elfsyms.e_machine import EM_S390, EM_X86_64
from elfsyms.errors import NotThereError
from elfsyms.image.line_program import LineProgram, run_program
from elfsyms.image.module import module_name, open_module
from elfsyms.pipeline.kernel import load
from elfsyms.trace.exact_lines import natures
from elfsyms.trace.logtext import mentions
from elfsyms.trace.lookup import module_lookup
from elfsyms.trace.module_files import ModuleFiles
from elfsyms.trace.symbolize import Symbolizer

if TYPE_CHECKING:
    from pathlib import Path

TEXT = 0xFFFFFFFF81000000


@pytest.fixture
def kernel(tmp_path: Path) -> Path:
    """Return a kernel of three functions, two of one name, 0x40 and 0x80 bytes long as a lookup has them."""
    symbols = [
        Symbol("_text", TEXT, type="notype"),
        Symbol("_stext", TEXT, type="notype"),
        Symbol("schedule", TEXT + 0x40),
        Symbol("show", TEXT + 0x100),
        Symbol("show", TEXT + 0x140),
        Symbol("_etext", TEXT + 0x1C0, type="notype"),
    ]
    path = tmp_path / "vmlinux"
    path.write_bytes(vmlinux(symbols, sections=[Section(".text", TEXT, bytes(0x200), flags="ax")]))
    return path


def symbolize(path: Path, log: str, **options: object) -> str:
    """Return a log as the filter leaves it."""
    with load(path) as kernel:
        return Symbolizer(kernel, **options).symbolize(log.encode()).decode()  # type: ignore[arg-type]


def test_a_bare_address_is_named(kernel: Path) -> None:
    """An address in the kernel gets its symbol, with the size that the kernel itself would print."""
    assert symbolize(kernel, "RSI: ffffffff81000050 end\n") == (
        "RSI: ffffffff81000050 <schedule+0x10/0xc0> end\n"
    )
    assert symbolize(kernel, " [<ffffffff81000050>]\n") == " [<ffffffff81000050>] schedule+0x10/0xc0\n"


@pytest.mark.parametrize(
    "line",
    [
        "nothing to see here",
        "RDI: ffff888003004000",
        "Kernel Offset: 0x0 from 0xffffffff81000000",
        "toy 16384 1 - Live 0xffffffff81000050 (O)",
        "RAX: 0000000000000050",
        " schedule+0x10/0xc0",
        "[<ffffffff81000050>] schedule+0x10/0xc0",
        "[<ffffffff81000050>] ? schedule+0x10/0xc0",
        "[c0000000f7d3fb20] [ffffffff81000050] schedule+0x10/0xc0 (unreliable)",
        "ffffffff81000040 T schedule",
        "Code: ffffffff81000050 90 90",
        "x-ffffffff81000050",
        "ffffffff81000050a",
        "\tnot utf-8: \udcff",
    ],
)
def test_other_lines_stay(kernel: Path, line: str) -> None:
    """What is no address of the kernel, or is named already, is left as it is, without debug information."""
    data = line.encode("utf-8", "surrogateescape")
    with load(kernel) as loaded:
        assert Symbolizer(loaded).symbolize(data + b"\r\n") == data + b"\r\n"


def test_the_log_tells_how_far_the_kernel_was_moved(kernel: Path) -> None:
    """A ``Kernel Offset`` line holds for all lines of the same boot, also for those before it."""
    log = (
        "at ffffffff91000050\nKernel Offset: 0x10000000 from 0xffffffff81000000 (relocation range: 0x1-0x2)\n"
    )
    assert symbolize(kernel, log).splitlines()[0] == "at ffffffff91000050 <schedule+0x10/0xc0>"


def test_each_boot_has_an_offset_of_its_own(kernel: Path) -> None:
    """What one boot says of its offset does not hold for the next."""
    boot = "Linux version 6.12.0\nat {0:x}\nKernel Offset: {1:#x} from 0xffffffff81000000\n"
    log = boot.format(TEXT + 0x50 + 0x200000, 0x200000) + boot.format(TEXT + 0x50 + 0x400000, 0x400000)
    assert symbolize(kernel, log).count("<schedule+0x10/0xc0>") == 2


def test_the_offset_follows_from_lines_that_name_both(kernel: Path) -> None:
    """Where no line says it, an address with its name beside it tells, and so do lines of /proc/kallsyms."""
    stack = "[<ffffffff82000050>] schedule+0x10/0xc0\nat ffffffff82000060\n"
    assert symbolize(kernel, stack).endswith("at ffffffff82000060 <schedule+0x20/0xc0>\n")
    listed = "ffffffff82000040 T schedule\nat ffffffff82000060\n"
    assert symbolize(kernel, listed).endswith("at ffffffff82000060 <schedule+0x20/0xc0>\n")


@pytest.mark.parametrize(
    ("line", "guessed"),
    [
        ("", 1),
        ("Kernel command line: console=ttyS0 nokaslr panic=-1\n", 0),
        ("Command line: nokaslr\n", 0),
        ("Kernel command line: quiet\n", 1),
        ("Kernel Offset: disabled\n", 0),
    ],
)
def test_what_nothing_tells_is_counted_as_guessed(kernel: Path, line: str, guessed: int) -> None:
    """Where a log does not tell whether the kernel was moved, addresses are named as if not, and that is said."""
    with load(kernel) as loaded:
        filter_ = Symbolizer(loaded)
        told = filter_.symbolize(f"{line}at ffffffff81000050\nat schedule+0x10/0xc0\n".encode())
    assert b"at ffffffff81000050 <schedule+0x10/0xc0>" in told
    assert (filter_.report.guessed, filter_.report.resolved) == (guessed, 2)


def test_a_given_offset_goes_before_all(kernel: Path) -> None:
    """Who says the offset knows better than the log."""
    log = "at ffffffff81200050\nKernel Offset: 0x10000000 from 0xffffffff81000000\n"
    assert "<schedule+0x10/0xc0>" in symbolize(kernel, log, kaslr=0x200000)


def test_another_size_is_another_kernel(kernel: Path) -> None:
    """A symbol of another size is not resolved, and told."""
    with load(kernel) as loaded:
        filter_ = Symbolizer(loaded)
        filter_.symbolize(b" schedule+0x10/0x77\n gone+0x1/0x2\n far+0x1/0x2 [net]\n show+0x1/0x40\n")
    report = filter_.report
    assert (list(report.other_size[""]), list(report.unknown[""]), list(report.no_module)) == (
        ["schedule"],
        ["gone"],
        ["net"],
    )
    assert report.resolved == 1


@pytest.mark.parametrize("whose", ["vmlinux", "kernel"])
def test_the_kernel_is_no_module(kernel: Path, whose: str) -> None:
    """A tool that writes the kernel where a module stands means the kernel's own symbol, as for explain."""
    with load(kernel) as loaded:
        filter_ = Symbolizer(loaded)
        filter_.symbolize(f" schedule+0x10/0xc0 [{whose}]\n".encode())
    assert (filter_.report.resolved, list(filter_.report.no_module)) == (1, [])


def test_what_no_kernel_writes_is_no_mention(kernel: Path) -> None:
    """An offset behind the end of the function is not resolved, at its end it is."""
    with load(kernel) as loaded:
        filter_ = Symbolizer(loaded)
        filter_.symbolize(b" schedule+0xc1/0xc0\n schedule+0xc0/0xc0\n")
    assert (filter_.report.resolved, dict(filter_.report.other_size)) == (1, {})


@pytest.mark.parametrize(
    ("line", "exact"),
    [
        ("RIP: 0010:fn+0x10/0x20", True),
        ("IP: [<ffffffff81000050>] fn+0x10/0x20", True),
        ("[    1.0] IP: fn+0x10/0x20", True),
        ("TCP/IP: fn+0x10/0x20 was slow", False),
        ("IP-Config: fn+0x10/0x20 returned -19", False),
        ("EIP: fn+0x10/0x20", True),
        ("pc : fn+0x10/0x20", True),
        ("PC is at fn+0x10/0x20", True),
        ("epc : fn+0x10/0x20", True),
        ("  ERA: 9000000000200050 fn+0x10/0x20", True),
        ("NIP [c000000000000050] fn+0x10/0x20", True),
        ("Krnl PSW : 0704c00180000000 0000000000000050 (fn+0x10/0x20)", True),
        ("TPC: <fn+0x10/0x20>", True),
        (" IAOQ[0]: fn+0x10/0x20", True),
        (" fn+0x10/0x20 (P)", True),
        (" fn+0x10/0x20 [net] (PF)\r\n", True),
        ("BUG: KFENCE: use-after-free read in fn+0x10/0x20", True),
        ("BUG: KASAN: invalid-access in fn+0x10/0x20", True),
        ("BUG: KASAN: slab-use-after-free in fn+0x10/0x20", False),
        ("BUG: KFENCE: invalid free in fn+0x10/0x20", False),
        ("lr : fn+0x10/0x20", False),
        ("   ra: 9000000000200050 fn+0x10/0x20", False),
        (" fn+0x10/0x20 (C)", False),
        (" fn+0x10/0x20", False),
    ],
)
def test_what_a_line_names_is_an_instruction_or_lies_behind_a_call(line: str, exact: bool) -> None:
    """Registers, and checks that trap, tell of the instruction itself; all else was pushed by a call."""
    (nature,) = natures([line.encode()], EM_X86_64)
    named = [mention for mention in mentions(line.encode(), 16, nature) if mention.name]
    assert [mention.exact for mention in named] == [exact]


S390 = """\
WARNING: CPU: 1 PID: 1 at kernel/x.c:12 fn+0x18/0x80
Krnl PSW : 0704c00180000000 000000000019e81c (fn+0x1c/0x80)
Call Trace:
 [<000000000019e81c>] fn+0x1c/0x80
Last Breaking-Event-Address:
 [<000000000019e820>] caller+0x20/0x80
kernel BUG at kernel/x.c:12!
monitor event: 0040 ilc:2 [#1] SMP
Krnl PSW : 0704c00180000000 000000000019e81c (fn+0x1c/0x80)
illegal operation: 0001 ilc:1 [#2] SMP
Krnl PSW : 0704c00180000000 000000000019e81c (fn+0x1c/0x80)
Oops: 0004 ilc:3 [#3] SMP
Krnl PSW : 0704c00180000000 000000000019e81c (fn+0x1c/0x80)
Oops: 003b ilc:2 [#4] SMP
Krnl PSW : 0704c00180000000 000000000019e81c (fn+0x1c/0x80)
rcu: Stack dump where RCU GP kthread last ran:
Krnl PSW : 0704c00180000000 000000000019e81c (fn+0x1c/0x80)
"""


def test_s390_goes_on_before_it_tells_of_a_trap() -> None:
    """Its PSW lies behind what trapped, at what could not reach memory, and is the next instruction elsewhere."""
    lines = S390.encode().splitlines(keepends=True)
    told = dict(enumerate(natures(lines, EM_S390)))
    psw = [nature for at, nature in told.items() if b"Krnl PSW" in lines[at]]
    assert psw == ["return", "return", "return", "instruction", "instruction", "instruction"]
    assert told[0] == "instruction"
    assert (told[3], told[5]) == ("", "instruction")
    assert natures(lines[:2], EM_X86_64) == ["", "instruction"]


def test_stacks_without_names_lie_behind_calls_too() -> None:
    """Bare addresses of a stack lie behind calls; in a chain of perf all but the sample's own, which is first."""
    chain = [b"\tffffffff81000050 schedule+0x10 ([kernel.kallsyms])\n"] * 3
    assert natures([b"perf 1 [000] 1.0: cpu-clock:\n", *chain], EM_X86_64) == ["", "", "return", "return"]
    for line, exact in (
        (b" [<ffffffff81000050>]\n", False),
        (b"EIP: [<ffffffff81000050>]\n", True),
        (b"RSI: ffffffff81000050\n", True),
        (chain[0], True),
        (b" #1 [ffffc90000123e00] schedule at ffffffff81000050\n", False),
    ):
        (nature,) = natures([line], EM_X86_64)
        assert [mention.exact for mention in mentions(line, 16, nature) if not mention.name][-1:] == [exact]
    assert not next(mentions(chain[0], 16, "return")).exact


@pytest.mark.parametrize("colour", ["", "0", "31", "1;31", "0;1;31"])
@pytest.mark.parametrize("what", ["schedule+0x10/0xc0", "ffffffff81000050"])
def test_colours_end_before_a_name(what: str, colour: str) -> None:
    """What ``dmesg --color`` and ``journalctl`` put before a name is no part of it."""
    line = f"\x1b[{colour}m{what}\x1b[0m\n".encode()
    found = [line[one.start : one.end].decode() for one in mentions(line, 16, "")]
    assert found == [what]


def test_hashed_addresses_tell_no_distance(kernel: Path) -> None:
    """An address that ``%p`` made up beside a name does not say how far the kernel was moved."""
    log = "[<00000000f3a1b2c3>] schedule+0x10/0xc0\nRSI: ffffffff81000050\n"
    assert symbolize(kernel, log).endswith("RSI: ffffffff81000050 <schedule+0x10/0xc0>\n")


@given(st.binary(max_size=200))
def test_no_line_is_lost(data: bytes) -> None:
    """Whatever a line holds, its places lie in it one behind the other."""
    ends = 0
    for mention in mentions(data, 16, ""):
        assert ends <= mention.start < mention.end <= mention.close <= len(data) + 2
        ends = mention.end


_TOKENS = [
    b"schedule+0x10/0xc0", b"show+0x1/0x40", b"gone+0x1/0x2 [net]", b"ffffffff81000050", b"[<ffffffff81000110>] ",
    b"RIP: 0010:", b"\x1b[31m", b" ? ", b"Kernel Offset: 0x1000 from 0xffffffff81000000", b"Linux version 6.12",
    b"ffffffff81000040 T schedule",
    b"Krnl PSW : ", b"\n", b"\r\n", b"\r", b"\0", b"\x85", b"\xff", b"\tffff (x)", b"+0x",
]  # fmt: skip


def test_a_log_stays_whole(kernel: Path) -> None:
    """Whatever a log holds, it comes out with nothing lost, and as it was where it names no address."""
    with load(kernel) as opened:

        @given(
            st.lists(st.one_of(st.binary(max_size=20), st.sampled_from(_TOKENS)), max_size=12).map(b"".join)
        )
        def law(log: bytes) -> None:
            shown = Symbolizer(opened).symbolize(log)
            rest = iter(shown)
            assert all(byte in rest for byte in log)  # in order, with others between
            if b"+0x" not in log and not re.search(rb"[0-9a-f]{16}", log):
                assert shown == log

        law()


@pytest.mark.parametrize(
    ("file", "name"),
    [("a-b.ko", "a_b"), ("x.ko.xz", "x"), ("y.ko.debug", "y"), ("z.ko.zst", "z"), ("q.ko.gz", "q")],
)
def test_a_module_is_called_as_the_kernel_does(tmp_path: Path, file: str, name: str) -> None:
    """Suffixes go, and dashes become underscores."""
    assert module_name(tmp_path / file) == name


def test_a_row_holds_up_to_the_next() -> None:
    """A line table is read to the row that holds an address; the end of a sequence holds nothing."""
    code = b"\x00\x09\x02" + struct.pack("<Q", 0x1000)  # set address
    code += (
        b"\x03\x09\x01" + b"\x02\x10\x03\x01\x01" + b"\x02\x10\x00\x01\x01"
    )  # line 10; +16, line 11; +16, end
    program = LineProgram(code, 1, -5, 14, 13, (0, 1, 1, 1, 1, 0, 0, 0, 1, 0, 0, 1), little=True)
    spans = run_program(program)
    rows = zip(
        spans.begin.tolist(), spans.end.tolist(), spans.file.tolist(), spans.line.tolist(), strict=True
    )
    assert list(rows) == [(0x1000, 0x1010, 1, 10), (0x1010, 0x1020, 1, 11)]


SOURCE = """\
static int depth;
static inline __attribute__((always_inline)) int inner(int x)
{
    return x * depth;
}
__attribute__((noinline)) int outer(int x)
{
    return inner(x) + 1;
}
__attribute__((section(".init.text"), noinline)) int first(int x)
{
    return outer(x) + 2;
}
"""


@pytest.mark.skipif(
    not shutil.which("gcc") or not shutil.which("addr2line"), reason="needs gcc and addr2line"
)
@pytest.mark.parametrize("version", [4, 5])
def test_lines_are_those_of_addr2line(tmp_path: Path, version: int) -> None:
    """Every address of a program has the functions and lines that addr2line -i tells."""
    (tmp_path / "a.c").write_text(SOURCE + "int main(int c, char **v) { return outer(c) + first(c); }\n")
    command = ["gcc", "-O2", f"-gdwarf-{version}", "-no-pie", "-o", "a", "a.c"]
    subprocess.run(command, cwd=tmp_path, check=True)
    lines = subprocess.run(["nm", "-S", "a"], cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    rows = [line.split() for line in lines.splitlines() if line.endswith((" outer", " first", " main"))]
    addresses = [
        at for start, size, *_ in rows for at in range(int(start, 16), int(start, 16) + int(size, 16))
    ]
    asked = ["addr2line", "-a", "-i", "-f", "-e", "a", *map(hex, addresses)]
    told = subprocess.run(asked, cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    from elfsyms.image.elf import open_image  # noqa: PLC0415 (beside what it is compared with)

    with open_image(tmp_path / "a") as image:
        dwarf = image.dwarf()
        assert dwarf is not None
        mine = "".join(
            f"0x{at:016x}\n" + "".join(f"{f.function}\n{f.file}:{f.line}\n" for f in dwarf.frames(at))
            for at in addresses
        )
    assert mine == "".join(f"{line.split(' (disc')[0]}\n" for line in told.splitlines())


@pytest.mark.skipif(not shutil.which("gcc"), reason="needs gcc")
def test_a_module_s_sections_have_their_own_lines(tmp_path: Path, kernel: Path) -> None:
    """Sections of a module all begin at zero; each symbol finds its own line all the same, packed or not."""
    (tmp_path / "toy.c").write_text(SOURCE)
    subprocess.run(["gcc", "-O2", "-g", "-c", "-o", "toy.o", "toy.c"], cwd=tmp_path, check=True)
    folder = tmp_path / "modules"
    folder.mkdir()
    (folder / "toy.ko.xz").write_bytes(lzma.compress((tmp_path / "toy.o").read_bytes()))
    module = open_module(folder / "toy.ko.xz")
    assert module.name == "toy"
    with load(kernel) as loaded:
        filter_ = Symbolizer(loaded, (folder,))
        sizes = {name: filter_._module("toy")[1].lookup.named(name)[0].size for name in (b"outer", b"first")}  # type: ignore[index] # noqa: SLF001 (the sizes that the kernel would print)
        log = "".join(f" {name.decode()}+0x0/{size:#x} [toy]\n" for name, size in sizes.items())
        told = filter_.symbolize(log.encode()).decode()
    asked = [["addr2line", "-e", "toy.o", "-j", section, "0"] for section in (".text", ".init.text")]
    right = [
        subprocess.check_output(command, cwd=tmp_path, text=True).rpartition("/")[2] for command in asked
    ]
    assert [line.rpartition("/")[2].rstrip(")") for line in told.splitlines()] == [
        line.strip() for line in right
    ]


@pytest.fixture
def toy(tmp_path: Path) -> Path:
    """Return a folder with a module of three functions, with debug information."""
    (tmp_path / "toy.c").write_text(SOURCE)
    folder = tmp_path / "modules"
    folder.mkdir()
    subprocess.run(["gcc", "-O0", "-g", "-c", "-o", folder / "toy.ko", "toy.c"], cwd=tmp_path, check=True)
    return folder


@pytest.mark.skipif(not shutil.which("gcc"), reason="needs gcc")
def test_a_module_is_a_regular_file(kernel: Path, toy: Path) -> None:
    """A FIFO among modules is not waited for, and a folder is none."""
    os.mkfifo(toy / "waits.ko")
    (toy / "folder.ko").mkdir()
    log = b" run+0x0/0x8 [waits]\n run+0x0/0x8 [folder]\n"
    with load(kernel) as loaded:
        filter_ = Symbolizer(loaded, (toy,))
        assert filter_.symbolize(log) == log
    assert filter_.report.no_module == {"waits": 1, "folder": 1}


@pytest.mark.skipif(not shutil.which("gcc"), reason="needs gcc")
def test_a_path_with_a_newline_makes_no_line(kernel: Path, tmp_path: Path) -> None:
    """A source may be called anything; what is put into a log is one line's, and moves no cursor."""
    (tmp_path / "a\n\x1b[31mforged.c").write_text(SOURCE)
    command = ["gcc", "-O0", "-g", "-c", "-o", "toy.ko", "a\n\x1b[31mforged.c"]
    subprocess.run(command, cwd=tmp_path, check=True)
    with load(kernel) as loaded:
        filter_ = Symbolizer(loaded, (tmp_path,))
        found = filter_._module("toy")  # noqa: SLF001 (the size that the kernel would print)
        assert found
        (first,) = found[1].lookup.named(b"first")
        told = filter_.symbolize(f" first+0x0/{first.size:#x} [toy]\n".encode())
    assert told.count(b"\n") == 1
    assert rb"/a\n\x1b[31mforged.c:" in told


def test_a_name_without_end_is_cut_in_a_sentence(kernel: Path) -> None:
    """What a log calls a symbol, or a module, is told with some hundred characters."""
    long = "x" * 100_000
    done = elfsyms("symbolize", kernel, stdin=f" {long}+0x0/0x8\n run+0x0/0x8 [{long}]\n".encode())
    assert done.stderr.decode().count("... (100,000 characters): ") == 2


@pytest.mark.skipif(
    not shutil.which("gcc") or not shutil.which("addr2line"), reason="needs gcc and addr2line"
)
def test_what_a_register_names_is_an_instruction_wherever_it_stands(kernel: Path, toy: Path) -> None:
    """A warning and a stack that name what RIP holds mean the instruction, too, and none before it."""
    first = open_module(toy / "toy.ko")
    size = module_lookup(first).named(b"outer")[0].size
    asked = ["addr2line", "-e", str(toy / "toy.ko"), "-j", ".text", *map(hex, range(size))]
    lines = [told.rpartition("/")[2] for told in subprocess.check_output(asked, text=True).splitlines()]
    at = next(offset for offset in range(2, size) if lines[offset] != lines[offset - 1])
    log = f"WARNING: at toy.c:1 outer+{at:#x}/{size:#x} [toy]\n{{}}? outer+{at:#x}/{size:#x} [toy]\n"
    rip = f"RIP: 0010:outer+{at:#x}/{size:#x} [toy]\n"

    def told(text: str) -> list[str]:
        shown = symbolize(kernel, text, modules=(toy,)).splitlines()
        return [line.rpartition(" [toy] (")[2].rstrip(")").split()[0].rpartition("/")[2] for line in shown]

    assert told(log.format(rip)) == [lines[at]] * 3
    assert told(log.format("")) == [lines[at - 1]] * 2


@pytest.mark.skipif(not shutil.which("gcc"), reason="needs gcc")
@pytest.mark.parametrize(("size", "fits"), [(0, True), (4096, True), (65536, True), (8192, False)])
def test_the_last_symbol_may_end_with_its_page(kernel: Path, toy: Path, size: int, fits: bool) -> None:
    """A kernel that gives a module whole pages prints the size of the last symbol up to the end of its page."""
    found = module_lookup(open_module(toy / "toy.ko")).named(b"outer")[0]
    end = size - found.address % 4096 if size else found.size
    with load(kernel) as loaded:
        filter_ = Symbolizer(loaded, (toy,))
        filter_.symbolize(f" outer+0x1/{end:#x} [toy]\n".encode())
    assert (filter_.report.resolved == 1) is fits
    assert list(filter_.report.other_size) == ([] if fits else ["toy"])


@pytest.mark.skipif(not shutil.which("gcc"), reason="needs gcc")
def test_an_address_lies_in_the_module_that_begins_before_it(kernel: Path, toy: Path) -> None:
    """Of several modules near each other, the one whose code begins last before an address holds it."""
    shutil.copy(toy / "toy.ko", toy / "two.ko")
    log = (
        "toy 16384 1 - Live 0xffffffffc0000000 (O)\ntwo 16384 0 - Live 0xffffffffc0010000 (O)\n"
        "at ffffffffc0000001\nat ffffffffc0010001\nat ffffffffc000f000\n"
    )
    told = symbolize(kernel, log, modules=(toy,), lines=False).splitlines()[2:]
    assert [line.rpartition("[")[2] for line in told] == ["toy]>", "two]>", "at ffffffffc000f000"]


@pytest.mark.skipif(not shutil.which("gcc"), reason="needs gcc")
def test_of_several_files_of_a_module_the_kernel_s_own_with_lines_is_taken(toy: Path) -> None:
    """A folder of the kernel's name goes before others, and there a file with debug information."""
    built = toy / "toy.ko"
    for folder, source, strip in (
        ("6.1.0", "int other(void) { return 1; }", False),
        ("6.12.0-test", SOURCE, True),
    ):
        target = toy / folder / "toy.ko"
        target.parent.mkdir()
        (toy / "own.c").write_text(source)
        subprocess.run(
            ["gcc", "-O0", *([] if strip else ["-g"]), "-c", "-o", target, toy / "own.c"], check=True
        )
    debug = toy / "zz" / "6.12.0-test" / "toy.ko"
    debug.parent.mkdir(parents=True)
    built.rename(debug)
    files = ModuleFiles((toy,), "6.12.0-test")
    for lines, path in ((True, debug), (False, toy / "6.12.0-test" / "toy.ko")):
        found = files.open("toy", lines=lines)
        assert found is not None
        assert found.image.path == path
    other = ModuleFiles((toy,), "5.10.1").open("toy", lines=False)
    assert other is not None
    assert other.image.path == toy / "6.1.0" / "toy.ko"
    assert ModuleFiles((toy,), "").open("absent", lines=True) is None


@pytest.mark.skipif(not shutil.which("gcc"), reason="needs gcc")
def test_a_module_may_be_named_itself(kernel: Path, toy: Path) -> None:
    """``--modules`` takes a module's file as it takes the folder that it lies in."""
    outer = module_lookup(open_module(toy / "toy.ko")).named(b"outer")[0]
    log = f" outer+0x1/{outer.size:#x} [toy]\n".encode()
    with load(kernel) as loaded:
        told = [Symbolizer(loaded, (path,)).symbolize(log) for path in (toy, toy / "toy.ko")]
    assert b"toy.c" in told[0]
    assert told[0] == told[1]


def test_what_names_no_module_is_told_as_elsewhere(kernel: Path, tmp_path: Path) -> None:
    """A path that is neither a module nor a folder is not there, for this command as for the others."""
    with pytest.raises(NotThereError, match="is no module"):
        run(["symbolize", str(kernel), "--modules", str(tmp_path / "nowhere")])
