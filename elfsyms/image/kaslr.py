# SPDX-License-Identifier: GPL-2.0-or-later
"""How far, and in which steps, each machine's kernel may be moved from where it was linked.

KASLR, and a boot loader that puts a relocatable kernel elsewhere, move the whole image by one offset. Which
offsets there can be is the machine's own rule, so an offset that breaks it is no KASLR: the addresses are then of
another build. Data, one row a machine, from the code that chooses the offset:

==========  ==================================================================================================
x86         ``arch/x86/boot/compressed/kaslr.c``, ``find_random_virt_addr``: multiples of
            ``CONFIG_PHYSICAL_ALIGN``, within ``KERNEL_IMAGE_SIZE`` (1 GiB, 512 MiB on i386)
arm64       ``kaslr_early_init``: multiples of ``MIN_KIMG_ALIGN`` (2 MiB), below half of the smallest range of
            virtual addresses; the EFI stub adds multiples of ``EFI_KIMG_ALIGN`` (64 KiB)
riscv64     ``arch/riscv/mm/init.c``, ``setup_vm``: multiples of ``PMD_SIZE`` within ``PUD_SIZE``
s390x       ``arch/s390/boot``: multiples of ``THREAD_SIZE`` (16 KiB), anywhere in the address space
loongarch,  ``relocate.c``, ``determine_relocation_address``: multiples of 64 KiB, up to
mips        ``RANDOMIZE_BASE_MAX_OFFSET`` and the kernel's own size more
powerpc     ``kaslr_booke.c`` rounds to 16 KiB, and so must who loads a relocatable 64-bit kernel
==========  ==================================================================================================

Leaves out machines whose kernels run where they were linked.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from elfsyms.e_machine import (
    EM_386,
    EM_AARCH64,
    EM_LOONGARCH,
    EM_MIPS,
    EM_PPC,
    EM_PPC64,
    EM_RISCV,
    EM_S390,
    EM_X86_64,
)

if TYPE_CHECKING:
    from elfsyms.image.elf import Abi

__all__ = ["Kaslr", "kaslr_of"]

_KIB, _MIB, _GIB = 1 << 10, 1 << 20, 1 << 30
_UNITS = ((_GIB, "GiB"), (_MIB, "MiB"), (_KIB, "KiB"))


@dataclass(frozen=True, slots=True)
class Kaslr:
    """The offsets that a machine's kernel can have: multiples of ``step`` bytes, from 0 to below ``reach``."""

    step: int
    reach: int

    def allows(self, offset: int) -> bool:
        """Tell whether a kernel can have been moved by an offset.

        >>> Kaslr(2 * _MIB, _GIB).allows(0x1C400000), Kaslr(2 * _MIB, _GIB).allows(-0xC80)
        (True, False)
        """
        return 0 <= offset < self.reach and offset % self.step == 0

    @property
    def steps(self) -> str:
        """The step as people say it.

        >>> Kaslr(2 * _MIB, _GIB).steps
        '2 MiB'
        """
        unit, name = next((unit, name) for unit, name in _UNITS if self.step >= unit)
        return f"{self.step // unit} {name}"


# By e_machine and class. Where a configuration has a say (CONFIG_PHYSICAL_ALIGN), the smallest step and the
# largest reach that it can ask for; the reach of MIPS and LoongArch with room for the kernel itself.
_RULES: dict[tuple[int, int], Kaslr] = {
    (EM_386, 32): Kaslr(8 * _KIB, 512 * _MIB),
    (EM_X86_64, 64): Kaslr(2 * _MIB, _GIB),
    (EM_MIPS, 32): Kaslr(64 * _KIB, 256 * _MIB),
    (EM_MIPS, 64): Kaslr(64 * _KIB, 2 * _GIB),
    (EM_PPC, 32): Kaslr(16 * _KIB, 4 * _GIB),
    (EM_PPC64, 64): Kaslr(16 * _KIB, 1 << 52),  # below the size of physical memory
    (EM_S390, 64): Kaslr(16 * _KIB, 1 << 53),
    (EM_AARCH64, 64): Kaslr(64 * _KIB, 1 << 47),
    (EM_RISCV, 64): Kaslr(2 * _MIB, _GIB),
    (EM_LOONGARCH, 64): Kaslr(64 * _KIB, 512 * _MIB),
}


def kaslr_of(abi: Abi) -> Kaslr | None:
    """Return the rule of a machine; None where its kernels run where they were linked."""
    return _RULES.get((abi.machine, abi.bits))
