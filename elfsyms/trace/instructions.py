# SPDX-License-Identifier: GPL-2.0-or-later
"""Which first instructions a kprobe refuses: those that cannot be executed at another address, or that trap.

Follows, for the first instruction of a function alone, ``arch/x86/kernel/kprobes/core.c`` (``can_probe``,
``is_exception_insn``, ``arch_adjust_kprobe_addr``), ``arch/arm64/kernel/probes/decode-insn.c``,
``arch/s390/lib/probes.c``, ``can_single_step`` of ``arch/powerpc/include/asm/probes.h``,
``arch/riscv/kernel/probes/decode-insn.c``, ``arch/loongarch/kernel/inst.c``, ``arch/mips/kernel/kprobes.c`` and
``arch/arm/probes/decode-arm.c``. The encodings are those of the makers' manuals. Leaves out other machines, whose
verdict is never "no" by an instruction, instructions that s390's kernel does not know, and Thumb.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from elfsyms.e_machine import (
    EM_386,
    EM_AARCH64,
    EM_ARM,
    EM_LOONGARCH,
    EM_MIPS,
    EM_PPC,
    EM_PPC64,
    EM_RISCV,
    EM_S390,
    EM_X86_64,
)
from elfsyms.releases.versions import When

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from elfsyms.releases.versions import Version

__all__ = ["ADDS_TOC", "ENDBR", "LOADS_TOC", "first_word", "refused"]

ENDBR = (0xFA1E0FF3, 0xFB1E0FF3)  # endbr64, endbr32: little-endian words; a probe goes behind them
# How a function of PowerPC's ELFv2 begins at its global entry: addis r2,r12 or lis r2, and addi r2,r2.
LOADS_TOC, ADDS_TOC = (0x3C4C0000, 0x3C400000), 0x38420000

_TRAPS = (0xCC, 0xCD, 0xCE, 0xF1)  # INT3, INT, INTO, INT1
_UD = (0xFF0F, 0xB90F, 0x0B0F)  # UD0, UD1, UD2: little-endian halves
_NO_TRAPS_SINCE: Version = (6, 10, 0, 0)  # before, a BUG at the start was found by its table alone: UD2


class _Refused(NamedTuple):
    """Instruction words that are refused: ``word & mask == value``, unless that holds for one of ``but``."""

    mask: int
    value: int
    when: When = When("..")
    but: tuple[tuple[int, int], ...] = ()


# The hints of arm64 that may be executed elsewhere: NOP, XPACLRI, PACI*, BTI.
_HINT = 0xD503201F
_GOOD_HINTS = tuple(
    (0xFFFFFFFF, _HINT | n << 5)
    for n in (0, 0x07, 0x08, 0x0A, 0x18, 0x19, 0x1A, 0x1B, 0x20, 0x22, 0x24, 0x26)
)
_ARM64 = (
    _Refused(0xFFF8F01F, 0xD500401F),  # MSR immediate
    _Refused(0xFFF00000, 0xD5100000),  # MSR register
    _Refused(0xFF000000, 0xD4000000),  # SVC, HVC, SMC, BRK, HLT
    _Refused(0xFFFFFFFF, 0xD69F03E0),  # ERET
    _Refused(0xFFFFFBFF, 0xD69F0BFF),  # ERETAA, ERETAB
    _Refused(0xFEFFF800, 0xD61F0800),  # BRAA and its kin
    _Refused(0xFEFFF800, 0xD63F0800),  # BLRAA and its kin
    _Refused(0xFFFFFBFF, 0xD65F0BFF),  # RETAA, RETAB
    _Refused(0xFFFFFFE0, 0xD53B4220),  # MRS of DAIF
    _Refused(0xFFFFF01F, _HINT, but=_GOOD_HINTS),
    _Refused(0xFF000000, 0xD8000000),  # PRFM literal
    _Refused(0x3F800000, 0x08000000),  # exclusive loads and stores
)
# By the first byte, by its second half too (EXRL), and by the first two.
_S390 = (
    *(_Refused(0xFF000000, code << 24) for code in (0x0B, 0x0C, 0x83, 0x44, 0xAC, 0xAD)),  # BSM to STOSM
    _Refused(0xFF0F0000, 0xC6000000),  # EXRL
    *(
        _Refused(0xFFFF0000, code << 16)  # PR, BSA, BAKR, BSG, PC, PT, EPSW, TBEGIN, TBEGINC, TEND
        for code in (0x0101, 0xB25A, 0xB240, 0xB258, 0xB218, 0xB228, 0xB98D, 0xE560, 0xE561, 0xB2F8)
    ),
)
_SINGLE_STEP = When("5.19..")  # by the date; before, MTMSR[D], RFI and RFID alone
_EXTENDED = 0xFC0007FE  # primary and extended opcode
_POWERPC = (
    *(_Refused(_EXTENDED, 31 << 26 | code << 1) for code in (146, 178)),  # MTMSR, MTMSRD
    *(_Refused(_EXTENDED, 19 << 26 | code << 1) for code in (18, 50)),  # RFID, RFI
    *(_Refused(0xFC000000, code << 26, _SINGLE_STEP) for code in (2, 3, 17)),  # TDI, TWI, SC
    *(
        _Refused(_EXTENDED, 19 << 26 | code << 1, _SINGLE_STEP)  # RFMCI to RVWINKLE: other returns, and naps
        for code in (38, 39, 51, 82, 274, 306, 370, 402, 434, 466, 498)
    ),
    *(_Refused(_EXTENDED, 31 << 26 | code << 1, _SINGLE_STEP) for code in (4, 68)),  # TW, TD
)
_NO_COMPRESSED_JUMPS = When("..6.6")  # by the date
_RISCV = (
    _Refused(0x7F, 0x73),  # SYSTEM: ECALL, EBREAK, CSR*, SRET and its kin
    _Refused(0x7F, 0x0F),  # FENCE
    _Refused(0xFFFF, 0x9002),  # C.EBREAK
    *(
        _Refused(0xE003, code, _NO_COMPRESSED_JUMPS) for code in (0xA001, 0xC001, 0xE001)
    ),  # C.J, C.BEQZ, C.BNEZ
    *(
        _Refused(0xF07F, code, _NO_COMPRESSED_JUMPS, ((0xFFFF, 0x9002),)) for code in (0x8002, 0x9002)
    ),  # C.JR, C.JALR
)
_LOONGARCH = (
    *(_Refused(0xFFFF8000, code << 15) for code in range(0x70C0, 0x70E4)),  # AMSWAP.W to AMMIN_DB.DU
    *(_Refused(0xFF000000, code << 24) for code in (0x20, 0x21, 0x22, 0x23)),  # LL and SC
    *(_Refused(0xFFFFFC00, code << 10) for code in range(0xE15E0, 0xE15E4)),  # LLACQ and SCREL
    _Refused(0xFC000000, 0x12 << 26),  # BCEQZ, BCNEZ
)
_MIPS = tuple(_Refused(0xFC000000, code << 26) for code in (0x30, 0x34, 0x38, 0x3C))  # LL, LLD, SC, SCD
# 32-bit ARM, of its A32 code alone; by the kernel's decoder the rest is executed elsewhere, or by hand.
_ALWAYS, _MEDIA = (0xF0000000, 0xF0000000), (0x0E000010, 0x06000010)  # two spaces within others
_ARM = (
    _Refused(0x0C000000, 0x0C000000),  # coprocessors, floating point, SVC
    _Refused(  # without a condition, but for preloads and BLX: CPS, SETEND, barriers, SRS, RFE
        *_ALWAYS, but=((0xFE300000, 0xF4100000), (0xFE300010, 0xF6100000), (0xFE000000, 0xFA000000))
    ),
    _Refused(  # miscellaneous, but for MRS of CPSR, BX, BLX, CLZ, QADD and its kin: MSR, BXJ, BKPT, SMC
        0x0F900080,
        0x01000000,
        but=(
            _ALWAYS,
            (0x0FF000F0, 0x01000000),
            (0x0FF000F0, 0x01200010),
            (0x0FF000F0, 0x01200030),
            (0x0FF000F0, 0x01600010),
            (0x0F9000F0, 0x01000050),
        ),
    ),
    _Refused(0x0F0000F0, 0x01000090, but=(_ALWAYS,)),  # exclusive loads and stores, SWP
    _Refused(  # hints, but for NOP, YIELD, WFE, WFI, SEV; MSR immediate
        0x0FB00000, 0x03200000, but=(_ALWAYS, (0x0FFF00FC, 0x03200000), (0x0FFF00FF, 0x03200004))
    ),
    _Refused(0x0E10F000, 0x0210F000, but=(_ALWAYS,)),  # sets flags and the PC
    _Refused(0x0E10F010, 0x0010F000, but=(_ALWAYS,)),
    _Refused(0x0C40F000, 0x0440F000, but=(_ALWAYS, _MEDIA)),  # a byte to or from the PC
    _Refused(0x0D200000, 0x04200000, but=(_ALWAYS, _MEDIA)),  # LDRT, STRT and their kin
    _Refused(0x0E400000, 0x08400000, but=(_ALWAYS,)),  # LDM and STM of user registers
    _Refused(0x0FF000F0, 0x07F000F0),  # UDF, of which BUG() is one
)

_BY_MACHINE = {
    EM_ARM: _ARM,
    EM_AARCH64: _ARM64,
    EM_S390: _S390,
    EM_PPC: _POWERPC,
    EM_PPC64: _POWERPC,
    EM_RISCV: _RISCV,
    EM_LOONGARCH: _LOONGARCH,
    EM_MIPS: _MIPS,
}
# Code of these is in the order of the file's numbers; that of others is little-endian.
_IN_ORDER = (EM_S390, EM_PPC, EM_PPC64, EM_MIPS)


def refused(machine: int, byte_order: str, version: Version, words: NDArray[np.uint64]) -> NDArray[np.bool_]:
    """Mark the words (the first eight bytes at each address, little-endian) whose instruction is refused."""
    if machine in (EM_386, EM_X86_64):
        return _refused_x86(words, version)
    first, marks = first_word(machine, byte_order, words), np.zeros(len(words), np.bool_)
    for mask, value, when, but in _BY_MACHINE.get(machine, ()):
        if version in when:
            found = _matches(first, mask, value)
            for other in but:
                found &= ~_matches(first, *other)
            marks |= found
    return marks


def _matches(words: NDArray[np.uint64], mask: int, value: int) -> NDArray[np.bool_]:
    return np.asarray((words & np.uint64(mask)) == np.uint64(value))


def first_word(machine: int, byte_order: str, words: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return the first four bytes of each of the words as the machine reads an instruction."""
    first = words & np.uint64(0xFFFFFFFF)
    swapped = machine in _IN_ORDER and byte_order == ">"
    return first.astype(np.uint32).byteswap().astype(np.uint64) if swapped else first


def _refused_x86(words: NDArray[np.uint64], version: Version) -> NDArray[np.bool_]:
    traps = _TRAPS if version >= _NO_TRAPS_SINCE else ()
    return np.isin(words & np.uint64(0xFF), traps) | np.isin(words & np.uint64(0xFFFF), _UD)
