# SPDX-License-Identifier: GPL-2.0-or-later
"""A kernel without a symbol table as an Arrow table: what its own kallsyms tables tell, of any image.

Names, addresses and letters are the tables', sizes the kernel's own (up to the next higher address), sections
those of the image; who can trace a symbol is read from the image as from a vmlinux. What was dropped is in no
table: where the kernel's own System.map lies beside it, the map's lines are the rows, dropped ones with their rule.
The build-id is read where the kernel itself has it, between ``__start_notes`` and ``__stop_notes``.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from elfsyms.atlas.columns import assemble
from elfsyms.atlas.identity import make_identity
from elfsyms.atlas.table import kernel_columns
from elfsyms.decode.opening import kernel_of_tables, map_beside
from elfsyms.decode.recover import recover
from elfsyms.errors import InputError
from elfsyms.image.build_id import build_id_in

if TYPE_CHECKING:
    import pyarrow as pa

    from elfsyms.decode.recovered import Recovered
    from elfsyms.detect.request import Request
    from elfsyms.image.kernel_file import KernelFile

__all__ = ["image_table"]

_NOTES = (b"__start_notes", b"__stop_notes")
_MOST_NOTES = 1 << 16  # bytes


def image_table(file: KernelFile, request: Request) -> pa.Table:
    """Return the symbols of the tables in an image; see :func:`elfsyms.decode.recover.recover` for errors."""
    found = recover(file, request.release)
    system_map = map_beside(found)
    with kernel_of_tables(found, request, system_map) as kernel:
        columns, rows = kernel_columns(kernel)
    version = found.version or found.decoded.release.version
    own = _build_id(found)
    identity = make_identity(
        found.banner,
        own or f"sha256-{_digest(found)}",
        own,
        version,
        found.decoded.abi,
        "map" if system_map else "tables",
    )
    return assemble(identity, columns, rows)


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
