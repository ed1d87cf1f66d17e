# SPDX-License-Identifier: GPL-2.0-or-later
"""``explain`` and ``list`` of a System.map or a copy of /proc/kallsyms; and what the other commands say to one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from command import elfsyms, sentence
from elfmaker import ET_REL, Section, Symbol, elf_file

from elfsyms.inspect.explain import Explainer
from elfsyms.inspect.proc_kallsyms import list_lines
from elfsyms.inspect.symbol_text import MOST_ALIASES, parse_symbol_text
from elfsyms.pipeline.kernel import load

if TYPE_CHECKING:
    from collections.abc import Callable

KALLSYMS = """\
0000000000000000 A fixed_percpu_data
ffffffff81000000 T _stext
ffffffff81000000 T _text
ffffffff81000100 t show
ffffffff81000180 t show
ffffffff81000200 T tcp_v4_rcv
ffffffff81001000 T _etext
ffffffffc0000000 t show\t[fuse]
ffffffffc0000040 t init\t[fuse]
"""


@pytest.fixture
def kallsyms(tmp_path: Path) -> Path:
    """Return a small copy of /proc/kallsyms."""
    path = tmp_path / "kallsyms"
    path.write_text(KALLSYMS)
    return path


def told(path: Path, *what: str, code: int = 0) -> str:
    """Return what explain says, in one line."""
    result = elfsyms("explain", path, *what)
    assert result.returncode == code, result.stderr
    return " ".join(result.stdout.decode().split())


def test_a_listing_lists_itself(kallsyms: Path) -> None:
    """Without a filter the list of a text is the text, with one the lines that match."""
    assert elfsyms("list", kallsyms).stdout.decode() == KALLSYMS
    shown = [line for line in KALLSYMS.splitlines(keepends=True) if " show" in line]
    assert elfsyms("list", kallsyms, "--filter", "sh*").stdout.decode() == "".join(shown)


def test_a_map_of_a_kernel_lists_itself(sample: Callable[[str], Path], tmp_path: Path) -> None:
    """Maps of 32-bit kernels have addresses of eight digits, which stay."""
    for name in ("armhf-6.1", "amd64-6.12"):
        path = tmp_path / "System.map"
        path.write_bytes(elfsyms("list", sample(name), "--format", "system-map").stdout)
        assert elfsyms("list", path).stdout == path.read_bytes()


def test_sympos_counts_within_an_object(kallsyms: Path) -> None:
    """Symbols of one name are counted in the kernel and in each module by themselves."""
    found = json.loads(elfsyms("explain", kallsyms, "show", "--json").stdout)["answers"][0]["symbols"]
    assert [(s["module"], s["sympos"], s["same_name"]) for s in found] == [
        (None, 1, 2),
        (None, 2, 2),
        ("fuse", 1, 1),
    ]


def test_without_a_size_no_symbol_is_preferred() -> None:
    """Of several symbols of a name, an offset alone chooses none, not even the one whose size is not known."""
    text = parse_symbol_text(Path("map"), b"c0000100 T foo\nc0000200 T bar\nc0000300 T foo\n")
    assert text is not None
    assert len(text.explain("foo+0x10").symbols) == 2
    assert len(text.explain("foo+0x10/0x100").symbols) == 1


def test_an_address_above_all_symbols_is_none_s() -> None:
    """Where the last symbol ends a text does not tell, so nothing above it is said to be in it."""
    text = parse_symbol_text(Path("map"), b"c0000100 T foo\nc0000200 T bar\n")
    assert text is not None
    assert [symbol.name for symbol in text.explain("0xc0000200").symbols] == [b"bar"]
    assert [symbol.name for symbol in text.explain("0xc00001ff").symbols] == [b"foo"]
    assert text.explain("0xffff0000").symbols == ()


def test_thousands_at_one_address_are_counted_and_a_few_named() -> None:
    """Of many names at one address each says how many others there are, and names the first of them."""
    lines = b"".join(b"ffffffff81000000 T f%d\n" % number for number in range(5000))
    text = parse_symbol_text(Path("kallsyms"), lines)
    assert text is not None
    first, *_, last = text.explain("*").symbols
    assert (first.alias_count, last.alias_count) == (4999, 4999)
    assert first.aliases == tuple(b"f%d" % number for number in range(1, MOST_ALIASES + 1))
    assert last.aliases == tuple(b"f%d" % number for number in range(MOST_ALIASES))


def test_a_text_says_what_it_can(kallsyms: Path) -> None:
    """Names, aliases, offsets in traces, modules and addresses are found; what is absent is no more than that."""
    assert "aliases _stext" in told(kallsyms, "_text")
    assert "offset +0x10, at 0xffffffff81000210" in told(kallsyms, "RIP: 0010:tcp_v4_rcv+0x10/0xe00")
    assert "0xf is not 0xe00" in told(kallsyms, "tcp_v4_rcv+0x10/0xf")
    assert "in module fuse" in told(kallsyms, "init+0x4/0x20 [fuse]")
    assert told(kallsyms, "0xffffffff81000188").startswith("show listed address 0xffffffff81000180")
    assert "near tcp_v4_rcv" in told(kallsyms, "tcp_v4_recv", code=3)
    assert told(kallsyms, "kprobe:_text+0x188").startswith("show listed address 0xffffffff81000180")
    assert told(kallsyms, "tcp_v4_rcv()").startswith("tcp_v4_rcv listed")
    assert "absent" in told(kallsyms, "_text+0x188 [fuse]", code=3)


def test_hidden_addresses_are_told(tmp_path: Path) -> None:
    """A text of zeros, or of (null) as some releases print it, tells names alone, and says so."""
    for hidden in ("0000000000000000", "          (null)".strip()):
        path = tmp_path / "kallsyms"
        path.write_text(f"{hidden} T _text\n{hidden} t show\n")
        assert "may not see addresses" in told(path, "show")


def test_extents_are_those_of_the_kernel(sample: Callable[[str], Path]) -> None:
    """The distance to the next symbol is what explain finds in the vmlinux that the text was made of."""
    with load(sample("amd64-6.12")) as kernel:
        text = parse_symbol_text(Path("kallsyms"), list_lines(kernel))
        assert text is not None
        standing = Explainer(kernel).standing
        for index in range(40, len(standing.records) - 1, 331):
            what = standing.records.name(index).decode()
            extents = {symbol.extent for symbol in text.explain(what).symbols}
            assert standing.extent(index) in extents


@pytest.mark.parametrize("command", ["ledger", "stats"])
def test_who_needs_a_vmlinux_says_so(command: str, kallsyms: Path) -> None:
    """What a text cannot tell is refused, with the commands that take it."""
    assert "'elfsyms list' and 'elfsyms explain' take it" in sentence(elfsyms(command, kallsyms), 4)


def test_options_of_a_vmlinux_are_refused(kallsyms: Path) -> None:
    """A text does not tell what moves, nor what lies behind its names."""
    assert "which symbols move" in sentence(elfsyms("explain", kallsyms, "show", "--kaslr", "1c400000"), 2)
    assert "goes with a vmlinux" in sentence(elfsyms("list", kallsyms, "--csv"), 2)
    assert "matches 'nothing'" in sentence(elfsyms("list", kallsyms, "--filter", "nothing"), 3)


@pytest.mark.parametrize("command", [("list",), ("explain", "show")])
def test_what_chooses_a_table_is_refused_beside_a_text(command: tuple[str, ...], kallsyms: Path) -> None:
    """Another release or configuration changes nothing in a text, and who asks "what if" of one is told so."""
    told = sentence(elfsyms(command[0], kallsyms, *command[1:], "--no-all-symbols", "--release", "6.1"), 2)
    assert "--release and --no-all-symbols go with a vmlinux" in told


def test_a_module_has_no_tables_to_measure(tmp_path: Path) -> None:
    """No tables are made of a .ko file: it is told who takes it."""
    path = tmp_path / "fuse.ko"
    path.write_bytes(elf_file([Symbol("f", 0)], [Section(".text", 0, bytes(16), flags="ax")], kind=ET_REL))
    assert "symbolize --modules" in sentence(elfsyms(path, "-o", tmp_path / "x.o"), 4)
