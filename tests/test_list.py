# SPDX-License-Identifier: GPL-2.0-or-later
"""``elfsyms list``: the lines of ``/proc/kallsyms``, from the file alone."""

from __future__ import annotations

import json
import re
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from conftest import sample_names
from elfmaker import Symbol, vmlinux
from everyday import the_rest_slow

from elfsyms.cli.app import run
from elfsyms.detect.request import Findings
from elfsyms.errors import EncodeError, NotThereError, UsageError
from elfsyms.inspect.proc_kallsyms import list_lines, listed_symbols
from elfsyms.pipeline.addressing import addresses_of
from elfsyms.pipeline.kernel import Kernel, load
from elfsyms.releases.format_history import find_release
from elfsyms.releases.options import Options

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

TEXT = 0xFFFFFFFF81000000
SHIFT = 0x1C000000
PERCPU = {"all_symbols": True, "absolute_percpu": True}

# Each form of the address table by the release and options that make it, and whether per-CPU symbols stay.
FORMS = [
    ("2.6.12", {}, "word", "all"),
    ("4.4", PERCPU, "word", "percpu"),
    ("4.6", PERCPU, "word", "percpu"),
    ("5.10", PERCPU | {"base_relative": True}, "base", "percpu"),
    ("6.12", PERCPU, "base", "percpu"),
    ("6.18", {}, "base", "none"),
    ("7.3", {"pc_relative": True}, "pc-relative", "none"),
    ("7.3", {}, "plain", "all"),
]


@pytest.fixture
def opened() -> Iterator[Callable[..., Kernel]]:
    """Return a function that loads a kernel, with a request, and closes it after the test."""
    with ExitStack() as stack:
        yield lambda path, **request: stack.enter_context(load(path, **request))


@pytest.mark.parametrize(
    "name",
    the_rest_slow(
        [name for name in sample_names() if name != "amd64-edge-a"], lambda place, _: place % 3 == 0
    ),
)
def test_it_is_what_the_tables_say(
    name: str, sample: Callable[[str], Path], opened: Callable[..., Kernel]
) -> None:
    """The lines are the tables' records in their order, each a pointer's digits, a letter and a name."""
    kernel = opened(sample(name))
    digits = kernel.image.abi.bits // 4
    lines = list_lines(kernel).splitlines()
    assert all(re.fullmatch(rb"[0-9a-f]{%d} \S .+" % digits, line) for line in lines)
    records = kernel.tables.records
    mask = np.uint64((1 << kernel.image.abi.bits) - 1)
    wanted = [
        b"%0*x %c %b" % (digits, address, letter, name)
        for address, letter, name in zip(
            (records.address & mask).tolist(), records.letter.tolist(), records.names(), strict=True
        )
        if name
    ]
    assert lines == wanted


def test_all_symbols_is_the_system_map_sorted(
    sample: Callable[[str], Path], opened: Callable[..., Kernel]
) -> None:
    """With --all-symbols since 6.1, the list has System.map's names, less what the generator itself refuses."""
    kernel = opened(sample("s390x-7.2"), all_symbols=True)
    in_map = sorted(line[19:] for line in kernel.system_map.splitlines() if line[17:18] not in b"Aa")
    assert sorted(symbol.name for symbol in listed_symbols(kernel)) == in_map


@pytest.mark.parametrize(("release", "options", "form", "staying"), FORMS)
def test_what_kaslr_moves(
    release: str,
    options: dict[str, Any],
    form: str,
    staying: str,
    sample: Callable[[str], Path],
    opened: Callable[..., Kernel],
) -> None:
    """What the release's tables relate to _text moves; what they hold as numbers stays."""
    file = opened(sample("amd64-6.12" if staying != "none" else "amd64-7.3"))
    kernel = Kernel(file.image, file.request)
    found = Findings(find_release(release), Options(**options))
    kernel.__dict__.update(symbols=file.symbols, listing=file.listing, findings=found)
    assert addresses_of(kernel).form == form
    before, after = list(listed_symbols(kernel)), list(listed_symbols(kernel, SHIFT))
    top = (1 << 64) - 1
    moved = {
        (b.address, b.letter): a.address == (b.address + SHIFT) & top
        for b, a in zip(before, after, strict=True)
    }
    assert all(
        a.address in (b.address, (b.address + SHIFT) & top) for b, a in zip(before, after, strict=True)
    )
    assert all(moves == expected_to_move(letter, staying) for (_, letter), moves in moved.items())


def expected_to_move(letter: str, staying: str) -> bool:
    """Tell whether a symbol moves, by its letter and what stays."""
    return staying == "none" or (staying == "percpu" and letter != "A")


def test_a_table_that_cannot_be_made_has_no_lines(tmp_path: Path, opened: Callable[..., Kernel]) -> None:
    """Where the release cannot encode the symbols there is no kernel to show them: it is the same error."""
    path = tmp_path / "vmlinux"
    path.write_bytes(vmlinux([Symbol("low", 0x1000, ".low"), Symbol("_text", TEXT)], release="6.18.0"))
    with pytest.raises(EncodeError, match="offsets reach"):
        list_lines(opened(path))


