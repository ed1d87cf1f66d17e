# SPDX-License-Identifier: GPL-2.0-or-later
"""Kernel versions, and the spans of versions in which a fact holds.

A version is four numbers, so that ``2.6.32.5`` and ``6.12.117`` compare alike; ``6.1`` is ``6.1.0``. A release
candidate counts as its release. A :class:`When` is a union of half-open intervals, written as the table rows have
them: ``When("6.2..", "6.1.42..6.2")`` is "from 6.2 on, and in the 6.1 stable series from 6.1.42".
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, TypeAlias

from elfsyms.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "FIRST",
    "NEWEST",
    "NEXT",
    "Version",
    "When",
    "format_version",
    "is_known",
    "next_version",
    "parse_version",
]

Version: TypeAlias = tuple[int, int, int, int]

_PART = r"([0-9]{1,9})(?![0-9])"  # Python makes no number of thousands of digits
_VERSION = re.compile(rf"v?{_PART}\.{_PART}(?:\.{_PART})?(?:\.{_PART})?(?:-rc\d+)?")

FIRST: Version = (2, 6, 12, 0)  # the oldest generation here
NEWEST = "7.3"  # the newest generation here
NEXT: Version = (7, 4, 0, 0)  # the first version that nobody has seen yet
_OLDEST, _NEWEST = (0, 0, 0, 0), (1 << 30, 0, 0, 0)


def parse_version(text: str) -> Version:
    """Return the version that a string begins with: ``6.12``, ``6.12.117+deb12-amd64``, ``v2.6.32.5``.

    Raises :class:`UsageError` when it begins with none.
    """
    match = _VERSION.match(text.strip())
    if not match:
        raise UsageError(f"{text!r} is no kernel release; give one like 6.12 or 6.1.192")
    major, minor, patch, sub = (int(part or 0) for part in match.groups())
    return major, minor, patch, sub


def format_version(version: Version) -> str:
    """Return a version as people write it: ``6.12``, ``6.12.117``, ``2.6.32.5``.

    >>> format_version((6, 12, 0, 0)), format_version((2, 6, 12, 0))
    ('6.12', '2.6.12')
    """
    major, minor, patch, sub = version
    tail = f".{patch}" if patch or major < 3 else ""
    return f"{major}.{minor}{tail}" + (f".{sub}" if sub else "")


def is_known(version: Version) -> bool:
    """Tell whether a version is one of those that the tables of traits and rules cover."""
    return FIRST <= version < NEXT


def next_version(version: Version, versions: Iterable[Version]) -> Version | None:
    """Return the first of some versions after one, None where it is the last."""
    return min((other for other in versions if other > version), default=None)


class When:
    """A union of half-open intervals of versions.

    >>> parse_version("6.1.100") in When("6.2..", "6.1.42..6.2")
    True
    """

    __slots__ = ("_intervals", "text")

    def __init__(self, *intervals: str) -> None:
        """Parse intervals of the form ``SINCE..UNTIL``, either side optional."""
        self.text = ", ".join(intervals)
        self._intervals = tuple(_interval(text) for text in intervals)

    def __contains__(self, version: Version) -> bool:
        """Tell whether the fact holds in a version."""
        return any(since <= version < until for since, until in self._intervals)

    def bounds(self) -> tuple[Version, ...]:
        """Return the versions at which the fact begins or ends to hold."""
        return tuple(v for interval in self._intervals for v in interval if v not in (_OLDEST, _NEWEST))

    def __repr__(self) -> str:
        """Return the intervals as the table row has them."""
        return f"When({self.text!r})"

    def __str__(self) -> str:
        """Return the intervals as people read them."""
        return self.text


def _interval(text: str) -> tuple[Version, Version]:
    since, dots, until = text.partition("..")
    if not dots:
        raise ValueError(text)
    return (
        parse_version(since) if since else _OLDEST,
        parse_version(until) if until else _NEWEST,
    )
