# SPDX-License-Identifier: GPL-2.0-or-later
"""A kernel's source or build tree: its release, its configuration, and what its own scripts do.

The version in the ``Makefile`` is no more than a name here. ``scripts/kallsyms.c`` and ``scripts/mksysmap`` say
what this tree does, and are obeyed: a generator of Linux is known by its text; any other is read
(``generator.py``), and so is the map script in any case (``mapscript.py``). What cannot be understood is
refused, never replaced by what a release of that number would do. Nothing is run.
"""

from __future__ import annotations

import re
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING

from elfsyms.detect.sources import read_source
from elfsyms.errors import InputError
from elfsyms.releases.format_history import release_of
from elfsyms.releases.generators import stock_generator
from elfsyms.releases.options import OPTIONS
from elfsyms.releases.versions import parse_version

if TYPE_CHECKING:
    from pathlib import Path

    from elfsyms.detect.generator import Generator
    from elfsyms.detect.mapscript import MapScript
    from elfsyms.detect.sources import SourceFile
    from elfsyms.releases.format_history import Release
    from elfsyms.releases.versions import Version

__all__ = ["lists_symbols", "tree_config", "tree_release", "tree_version"]

_MAKEFILE = re.compile(r"^(VERSION|PATCHLEVEL|SUBLEVEL|EXTRAVERSION) *=[ \t]*(\S*)", re.MULTILINE)
_NUMBER = re.compile(r"[0-9]+")
_CONFIGS = ("include/config/auto.conf", ".config")
_GENERATOR, _MAP = "scripts/kallsyms.c", "scripts/mksysmap"
_LISTER = "scripts/kallsyms-sysmap.c"


def tree_version(tree: Path) -> Version:
    """Return the version of the tree's Makefile; :class:`InputError` where there is none."""
    fields = dict(_MAKEFILE.findall(read_source(tree, "Makefile").text))
    if not all(_NUMBER.fullmatch(fields.get(name, "")) for name in ("VERSION", "PATCHLEVEL")):
        raise InputError(
            f"{tree} is no kernel tree: its Makefile tells no VERSION; give the source tree's top"
        )
    parts = [fields[name] for name in ("VERSION", "PATCHLEVEL", "SUBLEVEL") if fields.get(name)]
    extra = fields.get("EXTRAVERSION", "") if fields["VERSION"] == "2" else ""
    return parse_version(".".join(parts) + extra)


def tree_config(tree: Path) -> Path | None:
    """Return the configuration of a tree that was configured, or None."""
    return next((tree / name for name in _CONFIGS if (tree / name).is_file()), None)


def lists_symbols(tree: Path) -> bool:
    """Tell whether a tree's generator reads the ELF file itself, so that no nm lists its symbols (after 7.3)."""
    return (tree / _LISTER).is_file()


def tree_release(tree: Path) -> Release:
    """Return the release that a tree is: its version, with the traits and rules of its own scripts.

    Raises :class:`InputError` for what is no kernel tree, and :class:`elfsyms.detect.sources.SourceError`, which
    names file and line, for a script that is not understood.
    """
    filters = _LISTER if lists_symbols(tree) else _MAP
    return _release(tree_version(tree), read_source(tree, _GENERATOR), read_source(tree, filters))


@lru_cache(maxsize=8)
def _release(version: Version, generator: SourceFile, filters: SourceFile) -> Release:
    from elfsyms.detect.treebook import TreeBook  # noqa: PLC0415 (only for a tree)

    own_list = filters.name == _LISTER
    script = _map_script(filters)
    stock = stock_generator(generator.encode(generator.text))
    if stock is not None:
        like = stock.like(version)
        release, book = release_of(like), TreeBook(like)
        book.add_stock(generator)
        if stock.uncompressed:
            release = replace(release, options=(*release.options, "--uncompressed"))
    else:
        from elfsyms.detect.generator import read_generator  # noqa: PLC0415 (only where it is not one of Linux)

        read = read_generator(generator, version)
        release, book = _with_generator(release_of(read.like), read), TreeBook(read.like)
        book.add_generator(read, generator)
    book.add_map(script, filters)
    if own_list:
        release = replace(release, reader="symbols")
    return replace(release, version=version, tables_excluded=script.excludes_object, book=book.book())


def _map_script(filters: SourceFile) -> MapScript:
    """Read what filters the map of a tree."""
    if filters.name == _LISTER:
        from elfsyms.detect.lister import read_lister  # noqa: PLC0415 (only for a tree after 7.3)

        return read_lister(filters)
    from elfsyms.detect.mapscript import read_mksysmap  # noqa: PLC0415 (only for a tree)

    return read_mksysmap(filters)


def _with_generator(release: Release, read: Generator) -> Release:
    """Return a release with what was read of a generator in place of its own traits."""
    known = [option.flag for option in OPTIONS if option.of_generator]
    options = [flag for flag in known if read.takes(flag) and (flag != "--uncompressed" or read.uncompressed)]
    ends = tuple(end for _, end in read.ranges[: len(release.range_ends)])
    reader = f"words of {read.buffer_length}" if read.buffer_length else release.reader
    return replace(
        release,
        options=tuple(options),
        name_limit=read.name_limit,
        ranges=read.ranges,
        range_ends=ends,
        kept_prefixes=read.kept_prefixes,
        tables=tuple(read.written.tables),
        sizes=tuple(read.written.sized),
        reader=reader,
    )
