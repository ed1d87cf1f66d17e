# SPDX-License-Identifier: GPL-2.0-or-later
"""Text for a terminal: what a reader cannot see as it is, escaped.

Names of symbols, sections and files come from outside. On a terminal, control characters, escape sequences,
bidirectional overrides and newlines in them would move the cursor, recolour or forge lines. Standard error gets
every text through here, standard output where it is a terminal; pipes and files get the true bytes.

Bytes that are no UTF-8 arrive as the surrogates of ``surrogateescape`` and are shown as the bytes that they are.
"""

from __future__ import annotations

__all__ = ["printable", "printable_bytes", "shortened"]

_MOST = 600  # characters of a name: a table holds no longer one
_BYTE = range(0xDC80, 0xDD00)  # surrogates that stand for a byte which is no UTF-8


def printable(text: str) -> str:
    r"""Return text as one line in which nothing but visible characters and blanks is left.

    >>> printable("a\x1b[31mb\nc\u202ed\udcff e")
    'a\\x1b[31mb\\nc\\u202ed\\xff e'
    """
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() else _escape(ord(one)) for one in text)


def printable_bytes(data: bytes) -> bytes:
    r"""Return data with each of its lines printable; the newlines between them stay.

    >>> printable_bytes(b"one\ntwo\x07\n")
    b'one\ntwo\\x07\n'
    """
    lines = data.decode("utf-8", "surrogateescape").split("\n")
    return "\n".join(map(printable, lines)).encode()


def shortened(name: str) -> str:
    """Return a name as a sentence has it: cut where it is longer than any that a table holds.

    >>> shortened("schedule"), shortened("x" * 1000)[598:]
    ('schedule', 'xx... (1,000 characters)')
    """
    return name if len(name) <= _MOST else f"{name[:_MOST]}... ({len(name):,} characters)"


def _escape(code: int) -> str:
    """Return a character's escape sequence, as Python and C write it."""
    if code in _BYTE:
        return f"\\x{code - 0xDC00:02x}"
    return chr(code).encode("unicode_escape").decode()
