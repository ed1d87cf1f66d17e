# SPDX-License-Identifier: GPL-2.0-or-later
"""What compilers put behind a function's name, and what stands before it: one table of each, and what follows.

Optimisers leave their mark: ``.isra.0`` for changed arguments, ``.constprop.0`` for arguments made constant,
``.part.0`` and ``.cold`` for pieces, ``.llvm.123`` and ``.lto_priv.0`` for statics of link time optimisation.
Another compiler, or another version of it, decides otherwise, and a probe by the old name fails.

Follows GCC's ``clone_function_name`` and its users, and LLVM's ``getUniqueModuleId`` promotion in ThinLTO.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

__all__ = ["PREFIXES", "SUFFIXES", "Suffix", "base_name", "piece_name", "suffix_of", "suffix_pattern"]


@dataclass(frozen=True, slots=True)
class Suffix:
    """One kind of suffix: its pattern, what made it, and whether it marks a piece of a function."""

    pattern: bytes
    why: str
    piece: str = ""


SUFFIXES: tuple[Suffix, ...] = (
    Suffix(rb"\.isra\.\d+", "GCC dropped or split a parameter: arguments differ from the source"),
    Suffix(rb"\.constprop\.\d+", "GCC made a copy for a constant argument"),
    Suffix(rb"\.part\.\d+", "GCC split off a part; the rest was inlined", piece=".part"),
    Suffix(rb"\.cold(?:\.\d+)?", "the unlikely part of the function, which the compiler moved away", ".cold"),
    Suffix(rb"\.llvm\.\d+", "Clang's ThinLTO made a static symbol global"),
    Suffix(rb"\.lto_priv\.\d+", "link time optimization renamed a static symbol"),
    Suffix(rb"\.\d+", "one of several static symbols of that name"),
)

# What may stand before a name.
PREFIXES: tuple[tuple[bytes, str], ...] = (
    (b"__pfx_", "the padding before the function"),
    (b"__cfi_", "the function's type hash (kCFI)"),
    (b"__x64_", "wrapper of the system call, which takes its arguments from pt_regs"),
    (b"__ia32_", "wrapper of the system call, which takes its arguments from pt_regs"),
    (b"__arm64_", "wrapper of the system call, which takes its arguments from pt_regs"),
    (b"__riscv_", "wrapper of the system call, which takes its arguments from pt_regs"),
    (b"__s390x_", "wrapper of the system call, which takes its arguments from pt_regs"),
    (b"__se_", "the system call's sign extension"),
    (b"__do_", "the system call's own code"),
    (b"__kvm_nvhe_", "the hypervisor's copy"),
    (b"__pi_", "the position independent copy of the start code"),
)

suffix_pattern = b"|".join(suffix.pattern for suffix in SUFFIXES)
"""A regular expression of one suffix, whichever."""

_ALL_AT_END = re.compile(rb"(?:%b)+\Z" % suffix_pattern)
_EACH = re.compile(suffix_pattern)


def base_name(name: bytes) -> bytes:
    """Return a name without any suffix of a compiler.

    >>> base_name(b"do_one.isra.0.cold"), base_name(b"static_key.12"), base_name(b"tcp_v4.rcv")
    (b'do_one', b'static_key', b'tcp_v4.rcv')
    """
    return _ALL_AT_END.sub(b"", name) or name


def suffix_of(name: bytes) -> bytes:
    """Return the suffixes of a name together."""
    return name[len(base_name(name)) :]


def piece_name(name: bytes) -> bytes:
    """Return a base name with the kinds of piece that it is of, so that a piece is no whole function.

    >>> piece_name(b"do_one.isra.0.cold"), piece_name(b"tcp_ack.part.0")
    (b'do_one.cold', b'tcp_ack.part')
    """
    found = _EACH.findall(suffix_of(name))
    pieces = [
        s.piece.encode() for text in found for s in SUFFIXES if s.piece and re.fullmatch(s.pattern, text)
    ]
    return base_name(name) + b"".join(pieces)
