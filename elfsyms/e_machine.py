# SPDX-License-Identifier: GPL-2.0-or-later
"""The machines of ELF files by number: ``e_machine`` in the registry of the gABI, of those that rules are about."""

from __future__ import annotations

from typing import Final

EM_SPARC: Final = 2
EM_386: Final = 3
EM_68K: Final = 4
EM_MIPS: Final = 8
EM_PARISC: Final = 15
EM_PPC: Final = 20
EM_PPC64: Final = 21
EM_S390: Final = 22  # s390x too, whose class is 64
EM_ARM: Final = 40
EM_SH: Final = 42
EM_SPARCV9: Final = 43
EM_IA64: Final = 50
EM_X86_64: Final = 62
EM_OPENRISC: Final = 92
EM_ARC: Final = 93
EM_XTENSA: Final = 94
EM_HEXAGON: Final = 164
EM_AARCH64: Final = 183
EM_TILEGX: Final = 191
EM_ARCV2: Final = 195
EM_RISCV: Final = 243
EM_CSKY: Final = 252
EM_LOONGARCH: Final = 258
EM_ALPHA: Final = 0x9026  # what every tool writes; never registered
