# SPDX-License-Identifier: GPL-2.0-or-later
"""One kernel as an Arrow table: a row a symbol, columns that mean the same for every kernel.

:func:`export_table` takes a path and gives a table, and needs nothing else, so that any engine can map it over any
number of kernels. Rows are sorted by name: a search by the begin of a name then reads a small part of a file.

The entries that nm lists are the rows; those of files and sections, which stand for no name, are left out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from elfsyms.atlas.identity import identify
from elfsyms.detect.request import Request
from elfsyms.errors import InputError
from elfsyms.image.symbols import SymbolClass
from elfsyms.inspect.entries import NOT_IN_TABLES, entries_of_kernel
from elfsyms.pipeline.filters import KEPT
from elfsyms.pipeline.kernel import load_with
from elfsyms.releases.trace_rules import TRACE_RULES
from elfsyms.trace.traceability import CAN, traceability

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from elfsyms.atlas.identity import Identity
    from elfsyms.inspect.entries import Entries
    from elfsyms.pipeline.kernel import Kernel

__all__ = ["SCHEMA", "assemble", "export_request", "export_table", "kernel_table", "names_array", "words"]

_WORD = pa.dictionary(pa.int32(), pa.string())

# The columns of every atlas. Those of a kernel come first, those of a symbol follow.
SCHEMA = pa.schema(
    [
        pa.field("id", _WORD, nullable=False),
        pa.field("kernel", _WORD, nullable=False),
        pa.field("release", _WORD, nullable=False),
        pa.field("release_order", pa.int64(), nullable=False),
        pa.field("flavour", _WORD, nullable=False),
        pa.field("architecture", _WORD, nullable=False),
        pa.field("series", _WORD, nullable=False),
        pa.field("build_id", _WORD, nullable=False),
        pa.field("source", _WORD, nullable=False),
        pa.field("name", pa.string(), nullable=False),
        pa.field("demangled", pa.string()),
        pa.field("address", pa.uint64(), nullable=False),
        pa.field("size", pa.uint64()),
        pa.field("section", _WORD),
        pa.field("letter", _WORD, nullable=False),
        pa.field("class", _WORD),
        pa.field("verdict", _WORD, nullable=False),
        pa.field("rule", _WORD),
        pa.field("alias_rank", pa.int32()),
        pa.field("sympos", pa.int32()),
        pa.field("traceable", pa.bool_()),
        pa.field("why_not", _WORD),
        pa.field("kprobe_why_not", _WORD),
        pa.field("fentry_why_not", _WORD),
        pa.field("livepatch_why_not", _WORD),
    ]
)

_NO_NAME = ("KS101", "KS102", "KS103")
_VERDICTS = ("kept", "shadowed", "dropped")
_CLASSES = {kind.value: kind.name.lower() for kind in SymbolClass}


def export_table(path: str | Path, **request: Any) -> pa.Table:
    """Return the symbols of a kernel as an Arrow table of the columns :data:`SCHEMA`, sorted by name.

    Keyword arguments are those of :func:`elfsyms.load`. Raises what that does.
    """
    return export_request(path, Request(**request))


def export_request(path: str | Path, request: Request) -> pa.Table:
    """Return what :func:`export_table` does, for a request made before."""
    with load_with(path, request) as kernel:
        return kernel_table(kernel)


def kernel_table(kernel: Kernel) -> pa.Table:
    """Return an open kernel's symbols; see :func:`export_table`."""
    entries = entries_of_kernel(kernel)
    rules = kernel.release.book.rules
    unnamed = [place for place, rule in enumerate(rules) if rule.id in _NO_NAME]
    rows = np.flatnonzero(~np.isin(entries.rule, unnamed))
    columns = _symbol_columns(kernel, entries, rows)
    columns |= _trace_columns(kernel, entries.symbol[rows])
    return assemble(identify(kernel), columns, len(rows))


def assemble(identity: Identity, columns: dict[str, pa.Array], rows: int) -> pa.Table:
    """Put a kernel's own columns before those of its symbols, and sort by name; what is missing is null."""
    own: dict[str, str | int] = {
        "id": identity.id,
        "kernel": identity.kernel,
        "release": identity.release,
        "release_order": identity.order,
        "flavour": identity.flavour,
        "architecture": identity.architecture,
        "series": identity.series,
        "build_id": identity.build_id,
        "source": identity.source,
    }
    arrays = []
    for field in SCHEMA:
        if field.name in own:
            arrays.append(_constant(own[field.name], field.type, rows))
        else:
            arrays.append(columns.get(field.name, pa.nulls(rows, field.type)))
    table = pa.Table.from_arrays(arrays, schema=SCHEMA)
    return table.take(pc.sort_indices(table, [("name", "ascending"), ("address", "ascending")]))


