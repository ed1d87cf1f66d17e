# SPDX-License-Identifier: GPL-2.0-or-later
"""Small kernel trees for tests: a Makefile, a map script and a generator. None of it is the kernel's text.

The map script drops what that of a release drops, one ``sed`` command a rule. The generator is a line that says
which release's it stands for; :func:`known_generators` makes elfsyms take it for that one (a real one is known
by its text too), and :func:`site_folder` does so for processes of their own.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from elfsyms.releases import generators
from elfsyms.releases.format_history import find_release
from elfsyms.releases.matchers import Contains, Exact, Letters, Prefix, Suffix

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from elfsyms.releases.matchers import Matcher

__all__ = ["UNCOMPRESSED", "generator_text", "known_generators", "make_tree", "map_script", "site_folder"]

UNCOMPRESSED = ", which can leave names as they are"
RELEASES = ("5.10", "6.1", "6.6", "6.12", "6.18", "7.0", "7.3")


def make_tree(top: Path, version: str, *, like: str = "", filters: str | None = None) -> Path:
    """Make a tree of a version that does what another release does, or what ``filters`` says."""
    like = like or ".".join(version.split(".")[:2])
    like = "7.3" if like == "7.4" else like  # the coming one, of which there is no release
    (top / "scripts").mkdir(parents=True, exist_ok=True)
    numbers = [*version.split("."), "0"][:3]
    names = ("VERSION", "PATCHLEVEL", "SUBLEVEL")
    lines = [f"{name} = {number}\n" for name, number in zip(names, numbers, strict=True)]
    (top / "Makefile").write_text(f"# a comment\n{''.join(lines)}EXTRAVERSION =\nNAME = X\n")
    (top / "scripts" / "mksysmap").write_text(map_script(like) if filters is None else filters)
    (top / "scripts" / "kallsyms.c").write_text(generator_text(like))
    return top


def generator_text(release: str) -> str:
    """Return what stands for a release's generator."""
    return f"/* stands for the generator of {release} */\n"


def map_script(release: str) -> str:
    """Return a sed script that drops the lines that a release's map lacks."""
    book = find_release(release).book
    lines = [_command(matcher) for index in book.of("map") if (matcher := book.rules[index].matcher)]
    return "".join(["#!/bin/sed -f\n", *lines])


def _command(matcher: Matcher) -> str:
    forms = {
        Prefix: "/ {}/d\n",
        Suffix: "/{}$/d\n",
        Contains: "/{}/d\n",
        Exact: "/ {}$/d\n",
        Letters: "/ [{}] /d\n",
    }
    text = getattr(matcher, "text", b"") or getattr(matcher, "letters", b"")
    if type(matcher) not in forms:
        return f"/{matcher.line_pattern.decode().replace(chr(92) + 'Z', '$')}/d\n"
    return forms[type(matcher)].format(
        text.decode().replace("\\", r"\\").replace(".", r"\.").replace("$", r"\$")
    )


def _ids(kind: str = "") -> dict[str, str]:
    texts = {name: generator_text(f"{name}{kind}").encode() for name in RELEASES}
    return {generators.blob_id(text): f"{name}..{name}" for name, text in texts.items()}


@contextmanager
def known_generators() -> Iterator[None]:
    """Make the generators of such trees known in this process."""
    for known, ids in ((generators._STOCK, _ids()), (generators._OPENWRT, _ids(UNCOMPRESSED))):  # noqa: SLF001 (what is known)
        known.update(ids)
    yield
    for known, ids in ((generators._STOCK, _ids()), (generators._OPENWRT, _ids(UNCOMPRESSED))):  # noqa: SLF001 (as above)
        for name in ids:
            del known[name]


def site_folder(folder: Path) -> Path:
    """Make a folder for ``PYTHONPATH`` with which a process of its own knows the generators too."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "sitecustomize.py").write_text(
        f"from elfsyms.releases import generators\ngenerators._STOCK.update({_ids()!r})\n"
    )
    return folder
