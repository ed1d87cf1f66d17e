# SPDX-License-Identifier: GPL-2.0-or-later
"""Words for the classes of symbols, and for what decides between aliases."""

from __future__ import annotations

from elfsyms.image.symbols import SymbolClass

__all__ = ["CLASSES", "DECIDERS"]

CLASSES = {
    SymbolClass.RELATIVE: "",
    SymbolClass.ABSOLUTE: ", an absolute number",
    SymbolClass.PERCPU: ", per-CPU",
    SymbolClass.UNDEFINED: ", undefined",
}
DECIDERS = {
    "weak": "weak symbols sort last",
    "linker script": "names that a linker script makes (__start_..., ..._end) sort behind",
    "underscores": "fewer leading underscores sort first",
    "map": "nm lists it first, by name",
}
