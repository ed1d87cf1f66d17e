# SPDX-License-Identifier: GPL-2.0-or-later
"""Where templates of objects are kept that outlive a build, by the XDG base directory specification.

Imports nothing that takes time: it is asked before a process forks.
"""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["VARIABLE", "template_folder"]

VARIABLE = "ELFSYMS_TEMPLATES"


def template_folder() -> Path | None:
    """Return the folder of templates that outlive a build, or None where there is to be none."""
    named = os.environ.get(VARIABLE)
    if named is not None:
        return Path(named) if named else None
    base = Path(os.environ.get("XDG_CACHE_HOME", ""))
    if base.is_absolute():  # others are to be ignored, says the standard
        return base / "elfsyms" / "templates"
    home = Path(os.environ.get("HOME", ""))
    return home / ".cache" / "elfsyms" / "templates" if home.is_absolute() else None
