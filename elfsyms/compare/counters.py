# SPDX-License-Identifier: GPL-2.0-or-later
"""What compilers count and hash in names: noise between two builds, never another symbol.

A static variable of a function, a switch's table, a compound literal get a number that counts through a file
(``CSWTCH.515``, ``__func__.12``, ``_rs.7``, ``__compound_literal.3``). Clang's link time optimisation makes
statics unique by a hash of the file (``.llvm.1234``), GCC's by a number (``.lto_priv.0``). Rust's old mangling
ends in a hash of the crate, the present one has it behind each ``C`` of a crate; the kernel's own macros count
with ``__COUNTER__`` and ``__LINE__``. Change a line above, and all of these change. Suffixes of other kinds
(``.isra.0``) say what an optimiser did, and are ``renames.py``'s.
"""

from __future__ import annotations

import re

from elfsyms.image.suffixes import base_name

__all__ = ["differ_by_counter", "kin_name", "without_counters"]

# What is counted or hashed, and what stands for it; each pattern keeps its groups.
_COUNTED = (
    (re.compile(rb"\.(llvm|lto_priv)\.\d+"), rb".\1.N"),
    (re.compile(rb"(?<=.)(?<!\.isra)(?<!\.constprop)(?<!\.part)(?<!\.cold)\.\d+(?=\.|\Z)"), rb".N"),
    (re.compile(rb"17h[0-9a-f]{16}E(?=\.|\Z)"), rb"17hHE"),
    (re.compile(rb"(?<=[A-Z])(?<=C)s[0-9A-Za-z]*_(?=\d)"), rb"sH_"),
    (re.compile(rb"\A(__UNIQUE_ID_.*?)\d+(?=\.N\Z|\Z)"), rb"\1N"),
    (re.compile(rb"\A(__initcall__kmod_.*?)__\d+_\d+(?=_)"), rb"\1__N_N"),
)
_PREFIXES = (
    b"__UNIQUE_ID_",
    b"__initcall__",
    b"_ZN",
    b"_R",
    b"__pfx__R",
    b"__cfi__R",
)  # of names that count without a dot


def without_counters(name: bytes) -> bytes:
    """Return a name with a letter for each count or hash; what an optimiser did to a function stays as it is.

    >>> without_counters(b"CSWTCH.515"), without_counters(b"probe.llvm.98"), without_counters(b"work.isra.0.cold")
    (b'CSWTCH.N', b'probe.llvm.N', b'work.isra.0.cold')
    """
    if b"." not in name and not name.startswith(_PREFIXES):
        return name
    for pattern, with_letter in _COUNTED:
        name = pattern.sub(with_letter, name)
    return name


def differ_by_counter(old: bytes, new: bytes) -> bool:
    """Tell whether two names are one, but for what a compiler counts or hashes."""
    return old != new and without_counters(old) == without_counters(new)


def kin_name(name: bytes) -> bytes:
    """Return a name as its source has it, as far as it can be told: no suffix, no count, no hash.

    >>> kin_name(b"foo.isra.0"), kin_name(b"_ZN4core3fmt5write17h0123456789abcdefE")
    (b'foo', b'_ZN4core3fmt5write17hHE')
    """
    return without_counters(base_name(name))
