# SPDX-License-Identifier: GPL-2.0-or-later
"""``elfsyms list VMLINUX``: what ``/proc/kallsyms`` will show, without booting it."""

from __future__ import annotations

import re
from pathlib import Path  # noqa: TC003 (typer reads the annotations as it runs)
from typing import TYPE_CHECKING, Annotated, Any

import typer

from elfsyms.cli import options
from elfsyms.errors import NotThereError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from elfsyms.pipeline.kernel import Kernel

app = options.application()

_FORMATS = ("proc", "system-map")
_LINE = re.compile(rb"([0-9a-f]+| +) (.) (.*)", re.DOTALL)


@app.command()
@options.takes_table_options
def list_(
    file: Annotated[Path, typer.Argument(metavar="VMLINUX", help="A vmlinux with .symtab.")],
    kaslr: Annotated[
        str | None,
        typer.Option("--kaslr", metavar="OFFSET", help="How far the kernel was moved (hexadecimal)."),
    ] = None,
    glob: Annotated[
        str | None, typer.Option("--filter", metavar="GLOB", help="Only names that match, as 'tcp_*'.")
    ] = None,
    form: Annotated[
        str, typer.Option("--format", metavar="proc|system-map", help="/proc/kallsyms, or System.map.")
    ] = "proc",
    *,
    table: options.TableArguments,
    verbose: options.Verbose = False,
    json: options.Json = False,
) -> None:
    """Print the lines that /proc/kallsyms will show for this kernel, in its order and format.

    Modules and what the running kernel adds are not in the file, and so not in the list.
    """
    offset = _offset(kaslr, form)
    wanted = options.request(**table)
    from elfsyms.pipeline.kernel import load_with  # noqa: PLC0415 (numpy; not for a usage error)

    with load_with(file, wanted) as kernel:
        options.say_findings(kernel.findings, verbose=verbose)
        text = _system_map(kernel, glob) if form == "system-map" else _proc(kernel, offset, glob)
        if not text:
            raise _nothing(kernel, form, glob)
        if json:
            options.emit_json("elfsyms.list/1", _facts(kernel, form, offset, text))
        else:
            options.emit(text)


def _offset(kaslr: str | None, form: str) -> int:
    """Check the two options that belong together; return the offset."""
    if form not in _FORMATS:
        raise UsageError(f"--format is {' or '.join(_FORMATS)}, not {form!r}")
    if kaslr is None:
        return 0
    if form == "system-map":
        raise UsageError("System.map has the addresses of the link: --kaslr goes with --format proc")
    try:
        return int(kaslr, 16)
    except ValueError:
        raise UsageError(f"--kaslr takes a hexadecimal number, not {kaslr!r}") from None


def _proc(kernel: Kernel, offset: int, glob: str | None) -> bytes:
    from elfsyms.inspect.proc_kallsyms import list_lines  # noqa: PLC0415 (numpy; not for a usage error)

    return list_lines(kernel, offset, glob)


def _system_map(kernel: Kernel, glob: str | None) -> bytes:
    from elfsyms.inspect.globs import name_pattern  # noqa: PLC0415 (as above)

    if glob is None:
        return kernel.system_map
    pattern = name_pattern(glob)
    return b"".join(b"%b %b %b\n" % line for line in _lines(kernel.system_map) if pattern.match(line[2]))


def _lines(text: bytes) -> Iterator[tuple[bytes, bytes, bytes]]:
    """Yield address (blanks for an undefined symbol), letter and name of each line."""
    return (match.groups() for line in text.split(b"\n") if (match := _LINE.fullmatch(line)))  # type: ignore[misc]


def _nothing(kernel: Kernel, form: str, glob: str | None) -> NotThereError:
    where = "System.map" if form == "system-map" else "the tables"
    if glob is None:
        return NotThereError(f"{kernel.image.path}: no symbol is left for {where}; 'elfsyms ledger' says why")
    return NotThereError(
        f"no symbol in {where} matches {glob}: 'elfsyms explain' with the same glob says what was dropped"
    )


def _facts(kernel: Kernel, form: str, offset: int, text: bytes) -> dict[str, Any]:
    return {
        "file": str(kernel.image.path),
        "release": kernel.release.name,
        "options": list(kernel.options.given()),
        "format": form,
        "kaslr": f"{offset:#x}",
        "symbols": [
            {
                "address": f"0x{address.decode()}" if address.strip() else None,
                "letter": chr(letter[0]),
                "name": _text(name),
            }
            for address, letter, name in _lines(text)
        ],
    }


def _text(name: bytes) -> str:
    return name.decode("utf-8", "backslashreplace")
