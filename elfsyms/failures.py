# SPDX-License-Identifier: GPL-2.0-or-later
"""Sentences for what nobody thought of: a bug, memory that ran out, a library that is missing or broken."""

from __future__ import annotations

import errno
import os
import sys
from contextlib import suppress

from elfsyms.errors import ElfsymsError, OutputError, ProgramError

__all__ = ["need_memory", "program_error"]

_MOST_WORDS = 200  # characters of an exception's own words
_DEBUG = "ELFSYMS_DEBUG"

# The libraries that elfsyms needs and may use, and what each is called where packages are installed from.
_PACKAGES = {
    name: {"elftools": "pyelftools"}.get(name, name)
    for name in (
        *("elftools", "lief", "numpy", "rich", "typer"),
        *("blake3", "jinja2", "lz4", "lzallright", "pyarrow", "pycxxfilt", "zstandard"),
    )
}
_PRINTERS = {"click", "rich", "typer"}
_MEMORY = "memory ran out: give the process or the machine more"


def need_memory(size: int) -> None:
    """Raise :class:`ProgramError` where the process could not have so many bytes; it takes none.

    For what a library would not survive: without memory, numpy's OpenBLAS ends the process with the exit code 1,
    which is an answer here, and pyarrow aborts.
    """
    try:
        bytes(size)  # zeros of the system, none of which is ever touched
    except MemoryError:
        raise ProgramError(_MEMORY) from None


def program_error(error: Exception) -> ElfsymsError:
    """Make one sentence of an exception; with ``ELFSYMS_DEBUG=1``, show its traceback too."""
    import traceback  # noqa: PLC0415 (for what nobody thought of)

    if os.environ.get(_DEBUG, "") not in ("", "0"):
        with suppress(OSError):  # nobody reads it
            traceback.print_exception(error, file=sys.stderr)
    if isinstance(error, MemoryError):
        return ProgramError(_MEMORY)
    if isinstance(error, RuntimeError) and "start new thread" in str(error):
        return ProgramError("the system starts no thread: the memory or the number of processes is limited")
    library = _library(error)
    if library and not (isinstance(error, OSError) and error.errno):  # one without a number is of a linker
        return ProgramError(_library_words(error, library))
    if isinstance(error, OSError):  # what is read and written by name has a sentence of its own
        return _system_error(error)
    return ProgramError(
        f"this is a bug in elfsyms: {type(error).__name__} ({_words(error)}); report it with the command line and, "
        f"if you may, the file; {_DEBUG}=1 shows where it is"
    )


def _system_error(error: OSError) -> ElfsymsError:
    """Name what the system refused. What a page of help is printed with writes to nothing but standard output."""
    if error.errno == errno.ENOMEM:
        return ProgramError(_MEMORY)
    if not _PRINTERS.isdisjoint(package for package, _ in _frames(error)):
        return OutputError(f"cannot write to standard output: {error.strerror}")
    name = "" if error.filename is None else f" ({ascii(error.filename)[1:-1]})"
    return ProgramError(f"the system refused what elfsyms needs: {error.strerror or _words(error)}{name}")


def _frames(error: Exception) -> list[tuple[str, str]]:
    """Return the packages and functions that an exception went through, from the last one of elfsyms on."""
    from traceback import walk_tb  # noqa: PLC0415 (as above)

    codes = [(frame.f_globals.get("__name__", ""), frame.f_code) for frame, _ in walk_tb(error.__traceback__)]
    frames = [(str(name).partition(".")[0], code.co_name) for name, code in codes]
    own = max((at for at, (package, _) in enumerate(frames) if package == "elfsyms"), default=-1)
    return frames[own + 1 :]  # typer calls what imports others


def _library(error: Exception) -> str:
    """Return the library that cannot be imported, or does not have what is needed; empty where it is neither."""
    if isinstance(error, ImportError):
        named = (error.name or "").partition(".")[0]
        went_through = [package for package, _ in _frames(error) if package in _PACKAGES]
        return named if named in _PACKAGES else (went_through or [""])[0]
    if loading := _loading(error):
        return loading
    if isinstance(error, AttributeError):
        asked = error.obj if isinstance(error.obj, type(os)) else type(error.obj)
        owner = str(getattr(asked, "__module__", "") or getattr(asked, "__name__", ""))
        return name if (name := owner.partition(".")[0]) in _PACKAGES else ""
    return ""


def _loading(error: Exception) -> str:
    """Return the library whose own code was run to import it when an exception came; empty where none was."""
    return next((name for name, code in _frames(error) if code == "<module>" and name in _PACKAGES), "")


def _library_words(error: Exception, library: str) -> str:
    if isinstance(error, ModuleNotFoundError) and error.name == library:
        state = "is not installed"
    elif isinstance(error, ImportError):
        state = f"cannot be imported ({_words(error)})"
    elif _loading(error):
        state = f"cannot be imported ({type(error).__name__}: {_words(error)})"
    else:
        state = f"is of a version that elfsyms does not know ({_words(error)})"
    return (
        f"the Python library {library} {state}: python3 -m pip install --upgrade --force-reinstall "
        f"{_PACKAGES[library]}"
    )


def _words(error: Exception) -> str:
    """Return an exception's own words on one line, printable, and not too many."""
    words = ascii(" ".join(str(error).split()))[1:-1]
    return words if len(words) <= _MOST_WORDS else f"{words[:_MOST_WORDS]}..."
