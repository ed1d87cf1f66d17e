# SPDX-License-Identifier: GPL-2.0-or-later
"""The main job as the command line has it: its arguments, and what is said of what was done.

The work itself is :func:`elfsyms.writers.build.build`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from elfsyms.cli.parameters import WHAT_IF
from elfsyms.cli.streams import emit_json, option_values, say, say_findings
from elfsyms.errors import UsageError
from elfsyms.writers.build import build

if TYPE_CHECKING:
    from pathlib import Path

    from elfsyms.detect.request import Findings
    from elfsyms.pipeline.kernel import Kernel
    from elfsyms.pipeline.tables import Tables

__all__ = ["Job", "run"]

_OUTPUTS = ("output", "form", "system_map", "empty", "cache")


@dataclass(frozen=True, slots=True)
class Job:
    """The arguments of the main job: ``given`` has a value for each field of :data:`MAIN_JOB`."""

    file: Path
    given: dict[str, Any]


def run(job: Job) -> None:
    """Do a job."""
    given = job.given
    if not any(given[field] for field in ("output", "system_map", "json", "stats")):
        raise UsageError("nothing to write: give -o kallsyms.o (or .S), or --system-map FILE")
    if given["json"] and "-" in (given["output"], given["system_map"]):
        raise UsageError("only one thing can go to standard output: give the others a file")

    def told(findings: Findings) -> None:
        say_findings(findings, verbose=given["verbose"])

    chosen = option_values({parameter.field: given[parameter.field] for parameter in WHAT_IF})
    outputs = {field: given[field] for field in _OUTPUTS}
    kernel = build(job.file, **outputs, on_findings=told, **chosen)
    _report(kernel, job)


def _report(kernel: Kernel, job: Job) -> None:
    """Tell what was wrong with cache and names; say in a line what was written, and what the tables take."""
    from elfsyms.releases.rules import rule_by_id  # noqa: PLC0415 (as above)

    too_long = [kernel.symbols.name(i) for i in kernel.verdicts.dropped_by(rule_by_id("KS302"))]
    if job.given["json"]:
        emit_json("elfsyms.build/1", _facts(kernel, job.given["output"], too_long))
        return
    for error in _cache_errors(kernel):
        say(f"elfsyms: warning: {error}")
    for long in too_long:
        limit = kernel.release.name_limit
        say(f"elfsyms: left out, {len(long)} bytes where {limit} are the most: {_text(long)}")
    if not job.given["quiet"]:
        say(_summary(kernel, job.given["output"]))
    for name, size in _table_sizes(kernel.tables).items() if job.given["stats"] else ():
        say(f"  kallsyms_{name:<13}  {size:>11,} bytes")


def _cache_errors(kernel: Kernel) -> list[str]:
    """Return why nothing could be read from the cache, or kept in it, if so it was."""
    return [kernel.cache.error] if kernel.cache and kernel.cache.error else []


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
        "warnings": [*kernel.findings.warnings, *_cache_errors(kernel)],
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
