# SPDX-License-Identifier: GPL-2.0-or-later
"""The generator's options, as one value that travels through the pipeline whole."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from elfsyms.errors import UsageError

if TYPE_CHECKING:
    from elfsyms.releases.traits import Release

__all__ = ["Options"]

_FLAGS = {
    "all_symbols": "--all-symbols",
    "absolute_percpu": "--absolute-percpu",
    "base_relative": "--base-relative",
    "pc_relative": "--pc-relative",
    "lto_clang": "--lto-clang",
    "symbol_prefix": "--symbol-prefix",
    "page_offset": "--page-offset",
}


@dataclass(frozen=True, slots=True)
class Options:
    """What ``link-vmlinux.sh`` would pass to ``scripts/kallsyms``, and ``mksysmap``'s third argument.

    ``symbol_prefix`` is one byte or none; ``page_offset`` an address, None where the option is not given;
    ``exclude_tables`` stands for the table object that 6.4 to 6.9 pass to ``mksysmap``.
    """

    all_symbols: bool = False
    absolute_percpu: bool = False
    base_relative: bool = False
    pc_relative: bool = False
    lto_clang: bool = False
    symbol_prefix: bytes = b""
    page_offset: int | None = None
    exclude_tables: bool = False

    def given(self) -> tuple[str, ...]:
        """Return the names of the options that are given, as the generator spells them."""
        return tuple(flag for field, flag in _FLAGS.items() if getattr(self, field) not in (False, b"", None))

    def check(self, release: Release) -> None:
        """Raise :class:`UsageError` for an option that the release's generator would refuse."""
        unknown = [flag for flag in self.given() if not release.knows(flag)]
        if self.exclude_tables and not release.tables_excluded:
            unknown.append("--exclude-tables")
        if unknown:
            raise UsageError(
                f"release {release.name} does not know {' and '.join(unknown)}; "
                f"it knows {', '.join(release.options)}: leave it out, or give another --release"
            )
