# SPDX-License-Identifier: GPL-2.0-or-later
"""Which release and options a kernel was built with, each with what told it.

An explicit request always wins. Otherwise the version comes from the build tree's Makefile or from the banner, and
is then checked against everything seen in the tree's scripts or in the image itself. Where they disagree, what is
seen is believed: the nearest release, first of the same series, that agrees with all of it is taken, and a warning
says so. Options come from a configuration (given, of the tree, or embedded), then from what the image shows. The
banner also names the linker, and so the nm.
"""

from __future__ import annotations

from bisect import bisect_left
from functools import cache
from typing import TYPE_CHECKING, Any

from elfsyms.detect.banner import banner_version, read_banner
from elfsyms.detect.evidence import constraints, find_tables, guess_options
from elfsyms.detect.kconfig import config_beside, configured_options, embedded_config, read_config
from elfsyms.detect.request import Finding, Findings
from elfsyms.detect.tree import lists_symbols, tree_config, tree_release
from elfsyms.errors import InputError
from elfsyms.image.which_nm import GNU, KERNEL, Nm, banner_nm
from elfsyms.releases.format_history import TRAITS, find_release, release_of, with_traits
from elfsyms.releases.options import OPTIONS, Options
from elfsyms.releases.rules import RULES
from elfsyms.releases.versions import FIRST, NEXT, format_version, is_known

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from elfsyms.detect.evidence import Constraint, Labels
    from elfsyms.detect.request import Request
    from elfsyms.image.elf import Image
    from elfsyms.image.listing import Listing
    from elfsyms.image.symbols import SymbolTable
    from elfsyms.releases.format_history import Release
    from elfsyms.releases.versions import Version

__all__ = ["configuration", "detect", "detect_empty", "find_nm", "known_versions"]

_TREE = "the tree: its Makefile and its own scripts"


def detect(image: Image, table: SymbolTable, listing: Listing, nm: Nm, request: Request) -> Findings:
    """Find release and options of a kernel, whose ``listing`` is that of an nm found before (:func:`find_nm`).

    Raises :class:`InputError` where nothing tells the release, :class:`UsageError` for one that is not known.
    """
    labels = find_tables(table)
    release, finding, warnings = _release(image, table, labels, request)
    options, found = _options(image, table, listing, labels, release, request)
    told = _nm_finding(nm, request, banner=read_banner(image, table) is not None)
    return Findings(release, options, (finding, *found, told), warnings)


def detect_empty(request: Request) -> Findings:
    """Find the release and options for a table of no symbols, without a kernel to look at."""
    if request.release:
        release, source = find_release(request.release), "--release"
        warnings: tuple[str, ...] = ()
    elif request.tree:
        release, source, warnings = tree_release(request.tree), _TREE, ()
    else:
        raise InputError("nothing tells the release here: give --release, or --tree with the build tree")
    path = _config_path(request)
    values = configured_options(read_config(path), release) if path else {}
    options = Options(**(values | request.options()))
    return Findings(release, options, (Finding("release", release.name, source),), warnings)


def _release(
    image: Image, table: SymbolTable, labels: Labels, request: Request
) -> tuple[Release, Finding, tuple[str, ...]]:
    """Find the release; see the module's text for the order of authorities."""
    if request.release:
        release = _as_labelled(find_release(request.release), labels)
        return release, Finding("release", release.name, "--release"), ()
    if request.tree:
        release = tree_release(request.tree)
        return release, Finding("release", release.name, _TREE), ()
    banner = read_banner(image, table)
    told = banner_version(banner) if banner else None
    if banner is None or told is None:
        raise InputError(
            f"{image.path} has no linux_banner that tells its release: give --release, as in --release 6.12"
        )
    version, source = told
    release, warnings = _agreeing(version, source, constraints(table, labels, banner))
    return _as_labelled(release, labels), Finding("release", release.name, source), warnings


def _as_labelled(release: Release, labels: Labels) -> Release:
    """Return the release as the tables inside show it: OpenWrt's generator has an option more."""
    if not labels.uncompressed:
        return release
    return with_traits(release, options=(*release.options, "--uncompressed"))


