# SPDX-License-Identifier: GPL-2.0-or-later
"""Abbreviations: what the entries of ``.debug_info`` have, by code, from ``.debug_abbrev``.

Each is taken apart when it is first asked for, and shared by the units that declare it alike.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

from elfsyms.image.dwarf_forms import AT, IMPLICIT, REF4, TAG, DamageError, form_step, signed, unsigned

__all__ = ["Abbreviation", "Abbreviations"]


@dataclass(frozen=True, slots=True)
class Abbreviation:
    """What entries of one code have: tag, whether they have children, and attributes with forms and constants.

    ``steps`` pass the values over, ``size`` all of them at once (-1 where sizes vary). ``sibling`` is where, behind
    the code, DW_AT_sibling lies; -1 if nowhere known. ``located``: whether they have addresses.
    """

    tag: int
    children: bool
    attributes: tuple[tuple[int, int, int], ...]
    steps: tuple[int, ...]
    size: int
    sibling: int
    located: bool

    def cursor(self, attribute: int) -> int:
        """Return how far behind the code an attribute lies; -1 where that varies, or it is not there."""
        at = 0
        for (name, _, _), step in zip(self.attributes, self.steps, strict=True):
            if name == attribute:
                return at
            if step < 0:
                break
            at += step
        return -1

    def has(self, attribute: int) -> bool:
        """Tell whether entries have an attribute."""
        return any(name == attribute for name, _, _ in self.attributes)


# A declaration in .debug_abbrev: code, tag, whether there are children, then pairs of attribute and form, and the
# constant behind DW_FORM_implicit_const; two zeros end it.
_LEB128 = rb"[\x80-\xff]*[\x00-\x7f]"
_SOME = rb"[\x80-\xff]*[\x01-\x7f]"
_DECLARATION = re.compile(
    rb"(?P<code>%b)(?P<tag>%b)(?P<children>[\x00\x01])"
    rb"(?P<pairs>(?:%b(?:\x21%b|(?!\x21)%b))*)\x00\x00" % (_SOME, _LEB128, _SOME, _LEB128, _SOME),
    re.DOTALL,
)


class Abbreviations:
    """The abbreviations of a unit, by code; each is taken apart when it is first asked for."""

    def __init__(
        self,
        data: memoryview,
        cursor: int,
        widths: tuple[int, int, int],
        shared: dict[tuple[bytes, tuple[int, int, int]], Abbreviation],
    ) -> None:
        """Find the declarations that begin at an offset.

        ``widths`` (version, address, offset) are what forms' sizes depend on; ``shared`` has what units of the same
        widths declare alike.
        """
        self._widths, self._shared = widths, shared
        self._known: dict[int, Abbreviation] = {}
        self._declared: dict[int, re.Match[bytes]] = {}
        while (found := _DECLARATION.match(data, cursor)) is not None:
            self._declared[unsigned(found["code"], 0)[0]] = found
            cursor = found.end()
        if cursor >= len(data) or data[cursor]:
            raise DamageError(f"the table at {cursor:#x} of .debug_abbrev makes no sense")

    def get(self, code: int) -> Abbreviation | None:
        """Return the abbreviation of a code, None where there is none."""
        found = self._known.get(code)
        if found is None and code in self._declared:
            found = self._known[code] = self._read(self._declared[code])
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
    def functions(self) -> tuple[tuple[bytes, Abbreviation], ...]:
        """The abbreviations of functions that are no declarations, each with its code as entries have it."""
        tag = bytes([TAG.SUBPROGRAM])
        declared = [
            (one["code"], self.get(code)) for code, one in self._declared.items() if one["tag"] == tag
        ]
        return tuple((code, found) for code, found in declared if found and not found.has(AT.DECLARATION))

    def _read(self, declared: re.Match[bytes]) -> Abbreviation:
        key = (declared[0][len(declared["code"]) :], self._widths)
        if key not in self._shared:
            self._shared[key] = self._taken_apart(declared)
        return self._shared[key]

    def _taken_apart(self, declared: re.Match[bytes]) -> Abbreviation:
        attributes, steps, at, sibling = [], [], 0, -1
        pairs, cursor = declared["pairs"], 0
        while cursor < len(pairs):
            name, cursor = unsigned(pairs, cursor)
            form, cursor = unsigned(pairs, cursor)
            constant, cursor = signed(pairs, cursor) if form == IMPLICIT else (0, cursor)
            step = form_step(form, *self._widths)
            if name == AT.SIBLING and form == REF4:
                sibling = at
            at = at + step if at >= 0 and step >= 0 else -1
            attributes.append((name, form, constant))
            steps.append(step)
        located = any(name in (AT.LOW_PC, AT.RANGES) for name, _, _ in attributes)
        tag, children = unsigned(declared["tag"], 0)[0], declared["children"] == b"\1"
        return Abbreviation(tag, children, tuple(attributes), tuple(steps), at, sibling, located)
