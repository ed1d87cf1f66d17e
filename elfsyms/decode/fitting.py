# SPDX-License-Identifier: GPL-2.0-or-later
"""Which release tables are of: what was found in the bytes, compared with what each release writes.

The banner names the version, but stable updates and vendors back-port: 6.1.42 has sequences, some 6.3 has the order
of 6.4. The bytes are believed for the format; the version counts where several releases write the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from elfsyms.detect.detect import known_versions
from elfsyms.releases.format_history import release_of, with_traits
from elfsyms.releases.versions import format_version, is_known, next_version

if TYPE_CHECKING:
    from elfsyms.decode.found import Found
    from elfsyms.releases.format_history import Release
    from elfsyms.releases.versions import Version

__all__ = ["fits", "release_for", "releases_of", "span_of"]

_TOKEN_TABLES = {"token_table", "token_index"}


def fits(release: Release, found: Found) -> bool:
    """Tell whether a release writes tables like those found."""
    return not _differences(release, found)


def release_for(version: Version | None, found: Found) -> Release:
    """Return the release to read tables by: that of the version, with the traits of the tables found.

    Without a version, or with one that is not known yet, the newest release that writes such tables.
    """
    told = None if version is None or not is_known(version) else release_of(version)
    if told is not None and fits(told, found):
        return told
    fitting = releases_of(found)
    newest = fitting[-1] if fitting else release_of(max(known_versions()))
    release = told or newest
    if fits(release, found):
        return release
    model = fitting[-1] if fitting else release
    cut = model.lto_cut if not release.lto_cut else release.lto_cut
    return with_traits(release, **_traits(release, found), lto_cut=cut)


def releases_of(found: Found) -> list[Release]:
    """Return the releases that write such tables, the oldest first: one for each change in history."""
    releases = [release_of(version) for version in known_versions()]
    return [release for release in releases if fits(release, found)]


def span_of(found: Found) -> str:
    """Say which releases write such tables, as ``6.4 to 6.10``; empty where none does."""
    fitting = releases_of(found)
    if not fitting:
        return ""
    first, last = fitting[0], fitting[-1]
    after = next_version(last.version, known_versions())
    end = f"to before {format_version(after)}" if after else "on"
    return f"{first.name} {end}"


def _differences(release: Release, found: Found) -> list[str]:
    """Name the traits in which a release and the tables found differ."""
    form = found.addresses.form
    wide = found.names.form.count_width == 8
    checks = {
        "tables": _order_of(release, found) == found.order,
        "wide_counts": found.addresses.word == 4 or release.wide_counts == wide,
        "length_encoding": release.length_encoding in found.names.length_encodings,
        "sequence_width": release.sequence_width == found.sequence_width,
        "no_relative_base": release.no_relative_base == (form in ("pc-relative", "plain")),
        "relative": form not in ("word", "base") or release.relative in _RELATIVE[form],
        "--absolute-percpu": not found.addresses.percpu_rule or release.knows("--absolute-percpu"),
        "align": (release.align == "balign 4") == (found.addresses.word == 8 and found.names.form.align == 4)
        or found.addresses.word == 4,
    }
    return [name for name, agrees in checks.items() if not agrees]


_RELATIVE = {"word": ("never", "option"), "base": ("option", "always")}


def _order_of(release: Release, found: Found) -> tuple[str, ...]:
    """Return the tables of a release in the mode that the tables found are in."""
    absent = {"offsets", "relative_base"} if found.addresses.form == "word" else {"addresses"}
    if found.stream.token_table is None:
        absent |= _TOKEN_TABLES
    return tuple(name for name in release.tables if name not in absent)


def _traits(release: Release, found: Found) -> dict[str, Any]:
    """Return the traits of the tables found, for :func:`with_traits`."""
    form, encodings = found.addresses.form, found.names.length_encodings
    distances = form in ("pc-relative", "plain")
    percpu = ("--absolute-percpu",) if found.addresses.percpu_rule else ()
    return {
        "tables": found.order,
        "wide_counts": found.names.form.count_width == 8,
        "length_encoding": release.length_encoding if release.length_encoding in encodings else encodings[0],
        "sequence_width": found.sequence_width,
        "no_relative_base": distances,
        "relative": {"word": "never"}.get(form, "always"),
        "options": tuple(dict.fromkeys((*release.options, *percpu))),
    }
