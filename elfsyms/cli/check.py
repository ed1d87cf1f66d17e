# SPDX-License-Identifier: GPL-2.0-or-later
"""``elfsyms check [VMLINUX] --needs FILE``: whether a kernel has the names that a tool relies on."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path  # noqa: TC003 (typer reads the annotations as it runs)
from typing import TYPE_CHECKING, Annotated

import typer

from elfsyms.cli import options

if TYPE_CHECKING:
    from collections.abc import Iterator

    from elfsyms.cli.render import Line
    from elfsyms.inspect.needs import Answer

app = options.application()


@app.command()
@options.takes_table_options
def check(
    file: Annotated[
        Path | None,
        typer.Argument(
            metavar="VMLINUX", help="A vmlinux, vmlinuz, boot.img; the running kernel's where not given."
        ),
    ] = None,
    needs: Annotated[
        Path | None,
        typer.Option(
            "--needs",
            metavar="FILE",
            help="Names, one a line: _text, kprobe:schedule, fentry:..., ftrace:..., livepatch:...; - for input.",
        ),
    ] = None,
    *,
    table: options.TableArguments,
    verbose: options.Verbose = False,
    json: options.Json = False,
) -> None:
    """Say of each name that a tool relies on whether this kernel has it, and may trace it as the tool does.

    Leaves with 1 where one is missing; each then has the rule, and what would bring it, at what cost.
    """
    from elfsyms.errors import UsageError  # noqa: PLC0415 (as below)

    if needs is None:
        raise UsageError("nothing to check: give the names that a tool needs with --needs FILE")
    wanted = options.request(**table)
    from elfsyms.cli.questions import read_lines  # noqa: PLC0415 (numpy; not for --help)
    from elfsyms.cli.running import kernel_file  # noqa: PLC0415 (as above)
    from elfsyms.cli.symbol_text import refuse_text  # noqa: PLC0415 (as above)
    from elfsyms.decode.opening import open_kernel  # noqa: PLC0415 (as above)
    from elfsyms.inspect.needs import answers, parse_needs  # noqa: PLC0415 (as above)

    asked = parse_needs(read_lines(needs), str(needs))
    path = kernel_file(file)
    refuse_text(path, "check")
    with open_kernel(path, wanted) as kernel:
        options.say_findings(kernel.findings, verbose=verbose)
        found = list(answers(kernel, asked))
        if json:
            body = {"file": str(kernel.image.path), "release": kernel.release.name}
            options.emit_json("elfsyms.check/1", {**body, "needs": [_as_dict(answer) for answer in found]})
        else:
            from elfsyms.cli.render import show  # noqa: PLC0415 (as above)

            show(_lines(found))
    if not all(answer.met for answer in found):
        raise typer.Exit(1)


def _as_dict(answer: Answer) -> dict[str, object]:
    return {**asdict(answer), "need": str(answer.need)}


def _lines(found: list[Answer]) -> Iterator[Line]:
    """Yield a line an answer, with reason and fix below those that are not met, and the count."""
    from elfsyms.cli.render import field  # noqa: PLC0415 (as above)

    for answer in found:
        line: Line = [(str(answer.need), "head"), "  "]
        fate = "missing" if answer.known else "not known"
        line += [("met", "kept")] if answer.met else [(fate, "dropped"), "  ", (answer.rule, "rule")]
        yield line
        if not answer.met:
            yield from field("why", answer.reason)
            cost = f"; costs at most {answer.bytes} bytes here" if answer.bytes else ""
            yield from field("fix", f"{answer.fix}{cost}")
    missing = sum(not answer.met for answer in found)
    yield [f"{len(found) - missing} of {len(found)} needs are met"]
