# SPDX-License-Identifier: GPL-2.0-or-later
"""What ``elfsyms explain`` says of where a function comes from: source, object, and where it was inlined."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from elfsyms.cli.render import field

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from elfsyms.cli.render import Line
    from elfsyms.image.dwarf_functions import Definition
    from elfsyms.trace.sources import FunctionSource

__all__ = ["source_json", "source_lines"]

_MOST = 4  # definitions of one name
_FEW = 3  # objects of one definition


def source_lines(source: FunctionSource | None, unit: str = "") -> Iterator[Line]:
    """Yield what is known of a name; ``unit`` chooses the function that is compiled there, where known."""
    if source is None:
        return
    chosen = [one for one in source.definitions if unit in one.units] or list(source.definitions)
    for one in chosen[:_MOST]:
        yield from _definition(one)
    if len(chosen) > _MOST:
        yield from field("", f"and {len(chosen) - _MOST} more functions of this name")
    if source.split:
        yield from field("source", _split(source.split))
    if source.btf is not None and chosen:
        yield from field("BTF", _btf(source.btf))


def _split(files: tuple[str, ...]) -> str:
    """Say what was not read."""
    if len(files) == 1:
        return f"not known: the functions of a unit, whose file cannot be had: {files[0]}"
    return f"not known: the functions of {len(files):,} units, whose files cannot be had, such as {files[0]}"


def _definition(one: Definition) -> Iterator[Line]:
    yield from field("source", f"{one.file}:{one.line}" if one.line else "not told")
    objects = sorted(set(one.units))
    if objects != [one.file]:
        more = f" and {len(objects) - _FEW:,} more" if len(objects) > _FEW else ""
        yield from field("object", f"{', '.join(objects[:_FEW])}{more}")
    yield from field("inlined", _inlined(one))


def _inlined(one: Definition) -> str:
    own = "code of its own" if one.own_code else "no code of its own"
    copies = f", {_counted(one.copies, 'copy', 'copies')}" if one.copies != one.call_sites else ""
    at = f"at {_counted(one.call_sites, 'call site')}{copies}" if one.copies else "nowhere"
    if one.read == one.of:
        return f"{at}; {own}"
    # What the other units hold is not known: neither more call sites, nor code of its own.
    known = f"; {own}" if one.own_code else ""
    return f"{at}, in the first {one.read:,} of {one.of:,} units that may name it: --verbose reads all{known}"


def _counted(number: int, one: str, many: str = "") -> str:
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def _btf(count: int) -> str:
    return f"{_counted(count, 'FUNC')} of this name" if count else "no FUNC of this name"


def source_json(source: FunctionSource | None) -> dict[str, Any] | None:
    """Return what is known of a name."""
    if source is None:
        return None
    rows: Sequence[Definition] = source.definitions
    definitions = [asdict(one) for one in rows]
    return {"name": source.name, "btf": source.btf, "definitions": definitions, "split": len(source.split)}
