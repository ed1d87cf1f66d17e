# SPDX-License-Identifier: GPL-2.0-or-later
"""``explain`` and ``list`` of what is no vmlinux: a System.map, or a copy of ``/proc/kallsyms``."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any, BinaryIO

from elfsyms.cli.parameters import kernel_options
from elfsyms.cli.render import columns, field, line, name_text, show
from elfsyms.cli.streams import emit, emit_json
from elfsyms.errors import InputError, NotThereError, UsageError
from elfsyms.files import open_input
from elfsyms.inspect.symbol_text import parse_symbol_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from elfsyms.cli.parameters import Given
    from elfsyms.cli.render import Line
    from elfsyms.inspect.globs import NameFilter
    from elfsyms.inspect.symbol_text import Listed, SymbolText, TextAnswer

__all__ = ["explain_text", "list_text", "refuse_text", "text_of"]

_START = 1 << 16  # bytes that are looked at before a file is read whole
_MOST, _PIECE = 1 << 30, 1 << 20
_FEW = 4
_ROWS = ("duplicates", "where", "columns", "csv", "tsv")  # what asks for columns that no text has


def text_of(path: Path) -> SymbolText | None:
    """Return a text of symbols; None for a file of another kind, or one that cannot be read: others tell why."""
    try:
        if path.is_dir() or path.is_char_device():
            return None
        with open_input(path) as stream:
            start = stream.read(_START)
            if b"\0" in start or parse_symbol_text(path, start[: start.rfind(b"\n") + 1]) is None:
                return None
            return parse_symbol_text(path, start + _rest(stream))
    except OSError:
        return None


def _rest(stream: BinaryIO) -> bytes:
    """Read up to the end, but not more than anything real has, in pieces: a read reserves what it is told to."""
    return b"".join(islice(iter(lambda: stream.read(_PIECE), b""), _MOST // _PIECE))


def refuse_text(path: Path, command: str) -> None:
    """Raise :class:`InputError` for a text of symbols, with what takes it."""
    if text_of(path) is not None:
        raise InputError(
            f"{path} is a text of symbols, which does not tell what was left out of it: 'elfsyms list' and "
            f"'elfsyms explain' take it; give {command} the vmlinux"
        )


def _refuse_options(text: SymbolText, given: Given, *others: str) -> None:
    """Raise :class:`UsageError` for options that a text's answer would not follow; ``others`` are more flags."""
    if given["kaslr"] is not None:
        raise UsageError(f"{text.path} does not tell which symbols move: --kaslr goes with a vmlinux")
    flags = [*others, *kernel_options(given)]
    if flags:
        go = "go" if len(flags) > 1 else "goes"
        raise UsageError(f"{text.path} is a text of symbols: {' and '.join(flags)} {go} with a vmlinux")


def explain_text(text: SymbolText, questions: Sequence[str], given: Given) -> int:
    """Answer questions about a text; return the exit code: 0, or 3 where anything is absent."""
    _refuse_options(text, given)
    answers = [text.explain(question) for question in questions]
    if given["json"]:
        facts = {"file": str(text.path), "answers": [_facts(answer) for answer in answers]}
        emit_json("elfsyms.explain-text/1", facts)
    else:
        show(_pages(text, answers))
    return 0 if all(answer.symbols for answer in answers) else 3


def list_text(text: SymbolText, only: NameFilter, given: Given) -> None:
    """Print the lines of a text whose names are wanted, as they are, or as JSON."""
    _refuse_options(text, given, *(f"--{field}" for field in _ROWS if given[field] not in (None, False, [])))
    wanted = only.marks(text.records).nonzero()[0].tolist()
    if not wanted:
        raise NotThereError(f"no symbol in {text.path} matches {only.given}")
    if given["json"]:
        rows = [_row(text, at) for at in wanted]
        emit_json("elfsyms.list-text/1", {"file": str(text.path), "symbols": rows})
        return
    emit("".join(f"{_line(text, at)}\n" for at in wanted))


