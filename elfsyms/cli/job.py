# SPDX-License-Identifier: GPL-2.0-or-later
"""The main job, without its command line: from a kernel to the tables of its next link.

Everything is made before anything is written. The object is composed by a process of its own; while it does so, the
map is made here.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from elfsyms.cli.streams import emit_json, request, say, say_findings
from elfsyms.errors import UsageError
from elfsyms.writers.composer import ObjectMaker

if TYPE_CHECKING:
    from elfsyms.pipeline.kernel import Kernel
    from elfsyms.pipeline.tables import Tables

__all__ = ["Job", "run"]

Format = Literal["o", "S"]
_SUFFIXES: dict[str, Format] = {".o": "o", ".S": "S", ".s": "S"}


@dataclass(slots=True)
class Job:
    """The arguments of the main job, as the command line has them."""

    file: Path
    output: str | None = None
    form: str | None = None
    system_map: str | None = None
    empty: bool = False
    release: str | None = None
    all_symbols: bool | None = None
    absolute_percpu: bool | None = None
    base_relative: bool | None = None
    pc_relative: bool | None = None
    lto_clang: bool | None = None
    exclude_tables: bool | None = None
    symbol_prefix: str | None = None
    page_offset: str | None = None
    nm: str | None = None
    config: Path | None = None
    tree: Path | None = None
    cache: Path | None = None
    stats: bool = False
    verbose: bool = False
    quiet: bool = False
    json: bool = False


# What of a job becomes the request to find release and options.
_REQUEST = (
    "release",
    "all_symbols",
    "absolute_percpu",
    "base_relative",
    "pc_relative",
    "lto_clang",
    "exclude_tables",
    "symbol_prefix",
    "page_offset",
    "nm",
    "config",
    "tree",
)


def run(job: Job) -> None:
    """Do a job."""
    form = _format(job.output, job.form)
    _check_outputs(job)
    wants_object = job.output is not None and form == "o"
    maker = ObjectMaker(wait=_is_used(job.cache)) if wants_object else None  # before numpy starts threads
    try:
        kernel = _open(job, maker)
        say_findings(kernel.findings, verbose=job.verbose)
        _write(kernel, job, maker)
    finally:
        if maker:
            maker.close()
    _report(kernel, job)


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


def _check_outputs(job: Job) -> None:
    if job.output is None and job.system_map is None and not job.json and not job.stats:
        raise UsageError("nothing to write: give -o kallsyms.o (or .S), or --system-map FILE")
    places = [
        Path(place).resolve() for place in (job.file, job.output, job.system_map) if place and place != "-"
    ]
    # Path's own methods raise where a name cannot be looked up.
    files = [place for place in places if os.path.isfile(place) or not os.path.exists(place)]  # noqa: PTH110, PTH113
    if len(set(files)) < len(files):
        raise UsageError("FILE, -o and --system-map must be different files: one would overwrite another")
    if [job.output, job.system_map, "-" if job.json else None].count("-") > 1:
        raise UsageError("only one thing can go to standard output: give the others a file")


def _is_used(cache: Path | None) -> bool:
    """Tell whether a cache has entries, so that it may spare some work."""
    return cache is not None and next(cache.glob("*.pass"), None) is not None


def _open(job: Job, maker: ObjectMaker | None) -> Kernel:
    from elfsyms.pipeline.kernel import empty_kernel, load_with  # noqa: PLC0415 (numpy; not before the fork)

    wanted = request(**{name: getattr(job, name) for name in _REQUEST})
    kernel = (empty_kernel if job.empty else load_with)(job.file, wanted)
    if job.cache:
        from elfsyms.pipeline.cache import PassCache  # noqa: PLC0415 (not without a cache)

        kernel.cache = PassCache(job.cache, maker.hurry) if maker else PassCache(job.cache)
    return kernel


def _write(kernel: Kernel, job: Job, maker: ObjectMaker | None) -> None:
    """Make everything first, then write: an error leaves all files as they were."""
    from elfsyms.writers.output import write_outputs  # noqa: PLC0415 (as above)

    parts: list[tuple[str | Path, bytes]] = []
    if job.output is not None:
        kernel.check_anchor()
    if maker:
        maker.order(kernel.layout, kernel.cache)
    if job.system_map is not None:
        parts.append((job.system_map, kernel.system_map))
    if job.output is not None:
        parts.append((job.output, maker.fetch() if maker else kernel.assembly()))
    write_outputs(parts)


def _report(kernel: Kernel, job: Job) -> None:
    """Tell what was wrong with cache and names; say in a line what was written, and what the tables take."""
    from elfsyms.releases.rules import rule_by_id  # noqa: PLC0415 (as above)

    too_long = [kernel.symbols.name(i) for i in kernel.verdicts.dropped_by(rule_by_id("KS302"))]
    if job.json:
        emit_json("elfsyms.build/1", _facts(kernel, job.output, too_long))
        return
    for trouble in _cache_trouble(kernel):
        say(f"elfsyms: warning: {trouble}")
    for long in too_long:
        limit = kernel.release.name_limit
        say(f"elfsyms: left out, {len(long)} bytes where {limit} are the most: {_text(long)}")
    if not job.quiet:
        say(_summary(kernel, job.output))
    for name, size in _table_sizes(kernel.tables).items() if job.stats else ():
        say(f"  kallsyms_{name:<13}  {size:>11,} bytes")


def _cache_trouble(kernel: Kernel) -> list[str]:
    """Return why nothing could be kept in the cache, if so it was."""
    return [kernel.cache.trouble] if kernel.cache and kernel.cache.trouble else []


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
        "warnings": [*kernel.findings.warnings, *_cache_trouble(kernel)],
        "entries": len(kernel.symbols),
        "symbols": len(kernel.tables.records),
        "too_long": [_text(name) for name in too_long],
        "table_bytes": {f"kallsyms_{name}": size for name, size in _table_sizes(kernel.tables).items()},
    }


def _table_sizes(tables: Tables) -> dict[str, int]:
    from elfsyms.pipeline.layout import table_bytes  # noqa: PLC0415 (as above)

    return {name: len(table_bytes(tables, name)) for name in tables.labels()}


def _text(name: bytes) -> str:
    return name.decode("utf-8", "backslashreplace")
