# SPDX-License-Identifier: GPL-2.0-or-later
"""Columns of many symbols: they say what explain says of each one, in JSON, CSV and TSV alike."""

from __future__ import annotations

import csv
import json
import re
from collections import Counter
from io import StringIO
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from command import elfsyms, sentence
from elfmaker import Symbol, vmlinux

from elfsyms.inspect.columns import COLUMNS, column
from elfsyms.inspect.explain import Explainer
from elfsyms.inspect.proc_kallsyms import list_lines, listed_symbols
from elfsyms.inspect.rows import Rows
from elfsyms.pipeline.kernel import Kernel, load
from elfsyms.trace.questions import ASKED

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from elfsyms.inspect.explanation import SymbolFacts

TEXT = 0xFFFFFFFF81000000
CASES = [
    ("amd64-6.12", {}),
    ("amd64-6.12", {"all_symbols": False}),
    ("amd64-5.10", {}),
    ("armhf-6.1", {"release": "4.19", "all_symbols": False}),
    ("mipsel-6.1", {}),
    ("s390x-7.2", {}),
]


def by_facts(kernel: Kernel, facts: SymbolFacts) -> dict[str, Any]:
    """Return what columns should say, from the facts about one symbol."""
    position, rule, encoding = facts.position, facts.rule, facts.encoding
    name = kernel.symbols.name
    mask = (1 << kernel.image.abi.bits) - 1
    return {
        "address": facts.value & mask,
        "letter": facts.table_letter or facts.letter,
        "name": facts.name,
        "size": facts.size,
        "section": facts.section,
        "binding": facts.binding,
        "type": facts.type,
        "sympos": position and position.sympos,
        "same_name": position and len(position.same_name),
        "aliases": position and [name(i) for i in position.aliases if i != facts.symbol],
        "rule": rule and rule.id,
        "verdict": facts.fate.value,
        "object": facts.source or None,
        "slug": rule and rule.slug,
        "reason": rule and rule.reason,
        "fix": rule and rule.fix,
        "stage": rule and rule.stage,
        "next_rule": facts.next_rule and facts.next_rule.id,
        "system_map_rule": facts.map_rule and facts.map_rule.id,
        "entry": facts.symbol,
        "class": facts.kind.name.lower(),
        "nm_letter": facts.letter,
        "range": facts.region and "..".join(facts.region),
        "index": position and position.index,
        "decided_by": (position and position.decided_by) or None,
        "stored": encoding and encoding.stored,
        "moves": bool(encoding and encoding.moves),
        "percpu": bool(encoding and encoding.percpu),
        **{question: by_trace_rules(facts, question) for question in ASKED},
        "probe": facts.probe and f"{facts.probe.anchor.decode()}+{facts.probe.offset:#x}",
    }


def by_trace_rules(facts: SymbolFacts, question: str) -> str:
    """Return who may trace a symbol, as its facts have it: what is no code in the tables by one of two rules."""
    if not facts.traced:
        return "not code"
    rule = facts.traced[question]
    return "yes" if rule is None else "not code" if rule.id == "TR101" else rule.id


@pytest.mark.parametrize(("name", "request_"), CASES)
def test_columns_say_what_explain_says(
    name: str, request_: dict[str, Any], sample: Callable[[str], Path]
) -> None:
    """Of every symbol, the columns made at once have the values of the facts collected for it alone."""
    with load(sample(name), **request_) as kernel:
        explainer, rows = Explainer(kernel), Rows(kernel)
        symbols = np.arange(0, len(kernel.symbols), 11)
        which = rows.entries.rows_of(symbols)
        made = {
            one.name: one.values(rows, which)
            for one in COLUMNS
            if one.name not in ("most_bytes", "demangled")
        }
        for index, symbol in enumerate(symbols.tolist()):
            wanted = by_facts(kernel, explainer.facts(symbol))
            told = {name: values[index] for name, values in made.items()}
            told |= {who: "not code" for who in ASKED if told[who] in ("TR101", "TR102")}
            assert told == wanted


def test_extents_are_those_that_traces_print(sample: Callable[[str], Path]) -> None:
    """The size up to the next symbol is the same for one symbol and for all; the last one's needs its end."""
    with load(sample("amd64-6.12")) as kernel:
        rows, standing = Rows(kernel), Explainer(kernel).standing
        which = rows.kept()
        extents = rows.extents[which].tolist()
        assert [standing.extent(i) for i in range(0, len(which) - 1, 53)] == extents[:-1:53]


def test_json_has_every_field(sample: Callable[[str], Path]) -> None:
    """``list --json`` tells of each symbol all that explain's JSON does under the same names."""
    path = sample("amd64-6.12")
    listed = json.loads(elfsyms("list", path, "--json", "--filter", "nmi*").stdout)["symbols"]
    explained = json.loads(elfsyms("explain", path, "nmi*", "--json").stdout)["answers"][0]["symbols"]
    fields = [
        "address",
        "letter",
        "name",
        "size",
        "section",
        "binding",
        "type",
        "sympos",
        "aliases",
        "rule",
        "verdict",
    ]
    assert [list(symbol) for symbol in listed] == [fields] * len(listed)
    kept = {symbol["entry"]: symbol for symbol in explained if symbol["verdict"] != "dropped"}
    assert [{f: s[f] for f in fields} for s in kept.values()] == sorted(
        listed, key=lambda s: [k["name"] for k in kept.values()].index(s["name"])
    )


