# SPDX-License-Identifier: GPL-2.0-or-later
"""Names that a kernel and modules share, in ``list --duplicates`` and ``explain``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from elfsyms.cli.progress import step
from elfsyms.cli.render import field, name_text
from elfsyms.image.records import CODE_LETTERS, records_of
from elfsyms.inspect.shared_names import counts_modules, modules_in, names_of_modules
from elfsyms.trace.facts import Facts

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from elfsyms.cli.render import Line
    from elfsyms.inspect.explain import Explainer
    from elfsyms.inspect.explanation import Explanation
    from elfsyms.inspect.globs import NameFilter
    from elfsyms.inspect.shared_names import ModuleName
    from elfsyms.pipeline.kernel import Kernel

__all__ = ["also_in_modules", "module_cells", "module_names", "shared_records"]

_REFUSED = (
    "by name it is refused where such a module is loaded (TR319); _text+0x... is taken, and MODULE:NAME for the "
    "module's"
)
_TAKEN = "by name the kernel's own is taken, whatever is loaded; MODULE:NAME for the module's"

Names = dict[bytes, list["ModuleName"]]


def module_names(paths: Sequence[str], *, all_symbols: bool | None) -> Names:
    """Return the symbols of modules by their names; who looks is told how far it is."""
    modules = modules_in(map(Path, paths), all_symbols=all_symbols is not False, progress=_tell)
    return names_of_modules(modules)


def _tell(done: int, count: int) -> None:
    step(f"{done:,} of {count:,} modules read")


def shared_records(kernel: Kernel, names: Names) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Mark the kernel's records whose name one of the modules has, too."""
    first = kernel.equal_names.find(records_of([(0, 0, name) for name in names]))
    return np.isin(kernel.equal_names.first, first[first >= 0])


def module_cells(kernel: Kernel, names: Names, only: NameFilter) -> Iterator[tuple[str, ...]]:
    """Yield the cells of the modules' symbols whose names are not their own: the module stands for the object."""
    texts = list(names)
    records = records_of([(0, 0, name) for name in texts])
    known, wanted = kernel.equal_names.find(records) >= 0, only.marks(records)
    digits = kernel.image.abi.bits // 4
    for at in np.flatnonzero(wanted).tolist():
        found = names[texts[at]]
        if len(found) > 1 or known[at]:
            for one in found:
                number = f"{one.number} of {one.count}"
                address, module = f"{one.offset:0{digits}x}", f"[{one.module.name}]"
                yield address, one.letter, name_text(texts[at]), number, one.section, module


def also_in_modules(explainer: Explainer, answers: list[Explanation], names: Names) -> Iterator[Line]:
    """Yield lines about the modules that have the names that were explained."""
    facts = Facts(explainer.kernel)
    for name in dict.fromkeys(facts_.name for answer in answers for facts_ in answer.symbols):
        found = names.get(name, [])
        if found:
            yield [(name_text(name), "head"), "  in modules, too"]
        for one in found:
            where = f"{one.offset:#x} in {one.section}, letter {one.letter}"
            yield from field("module", f"{one.module.name}: {where}")
        if any(one.letter in CODE_LETTERS for one in found):
            yield from field("kprobe", _REFUSED if counts_modules(facts) else _TAKEN)
