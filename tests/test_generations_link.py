# SPDX-License-Identifier: GPL-2.0-or-later
"""For every generation of the tables: our object, linked, is the stock ``.S``, assembled and linked.

One release stands for each generation, a sample of a real kernel for each target. The text is elfsyms' own, which
is the stock generator's by its digest; it goes through the preprocessor and the target's own assembler, as in a
kernel build. Both objects are linked by GNU ld to the same place, and compared: bytes, labels and their sizes.
Targets are chosen for what differs: class, byte order, what ``.align`` counts, where addends lie.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from elftools.elf.elffile import ELFFile
from test_digests import ROWS, kernel_as

from elfsyms.releases.format_history import find_release
from elfsyms.writers.build import assembly_of, object_of

sys.path.append(str(Path(__file__).parents[1] / "scripts"))

from stock import assemble
from toolchains import TARGETS, Toolchain

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.slow  # a linker for each release

SAMPLES = {
    "x86_64": "amd64-6.1",
    "i386": "i386-6.1",
    "aarch64": "arm64-6.1",
    "s390x": "s390x-6.1",
    "mipsel": "mipsel-6.1",
}

# The traits that show in the shape of the text; two releases that agree in all of them are one generation.
SHAPE = (
    "section",
    "include",
    "align",
    "tables",
    "wide_counts",
    "length_encoding",
    "addresses",
    "number_by",
    "relative",
    "base_text",
    "no_relative_base",
    "sequence_width",
    "comments",
    "sizes",
)
# Options that change the address table's form, and with it the relocations.
FORMS = ("--base-relative", "--pc-relative")

FROM_TEXT = 0x1000000  # bytes from _text to the tables, as in a real kernel
SCRIPT = """\
_text = {text:#x};
SECTIONS
{{
    . = {tables:#x};
    .tables : {{ *({section}) }}
    /DISCARD/ : {{ *(.*) }}
}}
"""


class Linked(NamedTuple):
    """What can be told of the tables in an image: their bytes, and each label's address, size and binding."""

    tables: bytes
    labels: dict[str, tuple[int, int, str]]


@cache
def generations() -> list[str]:
    """Return the first release of each generation that the digests know, but for 2.6.12: see ``SUBSTRINGS``."""
    first: dict[tuple[Any, ...], str] = {}
    releases = {json.loads(line)["release"] for line in ROWS.read_text().splitlines()}
    for release in sorted(releases, key=lambda name: find_release(name).version):
        traits = find_release(release)
        if traits.compression == "pairs":
            first.setdefault(tuple(getattr(traits, name) for name in SHAPE), release)
    return list(first.values())


@cache
def rows() -> dict[tuple[str, str], list[dict[str, Any]]]:
    """Return, for each sample and release, a row of each form of the address table that stock could write."""
    found: dict[tuple[str, str], dict[tuple[bool, ...], dict[str, Any]]] = {}
    for line in ROWS.read_text().splitlines():
        row = json.loads(line)
        options = row.get("options", ())
        if row["file"] == ".S" and "sha256" in row and "--all-symbols" in options:
            forms = found.setdefault((row["sample"], row["release"]), {})
            forms[tuple(option in options for option in FORMS)] = row
    return {case: list(forms.values()) for case, forms in found.items()}


# Tables of the first compression take seconds to make, and have the shape of those of 2.6.14: one target will do.
SUBSTRINGS = ("mipsel", "2.6.12")

CASES = [
    pytest.param(target, row, id="-".join([target, release, *(o for o in row["options"] if o in FORMS)]))
    for target, release in [SUBSTRINGS, *((target, name) for target in SAMPLES for name in generations())]
    for row in rows().get((SAMPLES[target], release), ())
]


@pytest.mark.parametrize(("target", "row"), CASES)
def test_a_generations_object_links_like_its_text(
    target: str, row: dict[str, Any], sample: Callable[[str], Path], tmp_path: Path
) -> None:
    """Our object gives the image that the assembled stock text gives: bytes, labels and sizes."""
    tools = tools_of(target)
    kernel = kernel_as(sample(row["sample"]), row)
    text = assembly_of(kernel)
    assert hashlib.sha256(text).hexdigest() == row["sha256"]
    ours, stock = tmp_path / "ours.o", tmp_path / "stock.o"
    ours.write_bytes(object_of(kernel))
    assemble(text, tools, stock)
    address = kernel.symbols.address_of(b"_text") or 0
    section = kernel.release.section
    assert link(ours, tools, address, section) == link(stock, tools, address, section)


def test_every_generation_is_linked_for_every_target() -> None:
    """No generation is passed over."""
    cases = [(sample, release) for sample in SAMPLES.values() for release in generations()]
    assert [case for case in cases if case not in rows()] == []


@cache
def tools_of(name: str) -> Toolchain:
    """Return a target's assembler and linker from PATH, or skip the test."""
    target = next(target for target in TARGETS if target.name == name)
    programs = [f"{target.triplet}-{tool}" for tool in ("as", "ld.bfd", "objcopy")]
    for program in [*programs, "gcc"]:
        if shutil.which(program) is None:
            pytest.skip(f"no {program}: install binutils-{target.triplet.replace('_', '-')} and gcc")
    assembler, linker, objcopy = ((program,) for program in programs)
    return Toolchain(target, (*assembler, *target.as_options), linker, objcopy, None, None)


def link(tables: Path, tools: Toolchain, address: int, section: str) -> Linked:
    """Link an object's tables into an image that has ``_text`` where the kernel has it."""
    script, image = tables.with_suffix(".lds"), tables.with_suffix(".elf")
    mask = (1 << tools.target.bits) - 1
    where = {"text": address & mask, "tables": (address + FROM_TEXT) & mask}
    script.write_text(SCRIPT.format(**where, section=section), encoding="ascii")
    command = [*tools.ld, "-e", "0", "-T", str(script), "-o", str(image), str(tables)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    with image.open("rb") as stream:
        return _read(ELFFile(stream))


def _read(elf: Any) -> Linked:
    symbols = elf.get_section_by_name(".symtab").iter_symbols()
    labels = {
        symbol.name: (symbol["st_value"], symbol["st_size"], symbol["st_info"]["bind"])
        for symbol in symbols
        if symbol["st_info"]["bind"] == "STB_GLOBAL"
    }
    return Linked(elf.get_section_by_name(".tables").data(), labels)
