# SPDX-License-Identifier: GPL-2.0-or-later
"""Which offsets a moved kernel can have, by machine: facts from the kernel's sources."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from elfsyms.image.elf import Abi
from elfsyms.image.kaslr import Kaslr, kaslr_of

sys.path.append(str(Path(__file__).parents[1] / "scripts"))
from debian import DebianError
from sources import source_tree

X86_64, I386, ARM, ARM64, RISCV, S390, LOONGARCH, MIPS = 62, 3, 40, 183, 243, 22, 258, 8
MIB = 1 << 20

# Machine, class, an offset, and whether a kernel of it can have been moved by that.
FACTS = [
    (X86_64, 64, 0, True),
    (X86_64, 64, 0x1C400000, True),
    (X86_64, 64, 0x1C480000, False),
    (X86_64, 64, -2 * MIB, False),
    (X86_64, 64, 1 << 30, False),
    (I386, 32, 0x2000, True),
    (I386, 32, 0x1000, False),
    (ARM64, 64, 0x3C7E4D610000, True),  # 64 KiB are from the EFI stub
    (ARM64, 64, 0x3C7E4D618000, False),
    (RISCV, 64, 0x2E00000, True),
    (RISCV, 64, 0x2E10000, False),
    (S390, 64, 0x1FFFC4C84000, True),
    (S390, 64, 0x1FFFC4C81000, False),
    (LOONGARCH, 64, 0xA90000, True),
    (LOONGARCH, 64, 0xA98000, False),
    (MIPS, 32, 0x9A0000, True),
    (MIPS, 32, 0x9A8000, False),
]


def rule(machine: int, bits: int) -> Kaslr | None:
    """Return a machine's rule."""
    return kaslr_of(Abi(64 if bits == 64 else 32, "<", machine, 0))


@pytest.mark.parametrize(("machine", "bits", "offset", "possible"), FACTS)
def test_an_offset_is_possible_by_its_machines_rule(
    machine: int, bits: int, offset: int, possible: bool
) -> None:
    """Offsets are multiples of the machine's step, not negative, and below its reach."""
    found = rule(machine, bits)
    assert found is not None
    assert found.allows(offset) == possible


def test_a_machine_without_kaslr_has_no_rule() -> None:
    """32-bit ARM kernels run where they were linked."""
    assert rule(ARM, 32) is None


# Where a tree says it: file, what stands there, and the machine whose step it is in bytes.
SOURCES = [
    ("arch/x86/Kconfig", r"range (0x200000) 0x1000000 if X86_64", X86_64, 64),
    ("arch/x86/Kconfig", r"range (0x2000) 0x1000000 if X86_32", I386, 32),
    ("arch/arm64/include/asm/memory.h", r"#define SEGMENT_ALIGN\s+SZ_(64)K", ARM64, 64),
    ("arch/riscv/mm/init.c", r"kaslr_seed % nr_pos\) \* PMD_SIZE", RISCV, 64),
    ("arch/loongarch/kernel/relocate.c", r"get_random_boot\(\) << (16)", LOONGARCH, 64),
    ("arch/mips/kernel/relocate.c", r"get_random_boot\(\) << (16)", MIPS, 64),
    ("arch/s390/include/asm/thread_info.h", r"#define THREAD_SIZE_ORDER (2)", S390, 64),
]
STEPS = {"64": 64 << 10, "16": 1 << 16, "2": 4096 << 2, None: 2 * MIB}


@pytest.fixture(scope="module")
def tree() -> Path:
    """Return the source tree of 6.12, or skip where it cannot be had."""
    try:
        return source_tree("6.12")
    except DebianError as error:
        pytest.skip(str(error))


@pytest.mark.kernel
@pytest.mark.parametrize(("file", "pattern", "machine", "bits"), SOURCES)
def test_the_steps_are_those_of_a_source_tree(
    tree: Path, file: str, pattern: str, machine: int, bits: int
) -> None:
    """The code of 6.12 that chooses an offset has the step of the table."""
    match = re.search(pattern, (tree / file).read_text(encoding="utf-8"))
    assert match is not None
    text = match[1] if match.re.groups else None
    found = rule(machine, bits)
    assert found is not None
    assert found.step == (int(text, 16) if text and text.startswith("0x") else STEPS[text])