@pytest.mark.parametrize("form", ["csv", "tsv"])
def test_tables_of_values_have_what_json_has(form: str, sample: Callable[[str], Path]) -> None:
    """CSV and TSV have the fields of the JSON in the same order, aliases with blanks between them."""
    path = sample("amd64-6.12")
    symbols = json.loads(elfsyms("list", path, "--json").stdout)["symbols"]
    text = elfsyms("list", path, f"--{form}").stdout.decode()
    delimiter = "," if form == "csv" else "\t"
    read = list(csv.DictReader(StringIO(text), delimiter=delimiter))
    assert [
        {**row, "size": int(row["size"]), "sympos": int(row["sympos"]), "aliases": row["aliases"].split(),
         "rule": row["rule"] or None}
        for row in read
    ] == symbols  # fmt: skip


def test_odd_names_do_not_break_a_table_of_values(tmp_path: Path) -> None:
    """Commas, quotes and tabs in names stay in their cells."""
    names = ['a,"b', "tab\tin"]
    path = tmp_path / "vmlinux"
    path.write_bytes(
        vmlinux([Symbol("_text", TEXT), *(Symbol(n, TEXT + 16 * i) for i, n in enumerate(names, 1))])
    )
    rows = list(csv.DictReader(StringIO(elfsyms("list", path, "--csv").stdout.decode())))
    assert [row["name"] for row in rows][1:3] == names
    assert b"\ttab\\tin\t" in elfsyms("list", path, "--tsv").stdout


def test_duplicates_are_all_that_have_a_name_in_common(tmp_path: Path) -> None:
    """Each symbol of an ambiguous name is listed, with its number among them and the object that it is from."""
    path = tmp_path / "vmlinux"
    symbols = [
        Symbol("first.c", 0, "ABS", "local", "file"),
        Symbol("show", TEXT + 0x10, binding="local"),
        Symbol("second.c", 0, "ABS", "local", "file"),
        Symbol("show", TEXT + 0x20, binding="local"),
        Symbol("only", TEXT + 0x30, binding="local"),
        Symbol("_text", TEXT),
        Symbol("show", TEXT + 0x40, binding="weak"),
    ]
    path.write_bytes(vmlinux(symbols))
    found = json.loads(elfsyms("list", path, "--duplicates", "--json").stdout)["symbols"]
    assert [(s["name"], s["sympos"], s["same_name"], s["object"]) for s in found] == [
        ("show", 1, 3, "first.c"),
        ("show", 2, 3, "second.c"),
        ("show", 3, 3, None),
    ]
    text = elfsyms("list", path, "--duplicates").stdout.decode()
    assert re.search(r"^ffffffff81000020  t  show  2 of 3  \.text  second\.c$", text, re.MULTILINE)
    assert "no symbol in the tables that several have" in sentence(
        elfsyms("list", path, "--duplicates", "--filter", "only"), 3
    )


def test_duplicates_of_a_kernel(sample: Callable[[str], Path]) -> None:
    """Against counting the names: no ambiguous one is missed, no other listed."""
    with load(sample("amd64-7.3")) as kernel:
        counts = Counter(symbol.name.decode() for symbol in listed_symbols(kernel))
    found = json.loads(elfsyms("list", sample("amd64-7.3"), "--duplicates", "--json").stdout)["symbols"]
    assert Counter(s["name"] for s in found) == {n: c for n, c in counts.items() if c > 1}


def test_names_by_glob_expression_and_file(sample: Callable[[str], Path], tmp_path: Path) -> None:
    """``--filter``, ``--regex`` and ``--from`` each leave what they match, and together what all match."""
    path = sample("amd64-6.12")
    with load(path) as kernel:
        lines = list_lines(kernel).decode().splitlines(keepends=True)
    listed = tmp_path / "names"
    listed.write_text("_text\nnmi_handle.part.0\nnot_there\n")

    def names(*arguments: str | Path) -> list[str]:
        return elfsyms("list", path, *arguments).stdout.decode().splitlines(keepends=True)

    assert names("--regex", "nmi_.*[0-9]$") == [x for x in lines if re.search(r"nmi_.*[0-9]$", x.split()[2])]
    assert names("--from", listed) == [x for x in lines if x.split()[2] in ("_text", "nmi_handle.part.0")]
    assert names("--from", listed, "--filter", "nmi*") == [
        x for x in lines if x.endswith(" nmi_handle.part.0\n")
    ]
    assert "no regular expression" in sentence(elfsyms("list", path, "--regex", "("), 2)
    assert "nothing to list: /dev/null has no line" in sentence(
        elfsyms("list", path, "--from", "/dev/null"), 2
    )
    assert "--json and --csv" in sentence(elfsyms("list", path, "--json", "--csv"), 2)


def test_a_column_has_one_name() -> None:
    """Columns are found by their names."""
    assert [column(one.name) for one in COLUMNS] == list(COLUMNS)
