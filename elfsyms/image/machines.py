# SPDX-License-Identifier: GPL-2.0-or-later
"""What an object of each machine needs: relocations, where addends lie, ``.align``, mapping symbols.

A table, one row a machine, keyed by ``e_machine`` and class; no number depends on the byte order. Each is
the number that the machine's own assembler writes, which ``tests/test_object_links.py`` asks again. The
exceptions are the PC-relative relocations of RISC-V and LoongArch: there GNU as writes a pair, ``ADD32``
and ``SUB32`` against a local symbol at the field, for relaxation may move what lies in code. Nothing moves
inside ``.rodata``: ``R_RISCV_32_PCREL`` and ``R_LARCH_32_PCREL`` say the same in one entry, half the size,
and every linker tried computes them alike, in relaxed images and in position-independent ones. The local
symbol at each field (``.L0 ``) goes with the pair. Mapping symbols are those of GNU as too: LLVM's assembler
says ``$d.0`` or nothing at all, which changes the symbol table of a vmlinux and nothing that is loaded.

Follows the psABI of each machine, and gas for ``.align``. Leaves out the machines that no assembler at hand
could confirm (csky, microblaze, nios2), MIPS n32 and x32, which no kernel is built for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from elfsyms.e_machine import (
    EM_68K,
    EM_386,
    EM_AARCH64,
    EM_ALPHA,
    EM_ARC,
    EM_ARCV2,
    EM_ARM,
    EM_HEXAGON,
    EM_IA64,
    EM_LOONGARCH,
    EM_MIPS,
    EM_OPENRISC,
    EM_PARISC,
    EM_PPC,
    EM_PPC64,
    EM_RISCV,
    EM_S390,
    EM_SH,
    EM_SPARC,
    EM_SPARCV9,
    EM_X86_64,
    EM_XTENSA,
)
from elfsyms.errors import InputError

if TYPE_CHECKING:
    from elfsyms.image.elf import Abi

__all__ = ["MACHINES", "RELATIVE", "Machine", "machine_of", "word_of"]


@dataclass(frozen=True, slots=True)
class Machine:
    """One machine's conventions for data relocations in relocatable objects.

    ``word`` and ``pc_relative`` are relocation numbers: the symbol's address, a pointer wide, and its distance from
    the field, 32 bits (None where the object format cannot say it).
    """

    name: str
    word: int
    pc_relative: int | None
    byte_orders: str = "<>"  # those that exist; LIEF cannot parse the others either
    rela: bool = True  # SHT_RELA, else SHT_REL
    in_place: bool = False  # addends lie in the section's bytes; always so with SHT_REL
    pc_bias: int = 0  # the distance counts from this many bytes past the field
    split_info: bool = False  # r_info is MIPS64's: u32 symbol, then four bytes of types, the first one last
    linked_flags: int = 0  # e_flags bits that only a linked image has
    align_is_power: bool = False  # `.align N` meant 2**N bytes to gas, N bytes elsewhere
    padded_to: int = 1  # the assembler fills a section's end up to its alignment, at most to so many bytes
    mapping_symbol: str = ""  # the local symbol that the assembler puts at the start of data; AAELF's alone


WHOLE = 1 << 30  # up to the alignment, whatever it is

# e_machine and class, as in the gABI's registry
MACHINES: dict[tuple[int, int], Machine] = {
    (EM_SPARC, 32): Machine("sparc32", word=3, pc_relative=6, byte_orders=">"),
    (EM_386, 32): Machine("i386", word=1, pc_relative=2, byte_orders="<", rela=False, in_place=True),
    (EM_68K, 32): Machine("m68k", word=1, pc_relative=4, byte_orders=">"),
    (EM_MIPS, 32): Machine(
        "mips32", word=2, pc_relative=248, rela=False, in_place=True, align_is_power=True, padded_to=16
    ),
    (EM_MIPS, 64): Machine(
        "mips64", word=18, pc_relative=248, split_info=True, align_is_power=True, padded_to=16
    ),
    (EM_PARISC, 32): Machine("parisc", word=1, pc_relative=9, byte_orders=">", pc_bias=8, padded_to=WHOLE),
    (EM_PARISC, 64): Machine("parisc64", word=80, pc_relative=9, byte_orders=">", pc_bias=8, padded_to=WHOLE),
    (EM_PPC, 32): Machine("ppc32", word=1, pc_relative=26, align_is_power=True),
    (EM_PPC64, 64): Machine("ppc64", word=38, pc_relative=26, align_is_power=True),
    (EM_S390, 32): Machine("s390", word=4, pc_relative=5, byte_orders=">", padded_to=WHOLE),
    (EM_S390, 64): Machine("s390x", word=22, pc_relative=5, byte_orders=">", padded_to=WHOLE),
    # A linked BE8 image says EF_ARM_BE8; objects that go into one do not.
    (EM_ARM, 32): Machine(
        "arm",
        word=2,
        pc_relative=3,
        rela=False,
        in_place=True,
        linked_flags=0x00800000,
        align_is_power=True,
        mapping_symbol="$d",
    ),
    (EM_SH, 32): Machine("sh", word=1, pc_relative=2, in_place=True, align_is_power=True),
    (EM_SPARCV9, 64): Machine("sparc64", word=32, pc_relative=6, byte_orders=">"),
    (EM_IA64, 64): Machine("ia64", word=39, pc_relative=77, byte_orders="<"),
    (EM_X86_64, 64): Machine("x86-64", word=1, pc_relative=2, byte_orders="<"),
    (EM_OPENRISC, 32): Machine("openrisc", word=1, pc_relative=9, byte_orders=">"),
    (EM_ARC, 32): Machine("arc", word=4, pc_relative=49, padded_to=WHOLE),
    (EM_XTENSA, 32): Machine("xtensa", word=1, pc_relative=None),
    (EM_HEXAGON, 32): Machine("hexagon", word=6, pc_relative=31, byte_orders="<"),
    (EM_AARCH64, 64): Machine("arm64", word=257, pc_relative=261, align_is_power=True, mapping_symbol="$d"),
    (EM_ARCV2, 32): Machine("arcv2", word=4, pc_relative=49, padded_to=WHOLE),
    (EM_RISCV, 32): Machine("riscv32", word=1, pc_relative=57, align_is_power=True),
    (EM_RISCV, 64): Machine("riscv64", word=2, pc_relative=57, align_is_power=True),
    (EM_LOONGARCH, 64): Machine("loongarch64", word=2, pc_relative=99, byte_orders="<", align_is_power=True),
    (EM_ALPHA, 64): Machine(
        "alpha", word=2, pc_relative=10, byte_orders="<", align_is_power=True, padded_to=WHOLE
    ),
}


def machine_of(abi: Abi) -> Machine:
    """Return the machine that an ABI is for; :class:`InputError` names one that the table lacks."""
    machine = MACHINES.get((abi.machine, abi.bits))
    if machine is None or abi.byte_order not in machine.byte_orders:
        order = {"<": "little", ">": "big"}[abi.byte_order]
        known = ", ".join(sorted(machine.name for machine in MACHINES.values()))
        raise InputError(
            f"cannot write an object for e_machine {abi.machine} (ELF{abi.bits}, {order}-endian), whose "
            f"relocations are not known: write assembly text (-o kallsyms.S); known machines: {known}"
        )
    return machine


def word_of(machine: int) -> int | None:
    """Return the bytes of a pointer of a machine (``e_machine``), None where it exists in both classes."""
    words = {bits // 8 for number, bits in MACHINES if number == machine}
    return words.pop() if len(words) == 1 else None


# R_*_RELATIVE, which adds no symbol, by machine and class: of linked images, where entries have the addends.
RELATIVE = {
    (EM_X86_64, 64): 8,
    (EM_AARCH64, 64): 1027,
    (EM_S390, 64): 12,
    (EM_RISCV, 64): 3,
    (EM_LOONGARCH, 64): 3,
    (EM_PPC64, 64): 22,
    (EM_SPARCV9, 64): 22,
}
RELATIVE |= {
    (EM_PPC, 32): 22,
    (EM_S390, 32): 12,
    (EM_RISCV, 32): 3,
    (EM_SH, 32): 165,
    (EM_68K, 32): 22,
    (EM_ALPHA, 64): 27,
}
