# SPDX-License-Identifier: GPL-2.0-or-later
"""``elfsyms diff A B [C]``: two or three link passes, or two kernels, and what changed between them."""

from __future__ import annotations

from collections import Counter
from pathlib import Path  # noqa: TC003 (typer reads annotations when it runs)
from typing import TYPE_CHECKING, Annotated

import typer

from elfsyms.cli import options
from elfsyms.cli.encode import encode
from elfsyms.cli.parameters import what_if
from elfsyms.cli.render import columns, field, line, name_text, show
from elfsyms.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from elfsyms.cli.render import Line
    from elfsyms.compare.difference import Change, Difference, Mode

app = options.application()

_FEW = 8  # examples of a kind, unless --all asks for more
_MODES: dict[bool, Mode] = {True: "passes", False: "kernels"}
_STATES = {"converged": "kept", "converges": "shadowed", "unsettled": "dropped", "oscillates": "dropped"}


@app.command()
@options.takes(what_if("release", "all_symbols", "config"), into="table")
def diff(
    a: Annotated[Path, typer.Argument(metavar="A", help="A vmlinux, a System.map, or a kallsyms object.")],
    b: Annotated[Path, typer.Argument(metavar="B", help="Another, of any of these kinds.")],
    c: Annotated[
        Path | None, typer.Argument(metavar="C", help="A third link pass, to tell whether they converge.")
    ] = None,
    passes: Annotated[
        bool | None,
        typer.Option(
            "--passes/--kernels", help="Link passes of one build, or two kernels (found, where not given)."
        ),
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Show every symbol, not examples.")] = False,
    glob: Annotated[
        str | None,
        typer.Option("--filter", metavar="GLOB", help="Only symbols whose name matches, as 'tcp_*'."),
    ] = None,
    lines: Annotated[
        bool,
        typer.Option("--lines", help="One line a symbol: + NAME, - NAME, ~ OLD NEW; functions, then data."),
    ] = False,
    *,
    table: options.TableArguments,
    json: options.Json = False,
) -> None:
    """Say what changed between two link passes, and why, or between two kernels.

    Exit code 0 if nothing did that reaches the tables, 1 otherwise.
    """
    if c is not None and passes is False:
        raise UsageError("three files are three link passes: leave out --kernels, or the third file")
    if lines and json:
        raise UsageError("--lines and --json are two forms of the same: give one of them")
    from elfsyms.compare.diff import diff as compare  # noqa: PLC0415 (numpy; not for a usage error)
    from elfsyms.compare.difference import filtered  # noqa: PLC0415 (as above)

    wanted = options.request(**table)
    answer = compare(a, b, c, request=wanted, mode=None if passes is None else _MODES[passes])
    if glob is not None:
        answer = filtered(answer, glob)
    if json:
        options.emit_json("elfsyms.diff/1", encode(answer))
    elif lines:
        show(_one_a_line(answer))
    else:
        few = None if everything else _FEW
        show(_passes(answer, few) if answer.mode == "passes" else _kernels(answer, few))
        if glob is not None:
            moved = ", and how many moved," if answer.mode == "passes" else ""
            show(
                field(
                    "filter",
                    f"only what matches {glob!r} is told; how many symbols a side has{moved} is of all",
                )
            )
    raise typer.Exit(0 if answer.same else 1)


def _one_a_line(answer: Difference) -> Iterable[Line]:
    """Show what was added, removed and renamed, a symbol a line: functions, then data behind an empty line."""
    functions, data = (_symbol_lines(answer, functions=which) for which in (True, False))
    yield from map(line, functions)
    if functions and data:
        yield [""]
    yield from map(line, data)


def _symbol_lines(answer: Difference, *, functions: bool) -> list[str]:
    removed = [f"- {name_text(c.name)}" for c in answer.removed if c.function == functions]
    added = [f"+ {name_text(c.name)}" for c in answer.added if c.function == functions]
    renamed = [r for r in (*answer.renamed, *answer.renumbered) if r.function == functions]
    return removed + added + [f"~ {name_text(r.old)} {name_text(r.new)}" for r in renamed]


def _passes(answer: Difference, few: int | None) -> Iterable[Line]:
    verdict = answer.verdict
    if verdict is None:
        return
    state, colon, rest = answer.summary.partition(":")
    yield [(state, _STATES[verdict.state]), colon + rest]
    if state == verdict.state:
        yield from field("why", verdict.reason)
    yield from _sides(answer)
    for label, changes in (("added", answer.added), ("removed", answer.removed)):
        yield from _by_cause(label, changes, few)
    crossed = [f"{name_text(x.name)}: {x.old or 'kept'} -> {x.new or 'kept'}" for x in answer.crossed]
    yield from _some("crossed", crossed, few)
    if verdict.state == "oscillates":
        yield from _some("flips", [name_text(name) for name in verdict.flipping], few)
    yield from _some("letter", [f"{name_text(r.name)}: {r.old} -> {r.new}" for r in answer.retyped], few)
    yield from _shifts(answer, few)


def _sides(answer: Difference) -> Iterable[Line]:
    for letter, side in zip("ABC", answer.sides, strict=False):
        yield from field(letter, f"{side.path} ({side.kind}, {side.title}): {side.symbols:,} symbols")


def _by_cause(label: str, changes: Sequence[Change], few: int | None) -> Iterable[Line]:
    groups: dict[str, list[str]] = {}
    for change in changes:
        dropped = f", not in the tables ({change.rule})" if change.rule else ""
        groups.setdefault(f"{change.cause.value}{dropped}", []).append(name_text(change.name))
    for cause, names in groups.items():
        yield from field(label, f"{len(names):,}: {cause}")
        yield from _some("", names, few)


def _shifts(answer: Difference, few: int | None) -> Iterable[Line]:
    """Show the runs of moved symbols, in address order."""
    rows = [("moved", "symbols", "from", "because")]
    rows += [
        (_signed(s.by), f"{s.count:,}", name_text(s.first)[:28], f"{_signed(s.step)} {s.cause.value}")
        for s in answer.shifts[:few]
    ]
    if len(rows) > 1:
        yield from _lines(columns(rows, "rr"))
    if few is not None and len(answer.shifts) > few:
        yield [f"  and {len(answer.shifts) - few:,} more runs (--all)"]


def _lines(texts: Iterable[str]) -> Iterable[Line]:
    for text in texts:
        yield [f"  {text}"]


def _kernels(answer: Difference, few: int | None) -> Iterable[Line]:
    yield [(answer.summary, "head")]
    if answer.relation is not None and answer.relation.sentence:
        yield from field("kernel", answer.relation.sentence)
    a, b = answer.sides
    yield from _sides(answer)
    yield from field(
        "code", f"{a.functions:,} -> {b.functions:,} functions: {_split(answer, functions=True)}"
    )
    others = f"{a.symbols - a.functions:,} -> {b.symbols - b.functions:,} others"
    yield from field("data", f"{others}: {_split(answer, functions=False)}")
    for label, changes, function in (
        ("lost", answer.removed, True),
        ("gained", answer.added, True),
        ("- data", answer.removed, False),
        ("+ data", answer.added, False),
    ):
        named = [name_text(change.name) for change in changes if change.function == function]
        yield from _some(label, sorted(named, key=_is_padding), few)
    yield from _renames(answer, few)
    from elfsyms.compare.counters import without_counters  # noqa: PLC0415 (numpy; not for a usage error)
    from elfsyms.image.demangle import demangled  # noqa: PLC0415 (as above)

    kin = (demangled(rename.old) or without_counters(rename.old) for rename in answer.renumbered)
    noise = Counter(name_text(name) if isinstance(name, bytes) else name for name in kin)
    yield from _some("counted", [f"{name}: {count:,}" for name, count in noise.most_common()], few)
    yield from _some("several", [name_text(name) for name in answer.ambiguous], few)
    letters = Counter(f"{r.old} -> {r.new}" for r in answer.retyped)
    yield from _some("letter", [f"{kind}: {count:,}" for kind, count in letters.most_common()], few)


def _split(answer: Difference, *, functions: bool) -> str:
    gained = sum(change.function == functions for change in answer.added)
    lost = sum(change.function == functions for change in answer.removed)
    return f"+{gained:,} -{lost:,}"


def _renames(answer: Difference, few: int | None) -> Iterable[Line]:
    """Show renames by kind, the most frequent first, each with an example."""
    kinds = Counter(rename.kinds for rename in answer.renamed)
    likely = sorted(answer.renamed, key=lambda rename: _is_padding(name_text(rename.old)))
    examples = {rename.kinds: rename for rename in reversed(likely)}
    for index, (kind, count) in enumerate(kinds.most_common(few)):
        one = examples[kind]
        text = f"{count:,} {kind}, as {name_text(one.old)} -> {name_text(one.new)}"
        yield from field("" if index else "renamed", text)
    if few is not None and len(kinds) > few:
        yield from field("", f"and {len(kinds) - few:,} more kinds (--all)")


def _is_padding(name: str) -> bool:
    """Tell the prefix symbols of functions from the functions themselves, which are what one wants to see."""
    return name.startswith(("__pfx_", "__cfi_"))


def _some(label: str, texts: list[str], few: int | None) -> Iterable[Line]:
    """Show texts one after the other, and how many more there are."""
    if not texts:
        return
    shown = texts if few is None else texts[:few]
    more = f", and {len(texts) - len(shown):,} more of {len(texts):,}" if len(shown) < len(texts) else ""
    yield from field(label, ", ".join(shown) + more)


def _signed(number: int) -> str:
    return f"{'-' if number < 0 else '+'}{abs(number):#x}"
