# SPDX-License-Identifier: GPL-2.0-or-later
"""``stats``: what is listed sums to the whole, options are measured, and what cannot be measured is said."""

from __future__ import annotations

import gzip
import json
import shutil
from typing import TYPE_CHECKING

import pytest
from elfmaker import Symbol, vmlinux
from linkmaker import link_kernel

from elfsyms.cli.app import run
from elfsyms.inspect.packed_size import packed_sizes
from elfsyms.inspect.size import Cost, cost, longest_names
from elfsyms.pipeline.kernel import load
from elfsyms.pipeline.layout import table_bytes
from elfsyms.pipeline.linked import linked_tables
from elfsyms.pipeline.table_sizes import section_size, table_sizes

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

TEXT = 0xFFFFFFFF81000000


def measured(image: Path, **request: object) -> Cost:
    """Measure a kernel's tables without compressing them."""
    with load(image, **request) as kernel:
        return cost(kernel, pack=False)


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """Return a kernel of some functions and data, one of them with a long name."""
    symbols = [Symbol("_text", TEXT), Symbol("_stext", TEXT), Symbol("_etext", TEXT + 0x1000)]
    symbols += [Symbol(f"function_{i}", TEXT + 16 * (i + 1), binding="local") for i in range(40)]
    symbols += [Symbol(f"variable_{i}", TEXT + 0x2000 + 8 * i, ".data", type="object") for i in range(30)]
    symbols.append(Symbol("n" * 200, TEXT + 0x800))
    path = tmp_path / "vmlinux"
    path.write_bytes(vmlinux(symbols, release="6.12.0"))
    return path


@pytest.mark.parametrize("name", ["amd64-5.10", "amd64-7.3", "armhf-6.1"])
def test_tables_and_padding_sum_to_the_section(name: str, sample: Callable[[str], Path]) -> None:
    """No byte of the section is left out or counted twice."""
    answer = measured(sample(name))
    assert sum(table.size for table in answer.tables) + answer.padding == answer.total


@pytest.mark.parametrize(
    ("name", "release"),
    [
        *(("amd64-6.1", release) for release in ("4.5", "4.6", "7.3")),
        *(("i386-6.1", release) for release in ("2.6.39", "6.3")),
        *(("s390x-6.1", release) for release in ("2.6.12", "6.1", "6.8")),
    ],
)
def test_sizes_are_those_of_the_tables(name: str, release: str, sample: Callable[[str], Path]) -> None:
    """What is told of the tables without making them is what they have, in every form of twenty years."""
    with load(sample(name), release=release, all_symbols=True) as kernel:
        told, tables = kernel.sized_tables, kernel.tables
        made = {label: len(table_bytes(tables, label)) for label in tables.labels()}
        for one in (told, tables):
            assert table_sizes(one) == made
            assert section_size(one) == len(kernel.layout.blob)
        assert told.compressed.codes.tobytes() == tables.compressed.codes.tobytes()


def test_an_option_of_addresses_alone_has_the_same_names(sample: Callable[[str], Path]) -> None:
    """Names that an option does not change are not compressed again: its figures are those of its own tables."""
    path = sample("amd64-6.1")
    costs = {one.option: one for one in measured(path, base_relative=True).option_costs}
    without = measured(path, base_relative=False)
    assert costs["--base-relative"].bytes_without == sum(table.size for table in without.tables)
    assert costs["--base-relative"].symbols_without == without.symbols


def test_the_longest_names_come_first(sample: Callable[[str], Path]) -> None:
    """The longest names are those that a sort of all names by their length puts first, however many."""
    with load(sample("amd64-7.3")) as kernel:
        records = kernel.ordered.records
        names = sorted(records.names(), key=len, reverse=True)
        for count in (0, 1, 7, len(names), len(names) + 1):
            assert [one.name for one in longest_names(kernel.tables, count)] == names[:count]


@pytest.mark.parametrize("name", ["amd64-7.3", "mipsel-6.1"])
def test_what_tokens_save_sums_to_the_difference(name: str, sample: Callable[[str], Path]) -> None:
    """Every byte between plain and compressed names was saved by one replacement of one token."""
    answer = measured(sample(name))
    assert sum(token.replaced for token in answer.tokens) == answer.plain_names - answer.names


