# SPDX-License-Identifier: GPL-2.0-or-later
"""``elfsyms ledger VMLINUX``: every entry of ``.symtab`` accounted for, and the sum."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from elfsyms.cli import streams
from elfsyms.cli.encode import encode
from elfsyms.cli.parameters import table_arguments
from elfsyms.errors import UsageError

if TYPE_CHECKING:
    from elfsyms.cli.quick import Job
    from elfsyms.cli.render import Line
    from elfsyms.inspect.ledger import Ledger
    from elfsyms.pipeline.kernel import Kernel

# What the entries are of, by where the kernel's symbols came from.
_OF = {
    "symtab": "of .symtab",
    "tables": "of the tables in the file",
    "map": "of the map",
}
_VIEWS = ("rule", "section", "letter", "class")


def ledger(job: Job) -> int:
    """Account for every entry of .symtab: kept, and dropped by which rule. It always adds up."""
    given, file = job.given, job.named_file
    view, row, json = given["view"], given["row"], given["json"]
    if view not in _VIEWS:
        raise UsageError(f"--by is {', '.join(_VIEWS[:-1])} or {_VIEWS[-1]}, not {view!r}")
    wanted = streams.request(**table_arguments(given))
    from elfsyms.cli.module_text import ledger_module, module_of  # noqa: PLC0415 (numpy; not for a usage error)
    from elfsyms.cli.symbol_text import refuse_text  # noqa: PLC0415 (as above)
    from elfsyms.decode.opening import open_kernel  # noqa: PLC0415 (numpy; not for a usage error)

    module = module_of(file, given, other=json or row is not None or view != "rule")
    if module is not None:
        ledger_module(module)
        return 0
    refuse_text(file, "ledger")
    with open_kernel(file, wanted, given["system_map"]) as kernel:
        streams.say_findings(kernel.findings, verbose=given["verbose"])
        if row is not None:
            _print_row(kernel, row, json=json)
        else:
            _print_ledger(kernel, view, json=json)
    return 0


def _print_ledger(kernel: Kernel, view: str, *, json: bool) -> None:
    from elfsyms.cli.render import show  # noqa: PLC0415 (numpy; not for a usage error)
    from elfsyms.inspect.ledger import ledger  # noqa: PLC0415 (as above)

    account = ledger(kernel)
    if json:
        streams.emit_json("elfsyms.ledger/1", _head(kernel) | _facts(account))
    else:
        show(_by_rule(account, _OF[kernel.symbols_from]) if view == "rule" else _by_group(account, view))


def _by_rule(account: Ledger, of: str) -> list[Line]:
    """Return the rows of the account, the sum under a line, and the remarks."""
    from elfsyms.cli.render import wrapped  # noqa: PLC0415 (as above)

    rows = [(f"{account.kept:,}", "kept", "in the tables")]
    rows += [(f"{r.count:,}", f"{r.rule.id} {r.rule.slug}", r.rule.reason) for r in account.dropped]
    rows += [(f"{account.entries:,}", "entries", of)]
    *body, total = wrapped(rows, "r")
    lines: list[Line] = [[text] for text in body]
    lines += [["-" * max(len(row[0]) for row in rows)], [(total, "head")]]
    if account.remarks:
        lines += [[""], ["Where stock's answer, given here too, is not what the file says:"]]
        lines += _remarks(account)
    return lines


def _remarks(account: Ledger) -> list[Line]:
    from elfsyms.cli.render import line, wrapped  # noqa: PLC0415 (as above)

    rows = [(f"{r.count:,}", r.slug, r.text) for r in account.remarks]
    return [line(text) for text in wrapped(rows, "r")]


def _by_group(account: Ledger, view: str) -> list[Line]:
    from elfsyms.cli.render import columns  # noqa: PLC0415 (as above)

    rows = [(view, "entries", "kept", "dropped")]
    rows += [(r.key, f"{r.total:,}", f"{r.kept:,}", f"{r.dropped:,}") for r in account.groups[view]]
    rows += [("all", f"{account.entries:,}", f"{account.kept:,}", f"{account.dropped_total:,}")]
    texts = columns(rows, " rrr")
    body: list[Line] = [[text] for text in texts[1:-1]]
    return [[(texts[0], "head")], *body, ["-" * max(map(len, texts))], [(texts[-1], "head")]]


def _print_row(kernel: Kernel, row: str, *, json: bool) -> None:
    """List the symbols behind a row: address, letter, section, name."""
    from elfsyms.cli.render import columns, name_text, show  # noqa: PLC0415 (as above)
    from elfsyms.inspect.ledger import entries_of  # noqa: PLC0415 (as above)
    from elfsyms.inspect.sections import section_name  # noqa: PLC0415 (as above)

    table = kernel.symbols
    rows = [
        (
            f"{int(table.value[i]):#x}",
            chr(kernel.listing.letters[i]),
            section_name(kernel, i),
            name_text(table.name(i)),
        )
        for i in entries_of(kernel, row)
    ]
    if json:
        names = ("address", "nm_letter", "section", "name")
        symbols = [dict(zip(names, cells, strict=True)) for cells in rows]
        streams.emit_json("elfsyms.ledger-row/1", _head(kernel) | {"row": row, "symbols": symbols})
        return
    lines: list[Line] = [[text] for text in columns(rows)] if rows else []
    show([*lines, [(f"{len(rows):,} entries", "head")]])


def _head(kernel: Kernel) -> dict[str, Any]:
    return {
        "file": str(kernel.image.path),
        "release": kernel.release.name,
        "options": list(kernel.options.given()),
    }


def _facts(account: Ledger) -> dict[str, Any]:
    groups = {
        f"by_{name}": [{name: r.key, "entries": r.total, "kept": r.kept, "dropped": r.dropped} for r in rows]
        for name, rows in account.groups.items()
    }
    facts: dict[str, Any] = encode(account)
    return facts | groups
