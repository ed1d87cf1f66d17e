# SPDX-License-Identifier: GPL-2.0-or-later
"""``elfsyms verify VMLINUX``: the tables inside a kernel against .symtab, or a running one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from elfsyms.cli import streams
from elfsyms.cli.encode import encode
from elfsyms.cli.parameters import table_arguments
from elfsyms.cli.render import field, name_text, show
from elfsyms.compare.reasons import likely_reason
from elfsyms.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from elfsyms.cli.quick import Job
    from elfsyms.cli.render import Line
    from elfsyms.compare.shifts import Shift
    from elfsyms.compare.verification import Unmatched, Verification
    from elfsyms.pipeline.kernel import Kernel

_FEW = 8  # examples of a kind, unless --all asks for more


def verify(job: Job) -> int:
    """Compare the tables inside a kernel with its own symbol table, under its own release's rules.

    Exit code 0 if they are equal, 1 if they differ.
    """
    given, proc_kallsyms, exact = job.given, job.given["proc_kallsyms"], job.given["exact"]
    wanted = streams.request(**table_arguments(given))
    from elfsyms.cli.running import kernel_file  # noqa: PLC0415 (numpy; not for a usage error)
    from elfsyms.decode.opening import open_kernel  # noqa: PLC0415 (as above)

    file = kernel_file(job.file)
    with open_kernel(file, wanted, given["system_map"]) as kernel:
        streams.say_findings(kernel.findings, verbose=given["verbose"])
        if kernel.symbols_from == "tables" and proc_kallsyms is None:
            raise UsageError(
                f"{file} has no symbols to compare its tables with: give --map with the System.map of its build, "
                "or --proc-kallsyms"
            )
        answer = _compare(kernel, proc_kallsyms, exact=exact)
    if given["json"]:
        streams.emit_json("elfsyms.verify/1", encode(answer) | _reasons(answer))
    else:
        show(_page(answer, None if given["everything"] else _FEW, exact=exact))
    return 0 if answer.equal else 1


def _compare(kernel: Kernel, proc_kallsyms: Path | None, *, exact: bool) -> Verification:
    from elfsyms.compare import verify as library  # noqa: PLC0415 (as above)

    if proc_kallsyms is not None:
        return library.verify_running(kernel, proc_kallsyms)
    return library.verify(kernel, exact=exact)


def _page(answer: Verification, few: int | None, *, exact: bool) -> Iterable[Line]:
    verdict = ("equal", "kept") if answer.equal else ("differs", "dropped")
    yield [verdict, f"  {answer.file}: {answer.against}, {answer.found:,} symbols"]
    yield from _cause(answer)
    options = " ".join(answer.options) or "no options"
    yield from field("expected", f"{answer.expected:,} symbols, release {answer.release}, {options}")
    yield from _running(answer)
    if answer.unmapped:
        yield from field(
            "no map", f"{answer.unmapped:,} more symbols, of kinds that mksysmap leaves out of the map"
        )
    if exact and answer.equal:
        yield from field("bytes", "those that elfsyms makes of .symtab, in every table")
    for label, texts in _findings(answer):
        yield from _examples(label, texts, few)


def _cause(answer: Verification) -> Iterable[Line]:
    """Say first what the differences come from, where that is proven."""
    relation = answer.relation
    if relation is not None and relation.kind in ("same", "moved", "hidden"):
        yield from field("kernel", relation.sentence)
    if likely_reason(answer):
        yield from field("why", likely_reason(answer))


def _running(answer: Verification) -> Iterable[Line]:
    """Say what was found of the kernel that runs."""
    if not answer.running:
        return
    if answer.kaslr is not None:
        yield from field("kaslr", f"moved by {_signed(answer.kaslr)}" if answer.kaslr else "not moved")
    if answer.unseen:
        count = "all" if answer.hidden else f"{answer.unseen:,}"
        yield from field("hidden", f"{count} addresses, shown as zero; names, letters and order are compared")
        yield from field("", "read it as root, or with kernel.kptr_restrict=0, to compare addresses too")
    if answer.modules:
        yield from field("modules", f"{answer.modules:,} {_lines(answer.modules)} set aside")
    if answer.unread:
        yield from field("unread", f"{answer.unread:,} {_lines(answer.unread)} of the text show no symbol")


def _lines(count: int) -> str:
    return "line" if count == 1 else "lines"


def _findings(answer: Verification) -> Iterable[tuple[str, list[str]]]:
    """Yield each kind of difference with a text for each symbol."""
    yield "broken", [fault.sentence for fault in answer.faults]
    yield "missing", [_symbol_text(symbol) for symbol in answer.missing]
    yield "extra", [_symbol_text(symbol) for symbol in answer.extra]
    yield "address", [_shift_text(shift) for shift in answer.moved]
    yield "letter", [f"{name_text(r.name)}: {r.expected} expected, {r.found} found" for r in answer.retyped]
    yield "order", [f"{name_text(name)} stands out of order" for name in answer.disordered]


def _examples(label: str, texts: list[str], few: int | None) -> Iterable[Line]:
    for index, text in enumerate(texts[:few]):
        yield from field("" if index else label, text)
    if few is not None and len(texts) > few:
        yield from field("", f"and {len(texts) - few:,} more of {len(texts):,} (--all)")


def _symbol_text(symbol: Unmatched) -> str:
    from elfsyms.compare.causes import Cause  # noqa: PLC0415 (as above)

    why = "" if symbol.cause is Cause.OTHER else f", {symbol.cause.value}"
    return f"{name_text(symbol.name)} ({symbol.letter} at {symbol.address:#x}{why})"


def _shift_text(shift: Shift) -> str:
    name = name_text(shift.first)
    if shift.count == 1:
        return f"{name}: {shift.was:#x} expected, {shift.now:#x} found ({_signed(shift.by)})"
    return f"{shift.count:,} symbols from {name} on: {_signed(shift.by)} ({shift.was:#x} to {shift.now:#x})"


def _signed(number: int) -> str:
    from elfsyms.compare.relation import signed_hex  # noqa: PLC0415 (numpy; not for a usage error)

    return signed_hex(number)


def _running_facts(answer: Verification) -> dict[str, Any]:
    kaslr = None if answer.kaslr is None else _signed(answer.kaslr).removeprefix("+")
    relation = answer.relation
    return {
        "relation": relation.kind if relation else "part",
        "kernel": relation.sentence if relation else "",
        "hidden": answer.hidden,
        "hidden_addresses": answer.unseen,
        "kaslr": kaslr,
        "modules": answer.modules,
        "unread": answer.unread,
    }


def _reasons(answer: Verification) -> dict[str, Any]:
    """Return what is concluded from an answer."""
    running = _running_facts(answer) if answer.running else None
    return {"explanation": likely_reason(answer), "running": running}
