# SPDX-License-Identifier: GPL-2.0-or-later
"""``elfsyms list VMLINUX``: what ``/proc/kallsyms`` will show, without booting it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from elfsyms.cli import streams
from elfsyms.cli.parameters import table_arguments
from elfsyms.errors import NotThereError, UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from elfsyms.cli.parameters import Given
    from elfsyms.cli.quick import Job
    from elfsyms.detect.request import Request
    from elfsyms.inspect.globs import NameFilter
    from elfsyms.inspect.module_symbols import ModuleSymbols
    from elfsyms.inspect.where import Condition

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
    modules: tuple[str, ...] = ()


def list_(job: Job) -> int:
    """Print the lines that /proc/kallsyms will show for this kernel, in its order and format.

    Modules and what the running kernel adds are not in the file, and so not in the list.
    """
    given = job.given
    kaslr, where = given["kaslr"], given["where"]
    machine = [name for name in ("json", "csv", "tsv") if given[name]]
    rows = given["duplicates"] or bool(where) or given["columns"] is not None
    _check(given["form"], kaslr, machine, rows=rows, columns=given["columns"])
    if given["modules"] and (not given["duplicates"] or machine or where):
        raise UsageError("--modules goes with --duplicates, as plain lines: which names modules have, too")
    wanted = streams.request(**table_arguments(given))
    from elfsyms.cli.module_text import module_of  # noqa: PLC0415 (numpy; not for a usage error)
    from elfsyms.cli.running import kernel_file  # noqa: PLC0415 (as above)
    from elfsyms.cli.symbol_text import list_text, text_of  # noqa: PLC0415 (as above)

    only = _filter(given["glob"], given["regex"], given["source"])
    file = kernel_file(job.file)
    other = bool(where or given["columns"] or machine or kaslr or given["form"] != "proc")
    module = module_of(file, given, other=other)
    if module is not None:
        return _list_module(file, module, only, given)
    text = text_of(file)
    if text is not None:
        list_text(text, only, given)
        return 0
    return _list_kernel(file, wanted, only, given, machine="".join(machine))


def _list_module(file: Path, module: ModuleSymbols, only: NameFilter, given: Given) -> int:
    """Print the list of a module."""
    from elfsyms.cli.module_text import duplicates_module, list_module  # noqa: PLC0415 (numpy; not for a usage error)

    if not (duplicates_module if given["duplicates"] else list_module)(module, only):
        raise _nothing(str(file), str(file), only.given, duplicates=given["duplicates"])
    return 0


def _list_kernel(file: Path, wanted: Request, only: NameFilter, given: Given, *, machine: str) -> int:
    """Print the list of a kernel's file."""
    from elfsyms.cli.list_text import show_list  # noqa: PLC0415 (numpy; not for a usage error)
    from elfsyms.decode.opening import open_kernel  # noqa: PLC0415 (as above)

    asked = Wanted(
        given["form"],
        given["kaslr"],
        only,
        given["duplicates"],
        machine,
        _conditions(given["where"]),
        _columns(given["columns"]),
        tuple(given["modules"]),
    )
    with open_kernel(file, wanted, given["system_map"]) as kernel:
        streams.say_findings(kernel.findings, verbose=given["verbose"])
        shown = show_list(kernel, asked)
    if not shown:
        matched = only.given or " ".join(given["where"])
        where = "System.map" if given["form"] == "system-map" else "the tables"
        named = bool(only.given)
        raise _nothing(str(file), where, matched, duplicates=given["duplicates"], named=named)
    return 0


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
    if lines == []:
        raise UsageError(f"nothing to list: {source} has no line")
    names = None if lines is None else frozenset(line.encode("utf-8", "surrogateescape") for line in lines)
    return NameFilter(glob, regex, names)


def _nothing(file: str, where: str, given: str, *, duplicates: bool, named: bool = True) -> NotThereError:
    if not given and not duplicates:
        return NotThereError(f"{file}: no symbol is left for {where}; 'elfsyms ledger' says why")
    if not given:
        return NotThereError(f"no two symbols in {where} have one name")
    several = " that several have" if duplicates else ""
    dropped = ": 'elfsyms explain' with the same name says what was dropped" if named else ""
    return NotThereError(f"no symbol in {where}{several} matches {given}{dropped}")
