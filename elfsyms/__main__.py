# SPDX-License-Identifier: GPL-2.0-or-later
"""The ``elfsyms`` command: start-up, errors and exit codes.

``--version`` is answered here, before anything is imported. Every error becomes one sentence on standard error
and its documented exit code; a reader that went away (a closed pipe) ends the program quietly.
"""

from __future__ import annotations

import os
import sys

__all__ = ["main"]


def main() -> None:
    """Run the command line and leave the process with its exit code."""
    if sys.argv[1:] in (["--version"], ["-V"]):
        from elfsyms._version import __version__  # noqa: PLC0415 (nothing more than this)

        print(f"elfsyms {__version__}")  # noqa: T201 (the answer itself)
        return
    code = _run()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # the modules' teardown takes 0.1 s, and nothing is left to do


def _run() -> int:
    from elfsyms.errors import ElfsymsError  # noqa: PLC0415 (not for --version)

    try:
        from elfsyms.cli.app import run  # noqa: PLC0415 (not for --version)

        return run(sys.argv[1:])
    except ElfsymsError as error:
        print(f"elfsyms: {error}", file=sys.stderr)  # noqa: T201 (the one sentence)
        return error.exit_code
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    main()
