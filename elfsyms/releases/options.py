# SPDX-License-Identifier: GPL-2.0-or-later
"""The options that choose a table: one row each, and a kernel's choice of them as one value.

:data:`OPTIONS` is the only place that names them all. The command line, the quick parser of the main job, what is
read from a configuration, what a release's generator is told and what is printed all follow from its rows; the code
that gives an option its meaning asks for it by its field.

Follows ``scripts/kallsyms.c``, ``usage``, and ``scripts/link-vmlinux.sh``, which turns Kconfig's variables into
options.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Self

from elfsyms.errors import UsageError
from elfsyms.releases.versions import When

if TYPE_CHECKING:
    from collections.abc import Mapping

    from elfsyms.releases.format_history import Release

__all__ = ["OPTIONS", "Option", "Options", "prefix_character"]

Kind = Literal["switch", "character", "address"]
_OFF: dict[Kind, Any] = {"switch": False, "character": b"", "address": None}


@dataclass(frozen=True, slots=True)
class Option:
    """One option: ``field`` of :class:`Options`, what it takes, the releases that have it, and its help.

    ``kconfig`` are the variables of which any makes the build give it, without ``CONFIG_``. ``resizes`` says
    whether it changes the sizes of all tables, of the addresses' alone, or none, but what the same bytes say. One
    that is not ``of_generator`` is an argument of ``mksysmap``.
    """

    field: str
    kind: Kind
    when: When
    help: str
    metavar: str = ""
    kconfig: tuple[str, ...] = ()
    resizes: Literal["", "all", "addresses"] = ""
    of_generator: bool = True
    commit: str = ""
    note: str = ""

    @property
    def flag(self) -> str:
        """The option as the generator and the command line spell it."""
        return f"--{self.field.replace('_', '-')}"

    @property
    def off(self) -> Any:
        """The value of an option that is not given."""
        return _OFF[self.kind]


# fmt: off
OPTIONS: tuple[Option, ...] = (
    Option("all_symbols", "switch", When(".."), "Keep data symbols too.",
           kconfig=("KALLSYMS_ALL",), resizes="all"),
    Option("absolute_percpu", "switch", When("3.15..6.15"), "Per-CPU symbols are offsets (x86-64, 3.15 to 6.14).",
           kconfig=("KALLSYMS_ABSOLUTE_PERCPU",), commit="c6bda7c988a5", note="removed by 01157ddc58dc"),
    Option("base_relative", "switch", When("4.6..6.10.7"), "32-bit offsets from a base (4.6 to 6.10).",
           kconfig=("KALLSYMS_BASE_RELATIVE",), resizes="addresses", commit="2213e9a66bb8",
           note="removed by 64e166099b69, in 6.10.7 too"),
    Option("pc_relative", "switch", When("7.0.."), "Offsets that count from each entry itself (7.0 on).",
           kconfig=("64BIT", "RELOCATABLE"), commit="a081b5789255"),
    Option("lto_clang", "switch", When("6.2..6.10.7", "6.1.42..6.2"), "Sort names without LTO's suffix.",
           kconfig=("LTO_CLANG",), commit="010a0aad39fc", note="removed by fb6a421fb615"),
    Option("uncompressed", "switch", When(), "Leave names as they are (OpenWrt's trees).",
           kconfig=("KALLSYMS_UNCOMPRESSED",), resizes="all", note="by the tree alone; no release of Linux has it"),
    Option("exclude_tables", "switch", When("6.4..6.10"),
           "Leave the tables' own labels out of the map (6.4 to 6.9).", of_generator=False,
           commit="320e7c9d4494", note="removed by 951bcae6c5a0"),
    Option("symbol_prefix", "character", When("2.6.12..4.18"), "Character before every C name.", "CHAR",
           commit="41f11a4fa378", note="removed by 534c9f2ec4c9"),
    Option("page_offset", "address", When("3.13..4.7", "3.10.105..3.11"), "Drop what lies below (ARM).", "HEX",
           commit="f6537f2f0eba", note="3.10.y: seen in 3.10.105"),
)
# fmt: on


class Options:
    """What ``link-vmlinux.sh`` would pass to ``scripts/kallsyms``, and ``mksysmap``'s third argument.

    An immutable value. Each field of :data:`OPTIONS` is an attribute: a switch is a bool, a character one byte
    or none, an address an int or None. What is not named is not given.

    >>> chosen = Options(all_symbols=True)
    >>> chosen.all_symbols, chosen.base_relative, chosen.given()
    (True, False, ('--all-symbols',))
    """

    __slots__ = ("_values",)

    def __init__(self, **values: Any) -> None:
        """Take values by field; :class:`TypeError` for a field that no row has."""
        known = {option.field: option for option in OPTIONS}
        if unknown := values.keys() - known.keys():
            raise TypeError(f"no option is called {', '.join(sorted(unknown))}")
        given = {field: values[field] for field in known if field in values}
        self._values = {field: value for field, value in given.items() if value != known[field].off}

    def __getattr__(self, field: str) -> Any:
        """Return the value of an option."""
        if field in Options.__slots__:  # not there yet, as while a copy is made
            raise AttributeError(field)
        if field in self._values:
            return self._values[field]
        for option in OPTIONS:
            if option.field == field:
                return option.off
        raise AttributeError(field)

    def __eq__(self, other: object) -> bool:
        """Tell whether two choices are the same."""
        return isinstance(other, Options) and self._values == other._values

    def __hash__(self) -> int:
        """Return a hash of the values."""
        return hash(tuple(self._values.items()))

    def __repr__(self) -> str:
        """Return the call that makes the value."""
        return f"Options({', '.join(f'{field}={value!r}' for field, value in self._values.items())})"

    def changed(self, **values: Any) -> Self:
        """Return a choice with some values changed."""
        return type(self)(**(dict(self.values()) | values))

    def values(self) -> Mapping[str, Any]:
        """Return every option's value, given or not, by field."""
        return {option.field: getattr(self, option.field) for option in OPTIONS}

    def given(self) -> tuple[str, ...]:
        """Return the options that are given, as the generator spells them."""
        return tuple(o.flag for o in OPTIONS if o.of_generator and o.field in self._values)

    def check(self, release: Release) -> None:
        """Raise :class:`UsageError` for an option that the release's build would refuse."""
        unknown = [o.flag for o in OPTIONS if o.field in self._values and not release.takes(o)]
        if unknown:
            raise UsageError(
                f"release {release.name} does not know {' and '.join(unknown)}; "
                f"it knows {', '.join(release.options)}: leave it out, or give another --release"
            )


def prefix_character(text: str) -> bytes:
    """Return what stands before every C name, from a flag or a configuration; none where the text is empty.

    Raises :class:`ValueError` for what is no printable ASCII character: it goes into the labels of the tables.
    """
    if len(text) > 1 or not (text.isascii() and text.isprintable()) or text == " ":
        raise ValueError(text)
    return text.encode()
