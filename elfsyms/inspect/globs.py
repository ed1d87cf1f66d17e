# SPDX-License-Identifier: GPL-2.0-or-later
"""Shell globs over the names of many records at once.

``*``, ``?`` and ``[...]`` as a shell has them, case counts. Names are bytes; a glob is text, and stands for
its UTF-8. Follows Python's :mod:`fnmatch`, which follows the shell. Leaves out braces.
"""

from __future__ import annotations

import fnmatch
import re
from typing import TYPE_CHECKING

import numpy as np

from elfsyms.releases.matchers import Names, Prefix

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from elfsyms.image.records import Records

__all__ = ["is_glob", "literal_head", "matching", "name_pattern"]

_SPECIAL = re.compile(r"[*?[]")


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
