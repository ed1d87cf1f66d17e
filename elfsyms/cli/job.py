# SPDX-License-Identifier: GPL-2.0-or-later
"""The main job as the command line has it: its arguments, and what is said of what was done.

The work itself is :func:`elfsyms.writers.build.make`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from elfsyms.cli.parameters import table_arguments
from elfsyms.cli.streams import for_output, json_text, option_values, say, say_findings
from elfsyms.errors import UsageError
from elfsyms.writers.build import Made, make

if TYPE_CHECKING:
    from collections.abc import Sequence

    from elfsyms.cli.quick import Job
    from elfsyms.detect.request import Findings
    from elfsyms.pipeline.kernel import Kernel
    from elfsyms.pipeline.tables import Tables

__all__ = ["build"]

_MOST_SHOWN = 600  # bytes of a name
_OUTPUTS = ("output", "form", "system_map", "empty", "cache")


def build(job: Job) -> int:
    """Write the kallsyms tables of a kernel, exactly as its own release's tools would.

    With no other option, release, ABI and options are found in the file itself.
    """
    given = job.given
    if job.file is None:
        raise UsageError("nothing to read: give a vmlinux")
    if not any(given[field] for field in ("output", "system_map", "json", "stats")):
        raise UsageError("nothing to write: give -o kallsyms.o (or .S), or --system-map FILE")
    if given["json"] and "-" in (given["output"], given["system_map"]):
        raise UsageError("only one thing can go to standard output: give the others a file")

    def told(findings: Findings) -> None:
        say_findings(findings, verbose=given["verbose"])

    chosen = option_values(table_arguments(given))
    outputs = {field: given[field] for field in _OUTPUTS}
    made = make(job.file, **outputs, on_findings=told, **chosen)
    report = _report(made.kernel, job)  # all that can fail does so before anything is written
    _write(made, report)
    for remark in report.remarks:
        say(remark)
    return 0


@dataclass(frozen=True, slots=True)
class _Report:
    """What there is to say: data for standard output, an object or lines, if any, and remarks."""

    data: bytes = b""
    remarks: tuple[str, ...] = ()


def _write(made: Made, report: _Report) -> None:
    """Write the outputs; what goes to a terminal, as text for one."""
    from elfsyms.writers.output import write_outputs  # noqa: PLC0415 (as above)

    parts = [(path, for_output(path, data)) for path, data in made.outputs]
    write_outputs([*parts, ("-", report.data)] if report.data else parts)


def _report(kernel: Kernel, job: Job) -> _Report:
    """Tell what was wrong with cache and names; say in a line what is written, and what the tables take."""
    from elfsyms.inspect.misread import misread_records  # noqa: PLC0415 (as above)
    from elfsyms.releases.rules import rule_by_id  # noqa: PLC0415 (as above)

    given = job.given
    too_long = [kernel.symbols.name(i) for i in kernel.verdicts.dropped_by(rule_by_id("KS302"))]
    warnings = [*_cache_errors(kernel), *_misread_warning(misread_records(kernel))]
    warnings += _overlong_warning(kernel) if given["output"] else []
    if given["json"]:
        return _Report(json_text("elfsyms.build/1", _facts(kernel, given["output"], warnings, too_long)))
    limit = kernel.release.name_limit
    remarks = [f"elfsyms: warning: {warning}" for warning in warnings]
    remarks += [_left_out(name, limit) for name in too_long]
    figures = [] if given["quiet"] else [_summary(kernel, job)]
    if given["stats"]:
        sizes = _table_sizes(kernel.tables)
        figures += [f"  kallsyms_{name:<13}  {size:>11,} bytes" for name, size in sizes.items()]
    figures_alone = given["stats"] and given["output"] is None and given["system_map"] != "-"
    if figures_alone:  # they are data then, and go where data goes
        return _Report("".join(f"{figure}\n" for figure in figures).encode(), tuple(remarks))
    return _Report(remarks=(*remarks, *figures))


def _left_out(name: bytes, limit: int) -> str:
    return f"elfsyms: left out, {len(name)} bytes where {limit} are the most: {_text(name)}"


def _misread_warning(misread: Sequence[bytes]) -> list[str]:
    """Say that the tables have symbols which the file does not, as stock's would."""
    if not misread:
        return []
    warning = (
        "names hold blanks or newlines, and pieces of them become symbols, as with the kernel's own tools: "
        f"{len(misread):,} in the tables are no symbol's name, {_text(misread[0])} the first"
    )
    return [warning]


def _overlong_warning(kernel: Kernel) -> list[str]:
    """Say that the kernel will lose its way in the names, as with stock's tables."""
    overlong = kernel.tables.overlong()
    if not overlong:
        return []
    first = min(overlong)
    warning = (
        f"{len(overlong):,} names take more than 255 codes, {_text(kernel.tables.records.name(first))} the first "
        f"({overlong[first]}): their length does not fit its byte in {kernel.release.name}, and it misreads "
        "all names behind, as with its own tools: shorten them"
    )
    return [warning]


def _cache_errors(kernel: Kernel) -> list[str]:
    """Return why nothing could be read from the cache, or kept in it, if so it was."""
    return [kernel.cache.error] if kernel.cache and kernel.cache.error else []


def _summary(kernel: Kernel, job: Job) -> str:
    output, system_map = job.given["output"], job.given["system_map"]
    if output is None and not job.given["stats"]:  # a map needs no tables
        return f"{system_map}: {len(kernel.verdicts.map_lines):,} lines, release {kernel.release.name}"
    tables = kernel.tables
    size = sum(_table_sizes(tables).values())
    options = " ".join(kernel.options.given()) or "no options"
    return (
        f"{output or kernel.image.path}: {len(tables.records):,} of {len(kernel.symbols) - 1:,} symbols, "
        f"{size:,} bytes of tables, release {kernel.release.name}, {options}"
    )


def _facts(
    kernel: Kernel, output: str | None, warnings: Sequence[str], too_long: Sequence[bytes]
) -> dict[str, Any]:
    return {
        "file": str(kernel.image.path),
        "output": output,
        "release": kernel.release.name,
        "options": list(kernel.options.given()),
        "found": [{"what": f.what, "value": f.value, "source": f.source} for f in kernel.findings.found],
        "warnings": [*kernel.findings.warnings, *warnings],
        "entries": len(kernel.symbols),
        "symbols": len(kernel.tables.records),
        "too_long": [_text(name) for name in too_long],
        "table_bytes": {f"kallsyms_{name}": size for name, size in _table_sizes(kernel.tables).items()},
    }


def _table_sizes(tables: Tables) -> dict[str, int]:
    from elfsyms.pipeline.table_sizes import table_sizes  # noqa: PLC0415 (as above)

    return table_sizes(tables)


def _text(name: bytes) -> str:
    """Return a name as text, cut where it is longer than any that a table holds."""
    text = name[:_MOST_SHOWN].decode("utf-8", "backslashreplace")
    return text if len(name) <= _MOST_SHOWN else f"{text}... ({len(name):,} bytes)"