def test_filter(sample: Callable[[str], Path], opened: Callable[..., Kernel]) -> None:
    """A glob leaves the matching lines, in their order."""
    kernel = opened(sample("amd64-6.12"))
    every = [symbol for symbol in listed_symbols(kernel) if symbol.name.startswith(b"__ksymtab_")]
    assert every
    assert list(listed_symbols(kernel, glob="__ksymtab_*")) == every
    odd = [symbol for symbol in listed_symbols(kernel) if re.fullmatch(rb".*_[ab].*", symbol.name)]
    assert list(listed_symbols(kernel, glob="*_[ab]*")) == odd


@pytest.mark.parametrize("form", ["proc", "system-map"])
def test_the_command_prints_both_formats(
    form: str,
    sample: Callable[[str], Path],
    opened: Callable[..., Kernel],
    capsysbinary: pytest.CaptureFixture[bytes],
) -> None:
    """The command's output is the library's, to the byte."""
    path = sample("amd64-7.3")
    kernel = opened(path)
    assert run(["list", str(path), "--format", form]) == 0
    wanted = kernel.system_map if form == "system-map" else list_lines(kernel)
    assert capsysbinary.readouterr().out == wanted


def test_json(sample: Callable[[str], Path], capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    """``--json`` has its schema's name, and addresses as text."""
    assert run(["list", str(sample("armhf-6.1")), "--filter", "_stext", "--json"]) == 0
    answer = json.loads(capsysbinary.readouterr().out)
    assert answer["schema"] == "elfsyms.list/1"
    assert re.fullmatch("0x[0-9a-f]{8}", answer["symbols"][0]["address"])


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["--filter", "nothing_like_this*"], NotThereError),
        (["--kaslr", "many"], UsageError),
        (["--kaslr", "1000", "--format", "system-map"], UsageError),
        (["--format", "xml"], UsageError),
    ],
)
def test_wrong_requests(arguments: list[str], error: type[Exception], sample: Callable[[str], Path]) -> None:
    """What cannot be shown is an error with its own exit code."""
    with pytest.raises(error):
        run(["list", str(sample("amd64-7.3")), *arguments])


def test_a_filter_that_nothing_matches_is_told(sample: Callable[[str], Path]) -> None:
    """The sentence has the filter as it was given, an empty one too."""
    for glob in ("", "[", "no such"):
        with pytest.raises(NotThereError, match=re.escape(f"no symbol in the tables matches {glob!r}")):
            run(["list", str(sample("armhf-6.1")), "--filter", glob])


WHERE = {
    "name=*ere": ["here", "there"],
    "type=OBJECT name=*ere": ["there"],
    "type!=OBJECT name=*ere": ["here"],
    "ftrace=TR207 name=*e": ["here"],
    "ftrace!=yes name=*ere": ["here", "there"],
    "ftrace=TR101 name=the*": ["there"],
}


@pytest.mark.parametrize("conditions", list(WHERE))
def test_where_asks_of_each_symbol(
    conditions: str, tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    """``--where`` leaves the lines of which a column's value is so, by glob, and with ``!=`` the others."""
    path = tmp_path / "vmlinux"
    symbols = [
        Symbol("_text", 0x1000),
        Symbol("_stext", 0x1000),
        Symbol("_etext", 0x3000),
        Symbol("here", 0x2000),
    ]
    path.write_bytes(vmlinux([*symbols, Symbol("there", 0x4000, section=".data", type="object")]))
    options = [word for condition in conditions.split() for word in ("--where", condition)]
    assert run(["list", str(path), "--all-symbols", *options]) == 0
    shown = capsysbinary.readouterr().out.decode().splitlines()
    assert [line.split()[2] for line in shown] == WHERE[conditions]
    columns = ["--csv", "--columns", "name,kprobe"]
    assert run(["list", str(path), "--all-symbols", *options, *columns]) == 0
    table = capsysbinary.readouterr().out.decode().splitlines()
    kprobe = {"here": "TR317", "there": "TR101"}  # the file has no register_kprobe
    assert table == ["name,kprobe", *(f"{name},{kprobe[name]}" for name in WHERE[conditions])]


def test_what_is_not_known_is_no_no(tmp_path: Path) -> None:
    """A function of which the file cannot tell whether ftrace traces it is not among those that it cannot."""
    path = tmp_path / "vmlinux"
    path.write_bytes(vmlinux([Symbol("_text", 0x1000), Symbol("_stext", 0x1000), Symbol("here", 0x2000)]))
    with pytest.raises(NotThereError, match="no symbol in the tables matches ftrace=no"):
        run(["list", str(path), "--where", "ftrace=no"])


@pytest.mark.parametrize("wrong", [["--where", "colour=red"], ["--where", "red"], ["--columns", "name"]])
def test_a_condition_names_a_column(wrong: list[str], tmp_path: Path) -> None:
    """What is no condition or no column is refused, and so are columns of plain lines."""
    path = tmp_path / "vmlinux"
    path.write_bytes(vmlinux([Symbol("_text", 0x1000)]))
    with pytest.raises(UsageError):
        run(["list", str(path), *wrong])
