# SPDX-License-Identifier: GPL-2.0-or-later
"""Names that several objects have: a kernel and modules, or two modules.

A kprobe at a name that stands twice is refused, by some releases with modules included (rule TR319;
``kernel/trace/trace_kprobe.c``, ``number_of_same_symbols``), and a lookup by name finds vmlinux's first. A live
patch counts in each object apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from elfsyms.image.module import module_bytes, module_name, open_module
from elfsyms.inspect.module_symbols import module_symbols
from elfsyms.releases.trace_rules import TRACE_RULES, trace_rule
from elfsyms.trace.module_files import module_paths, no_module
from elfsyms.trace.questions import NOT_UNIQUE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from elfsyms.inspect.module_symbols import ModuleSymbols
    from elfsyms.trace.kernel_facts import KernelFacts

__all__ = ["ModuleName", "counts_modules", "modules_in", "names_of_modules"]


@dataclass(frozen=True, slots=True)
class ModuleName:
    """A kept symbol of a module, by its name: ``number`` of the ``count`` that the module has of it."""

    module: ModuleSymbols
    entry: int
    number: int
    count: int

    @property
    def letter(self) -> str:
        """Return the letter that the kernel shows."""
        return chr(self.module.letters[self.entry])

    @property
    def section(self) -> str:
        """Return the section that it lies in."""
        return self.module.table.section_name(self.entry)

    @property
    def offset(self) -> int:
        """Return how far from its section's start it lies."""
        return int(self.module.offset[self.entry])


def modules_in(
    paths: Iterable[Path],
    *,
    all_symbols: bool,
    progress: Callable[[int, int], None] | None = None,
    naming: frozenset[bytes] = frozenset(),
) -> Iterator[ModuleSymbols]:
    """Yield the symbols of modules' files, and of those in folders, each name of a module once.

    ``naming``: of those alone that have one of some names, which saves most of the work.
    Raises :class:`elfsyms.errors.NotThereError` for a path that has none.
    """
    found: dict[str, Path] = {}
    for path in paths:
        files = module_paths(path)
        if not files:
            raise no_module(path)
        for file in files:
            found.setdefault(module_name(file), file)
    for number, file in enumerate(found.values()):
        if progress is not None:
            progress(number, len(found))
        if not naming or _has(file, naming):
            yield module_symbols(open_module(file), all_symbols=all_symbols)


def _has(file: Path, names: frozenset[bytes]) -> bool:
    """Tell whether a module's file may have a symbol of one of some names: the text of one is in it."""
    data = module_bytes(file)
    return any(name + b"\0" in data for name in names)


def counts_modules(facts: KernelFacts) -> bool:
    """Tell whether a kernel refuses a kprobe by a name that it has once, and a loaded module, too."""
    return facts.says(NOT_UNIQUE) and facts.version in TRACE_RULES[trace_rule("TR319")].when


def names_of_modules(modules: Iterable[ModuleSymbols]) -> dict[bytes, list[ModuleName]]:
    """Return the kept symbols of modules by their names."""
    names: dict[bytes, list[ModuleName]] = {}
    for module in modules:
        for entry, (number, count) in module.numbers().items():
            names.setdefault(module.table.name(entry), []).append(ModuleName(module, entry, number, count))
    return names
