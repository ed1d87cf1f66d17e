# SPDX-License-Identifier: GPL-2.0-or-later
"""``elfsyms explain``: the verdict is the filter's own, and each stage's evidence is what decided."""

from __future__ import annotations

import json
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from elfmaker import Section, Symbol, vmlinux

from elfsyms.cli.app import run
from elfsyms.detect.evidence import Labels
from elfsyms.image.suffixes import base_name
from elfsyms.inspect.columns import column
from elfsyms.inspect.explain import Explainer, explain
from elfsyms.inspect.explanation import Fate
from elfsyms.inspect.rows import Rows
from elfsyms.inspect.tokens import OwnTables, fewest_codes
from elfsyms.pipeline.filters import KEPT
from elfsyms.pipeline.kernel import Kernel, load
from elfsyms.pipeline.layout import table_bytes
from elfsyms.releases.rules import RULES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

TEXT = 0xFFFFFFFF81000000
DATA = 0xFFFFFFFF82000000
SYMBOLS = (
    Symbol("_text", TEXT),
    Symbol("_stext", TEXT),
    Symbol("start_it", TEXT + 0x100, size=0x40),
    Symbol("tcp_ack.isra.0", TEXT + 0x200, binding="local", size=0x20),
    Symbol("tcp_ack.cold", TEXT + 0x240, binding="local"),
    Symbol("__pfx_tcp_ack.isra.0", TEXT + 0x1F0, binding="local"),
    Symbol("twin", TEXT + 0x300, binding="local"),
    Symbol("twin", TEXT + 0x340, binding="local"),
    Symbol("weak_one", TEXT + 0x400, binding="weak"),
    Symbol("_under", TEXT + 0x400),
    Symbol("__begin", TEXT + 0x400),
    Symbol("__start_it", TEXT + 0x400),
    Symbol("zz_strong", TEXT + 0x400),
    Symbol("_etext", TEXT + 0x1000),
    Symbol("__crc_start_it", 0x1234, "ABS", "local", "notype"),
    Symbol("jiffies", DATA, ".data", type="object", size=8),
    Symbol("x" * 600, TEXT + 0x500),
    Symbol("a_number", 0x77, "ABS", type="notype"),
)


@pytest.fixture
def opened() -> Iterator[Callable[..., Kernel]]:
    """Return a function that loads a kernel, with a request, and closes it after the test."""
    with ExitStack() as stack:
        yield lambda path, **request: stack.enter_context(load(path, **request))


@pytest.fixture
def kernel(tmp_path: Path, opened: Callable[..., Kernel]) -> Callable[..., Kernel]:
    """Return a function that loads the little kernel above, with a request."""
    path = tmp_path / "vmlinux"
    path.write_bytes(vmlinux(SYMBOLS))
    return lambda **request: opened(path, **request)


def rule_id(kernel: Kernel, what: str) -> str | None:
    """Return the id of the rule that drops a symbol."""
    (facts,) = explain(kernel, what).symbols
    return facts.rule.id if facts.rule else None


def test_verdicts_are_those_of_the_filters(
    opened: Callable[..., Kernel], sample: Callable[[str], Path]
) -> None:
    """What explain says of an entry is the rule that the tables were made with, for every entry."""
    kernel = opened(sample("amd64-6.12"), all_symbols=False)
    explainer = Explainer(kernel)
    for symbol in range(0, len(kernel.symbols), 7):
        facts = explainer.facts(symbol)
        given = kernel.verdicts.rule[symbol]
        assert facts.rule == (None if given == KEPT else RULES[given])
        assert (facts.position is None) == (facts.rule is not None)


def test_a_dropped_symbol_stops_at_its_stage(kernel: Callable[..., Kernel]) -> None:
    """The stages before the rule's own are passed, those behind it are not reached."""
    (facts,) = explain(kernel(), "__crc_start_it").symbols
    assert [(step.stage, step.reached, step.rule is not None) for step in facts.steps] == [
        ("nm", True, False),
        ("map", True, True),
        ("read", False, False),
        ("range", False, False),
    ]


