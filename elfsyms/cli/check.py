# SPDX-License-Identifier: GPL-2.0-or-later
"""``elfsyms check [VMLINUX] --needs FILE``: whether a kernel has the names that a tool relies on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from elfsyms.cli import streams
from elfsyms.cli.parameters import table_arguments
from elfsyms.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from elfsyms.cli.quick import Job
    from elfsyms.cli.render import Line
    from elfsyms.inspect.needs import Answer


def check(job: Job) -> int:
    """Say of each name that a tool relies on whether this kernel has it, and may trace it as the tool does.

    Leaves with 1 where one is missing; each then has the rule, and what would bring it, at what cost.
    """
    given, needs = job.given, job.given["needs"]
    if needs is None:
        raise UsageError("nothing to check: give the names that a tool needs with --needs FILE")
    wanted = streams.request(**table_arguments(given))
    from elfsyms.cli.questions import read_lines  # noqa: PLC0415 (numpy; not for --help)
    from elfsyms.cli.running import kernel_file  # noqa: PLC0415 (as above)
    from elfsyms.cli.symbol_text import refuse_text  # noqa: PLC0415 (as above)
    from elfsyms.decode.opening import open_kernel  # noqa: PLC0415 (as above)
    from elfsyms.inspect.needs import answers, parse_needs  # noqa: PLC0415 (as above)

    asked = parse_needs(read_lines(needs), str(needs))
    path = kernel_file(job.file)
    refuse_text(path, "check")
    with open_kernel(path, wanted) as kernel:
        streams.say_findings(kernel.findings, verbose=given["verbose"])
        found = list(answers(kernel, asked))
        if given["json"]:
            body = {"file": str(kernel.image.path), "release": kernel.release.name}
            streams.emit_json("elfsyms.check/1", {**body, "needs": [_as_dict(answer) for answer in found]})
        else:
            from elfsyms.cli.render import show  # noqa: PLC0415 (as above)

            show(_lines(found))
    return 0 if all(answer.met for answer in found) else 1


def _as_dict(answer: Answer) -> dict[str, object]:
    told = {name: getattr(answer, name) for name in ("met", "rule", "reason", "fix", "bytes", "known")}
    return {"need": str(answer.need), **told}


def _lines(found: list[Answer]) -> Iterator[Line]:
    """Yield a line an answer, with reason and fix below those that are not met, and the count."""
    from elfsyms.cli.explain_text import fix_text  # noqa: PLC0415 (numpy; not for --help)
    from elfsyms.cli.render import field  # noqa: PLC0415 (as above)

    for answer in found:
        line: Line = [(str(answer.need), "head"), "  "]
        fate = "missing" if answer.known else "not known"
        line += [("met", "kept")] if answer.met else [(fate, "dropped"), "  ", (answer.rule, "rule")]
        yield line
        if not answer.met:
            yield from field("why", answer.reason)
            yield from field("fix", answer.fix if answer.dropped is None else fix_text(answer.dropped))
    missing = sum(not answer.met for answer in found)
    yield [f"{len(found) - missing} of {len(found)} needs are met"]
