# SPDX-License-Identifier: GPL-2.0-or-later
"""How far a running kernel was moved from where it was linked, as people have it: a number, or a line of dmesg.

Follows ``dump_kernel_offset`` of x86, arm64, s390 and others, which a panic prints: ``Kernel Offset: 0x1c400000
from 0xffffffff81000000 (relocation range: ...)``, or ``disabled``. What an offset can be is in
:mod:`elfsyms.image.kaslr`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from elfsyms.errors import UsageError
from elfsyms.image.elf import SHF_ALLOC
from elfsyms.image.kaslr import kaslr_of

if TYPE_CHECKING:
    from elfsyms.image.elf import Abi
    from elfsyms.pipeline.kernel import Kernel

__all__ = ["checked_offset", "looks_moved", "read_offset"]

_DMESG = re.compile(r"Kernel Offset:\s*(?:(?P<offset>0x[0-9a-fA-F]+)|(?P<none>disabled))")


def read_offset(text: str) -> int:
    """Read an offset; raises :class:`UsageError` for a text that has none.

    >>> read_offset("1c400000") == read_offset("Kernel Offset: 0x1c400000 from 0xffffffff81000000")
    True
    >>> read_offset("[    1.0] Kernel Offset: disabled")
    0
    """
    line = _DMESG.search(text)
    if line:
        return int(line["offset"], 16) if line["offset"] else 0
    try:
        offset = int(text, 16)
    except ValueError:
        offset = -1
    if not 0 <= offset < 1 << 64:
        raise UsageError(
            f"--kaslr takes a hexadecimal number, or dmesg's line 'Kernel Offset: 0x...', not {text!r}"
        )
    return offset


def checked_offset(offset: int, abi: Abi) -> int:
    """Return an offset that a machine's kernel can have been moved by; raises :class:`UsageError` for others."""
    rule = kaslr_of(abi)
    if offset and rule is None:
        raise UsageError(f"--kaslr {offset:#x}: kernels of this machine run where they were linked")
    if rule is not None and offset % rule.step:
        raise UsageError(
            f"--kaslr {offset:#x} is no multiple of {rule.steps}, as every offset of this machine's kernels is"
        )
    if rule is not None and not rule.allows(offset):
        raise UsageError(f"--kaslr {offset:#x} is further than this machine's kernels are ever moved")
    return offset


def looks_moved(kernel: Kernel, address: int) -> bool:
    """Tell whether an address that the file has nothing at lies where KASLR may have put the kernel."""
    rule, first = kaslr_of(kernel.image.abi), kernel.symbols.address_of(b"_text")
    if rule is None or first is None:
        return False
    ends = (s.address + s.size for s in kernel.symbols.sections if s.flags & SHF_ALLOC and s.address >= first)
    last = max(ends, default=first)
    return first + rule.step <= address < last + rule.reach
