# SPDX-License-Identifier: GPL-2.0-or-later
"""What can go wrong, each with its sentence, its fix and its exit code.

Every error a caller can meet is a subclass of :class:`ElfsymsError`. The message is one sentence that names
the file, section or symbol, and what to do about it; the command line prints it as it is and leaves with
``exit_code``. The codes are documented in the README:

====  ================================================================================================
code  meaning
====  ================================================================================================
0     done; the answer is yes (kept, equal, converged)
1     the answer is no (dropped, differs, not converged)
2     the command line is wrong
3     what was asked for is not there
4     the input file is unusable
5     the tables cannot be encoded
6     the output cannot be written
70    elfsyms itself failed: a bug, or memory or a library is missing; nothing is said about the input
====  ================================================================================================
"""

from __future__ import annotations

__all__ = [
    "ElfsymsError",
    "EncodeError",
    "InputError",
    "NotThereError",
    "OutputError",
    "ProgramError",
    "UsageError",
]


class ElfsymsError(Exception):
    """Base of every error of this package; ``str(error)`` is the sentence for the user."""

    exit_code = 1


class UsageError(ElfsymsError):
    """The request itself is wrong: an option the release does not know, a release that never was."""

    exit_code = 2


class NotThereError(ElfsymsError):
    """What was asked for is not in the file."""

    exit_code = 3


class InputError(ElfsymsError):
    """The input file is unusable: not ELF, truncated, stripped, no ``_text``, no banner."""

    exit_code = 4


class EncodeError(ElfsymsError):
    """The symbols cannot be written in the release's format: out of range, too many, none."""

    exit_code = 5


class OutputError(ElfsymsError):
    """The output cannot be written; the sentence tells whether what stood there before still does."""

    exit_code = 6


class ProgramError(ElfsymsError):
    """The program itself failed, whatever the input is: a bug, no memory left, a library that is missing."""

    exit_code = 70  # EX_SOFTWARE of sysexits.h
