# SPDX-License-Identifier: GPL-2.0-or-later
"""The words of ``elfsyms explain``: explanations as lines of text.

One symbol is told in full; where a glob or a name stands for many, each has a line.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from elfsyms.cli.render import columns, field, name_text
from elfsyms.image.symbols import SymbolClass
from elfsyms.inspect.explanation import Fate
from elfsyms.inspect.globs import is_glob

if TYPE_CHECKING:
    from collections.abc import Sequence

    from elfsyms.cli.render import Line
    from elfsyms.inspect.explanation import Encoding, Explanation, Step, SymbolFacts
    from elfsyms.pipeline.kernel import Kernel
    from elfsyms.releases.rules import Rule

__all__ = ["pages"]

_IN_FULL = 3  # symbols of one answer that are told in full
_MOST_NEAR = 8

_STAGE_LABELS = {"nm": "nm", "map": "sysmap", "read": "read", "range": "range", "valid": "names"}
_CLASSES = {
    SymbolClass.RELATIVE: "",
    SymbolClass.ABSOLUTE: ", an absolute number",
    SymbolClass.PERCPU: ", per-CPU",
    SymbolClass.UNDEFINED: ", undefined",
}
_DECIDERS = {
    "weak": "weak symbols stand last",
    "linker script": "names that a linker script makes (__start_..., ..._end) stand behind",
    "underscores": "fewer leading underscores stand first",
    "map": "nm lists it first, by name",
}
_ABSENT = (
    "The file cannot tell more: what has no entry in .symtab was inlined, left out as unused, lies in a "
    "module, or was never built."
)
_NO_MATCH = "No symbol that nm lists has such a name."
_NOWHERE = "No section of the file holds this address, and no symbol of the tables lies below it in one."
_SHADOWED = "none needed to find it by name; by address, the kernel only ever reports the first alias"


def pages(kernel: Kernel, answers: Sequence[Explanation]) -> list[Line]:
    """Return the lines of some answers, an empty one between them."""
    lines: list[Line] = []
    for answer in answers:
        lines += [[""]] if lines else []
        lines += _answer(kernel, answer)
    return lines


def _answer(kernel: Kernel, answer: Explanation) -> list[Line]:
    if answer.address is not None:
        return _address(kernel, answer)
    if not answer.symbols:
        note = _NO_MATCH if is_glob(answer.what) else _ABSENT
        return [[f"{answer.what}  ", ("absent", "absent")], *_near(answer), *field("note", note)]
    if len(answer.symbols) > _IN_FULL:
        return [*_rows(kernel, answer.symbols), _sum(answer.symbols)]
    return [*_in_full(kernel, answer.symbols), *_near(answer, "also")]


def _in_full(kernel: Kernel, symbols: Sequence[SymbolFacts]) -> list[Line]:
    """Tell symbols in full, an empty line between them."""
    lines: list[Line] = []
    for symbol in symbols:
        lines += [[""]] if lines else []
        lines += _symbol(kernel, symbol)
    return lines


def _address(kernel: Kernel, answer: Explanation) -> list[Line]:
    """Tell what a trace shows for an address, then the symbols that are there."""
    if not answer.symbols:
        return [[f"{answer.what}  ", ("absent", "absent")], *field("note", _NOWHERE)]
    lines: list[Line] = [[(f"{answer.address:#x}", "head")]]
    if answer.lookup:
        found = answer.lookup
        lines += field("trace", f"shows {name_text(found.name)}+{found.offset:#x}")
        if found.symbol not in [symbol.symbol for symbol in answer.symbols]:
            lines += field("note", _misled(answer.symbols))
    lines += _in_full(kernel, answer.symbols[:_IN_FULL])
    return lines + _rows(kernel, answer.symbols[_IN_FULL:])


def _misled(symbols: Sequence[SymbolFacts]) -> str:
    names = ", ".join(name_text(symbol.name) for symbol in symbols[:_IN_FULL])
    return f"the address belongs to {names}, which the trace cannot show"


def _symbol(kernel: Kernel, facts: SymbolFacts) -> list[Line]:
    lines = [_head(kernel, facts), *field("symtab", _entry(facts))]
    for step in facts.steps:
        if step.reached:
            verdict = "dropped" if step.rule else "kept"
            lines += field(_STAGE_LABELS[step.stage], _said(kernel, facts, step), verdict)
    if facts.map_rule is not None and not kernel.release.map_is_input:
        lines += field("", f"({_rule(facts.map_rule)} keeps it out of System.map only)")
    return [*lines, *_tables(kernel, facts), *_cure(facts)]


def _head(kernel: Kernel, facts: SymbolFacts) -> Line:
    line: Line = [(name_text(facts.name), "head"), "  ", (facts.fate.value, facts.fate.value)]
    if facts.rule:
        line += ["  ", (_rule(facts.rule), "rule")]
    elif facts.place and facts.place.shadowed:
        line += [f"  by {name_text(kernel.symbols.name(facts.place.aliases[0]))}"]
    return line


def _rule(rule: Rule) -> str:
    return f"{rule.id} {rule.slug}"


def _entry(facts: SymbolFacts) -> str:
    return f"#{facts.symbol}  {facts.type} {facts.binding} {facts.section} {facts.value:#x} size {facts.size}"


def _said(kernel: Kernel, facts: SymbolFacts, step: Step) -> str:
    """Say what a stage saw."""
    reason = step.rule.reason if step.rule else "no rule matches"
    if step.stage == "nm" and step.rule is None:
        return f"{facts.letter}{_CLASSES[facts.kind]}"
    if step.stage == "read":
        limit = kernel.release.name_limit
        return f"{len(facts.name)} bytes{f' of at most {limit}' if limit else ''}; {reason}"
    return _range(kernel, facts, step) if step.stage == "range" else reason


def _range(kernel: Kernel, facts: SymbolFacts, step: Step) -> str:
    if step.rule is not None and step.rule.id != "KS501":
        return step.rule.reason
    ranges = ", ".join(f"{first}..{last}" for first, last in kernel.release.ranges)
    if kernel.options.all_symbols:
        return "kept wherever it lies (--all-symbols)"
    if facts.region is not None:
        return f"in {facts.region[0]}..{facts.region[1]}"
    return f"not in {ranges}" if step.rule else "kept wherever it lies, by its name (__start_, __stop_)"


def _tables(kernel: Kernel, facts: SymbolFacts) -> list[Line]:
    """Tell where a kept symbol stands, how its address is encoded, and what it costs."""
    place = facts.place
    if place is None or facts.encoding is None:
        return []
    lines = field("place", f"{place.index + 1:,} of {place.count:,}{_among_aliases(kernel, facts)}")
    if len(place.namesakes) > 1:
        lines += field("sympos", f"{place.sympos} of {len(place.namesakes)} symbols of this name")
    lines += field("address", _encoding(kernel, facts.encoding))
    if facts.spelling is None:
        return [*lines, *field("bytes", f"at most {facts.cost.total}; --bytes works them out")]
    tokens = " ".join(map(_token, facts.spelling.texts))
    cost = facts.cost
    sequence = f", {cost.sequence} sequence" if cost.sequence else ""
    lines += field("tokens", tokens)
    return [*lines, *field("bytes", f"{cost.total}: {cost.address} address, {cost.name} name{sequence}")]


def _token(text: bytes) -> str:
    return name_text(text)


def _among_aliases(kernel: Kernel, facts: SymbolFacts) -> str:
    place = facts.place
    if place is None or len(place.aliases) == 1:
        return ""
    number = f"; alias {place.aliases.index(facts.symbol) + 1} of {len(place.aliases)} at its address"
    if not place.shadowed:
        others = [name_text(kernel.symbols.name(i)) for i in place.aliases[1:4]]
        more = "..." if len(place.aliases) > 4 else ""
        return f"{number}, before {', '.join(others)}{more}"
    first = name_text(kernel.symbols.name(place.aliases[0]))
    return f"{number}: {first} stands first, {_DECIDERS[place.decided_by]}"


def _encoding(kernel: Kernel, encoding: Encoding) -> str:
    """Say how the table has the address, and whether it moves."""
    if encoding.problem:
        return f"none: {encoding.problem}"
    if encoding.form == "base":
        return _from_base(kernel, encoding)
    if encoding.form == "place":
        return f"_text {encoding.stored:+#x}, stored as the distance from its own place; moves with KASLR"
    if encoding.moves:
        return f"_text + {encoding.stored:#x}, relocated with it"
    return f"{encoding.stored:#x} as a plain number; stays where it is"


def _from_base(kernel: Kernel, encoding: Encoding) -> str:
    """Say how an offset from the relative base stands in the table."""
    stored = encoding.stored & 0xFFFFFFFF
    if encoding.base is None:
        return f"{stored:#x} as it is: per-CPU, so its letter becomes A; stays with KASLR"
    if kernel.options.absolute_percpu:
        return f"base {encoding.base:#x} + {-encoding.stored - 1:#x}, stored as {stored:#x}; moves with KASLR"
    return f"base {encoding.base:#x} + {stored:#x}; moves with KASLR"


def _cure(facts: SymbolFacts) -> list[Line]:
    if facts.rule is None:
        return field("cure", _SHADOWED) if facts.fate is Fate.SHADOWED else []
    text = facts.rule.cure
    if facts.rule.stage == "range":
        about = "about" if facts.cost.estimated else "at most"
        text += f"; costs {about} {facts.cost.total} bytes here"
        text += f", and {facts.fellows - 1:,} other symbols come with it"
    if facts.next_rule is not None:
        text += f"; but then {_rule(facts.next_rule)} drops it: {facts.next_rule.reason}"
    return field("cure", text)


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


def _rows(kernel: Kernel, symbols: Sequence[SymbolFacts]) -> list[Line]:
    """Return a line a symbol: verdict, address, letter, the rule that dropped it, and its name."""
    if not symbols:
        return []
    heads = columns([_row(facts) for facts in symbols])
    return [
        [f"{head}  {name_text(facts.name)}{_remark(kernel, facts)}"]
        for head, facts in zip(heads, symbols, strict=True)
    ]


def _row(facts: SymbolFacts) -> tuple[str, ...]:
    rule = _rule(facts.rule) if facts.rule else ""
    return facts.fate.value, f"{facts.value:#x}", facts.table_letter or facts.letter, rule


def _remark(kernel: Kernel, facts: SymbolFacts) -> str:
    """Say in a line's end what shadows a symbol, or which of several it is."""
    place = facts.place
    if place is None:
        return ""
    shadow = f"  by {name_text(kernel.symbols.name(place.aliases[0]))}" if place.shadowed else ""
    return f"{shadow}  sympos {place.sympos}" if len(place.namesakes) > 1 else shadow


def _sum(symbols: Sequence[SymbolFacts]) -> Line:
    counts = Counter(facts.fate for facts in symbols)
    parts = (f"{counts[fate]:,} {fate.value}" for fate in Fate if counts[fate])
    return [f"{len(symbols):,} symbols: {', '.join(parts)}"]
