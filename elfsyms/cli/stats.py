# SPDX-License-Identifier: GPL-2.0-or-later
"""``elfsyms stats VMLINUX``: what the tables cost, by table, by option, by token, plain and compressed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from elfsyms.cli import streams
from elfsyms.cli.encode import encode
from elfsyms.cli.parameters import table_arguments
from elfsyms.cli.render import columns, field, name_text, on_terminal, show, width

if TYPE_CHECKING:
    from collections.abc import Iterable

    from elfsyms.cli.quick import Job
    from elfsyms.cli.render import Line
    from elfsyms.inspect.size import Cost, OptionCost

_FEW = 8  # tokens and names, unless --all asks for more
_BEFORE_NAME = 26  # columns: the figures of a long name


def stats(job: Job) -> int:
    """Show the bytes that the tables take, and what makes them take that."""
    given, file = job.given, job.named_file
    wanted = streams.request(**table_arguments(given))
    from elfsyms.cli.module_text import module_of, stats_module  # noqa: PLC0415 (as above)
    from elfsyms.cli.symbol_text import refuse_text  # noqa: PLC0415 (numpy; not for a usage error)
    from elfsyms.decode.opening import open_kernel  # noqa: PLC0415 (as above)
    from elfsyms.inspect.size import cost  # noqa: PLC0415 (numpy; not for a usage error)

    other = any(given[field] for field in ("pack", "everything", "json"))
    module = module_of(file, given, other=other)
    code = module_of(file, given | {"all_symbols": False})
    if module is not None and code is not None:
        stats_module(module, code)
        return 0
    refuse_text(file, "stats")
    with open_kernel(file, wanted, given["system_map"]) as kernel:
        streams.say_findings(kernel.findings, verbose=given["verbose"])
        answer = cost(kernel, pack=given["pack"])
    if given["json"]:
        tables = {f"kallsyms_{table.table}": table.size for table in answer.tables}
        streams.emit_json("elfsyms.stats/1", encode(answer) | {"tables": tables})
    else:
        show(_page(answer, None if given["everything"] else _FEW))
    return 0


def _page(answer: Cost, few: int | None) -> Iterable[Line]:
    what = "tables with padding" if answer.padding else "tables"  # what the main job counts has none
    yield [(f"{answer.file}: {answer.symbols:,} symbols, {answer.total:,} bytes of {what}", "head")]
    yield from field("as of", f"release {answer.release}, {' '.join(answer.options) or 'no options'}")
    yield from _block(_table_rows(answer), "rrr")
    yield []
    yield from field("names", _names_text(answer))
    yield from field(
        "long", f"{answer.long_names:,} names of over 127 bytes take {answer.long_bytes:,} bytes"
    )
    yield from _block(_option_rows(answer), "rrr")
    if answer.packed:
        yield from _block(_packed_rows(answer), "rrr")
    yield from _block(_token_rows(answer, few), "rrr")
    yield from _block(_name_rows(answer), "rrr")


def _block(rows: list[tuple[str, ...]], right: str) -> Iterable[Line]:
    """Show a table below an empty line, its first row as a heading, columns aligned right but the last."""
    yield []
    head, *rest = columns(rows, right)
    yield ["  ", (head, "head")]
    for line in rest:
        yield [f"  {line}"]


def _table_rows(answer: Cost) -> list[tuple[str, ...]]:
    rows = [
        (f"{t.size:,}", _share(t.size, answer.total), _each(t.size, answer), f"kallsyms_{t.table}")
        for t in answer.tables
    ]
    rows.append((f"{answer.padding:,}", _share(answer.padding, answer.total), "", "padding between them"))
    whole = (f"{answer.total:,}", "100.0%", _each(answer.total, answer), "in all")
    return [("bytes", "share", "a symbol", "table"), *rows, whole]


def _names_text(answer: Cost) -> str:
    saved = answer.plain_names - answer.names
    return (
        f"{answer.plain_names:,} bytes uncompressed; {len(answer.tokens)} tokens save {saved:,} "
        f"({_share(saved, answer.plain_names)})"
    )


def _option_rows(answer: Cost) -> list[tuple[str, ...]]:
    return [("with", "without", "costs", "option"), *(_option_row(option) for option in answer.option_costs)]


def _option_row(option: OptionCost) -> tuple[str, ...]:
    symbols = (option.symbols_with or 0) - (option.symbols_without or 0)
    more = f", {symbols:,} symbols" if option.difference is not None and symbols else ""
    here = "in force" if option.given else "not in force"
    return (
        _number(option.bytes_with),
        _number(option.bytes_without),
        _number(option.difference),
        f"{option.option} ({here}){more}",
    )


def _packed_rows(answer: Cost) -> list[tuple[str, ...]]:
    rows = [
        (
            _number(p.size),
            _share(p.size or 0, answer.total) if p.size else "",
            _each(p.size or 0, answer),
            p.method + (f": {p.missing}" if p.missing else ""),
        )
        for p in answer.packed
    ]
    return [("bytes", "share", "a symbol", "compressed, as a kernel image is"), *rows]


def _token_rows(answer: Cost, few: int | None) -> list[tuple[str, ...]]:
    rows = [(f"{t.saved:,}", f"{t.uses:,}", f"{t.code:#04x}", name_text(t.text)) for t in answer.tokens[:few]]
    return [("saves", "uses", "code", f"token, of {len(answer.tokens)}"), *rows]


def _name_rows(answer: Cost) -> list[tuple[str, ...]]:
    rows = [
        (f"{len(n.name):,}", f"{n.codes:,}", f"{n.size:,}", _short(name_text(n.name)))
        for n in answer.longest[:_FEW]
    ]
    return [("length", "codes", "bytes", "longest names"), *rows]


def _short(name: str) -> str:
    """Cut a name in the middle on a terminal that it does not fit, so that its end, which tells most, stays."""
    room = width() - _BEFORE_NAME
    half = room // 2 - 2
    return name if len(name) <= room or not on_terminal() else f"{name[:half]}...{name[-half:]}"


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f}%" if whole else ""


def _each(size: int, answer: Cost) -> str:
    return f"{size / answer.symbols:.2f}" if answer.symbols and size else ""


def _number(value: int | None) -> str:
    return "-" if value is None else f"{value:,}"
