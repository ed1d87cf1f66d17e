# SPDX-License-Identifier: GPL-2.0-or-later
"""Which first instructions a kprobe refuses: those that cannot be executed at another address, or that trap.

Follows ``arch/x86/kernel/kprobes/core.c`` (``can_probe``, ``is_exception_insn``, ``arch_adjust_kprobe_addr``) and
``arch/arm64/kernel/probes/decode-insn.c``, for the first instruction of a function alone. The encodings are those
of the Intel and Arm manuals. Leaves out other machines: their verdict is never "no" by an instruction.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from elfsyms.e_machine import EM_386, EM_AARCH64, EM_X86_64

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from elfsyms.releases.versions import Version

__all__ = ["ENDBR", "refused"]

ENDBR = (0xFA1E0FF3, 0xFB1E0FF3)  # endbr64, endbr32: little-endian words; a probe goes behind them

_TRAPS = (0xCC, 0xCD, 0xCE, 0xF1)  # INT3, INT, INTO, INT1
_UD = (0xFF0F, 0xB90F, 0x0B0F)  # UD0, UD1, UD2: little-endian halves
_NO_TRAPS_SINCE: Version = (6, 10, 0, 0)  # before, a BUG at the start was found by its table alone: UD2

# arm64: mask and value of an instruction word; refused unless an exception below holds.
_REFUSED = (
    (0xFFF8F01F, 0xD500401F),  # MSR immediate
    (0xFFF00000, 0xD5100000),  # MSR register
    (0xFF000000, 0xD4000000),  # SVC, HVC, SMC, BRK, HLT
    (0xFFFFFFFF, 0xD69F03E0),  # ERET
    (0xFFFFFBFF, 0xD69F0BFF),  # ERETAA, ERETAB
    (0xFEFFF800, 0xD61F0800),  # BRAA and its kin
    (0xFEFFF800, 0xD63F0800),  # BLRAA and its kin
    (0xFFFFFBFF, 0xD65F0BFF),  # RETAA, RETAB
    (0xFFFFFFE0, 0xD53B4220),  # MRS of DAIF
    (0xFFFFF01F, 0xD503201F),  # hints
    (0xFF000000, 0xD8000000),  # PRFM literal
    (0x3F800000, 0x08000000),  # exclusive loads and stores
)
_HINT = (0xFFFFF01F, 0xD503201F)
# The hints that may be executed elsewhere: NOP, XPACLRI, PACI*, BTI.
_GOOD_HINTS = tuple(n << 5 for n in (0, 0x07, 0x08, 0x0A, 0x18, 0x19, 0x1A, 0x1B, 0x20, 0x22, 0x24, 0x26))


def refused(machine: int, version: Version, words: NDArray[np.uint64]) -> NDArray[np.bool_]:
    """Mark the words (the first eight bytes at each address, little-endian) whose instruction is refused."""
    if machine in (EM_386, EM_X86_64):
        return _refused_x86(words, version)
    if machine == EM_AARCH64:
        return _refused_arm64(words & np.uint64(0xFFFFFFFF))
    return np.zeros(len(words), np.bool_)


def _refused_x86(words: NDArray[np.uint64], version: Version) -> NDArray[np.bool_]:
    traps = _TRAPS if version >= _NO_TRAPS_SINCE else ()
    return np.isin(words & np.uint64(0xFF), traps) | np.isin(words & np.uint64(0xFFFF), _UD)


def _refused_arm64(words: NDArray[np.uint64]) -> NDArray[np.bool_]:
    marks = np.zeros(len(words), np.bool_)
    for mask, value in _REFUSED:
        marks |= (words & np.uint64(mask)) == np.uint64(value)
    hint = (words & np.uint64(_HINT[0])) == np.uint64(_HINT[1])
    good = np.isin(words & np.uint64(0xFE0), np.array(_GOOD_HINTS, np.uint64))
    return np.asarray(marks & ~(hint & good))
