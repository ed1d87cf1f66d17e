# SPDX-License-Identifier: GPL-2.0-or-later
"""Shell globs, regular expressions and lists over the names of many records at once.

``*``, ``?`` and ``[...]`` as a shell has them, case counts. Names are bytes; a glob is text, and stands for
its UTF-8. Follows Python's :mod:`fnmatch`, which follows the shell. Leaves out braces.
"""

from __future__ import annotations

import fnmatch
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from elfsyms.errors import UsageError
from elfsyms.releases.matchers import Names, Prefix

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from elfsyms.image.records import Records

__all__ = ["NameFilter", "is_glob", "literal_head", "matching", "name_pattern"]

_SPECIAL = re.compile(r"[*?[]")


@dataclass(frozen=True, slots=True)
class NameFilter:
    """Which names are wanted: those that match all that is given. Nothing given wants every name."""

    glob: str | None = None
    regex: str | None = None
    names: frozenset[bytes] | None = None

    @property
    def given(self) -> str:
        """What was given, in words; empty where nothing was."""
        parts = [] if self.glob is None else [repr(self.glob)]
        parts += [] if self.regex is None else [f"the expression {self.regex!r}"]
        parts += [] if self.names is None else [f"one of {len(self.names):,} names"]
        return " and ".join(parts)

    def marks(self, records: Records) -> NDArray[np.bool_]:
        """Mark the records (bool, one each) whose name is wanted.

        Raises :class:`UsageError` for what is no regular expression.
        """
        wanted = np.ones(len(records), np.bool_) if self.glob is None else matching(records, self.glob)
        if self.regex is not None:
            search = _expression(self.regex).search
            wanted &= np.fromiter((search(n) is not None for n in records.names()), np.bool_, len(records))
        if self.names is not None:
            listed = self.names
            wanted &= np.fromiter((name in listed for name in records.names()), np.bool_, len(records))
        return wanted

    def wants(self, name: bytes) -> bool:
        """Tell whether one name is wanted; raises as :meth:`marks` does."""
        found = self.glob is None or name_pattern(self.glob).match(name) is not None
        found &= self.regex is None or _expression(self.regex).search(name) is not None
        return found and (self.names is None or name in self.names)


def _expression(text: str) -> re.Pattern[bytes]:
    try:
        return re.compile(text.encode("utf-8", "surrogateescape"))
    except re.error as error:
        raise UsageError(f"{text!r} is no regular expression: {error}") from None


def is_glob(text: str) -> bool:
    """Tell whether a text has one of the characters that make it a glob.

    >>> is_glob("tcp_*"), is_glob("jiffies")
    (True, False)
    """
    return _SPECIAL.search(text) is not None


def literal_head(glob: str) -> str:
    """Return the text before a glob's first special character.

    >>> literal_head("tcp_*_skb")
    'tcp_'
    """
    return _SPECIAL.split(glob, maxsplit=1)[0]


def matching(records: Records, glob: str) -> NDArray[np.bool_]:
    """Mark the records (bool, one each) whose name a glob matches.

    The text before the first special character narrows the search by array steps.
    """
    literal = literal_head(glob)
    head = literal.encode("utf-8", "surrogateescape")
    names = Names(records)
    candidates = Prefix(head).marks(names) if head else np.ones(len(records), np.bool_)
    return candidates if glob == f"{literal}*" else names.keep(candidates, name_pattern(glob))


def name_pattern(glob: str) -> re.Pattern[bytes]:
    """Return the regular expression of a glob, for one name."""
    return re.compile(fnmatch.translate(glob).encode("utf-8", "surrogateescape"))
