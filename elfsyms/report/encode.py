# SPDX-License-Identifier: GPL-2.0-or-later
"""Columns as text inside a page: typed arrays and names, deflated, in base64.

A page of 250,000 rows as JSON is 60 MB and takes seconds to parse. As columns it is 4 MB, and the browser has
its typed arrays 0.2 s after the page is there: ``DecompressionStream`` inflates, each column is a view.

A manifest (JSON) has the layout: for each column its name, the type of its numbers and where they lie.
Every column is as narrow as its values allow. Numbers of 64 bits, which JavaScript has no quick array of, are
two columns, ``NAME`` and ``NAME_high``. What grows from row to row is stored as differences, which deflate to
next to nothing. Names are one text, a line end behind each, so that ``^`` and ``$`` of a regular expression mean
what they say; bytes that are no UTF-8 are escaped as everywhere else, and so are line ends in a name.
"""

from __future__ import annotations

import base64
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from elfsyms.image.records import gather

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

__all__ = ["Packed", "joined_names", "pack"]

_LEVEL = 6  # 9 takes three times as long for 2 %
_ALIGNMENT = 4
_WIDTHS = {
    "u": ((1, 1 << 8), (2, 1 << 16), (4, 1 << 32)),
    "i": ((1, 1 << 7), (2, 1 << 15), (4, 1 << 31)),
}
_HALF = np.uint64(32)


@dataclass(frozen=True, slots=True)
class Packed:
    """Columns for a page: ``manifest`` is for JSON, ``text`` is base64 of what :mod:`zlib` deflated."""

    manifest: dict[str, Any]
    text: str


def pack(columns: Mapping[str, NDArray[Any]], names: bytes, growing: tuple[str, ...] = ()) -> Packed:
    """Pack columns of one length, and names as :func:`joined_names` returns them.

    ``growing`` names the columns to be stored as differences. Columns are integers or bools; what needs more
    than 32 bits becomes two columns.
    """
    parts: list[bytes] = []
    described: list[dict[str, Any]] = []
    offset = 0
    for name, values in _halved(columns):
        differences = name.removesuffix("_high") in growing
        kind, data = _narrowed(values, differences=differences)
        described.append({"name": name, "type": kind, "offset": offset, "differences": differences})
        padded = data + bytes(-len(data) % _ALIGNMENT)
        parts.append(padded)
        offset += len(padded)
    body = b"".join([*parts, names])
    rows = len(next(iter(columns.values())))
    manifest = {"rows": rows, "columns": described, "names": offset, "bytes": len(body)}
    return Packed(manifest, base64.b64encode(zlib.compress(body, _LEVEL)).decode("ascii"))


def joined_names(pool: bytes, start: NDArray[np.int64], size: NDArray[np.int64]) -> bytes:
    r"""Return the names ``pool[start:start + size]``, a line end behind each, as UTF-8.

    >>> joined_names(b"a\nbc\xff", np.array([4, 0]), np.array([1, 3]))
    b'\\xff\na\\nb\n'
    """
    with_end = np.frombuffer(pool.replace(b"\n", b"\1") + b"\0", np.uint8)
    starts = np.stack([start, np.full_like(start, len(pool))], axis=1).ravel()
    sizes = np.stack([size, np.ones_like(size)], axis=1).ravel()
    joined = gather(with_end, starts, sizes).tobytes()
    if b"\1" in joined:
        names = (
            pool[at : at + length].replace(b"\n", rb"\n")
            for at, length in zip(start.tolist(), size.tolist(), strict=True)
        )
        joined = b"".join(name + b"\0" for name in names)
    return joined.decode("utf-8", "backslashreplace").replace("\0", "\n").encode()


def _halved(columns: Mapping[str, NDArray[Any]]) -> list[tuple[str, NDArray[Any]]]:
    """Part the columns that need more than 32 bits into two."""
    halves: list[tuple[str, NDArray[Any]]] = []
    for name, values in columns.items():
        whole = values.astype(np.uint8) if values.dtype == np.bool_ else values
        if _width(whole):
            halves.append((name, whole))
            continue
        bits = whole.astype(np.uint64)
        halves += [(name, (bits << _HALF) >> _HALF), (f"{name}_high", bits >> _HALF)]
    return halves


def _width(values: NDArray[Any]) -> tuple[str, int] | None:
    """Return the narrowest type that holds all values, or None where 32 bits do not."""
    low, high = (int(values.min()), int(values.max())) if len(values) else (0, 0)
    kind = "i" if low < 0 else "u"
    return next(((kind, w) for w, end in _WIDTHS[kind] if high < end and -low <= end), None)


def _narrowed(values: NDArray[Any], *, differences: bool) -> tuple[str, bytes]:
    """Return the type of a column's numbers and its little-endian bytes."""
    found = _width(values)
    assert found is not None  # _halved saw to it
    kind, width = found
    if differences:  # modulo 2**32, so that signed ones need no care
        wrapped = values.astype(np.int64).astype(np.uint32)
        return f"{kind}4", np.diff(wrapped, prepend=np.uint32(0)).astype("<u4").tobytes()
    return f"{kind}{width}", values.astype(f"<{kind}{width}").tobytes()
