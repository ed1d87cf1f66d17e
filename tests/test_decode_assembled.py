# SPDX-License-Identifier: GPL-2.0-or-later
"""What the stock build makes decodes too: assembled text on every target, and whole kernels as they are shipped."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest
from elfmaker import Symbol
from everyday import everyday_first
from tablemaker import assert_inverse, filler, kernel_of

from elfsyms.decode.decode import decode_file
from elfsyms.writers.build import assembly_of

sys.path.append(str(Path(__file__).parents[1] / "scripts"))

from crosscheck_decode import check
from debian import cache_folder
from stock import assemble
from toolchains import TARGETS, Target, Toolchain, toolchain

pytestmark = pytest.mark.slow  # an assembler for each target

KERNELS = sorted(cache_folder().glob("kernels/*/vmlinux"))

# A release of each form of the address table, with its options.
FORMS: dict[str, dict[str, bool]] = {
    "2.6.12": {},
    "2.6.32": {},
    "4.14": {"base_relative": True},
    "6.1": {"base_relative": True, "absolute_percpu": True},
    "6.12": {},
    "7.0": {"pc_relative": True},
    "7.3": {"pc_relative": False},
}


def tools_or_skip(target: Target) -> Toolchain:
    """Return a target's tools; skip where there is no assembler."""
    program = f"{target.triplet}-as"
    package = f"binutils-{target.triplet.replace('_', '-')}"
    if not shutil.which(program) and not (cache_folder() / "tools" / package / "unpacked").exists():
        pytest.skip(f"no {program}: install {package}, or run scripts/toolchains.py")
    return toolchain(target)


@pytest.mark.parametrize("release", FORMS)
@pytest.mark.parametrize("target", everyday_first(TARGETS))
def test_assembled_text_decodes(target: Target, release: str, tmp_path: Path) -> None:
    """The object that the target's assembler makes of the release's text gives back the symbols."""
    tools = tools_or_skip(target)
    text = 0x01000000  # below 2 GiB, so that no target extends a sign
    symbols = [Symbol("_text", text), *filler(text), Symbol("percpu", 0x40, "ABS")]
    identity = (target.bits, target.byte_order, target.machine)
    with kernel_of(symbols, identity, release, **FORMS[release]) as kernel:
        path = assemble(assembly_of(kernel), tools, tmp_path / "tables.o")
        assert_inverse(decode_file(path, kernel.release, text=text), kernel.tables)


@pytest.mark.kernel
@pytest.mark.skipif(not KERNELS, reason="no kernels in the cache: scripts/fetch_kernel.py brings some")
@pytest.mark.parametrize("path", KERNELS, ids=lambda path: path.parent.name)
def test_kernels_carry_the_tables_that_are_made_of_their_symbols(path: Path) -> None:
    """What is decoded from a distribution's kernel is what elfsyms would have put there."""
    line, agreed = check(path, None)
    assert agreed, line