@pytest.mark.parametrize(
    ("what", "request_", "rule"),
    [
        ("jiffies", {"all_symbols": False}, "KS501"),
        ("jiffies", {"all_symbols": True}, None),
        ("x" * 600, {}, "KS302"),
        ("a_number", {}, "KS401"),
        ("__crc_start_it", {}, "KS201"),
        ("__crc_start_it", {"release": "5.10"}, "KS401"),
    ],
)
def test_what_if(
    kernel: Callable[..., Kernel], what: str, request_: dict[str, Any], rule: str | None
) -> None:
    """Release and options of the request decide, not those of the file."""
    assert rule_id(kernel(**request_), what) == rule


def test_aliases_name_the_first_and_what_put_it_there(kernel: Callable[..., Kernel]) -> None:
    """Each alias behind the first is shadowed, by the first ordering rule that tells the two apart."""
    answers = {
        name: explain(kernel(), name) for name in ("zz_strong", "_under", "__begin", "__start_it", "weak_one")
    }
    decided = {name: answer.symbols[0].position.decided_by for name, answer in answers.items()}  # type: ignore[union-attr]
    assert decided == {
        "zz_strong": "",
        "_under": "underscores",
        "__begin": "underscores",
        "__start_it": "linker script",
        "weak_one": "weak",
    }
    assert answers["zz_strong"].fate is Fate.KEPT
    assert answers["weak_one"].fate is Fate.SHADOWED


def test_equal_aliases_are_decided_by_the_map(kernel: Callable[..., Kernel]) -> None:
    """Where no key of the order tells aliases apart, their order in the map does."""
    (facts,) = explain(kernel(), "_text").symbols
    assert facts.position is not None
    assert (facts.fate, facts.position.decided_by) == (Fate.SHADOWED, "map")


def test_symbols_of_one_name_are_counted_in_table_order(kernel: Callable[..., Kernel]) -> None:
    """Sympos counts from 1 among all symbols of a name, by address."""
    found = explain(kernel(), "twin").symbols
    positions = {facts.value: facts.position.sympos for facts in found if facts.position}
    assert positions == {TEXT + 0x300: 1, TEXT + 0x340: 2}


def test_many_of_one_name_are_counted_alike(
    opened: Callable[..., Kernel], sample: Callable[[str], Path]
) -> None:
    """A glob's many symbols get the sympos that each would get alone."""
    kernel = opened(sample("amd64-6.12"))
    together = explain(kernel, "__f*").symbols
    assert len(together) > 20
    for facts in together:
        alone = next(
            one for one in explain(kernel, facts.name.decode()).symbols if one.symbol == facts.symbol
        )
        assert alone == facts


def test_an_address_inside_a_function(kernel: Callable[..., Kernel]) -> None:
    """An address is explained by the symbol around it, with what a trace shows."""
    answer = explain(kernel(), f"{TEXT + 0x110:#x}")
    assert [facts.name for facts in answer.symbols] == [b"start_it"]
    assert answer.lookup is not None
    assert (answer.lookup.name, answer.lookup.offset) == (b"start_it", 0x10)


def test_an_offset_in_a_trace(kernel: Callable[..., Kernel]) -> None:
    """NAME+OFFSET/SIZE, as an oops has it, is the address that it means."""
    assert explain(kernel(), "start_it+0x10/0x40").address == TEXT + 0x110


def test_a_trace_may_mislead(kernel: Callable[..., Kernel]) -> None:
    """Where the symbol around an address is dropped, the lookup tells which other one a trace shows."""
    answer = explain(kernel(all_symbols=False), f"{DATA + 4:#x}")
    assert answer.fate is Fate.DROPPED
    assert answer.lookup is not None
    assert answer.lookup.name == b"_etext"


