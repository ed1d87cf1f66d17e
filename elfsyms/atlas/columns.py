# SPDX-License-Identifier: GPL-2.0-or-later
"""The columns of every atlas, and how arrays become such columns, whatever a kernel was read from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from elfsyms.image.records import gather

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from elfsyms.atlas.identity import Identity

__all__ = ["FORMAT", "SCHEMA", "assemble", "letters", "names_array", "words"]

# The version of these columns, which stands in each file's metadata. It grows when a column goes or means another
# thing; a column more changes nothing for who reads the others.
FORMAT = 1
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
        pa.field("size_from", _WORD),
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


def names_array(pool: bytes, start: NDArray[np.int64], size: NDArray[np.int64]) -> pa.Array:
    """Return the names ``pool[start:start + size]`` as strings; bytes that are no UTF-8 are escaped."""
    text = gather(np.frombuffer(pool, np.uint8), start, size).tobytes()
    offsets = np.concatenate([[0], np.cumsum(size)]).astype(np.int32)
    if text.isascii():
        return pa.StringArray.from_buffers(len(size), pa.py_buffer(offsets), pa.py_buffer(text))
    ends = zip(offsets[:-1].tolist(), offsets[1:].tolist(), strict=True)
    return pa.array([text[a:b].decode("utf-8", "backslashreplace") for a, b in ends], pa.string())


def words(
    dictionary: Sequence[str], codes: NDArray[Any], missing: NDArray[np.bool_] | None = None
) -> pa.Array:
    """Return a column of few words: the code of each row is its index in the dictionary.

    Bytes of a file's words that are no UTF-8 are escapes, as in the names.
    """
    kept = codes if missing is None else np.where(missing, 0, codes)
    indices = pa.array(kept.astype(np.int32), mask=missing)
    texts = [
        word.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace") for word in dictionary
    ]
    return pa.DictionaryArray.from_arrays(indices, pa.array(texts, pa.string()))


def letters(codes: NDArray[np.uint8]) -> pa.Array:
    """Return a column of letters."""
    return words([chr(code) for code in range(256)], codes)


def _constant(value: str | int, type_: pa.DataType, rows: int) -> pa.Array:
    if isinstance(value, int):
        return pa.array(np.full(rows, value, np.int64), type_)
    return words([value], np.zeros(rows, np.int32))
