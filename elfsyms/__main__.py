# SPDX-License-Identifier: GPL-2.0-or-later
"""The ``elfsyms`` command: start-up, errors and exit codes.

``--version`` is answered here, before anything else is imported. Every error becomes one sentence on standard
error and its documented exit code. A reader that went away (a closed pipe) ends the program quietly, with the
status that a shell shows of a program that SIGPIPE ended: never with one that would be an answer. What nobody
thought of, a bug or memory that ran out, has an exit code of its own, so that no script takes it for an answer;
with ``ELFSYMS_DEBUG=1`` its traceback is shown.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

from elfsyms.errors import ElfsymsError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["main", "outcome"]

SIGPIPE_STATUS = 141  # 128 + 13
_FAILED = 70  # what ProgramError leaves with
_INTERRUPTED = 130  # 128 + 2
_NO_MEMORY = b"elfsyms: memory ran out: give the process or the machine more\n"
_NO_WORDS = b"elfsyms: elfsyms failed, and failed again when it was to say why\n"


def main() -> None:
    """Run the command line and leave the process with its exit code."""
    code = _FAILED
    try:
        if sys.stderr is None:  # closed: print would take standard output instead
            sys.stderr = open(os.devnull, "w")  # noqa: PTH123, SIM115 (for as long as the process lives)
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # no matrix is multiplied: its threads only cost
        code = outcome(sys.argv[1:])
    except KeyboardInterrupt:  # it came just before the line was begun, or while something else was told
        code = _INTERRUPTED
    except BaseException as error:  # noqa: BLE001 (nothing can be done about it any more, but it is no answer)
        _tell_at_last(error)
    for stream in (sys.stdout, sys.stderr):
        # Closed, or nobody reads it; data was flushed when written, and all is done.
        with suppress(AttributeError, OSError, KeyboardInterrupt):
            stream.flush()
    if worker := sys.modules.get("elfsyms.writers.object_worker"):  # it was needed, and may have left a child
        with suppress(KeyboardInterrupt):  # all is done
            worker.leave_nobody()
    if forked := sys.modules.get("elfsyms.pipeline.forked"):
        with suppress(KeyboardInterrupt):  # as above
            forked.leave_nobody()
    if staging := sys.modules.get("elfsyms.staging"):
        with suppress(KeyboardInterrupt):  # as above
            staging.leave_nothing()
    os._exit(code)  # the modules' teardown takes 0.1 s, and nothing is left to do


def _tell_at_last(error: BaseException) -> None:
    """Say what went wrong with words that are there already: there may be no memory to make others."""
    with suppress(OSError):
        os.write(2, _NO_MEMORY if isinstance(error, MemoryError) else _NO_WORDS)


def outcome(arguments: Sequence[str]) -> int:
    """Do what a command line says; return the exit code. Errors are told in a sentence."""
    came: list[int] = []  # interrupts
    try:
        quick = _quick_answer(list(arguments))
        if quick is not None:
            return quick
        from elfsyms.signals import interrupts_noted  # noqa: PLC0415 (not for --version)

        with interrupts_noted(came):
            from elfsyms.cli.app import run  # noqa: PLC0415 (as above)

            return run(arguments)
    except KeyboardInterrupt:
        return _INTERRUPTED
    except Exception as error:  # noqa: BLE001 (the last place where a sentence can be made of it)
        return _INTERRUPTED if came else _told(error)


def _told(error: Exception) -> int:
    """Say in a sentence what an error means; return its exit code."""
    if isinstance(error, ElfsymsError):
        return _tell(error)
    if isinstance(error, BrokenPipeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return SIGPIPE_STATUS
    from elfsyms.failures import program_error  # noqa: PLC0415 (for what nobody thought of)

    return _tell(program_error(error))


def _quick_answer(arguments: list[str]) -> int | None:
    """Answer what needs next to nothing of the program; None for everything else."""
    if arguments in (["--version"], ["-V"]):
        return _version()
    if len(arguments) == 3 and arguments[0] == "--symbol-names":
        return _symbol_names(*arguments[1:])
    return None


def _version() -> int:
    from elfsyms._version import __version__  # noqa: PLC0415 (for this alone)

    print(f"elfsyms {__version__}", flush=True)  # noqa: T201 (the answer itself)
    return 0


def _symbol_names(kernel: str, begin: str) -> int:
    """Print names for a shell's completion, which wants no words about what went wrong."""
    from elfsyms.cli.symbol_names import names_that_begin  # noqa: PLC0415 (for this alone)

    with suppress(ElfsymsError, OSError):
        names = names_that_begin(kernel, os.fsencode(begin))
        sys.stdout.buffer.write(b"".join(name + b"\n" for name in names))
    return 0


def _tell(error: ElfsymsError) -> int:
    """Say what went wrong, in one sentence, and return its exit code."""
    from elfsyms.printable import printable  # noqa: PLC0415 (for this alone)

    with suppress(OSError):  # nobody reads it
        print(printable(f"elfsyms: {error}"), file=sys.stderr)  # noqa: T201 (the one sentence)
    return error.exit_code


if __name__ == "__main__":
    main()
