# SPDX-License-Identifier: GPL-2.0-or-later
"""The words of ``elfsyms explain``: explanations as lines of text.

One symbol is shown in full, first what a reader asks first; where a glob or a name stands for many, each has a
line. What only the generator cares for is in ``explain_details.py``, behind ``--verbose``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from elfsyms.cli.explain_details import details
from elfsyms.cli.explain_rows import rows
from elfsyms.cli.explain_source import source_lines
from elfsyms.cli.explain_trace import notes
from elfsyms.cli.explain_tracing import tracing
from elfsyms.cli.explain_words import CLASSES, DECIDERS
from elfsyms.cli.render import field, name_text
from elfsyms.image.demangle import demangled
from elfsyms.inspect.explanation import Fate
from elfsyms.inspect.globs import is_glob

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from elfsyms.cli.render import Line
    from elfsyms.inspect.explanation import Explanation, SymbolFacts
    from elfsyms.pipeline.kernel import Kernel
    from elfsyms.releases.rules import Rule

__all__ = ["fix_text", "pages"]

_IN_FULL = 3  # symbols of one answer that are told in full
_MOST_NEAR = 8
_FEW_ALIASES = 4

# By where the kernel's symbols are from.
_NOT_BUILT = "inlined, left out as unused, lies in a module, or was never built."
_ABSENT = {
    "symtab": f"The file cannot tell more: what has no entry in .symtab was {_NOT_BUILT}",
    "tables": f"The tables cannot tell more: what they do not have was dropped when they were made, {_NOT_BUILT}",
    "map": f"The map cannot tell more: what it does not have was dropped when it was made, {_NOT_BUILT}",
}
_NO_MATCH = {
    "symtab": "No symbol that nm lists has such a name.",
    "tables": "No symbol of the tables has such a name.",
    "map": "No symbol of the map has such a name.",
}
_NO_SYMBOL = "Debug information knows the function; it has no entry in .symtab."
_NOWHERE = "No section of the file holds this address, and no symbol of the tables lies below it in one."
_MOVED = (
    "This address looks moved: KASLR may put this kernel there. Give the offset with --kaslr, as a number or as "
    "dmesg's line 'Kernel Offset: 0x...'."
)
_SHADOWED = "none needed to find it by name; by address, the kernel only ever reports the first alias"


def pages(kernel: Kernel, answers: Sequence[Explanation], *, verbose: bool = False) -> Iterator[Line]:
    """Yield the lines of some answers, an empty one between them."""
    for number, answer in enumerate(answers):
        if number:
            yield [""]
        yield from _answer(kernel, answer, verbose=verbose)


def _answer(kernel: Kernel, answer: Explanation, *, verbose: bool) -> Iterator[Line]:
    if answer.address is not None and (answer.trace is None or answer.trace.offset is None):
        yield from _address(kernel, answer, verbose=verbose)
    elif not answer.symbols:
        yield [f"{answer.what.strip()}  ", ("absent", "absent")]
        yield from source_lines(answer.source)
        yield from _near(answer)
        told = answer.source is not None and answer.source.definitions
        source = kernel.symbols_from
        absent = _NO_MATCH[source] if is_glob(answer.what) else _NO_SYMBOL if told else _ABSENT[source]
        yield from notes(answer) or field("note", absent)
    elif len(answer.symbols) > _IN_FULL and not verbose:
        yield from rows(kernel, answer)
        yield from notes(answer)
    else:
        yield from _position(answer)
        yield from _in_full(kernel, answer, verbose=verbose)
        yield from _near(answer, "also")


def _in_full(kernel: Kernel, answer: Explanation, *, verbose: bool) -> Iterator[Line]:
    """Tell symbols in full, an empty line between them."""
    for number, facts in enumerate(answer.symbols):
        if number:
            yield [""]
        yield from _symbol(kernel, facts, answer.kaslr)
        yield from source_lines(answer.source, answer.objects[number] if answer.objects else "")
        if verbose:
            yield from details(kernel, facts)


def _position(answer: Explanation) -> Iterator[Line]:
    """Tell what stands at an address in a trace, above the symbol that it names."""
    if answer.address is None:
        yield from notes(answer)
        return
    yield _address_head(answer)
    yield from _lookup(answer)
    yield from notes(answer)


def _address(kernel: Kernel, answer: Explanation, *, verbose: bool) -> Iterator[Line]:
    """Tell what a trace shows for an address, then the symbols that are there."""
    if not answer.symbols:
        yield [f"{answer.what.strip()}  ", ("absent", "absent")]
        yield from field("note", _MOVED) if answer.looks_moved else notes(answer) or field("note", _NOWHERE)
        return
    yield _address_head(answer)
    yield from _lookup(answer)
    yield from notes(answer)
    if len(answer.symbols) > _IN_FULL and not verbose:
        yield from rows(kernel, answer)
    else:
        yield from _in_full(kernel, answer, verbose=verbose)


def _address_head(answer: Explanation) -> Line:
    address = answer.address or 0
    running = f"{address + answer.kaslr:#x}, linked at " if answer.kaslr else ""
    return [(f"{running}{address:#x}", "head")]


def _lookup(answer: Explanation) -> Iterator[Line]:
    """Tell what a trace shows, and where that misleads."""
    found = answer.lookup
    if found is None:
        return
    yield from field("trace", f"shows {name_text(found.name)}+{found.offset:#x}")
    if found.symbol not in [symbol.symbol for symbol in answer.symbols[:_FEW_ALIASES]]:
        names = ", ".join(name_text(symbol.name) for symbol in answer.symbols[:_IN_FULL])
        yield from field("note", f"the address belongs to {names}, which the trace cannot show")


def _symbol(kernel: Kernel, facts: SymbolFacts, kaslr: int) -> Iterator[Line]:
    """Tell one symbol: the verdict, where and what it is, which of several, and what to do."""
    yield _head(kernel, facts)
    if rust := demangled(facts.name):
        yield from field("Rust", rust)
    if facts.rule:
        yield from field("why", _why(kernel, facts))
    yield from field("address", _where(facts, kaslr))
    yield from field("size", _size(facts))
    yield from field("type", _type(facts))
    if facts.position and len(facts.position.same_name) > 1:
        position = facts.position
        yield from field("sympos", f"{position.sympos} of {len(position.same_name)} symbols of this name")
    yield from _aliases(kernel, facts)
    if facts.encoding and facts.encoding.problem:
        yield from field("problem", facts.encoding.problem)
    yield from _what_to_do(facts)
    yield from tracing(facts)


def _head(kernel: Kernel, facts: SymbolFacts) -> Line:
    line: Line = [(name_text(facts.name), "head"), "  ", (facts.fate.value, facts.fate.value)]
    if facts.rule:
        line += ["  ", (_rule(facts.rule), "rule")]
    elif facts.position and facts.position.shadowed:
        line += [f"  by {name_text(kernel.symbols.name(facts.position.aliases[0]))}"]
    return line


def _rule(rule: Rule) -> str:
    return f"{rule.id} {rule.slug}"


def _why(kernel: Kernel, facts: SymbolFacts) -> str:
    """Say what dropped it: the rule's reason, with the line of a tree's own script where there is one."""
    rule = facts.rule
    if rule is None:
        return ""
    limit = kernel.release.name_limit
    length = f": {len(facts.name)} bytes, of at most {limit}" if rule.id == "KS302" and limit else ""
    line = f" ({rule.file}: {rule.text})" if rule.text else ""
    return f"{rule.reason}{length}{line}"


def _where(facts: SymbolFacts, kaslr: int) -> str:
    section = f" in {facts.section}" if facts.section.startswith(".") else f" ({facts.section})"
    section = section if facts.section else ""
    if kaslr and facts.moves:
        return f"{facts.value + kaslr:#x}{section}, linked at {facts.value:#x}"
    return f"{facts.value:#x}{section}{', which KASLR does not move' if kaslr else ''}"


def _size(facts: SymbolFacts) -> str:
    """Say how large it is, by the file and, where that differs, by the kernel, which counts to the next symbol."""
    own = f"{facts.size:,} bytes ({facts.size:#x})" if facts.size else "0 in the file"
    if facts.extent is None or facts.extent == facts.size:
        return own
    return f"{own}; {facts.extent:#x} in a trace, up to the next symbol"


def _type(facts: SymbolFacts) -> str:
    letter = facts.table_letter or facts.letter
    source = f", from {facts.source}" if facts.source else ""
    return f"{facts.type} {facts.binding}, letter {letter}{CLASSES[facts.kind]}{source}"


def _aliases(kernel: Kernel, facts: SymbolFacts) -> list[Line]:
    """Tell the symbols at the same address, and which of them the kernel reports."""
    position = facts.position
    if position is None or len(position.aliases) == 1:
        return []
    others = [name_text(kernel.symbols.name(i)) for i in position.aliases if i != facts.symbol]
    more = f" and {len(others) - _FEW_ALIASES} more" if len(others) > _FEW_ALIASES else ""
    text = f"{', '.join(others[:_FEW_ALIASES])}{more}"
    if position.shadowed:
        first = name_text(kernel.symbols.name(position.aliases[0]))
        text += f"; {first} sorts first: {DECIDERS[position.decided_by]}"
    return field("aliases", text)


def _what_to_do(facts: SymbolFacts) -> Iterator[Line]:
    """Tell the fix of what is dropped, and how to name what several share."""
    if facts.rule is not None:
        yield from field("fix", fix_text(facts))
    elif facts.fate is Fate.SHADOWED:
        yield from field("fix", _SHADOWED)
    if facts.probe is not None:
        probe = facts.probe
        yield from field(
            "probe",
            f"today's kernels refuse a kprobe by a name that several symbols have (older ones take the first): "
            f"probe {name_text(probe.anchor)}+{probe.offset:#x}",
        )


def fix_text(facts: SymbolFacts) -> str:
    """Say what would keep it, at what cost, and whether that is enough."""
    rule = facts.rule
    if rule is None:
        return ""
    text = rule.fix
    if rule.stage == "range":
        about = "about" if facts.cost.estimated else "at most"
        text += f"; costs {about} {facts.cost.total} bytes here"
        text += f", and {facts.affected - 1:,} other symbols come with it"
    if facts.next_rule is not None:
        text += f"; but then {_rule(facts.next_rule)} drops it: {facts.next_rule.reason}"
    return text


def _near(answer: Explanation, label: str = "near") -> list[Line]:
    """List what else may be meant; for a name that is there, only what the compiler made of it."""
    own = {symbol.name for symbol in answer.symbols}
    near = list({n.name: n for n in answer.near if not own or n.name.startswith(tuple(own))}.values())
    lines: list[Line] = []
    for one in near[:_MOST_NEAR]:
        fate = Fate.DROPPED.value if one.rule else Fate.KEPT.value
        lines += field("" if lines else label, f"{name_text(one.name)}: {one.why}", fate)
    if len(near) > _MOST_NEAR:
        lines += field("", f"and {len(near) - _MOST_NEAR} more")
    return lines
