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

from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from elfsyms.errors import EncodeError
from elfsyms.inspect.packed_size import packed_sizes
from elfsyms.pipeline.filters import judge
from elfsyms.pipeline.forked import Forked
from elfsyms.pipeline.linked import linked_tables
from elfsyms.pipeline.order import order_kept
from elfsyms.pipeline.table_sizes import section_size, size_tables, table_sizes
from elfsyms.releases.options import OPTIONS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from elfsyms.inspect.packed_size import Packed
    from elfsyms.pipeline.compress import Compressed
    from elfsyms.pipeline.kernel import Kernel
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
    tables, option_costs = _measured(kernel, pack=pack)
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
        option_costs=option_costs,
        tokens=token_costs(tables.compressed),
        long_names=int(long.sum()),
        long_bytes=int(_bytes_each(tables)[long].sum()),
        longest=longest_names(tables, longest),
        packed=packed_sizes(linked_tables(kernel)) if pack else (),
    )


_Size: TypeAlias = "tuple[int, int] | tuple[None, None]"  # bytes of all tables, and their symbols


def _measured(kernel: Kernel, *, pack: bool) -> tuple[Sized, tuple[OptionCost, ...]]:
    """Return the tables, and what the options cost that change their sizes, each turned over.

    Where other names are compressed, that is done in a process beside the one that compresses the kernel's own.
    """
    _ = kernel.listing, kernel.options  # what both need is read before there are two
    turned = {o: _turned(kernel, o) for o in OPTIONS if o.resizes and kernel.release.takes(o)}
    with ExitStack() as children:
        others = {
            option.field: children.enter_context(Forked(partial(_size_of_others, kernel, options)))
            for option, options in turned.items()
            if option.resizes == "all"
        }
        tables: Sized = kernel.tables if pack else kernel.sized_tables
        sizes = {
            option: others[option.field].result()
            if option.field in others
            else _size_of_addresses(kernel, options, tables)
            for option, options in turned.items()
        }
    return tables, tuple(
        _option_cost(kernel, option, _size(tables), there) for option, there in sizes.items()
    )


def _turned(kernel: Kernel, option: Option) -> Options:
    return kernel.options.changed(**{option.field: not getattr(kernel.options, option.field)})


def _option_cost(kernel: Kernel, option: Option, here: _Size, there: _Size) -> OptionCost:
    """Compare the sizes of the tables with those that an option turned over makes, ``there``."""
    given = bool(getattr(kernel.options, option.field))
    with_it, without = (here, there) if given else (there, here)
    return OptionCost(option.flag, given, with_it[0], without[0], with_it[1], without[1])


def _size(tables: Sized) -> _Size:
    return sum(table_sizes(tables).values()), len(tables.records)


def _size_of_others(kernel: Kernel, options: Options) -> _Size:
    """Return the size of the tables of all that other options keep."""
    verdicts = judge(kernel.symbols, kernel.listing, kernel.release, options)
    try:
        ordered = order_kept(verdicts, kernel.release)
        return _size(size_tables(ordered, verdicts.boundaries, kernel.release, options, kernel.image.abi))
    except EncodeError:
        return None, None


def _size_of_addresses(kernel: Kernel, options: Options, tables: Sized) -> _Size:
    """Return the size of the tables of the same symbols, whose addresses other options write otherwise."""
    names, boundaries = tables.compressed, kernel.verdicts.boundaries
    try:
        return _size(
            size_tables(kernel.ordered, boundaries, kernel.release, options, kernel.image.abi, names)
        )
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
