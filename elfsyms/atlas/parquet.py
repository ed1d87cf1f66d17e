# SPDX-License-Identifier: GPL-2.0-or-later
"""Whether pyarrow is there, which everything else of the atlas needs."""

from __future__ import annotations

import sys
from importlib.util import find_spec

from elfsyms.errors import NotThereError
from elfsyms.failures import need_memory

__all__ = ["need_pyarrow"]

_ROOM = 320 << 20  # bytes of address space: its code, and numpy's


def need_pyarrow() -> None:
    """Raise :class:`NotThereError` where pyarrow is missing, and :class:`ProgramError` where it has no room."""
    if find_spec("pyarrow") is None:
        raise NotThereError(
            "an atlas is Parquet, written with pyarrow, which is not installed: pip install 'elfsyms[atlas]'"
        )
    if "pyarrow" not in sys.modules:
        need_memory(_ROOM)
