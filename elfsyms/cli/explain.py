# SPDX-License-Identifier: GPL-2.0-or-later
"""``elfsyms explain VMLINUX WHAT...``: the verdict first, then each stage's evidence, then the cure."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 (typer reads the annotations as it runs)
from typing import TYPE_CHECKING, Annotated

import typer

from elfsyms.cli import options

if TYPE_CHECKING:
    from elfsyms.inspect.explanation import Explanation
    from elfsyms.pipeline.kernel import Kernel

app = options.application()


@app.command()
@options.takes_table_options
def explain(
    file: Annotated[Path, typer.Argument(metavar="VMLINUX", help="A vmlinux with .symtab.")],
    what: Annotated[
        list[str],
        typer.Argument(
            metavar="WHAT...", help="A name, a glob, an address, or a place in a trace (schedule+0x2e)."
        ),
    ],
    spell: Annotated[
        bool,
        typer.Option(
            "--bytes", help="Work out bytes and tokens, where no tables inside the file tell (0.5 s)."
        ),
    ] = False,
    *,
    table: options.TableArguments,
    verbose: options.Verbose = False,
    json: options.Json = False,
) -> None:
    """Say why a symbol is in the tables, or is not: the rule that decided, the evidence, and a cure.

    The options of the table ask "what if", as --no-all-symbols or --release 6.1. Leaves with 0 where all that
    was asked for is kept, 1 where any is dropped, 3 where any is not there.
    """
    wanted = options.request(**table)
    from elfsyms.inspect.explain import Explainer  # noqa: PLC0415 (numpy; not for a usage error)
    from elfsyms.pipeline.kernel import load_with  # noqa: PLC0415 (as above)

    with load_with(file, wanted) as kernel:
        options.say_findings(kernel.findings, verbose=verbose)
        explainer = Explainer(kernel, spell=spell)
        answers = [explainer.explain(one) for one in what]
        _print(kernel, answers, json=json)
    raise typer.Exit(max(map(_exit_code, answers)))


def _print(kernel: Kernel, answers: list[Explanation], *, json: bool) -> None:
    if json:
        from elfsyms.cli.explain_json import facts  # noqa: PLC0415 (one or the other)

        options.emit_json("elfsyms.explain/1", facts(kernel, answers))
    else:
        from elfsyms.cli.explain_text import pages  # noqa: PLC0415 (one or the other)
        from elfsyms.cli.render import show  # noqa: PLC0415 (as above)

        show(pages(kernel, answers))


def _exit_code(answer: Explanation) -> int:
    return {"kept": 0, "shadowed": 0, "dropped": 1, "absent": 3}[answer.fate.value]
