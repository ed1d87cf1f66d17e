# SPDX-License-Identifier: GPL-2.0-or-later
"""Tables found without labels, version or machine: every layout that the bytes allow, and the one that is proved.

    bytes ─ anchors │ plain_names ─> where names end ─ name_layouts ─> NameLayout
                                                     ─ address_layouts ─> AddressLayout ─> Found

Leaves out choosing one of the readings (``choosing.py``), and what the addresses are relative to (``recover.py``).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from elfsyms.decode.address_layouts import Boundaries, find_address_layouts, is_permutation
from elfsyms.decode.anchors import find_token_anchors
from elfsyms.decode.choosing import best_of
from elfsyms.decode.found import Found, NameStream, index_of
from elfsyms.decode.name_layouts import find_name_layouts
from elfsyms.decode.names import PLAIN_TOKENS, expand
from elfsyms.decode.plain_names import find_plain_names
from elfsyms.decode.waiting import fill_in
from elfsyms.errors import NotThereError
from elfsyms.image.raw_relocations import find_relative_relocations
from elfsyms.releases.table_labels import CODES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from mmap import mmap

    from numpy.typing import NDArray

    from elfsyms.decode.names import Texts
    from elfsyms.image.raw_relocations import RelativeRelocations

__all__ = ["search_tables"]

_LETTERS = b"ABCDGINRSTUVWabcdginrstuvwpei?-"
_BOUNDARY_NAMES = ("_text", "_stext", "_etext", "_end")
_PREFIXES = (b"", b"_")
_MOST_FOLLOWED = 16  # pairs of token tables: a kernel has one, a memory some copies; each may take 0.1 s
_TABLES = 4  # bytes that tables, and what else is in an image, are aligned to at least


def search_tables(
    data: bytes | mmap,
    name: str,
    *,
    word: int | None = None,
    byte_order: str | None = None,
    prefer: Callable[[Found], bool] = lambda _: False,
) -> Found:
    """Find the one set of tables in some bytes.

    ``word`` and ``byte_order`` leave out readings of other machines, where a header tells. ``prefer`` decides
    between readings for which equally much speaks, as the kernel's version would. Raises :class:`NotThereError`
    that says what was searched, :class:`AmbiguousError` where nothing decides.
    """
    octets = np.frombuffer(data, np.uint8)
    anchors, misses = find_token_anchors(octets)
    streams = [
        NameStream(
            anchor.byte_order, anchor.tokens, anchor.table, anchor.index, layout, anchor.index + 2 * CODES
        )
        for anchor in anchors[:_MOST_FOLLOWED]
        for layout in find_name_layouts(octets, anchor.table, anchor.byte_order)
    ]
    if not streams:
        streams = [
            NameStream(plain.byte_order, PLAIN_TOKENS, None, None, plain.layout, plain.behind)
            for plain in find_plain_names(data, octets)
        ]
    found = [reading for stream in streams for reading in _with_addresses(octets, stream)]
    found = [
        reading
        for reading in _filled(octets, found)
        if word in (None, reading.addresses.word) and byte_order in (None, reading.byte_order)
    ]
    if not found:
        raise NotThereError(_nothing(name, len(data), len(anchors), misses, len(streams)))
    return best_of(found, name, prefer)


def _with_addresses(octets: NDArray[np.uint8], stream: NameStream) -> Iterator[Found]:
    layout = stream.layout
    data = octets[layout.names : layout.names + int(layout.starts[-1])].tobytes()
    texts = expand(data, layout.starts, stream.tokens, layout.length_encodings[0])
    if not _lettered(texts):
        return
    proofs = [
        f"{layout.count:,} records begin where {-(-layout.count // CODES):,} markers say, letters are letters"
    ]
    if layout.sequences is not None:
        width = layout.form.sequence_width
        if not is_permutation(octets, layout.sequences, layout.count, width, stream.byte_order):
            return
        proofs.append(f"{layout.count:,} name sequences behind the markers are a permutation")
    boundaries = _boundaries(texts)
    for addresses in find_address_layouts(octets, stream.byte_order, layout, stream.behind, boundaries):
        yield Found(
            stream=stream,
            addresses=addresses,
            texts=texts,
            evidence=(*proofs, *addresses.evidence),
        )


def _filled(octets: NDArray[np.uint8], found: list[Found]) -> list[Found]:
    """Make the addresses that wait for relocations which the image has."""
    if not any(reading.addresses.waits for reading in found):
        return found
    phase = found[0].names.num_syms % _TABLES
    relocations = find_relative_relocations(octets[phase:], found[0].byte_order)
    if relocations is None:
        return found
    return [_fill(reading, relocations) if reading.addresses.waits else reading for reading in found]


def _fill(reading: Found, relocations: RelativeRelocations) -> Found:
    filled = fill_in(reading.addresses, relocations)
    proofs = reading.evidence[: len(reading.evidence) - len(reading.addresses.evidence)]
    return replace(reading, addresses=filled, evidence=(*proofs, *filled.evidence))


def _lettered(texts: Texts) -> bool:
    """Tell whether each text begins with a letter that some nm prints."""
    if not bool((texts.size > 0).all()):
        return False
    first = np.frombuffer(texts.pool, np.uint8)[texts.start]
    known = np.zeros(256, np.bool_)
    known[list(_LETTERS)] = True
    return bool(known.take(first).all())


def _boundaries(texts: Texts) -> Boundaries:
    found = {}
    for prefix in _PREFIXES:
        for name in _BOUNDARY_NAMES:
            index = index_of(texts, prefix + name.encode())
            if index is not None and name not in found:
                found[name] = index
    return Boundaries(found)


def _nothing(name: str, size: int, anchors: int, misses: int, streams: int) -> str:
    """Say what was searched, and how far it led."""
    seen = [f"{misses} rows of 256 rising numbers have no token texts in front"] if misses else []
    if anchors and not streams:
        first = f"the first {_MOST_FOLLOWED} of " if anchors > _MOST_FOLLOWED else ""
        seen.append(f"{first}{anchors:,} pairs of token tables have no names in front")
    if streams:
        seen.append("names are there, but no addresses that ascend")
    led = f" ({'; '.join(seen)})" if seen else ""
    return (
        f"{name} holds no kallsyms tables: {size:,} bytes were searched for token tables of any release and byte "
        f"order, and for names that are not compressed{led}"
    )
