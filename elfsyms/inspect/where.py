# SPDX-License-Identifier: GPL-2.0-or-later
"""Conditions on rows: ``ftrace=no``, ``section=.text``, ``kprobe=TR302``, ``type!=FUNC``.

A condition names a column of :data:`elfsyms.inspect.columns.COLUMNS` and a value, which may be a glob. For who may
trace, ``no`` stands for every rule that refuses a function, whatever it is: not for TR101, which is about data, nor
for one that says that nothing is known.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

import numpy as np

from elfsyms.errors import UsageError
from elfsyms.inspect.column_values import Coded
from elfsyms.inspect.columns import COLUMNS, column
from elfsyms.releases.trace_rules import QUESTIONS, TRACE_RULES

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from elfsyms.inspect.rows import Rows

__all__ = ["Condition", "parse_condition"]

_FORM = re.compile(r"(?P<column>\w+)(?P<not>!?)=(?P<value>.*)", re.DOTALL)
_REFUSE_NO_FUNCTION = {"TR101", "TR102", *(rule.id for rule in TRACE_RULES if not rule.known)}


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition: a column, a value or glob, and whether it must not be met."""

    column: str
    value: str
    negated: bool

    def holds(self, rows: Rows, which: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Mark the rows (bool) that meet it; each of a column's values is compared once."""
        values = column(self.column).values(rows, which)
        if isinstance(values, Coded):
            words = np.array([self._meets(_text(word)) for word in values.words], np.bool_)
            return np.asarray(words[values.codes] != self.negated)
        texts = [_text(value) if isinstance(value, list) else value for value in values]
        met = {text: self._meets(_text(text)) for text in set(texts)}
        return np.fromiter((met[text] != self.negated for text in texts), np.bool_, len(texts))

    def _meets(self, value: str) -> bool:
        if self.column in QUESTIONS and self.value == "no":
            return value != "yes" and value not in _REFUSE_NO_FUNCTION
        return fnmatchcase(value, self.value)


def parse_condition(text: str) -> Condition:
    """Read a condition.

    Raises :class:`UsageError` for what is none, or names no column.
    """
    match = _FORM.fullmatch(text)
    if match is None:
        raise UsageError(f"{text!r} is no condition: give COLUMN=VALUE or COLUMN!=VALUE, as ftrace=no")
    names = [one.name for one in COLUMNS]
    if match["column"] not in names:
        raise UsageError(f"there is no column {match['column']}: the columns are {', '.join(names)}")
    return Condition(match["column"], match["value"], negated=bool(match["not"]))


def _text(value: Any) -> str:
    """Return a value as conditions have it: nothing as empty text, lists with commas, flags as yes and no."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    if isinstance(value, list):
        return ",".join(map(_text, value))
    return "" if value is None else str(value)
