# SPDX-License-Identifier: GPL-2.0-or-later
"""``elfsyms ledger``: whatever is counted, it sums to the entries of ``.symtab``."""

from __future__ import annotations

import json
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from command import elfsyms
from conftest import sample_names
from elfmaker import Section, Symbol, vmlinux
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from imagemaker import boundary_tables, made_image

from elfsyms.cli.app import run
from elfsyms.detect.request import Findings
from elfsyms.errors import NotThereError
from elfsyms.inspect.ledger import GROUPS, UnbalancedError, entries_of, ledger
from elfsyms.pipeline.kernel import Kernel, load
from elfsyms.releases.format_history import find_release
from elfsyms.releases.options import Options

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

TEXT = 0xFFFFFFFF81000000
RELEASES = ("2.6.12", "2.6.32", "3.10", "4.4", "4.19", "5.4", "5.10", "6.1", "6.4", "6.12", "6.18", "7.3")


@pytest.fixture(scope="module")
def opened() -> Iterator[Callable[..., Kernel]]:
    """Return a function that loads a kernel, with a request, and closes it after the tests."""
    with ExitStack() as stack:
        yield lambda path, **request: stack.enter_context(load(path, **request))


@pytest.fixture(scope="module")
def kernels(sample: Callable[[str], Path], opened: Callable[..., Kernel]) -> dict[str, Kernel]:
    """Return every sample, read and listed."""
    return {name: opened(sample(name)) for name in sample_names()}


def as_of(kernel: Kernel, release: str, options: Options) -> Kernel:
    """Return a kernel to be treated as of another release; reading and listing are shared."""
    other = Kernel(kernel.image, kernel.request)
    found = Findings(find_release(release), options)
    other.__dict__.update(symbols=kernel.symbols, listing=kernel.listing, findings=found)
    return other


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.sampled_from(sample_names()), release=st.sampled_from(RELEASES), everything=st.booleans())
def test_it_always_adds_up(kernels: dict[str, Kernel], name: str, release: str, everything: bool) -> None:
    """Kept and dropped, by rule, section, letter and class, are the entries of .symtab, for every release."""
    kernel = as_of(kernels[name], release, Options(all_symbols=everything))
    account = ledger(kernel)
    assert account.kept + account.dropped_total == account.entries == len(kernel.symbols)
    for group in GROUPS:
        rows = account.groups[group]
        assert (sum(row.kept for row in rows), sum(row.total for row in rows)) == (
            account.kept,
            account.entries,
        )


def test_every_row_lists_its_symbols(kernels: dict[str, Kernel]) -> None:
    """The lists behind the rows have as many entries as the rows say, and share none."""
    kernel = as_of(kernels["arm64-6.1"], "6.1.192", Options())
    account = ledger(kernel)
    lists = [entries_of(kernel, "kept"), *(entries_of(kernel, row.rule.id) for row in account.dropped)]
    assert [len(entries) for entries in lists] == [account.kept, *(row.count for row in account.dropped)]
    assert len({symbol for entries in lists for symbol in entries}) == account.entries


def test_a_slug_lists_all_its_rules(kernels: dict[str, Kernel]) -> None:
    """A name that several rules share lists the symbols of all of them."""
    kernel = as_of(kernels["amd64-6.1"], "6.1.192", Options(all_symbols=True))
    rows = [row for row in ledger(kernel).dropped if row.rule.slug == "own-table"]
    assert len(rows) > 1
    assert len(entries_of(kernel, "own-table")) == sum(row.count for row in rows)


def test_an_unknown_row_is_an_error(kernels: dict[str, Kernel]) -> None:
    """What no ledger has is not there, and not an empty list."""
    with pytest.raises(NotThereError, match="KS999"):
        entries_of(kernels["amd64-6.1"], "KS999")


def test_what_does_not_add_up_is_an_error(kernels: dict[str, Kernel]) -> None:
    """A record that the verdicts do not account for is found."""
    kernel = as_of(kernels["amd64-7.3"], "7.3", Options(all_symbols=True))
    verdicts = kernel.verdicts
    stays = verdicts.stays.copy()
    stays[np.flatnonzero(stays)[0]] = False
    fewer = replace(verdicts, stays=stays, percpu=verdicts.percpu[1:])
    kernel.__dict__["verdicts"] = fewer
    with pytest.raises(UnbalancedError, match="does not add up"):
        ledger(kernel)


def remarks(
    path: Path, symbols: list[Symbol], opened: Callable[..., Kernel], **request: Any
) -> dict[str, int]:
    """Return the remarks about a little kernel of some symbols."""
    path.write_bytes(vmlinux([Symbol("_text", TEXT), Symbol("_stext", TEXT), *symbols], release="6.12.0"))
    return {remark.slug: remark.count for remark in ledger(opened(path, **request)).remarks}