def test_an_absent_name_has_its_variants(kernel: Callable[..., Kernel]) -> None:
    """What the compiler renamed is found by the name in the source."""
    answer = explain(kernel(), "tcp_ack")
    assert answer.fate is Fate.ABSENT
    assert [near.name for near in answer.near] == [
        b"tcp_ack.isra.0",
        b"tcp_ack.cold",
        b"__pfx_tcp_ack.isra.0",
    ]


def test_an_absent_name_has_close_spellings(kernel: Callable[..., Kernel]) -> None:
    """A slip of a letter finds the name that was meant."""
    assert [near.name for near in explain(kernel(), "jiffiez").near] == [b"jiffies"]


def test_a_variant_leads_to_its_kin(kernel: Callable[..., Kernel]) -> None:
    """Another number of the same suffix is no obstacle."""
    assert b"tcp_ack.isra.0" in [near.name for near in explain(kernel(), "tcp_ack.isra.5").near]


@pytest.mark.parametrize(
    "name", [b"f.isra.0", b"f.constprop.12", b"f.part.3.cold", b"f.llvm.123456", b"f.lto_priv.0", b"f"]
)
def test_stem(name: bytes) -> None:
    """The stem is the name in the source, whatever compilers put behind it."""
    assert base_name(name) == b"f"


def test_the_fix_may_not_be_enough(opened: Callable[..., Kernel], tmp_path: Path) -> None:
    """What lies outside the ranges, and would be dropped for its name as well, says so."""
    path = tmp_path / "vmlinux"
    path.write_bytes(vmlinux([*SYMBOLS, Symbol("a_veneer", DATA + 8, ".data")], release="4.19.0"))
    (facts,) = explain(opened(path, all_symbols=False), "a_veneer").symbols
    assert facts.rule is not None
    assert facts.next_rule is not None
    assert (facts.rule.id, facts.next_rule.slug) == ("KS501", "veneer")


def test_token_sequences_of_the_tables_that_we_make(kernel: Callable[..., Kernel]) -> None:
    """With ``tokens``, the texts of the codes are the letter and the name."""
    (facts,) = explain(kernel(), "start_it", tokens=True).symbols
    assert facts.token_sequence is not None
    assert b"".join(facts.token_sequence.texts) == b"Tstart_it"
    assert facts.cost.exact


