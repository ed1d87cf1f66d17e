# SPDX-License-Identifier: GPL-2.0-or-later
"""The one reading of some bytes: that for which most speaks, and which says what its equals say.

A kernel has one set of tables, and memory may have it more than once: as it runs, and as a file that was read. The
same rows are one answer, and the copies are told. Two kernels are two answers, however much speaks for either, and
none is chosen.

Leaves out finding readings (``search.py``).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from elfsyms.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from elfsyms.decode.found import Found

__all__ = ["AmbiguousError", "best_of"]

_LOW = (1 << 32) - 1


class AmbiguousError(InputError):
    """The bytes allow several readings, and nothing tells which is right."""


def best_of(found: Sequence[Found], name: str, prefer: Callable[[Found], bool]) -> Found:
    """Return the one reading that remains, with its copies.

    ``prefer`` decides between kernels, and between readings of one for which equally much speaks. Raises
    :class:`AmbiguousError` where nothing does.
    """
    groups: dict[int | None, list[Found]] = {}
    for reading in found:
        groups.setdefault(reading.stream.token_index, []).append(reading)
    kernels = [_most_proved(group, name, prefer) for group in groups.values()]
    kernels = [kernel for kernel in kernels if not _unborn(kernel, kernels)]
    best, *copies = sorted(_one_kernel(kernels, name, prefer), key=lambda kernel: -_score(kernel))
    others = tuple(_told(reading) for reading in found if reading not in (best, *copies))
    return replace(
        best, copies=tuple(copies), others=others, evidence=(*best.evidence, *_copies_told(best, copies))
    )


def _most_proved(found: Sequence[Found], name: str, prefer: Callable[[Found], bool]) -> Found:
    """Return the reading of one kernel's tables for which most speaks; among equals that say the same, any."""
    most = max(map(_score, found))
    return _one_kernel([reading for reading in found if _score(reading) == most], name, prefer)[0]


def _unborn(kernel: Found, kernels: Sequence[Found]) -> bool:
    """Tell whether a kernel is the image of another one here, whose addresses relocations have filled in."""
    return kernel.addresses.waits and any(
        not other.addresses.waits and _same_texts(kernel, other) for other in kernels
    )


def _one_kernel(found: Sequence[Found], name: str, prefer: Callable[[Found], bool]) -> Sequence[Found]:
    """Return readings that all say the same: the preferred ones, if some are."""
    preferred = [reading for reading in found if prefer(reading)] or found
    if any(_says_other(reading, preferred[0]) for reading in preferred[1:]):
        told = "; ".join(_told(reading) for reading in preferred)
        raise AmbiguousError(
            f"{name}: its bytes can be read in {len(preferred)} ways, and nothing tells which is right ({told}): "
            "give --release"
        )
    return preferred


def _copies_told(best: Found, copies: Sequence[Found]) -> list[str]:
    if not copies:
        return []
    places = [f"{at:,}" for at in sorted(kernel.names.names for kernel in (best, *copies))]
    return [f"the same names and addresses lie {len(places)} times in it, at bytes {' and '.join(places)}"]


def _score(reading: Found) -> int:
    return len(reading.evidence) + reading.addresses.score + 2 * (reading.names.sequences is not None)


def _says_other(one: Found, other: Found) -> bool:
    """Tell whether two readings give other symbols.

    Whole addresses of 32 bits and plain ones of 7.0 are the same bytes, and distances do not show how wide a
    pointer is; they are the same in every copy of a kernel, wherever that lies.
    """
    forms = one.addresses.form, other.addresses.form
    return not (
        ("pc-relative" in forms) == (forms[0] == forms[1] == "pc-relative")
        and (one.names.names == other.names.names or _same_texts(one, other))
        and np.array_equal(_rows(one), _rows(other))
    )


def _rows(reading: Found) -> NDArray[np.uint64]:
    """Return the addresses; for distances, how far symbols lie from their table, in 32 bits."""
    if reading.addresses.form != "pc-relative":
        return reading.addresses.address
    return (reading.addresses.address - np.uint64(reading.addresses.offsets["offsets"])) & np.uint64(_LOW)


def _same_texts(one: Found, other: Found) -> bool:
    """Tell whether two tables at different offsets hold the same names: memory may have a kernel's file, too."""
    return np.array_equal(one.texts.size, other.texts.size) and one.texts.pool == other.texts.pool


def _told(reading: Found) -> str:
    """Say a reading in one line: its tables in order, the form of the addresses, how much speaks for it."""
    return (
        f"{', '.join(reading.order)} of {reading.names.count:,} symbols, addresses as {reading.addresses.form}, "
        f"{_score(reading)} points"
    )