def _symbol_columns(kernel: Kernel, entries: Entries, rows: NDArray[np.int64]) -> dict[str, pa.Array]:
    rules = kernel.release.book.rules
    rule = entries.rule[rows].astype(np.int64)
    kept = entries.index[rows] != NOT_IN_TABLES
    verdict = np.where(rule != KEPT, 2, np.where(entries.alias[rows] > 0, 1, 0))
    return {
        "name": names_array(kernel.symbols.strings, *_places(kernel, entries.symbol[rows])),
        "address": pa.array(entries.address[rows]),
        "size": pa.array(entries.size[rows]),
        "section": _sections(kernel, entries.section[rows]),
        "letter": words([chr(code) for code in range(256)], entries.letter[rows]),
        "class": words([_CLASSES[i] for i in sorted(_CLASSES)], entries.kind[rows]),
        "verdict": words(_VERDICTS, verdict),
        "rule": words([one.id for one in rules], rule, rule == KEPT),
        "alias_rank": pa.array(entries.alias[rows].astype(np.int32), mask=~kept),
        "sympos": pa.array(entries.sympos[rows].astype(np.int32), mask=~kept),
    }


def _trace_columns(kernel: Kernel, symbols: NDArray[np.int64]) -> dict[str, pa.Array]:
    """Return who can trace the symbols: for each who asks the rule that says no, null for yes.

    Nothing, where what is asked of is damaged: the symbols stand without.
    """
    try:
        answers = traceability(kernel)
    except InputError:
        return {}
    ids = [rule.id for rule in TRACE_RULES]
    asked = {
        "why_not": answers.ftrace,
        "kprobe_why_not": answers.kprobe,
        "fentry_why_not": answers.fentry,
        "livepatch_why_not": answers.livepatch,
    }
    columns = {name: words(ids, verdict[symbols], verdict[symbols] == CAN) for name, verdict in asked.items()}
    return columns | {"traceable": pa.array(answers.ftrace[symbols] == CAN)}


def _places(kernel: Kernel, symbols: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    return kernel.symbols.name_start[symbols], kernel.symbols.name_size[symbols]


def _sections(kernel: Kernel, numbers: NDArray[np.int64]) -> pa.Array:
    distinct, place = np.unique(numbers, return_inverse=True)
    table = kernel.symbols
    names = [table.section_name(int(np.argmax(table.section == number))) for number in distinct.tolist()]
    return words(names, place)


def names_array(pool: bytes, start: NDArray[np.int64], size: NDArray[np.int64]) -> pa.Array:
    """Return the names ``pool[start:start + size]`` as strings; bytes that are no UTF-8 are escaped."""
    from elfsyms.image.records import gather  # noqa: PLC0415 (for this alone)

    text = gather(np.frombuffer(pool, np.uint8), start, size).tobytes()
    offsets = np.concatenate([[0], np.cumsum(size)]).astype(np.int32)
    if text.isascii():
        return pa.StringArray.from_buffers(len(size), pa.py_buffer(offsets), pa.py_buffer(text))
    ends = zip(offsets[:-1].tolist(), offsets[1:].tolist(), strict=True)
    return pa.array([text[a:b].decode("utf-8", "backslashreplace") for a, b in ends], pa.string())


def words(
    dictionary: Sequence[str], codes: NDArray[Any], missing: NDArray[np.bool_] | None = None
) -> pa.Array:
    """Return a column of few words: the code of each row is its place in the dictionary."""
    kept = codes if missing is None else np.where(missing, 0, codes)
    indices = pa.array(kept.astype(np.int32), mask=missing)
    return pa.DictionaryArray.from_arrays(indices, pa.array(dictionary, pa.string()))


def _constant(value: str | int, type_: pa.DataType, rows: int) -> pa.Array:
    if isinstance(value, int):
        return pa.array(np.full(rows, value, np.int64), type_)
    return words([value], np.zeros(rows, np.int32))
