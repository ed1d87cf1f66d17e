# SPDX-License-Identifier: GPL-2.0-or-later
"""Everything that can be said of a symbol in one value, as a table of columns.

``list`` and ``explain`` show rows of these, as JSON, CSV or TSV; a new column is one row of :data:`COLUMNS`. A
column makes the values of many rows at once, from arrays, because a kernel has a quarter of a million of them.
What columns share is in ``rows.py``; how a value is written is its kind's business (``cli/column_text.py``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence  # noqa: TC003 (a dataclass names them)
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from elfsyms.image.demangle import demangled, may_be_mangled
from elfsyms.image.records import CODE_LETTERS
from elfsyms.image.symbols import CLASS_NAMES
from elfsyms.inspect.aliases import DECIDERS
from elfsyms.inspect.column_values import Coded, Numbers, sparse
from elfsyms.inspect.later_rules import later_rules
from elfsyms.inspect.rows import Rows, Which  # noqa: TC001 (a dataclass names them)
from elfsyms.inspect.sections import section_names
from elfsyms.inspect.symbol_facts import BINDINGS, TYPES
from elfsyms.pipeline.addresses import OFFSET_SIZE
from elfsyms.pipeline.filters import KEPT
from elfsyms.pipeline.tables import length_sizes
from elfsyms.releases.trace_rules import TRACE_RULES

if TYPE_CHECKING:
    from elfsyms.releases.rules import Rule

__all__ = ["COLUMNS", "DUPLICATE_COLUMNS", "EXPLAIN_COLUMNS", "LIST_COLUMNS", "Column", "column"]

Kind = Literal["address", "number", "text", "name", "names", "flag"]
_DECIDERS = (*DECIDERS["full"], "map", None)  # the code of a first alias is -1
_FLAG = (False, True)


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its name, its kind, what it says, and its values for some rows (None: nothing to say)."""

    name: str
    kind: Kind
    meaning: str
    values: Callable[[Rows, Which], Sequence[Any]]


def _demangled(rows: Rows, which: Which) -> Coded:
    names = rows.names(rows.entries.symbol[which])
    asked = np.flatnonzero(may_be_mangled(names.pool, names.start, names.size)).tolist()
    return sparse({at: demangled(names[at]) for at in asked}, len(which))


def _verdict(rows: Rows, which: Which) -> Coded:
    dropped = rows.entries.rule[which] != KEPT
    return Coded(("kept", "shadowed", "dropped"), np.where(dropped, 2, rows.shadowed[which]))


def _of_rule(say: Callable[[Rule], str], field: str = "rule") -> Callable[[Rows, Which], Coded]:
    """Return a column of what rules say; nothing of what none drops, whose code is -1."""
    return lambda rows, which: Coded((*map(say, rows.rules), None), getattr(rows.entries, field)[which])


def _next_rule(rows: Rows, which: Which) -> Coded:
    return Coded(
        (*(rule.id for rule in rows.rules), None), later_rules(rows.kernel, rows.entries.symbol[which])
    )


def _coded(field: str, words: dict[int, str], other: str) -> Callable[[Rows, Which], Coded]:
    """Return a column of words for a field's codes, which are bytes."""
    said = [words.get(code) or f"{other} {code}" for code in range(256)]
    return lambda rows, which: Coded(said, getattr(rows.entries, field)[which])


def _number(field: str) -> Callable[[Rows, Which], Numbers]:
    """Return a column of numbers; what is negative says nothing."""
    return lambda rows, which: Numbers(getattr(rows.entries, field)[which])


def _section(rows: Rows, which: Which) -> Coded:
    return Coded(*section_names(rows.kernel, rows.entries.symbol[which]))


def _letter(field: str) -> Callable[[Rows, Which], Coded]:
    return lambda rows, which: Coded([chr(code) for code in range(256)], getattr(rows.entries, field)[which])


def _aliases(rows: Rows, which: Which) -> Coded:
    """Return the names of the other symbols at the same address, in table order."""
    entries, kept = rows.entries, rows.kernel.ordered.records
    values: list[list[bytes] | None] = [None, []]
    codes = (entries.index[which] >= 0).astype(np.int64)
    for at in np.flatnonzero(entries.aliases[which] > 1).tolist():
        row = int(which[at])
        index = int(entries.index[row])
        first = index - int(entries.alias[row])
        codes[at] = len(values)
        values.append([kept.name(i) for i in range(first, first + int(entries.aliases[row])) if i != index])
    return Coded(values, codes)


def _decided_by(rows: Rows, which: Which) -> Coded:
    return Coded(_DECIDERS, rows.entries.decider[which])


def _file(rows: Rows, which: Which) -> Coded:
    files, codes = np.unique(rows.files[rows.entries.symbol[which]], return_inverse=True)
    names = (rows.kernel.symbols.name(file).decode("utf-8", "backslashreplace") for file in files.tolist())
    return Coded([name or None for name in names], codes)


def _range(rows: Rows, which: Which) -> Coded:
    """Return the names of the range that holds each address, ends included."""
    address = rows.kernel.symbols.value[rows.entries.symbol[which]]
    ranges = rows.kernel.release.ranges
    codes = np.zeros(len(which), np.int64)
    pairs = list(enumerate(rows.kernel.verdicts.boundaries.ranges, 1))
    for code, (first, last) in reversed(pairs):
        codes[(address >= np.uint64(first)) & (address <= np.uint64(last)) & bool(last)] = code
    return Coded([None, *("..".join(names) for names in ranges)], codes)


def _stored(rows: Rows, which: Which) -> Numbers:
    known = (rows.entries.index[which] >= 0) & (rows.entries.addresses is not None)
    return Numbers(rows.entries.stored[which], known)


