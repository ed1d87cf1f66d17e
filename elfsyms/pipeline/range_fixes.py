# SPDX-License-Identifier: GPL-2.0-or-later
"""What helps where a symbol is out of range; each fix that is offered was tried.

One is another choice of options, where the release has it and the tables can then be encoded. The other is to drop
the stray symbols, or to link them near the image, where the rest can be encoded without them.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from elfsyms.errors import EncodeError
from elfsyms.pipeline.addresses import AddressSource, encode_addresses, lowest_of
from elfsyms.pipeline.filters import judge
from elfsyms.pipeline.order import order_kept

if TYPE_CHECKING:
    from collections.abc import Iterator

    from elfsyms.pipeline.kernel import Kernel
    from elfsyms.pipeline.order import Ordered
    from elfsyms.pipeline.out_of_range import OutOfRangeError
    from elfsyms.releases.options import Options

__all__ = ["with_fixes"]

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
        helps = field != "pc_relative" or _is_narrow(kernel)
        if known and helps and getattr(kernel.options, field) != value:
            yield kernel.options.changed(**{field: value}), text


def _is_narrow(kernel: Kernel) -> bool:
    """Tell whether 32 bits hold a whole address: of others, only the low half would be written."""
    return kernel.image.abi.bits == 32


def _encodes(kernel: Kernel, options: Options, without: tuple[int, ...] = ()) -> bool:
    """Tell whether the symbols can be encoded with some options, or without some of them."""
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
