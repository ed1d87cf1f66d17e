# SPDX-License-Identifier: GPL-2.0-or-later
"""elfsyms: the Linux kernel's symbol table (kallsyms), made straight from the ELF file.

    >>> import elfsyms
    >>> with elfsyms.load("vmlinux") as kernel:  # doctest: +SKIP
    ...     print(kernel.release.name, len(kernel.tables.records))

Everything is imported when it is first used, so that ``import elfsyms`` costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from elfsyms._version import __version__

if TYPE_CHECKING:
    from elfsyms.compare import Difference, diff
    from elfsyms.cost import Cost
    from elfsyms.decode import Decoded, decode_dump, decode_file
    from elfsyms.errors import (
        ElfsymsError,
        EncodeError,
        InputError,
        NotThereError,
        OutputError,
        UsageError,
    )
    from elfsyms.explanation import Explanation
    from elfsyms.kernel import Kernel, build, load
    from elfsyms.ledger import Ledger
    from elfsyms.options import Options
    from elfsyms.releases import Release, find_release
    from elfsyms.verify import Verification

_HOMES = {
    "Cost": "cost",
    "Decoded": "decode",
    "Difference": "compare",
    "ElfsymsError": "errors",
    "EncodeError": "errors",
    "Explanation": "explanation",
    "InputError": "errors",
    "Kernel": "kernel",
    "Ledger": "ledger",
    "NotThereError": "errors",
    "Options": "options",
    "OutputError": "errors",
    "Release": "releases",
    "UsageError": "errors",
    "Verification": "verify",
    "build": "kernel",
    "decode_dump": "decode",
    "decode_file": "decode",
    "diff": "compare",
    "find_release": "releases",
    "load": "kernel",
}

__all__ = [
    "Cost",
    "Decoded",
    "Difference",
    "ElfsymsError",
    "EncodeError",
    "Explanation",
    "InputError",
    "Kernel",
    "Ledger",
    "NotThereError",
    "Options",
    "OutputError",
    "Release",
    "UsageError",
    "Verification",
    "__version__",
    "build",
    "decode_dump",
    "decode_file",
    "diff",
    "find_release",
    "load",
]


def __getattr__(name: str) -> Any:
    """Import a public name from its module when it is first asked for."""
    if name not in _HOMES:
        raise AttributeError(f"module 'elfsyms' has no attribute {name!r}")
    return getattr(import_module(f"elfsyms.{_HOMES[name]}"), name)
