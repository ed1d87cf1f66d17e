# SPDX-License-Identifier: GPL-2.0-or-later
"""Symbols that a release's offsets cannot reach: who is the stray, whose the base is, and what helps.

Offsets reach 2 or 4 GiB. Where a table does not fit, mostly a few symbols are far from the many, and one of those
may be the base that all offsets count from: then it is that one which is named, and not the many which are in their
places. What is offered as a fix was tried: another choice of options, or the symbols without the stray ones.

Follows the checks of ``scripts/kallsyms.c``, ``write_src``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from elfsyms.errors import EncodeError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from elfsyms.image.records import Records
    from elfsyms.pipeline.kernel import Kernel
    from elfsyms.pipeline.order import Ordered
    from elfsyms.releases.options import Options

__all__ = ["OutOfRangeError", "Reach", "check_reach", "with_fixes"]


_FEW = 3  # times the stray ones are at most as many as all


@dataclass(frozen=True, slots=True)
class Reach:
    """What offsets count from, as a number and in words, and how far they reach, in bytes and in words."""

    origin: int
    origin_name: str
    span: int
    limit: str


class OutOfRangeError(EncodeError):
    """A symbol that the release's offsets cannot reach; ``symbol`` is its entry in the symbol table.

    ``strays`` are the entries of all that are far from the many.
    """

    def __init__(self, symbol: int, strays: tuple[int, ...], parts: tuple[str, str]) -> None:
        """Keep the facts, and make the sentence of its parts: before the symbol's section, and behind."""
        self.symbol = symbol
        self.strays = strays
        self.parts = parts
        super().__init__("".join(parts))

    def told(self, section: str, advice: str) -> OutOfRangeError:
        """Name the symbol's section in the sentence, and what helps; return the error."""
        self.args = (f"{self.parts[0]} in section {section}{self.parts[1]}: {advice}",)
        return self


def check_reach(records: Records, asked: NDArray[np.bool_], wrong: NDArray[np.bool_], reach: Reach) -> None:
    """Raise :class:`OutOfRangeError` where a record is out of reach.

    ``asked`` (bool) marks the records that are held to the reach, ``wrong`` those of them beyond it.
    """
    if not bool(wrong.any()):
        return
    strays = _strays(records, asked, wrong, reach)
    first = int(np.flatnonzero(strays)[0])
    address = int(records.address[first])
    more = f" (and {int(strays.sum()) - 1:,} more)" if int(strays.sum()) > 1 else ""
    name = records.name(first).decode("utf-8", "replace")
    parts = (f"symbol {name} at {address:#x}", f"{more}{_where(records, asked, strays, wrong, first, reach)}")
    entries = tuple(records.symbol[strays].tolist())
    raise OutOfRangeError(int(records.symbol[first]), entries, parts)


def _strays(
    records: Records, asked: NDArray[np.bool_], wrong: NDArray[np.bool_], reach: Reach
) -> NDArray[np.bool_]:
    """Mark the few that are far from the many: those outside the stretch, as long as the reach, that holds most."""
    address = np.sort(records.address[asked])
    ends = np.searchsorted(address, address + np.uint64(reach.span - 1), "right")
    ends = np.where(
        address + np.uint64(reach.span - 1) < address, len(address), ends
    )  # past the last address
    begin = int(np.argmax(ends - np.arange(len(address))))
    low, high = address[begin], address[int(ends[begin]) - 1]
    outside = asked & ((records.address < low) | (records.address > high))
    few = 0 < _FEW * int(outside.sum()) <= int(asked.sum())
    return outside if few else wrong


def _where(
    records: Records,
    asked: NDArray[np.bool_],
    strays: NDArray[np.bool_],
    wrong: NDArray[np.bool_],
    first: int,
    reach: Reach,
) -> str:
    """Say where the stray symbol lies: from the base, or that the base is its own."""
    if bool(wrong[first]):
        distance = int(records.address[first]) - reach.origin
        return f" lies {_signed(distance)} from {reach.origin_name}, but offsets reach {reach.limit}"
    others = asked & ~strays
    nearest = int(records.address[others].min()) - reach.origin if bool(others.any()) else 0
    return (
        f" lies far from the other {int(others.sum()):,}, which begin {_signed(nearest)} from {reach.origin_name}, "
        f"but offsets reach {reach.limit}"
    )


def _signed(distance: int) -> str:
    return f"{'-' if distance < 0 else '+'}{abs(distance):#x}"


# What may help, in the order in which it is offered: an option's field, its other value, and what that does.
_CHOICES: tuple[tuple[str, bool, str], ...] = (
    ("base_relative", False, "--no-base-relative writes whole addresses"),
    ("absolute_percpu", True, "--absolute-percpu encodes per-CPU symbols at low addresses"),
    ("absolute_percpu", False, "--no-absolute-percpu reaches further"),
    ("pc_relative", False, "--no-pc-relative writes addresses as they are"),
)


def with_fixes(kernel: Kernel, error: OutOfRangeError) -> OutOfRangeError:
    """Complete an error with the symbol's section and what helps; each fix that it offers was tried."""
    advice = [text for options, text in _other_choices(kernel) if _encodes(kernel, options)]
    if not advice:
        advice = [f"no option of {kernel.release.name} encodes it"]
    if _encodes(kernel, kernel.options, error.strays):
        these = "it" if len(error.strays) == 1 else f"these {len(error.strays):,}"
        advice.append(
            f"without {these} the others can be encoded: drop {these}, or link {these} near the image"
        )
    return error.told(kernel.symbols.section_name(error.symbol), "; ".join(advice))


def _other_choices(kernel: Kernel) -> Iterator[tuple[Options, str]]:
    """Yield the choices of options that differ in one which the release knows, and what each does."""
    for field, value, text in _CHOICES:
        known = kernel.release.knows(f"--{field.replace('_', '-')}")
        if (
            known
            and getattr(kernel.options, field) != value
            and (field != "pc_relative" or _is_narrow(kernel))
        ):
            yield kernel.options.changed(**{field: value}), text


def _is_narrow(kernel: Kernel) -> bool:
    """Tell whether 32 bits hold a whole address: of others, only the low half would be written."""
    return kernel.image.abi.bits == 32


def _encodes(kernel: Kernel, options: Options, without: tuple[int, ...] = ()) -> bool:
    """Tell whether the symbols can be encoded with some options, or without some of them."""
    from elfsyms.pipeline.addresses import AddressSource, encode_addresses, lowest_of  # noqa: PLC0415 (a circle)
    from elfsyms.pipeline.filters import judge  # noqa: PLC0415 (as above)
    from elfsyms.pipeline.order import order_kept  # noqa: PLC0415 (as above)

    verdicts = judge(kernel.symbols, kernel.listing, kernel.release, options)
    ordered = _left(order_kept(verdicts, kernel.release), without)
    boundaries = replace(verdicts.boundaries, lowest=lowest_of(ordered.records, ordered.percpu))
    source = AddressSource(ordered.records, ordered.percpu, boundaries, kernel.release, options)
    try:
        encode_addresses(source, np.zeros(len(ordered.records), np.uint8))
    except EncodeError:
        return False
    return len(ordered.records) > 0


def _left(ordered: Ordered, without: tuple[int, ...]) -> Ordered:
    left = ~np.isin(ordered.records.symbol, np.array(without, np.int64))
    return replace(ordered, records=ordered.records.take(left), percpu=ordered.percpu[left])
