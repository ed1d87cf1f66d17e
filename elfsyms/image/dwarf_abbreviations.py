# SPDX-License-Identifier: GPL-2.0-or-later
"""Abbreviations: what the entries of ``.debug_info`` have, by code, from ``.debug_abbrev``.

Each is taken apart when it is first asked for, and shared by the units that declare it alike.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from elfsyms.image.dwarf_forms import (
    ADDR,
    AT,
    IMPLICIT,
    LENGTHS,
    REF4,
    TAG,
    DamageError,
    form_step,
    signed,
    unsigned,
)

if TYPE_CHECKING:
    from collections.abc import Hashable

__all__ = ["Abbreviation", "Abbreviations"]

_MOST = 100  # attributes of an entry; compilers write some twenty
_MOST_PLACES = 64  # at which the names of functions lie
# By attribute: form, where behind the code (-1: it varies), and step.
_Places = dict[int, tuple[int, int, int]]


@dataclass(frozen=True, slots=True)
class Abbreviation:
    """What entries of one code have: tag, whether they have children, and attributes with forms and constants.

    ``steps`` pass the values over one by one, ``size`` all of them at once (-1 where sizes vary), ``jumps`` what
    has a size at once: so many bytes, and the form of the value behind. ``sibling`` is where, behind the code,
    DW_AT_sibling lies; -1 if nowhere known, or without children. ``located``: whether it has addresses; ``pcs``:
    where, if all have one range: DW_AT_low_pc, DW_AT_high_pc, and the latter's bytes, 0 for an address.
    ``names``: where those of functions lie; ``declares``: whether it is a declaration.
    """

    tag: int
    children: bool
    attributes: tuple[tuple[int, int, int], ...]
    steps: tuple[int, ...]
    jumps: tuple[tuple[int, int], ...]
    size: int
    sibling: int
    located: bool
    pcs: tuple[int, int, int] | None
    names: tuple[int, ...]
    declares: bool

    @property
    def hop(self) -> int:
        """How to pass an entry over whose code has one byte, see :class:`Abbreviations`; 0 if it has addresses."""
        if self.located:
            return 0
        if self.sibling >= 0:
            return -1 - self.sibling
        return 1 + self.size if self.size >= 0 and not self.children else 0


# A declaration in .debug_abbrev: code, tag, whether there are children, then pairs of attribute and form, and the
# constant behind DW_FORM_implicit_const; two zeros end it. Nearly all pairs have a byte each.
_LEB128 = rb"[\x80-\xff]*[\x00-\x7f]"
_SOME = rb"[\x80-\xff]*[\x01-\x7f]"
_DECLARATION = re.compile(
    rb"(?P<code>%b)(?P<tag>%b)(?P<children>[\x00\x01])"
    rb"(?P<pairs>(?:[\x01-\x7f][\x01-\x20\x22-\x7f]|%b(?:\x21%b|(?!\x21)%b))*+)\x00\x00"
    % (_SOME, _LEB128, _SOME, _LEB128, _SOME),
    re.DOTALL,
)


class Abbreviations:
    """The abbreviations of a unit, by code; each is taken apart when it is first asked for.

    ``hops`` tell by an entry's first byte, once its code was met, by how many bytes to pass it over; if negative,
    where behind its beginning DW_AT_sibling lies; 0 where the code alone tells neither, or it has addresses.
    ``size`` is that of the declarations in bytes.
    """

    def __init__(
        self,
        data: memoryview,
        cursor: int,
        widths: tuple[int, int, int],
        shared: dict[Hashable, Abbreviation],
    ) -> None:
        """Find the declarations that begin at an offset.

        ``widths`` (version, address, offset) are what forms' sizes depend on; ``shared`` has what units of the same
        widths declare alike.
        """
        self._widths, self._shared = widths, shared
        self._known: dict[int, Abbreviation] = {}
        self._declared: dict[int, re.Match[bytes]] = {}
        self.hops = [0] * 256
        begin = cursor
        while (found := _DECLARATION.match(data, cursor)) is not None:
            code = found[1]
            self._declared[code[0] if len(code) == 1 else unsigned(code, 0)[0]] = found
            cursor = found.end()
        self.size = cursor - begin
        if cursor >= len(data) or data[cursor]:
            raise DamageError(f"the table at {cursor:#x} of .debug_abbrev makes no sense")

    def get(self, code: int) -> Abbreviation | None:
        """Return the abbreviation of a code, None where there is none."""
        found = self._known.get(code)
        if found is None and code in self._declared:
            found = self._known[code] = self._read(self._declared[code])
            if code < 0x80:
                self.hops[code] = found.hop
        return found

    @cached_property
    def origins(self) -> frozenset[int]:
        """The forms by which functions and inlined ones refer to what they are instances of."""
        declared = [self.get(code) for code in self._declared]
        return frozenset(
            form
            for one in declared
            if one and one.tag in (TAG.INLINED, TAG.SUBPROGRAM)
            for name, form, _ in one.attributes
            if name == AT.ABSTRACT_ORIGIN
        )

    @cached_property
    def has_scopes(self) -> bool:
        """Whether functions may lie in namespaces, as Rust's and C++'s do, and not below the unit alone."""
        return any(one["tag"] == bytes([TAG.NAMESPACE]) for one in self._declared.values())

    @cached_property
    def function_names(self) -> dict[tuple[int, int], set[bytes]] | None:
        """Where names of functions lie behind codes: by that and the code's size, the codes as entries have them.

        None where that varies, or has too many answers to be of use. Declarations are left out, which are most; not
        those of namespaces, whose definitions may have no name.
        """
        tag, places = bytes([TAG.SUBPROGRAM]), dict[tuple[int, int], set[bytes]]()
        declared = [
            (one["code"], self.get(code)) for code, one in self._declared.items() if one["tag"] == tag
        ]
        for code, found in declared:
            for cursor in found.names if found and self.has_scopes >= found.declares else ():
                places.setdefault((cursor, len(code)), set()).add(code)
        varies = any(cursor < 0 for cursor, _ in places)
        return None if varies or len(places) > _MOST_PLACES else places

    def _read(self, declared: re.Match[bytes]) -> Abbreviation:
        key = (declared.group("tag", "children", "pairs"), self._widths)
        if key not in self._shared:
            self._shared[key] = self._taken_apart(declared)
        return self._shared[key]

    def _taken_apart(self, declared: re.Match[bytes]) -> Abbreviation:
        attributes = []
        pairs, cursor = declared["pairs"], 0
        while cursor < len(pairs):
            name, cursor = unsigned(pairs, cursor)
            form, cursor = unsigned(pairs, cursor)
            constant, cursor = signed(pairs, cursor) if form == IMPLICIT else (0, cursor)
            attributes.append((name, form, constant))
            if len(attributes) > _MOST:
                raise DamageError(f"an abbreviation has more than {_MOST} attributes")
        tag, children = unsigned(declared["tag"], 0)[0], declared["children"] == b"\1"
        return _abbreviation(tag, tuple(attributes), self._widths, children=children)


def _abbreviation(
    tag: int, attributes: tuple[tuple[int, int, int], ...], widths: tuple[int, int, int], *, children: bool
) -> Abbreviation:
    """Work out where the attributes lie that walks ask for."""
    steps = tuple(form_step(form, *widths) for _, form, _ in attributes)
    places: _Places = {}
    at = 0
    for (name, form, _), step in zip(attributes, steps, strict=True):
        places[name] = form, at, step
        at = at + step if at >= 0 and step >= 0 else -1
    form, sibling, _ = places.get(AT.SIBLING, (0, -1, 0))
    return Abbreviation(
        tag=tag,
        children=children,
        attributes=attributes,
        steps=steps,
        jumps=_jumps(attributes, steps),
        size=at,
        sibling=sibling if children and form == REF4 else -1,
        located=AT.LOW_PC in places or AT.RANGES in places,
        pcs=_pcs(places),
        names=_names(tag, places),
        declares=AT.DECLARATION in places,
    )


def _jumps(
    attributes: tuple[tuple[int, int, int], ...], steps: tuple[int, ...]
) -> tuple[tuple[int, int], ...]:
    jumps, fixed = [], 0
    for (_, form, _), step in zip(attributes, steps, strict=True):
        if step < 0:
            jumps.append((fixed, form))
        fixed = fixed + step if step >= 0 else 0
    return (*jumps, (fixed, 0))


def _pcs(places: _Places) -> tuple[int, int, int] | None:
    low, high = places.get(AT.LOW_PC), places.get(AT.HIGH_PC)
    if low is None or high is None or AT.RANGES in places or low[0] != ADDR or min(low[1], high[1]) < 0:
        return None
    form, at, size = high
    return (low[1], at, 0 if form == ADDR else size) if form in (ADDR, *LENGTHS) else None


def _names(tag: int, places: _Places) -> tuple[int, ...]:
    if tag != TAG.SUBPROGRAM:
        return ()
    return tuple(places[name][1] for name in (AT.NAME, AT.LINKAGE_NAME) if name in places)
