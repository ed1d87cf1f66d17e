# SPDX-License-Identifier: GPL-2.0-or-later
"""What lies beside or in a boot image: the System.map as nm wrote it, and the configuration."""

from __future__ import annotations

import gzip
import subprocess
from shutil import which
from typing import TYPE_CHECKING

import pytest
from elfmaker import Symbol
from imagemaker import BOUNDARIES
from tablemaker import MACHINES, TEXT, filler, kernel_of, linked_bytes, linked_kernel, saved

from elfsyms.compare.verify import verify
from elfsyms.decode.opening import kernel_of_tables, open_kernel
from elfsyms.decode.recover import recover
from elfsyms.detect.request import Request
from elfsyms.image.kernel_file import open_kernel_file
from elfsyms.pipeline.kernel import Kernel
from elfsyms.pipeline.layout import lay_out

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from elfsyms.compare.verification import Verification

MIPS = next(machine for machine in MACHINES if machine[0] == 32 and machine[2] == 8)
X86 = next(machine for machine in MACHINES if machine[2] == 62)


def _symbols(text: int, *more: str) -> list[Symbol]:
    symbols = [Symbol(name, text + distance) for name, distance in BOUNDARIES.items()]
    symbols += [Symbol(s.name, s.value + 0x40, binding="local") for s in filler(text)]
    return symbols + [Symbol(name, text + 0x18010, ".data", type="object", binding="local") for name in more]


def _verified(folder: Path, release: str, keep: Callable[[bytes], bool], *more: str) -> Verification:
    """Verify a bare image with ``more`` names, as of a release, by a map of those of its names that are kept."""
    text = TEXT[64]
    with kernel_of(_symbols(text, *more), X86, release) as kernel:
        data = bytes(1 << 20) + linked_bytes(lay_out(kernel.tables), text, text + (1 << 20))
        records = kernel.tables.records
    lines = zip(records.address.tolist(), records.letter.tolist(), records.names(), strict=True)
    (folder / "System.map").write_bytes(b"".join(b"%016x %c %s\n" % line for line in lines if keep(line[2])))
    request = Request(release=release, all_symbols=True)
    with saved(data) as path, open_kernel(path, request, folder / "System.map") as kernel:
        return verify(kernel)


def test_addresses_of_a_map_with_their_sign_extended_are_those_of_32_bits(tmp_path: Path) -> None:
    """For 32-bit MIPS nm prints sixteen digits; the image is cut at the boundaries of its map all the same."""
    text = TEXT[32]
    with kernel_of(_symbols(text), MIPS, "6.6") as kernel:
        data = bytes(1 << 20) + linked_bytes(lay_out(kernel.tables), text, text + (1 << 20))
        records = kernel.tables.records
    lines = zip(
        (records.address & 0xFFFFFFFF).tolist(), records.letter.tolist(), records.names(), strict=True
    )
    map_lines = [b"ffffffff%08x %c %s\n" % line for line in lines]
    (tmp_path / "System.map").write_bytes(b"".join(map_lines))
    request = Request(release="6.6", all_symbols=True)
    with saved(data) as path, open_kernel_file(path) as file:
        kernel = kernel_of_tables(recover(file, at=text), request, tmp_path / "System.map")
        assert verify(kernel).equal
        assert ".text" in {section.name for section in kernel.image.sections}


def test_names_that_mksysmap_keeps_out_of_the_map_are_no_difference(tmp_path: Path) -> None:
    """Before 6.1 tables have ``.L*``, which no map has: they are counted, and the rest must agree."""
    answer = _verified(tmp_path, "5.10", lambda name: not name.startswith(b".L"), ".LC4", ".LC7")
    assert answer.equal
    assert answer.unmapped == 2


@pytest.mark.parametrize("release", ["5.10", "6.6"])
def test_names_that_mksysmap_leaves_in_the_map_must_be_there(tmp_path: Path, release: str) -> None:
    """A name of any other kind that the map lacks is a difference, before 6.1 as later."""
    answer = _verified(tmp_path, release, lambda name: name != b"other", "other")
    assert [symbol.name for symbol in answer.extra] == [b"other"]


@pytest.mark.skipif(which("objcopy") is None, reason="objcopy makes the per-CPU section")
def test_a_number_of_a_map_is_none_of_the_per_cpu_offsets(tmp_path: Path) -> None:
    """The letter A in a map is a number, which no table has, also where per-CPU offsets have such values."""
    with kernel_of(_symbols(TEXT[64], "jiffies"), X86, "6.1") as kernel:
        records, vmlinux = kernel.tables.records, linked_kernel(kernel.tables, release="6.1.0")
    lines = zip(records.address.tolist(), records.letter.tolist(), records.names(), strict=True)
    map_lines = [b"%016x %c %s\n" % line for line in lines]
    number = b"%016x A kexec_control_code_size\n" % 0x1EA
    (tmp_path / "System.map").write_bytes(b"".join([number, *map_lines]))
    (tmp_path / "vmlinux").write_bytes(vmlinux)
    (tmp_path / "percpu").write_bytes(bytes(0x1000))
    made = [
        "--add-section",
        ".data..percpu=percpu",
        "--set-section-flags",
        ".data..percpu=alloc,data,contents",
    ]
    subprocess.run(["objcopy", "--strip-all", *made, "vmlinux", "stripped"], cwd=tmp_path, check=True)
    request = Request(release="6.1", all_symbols=True)
    with open_kernel(tmp_path / "stripped", request, tmp_path / "System.map") as kernel:
        assert b"kexec_control_code_size" not in set(kernel.ordered.records.names())
        assert verify(kernel).equal


@pytest.mark.parametrize("marks", [1, 2])
def test_the_configuration_inside_a_bare_image_is_found(marks: int) -> None:
    """IKCONFIG is found by its mark, where no symbol tells of it; of two, none is taken."""
    text = TEXT[64]
    inside = b"IKCFG_ST" + gzip.compress(b"CONFIG_KALLSYMS=y\nCONFIG_MADE_HERE=m\n") + b"IKCFG_ED"
    with kernel_of(_symbols(text), X86, "6.6") as kernel:
        data = bytes(1 << 20) + linked_bytes(lay_out(kernel.tables), text, text + (1 << 20)) + inside * marks
    with saved(data) as path, open_kernel_file(path) as file:
        kernel = kernel_of_tables(recover(file, at=text), Request(release="6.6"))
    assert kernel.configuration == ({"KALLSYMS": "y", "MADE_HERE": "m"} if marks == 1 else None)


def test_labels_are_added_to_an_image_of_functions_alone() -> None:
    """A ``__start_`` symbol, which 6.10 keeps anyway, does not make an image one whose tables have their labels."""
    text = TEXT[64]
    with kernel_of(_symbols(text, "__start_once"), X86, "6.12") as every:
        request = Request(release="6.12", all_symbols=False)
        kernel = Kernel(every.image, request)
        data = bytes(1 << 20) + linked_bytes(lay_out(kernel.tables), text, text + (1 << 20))
        assert b"__start_once" in set(kernel.tables.records.names())
    with saved(data) as path, open_kernel(path, Request(release="6.12")) as opened:
        assert opened.symbols.find(b"kallsyms_names")
        assert not opened.options.all_symbols
