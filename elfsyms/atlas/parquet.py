# SPDX-License-Identifier: GPL-2.0-or-later
"""Whether pyarrow is there, which everything else of the atlas needs."""

from __future__ import annotations

from importlib.util import find_spec

from elfsyms.errors import NotThereError

__all__ = ["need_pyarrow"]


def need_pyarrow() -> None:
    """Raise :class:`NotThereError` where pyarrow is not installed."""
    if find_spec("pyarrow") is None:
        raise NotThereError(
            "an atlas is Parquet, written with pyarrow, which is not installed: pip install 'elfsyms[atlas]'"
        )
