# SPDX-License-Identifier: GPL-2.0-or-later
"""``elfsyms report KERNEL``: the facts of one kernel's page.

Everything that is shown is asked of the modules that answer it on the command line; here it is put in the order
of the page. What takes a whole list (the symbols) goes in as columns, and the page's own script shows it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from elfsyms.detect.banner import kernel_name, read_banner
from elfsyms.errors import EncodeError
from elfsyms.image.build_id import build_id
from elfsyms.inspect.entries import Entries, entries_of_kernel
from elfsyms.inspect.ledger import ledger as make_ledger
from elfsyms.inspect.sections import section_names
from elfsyms.inspect.size import longest_names, token_costs
from elfsyms.pipeline.filters import KEPT
from elfsyms.pipeline.table_sizes import table_sizes
from elfsyms.report.bytes_by_section import regions, section_bytes
from elfsyms.report.encode import joined_names, pack
from elfsyms.report.flow import branches
from elfsyms.report.names import duplicates, shared_addresses
from elfsyms.report.render import render
from elfsyms.report.tracing import trace_choices, trace_words, tracing
from elfsyms.report.words import escaped, kernel_words

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from elfsyms.pipeline.kernel import Kernel
    from elfsyms.pipeline.tables import Tables

__all__ = ["kernel_page", "kernel_title"]

SHADOWED = -2  # beside KEPT and the indices of rules
_TOKENS_SHOWN, _LONGEST = 16, 12


def kernel_page(kernel: Kernel) -> str:
    """Return the page of a kernel, as HTML."""
    entries = entries_of_kernel(kernel)
    tables, problem = _tables(kernel)
    sections, section = section_names(kernel, entries.symbol, "unknown")
    traced = tracing(kernel, entries)
    columns = _columns(entries, section, tables) | traced.columns
    if kernel.symbols_from != "symtab":  # the null entry of a table that was made is no entry
        columns = {name: column[entries.symbol != 0] for name, column in columns.items()}
    symbol = columns["symbol"]
    names = joined_names(
        kernel.symbols.strings, kernel.symbols.name_start[symbol], kernel.symbols.name_size[symbol]
    )
    data = {
        "kind": "kernel",
        "first": _first_shown(kernel, columns["address"]),
        "filters": _filters(kernel, sections, columns),
        "words": kernel_words(kernel, entries, sections) | _token_words(tables) | trace_words(),
    }
    return render(
        "kernel.html",
        pack(columns, names, growing=("address", "index", "stored")),
        data,
        title=kernel_title(kernel),
        head=_head(kernel),
        has_symtab=kernel.symbols_from == "symtab",
        problem=problem,
        ledger=(ledger := make_ledger(kernel)),
        flow=branches(ledger),
        tables=_table_facts(tables),
        regions=_regions(kernel, tables),
        tokens=_token_facts(tables),
        longest=_long_facts(tables),
        duplicates=duplicates(kernel, entries),
        aliases=shared_addresses(kernel, entries),
        tracing=traced,
        escaped=escaped,
        tokens_shown=_TOKENS_SHOWN,
    )


def kernel_title(kernel: Kernel) -> str:
    """Return how a kernel calls itself (``Linux 6.12.9-amd64``), else the name of its file."""
    name = kernel_name(read_banner(kernel.image, kernel.symbols) or b"")
    return f"Linux {name}" if name else kernel.image.path.name


def _first_shown(kernel: Kernel, address: NDArray[np.uint64]) -> int:
    """Return the row that the list shows first: what lies below the text is nobody's first question."""
    return int(address.searchsorted(np.uint64(kernel.verdicts.boundaries.text)))


def _head(kernel: Kernel) -> dict[str, str]:
    """Return what the page says about the file."""
    facts = {
        "file": kernel.image.path.name,
        "build-id": build_id(kernel.image),
        "release": kernel.release.name,
        "options": " ".join(kernel.options.given()) or "none",
        "nm": str(kernel.nm),
        "banner": escaped(read_banner(kernel.image, kernel.symbols) or b""),
    }
    return {name: text for name, text in facts.items() if text}


def _tables(kernel: Kernel) -> tuple[Tables | None, str]:
    """Return the tables, or why there are none: the page of a kernel that cannot be encoded says so."""
    try:
        return kernel.tables, ""
    except EncodeError as error:
        return None, str(error)


