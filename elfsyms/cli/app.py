# SPDX-License-Identifier: GPL-2.0-or-later
"""The commands by name, and the rule that none named means the main job.

A command's module is imported when it is called, so that one does not pay for what another needs; the page of
``elfsyms --help`` is made from the table here alone.
"""

from __future__ import annotations

import gc
import os
import sys
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

from elfsyms.cli import quick
from elfsyms.cli.progress import progress
from elfsyms.errors import InputError, UsageError
from elfsyms.failures import need_memory

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["COMMANDS", "EPILOG", "HELP", "load_command", "run"]

_DEFAULT = "build"
_FILTERS = ("symbolize",)  # they wait for who writes to them: that is no progress

# Name, which is that of a module under elfsyms.cli unless quick.JOBS has it: the line in the list of commands.
COMMANDS: dict[str, str] = {
    "build": "Write the tables of a kernel: the main job, also without this name.",
    "explain": "Say why a symbol is in the tables, or is not.",
    "ledger": "Account for every entry of .symtab, by the rule that dropped it.",
    "rules": "Show the rules by which symbols are dropped.",
    "list": "Show what /proc/kallsyms will show.",
    "decode": "Read tables back from a kernel, an object or a dump.",
    "verify": "Compare the tables inside a kernel with its symbol table.",
    "diff": "Say what changed between two link passes or two kernels.",
    "check": "Say whether a kernel has the names that a tool relies on.",
    "symbolize": "Say what the addresses in a kernel's log are: a filter.",
    "stats": "Show what the tables cost, by table, option and token.",
    "reserve": "Make room for the tables, before the only link.",
    "fill": "Write the tables into that room, after the link.",
    "report": "Write one page about a kernel, or about what changed between two.",
    "export": "Write the symbols of kernels into an atlas (Parquet).",
    "atlas": "Say in which kernels of an atlas a name is, and since when not.",
    "kbuild": "Put elfsyms into a kernel's own build, or take it out.",
    "releases": "Show what each release's tables look like, and since when.",
}

HELP = """Make the Linux kernel's symbol table (kallsyms) straight from its ELF file, and say why it is so.

The main job needs no command: elfsyms vmlinux -o kallsyms.o"""

EPILOG = (
    "Exit codes: 0 done, or yes; 1 the answer is no; 2 wrong usage; 3 not there; 4 unusable input; "
    "5 cannot be encoded; 6 cannot be written; 70 elfsyms itself failed; 130 interrupted; "
    "141 nobody reads the output any more."
)


_LEAST = 96 << 20  # bytes of address space: numpy's code, and what its OpenBLAS takes


def run(arguments: Sequence[str]) -> int:
    """Run one command line; return its exit code."""
    gc.disable()  # one pass, then the process ends: a collection only costs
    if "numpy" not in sys.modules:
        need_memory(_LEAST)
    arguments = _help_wanted(arguments)
    first = arguments[0]
    _check_first(first, alone=len(arguments) == 1)
    if first in ("--help", "-h"):
        return _call(_help_page(), ["--help"], "elfsyms")
    name, title = (first, f"elfsyms {first}") if first in COMMANDS else (_DEFAULT, "elfsyms")
    words = arguments[1:] if first in COMMANDS else arguments
    kind = quick.JOBS.get(name)
    job = quick.parse(words, kind) if kind else None
    quiet = name in _FILTERS or (job is not None and job.given.get("quiet"))
    with nullcontext() if quiet else progress(title):
        return kind.function(job) if kind and job else _call(load_command(name), words, title)


def _call(command: Any, arguments: Sequence[str], name: str) -> int:
    """Run a command; return its exit code. Raises :class:`UsageError` for arguments that are none of its own.

    The command is called without click's own ``main``, which would end with 1 where a pipe is closed.
    """
    import typer  # noqa: PLC0415 (not for the main job)

    try:
        with command.make_context(name, list(arguments)) as context:
            command.invoke(context)
    except typer.Exit as leave:
        return leave.exit_code
    except _usage_error() as error:
        words = error.format_message()  # type: ignore[attr-defined] # click's, which typer does not show
        context = getattr(error, "ctx", None)  # of the command below this one that was meant, too
        told = getattr(context, "command_path", name)
        raise UsageError(f"{words[:1].lower()}{words[1:].rstrip('.')}; {told} --help shows how") from None
    except typer.Abort:
        raise KeyboardInterrupt from None
    except SystemExit:  # rich's answer to a closed pipe; nothing else leaves this way
        raise BrokenPipeError from None
    return 0


def _usage_error() -> type[Exception]:
    """Return what typer raises for a wrong command line: click's class, or the one of a click of its own."""
    import typer  # noqa: PLC0415 (as above)

    base: type[Exception] = typer.BadParameter.__mro__[1]
    return base


def _help_wanted(arguments: Sequence[str]) -> Sequence[str]:
    """Return the arguments, with ``help`` and ``help COMMAND``, where no file is meant, as ``--help``.

    >>> _help_wanted(["help", "list"]), _help_wanted([])
    (['list', '--help'], ['--help'])
    """
    if not arguments or (arguments[0] == "help" and not os.path.lexists("help")):
        named = arguments[1:2]
        if named and named[0] not in COMMANDS:
            raise UsageError(f"there is no command {named[0]}: elfsyms --help lists them")
        return [*named, "--help"]
    return arguments


def _check_first(first: str, *, alone: bool) -> None:
    """Raise an error for a first word that is no file, and nearly a command, or all that was said."""
    if not first or first.startswith("-") or first in COMMANDS:
        return
    if os.path.exists(first):  # noqa: PTH110 (unlike Path's, says no where it cannot be looked up)
        return
    from difflib import get_close_matches  # noqa: PLC0415 (for mistakes alone)

    meant = get_close_matches(first, COMMANDS, n=1)
    if meant:
        raise UsageError(f"{first} is neither a command nor a file: did you mean {meant[0]}?")
    if alone:
        raise InputError(f"{first} is neither a file nor a command: elfsyms --help lists the commands")


def load_command(name: str) -> Any:
    """Return a command, as click has it."""
    from elfsyms.cli.declared import declared  # noqa: PLC0415 (not for the main job)

    return declared(name)


def _help_page() -> Any:
    """Return a command that knows the commands by name only, to show them."""
    import typer  # noqa: PLC0415 (not for the main job)
    from typer.main import get_command  # noqa: PLC0415 (as above)

    from elfsyms.cli.declared import plain  # noqa: PLC0415 (as above)

    page = typer.Typer(
        help=HELP,
        epilog=EPILOG,
        add_completion=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )

    @page.callback()
    def shown(
        *, version: bool = typer.Option(False, "--version", "-V", help="Print the version and exit.")
    ) -> None:
        """Stand for the program."""

    for name, line in COMMANDS.items():
        page.command(name, short_help=line)(lambda: None)
    command = get_command(page)
    plain(command)
    return command
