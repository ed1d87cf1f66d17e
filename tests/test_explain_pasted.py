# SPDX-License-Identifier: GPL-2.0-or-later
"""``elfsyms explain`` of what people paste: lines of an oops, of a tracer, of perf; addresses that were moved."""

from __future__ import annotations

import json
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest
from command import elfsyms, sentence
from elfmaker import Section, Symbol, vmlinux

from elfsyms.cli.app import run
from elfsyms.errors import UsageError
from elfsyms.inspect.explain import explain
from elfsyms.inspect.explanation import Fate
from elfsyms.inspect.kaslr_offset import checked_offset, read_offset
from elfsyms.inspect.pasted import Pasted, parse_pasted
from elfsyms.pipeline.kernel import Kernel, load

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

TEXT = 0xFFFFFFFF81000000
DATA = 0xFFFFFFFF82000000
SHIFT = 0x1C400000
SYMBOLS = (
    Symbol("_text", TEXT),
    Symbol("_stext", TEXT),
    Symbol("tcp_v4_rcv", TEXT + 0x100, size=0xE40),
    Symbol("show", TEXT + 0x1000, binding="local", size=0x20),
    Symbol("show", TEXT + 0x1020, binding="local", size=0x30),
    Symbol("show", TEXT + 0x1050, binding="local", size=0x20),
    Symbol("thunk", TEXT + 0x1070, size=7),
    Symbol("after", TEXT + 0x1F00, size=0x10),
    Symbol("_etext", TEXT + 0x2000),
    Symbol("jiffies", DATA, ".data", type="object", size=8),
)
CODE = [Section(".text", TEXT, bytes(0x2100), flags="ax")]
SIZE = 0xF00  # of tcp_v4_rcv, up to the next symbol


@pytest.fixture
def kernel(tmp_path: Path) -> Iterator[Kernel]:
    """Return the little kernel above."""
    path = tmp_path / "vmlinux"
    path.write_bytes(vmlinux(SYMBOLS, release="6.12.5", sections=CODE))
    with ExitStack() as stack:
        yield stack.enter_context(load(path, all_symbols=True))


# Lines of real logs, names exchanged. The middle column is the name, the last the offset.
LINES = [
    ("RIP: 0010:tcp_v4_rcv+0x1a2/0xf00", "tcp_v4_rcv", 0x1A2),
    ("[   12.345678] RIP: 0010:tcp_v4_rcv+0x1a2/0xf00", "tcp_v4_rcv", 0x1A2),
    ("[   12.345678]  ? tcp_v4_rcv+0x10/0xf00", "tcp_v4_rcv", 0x10),
    ("RIP: 0010:[<ffffffff81000110>]  [<ffffffff81000110>] tcp_v4_rcv+0x10/0xf00", "tcp_v4_rcv", 0x10),
    ("[<ffffffff81000110>] ? tcp_v4_rcv+0x10/0xf00", "tcp_v4_rcv", 0x10),
    ("NIP [ffffffff81000110] tcp_v4_rcv+0x10/0xf00", "tcp_v4_rcv", 0x10),
    ("[c00000000f0e3b10] [ffffffff81000110] tcp_v4_rcv+0x10/0xf00 (unreliable)", "tcp_v4_rcv", 0x10),
    ("pc : tcp_v4_rcv+0x1a2/0xf00", "tcp_v4_rcv", 0x1A2),
    ("PC is at tcp_v4_rcv+0x1a2/0xf00", "tcp_v4_rcv", 0x1A2),
    ("epc : tcp_v4_rcv+0x1a2/0xf00", "tcp_v4_rcv", 0x1A2),
    ("\tffffffff81000110 tcp_v4_rcv+0x10 ([kernel.kallsyms])", "tcp_v4_rcv", 0x10),
    ("    tcp_v4_rcv+418", "tcp_v4_rcv", 418),
    ("BUG: KASAN: slab-out-of-bounds in tcp_v4_rcv+0x1a2/0xf00", "tcp_v4_rcv", 0x1A2),
    (" #1: ffff888 (slock){+.-.}-{3:3}, at: tcp_v4_rcv+0x1a2/0xf00", "tcp_v4_rcv", 0x1A2),
    ("   <idle>-0   [000] d..2.  12.345: tcp_v4_rcv <-ip_protocol_deliver_rcu", "tcp_v4_rcv", None),
    (" 0)   1.234 us    |  tcp_v4_rcv();", "tcp_v4_rcv", None),
    (" 0)               |    tcp_v4_rcv() {", "tcp_v4_rcv", None),
    (" 0)   2.212 us    |    } /* tcp_v4_rcv */", "tcp_v4_rcv", None),
    (" => tcp_v4_rcv", "tcp_v4_rcv", None),
    ("ffffffff81000100 T tcp_v4_rcv", "tcp_v4_rcv", None),
    ("kprobe:tcp_v4_rcv", "tcp_v4_rcv", None),
    ("p:kprobes/mine tcp_v4_rcv+0x10", "tcp_v4_rcv", 0x10),
]


