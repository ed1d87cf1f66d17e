# SPDX-License-Identifier: GPL-2.0-or-later
"""The generator's ``write_src``: which tables it prints, in which order, and by which statements.

The function is a row of steps: what it prints first, then one table after another (its label, the statements that
print its contents, an empty line), and a few statements between. The tables' order is read from it; what prints a
table is compared with what is known (``known_parts.py``). A table may move only where it finds what it needs:
markers are known once the names are printed, and sequences are printed last, since they sort the symbols.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from elfsyms.detect.csource import CError, Token, statements

if TYPE_CHECKING:
    from elfsyms.detect.csource import Definition

__all__ = ["Step", "Written", "read_written"]

_LABEL = "kallsyms_"
_EMPTY_LINE = ["printf", "(", '"\\n"', ")", ";"]
_UNCOMPRESSED = ["if", "(", "uncompressed", ")", "return", ";"]
_COMPRESSED = ["if", "(", "!", "uncompressed", ")", "{"]
_EITHER = ["if", "(", "!", "base_relative", ")"]
_RELATIVE = ["if", "(", "base_relative", ")", "{"]
_TOKENS = ("token_table", "token_index")

# What must have been done before a step; names of steps are those of tables, or as :func:`_name_step` has them.
_NEEDS: dict[str, tuple[str, ...]] = {
    "names": ("markers room",),
    "markers": ("names",),
    "markers freed": ("markers",),
    "token_index": ("token_table",),
    "sort": ("names", "addresses", "offsets"),
    "seqs_of_names": ("names", "sort"),
}


@dataclass(slots=True)
class Step:
    """One step: its name, the line where it begins, and the statements that make it up."""

    name: str
    line: int
    statements: list[tuple[Token, ...]] = field(default_factory=list)


@dataclass(slots=True)
class Written:
    """All steps; ``tables`` are the labels in their order, ``sized`` those with a ``.size``."""

    steps: list[Step] = field(default_factory=list)
    tables: list[str] = field(default_factory=list)
    sized: list[str] = field(default_factory=list)
    knows_uncompressed: bool = False


def read_written(function: Definition) -> Written:
    """Read the function; raises :class:`CError` at what is not a table's or known between tables."""
    found = Written()
    _read(statements(function.body), found, guarded=False)
    _check_order(found)
    return found


def _read(body: list[tuple[Token, ...]], found: Written, *, guarded: bool) -> None:
    step: Step | None = None
    if not found.steps:
        found.steps.append(Step("head", body[0][0].line if body else 0))
    for statement in body:
        texts = [token.text for token in statement]
        if texts == _UNCOMPRESSED:
            found.knows_uncompressed, guarded, step = True, True, None
        elif texts[:6] == _COMPRESSED and texts[-1] == "}" and "else" not in texts:
            found.knows_uncompressed = True
            _read(statements(statement[6:-1]), found, guarded=True)
        elif names := _labels(texts):
            step = _begin(found, names, statement, guarded=guarded)
            if texts[:5] == _RELATIVE:
                step.statements, step = [statement], None
        elif step is None:
            _between(found, statement, texts)
        elif (sized := _sized(texts)) is not None:
            if sized != step.name:
                raise CError(statement[0].line, "the size of another table")
            found.sized.append(sized)
        else:
            step.statements.append(statement)
            step = None if texts == _EMPTY_LINE else step


def _between(found: Written, statement: tuple[Token, ...], texts: list[str]) -> None:
    """Take a statement that is of no table."""
    name = _name_step(texts)
    if name:
        found.steps.append(Step(name, statement[0].line, [statement]))
    elif not found.tables:
        found.steps[0].statements.append(statement)
    else:
        raise CError(statement[0].line, "a statement between tables that is not known")


def _begin(found: Written, names: list[str], statement: tuple[Token, ...], *, guarded: bool) -> Step:
    if guarded != (found.knows_uncompressed and names[0] in _TOKENS):
        raise CError(statement[0].line, "uncompressed tables are not all but those of tokens")
    if set(names) & set(found.tables):
        raise CError(statement[0].line, "a table that is printed twice")
    found.tables += names
    found.steps.append(Step("|".join(names), statement[0].line))
    return found.steps[-1]


def _labels(texts: list[str]) -> list[str]:
    """Return the tables whose label a statement prints: one, or the two that stand for each other."""
    labels = [texts[at + 2] for at, text in enumerate(texts[:-2]) if text == "output_label"]
    names = [label[1:-1].removeprefix(_LABEL) for label in labels if label.startswith(f'"{_LABEL}')]
    if len(names) != len(labels) or not names:
        return []
    calls = [["output_label", "(", label, ")", ";"] for label in labels]
    alone = texts == calls[0]
    either = len(calls) == 2 and texts == [*_EITHER, *calls[0], "else", *calls[1]]
    inside = texts[:5] == _RELATIVE and texts[5:10] == calls[0] and texts[-6:] == [*_EMPTY_LINE, "}"]
    return names if alone or either or inside else []


def _sized(texts: list[str]) -> str | None:
    """Return the table whose size a statement prints."""
    if len(texts) != 5 or not texts[2].startswith(f'".size {_LABEL}'):
        return None
    name = texts[2].removeprefix(f'".size {_LABEL}').partition(",")[0]
    whole = f'".size {_LABEL}{name}, . - {_LABEL}{name}\\n"'
    return name if texts == ["printf", "(", whole, ")", ";"] else None


def _name_step(texts: list[str]) -> str:
    """Name what stands between tables by what it does; empty for what is not known."""
    if texts == ["sort_symbols_by_name", "(", ")", ";"]:
        return "sort"
    if texts == ["free", "(", "markers", ")", ";"]:
        return "markers freed"
    if texts[:2] == ["markers", "="]:
        return "markers room"
    if texts[:2] == ["markers_cnt", "="]:
        return "markers count"
    return "markers missing" if texts[:5] == ["if", "(", "!", "markers", ")"] else ""


def _check_order(found: Written) -> None:
    """Refuse an order in which a step comes before what it needs."""
    done: set[str] = set()
    all_names = {name for step in found.steps for name in step.name.split("|")}
    for step in found.steps:
        for name in step.name.split("|"):
            missing = [need for need in _NEEDS.get(name, ()) if need in all_names - done]
            late = "sort" in done and name in ("names", "addresses", "offsets", "markers")
            if missing or late:
                why = (
                    f"{step.name} is printed before {missing[0]}"
                    if missing
                    else "the symbols are sorted anew"
                )
                raise CError(step.line, f"an order of tables in which {why}")
            done.add(name)
