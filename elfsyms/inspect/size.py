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
from elfsyms.pipeline.linked import linked_tables
from elfsyms.pipeline.order import order_kept
from elfsyms.pipeline.table_sizes import section_size, size_tables, table_sizes
from elfsyms.pipeline.tables import check_count, compress_names
from elfsyms.releases.options import OPTIONS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from elfsyms.inspect.packed_size import Packed
    from elfsyms.pipeline.compress import Compressed
    from elfsyms.pipeline.filters import Boundaries
    from elfsyms.pipeline.kernel import Kernel
    from elfsyms.pipeline.order import Ordered
    from elfsyms.pipeline.table_sizes import Sized
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
    others = _begin_others(kernel)
    tables: Sized = kernel.tables if pack else kernel.sized_tables
    sizes, total = table_sizes(tables), section_size(tables)
    long = tables.records.size > _LONG
    return Cost(
        file=str(kernel.image.path),
        release=kernel.release.name,
        options=kernel.options.given(),
        symbols=len(tables.records),
        tables=tuple(TableCost(name, size) for name, size in sizes.items()),
        padding=total - sum(sizes.values()),
        total=total,
        plain_names=int(
            (tables.records.size + 1).sum() + (tables.name_sizes - tables.compressed.sizes).sum()
        ),
        names=sizes["names"],
        option_costs=tuple(_option_cost(kernel, option, tables, other) for option, other in others),
        tokens=token_costs(tables.compressed),
        long_names=int(long.sum()),
        long_bytes=int(_bytes_each(tables)[long].sum()),
        longest=longest_names(tables, longest),
        packed=packed_sizes(linked_tables(kernel)) if pack else (),
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Other:
    """What an option turned over keeps, and its names; None where they are those that are kept without it."""

    options: Options
    ordered: Ordered
    boundaries: Boundaries
    compressed: Compressed | None


def _begin_others(kernel: Kernel) -> list[tuple[Option, Background[_Other]]]:
    """Begin to compress the names again with each option turned over, while the kernel's own are compressed."""
    _ = kernel.ordered  # what both need is there before threads ask for it
    options = [option for option in OPTIONS if option.resizes and kernel.release.takes(option)]
    turned = [kernel.options.changed(**{o.field: not getattr(kernel.options, o.field)}) for o in options]
    return [(o, Background(_other, kernel, other)) for o, other in zip(options, turned, strict=True)]


def _other(kernel: Kernel, options: Options) -> _Other:
    """Choose what other options keep, and compress its names unless they are the kernel's own."""
    verdicts = judge(kernel.symbols, kernel.listing, kernel.release, options)
    ordered = order_kept(verdicts, kernel.release)
    check_count(len(ordered.records), kernel.release, options)
    same = options.uncompressed == kernel.options.uncompressed and _same_names(ordered, kernel.ordered)
    compressed = None if same else compress_names(ordered.records, kernel.release, options)
    return _Other(options, ordered, verdicts.boundaries, compressed)


def _same_names(one: Ordered, other: Ordered) -> bool:
    """Tell whether two choices are of the same symbols with the same letters, in one order."""
    ones, others = one.records, other.records
    return (
        ones.pool is others.pool
        and np.array_equal(ones.start, others.start)
        and np.array_equal(ones.size, others.size)
        and np.array_equal(ones.letter, others.letter)
    )


def _option_cost(kernel: Kernel, option: Option, tables: Sized, other: Background[_Other]) -> OptionCost:
    """Compare the tables with those that an option turned over makes."""
    given = bool(getattr(kernel.options, option.field))
    here, there = _size(tables), _size_of_other(kernel, tables, other)
    with_it, without = (here, there) if given else (there, here)
    return OptionCost(option.flag, given, with_it[0], without[0], with_it[1], without[1])


def _size(tables: Sized) -> tuple[int, int]:
    """Return the bytes of all tables, and their symbols."""
    return sum(table_sizes(tables).values()), len(tables.records)


def _size_of_other(kernel: Kernel, tables: Sized, other: Background[_Other]) -> tuple[int | None, int | None]:
    try:
        made = other.result()
        names = made.compressed or tables.compressed
        release, abi = kernel.release, kernel.image.abi
        return _size(size_tables(made.ordered, made.boundaries, release, made.options, abi, names))
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


def _bytes_each(tables: Sized) -> NDArray[np.int64]:
    """Return what each symbol takes: its name's record, its address, its sequence."""
    fixed = tables.addresses.entry_size(tables.abi)
    return np.asarray(tables.name_sizes + fixed + tables.release.sequence_width)


def longest_names(tables: Sized, count: int) -> tuple[LongName, ...]:
    """Return so many of the longest names, the longest first."""
    records, each = tables.records, _bytes_each(tables)
    order = _largest(records.size, count)
    return tuple(
        LongName(records.name(i), int(records.address[i]), int(tables.compressed.sizes[i]), int(each[i]))
        for i in order
    )


def _largest(sizes: NDArray[np.int64], count: int) -> list[int]:
    """Return the indices of so many of the largest sizes, the first of equal ones first."""
    among = np.arange(len(sizes))
    if 0 < count < len(sizes):
        among = np.flatnonzero(sizes >= np.partition(sizes, -count)[-count])
    largest: list[int] = among[np.argsort(-sizes[among], kind="stable")][:count].tolist()
    return largest
