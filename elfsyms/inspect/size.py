# SPDX-License-Identifier: GPL-2.0-or-later
"""What the tables cost, and what makes them cost that.

Everything that is listed sums to the whole: tables and the padding between them to the section's bytes, what
the tokens save to the difference between plain and compressed names. A token saves a byte wherever its pair
is replaced, in symbols and in later tokens that are made of it, so each replacement counts once.

The cost of an option is measured, not guessed: the tables are made a second time with it turned over. What is
left of them in a compressed kernel image is ``packed_size.py``'s. Leaves out relocations, which some kernels keep
for each pointer-wide address.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from elfsyms.errors import EncodeError
from elfsyms.inspect.packed_size import packed_sizes
from elfsyms.pipeline.background import Background
from elfsyms.pipeline.filters import judge
from elfsyms.pipeline.layout import table_bytes
from elfsyms.pipeline.linked import linked_tables
from elfsyms.pipeline.order import order_kept
from elfsyms.pipeline.tables import make_tables
from elfsyms.releases.options import OPTIONS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from elfsyms.inspect.packed_size import Packed
    from elfsyms.pipeline.compress import Compressed
    from elfsyms.pipeline.kernel import Kernel
    from elfsyms.pipeline.tables import Tables
    from elfsyms.releases.options import Option, Options

__all__ = [
    "Cost",
    "LongName",
    "OptionCost",
    "TableCost",
    "TokenCost",
    "cost",
    "longest_names",
    "token_costs",
]

_LONG = 127  # what one length byte can say; longer names cost a second one from 6.1 on

_OVERHEAD = 3  # of a token beside its text: a NUL, and its entry in kallsyms_token_index


@dataclass(frozen=True, slots=True)
class TableCost:
    """Bytes of a table, without the padding behind it."""

    table: str
    size: int


@dataclass(frozen=True, slots=True)
class OptionCost:
    """Bytes and symbols of all tables with an option and without it; None where that cannot be encoded."""

    option: str
    given: bool
    bytes_with: int | None
    bytes_without: int | None
    symbols_with: int | None
    symbols_without: int | None

    @property
    def difference(self) -> int | None:
        """What giving the option costs (negative: saves)."""
        known = self.bytes_with is not None and self.bytes_without is not None
        return (self.bytes_with or 0) - (self.bytes_without or 0) if known else None


@dataclass(frozen=True, slots=True)
class TokenCost:
    """A token: its code, text, how often symbols use it in the end, and the bytes that it saves.

    ``saved`` counts each time that its pair was replaced, less what its text and index take.
    """

    code: int
    text: bytes
    uses: int
    replaced: int
    overhead: int

    @property
    def saved(self) -> int:
        """Bytes saved, all in all."""
        return self.replaced - self.overhead


@dataclass(frozen=True, slots=True)
class LongName:
    """A long name: its bytes without the letter, the codes that it takes, the bytes in all tables."""

    name: bytes
    address: int
    codes: int
    size: int


@dataclass(frozen=True, slots=True)
class Cost:
    """The answer of :func:`cost`. ``plain_names`` are the bytes of all names with their letters and lengths.

    ``long_names`` are those of more than 127 bytes, ``long_bytes`` what all of them take together;
    ``longest`` are the longest of all. ``packed`` is empty where nobody asked.
    """

    file: str
    release: str
    options: tuple[str, ...]
    symbols: int
    tables: tuple[TableCost, ...]
    padding: int
    total: int
    plain_names: int
    names: int
    option_costs: tuple[OptionCost, ...]
    tokens: tuple[TokenCost, ...]
    long_names: int
    long_bytes: int
    longest: tuple[LongName, ...]
    packed: tuple[Packed, ...]


def cost(kernel: Kernel, *, pack: bool = False, longest: int = 10) -> Cost:
    """Measure the tables of a kernel; ``pack`` compresses them as kernel images are, which takes seconds.

    Raises :class:`EncodeError` where the release cannot encode the symbols.
    """
    others = _without_each(kernel)
    tables, layout = kernel.tables, kernel.layout
    rows = tuple(TableCost(name, len(table_bytes(tables, name))) for name in tables.labels())
    long = tables.records.size > _LONG
    return Cost(
        file=str(kernel.image.path),
        release=kernel.release.name,
        options=kernel.options.given(),
        symbols=len(tables.records),
        tables=rows,
        padding=len(layout.blob) - sum(row.size for row in rows),
        total=len(layout.blob),
        plain_names=int(
            (tables.records.size + 1).sum() + (tables.name_sizes - tables.compressed.sizes).sum()
        ),
        names=len(tables.names),
        option_costs=tuple(_option_cost(kernel, option, there.result()) for option, there in others),
        tokens=token_costs(tables.compressed),
        long_names=int(long.sum()),
        long_bytes=int(_bytes_each(tables)[long].sum()),
        longest=longest_names(tables, longest),
        packed=packed_sizes(linked_tables(kernel)) if pack else (),
    )


def _without_each(kernel: Kernel) -> list[tuple[Option, Background[tuple[int | None, int | None]]]]:
    """Begin to make the tables again with each option turned over, while the kernel's own are made."""
    _ = kernel.ordered  # what both need is there before threads ask for it
    options = [option for option in OPTIONS if option.resizes and kernel.release.takes(option)]
    turned = [kernel.options.changed(**{o.field: not getattr(kernel.options, o.field)}) for o in options]
    return [(o, Background(_other_size, kernel, other)) for o, other in zip(options, turned, strict=True)]