def _line(text: SymbolText, at: int) -> str:
    """Return a line as ``/proc/kallsyms`` has it."""
    module = f"\t[{text.modules[at]}]" if text.modules[at] else ""
    wide = text.digits
    address = f"{int(text.records.address[at]):0{wide}x}" if text.records.defined[at] else " " * wide
    name = text.records.name(at).decode("utf-8", "surrogateescape")
    return f"{address} {chr(text.records.letter[at])} {name}{module}"


def _row(text: SymbolText, at: int) -> dict[str, Any]:
    return {
        "address": f"{int(text.records.address[at]):#x}" if text.records.defined[at] else None,
        "letter": chr(text.records.letter[at]),
        "name": name_text(text.records.name(at)),
        "module": text.modules[at] or None,
    }


def _pages(text: SymbolText, answers: Sequence[TextAnswer]) -> Iterator[Line]:
    if text.hidden:
        yield from field(
            "note", "this text was read by somebody who may not see addresses: it tells names alone", indent=0
        )
    for number, answer in enumerate(answers):
        if number:
            yield [""]
        yield from _page(text, answer)


def _page(text: SymbolText, answer: TextAnswer) -> Iterator[Line]:
    if not answer.symbols:
        yield [f"{answer.what.strip()}  ", ("absent", "absent")]
        for near in answer.near[:_FEW]:
            yield from field("near", f"{name_text(near.name)}: {near.why}")
        yield from field("note", f"{text.path.name} does not tell why: ask the vmlinux that it was made of")
        return
    if not answer.fits:
        sizes = " or ".join(f"{symbol.extent or 0:#x}" for symbol in answer.symbols[:_FEW])
        yield from field("note", f"{answer.size:#x} is not {sizes}: this line is of another kernel")
    if len(answer.symbols) > _FEW:
        yield from map(line, columns([_cells(symbol, answer) for symbol in answer.symbols]))
        return
    for symbol in answer.symbols:
        yield from _symbol(symbol, answer)


def _symbol(symbol: Listed, answer: TextAnswer) -> Iterator[Line]:
    module = f"  in module {symbol.module}" if symbol.module else ""
    yield [(name_text(symbol.name), "head"), "  ", ("listed", "kept"), module]
    size = "" if symbol.extent is None else f"; {symbol.extent:#x} bytes up to the next symbol"
    yield from field("address", f"{symbol.address:#x}, letter {symbol.letter}{size}")
    if answer.offset is not None:
        past = symbol.extent is not None and answer.offset >= symbol.extent
        yield from field(
            "offset",
            f"+{answer.offset:#x}, at {symbol.address + answer.offset:#x}{', past its end' if past else ''}",
        )
    if symbol.same_name > 1:
        yield from field("sympos", f"{symbol.sympos} of {symbol.same_name} symbols of this name")
    if symbol.aliases:
        more = f" and {symbol.alias_count - _FEW} more" if symbol.alias_count > _FEW else ""
        yield from field("aliases", ", ".join(map(name_text, symbol.aliases[:_FEW])) + more)


def _cells(symbol: Listed, answer: TextAnswer) -> tuple[str, ...]:
    number = f"sympos {symbol.sympos} of {symbol.same_name}" if symbol.same_name > 1 else ""
    address = symbol.address + (answer.offset or 0)
    return f"{address:#x}", symbol.letter, name_text(symbol.name), number, symbol.module


def _facts(answer: TextAnswer) -> dict[str, Any]:
    return {
        "what": answer.what,
        "verdict": "listed" if answer.symbols else "absent",
        "offset": answer.offset,
        "size": answer.size,
        "fits": answer.fits,
        "symbols": [
            {
                "address": f"{symbol.address:#x}",
                "letter": symbol.letter,
                "name": name_text(symbol.name),
                "module": symbol.module or None,
                "sympos": symbol.sympos,
                "same_name": symbol.same_name,
                "aliases": list(map(name_text, symbol.aliases)),
                "alias_count": symbol.alias_count,
                "extent": symbol.extent,
            }
            for symbol in answer.symbols
        ],
        "near": [{"name": name_text(near.name), "why": near.why} for near in answer.near],
    }
