# SPDX-License-Identifier: GPL-2.0-or-later
"""The words of ``elfsyms explain`` about a line that somebody pasted: whether it goes with this kernel."""

from __future__ import annotations

from typing import TYPE_CHECKING

from elfsyms.cli.render import field, name_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from elfsyms.cli.render import Line
    from elfsyms.inspect.explanation import Explanation, Gap, TraceAddress

__all__ = ["notes"]

_FEW = 4  # sizes


def notes(answer: Explanation) -> list[Line]:
    """Return what is to be said of the line, and of the address that it names; often nothing."""
    lines: list[Line] = []
    for text in (*_of_trace(answer), *_of_gap(answer.gap)):
        lines += field("note", text)
    return lines


def _of_trace(answer: Explanation) -> Iterator[str]:
    trace = answer.trace
    if trace is None:
        return
    name = name_text(trace.name)
    if trace.module:
        yield (
            f"{name} lies in the module {trace.module}, not in the kernel's own file: ask the module's .ko file, "
            "or symbolize the whole log"
        )
    elif not answer.symbols or (answer.address is not None and trace.offset is None):
        yield f"this kernel has no symbol {name}: the line is of another kernel, or of a module"
    if not trace.fits and trace.size is not None:
        yield f"{_sizes(trace)}: this line is of another kernel"
    elif len(answer.symbols) > 1 and trace.offset is not None and trace.size is None:
        yield "several symbols have this name; the size that a trace prints behind the offset would tell which"
    if trace.shift is not None and trace.shift != answer.kaslr:
        yield _shift(trace.shift, answer.kaslr)


def _sizes(trace: TraceAddress) -> str:
    """Say that the line's size is none of this kernel's."""
    sizes = [f"{size:#x}" for size in dict.fromkeys(trace.sizes)]
    shown = " or ".join(sizes[:_FEW]) + (" or others" if len(sizes) > _FEW else "")
    return f"{trace.size or 0:#x} is not {shown}"


def _shift(shift: int, kaslr: int) -> str:
    if shift < 0 or kaslr:
        return "the address of the line is not this kernel's address for it: the line is of another kernel"
    return (
        f"the address of the line lies {shift:#x} above the one in this file: --kaslr {shift:#x} goes with it"
    )


def _of_gap(gap: Gap | None) -> Iterator[str]:
    if gap is None:
        return
    before = name_text(gap.before)
    past = f"{gap.past:#x} past the end of {before}, {gap.size:,} bytes"
    if gap.kind == "past end":
        yield f"{past}: this kernel prints no such offset"
    elif gap.kind == "padding":
        yield f"{past}: padding{f', before {name_text(gap.after)}' if gap.after else ''}"
    else:
        yield f"no section of the file lies here: a hole, {past}"