def _columns(entries: Entries, section: NDArray[np.int64], tables: Tables | None) -> dict[str, NDArray[Any]]:
    codes = np.zeros(len(entries), np.int64)
    if tables is not None:
        kept = entries.index >= 0
        codes[kept] = tables.name_sizes[entries.index[kept]]
    return {
        "symbol": entries.symbol,
        "address": entries.address,
        "size": entries.size,
        "section": section,
        "binding": entries.binding,
        "type": entries.type,
        "kind": entries.kind,
        "letter": entries.letter,
        "nm_letter": entries.nm_letter,
        "fate": np.where(entries.alias > 0, SHADOWED, entries.rule.astype(np.int64)),
        "map_rule": entries.map_rule,
        "index": entries.index,
        "alias": entries.alias,
        "aliases": entries.aliases,
        "decider": entries.decider,
        "sympos": entries.sympos,
        "alike": entries.alike,
        "stored": entries.stored,
        "moves": entries.moves,
        "percpu": entries.percpu,
        "bytes": codes,
    }


def _filters(kernel: Kernel, sections: list[str], columns: dict[str, NDArray[Any]]) -> list[dict[str, Any]]:
    """Return what the list can be narrowed by: each choice with the values that it lets through."""
    fate, letter = columns["fate"], columns["letter"]
    rules = kernel.release.book.rules
    dropped = sorted({int(i) for i in fate.tolist() if i >= 0}, key=lambda i: rules[i].id)
    fates: list[tuple[str, str, list[int]]] = [
        ("kept", "kept", [KEPT, SHADOWED]),
        ("shadowed", "shadowed by an alias", [SHADOWED]),
        ("dropped", "dropped, by any rule", dropped),
        *((rules[i].id, f"{rules[i].id} {rules[i].slug}", [i]) for i in dropped),
    ]
    letters = np.unique(letter).tolist()
    return [
        _filter("section", "Section", columns["section"], [(n, n, [i]) for i, n in enumerate(sections)]),
        _filter("letter", "Letter", letter, [(chr(c), chr(c), [c]) for c in letters]),
        _filter("fate", "Verdict", fate, fates),
        *_trace_filter(columns.get("ftrace")),
    ]


def _trace_filter(answers: NDArray[Any] | None) -> list[dict[str, Any]]:
    """Return the filter by who may trace; none where what is asked of is damaged."""
    return [] if answers is None else [_filter("ftrace", "Traceable", answers, trace_choices(answers))]


def _filter(
    column: str, label: str, values: NDArray[Any], choices: list[tuple[str, str, list[int]]]
) -> dict[str, Any]:
    found = dict(zip(*(part.tolist() for part in np.unique(values, return_counts=True)), strict=True))
    rows = [
        {"key": key, "label": text, "values": among, "count": sum(found.get(v, 0) for v in among)}
        for key, text, among in choices
    ]
    return {"column": column, "label": label, "choices": [row for row in rows if row["count"]]}


def _token_words(tables: Tables | None) -> dict[str, Any]:
    """Return what the script needs to put a name into tokens, and to count its bytes."""
    if tables is None:
        return {"pairs": [], "tokens": [], "widths": None}
    return {
        "pairs": [list(pair) for pair in tables.compressed.pairs],
        "tokens": [escaped(text) for text in tables.compressed.tokens],
        "widths": {
            "address": tables.addresses.entry_size(tables.abi),
            "sequence": tables.release.sequence_width,
        },
    }


def _table_facts(tables: Tables | None) -> list[tuple[str, int]]:
    if tables is None:
        return []
    sizes = ((f"kallsyms_{label}", size) for label, size in table_sizes(tables).items())
    return sorted(sizes, key=lambda row: -row[1])


def _regions(kernel: Kernel, tables: Tables | None) -> list[Any]:
    if tables is None:
        return []
    names, number = section_names(kernel, tables.records.symbol, "unknown")
    return regions(section_bytes(tables, names, number))


def _token_facts(tables: Tables | None) -> list[Any]:
    return [] if tables is None else list(token_costs(tables.compressed))


def _long_facts(tables: Tables | None) -> list[Any]:
    return [] if tables is None else list(longest_names(tables, _LONGEST))
