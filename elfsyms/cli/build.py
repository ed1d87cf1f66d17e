# SPDX-License-Identifier: GPL-2.0-or-later
"""``elfsyms FILE -o OUT``: the main job, from a kernel to the tables of its next link."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from elfsyms.cli import words
from elfsyms.errors import UsageError
from elfsyms.writers.ahead import ObjectMaker

if TYPE_CHECKING:
    from elfsyms.kernel import Kernel
    from elfsyms.tables import Tables

app = words.application()

Format = Literal["o", "S"]
_SUFFIXES: dict[str, Format] = {".o": "o", ".S": "S", ".s": "S"}


@app.command()
def build(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A vmlinux with .symtab.")],
    output: Annotated[
        str | None,
        typer.Option("--output", "-o", metavar="OUT", help="An object (.o) or assembly (.S); - prints."),
    ] = None,
    form: Annotated[
        str | None, typer.Option("--format", metavar="o|S", help="What to write, whatever OUT ends in.")
    ] = None,
    system_map: Annotated[
        str | None, typer.Option("--system-map", metavar="FILE", help="Write System.map in the same pass.")
    ] = None,
    empty: Annotated[
        bool, typer.Option("--empty", help="The table of no symbols, for the first link; FILE lends its ABI.")
    ] = False,
    release: words.ReleaseName = None,
    all_symbols: words.AllSymbols = None,
    absolute_percpu: words.AbsolutePercpu = None,
    base_relative: words.BaseRelative = None,
    pc_relative: words.PcRelative = None,
    lto_clang: words.LtoClang = None,
    exclude_tables: words.ExcludeTables = None,
    symbol_prefix: words.SymbolPrefix = None,
    page_offset: words.PageOffset = None,
    config: words.Config = None,
    tree: words.Tree = None,
    cache: Annotated[
        Path | None,
        typer.Option("--cache", metavar="DIR", help="Remember names from one link pass to the next."),
    ] = None,
    stats: Annotated[bool, typer.Option("--stats", help="Say what each table takes.")] = False,
    verbose: words.Verbose = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing but errors.")] = False,
    json: words.Json = False,
) -> None:
    """Write the kallsyms tables of a kernel, exactly as its own release's tools would.

    With no other option, release, ABI and options are found in the file itself.
    """
    chosen = _format(output, form)
    _check_outputs(output, system_map, json=json, stats=stats)
    wanted: dict[str, Any] = dict(  # noqa: C408 (as keywords, it reads like the signature)
        release=release,
        all_symbols=all_symbols,
        absolute_percpu=absolute_percpu,
        base_relative=base_relative,
        pc_relative=pc_relative,
        lto_clang=lto_clang,
        exclude_tables=exclude_tables,
        symbol_prefix=symbol_prefix,
        page_offset=page_offset,
        config=config,
        tree=tree,
    )
    maker = ObjectMaker() if output is not None and chosen == "o" else None  # before numpy starts threads
    try:
        kernel = _open(file, wanted, empty=empty, cache=cache)
        words.say_findings(kernel.findings, verbose=verbose, quiet=quiet)
        _write(kernel, output, maker, system_map)
    finally:
        if maker:
            maker.close()
    if json or not quiet:
        _report(kernel, output, stats=stats, json=json)


def _format(output: str | None, form: str | None) -> Format:
    """Return what to write: as asked for, or as the output's name ends; assembly to standard output."""
    if form is not None:
        if form not in _SUFFIXES.values():
            raise UsageError(f"--format is o (an object) or S (assembly), not {form!r}")
        return "o" if form == "o" else "S"
    if output is None or output == "-":
        return "S"
    suffix = Path(output).suffix
    if suffix not in _SUFFIXES:
        raise UsageError(f"{output} ends neither in .o nor in .S: say which with --format o or --format S")
    return _SUFFIXES[suffix]


def _check_outputs(output: str | None, system_map: str | None, *, json: bool, stats: bool) -> None:
    if output is None and system_map is None and not json and not stats:
        raise UsageError("nothing to write: give -o kallsyms.o (or .S), or --system-map FILE")
    if [output, system_map, "-" if json else None].count("-") > 1:
        raise UsageError("only one thing can go to standard output: give the others a file")


def _open(file: Path, wanted: dict[str, Any], *, empty: bool, cache: Path | None) -> Kernel:
    from elfsyms.kernel import empty_kernel, load_with  # noqa: PLC0415 (numpy; not before the fork)
    from elfsyms.passcache import PassCache  # noqa: PLC0415 (as above)

    kernel = (empty_kernel if empty else load_with)(file, words.request(**wanted))
    kernel.cache = PassCache(cache) if cache else None
    return kernel


def _write(kernel: Kernel, output: str | None, maker: ObjectMaker | None, system_map: str | None) -> None:
    """Make everything first, then write: an error leaves all files as they were."""
    from elfsyms.writers.output import write_outputs  # noqa: PLC0415 (as above)

    parts: list[tuple[str | Path, bytes]] = []
    if output is not None:
        kernel.check_anchor()
        parts.append((output, maker.make(kernel.layout) if maker else kernel.assembly()))
    if system_map is not None:
        parts.append((system_map, kernel.system_map))
    with words.quiet_pipe():
        write_outputs(parts)


def _report(kernel: Kernel, output: str | None, *, stats: bool, json: bool) -> None:
    """Say in one line what was written; list names that were too long; with ``stats`` the tables' sizes."""
    from elfsyms.rules import rule_by_id  # noqa: PLC0415 (as above)

    too_long = [kernel.symbols.name(i) for i in kernel.verdicts.dropped_by(rule_by_id("KS302"))]
    if json:
        words.emit_json("elfsyms.build/1", _facts(kernel, output, too_long))
        return
    for long in too_long:
        limit = kernel.release.name_limit
        words.say(f"elfsyms: left out, {len(long)} bytes where {limit} are the most: {_text(long)}")
    words.say(_summary(kernel, output))
    for name, size in _table_sizes(kernel.tables).items() if stats else ():
        words.say(f"  kallsyms_{name:<13}  {size:>11,} bytes")


def _summary(kernel: Kernel, output: str | None) -> str:
    tables = kernel.tables
    size = sum(_table_sizes(tables).values())
    options = " ".join(kernel.options.given()) or "no options"
    return (
        f"{output or kernel.image.path}: {len(tables.records):,} of {len(kernel.symbols) - 1:,} symbols, "
        f"{size:,} bytes of tables, release {kernel.release.name}, {options}"
    )


def _facts(kernel: Kernel, output: str | None, too_long: list[bytes]) -> dict[str, Any]:
    return {
        "file": str(kernel.image.path),
        "output": output,
        "release": kernel.release.name,
        "options": list(kernel.options.given()),
        "found": [{"what": f.what, "value": f.value, "source": f.source} for f in kernel.findings.found],
        "warnings": list(kernel.findings.warnings),
        "entries": len(kernel.symbols),
        "symbols": len(kernel.tables.records),
        "too_long": [_text(name) for name in too_long],
        "table_bytes": {f"kallsyms_{name}": size for name, size in _table_sizes(kernel.tables).items()},
    }


def _table_sizes(tables: Tables) -> dict[str, int]:
    from elfsyms.layout import table_bytes  # noqa: PLC0415 (as above)

    return {name: len(table_bytes(tables, name)) for name in tables.labels()}


def _text(name: bytes) -> str:
    return name.decode("utf-8", "backslashreplace")
