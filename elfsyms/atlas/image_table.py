# SPDX-License-Identifier: GPL-2.0-or-later
"""A kernel without a symbol table as an Arrow table: what its own kallsyms tables tell, of any image.

They have names, addresses and letters, and the order in which a lookup finds aliases and names. What only an ELF
symbol table knows is null: sizes, sections, what was dropped and by which rule, who can trace it. The build-id
is read where the kernel itself has it, between ``__start_notes`` and ``__stop_notes``.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from elfsyms.atlas.columns import assemble, letters, names_array, words
from elfsyms.atlas.identity import make_identity
from elfsyms.decode.recover import recover
from elfsyms.errors import InputError
from elfsyms.image.build_id import build_id_in
from elfsyms.inspect.entries import same_names

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from elfsyms.decode.recover import Recovered
    from elfsyms.image.kernel_file import KernelFile

__all__ = ["image_table"]

_NOTES = (b"__start_notes", b"__stop_notes")
_MOST_NOTES = 1 << 16  # bytes


def image_table(file: KernelFile, release: str | None = None) -> pa.Table:
    """Return the symbols of the tables in an image; see :func:`elfsyms.decode.recover.recover` for errors."""
    found = recover(file, release)
    decoded = found.decoded
    records = decoded.records()
    alias = _alias_ranks(decoded.address)
    sympos, _ = same_names(records)
    columns = {
        "name": names_array(decoded.pool, decoded.start, decoded.size),
        "address": pa.array(decoded.address),
        "letter": letters(decoded.letter),
        "verdict": words(("kept", "shadowed"), (alias > 0).astype(np.int32)),
        "alias_rank": pa.array(alias.astype(np.int32)),
        "sympos": pa.array(sympos.astype(np.int32)),
    }
    version = found.version or decoded.release.version
    own = _build_id(found)
    identity = make_identity(
        found.banner, own or f"sha256-{_digest(found)}", own, version, decoded.abi, "tables"
    )
    return assemble(identity, columns, len(decoded))


def _alias_ranks(address: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Count each symbol among those at its address, in table order, from 0."""
    order = np.argsort(address, kind="stable")
    ordered = address[order]
    rank = np.empty(len(address), np.int64)
    rank[order] = np.arange(len(address)) - ordered.searchsorted(ordered, "left")
    return rank


def _build_id(found: Recovered) -> str:
    """Return the build-id in the kernel's own notes, empty where they cannot be found."""
    addresses = _addresses(found, _NOTES)
    if len(addresses) < len(_NOTES):
        return ""
    start, stop = (addresses[name] for name in _NOTES)
    if not start < stop <= start + _MOST_NOTES:
        return ""
    try:
        return build_id_in(found.memory.read(start, stop - start), found.decoded.abi.byte_order)
    except InputError:
        return ""


def _addresses(found: Recovered, names: tuple[bytes, ...]) -> dict[bytes, int]:
    rows = zip(found.decoded.names(), found.decoded.address.tolist(), strict=True)
    return {name: address for name, address in rows if name in names}


def _digest(found: Recovered) -> str:
    """Return what tells these tables from others."""
    decoded = found.decoded
    digest = hashlib.sha256(decoded.address.astype("<u8").tobytes())
    digest.update(decoded.letter.tobytes())
    digest.update(b"\0".join(decoded.names()))
    return digest.hexdigest()[:40]
