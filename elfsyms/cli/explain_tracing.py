# SPDX-License-Identifier: GPL-2.0-or-later
"""What ``elfsyms explain`` says of who can trace a function, and of those who cannot, why and what would do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from elfsyms.cli.render import field

if TYPE_CHECKING:
    from collections.abc import Iterator

    from elfsyms.cli.render import Line
    from elfsyms.inspect.explanation import SymbolFacts

__all__ = ["tracing"]

_WHO = {"ftrace": "ftrace", "kprobe": "kprobe by name", "fentry": "BPF fentry", "livepatch": "live patch"}
# What the kernel was built without is no fact about a function.
_OF_THE_KERNEL = ("TR201", "TR301", "TR401", "TR501")
_UNKNOWN = "the file lacks what would tell; 'elfsyms rules ID' says what"
_FUNCTIONS = ("FUNC", "IFUNC")
_BY_PROBE = ("TR315", "TR316")  # the line about the probe has their fix


def tracing(facts: SymbolFacts) -> Iterator[Line]:
    """Yield who can trace it, then each rule that says no, with those whom it refuses; labels are no functions."""
    if not facts.traced or facts.type not in _FUNCTIONS:
        return
    traced = {
        who: rule
        for who, rule in facts.traced.items()
        if rule is None or (rule.known and rule.id not in _OF_THE_KERNEL)
    }
    unknown = {who: rule for who, rule in facts.traced.items() if rule is not None and not rule.known}
    able = [_WHO[who] for who, rule in traced.items() if rule is None]
    refused: dict[str, list[str]] = {}
    rules = {rule.id: rule for rule in traced.values() if rule is not None}
    for who, rule in traced.items():
        if rule is not None:
            refused.setdefault(rule.id, []).append(_WHO[who])
    parts = [f"{', '.join(able)}: yes"] if able else []
    parts += [f"{', '.join(who for names in refused.values() for who in names)}: no"] if refused else []
    parts += [f"{', '.join(_WHO[who] for who in unknown)}: not known"] if unknown else []
    if parts:
        yield from field("tracing", "; ".join(parts))
    if unknown:
        ids = ", ".join(dict.fromkeys(rule.id for rule in unknown.values()))
        yield from field("unknown", f"{ids}: {_UNKNOWN}")
    for name, names in refused.items():
        found = rules[name]
        whom = "" if not able and len(refused) == 1 else f" ({', '.join(names)})"
        yield from field("no", f"{name} {found.slug}{whom}: {found.reason}")
        if name not in _BY_PROBE:
            yield from field("fix", found.fix)