@pytest.mark.parametrize(("line", "name", "offset"), LINES, ids=[line.strip()[:40] for line, _, _ in LINES])
def test_a_whole_line_leads_to_its_symbol(kernel: Kernel, line: str, name: str, offset: int | None) -> None:
    """The token in the line is found, and explained as it would be alone."""
    answer = explain(kernel, line)
    assert [facts.name.decode() for facts in answer.symbols] == [name]
    assert answer.address == (None if offset is None else TEXT + 0x100 + offset)


@pytest.mark.parametrize(
    "line",
    [
        "? nft_do_chain+0x10/0x20 [nf_tables]",
        "nft_do_chain+0x10/0x20 [nf_tables 0a1b2c3d4e5f]",
        "\tffffffffc0a1b2c3 nft_do_chain+0x10 ([nf_tables])",
        "ffffffffc0a1b2c3 t nft_do_chain\t[nf_tables]",
    ],
)
def test_a_modules_symbol_is_told_as_one(
    kernel: Kernel, line: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """What stands in brackets behind a place is the module that it lies in: this file cannot know it."""
    answer = explain(kernel, line)
    assert (answer.fate, answer.trace and answer.trace.module) == (Fate.ABSENT, "nf_tables")
    run(["explain", str(kernel.image.path), line])
    assert "lies in the module nf_tables" in " ".join(capfd.readouterr().out.split())


def test_words_of_no_known_form_name_nothing() -> None:
    """A text without a place, an address or a tracer's form is left to whoever knows the names."""
    assert parse_pasted("is tcp_v4_rcv there") is None
    assert parse_pasted("deadbeef") == Pasted(address=0xDEADBEEF)


def test_the_size_chooses_among_symbols_of_one_name(kernel: Kernel) -> None:
    """Of three functions of a name, the size behind the offset tells which one a trace means."""
    answer = explain(kernel, "show+0x4/0x30")
    assert [facts.value for facts in answer.symbols] == [TEXT + 0x1020]
    assert answer.address == TEXT + 0x1024
    ambiguous = explain(kernel, "show+0x4")
    assert [facts.value for facts in ambiguous.symbols] == [TEXT + 0x1000, TEXT + 0x1020, TEXT + 0x1050]
    assert ambiguous.address is None


def test_either_size_fits(kernel: Kernel) -> None:
    """A size is right if the kernel would print it, up to the next symbol, or if the file has it."""
    for size, fits in ((SIZE, True), (0xE40, True), (0xE50, False)):
        answer = explain(kernel, f"tcp_v4_rcv+0x1a2/{size:#x}")
        assert answer.trace is not None
        assert (answer.trace.fits, answer.trace.sizes) == (fits, (SIZE,))


def told(kernel: Kernel, capfd: pytest.CaptureFixture[str], *arguments: str) -> str:
    """Return what the command says, in one line."""
    run(["explain", str(kernel.image.path), *arguments])
    return " ".join(capfd.readouterr().out.split())


def test_another_kernels_trace_is_told(kernel: Kernel, capfd: pytest.CaptureFixture[str]) -> None:
    """A size that this kernel would not print shows that the trace is of another."""
    assert "0xe50 is not 0xf00: this line is of another kernel" in told(
        kernel, capfd, "tcp_v4_rcv+0x1a2/0xe50"
    )


def test_an_offset_past_the_end_is_told(kernel: Kernel, capfd: pytest.CaptureFixture[str]) -> None:
    """A place behind a symbol's end is none that a trace prints, and no other symbol is taken for it."""
    answer = explain(kernel, "after+0x200")
    assert answer.gap is not None
    assert (answer.gap.kind, answer.gap.past, answer.lookup) == ("past end", 0x100, None)
    assert "0x100 past the end of after, 256 bytes" in told(kernel, capfd, "after+0x200")


def test_a_probe_counted_from_the_kernels_begin_is_the_function_there(
    kernel: Kernel, capfd: pytest.CaptureFixture[str]
) -> None:
    """_text+0x..., as elfsyms itself tells probes, is an address; in a trace it would be another kernel's."""
    answer = explain(kernel, "p:probe _text+0x1020")
    assert [facts.value for facts in answer.symbols] == [TEXT + 0x1020]
    assert "shows show+0x10" in told(kernel, capfd, "_text+0x1030")
    assert "past the end of _text" in told(kernel, capfd, "_text+0x1020/0x100")


@pytest.mark.parametrize("text", ["tcp_*", "kprobe:tcp_*", "fentry:vmlinux:tcp_*", "kprobe.multi/tcp_*"])
def test_a_glob_may_have_a_tracers_word_before_it(kernel: Kernel, text: str) -> None:
    """What bpftrace and libbpf attach to is what is asked for."""
    assert [facts.name for facts in explain(kernel, text).symbols] == [b"tcp_v4_rcv"]


@pytest.mark.parametrize("text", ["jiffies()", "jiffies\n", "kprobe:jiffies", "`jiffies`", "(jiffies)"])
def test_what_stands_around_a_name_is_left_away(kernel: Kernel, text: str) -> None:
    """A name as code, a shell or bpftrace has it is the name."""
    assert [facts.name for facts in explain(kernel, text).symbols] == [b"jiffies"]


def test_padding_and_holes_are_told(kernel: Kernel, capfd: pytest.CaptureFixture[str]) -> None:
    """An address behind a symbol's end is in padding within a section, and in a hole outside all."""
    answer = explain(kernel, f"{TEXT + 0x1177:#x}")
    assert answer.gap is not None
    assert (answer.gap.kind, answer.gap.before, answer.gap.past) == ("padding", b"thunk", 0x100)
    assert "0x100 past the end of thunk, 7 bytes: padding, before after" in told(
        kernel, capfd, f"{TEXT + 0x1177:#x}"
    )
    hole = explain(kernel, f"{TEXT - 0x1000:#x}")
    assert (hole.fate, hole.symbols) == (Fate.ABSENT, ())


def test_a_number_is_no_neighbour(tmp_path: Path) -> None:
    """A checksum that looks like an address in 32 bits is not what an address lies behind, or before."""
    path = tmp_path / "vmlinux"
    text = 0xC0300000
    symbols = [
        Symbol("_text", text, size=16),
        Symbol("_stext", text),
        Symbol("end", text + 0x200, size=16),
        *(Symbol(f"__crc_{at:x}", at, "ABS", "local", "notype") for at in (text + 0x80, text + 0x180)),
    ]
    code = [Section(".text", text, bytes(0x300), flags="ax")]
    path.write_bytes(vmlinux(symbols, bits=32, machine=40, release="5.10.223", sections=code))
    with load(path) as kernel:
        gap = explain(kernel, f"{text + 0x100:#x}").gap
    assert gap is not None
    assert (gap.before, gap.past, gap.after) == (b"_text", 0xF0, b"end")


def test_an_address_that_looks_moved_is_told(kernel: Kernel, capfd: pytest.CaptureFixture[str]) -> None:
    """An address where KASLR may put this kernel is told so; one far away is not."""
    assert explain(kernel, f"{TEXT + SHIFT + 0x110:#x}").looks_moved
    assert not explain(kernel, "0xffff888012345678").looks_moved
    assert "looks moved" in told(kernel, capfd, f"{TEXT + SHIFT + 0x110:#x}")


@pytest.mark.parametrize(
    "offset",
    [
        "1c400000",
        "0x1c400000",
        "[ 1.0] Kernel Offset: 0x1c400000 from 0xffffffff81000000 (relocation range: 0xffffffff80000000-0xff)",
    ],
)
def test_kaslr_moves_questions_and_answers(kernel: Kernel, offset: str) -> None:
    """With an offset, as a number or as dmesg prints it, addresses are those of the running kernel."""
    answer = explain(kernel, f"{TEXT + SHIFT + 0x110:#x}", kaslr=read_offset(offset))
    assert [facts.name for facts in answer.symbols] == [b"tcp_v4_rcv"]
    assert (answer.address, answer.kaslr) == (TEXT + 0x110, SHIFT)


def test_a_disabled_offset_is_none() -> None:
    """Dmesg says when KASLR is off."""
    assert read_offset("Kernel Offset: disabled") == 0


@pytest.mark.parametrize("command", [("explain", "_text"), ("list",), ("symbolize",)])
@pytest.mark.parametrize(
    ("offset", "words"),
    [
        ("1234", "no multiple of 2 MiB"),
        ("0x7fff00000000", "further than"),
        ("many", "takes a hexadecimal number, or dmesg's line"),
    ],
)
def test_an_offset_that_cannot_be_is_refused(
    kernel: Kernel, command: tuple[str, ...], offset: str, words: str
) -> None:
    """KASLR moves a machine's kernels in steps of its own; anything else is a slip."""
    name, *what = command
    assert words in sentence(elfsyms(name, kernel.image.path, *what, "--kaslr", offset), 2)


def test_machines_that_stay_have_no_offset(tmp_path: Path) -> None:
    """Where kernels run where they were linked, an offset is refused."""
    path = tmp_path / "vmlinux"
    path.write_bytes(vmlinux([Symbol("_text", 0xC0008000)], bits=32, machine=40, release="6.12.5"))
    with load(path) as arm, pytest.raises(UsageError, match="run where they were linked"):
        checked_offset(0x200000, arm.image.abi)


def test_address_and_name_of_one_line_are_compared(kernel: Kernel, capfd: pytest.CaptureFixture[str]) -> None:
    """A line that has both tells how far the kernel was moved."""
    line = f"[<{TEXT + SHIFT + 0x110:x}>] tcp_v4_rcv+0x10/0xf00"
    answer = explain(kernel, line)
    assert answer.trace is not None
    assert answer.trace.shift == SHIFT
    assert "--kaslr 0x1c400000 goes with it" in told(kernel, capfd, line)
    assert "--kaslr" not in told(kernel, capfd, line, "--kaslr", "1c400000")


def test_a_kprobe_on_an_ambiguous_name_gets_an_offset(
    kernel: Kernel, capfd: pytest.CaptureFixture[str]
) -> None:
    """The kernel refuses a kprobe by a name that several symbols have: the distance from _text is told."""
    probes = [facts.probe for facts in explain(kernel, "show").symbols]
    assert [probe and (probe.anchor, probe.offset) for probe in probes] == [
        (b"_text", 0x1000),
        (b"_text", 0x1020),
        (b"_text", 0x1050),
    ]
    assert "probe _text+0x1020" in told(kernel, capfd, "show")
    (alone,) = explain(kernel, "thunk").symbols
    assert alone.probe is None


def test_questions_come_from_a_file_or_standard_input(kernel: Kernel, tmp_path: Path) -> None:
    """``--from FILE`` and ``-`` take a line a question; one line each is answered where there are many."""
    names = [facts.name.decode() for facts in explain(kernel, "*").symbols]
    (tmp_path / "names").write_text("\n".join([*names, "", "tcp_v4_recv"]) + "\n")
    result = elfsyms("explain", kernel.image.path, "--from", tmp_path / "names")
    lines = result.stdout.decode().splitlines()
    assert result.returncode == 3
    assert lines[-1] == "absent  tcp_v4_recv  near tcp_v4_rcv"
    assert sum("tcp_v4_rcv" in line for line in lines[:-1]) == 1
    facts = json.loads(elfsyms("explain", kernel.image.path, "--json", "--from", tmp_path / "names").stdout)
    assert [answer["what"] for answer in facts["answers"]] == [*names, "tcp_v4_recv"]
    assert "nothing to explain" in sentence(elfsyms("explain", kernel.image.path, "--from", "/dev/null"), 2)
    assert "cannot read nowhere" in sentence(elfsyms("explain", kernel.image.path, "--from", "nowhere"), 4)


def test_a_glob_is_answered_once(kernel: Kernel, tmp_path: Path) -> None:
    """A log that repeats a line with a star alone is not answered with every symbol each time; pasted lines are."""
    line = "[<ffffffff81000110>] ? tcp_v4_rcv+0x10/0xf00"
    (tmp_path / "log").write_text(f"*\n{line}\n" * 20)
    facts = json.loads(elfsyms("explain", kernel.image.path, "--json", "--from", tmp_path / "log").stdout)
    assert [answer["what"] for answer in facts["answers"]] == ["*", *[line] * 20]


def test_per_cpu_numbers_stay(tmp_path: Path) -> None:
    """What KASLR does not move is found where it is, also with an offset."""
    path = tmp_path / "vmlinux"
    percpu = [
        Symbol("__per_cpu_start", 0, ".data..percpu", type="notype"),
        Symbol("this_cpu", 0x20, ".data..percpu", type="object", size=8),
        Symbol("__per_cpu_end", 0x1000, ".data..percpu", type="notype"),
    ]
    sections = [Section(".data..percpu", 0, bytes(0x1000), flags="aw")]
    path.write_bytes(vmlinux([*SYMBOLS, *percpu], release="6.12.0", sections=sections))
    with load(path, absolute_percpu=True) as kernel:
        answer = explain(kernel, "0x20", kaslr=SHIFT)
        assert [(facts.name, facts.moves) for facts in answer.symbols] == [(b"this_cpu", False)]


def test_many_questions_are_answered_as_each_alone(sample: Callable[[str], Path], tmp_path: Path) -> None:
    """Names by the hundred share what is made once, and get the verdicts that each would get."""
    with load(sample("amd64-6.12")) as kernel:
        names = sorted({facts.name.decode() for facts in explain(kernel, "*a*").symbols})[:300:7]
        alone = {name: explain(kernel, name).fate.value for name in names}
    (tmp_path / "names").write_text("\n".join(names))
    result = elfsyms("explain", sample("amd64-6.12"), "--json", "--from", tmp_path / "names")
    assert {a["what"]: a["verdict"] for a in json.loads(result.stdout)["answers"]} == alone
