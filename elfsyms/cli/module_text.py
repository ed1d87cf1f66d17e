# SPDX-License-Identifier: GPL-2.0-or-later
"""A module's file (``.ko``) in ``list``, ``explain``, ``ledger``, ``stats``: what reaches ``/proc/kallsyms``."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from elfsyms.cli.parameters import kernel_options
from elfsyms.cli.render import columns, field, line, name_text, show, wrapped
from elfsyms.cli.streams import emit
from elfsyms.errors import UsageError
from elfsyms.image.module import is_module_path, open_module
from elfsyms.inspect.globs import name_pattern
from elfsyms.inspect.module_symbols import KEPT, module_symbols
from elfsyms.inspect.objects import file_entries
from elfsyms.inspect.pasted import asked_glob, has_words, parse_pasted, words
from elfsyms.printable import printable
from elfsyms.releases.trace_rules import TRACE_RULES
from elfsyms.releases.versions import format_version

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from elfsyms.cli.parameters import Given
    from elfsyms.cli.render import Line
    from elfsyms.inspect.globs import NameFilter
    from elfsyms.inspect.module_symbols import ModuleSymbols

__all__ = [
    "duplicates_module",
    "explain_module",
    "ledger_module",
    "list_module",
    "module_of",
    "stats_module",
]


def module_of(file: Path, given: Given, *, other: bool = False) -> ModuleSymbols | None:
    """Return the symbols of a module's file, None for another file; all data too unless told otherwise.

    Raises :class:`UsageError` where options are ``given`` that are a kernel's, or ``other`` that no module has.
    """
    if not is_module_path(file):
        return None
    if other or set(kernel_options(given)) - {"--all-symbols", "--no-all-symbols"}:
        raise UsageError(f"{file} is a module: it goes with names, --duplicates and --no-all-symbols alone")
    return module_symbols(open_module(file), all_symbols=given["all_symbols"] is not False)


def list_module(module: ModuleSymbols, only: NameFilter) -> bool:
    """Print a module's lines, offsets in sections for addresses; return False where there is none."""
    kept = zip(module.kept(), module.lines(), strict=True)
    text = b"".join(one + b"\n" for entry, one in kept if only.wants(module.table.name(entry)))
    emit(text)
    return bool(text)


def duplicates_module(module: ModuleSymbols, only: NameFilter) -> bool:
    """Print the names that several symbols of a module have, numbered as a live patch counts them."""
    numbers = module.numbers()
    files = file_entries(module.table)
    several = [entry for entry, (_, count) in numbers.items() if count > 1]
    several = [entry for entry in several if only.wants(module.table.name(entry))]
    several.sort(key=lambda entry: (module.table.name(entry), numbers[entry]))
    rows = [
        (
            f"{int(module.offset[entry]):0{module.table.abi.bits // 4}x}",
            chr(module.letters[entry]),
            name_text(module.table.name(entry)),
            f"{numbers[entry][0]} of {numbers[entry][1]}",
            module.table.section_name(entry),
            name_text(module.table.name(int(files[entry]))),
        )
        for entry in several
    ]
    show(map(line, columns(rows, "rl r") if rows else []))
    return bool(rows)


def stats_module(module: ModuleSymbols, code: ModuleSymbols) -> None:
    """Print what a module's symbols take of its memory; ``code`` has what a kernel without all symbols keeps."""
    sizes, kept = module.memory(), len(module.kept())
    total = sum(sizes.values())
    rows = [(f"{size:,}", f"{100 * size / total:.1f}%", what) for what, size in sizes.items()]
    head, *rest = columns([("bytes", "share", "of"), *rows], "rr")
    letters = Counter(chr(module.letters[entry]) for entry in module.kept())
    lines: list[Line] = [
        [
            (
                f"{module.name}: {kept:,} of {len(module.table) - 1:,} symbols, {total:,} bytes of its memory",
                "head",
            )
        ],
        *field("as of", f"release {format_version(module.version)}"),
        *field("letters", ", ".join(f"{count:,} {letter}" for letter, count in sorted(letters.items()))),
        *field(
            "code",
            f"{len(code.kept()):,} symbols, {sum(code.memory().values()):,} bytes, without "
            "CONFIG_KALLSYMS_ALL",
        ),
        [],
        ["  ", (head, "head")],
        *(line(f"  {one}") for one in rest),
    ]
    show(lines)


def ledger_module(module: ModuleSymbols) -> None:
    """Print how many entries each rule leaves behind; the sum is all there are."""
    counts = module.counts()
    kept = counts.pop("kept")
    reasons = {rule.id: f"{rule.slug}: {rule.reason}" for rule in TRACE_RULES}
    rows = [(f"{count:,}", name, reasons[name]) for name, count in sorted(counts.items())]
    rows += [(f"{kept:,}", "", "kept: in /proc/kallsyms once the module has started")]
    rows += [(f"{len(module.table):,}", "", f"entries of .symtab of {module.name}")]
    show(map(line, wrapped(rows, "r")))


def explain_module(module: ModuleSymbols, questions: list[str]) -> int:
    """Say of names, globs or lines of a trace whether they reach ``/proc/kallsyms``; return the exit code."""
    code = 0
    lines: list[Line] = []
    for what in questions:
        found, offset = _meant(module, what)
        dropped = any(module.rule[entry] != KEPT for entry in found)
        code = max(code, 3 if not found else int(dropped))
        lines += [line for entry in found for line in _symbol(module, entry, offset)]
        if not found:
            lines.append([f"{printable(what)}  ", ("absent", "absent")])
    show(lines)
    return code


def _meant(module: ModuleSymbols, what: str) -> tuple[list[int], int | None]:
    """Return the entries that a question means, and the offset in them where a trace has one."""
    found = module.table.find(what.encode("utf-8", "surrogateescape"))
    if found:
        return found, None
    if glob := asked_glob(what):
        pattern = name_pattern(glob)
        return [
            entry for entry in range(1, len(module.table)) if pattern.match(module.table.name(entry))
        ], None
    pasted = parse_pasted(what)
    if pasted is not None:
        return module.table.find(pasted.name.encode()) if pasted.name else [], pasted.offset
    named = (module.table.find(word.encode()) for word in words(what) if has_words(what))
    return next(filter(None, named), []), None


def _symbol(module: ModuleSymbols, entry: int, offset: int | None) -> Iterator[Line]:
    index = int(module.rule[entry])
    head: Line = [(name_text(module.table.name(entry)), "head"), f" [{module.name}]  "]
    if index == KEPT:
        yield [*head, ("kept", "kept")]
    else:
        rule = TRACE_RULES[index]
        yield [*head, ("dropped", "dropped"), "  ", (f"{rule.id} {rule.slug}", "rule")]
        yield from field("why", rule.reason)
    section, begin = module.table.section_name(entry), int(module.offset[entry])
    yield from field("where", f"{begin:#x} in {section}, letter {chr(module.letters[entry])}")
    if offset is not None:
        yield from field("offset", f"+{offset:#x}, at {begin + offset:#x} in {section}")
    if index != KEPT:
        yield from field("fix", TRACE_RULES[index].fix)