@pytest.mark.parametrize("name", ["amd64-5.10", "amd64-6.1", "s390x-7.2", "armhf-6.1"])
def test_token_sequences_of_the_tables_inside(
    opened: Callable[..., Kernel], name: str, sample: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tables inside the image are read for one symbol as they were made for all."""
    kernel = opened(sample(name))
    memory = {
        number: table_bytes(kernel.tables, label)
        for number, label in enumerate(("names", "markers", "token_table", "token_index"), start=1)
    }
    bases = {
        label: number << 32
        for number, label in enumerate(("names", "markers", "token_table", "token_index"), 1)
    }
    monkeypatch.setattr("elfsyms.inspect.tokens.find_tables", lambda _: Labels(tuple(bases.items())))

    def read_some(address: int, most: int) -> bytes:
        start = address & 0xFFFFFFFF
        return memory[address >> 32][start : start + most]

    monkeypatch.setattr(kernel.image, "read_some", read_some)
    monkeypatch.setattr(kernel.image, "read", read_some)
    own = OwnTables(kernel)
    records = kernel.tables.records
    for index in range(0, len(records), 97):
        text = bytes([int(records.letter[index])]) + records.name(index)
        sequence = own.sequence(index, text)
        assert sequence is not None
        assert sequence.size == kernel.tables.name_sizes[index]
        assert own.sequence(index, text + b"?") is None


@pytest.mark.parametrize(
    ("release", "length", "bytes_"), [("6.12.0", 126, 1), ("6.12.0", 127, 2), ("6.0.0", 127, 1)]
)
def test_a_long_name_may_take_two_bytes_of_length(
    opened: Callable[..., Kernel], tmp_path: Path, release: str, length: int, bytes_: int
) -> None:
    """What a symbol takes at most counts the second byte of a length over 127, where the release has it."""
    path = tmp_path / "vmlinux"
    path.write_bytes(vmlinux([*SYMBOLS, Symbol("y" * length, DATA + 8, ".data")], release=release))
    kernel = opened(path)
    (facts,) = explain(kernel, "y" * length).symbols
    assert facts.cost.name == bytes_ + 1 + length
    rows = Rows(kernel)
    which = rows.entries.rows_of(np.array([facts.symbol]))
    assert list(column("most_bytes").values(rows, which)) == [facts.cost.total]


def test_fewest_codes() -> None:
    """The estimate takes the fewest tokens; a byte that no token has counts as one."""
    assert fewest_codes(b"abcabc!", (b"a", b"b", b"c", b"ab", b"abc")) == 3


def test_out_of_range_is_told_by_the_symbol(opened: Callable[..., Kernel], tmp_path: Path) -> None:
    """Where the tables cannot be encoded, the verdict still stands, and the problem names the culprit."""
    path = tmp_path / "vmlinux"
    path.write_bytes(vmlinux([*SYMBOLS, Symbol("far_away", 0x1000, ".far")], release="6.18.0"))
    (facts,) = explain(opened(path), "start_it").symbols
    assert facts.fate is Fate.KEPT
    assert facts.encoding is not None
    assert "out of range" not in facts.encoding.problem
    assert "offsets reach" in facts.encoding.problem


@pytest.mark.parametrize(
    ("what", "code"),
    [
        (["start_it"], 0),
        (["weak_one"], 0),
        (["start_it", "a_number"], 1),
        (["nowhere_to_be_found"], 3),
        (["a_number", "nowhere_to_be_found"], 3),
        (["0x10"], 3),
        (["t*"], 0),
        (["q*"], 3),
    ],
)
def test_exit_codes(
    tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes], what: list[str], code: int
) -> None:
    """The command leaves with 0 for kept, 1 if any is dropped, 3 if any is not there; lines fit the screen."""
    path = tmp_path / "vmlinux"
    path.write_bytes(vmlinux(SYMBOLS))
    assert run(["explain", str(path), *what]) == code
    lines = capsysbinary.readouterr().out.decode().splitlines()
    assert lines
    assert max(map(len, lines)) <= 80


def test_json(tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    """``--json`` has its schema's name, the verdict, and addresses as text."""
    path = tmp_path / "vmlinux"
    path.write_bytes(vmlinux(SYMBOLS))
    assert run(["explain", str(path), "jiffies", "--no-all-symbols", "--json"]) == 1
    answer = json.loads(capsysbinary.readouterr().out)
    assert answer["schema"] == "elfsyms.explain/2"
    symbol = answer["answers"][0]["symbols"][0]
    assert (symbol["verdict"], symbol["rule"], symbol["address"]) == ("dropped", "KS501", f"{DATA:#x}")


def test_sections_give_the_class(opened: Callable[..., Kernel], tmp_path: Path) -> None:
    """A per-CPU symbol under ``--absolute-percpu`` stays where it is, and its letter becomes A."""
    path = tmp_path / "vmlinux"
    percpu = [
        Symbol("__per_cpu_start", 0, ".data..percpu", type="notype"),
        Symbol("this_cpu", 0x20, ".data..percpu", type="object"),
        Symbol("__per_cpu_end", 0x1000, ".data..percpu", type="notype"),
    ]
    sections = [Section(".data..percpu", 0, bytes(0x1000), flags="aw")]
    path.write_bytes(vmlinux([*SYMBOLS, *percpu], release="6.12.0", sections=sections))
    (facts,) = explain(opened(path, absolute_percpu=True), "this_cpu").symbols
    assert facts.encoding is not None
    assert (facts.table_letter, facts.encoding.stored, facts.encoding.moves) == ("A", 0x20, False)