def _option_cost(kernel: Kernel, option: Option, there: tuple[int | None, int | None]) -> OptionCost:
    """Compare the tables with those that an option turned over makes, ``there``."""
    given = bool(getattr(kernel.options, option.field))
    here = _size(kernel.tables)
    with_it, without = (here, there) if given else (there, here)
    return OptionCost(option.flag, given, with_it[0], without[0], with_it[1], without[1])


def _size(tables: Tables) -> tuple[int, int]:
    """Return the bytes of all tables, and their symbols."""
    return sum(len(table_bytes(tables, name)) for name in tables.labels()), len(tables.records)


def _other_size(kernel: Kernel, options: Options) -> tuple[int | None, int | None]:
    verdicts = judge(kernel.symbols, kernel.listing, kernel.release, options)
    try:
        ordered = order_kept(verdicts, kernel.release)
        return _size(make_tables(ordered, verdicts.boundaries, kernel.release, options, kernel.image.abi))
    except EncodeError:
        return None, None


def token_costs(compressed: Compressed) -> tuple[TokenCost, ...]:
    """Account for every token, most saving first."""
    uses = np.bincount(compressed.codes, minlength=len(compressed.tokens)).tolist()
    replaced = _replacements(compressed, uses)
    tokens = [
        TokenCost(code, compressed.tokens[code], uses[code], count, len(compressed.tokens[code]) + _OVERHEAD)
        for code, count in replaced.items()
    ]
    return tuple(sorted(tokens, key=lambda token: (-token.saved, token.text)))


def _replacements(compressed: Compressed, uses: list[int]) -> dict[int, int]:
    """Return how often each token replaced its pair.

    A later token that is made of this one stands for uses of it too, so they are counted from the last token back.
    The substrings of 2.6.12 were cut from symbols directly: each use saves all bytes but one.
    """
    if not compressed.pairs:
        return {c: uses[c] * (len(t) - 1) for c, t in enumerate(compressed.tokens) if len(t) > 1}
    replaced = list(uses)
    for code, first, second in reversed(compressed.pairs):
        replaced[first] += replaced[code]
        replaced[second] += replaced[code]
    return {code: replaced[code] for code, _, _ in compressed.pairs}


def _bytes_each(tables: Tables) -> NDArray[np.int64]:
    """Return what each symbol takes: its name's record, its address, its sequence."""
    fixed = tables.addresses.entry_size(tables.abi)
    return np.asarray(tables.name_sizes + fixed + tables.release.sequence_width)


def longest_names(tables: Tables, count: int) -> tuple[LongName, ...]:
    """Return so many of the longest names, the longest first."""
    records, each = tables.records, _bytes_each(tables)
    order = np.argsort(-records.size, kind="stable")[:count].tolist()
    return tuple(
        LongName(records.name(i), int(records.address[i]), int(tables.compressed.sizes[i]), int(each[i]))
        for i in order
    )
