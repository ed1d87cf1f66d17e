# SPDX-License-Identifier: GPL-2.0-or-later
"""Rust's names as the source has them: ``_RNvCs1234_7mycrate3foo`` is ``mycrate::foo``.

Kernels are built with Rust's v0 mangling (RFC 2603) ever since they have Rust. LLVM's demangler takes it apart, by
the library pycxxfilt (extra ``rust``); without that, names stay as they are. Leaves out the older mangling, which
no kernel has, and C++.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from elfsyms.image.records import MASKS, chunks, numbers_everywhere

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

__all__ = ["demangled", "is_mangled", "may_be_mangled"]

_MARK = b"_R"
_PADDING = (b"__pfx_", b"__cfi_")  # what stands before the name of the room before a function


def is_mangled(name: bytes) -> bool:
    """Tell whether a name looks like one of Rust's."""
    return name.removeprefix(_PADDING[0]).removeprefix(_PADDING[1]).startswith(_MARK)


def may_be_mangled(pool: bytes, start: NDArray[np.int64], size: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Mark the names, pieces of a pool, that may look like one of Rust's: all that do, and hardly any other.

    Their first eight bytes are looked at, which two of what stands before a name would fill.
    """
    first = chunks(numbers_everywhere(pool), start, size, 0)
    marks = first & MASKS[len(_MARK)] == _number(_MARK)
    for one in _PADDING:
        marks |= (first == _number(one + _MARK)) | (first == _number(one + b"__"))
    return np.asarray(marks)


def demangled(name: bytes) -> str | None:
    """Return a name as its source has it; None for one that is not Rust's, or where the library is missing.

    >>> demangled(b"_RNvCs1234_7mycrate3foo"), demangled(b"schedule")
    ('mycrate::foo', None)
    """
    if not is_mangled(name) or _library() is None:
        return None
    prefix = next((one for one in _PADDING if name.startswith(one)), b"")
    text = _text(name.removeprefix(prefix))
    return None if text is None else prefix.decode() + text


@cache
def _library() -> Callable[[str], str | None] | None:
    try:
        from pycxxfilt import rust_demangle  # noqa: PLC0415 (an extra, and few kernels have Rust)
    except ImportError:
        return None
    return rust_demangle


def _text(name: bytes) -> str | None:
    library = _library()
    try:
        return library(name.decode("ascii")) if library else None
    except ValueError:  # it begins like one, and is none; UnicodeDecodeError is one, too
        return None


def _number(text: bytes) -> np.uint64:
    return np.uint64(int.from_bytes(text, "little"))
