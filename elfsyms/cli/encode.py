# SPDX-License-Identifier: GPL-2.0-or-later
"""From the library's answers to JSON: one encoder, and a row that says how each kind of value looks there.

A row of :data:`SHAPES` lists the fields of a value in the order of the JSON, each as ``json=attribute:form``, the
last two optional: ``attribute`` (dots lead further in) where the value calls it otherwise, and a form:

=========  =======================================================
form       what is written
=========  =======================================================
hex        a number as ``"0x..."``; None stays null
signed     the same with its sign, ``"-0x..."``
text       what is empty as null
table      the name of a table with its ``kallsyms_``
length     how many there are
other      the row of that name, where a kind looks different here
=========  =======================================================

What a schema promises (``docs/schemas``) is written here and nowhere else, so a field is renamed in the library
without a change of the JSON. The lists of a whole kernel's symbols are columns, not values (``column_text.py``).
"""

from __future__ import annotations

from dataclasses import is_dataclass
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from elfsyms.cli.render import name_text

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["SHAPES", "encode"]

# fmt: off
SHAPES: dict[str, str] = {
    # verify
    "Verification": "file against equal release options expected found unmapped missing extra moved:Moved"
                    " letters=retyped disordered broken=faults",
    "Unmatched":    "name letter address:hex cause",
    "Moved":        "first expected=was:hex found=now:hex by count",
    "WrongLetter":  "name expected found",
    "Fault":        "table:table problem=sentence",
    # diff
    "Difference":   "mode same summary relation sides verdict appeared=added gone=removed crossed retyped renamed"
                    " renumbered ambiguous moved shifts",
    "Relation":     "kind sentence",
    "Side":         "file=path kind title symbols functions",
    "Verdict":      "state more reason flipping",
    "Change":       "name letter function address:hex cause rule:text",
    "Crossing":     "name old:text new:text",
    "Retyped":      "name old new",
    "Rename":       "old new kinds",
    "Shift":        "first was:hex now:hex by step count cause detail",
    # stats
    "Cost":         "file release options symbols total padding plain_names names option_costs long_names"
                    " long_bytes packed tokens longest",
    "OptionCost":   "option given bytes_with bytes_without symbols_with symbols_without difference",
    "Packed":       "method bytes=size missing:text",
    "TokenCost":    "code text uses saved",
    "LongName":     "name length=name:length address:hex codes bytes=size",
    # ledger
    "Ledger":       "entries kept dropped=dropped_total by_rule=dropped remarks",
    "RuleRow":      "rule=rule.id slug=rule.slug reason=rule.reason entries=count",
    "Remark":       "slug text entries=count",
    # releases
    "Row":          "value when:string commit note",
    "Trait":        "trait=field meaning rows",
    # build, kbuild
    "Finding":      "what value source",
    "Status":       "tree release state releases=shape.releases misfit=mismatch cure=fix"
                    " link_once=can_link_once refused",
}
# fmt: on


def encode(value: Any, form: str = "") -> Any:
    """Return a value as JSON has it: a dict, list, text, number, bool or None.

    >>> encode((b"_text", 0xC0008000), ""), encode(0xC0008000, "hex"), encode("", "text")
    (['_text', 3221258240], '0xc0008000', None)
    """
    if form in _FORMS:
        return _FORMS[form](value)
    if is_dataclass(value):
        return {name: _field(value, spec) for name, spec in _shape(form or type(value).__name__)}
    if isinstance(value, list | tuple):
        return [encode(one, form) for one in value]
    if isinstance(value, bytes):
        return name_text(value)
    if isinstance(value, Enum):
        return value.value
    return str(value) if isinstance(value, Path) else value


def _shape(name: str) -> list[tuple[str, str]]:
    """Return the fields of a row, each by its name in JSON with the rest of what the row says."""
    return [(field.partition("=")[0].partition(":")[0], field) for field in SHAPES[name].split()]


def _field(value: Any, spec: str) -> Any:
    source, _, form = spec.rpartition("=")[2].partition(":")
    found = value
    for attribute in source.split("."):
        found = None if found is None else getattr(found, attribute)
    return encode(found, form)


def _hex(value: int | None) -> str | None:
    return None if value is None else f"{value:#x}"


_FORMS: dict[str, Callable[[Any], Any]] = {
    "hex": _hex,
    "text": lambda value: encode(value) or None,
    "table": lambda value: f"kallsyms_{value}",
    "length": len,
    "string": str,
}