def _agreeing(version: Version, source: str, seen: Iterable[Constraint]) -> tuple[Release, tuple[str, ...]]:
    """Return the release nearest to a version that agrees with all that was seen, and what did not."""
    release = release_of(_known(version))
    seen = tuple(seen)
    broken = [constraint.seen for constraint in seen if not constraint.allows(release)]
    unknown = [f"releases from {format_version(NEXT)} on are not known"] if version >= NEXT else []
    if not unknown + broken:
        return release, ()
    remark = f"{source} says {format_version(version)}, but {'; '.join(unknown + broken)}: "
    if broken:
        agreeing = [c for c in known_versions() if all(s.allows(release_of(c)) for s in seen)]
        if agreeing:
            release = release_of(min(agreeing, key=lambda c: _distance(c, version)))
        else:
            remark += "no release known has all of that; "
    return release, (f"{remark}going on as {release.name}; give --release to choose another",)


def _known(version: Version) -> Version:
    """Return the version itself, or the newest known one for a newer; :func:`release_of` refuses those too old."""
    return version if version < NEXT else max(known_versions())


@cache
def known_versions() -> tuple[Version, ...]:
    """Return every version at which something changed, ascending: one of each kind of release."""
    whens = [row.when for trait in TRAITS for row in trait.rows]
    whens += [row.when for row in OPTIONS] + [rule.when for rule in RULES]
    versions = {FIRST} | {bound for when in whens for bound in when.bounds()}
    return tuple(sorted(filter(is_known, versions)))


def _distance(candidate: Version, version: Version) -> tuple[bool, int]:
    """Order candidates: those of the version's own series first, then by how many changes lie between."""
    between = bisect_left(known_versions(), candidate) - bisect_left(known_versions(), version)
    return candidate[:2] != version[:2] or version[:2] == (2, 6), abs(between)


def find_nm(image: Image, table: SymbolTable, request: Request) -> Nm:
    """Find the program that lists the symbols.

    A tree whose generator does so asks no nm; else it is the one asked for, or what goes with the banner's linker.
    """
    if request.tree is not None and lists_symbols(request.tree):
        return KERNEL
    told = banner_nm(read_banner(image, table) or b"")
    wanted = request.nm or told or GNU
    return told if told and wanted.is_llvm and wanted.major is None else wanted


def _nm_finding(nm: Nm, request: Request, *, banner: bool) -> Finding:
    """Say what told the nm: ``banner`` tells whether there is one."""
    if nm.is_kernel and request.tree is not None:
        return Finding("nm", str(nm), "the tree's generator reads the ELF file itself")
    if request.nm:
        return Finding("nm", str(nm), "--nm")
    if not banner:
        return Finding("nm", str(nm), "no linux_banner tells: taken as in most builds")
    return Finding("nm", str(nm), f"linux_banner names {'LLD' if nm.is_llvm else 'no LLD'}")


def _options(
    image: Image,
    table: SymbolTable,
    listing: Listing,
    labels: Labels,
    release: Release,
    request: Request,
) -> tuple[Options, list[Finding]]:
    values: dict[str, Any] = {}
    found: list[Finding] = []

    def decide(field: str, value: Any, source: str) -> None:
        if field not in values:
            values[field] = value
            found.append(Finding(field.replace("_", "-"), _show(value), source))

    for field, value in request.options().items():
        decide(field, value, f"--{'no-' if value is False else ''}{field.replace('_', '-')}")
    config, source = _config(image, table, request)
    for field, value in configured_options(config, release).items() if config is not None else ():
        decide(field, value, source)
    wanted = {option.field for option in OPTIONS} - values.keys()
    for field, value, seen in guess_options(image, table, listing, labels, release, wanted):
        decide(field, value, seen)
    if release.tables_excluded:
        decide("exclude_tables", value=True, source=f"the build of {release.name} leaves them out")
    return Options(**values), found


def _config(image: Image, table: SymbolTable, request: Request) -> tuple[Mapping[str, str] | None, str]:
    """Return the configuration to ask, and where it is from."""
    path = _config_path(request)
    if path:
        return read_config(path), str(path)
    return embedded_config(image, table), "the configuration inside (IKCONFIG)"


def configuration(image: Image, table: SymbolTable, request: Request) -> Mapping[str, str] | None:
    """Return the kernel's configuration: the one given, of the tree, inside the kernel, or beside its file."""
    config, _ = _config(image, table, request)
    beside = config_beside(image.path) if config is None else None
    return read_config(beside) if beside else config


def _config_path(request: Request) -> Path | None:
    return request.config or (tree_config(request.tree) if request.tree else None)


def _show(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, bytes):
        return value.decode("latin-1") or "none"
    return "none" if value is None else f"{value:#x}"
