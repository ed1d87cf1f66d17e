# SPDX-License-Identifier: GPL-2.0-or-later
"""A build ID is computed anew only in the way that its linker computed it, and then is what the linker would give.

The oracle is each linker: what it wrote into a file before the tables were filled in has to come out of the file.
That the ID of a filled file is right, too, ``test_fill.py`` asks by comparing whole files.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from everyday import everyday_first
from roommaker import TARGETS, toy_of

from elfsyms.image.elf import open_image
from elfsyms.writers.buildid import new_build_id

if TYPE_CHECKING:
    from pathlib import Path

    from test_object_links import Target

    from elfsyms.writers.buildid import BuildId


def build_id(folder: Path, style: str, target: Target = TARGETS[0], linker: str = "") -> BuildId:
    """Link a kernel with an ID of a style, and find out how it was computed."""
    toy = toy_of(folder, "6.12", target, linker)
    with open_image(toy.link(b"", "vmlinux", f"--build-id={style}", "--emit-relocs")) as image:
        return new_build_id(image, [])


@pytest.mark.parametrize("target", everyday_first(TARGETS))
@pytest.mark.parametrize("style", ["sha1", "md5"])
def test_id_of_gnu_ld_comes_out_of_its_file(tmp_path: Path, target: Target, style: str) -> None:
    """On every target and in both byte orders: SHA-1 and MD5."""
    found = build_id(tmp_path, style, target)
    assert (found.algorithm, found.new, found.writes) == (style, found.old, ())


@pytest.mark.parametrize("style", ["sha1", "md5"])
def test_id_of_lld_comes_out_of_its_file(tmp_path: Path, style: str) -> None:
    """LLD since 15 hashes by BLAKE3, whatever the style is called."""
    pytest.importorskip("blake3", reason="LLD's IDs need the package blake3")
    found = build_id(tmp_path, style, linker="ld.lld-19")
    assert (found.algorithm, found.new) == ("blake3", found.old)


@pytest.mark.parametrize("style", ["sha1", "md5"])
def test_id_of_an_older_lld_comes_out_of_its_file(tmp_path: Path, style: str) -> None:
    """LLD until 14 hashes by what the style says, piece by piece."""
    found = build_id(tmp_path, style, linker="ld.lld-14")
    assert (found.algorithm, found.new) == (style, found.old)


@pytest.mark.parametrize("style", ["uuid", "0x0123456789abcdef0123456789abcdef01234567"])
def test_other_ids_stay(tmp_path: Path, style: str) -> None:
    """An ID that is random, or was given to the linker, follows from nothing and stays."""
    found = build_id(tmp_path, style)
    assert found.old
    assert (found.algorithm, found.new, found.writes) == ("", found.old, ())


def test_no_id_is_none(tmp_path: Path) -> None:
    """A file without one gets none."""
    found = build_id(tmp_path, "none")
    assert (found.old, found.new, found.algorithm) == (b"", b"", "")


@pytest.mark.parametrize("place", ["first", "last"])
def test_changes_count(tmp_path: Path, place: str) -> None:
    """The ID of a file with other contents is that of the file that has them, though it is not written yet."""
    toy = toy_of(tmp_path, "6.12")
    first = toy.link(b"", "first", "--build-id=sha1")
    with open_image(first) as image:
        section = next(s for s in image.sections if s.name == ".text")
        offset = section.offset if place == "first" else section.offset + section.size - 3
        planned = new_build_id(image, [(offset, b"abc")])
    with (tmp_path / "start.o").open("r+b") as stream, open_image(tmp_path / "start.o") as image:
        text = next(s for s in image.sections if s.name == ".text")
        stream.seek(text.offset if place == "first" else text.offset + text.size - 3)
        stream.write(b"abc")
    with open_image(toy.link(b"", "second", "--build-id=sha1")) as image:
        assert new_build_id(image, []).old == planned.new != planned.old