def test_tokens_come_by_what_they_save(sample: Callable[[str], Path]) -> None:
    """The first token saves most, all in all; its text and index are its price."""
    tokens = measured(sample("amd64-7.3")).tokens
    assert [t.saved for t in tokens] == sorted((t.saved for t in tokens), reverse=True)
    assert all(token.overhead == len(token.text) + 3 for token in tokens)


def test_the_cost_of_all_symbols_is_that_of_the_tables_without(small: Path) -> None:
    """What an option costs is the difference of two tables, whichever of them is the kernel's own."""
    with_it, without = (measured(small, all_symbols=given).option_costs[0] for given in (True, False))
    assert (with_it.option, with_it.given, without.given) == ("--all-symbols", True, False)
    assert with_it.difference == without.difference
    assert with_it.symbols_with is not None
    assert with_it.symbols_without is not None
    assert with_it.symbols_with - with_it.symbols_without >= 30


def test_an_option_that_cannot_be_taken_away_has_no_figure(tmp_path: Path) -> None:
    """Where the tables cannot be made without an option, its cost is not known, and no error."""
    path = tmp_path / "vmlinux"
    symbols = [Symbol("_text", TEXT), Symbol("far_below", 0x1000)]
    path.write_bytes(vmlinux(symbols, release="6.6.0"))
    answer = measured(path, all_symbols=True, base_relative=False)
    base = next(option for option in answer.option_costs if option.option == "--base-relative")
    assert base.bytes_with is None
    assert base.difference is None


def test_long_names_are_counted_and_shown(small: Path) -> None:
    """A name of more than 127 bytes is counted with all that it takes, and sorts first among the longest."""
    answer = measured(small, all_symbols=True)
    assert answer.long_names == 1
    assert answer.longest[0].name == b"n" * 200
    assert answer.long_bytes == answer.longest[0].size


def test_the_bytes_that_are_compressed_are_those_that_ld_links(tmp_path: Path) -> None:
    """Relocations are applied before compression: zeros would compress too well."""
    image = link_kernel(tmp_path).final
    with load(image, all_symbols=True) as kernel:
        tables = linked_tables(kernel)
        place = kernel.symbols.address_of(b"kallsyms_num_syms")
        assert place is not None
        assert tables == kernel.image.read(place, len(tables))


def test_gzip_is_that_of_gzip() -> None:
    """The figure is what ``gzip -9`` makes of the same bytes."""
    data = b"kallsyms" * 1000
    sizes = {packed.method: packed.size for packed in packed_sizes(data)}
    assert sizes["gzip -9"] == len(gzip.compress(data, 9))
    assert sizes["xz"] is not None


def test_what_cannot_be_measured_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the program zstd there is no figure, but a sentence."""
    monkeypatch.setattr(shutil, "which", lambda _: None)
    (zstd,) = (packed for packed in packed_sizes(b"kallsyms") if packed.method.startswith("zstd"))
    assert zstd.size is None
    assert "install" in zstd.missing


@pytest.mark.slow
def test_the_oldest_tokens_are_accounted_for(sample: Callable[[str], Path]) -> None:
    """The substrings of 2.6.12 save what their uses are shorter."""
    answer = measured(sample("i386-6.1"), release="2.6.12", all_symbols=True)
    assert sum(token.replaced for token in answer.tokens) == answer.plain_names - answer.names


def test_the_command_shows_tables_in_80_columns(small: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """The page has each table, the sum, options, compressed sizes and tokens."""
    assert run(["stats", str(small), "--all-symbols", "--packed"]) == 0
    lines = capfd.readouterr().out.splitlines()
    text = "\n".join(lines)
    assert all(word in text for word in ("kallsyms_names", "in all", "--all-symbols", "gzip -9", "token, of"))
    assert max(len(line) for line in lines[1:] if "n" * 200 not in line) <= 80


def test_json_has_the_figures_under_a_versioned_schema(
    small: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Another program finds bytes as numbers, and sums them to the total."""
    assert run(["stats", str(small), "--all-symbols", "--json"]) == 0
    facts = json.loads(capfd.readouterr().out)
    assert facts["schema"] == "elfsyms.stats/1"
    assert sum(facts["tables"].values()) + facts["padding"] == facts["total"]
    assert facts["packed"] == []
