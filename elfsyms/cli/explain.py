# SPDX-License-Identifier: GPL-2.0-or-later
"""``elfsyms explain VMLINUX WHAT...``: the verdict first, then where and what it is, then what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from elfsyms.cli import streams
from elfsyms.cli.parameters import table_arguments
from elfsyms.cli.progress import step
from elfsyms.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from elfsyms.cli.parameters import Given
    from elfsyms.cli.quick import Job
    from elfsyms.detect.request import Request
    from elfsyms.inspect.explain import Explainer
    from elfsyms.inspect.explanation import Explanation

_MOST_SOURCES = 3  # questions whose functions' sources are told unasked
_MOST_PAGES = 8  # answers that are told in full, unless --verbose asks for more


def explain(job: Job) -> int:
    """Say why a symbol is in the tables, or is not: the verdict, what and where it is, and what to do.

    The options of the table ask "what if", as --no-all-symbols or --release 6.1. Leaves with 0 where all that
    was asked for is kept, 1 where any is dropped, 3 where any is not there.
    """
    given = job.given
    wanted = streams.request(**table_arguments(given))
    from elfsyms.cli.questions import NO_QUESTION, read_questions  # noqa: PLC0415 (not for --help)
    from elfsyms.cli.running import file_or_running  # noqa: PLC0415 (as above)

    if job.file is None and given["source"] is None:
        raise UsageError(NO_QUESTION)
    file, what = file_or_running(job.file, given["what"])
    questions = read_questions(what, given["source"])
    from elfsyms.cli.module_text import explain_module, module_of  # noqa: PLC0415 (numpy; not for a usage error)
    from elfsyms.cli.symbol_text import explain_text, text_of  # noqa: PLC0415 (numpy; not for a usage error)

    if given["json"] and given["modules"]:
        raise UsageError("--json says nothing of modules: give it, or --modules")
    module = module_of(file, given, other=bool(given["json"] or given["kaslr"]))
    if module is not None:
        return explain_module(module, questions)
    text = text_of(file)
    if text is not None:
        return explain_text(text, questions, given)
    return _explain_kernel(file, wanted, questions, given)


def _explain_kernel(file: Path, wanted: Request, questions: list[str], given: Given) -> int:
    """Explain of a kernel's file; return the exit code."""
    from elfsyms.decode.opening import open_kernel  # noqa: PLC0415 (numpy; not for a usage error)
    from elfsyms.inspect.explain import Explainer  # noqa: PLC0415 (as above)
    from elfsyms.inspect.kaslr_offset import checked_offset, read_offset  # noqa: PLC0415 (as above)
    from elfsyms.trace.sources import Sources  # noqa: PLC0415 (as above)

    verbose = given["verbose"]
    moved = 0 if given["kaslr"] is None else read_offset(given["kaslr"])
    with open_kernel(file, wanted, given["system_map"]) as kernel:
        streams.say_findings(kernel.findings, verbose=verbose)
        kaslr = checked_offset(moved, kernel.image.abi)
        wants = len(questions) <= _MOST_SOURCES if given["dwarf"] is None else given["dwarf"]
        sources = Sources(kernel, _tell) if wants else None
        explainer = Explainer(kernel, tokens=given["tokens"] or verbose, kaslr=kaslr, sources=sources)
        explainer.most_units = None if verbose else explainer.most_units
        answers = [explainer.explain(one) for one in questions]
        _print(explainer, answers, verbose=verbose, json=given["json"])
        if given["modules"]:
            from elfsyms.cli.render import show  # noqa: PLC0415 (numpy; not for a usage error)
            from elfsyms.cli.shared_names import also_in_modules, asked_names, module_names  # noqa: PLC0415 (as above)

            asked = asked_names(answers)
            names = module_names(given["modules"], all_symbols=kernel.options.all_symbols, naming=asked)
            show(also_in_modules(explainer, asked, names))
        if kernel.symbols_from == "tables" and any(answer.fate.value == "absent" for answer in answers):
            streams.say(
                f"elfsyms: {file} has no symbols but those in its tables: with --map, the System.map of its "
                "build, a symbol that was dropped gets its rule"
            )
    return max(map(_exit_code, answers))


def _tell(done: int, count: int) -> None:
    """Tell who looks how far a function's units were read."""
    step(f"{done:,} of {count:,} entries of the name read")


def _print(explainer: Explainer, answers: list[Explanation], *, verbose: bool, json: bool) -> None:
    if json:
        from elfsyms.cli.explain_json import text  # noqa: PLC0415 (one or the other)

        streams.emit_all(text(explainer, answers, tokens=explainer.maker.tokens))
        return
    from elfsyms.cli.explain_rows import row_pages  # noqa: PLC0415 (one or the other)
    from elfsyms.cli.explain_text import pages  # noqa: PLC0415 (as above)
    from elfsyms.cli.render import show  # noqa: PLC0415 (as above)

    many = len(answers) > _MOST_PAGES and not verbose
    show(row_pages(explainer.kernel, answers) if many else pages(explainer.kernel, answers, verbose=verbose))


def _exit_code(answer: Explanation) -> int:
    return {"kept": 0, "shadowed": 0, "dropped": 1, "absent": 3}[answer.fate.value]