def _flag(field: str) -> Callable[[Rows, Which], Coded]:
    """Return a column of yes and no."""
    return lambda rows, which: Coded(_FLAG, getattr(rows.entries, field)[which].view(np.uint8))


def _traced(question: str) -> Callable[[Rows, Which], Coded]:
    """Return a column of who may trace: yes, whose code is -1, or the rule that says no."""
    words = (*(rule.id for rule in TRACE_RULES), "yes")
    return lambda rows, which: Coded(words, rows.trace_rules(question)[rows.entries.symbol[which]])


def _most_bytes(rows: Rows, which: Which) -> Numbers:
    """Return the most that each takes: its name as if no token shortened it, its address, its sequence."""
    table = rows.entries.addresses
    wide = OFFSET_SIZE if table is None else table.entry_size(rows.kernel.image.abi)
    codes = rows.kernel.symbols.name_size[rows.entries.symbol[which]] + 1  # the letter is one
    release = rows.kernel.release
    return Numbers(wide + length_sizes(codes, release) + codes + release.sequence_width)


def _probe(rows: Rows, which: Which) -> Coded:
    """Return where to probe each of several functions of a name: at a distance from a symbol that is unique."""
    if rows.anchor is None:
        return sparse({}, len(which))
    entries, (name, anchor) = rows.entries, rows.anchor
    address = entries.address[which]
    several = (entries.alike[which] > 1) & np.isin(entries.letter[which], list(CODE_LETTERS.encode()))
    asked = np.flatnonzero(several & (address >= np.uint64(anchor)))
    places = (f"{name.decode()}+{at - anchor:#x}" for at in address[asked].tolist())
    return sparse(dict(zip(asked.tolist(), places, strict=True)), len(which))


COLUMNS: tuple[Column, ...] = (
    Column("address", "address", "where it is; moved by --kaslr", lambda r, w: Numbers(r.address[w])),
    Column("letter", "text", "the tables' letter, or nm's where it is dropped", _letter("letter")),
    Column("name", "name", "the name", lambda r, w: r.names(r.entries.symbol[w])),
    Column("demangled", "text", "a Rust name as its source has it (extra: rust)", _demangled),
    Column("size", "number", "bytes, by the file", lambda r, w: Numbers(r.entries.size[w])),
    Column("section", "text", "the section that it lies in, ABS or UND; empty where nothing tells", _section),
    Column("binding", "text", "LOCAL, GLOBAL, WEAK, UNIQUE", _coded("binding", BINDINGS, "binding")),
    Column("type", "text", "FUNC, OBJECT, NOTYPE and so on", _coded("type", TYPES, "type")),
    Column("sympos", "number", "its number among the symbols of its name, from 1", _number("sympos")),
    Column("same_name", "number", "how many symbols of the tables have its name", _number("alike")),
    Column("aliases", "names", "the other symbols at its address", _aliases),
    Column("rule", "text", "the rule that drops it", _of_rule(lambda rule: rule.id)),
    Column("verdict", "text", "kept, shadowed (by an alias) or dropped", _verdict),
    Column("object", "text", "the source file of a local symbol (STT_FILE)", _file),
    Column("slug", "text", "the rule's short name", _of_rule(lambda rule: rule.slug)),
    Column("reason", "text", "why the rule drops it", _of_rule(lambda rule: rule.reason)),
    Column("fix", "text", "what would keep it", _of_rule(lambda rule: rule.fix)),
    Column("stage", "text", "the stage that drops it", _of_rule(lambda rule: rule.stage)),
    Column("next_rule", "text", "what would drop it if its own rule did not", _next_rule),
    Column(
        "system_map_rule",
        "text",
        "what keeps it out of System.map",
        _of_rule(lambda rule: rule.id, "map_rule"),
    ),
    Column("entry", "number", "its index in .symtab", lambda r, w: Numbers(r.entries.symbol[w])),
    Column("class", "text", "relative, absolute, percpu or undefined", _coded("kind", CLASS_NAMES, "class")),
    Column("nm_letter", "text", "nm's letter", _letter("nm_letter")),
    Column("range", "text", "the kept range that holds it", _range),
    Column("index", "number", "its index in the tables, from 0", _number("index")),
    Column("decided_by", "text", "what puts another alias before it", _decided_by),
    Column("stored", "number", "the number in the address table", _stored),
    Column("moves", "flag", "whether it moves with KASLR", _flag("moves")),
    Column("percpu", "flag", "whether it is marked per-CPU", _flag("percpu")),
    Column("ftrace", "text", "whether ftrace and fprobes find it: yes, or the rule", _traced("ftrace")),
    Column("kprobe", "text", "whether a kprobe event takes its name: yes, or the rule", _traced("kprobe")),
    Column("fentry", "text", "whether BPF's fentry takes its name: yes, or the rule", _traced("fentry")),
    Column(
        "livepatch", "text", "whether a live patch can replace it: yes, or the rule", _traced("livepatch")
    ),
    Column("probe", "text", "where to probe it, where its name is not its own", _probe),
    Column("most_bytes", "number", "the most bytes that it takes in the tables", _most_bytes),
)

_BY_NAME = {column.name: column for column in COLUMNS}
_LIST = [
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


def column(name: str) -> Column:
    """Return a column by its name."""
    return _BY_NAME[name]


_DUPLICATES = ["address", "letter", "name", "sympos", "same_name", "section", "object"]
DUPLICATE_COLUMNS = tuple(_BY_NAME[name] for name in _DUPLICATES)
LIST_COLUMNS = tuple(_BY_NAME[name] for name in _LIST)
EXPLAIN_COLUMNS = COLUMNS
