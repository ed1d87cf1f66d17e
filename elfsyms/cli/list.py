# SPDX-License-Identifier: GPL-2.0-or-later
"""``elfsyms list VMLINUX``: what ``/proc/kallsyms`` will show, without booting it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path  # noqa: TC003 (typer reads the annotations as it runs)
from typing import TYPE_CHECKING, Annotated

import typer

from elfsyms.cli import options
from elfsyms.errors import NotThereError, UsageError

if TYPE_CHECKING:
    from elfsyms.inspect.globs import NameFilter
    from elfsyms.inspect.where import Condition

app = options.application()

_FORMATS = ("proc", "system-map")


@dataclass(frozen=True, slots=True)
class Wanted:
    """How the list is to be shown: which addresses, which names, which of three forms beside plain lines."""

    form: str
    kaslr: str | None
    only: NameFilter
    duplicates: bool
    machine: str  # json, csv, tsv, or nothing
    where: tuple[Condition, ...] = ()
    columns: tuple[str, ...] = ()


@app.command()
@options.takes_table_options
def list_(
    file: Annotated[
        Path | None,
        typer.Argument(
            metavar="[VMLINUX]", help="A vmlinux, vmlinuz, boot.img; the running kernel's where not given."
        ),
    ] = None,
    kaslr: Annotated[
        str | None,
        typer.Option(
            "--kaslr",
            metavar="OFFSET",
            help="How far the kernel was moved: hexadecimal, or dmesg's line 'Kernel Offset: ...'.",
        ),
    ] = None,
    glob: Annotated[
        str | None, typer.Option("--filter", metavar="GLOB", help="Only names that match, as 'tcp_*'.")
    ] = None,
    regex: Annotated[
        str | None,
        typer.Option("--regex", metavar="RE", help="Only names in which a regular expression is found."),
    ] = None,
    source: Annotated[
        Path | None, typer.Option("--from", metavar="FILE", help="Only names that a file lists; - too.")
    ] = None,
    duplicates: Annotated[
        bool, typer.Option("--duplicates", help="Only names that several symbols have, each with its object.")
    ] = False,
    where: Annotated[
        list[str] | None,
        typer.Option(
            "--where",
            metavar="COLUMN=VALUE",
            help="Only symbols of which that is so; a glob, != for not; ftrace=no, kprobe=TR302, section=.text.",
        ),
    ] = None,
    shown: Annotated[
        str | None,
        typer.Option("--columns", metavar="NAME,...", help="Which columns: for --json, --csv and --tsv."),
    ] = None,
    form: Annotated[
        str, typer.Option("--format", metavar="proc|system-map", help="/proc/kallsyms, or System.map.")
    ] = "proc",
    csv: Annotated[bool, typer.Option("--csv", help="Print comma-separated values, a head first.")] = False,
    tsv: Annotated[bool, typer.Option("--tsv", help="Print tab-separated values, a head first.")] = False,
    *,
    system_map: options.SystemMap = None,
    table: options.TableArguments,
    verbose: options.Verbose = False,
    json: options.Json = False,
) -> None:
    """Print the lines that /proc/kallsyms will show for this kernel, in its order and format.

    Modules and what the running kernel adds are not in the file, and so not in the list.
    """
    machine = [name for name, given in (("json", json), ("csv", csv), ("tsv", tsv)) if given]
    rows = duplicates or bool(where) or shown is not None
    _check(form, kaslr, machine, rows=rows, columns=shown)
    wanted = options.request(**table)
    from elfsyms.cli.list_text import show_list  # noqa: PLC0415 (numpy; not for a usage error)
    from elfsyms.cli.module_text import list_module, module_of  # noqa: PLC0415 (as above)
    from elfsyms.cli.running import kernel_file  # noqa: PLC0415 (as above)
    from elfsyms.cli.symbol_text import list_text, text_of  # noqa: PLC0415 (as above)
    from elfsyms.decode.opening import open_kernel  # noqa: PLC0415 (as above)

    only = _filter(glob, regex, source)
    file = kernel_file(file)
    module = module_of(file, all_symbols=table["all_symbols"], other=rows or bool(machine or kaslr))
    if module is not None:
        if not list_module(module, glob):
            raise _nothing(str(file), form, glob or "", duplicates=False)
        return
    text = text_of(file)
    if text is not None:
        if kaslr is not None or rows:
            raise UsageError(
                f"{file} is a text of symbols: --kaslr, --duplicates, --where and --columns go with a vmlinux"
            )
        list_text(text, only, machine="".join(machine))
        return
    conditions, columns = _conditions(where or []), _columns(shown)
    with open_kernel(file, wanted, system_map) as kernel:
        options.say_findings(kernel.findings, verbose=verbose)
        asked = Wanted(form, kaslr, only, duplicates, "".join(machine), conditions, columns)
        if not show_list(kernel, asked):
            given = only.given or " ".join(where or [])
            raise _nothing(str(file), form, given, duplicates=duplicates)


def _check(form: str, kaslr: str | None, machine: list[str], *, rows: bool, columns: str | None) -> None:
    """Check the options that belong together."""
    if form not in _FORMATS:
        raise UsageError(f"--format is {' or '.join(_FORMATS)}, not {form!r}")
    if len(machine) > 1:
        raise UsageError(f"--{machine[0]} and --{machine[1]}: give one of them")
    if form == "system-map":
        if kaslr is not None:
            raise UsageError("System.map has the addresses of the link: --kaslr goes with --format proc")
        if rows or machine in (["csv"], ["tsv"]):
            raise UsageError(
                "--duplicates, --where, --columns, --csv and --tsv are of the tables: they go with --format proc"
            )
    if columns is not None and not machine:
        raise UsageError("--columns is for --json, --csv or --tsv: plain lines have those of /proc/kallsyms")


def _conditions(where: list[str]) -> tuple[Condition, ...]:
    from elfsyms.inspect.where import parse_condition  # noqa: PLC0415 (not for a usage error)

    return tuple(map(parse_condition, where))


def _columns(shown: str | None) -> tuple[str, ...]:
    """Return the names of the columns that were asked for."""
    from elfsyms.inspect.columns import COLUMNS  # noqa: PLC0415 (not for a usage error)

    wanted = tuple(name.strip() for name in shown.split(",")) if shown is not None else ()
    known = [column.name for column in COLUMNS]
    for name in wanted:
        if name not in known:
            raise UsageError(f"there is no column {name!r}: the columns are {', '.join(known)}")
    return wanted


def _filter(glob: str | None, regex: str | None, source: Path | None) -> NameFilter:
    from elfsyms.cli.questions import read_lines  # noqa: PLC0415 (not for a usage error)
    from elfsyms.inspect.globs import NameFilter  # noqa: PLC0415 (as above)

    lines = None if source is None else read_lines(source)
    names = None if lines is None else frozenset(line.encode("utf-8", "surrogateescape") for line in lines)
    return NameFilter(glob, regex, names)


def _nothing(file: str, form: str, given: str, *, duplicates: bool) -> NotThereError:
    where = "System.map" if form == "system-map" else "the tables"
    if not given and not duplicates:
        return NotThereError(f"{file}: no symbol is left for {where}; 'elfsyms ledger' says why")
    if not given:
        return NotThereError(f"no two symbols in {where} have one name")
    several = " that several have" if duplicates else ""
    return NotThereError(
        f"no symbol in {where}{several} matches {given}: 'elfsyms explain' with the same name says what was dropped"
    )