def test_percpu_by_address(tmp_path: Path, opened: Callable[..., Kernel]) -> None:
    """A symbol of another section within the per-CPU addresses is marked per-CPU, and remarked upon."""
    symbols = [
        Symbol("__per_cpu_start", 0, ".data..percpu"),
        Symbol("low_data", 0x800, ".low", type="object"),
        Symbol("__per_cpu_end", 0x1000, ".data..percpu"),
    ]
    found = remarks(tmp_path / "vmlinux", symbols, opened, absolute_percpu=True)
    assert found == {"percpu-by-address": 1}


def test_absolute_kept(tmp_path: Path, opened: Callable[..., Kernel]) -> None:
    """A weak absolute symbol, whose letter is W, is kept, and remarked upon."""
    assert remarks(tmp_path / "vmlinux", [Symbol("number", TEXT, "ABS", "weak")], opened) == {
        "absolute-kept": 1
    }


def test_code_outside_and_data_inside(tmp_path: Path, opened: Callable[..., Kernel]) -> None:
    """Without --all-symbols, code outside the ranges goes and data inside them stays: both are remarked upon."""
    symbols = [
        Symbol("table", TEXT + 0x10, ".rodata.in.text", type="object"),
        Symbol("_etext", TEXT + 0x1000),
        Symbol("cleanup", TEXT + 0x9000, ".exit.text"),
    ]
    path = tmp_path / "vmlinux"
    path.write_bytes(vmlinux([Symbol("_stext", TEXT), *symbols]))
    assert remarks(path, symbols, opened, all_symbols=False)["data-inside"] == 1


def test_variables_of_an_executable_section_are_no_code(
    tmp_path: Path, opened: Callable[..., Kernel]
) -> None:
    """Data stays data where an object put code into its section: nothing is remarked upon when it goes."""
    path = tmp_path / "vmlinux"
    symbols = [
        Symbol("_stext", TEXT),
        Symbol("_etext", TEXT + 0x1000),
        Symbol("jiffies", TEXT + 0x9000, ".data"),
    ]
    path.write_bytes(vmlinux(symbols, sections=[Section(".data", TEXT + 0x9000, bytes(16), flags="wax")]))
    account = ledger(opened(path, release="6.12", all_symbols=False))
    assert [remark.slug for remark in account.remarks] == []


def test_first_code(kernels: dict[str, Kernel]) -> None:
    """Of 4.4's tables, those symbols are remarked upon that are relocated and should not be, or the reverse."""
    kernel = as_of(kernels["amd64-6.12"], "4.4", Options(all_symbols=True, absolute_percpu=True))
    remarked = {remark.slug: remark.count for remark in ledger(kernel).remarks}
    anchored = kernel.tables.addresses.anchored
    assert anchored is not None
    absolute = np.isin(kernel.tables.records.letter, list(b"Aa"))
    assert remarked.get("first-code", 0) == int(np.count_nonzero(anchored == absolute))


@pytest.mark.parametrize("view", ["rule", "section", "letter", "class"])
def test_the_sum_is_printed(view: str, tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    """Each view shows the number of entries, in 80 columns."""
    path = tmp_path / "vmlinux"
    path.write_bytes(vmlinux([Symbol("_text", TEXT), Symbol("number", 7, "ABS")]))
    assert run(["ledger", str(path), "--by", view]) == 0
    text = capsysbinary.readouterr().out.decode()
    assert "4" in text.split()
    assert max(map(len, text.splitlines())) <= 80


def test_an_image_has_no_entry_that_was_made_up(tmp_path: Path) -> None:
    """Of a file without a symbol table the entries are those of its tables, and nobody speaks of .symtab."""
    image = made_image(boundary_tables("6.12", (64, "<", 62)), 1, 1 << 16, banner="6.12.7-1-amd64")
    path = tmp_path / "vmlinuz"
    path.write_bytes(image.data)
    count = len(image.tables.records)
    answer = json.loads(elfsyms("ledger", path, "--json").stdout)
    assert (answer["entries"], answer["kept"], answer["by_rule"]) == (count, count, [])
    assert b".symtab" not in elfsyms("ledger", path).stdout


def test_json(tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    """``--json`` has its schema's name and rows that add up; a row's symbols have addresses as text."""
    path = tmp_path / "vmlinux"
    path.write_bytes(vmlinux([Symbol("_text", TEXT), Symbol("number", 7, "ABS")]))
    assert run(["ledger", str(path), "--json"]) == 0
    answer = json.loads(capsysbinary.readouterr().out)
    assert answer["schema"] == "elfsyms.ledger/1"
    assert answer["kept"] + sum(row["entries"] for row in answer["by_rule"]) == answer["entries"]
    assert run(["ledger", str(path), "--rule", "KS401", "--json"]) == 0
    row = json.loads(capsysbinary.readouterr().out)
    assert row["symbols"] == [{"address": "0x7", "nm_letter": "A", "section": "ABS", "name": "number"}]
