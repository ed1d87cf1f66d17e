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
    from elfsyms.compare.diff import Difference, diff
    from elfsyms.compare.verify import Verification
    from elfsyms.decode.decode import Decoded, decode_dump, decode_file
    from elfsyms.errors import (
        ElfsymsError,
        EncodeError,
        InputError,
        NotThereError,
        OutputError,
        UsageError,
    )
    from elfsyms.inspect.explanation import Explanation
    from elfsyms.inspect.ledger import Ledger
    from elfsyms.inspect.size import Cost
    from elfsyms.pipeline.kernel import Kernel, build, load
    from elfsyms.releases.options import Options
    from elfsyms.releases.traits import Release, find_release

_HOMES = {
    "Cost": "inspect.size",
    "Decoded": "decode.decode",
    "Difference": "compare.diff",
    "ElfsymsError": "errors",
    "EncodeError": "errors",
    "Explanation": "inspect.explanation",
    "InputError": "errors",
    "Kernel": "pipeline.kernel",
    "Ledger": "inspect.ledger",
    "NotThereError": "errors",
    "Options": "releases.options",
    "OutputError": "errors",
    "Release": "releases.traits",
    "UsageError": "errors",
    "Verification": "compare.verify",
    "build": "pipeline.kernel",
    "decode_dump": "decode.decode",
    "decode_file": "decode.decode",
    "diff": "compare.diff",
    "find_release": "releases.traits",
    "load": "pipeline.kernel",
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
