# SPDX-License-Identifier: GPL-2.0-or-later
"""Names that a kernel and modules share, in ``list --duplicates`` and ``explain``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from elfsyms.cli.progress import step
from elfsyms.cli.render import field, name_text
from elfsyms.image.records import CODE_LETTERS, records_of
from elfsyms.inspect.globs import is_glob
from elfsyms.inspect.shared_names import counts_modules, modules_in, names_of_modules
from elfsyms.trace.kernel_facts import KernelFacts

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from elfsyms.cli.render import Line
    from elfsyms.inspect.explain import Explainer
    from elfsyms.inspect.explanation import Explanation
    from elfsyms.inspect.globs import NameFilter
    from elfsyms.inspect.shared_names import ModuleName
    from elfsyms.pipeline.kernel import Kernel

__all__ = ["also_in_modules", "asked_names", "module_cells", "module_names", "shared_records"]

_REFUSED = (
    "by name it is refused where such a module is loaded (TR319); _text+0x... is taken, and MODULE:NAME for the "
    "module's"
)
_FEW = 16  # names
_TAKEN = "by name the kernel's own is taken, whatever is loaded; MODULE:NAME for the module's"

Names = dict[bytes, list["ModuleName"]]


def module_names(paths: Sequence[str], *, all_symbols: bool | None, naming: Sequence[bytes] = ()) -> Names:
    """Return the symbols of modules by their names; who looks is told how far it is.

    ``naming``: of modules alone that have one of some names, where these are few enough to be looked for first.
    """
    few = frozenset(naming) if len(naming) <= _FEW else frozenset[bytes]()
    modules = modules_in(map(Path, paths), all_symbols=all_symbols is not False, progress=_tell, naming=few)
    return names_of_modules(modules)


def asked_names(answers: Sequence[Explanation]) -> list[bytes]:
    """Return the names that were asked for, each once: of symbols, and of what the kernel has not."""
    found = [facts.name for answer in answers for facts in answer.symbols]
    absent = [answer.what for answer in answers if not answer.symbols and answer.address is None]
    names = [what.strip().encode("utf-8", "surrogateescape") for what in absent if not is_glob(what)]
    return list(dict.fromkeys([*found, *names]))


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


def also_in_modules(explainer: Explainer, asked: Iterable[bytes], names: Names) -> Iterator[Line]:
    """Yield lines about the modules that have the names that were asked for."""
    facts = KernelFacts(explainer.kernel)
    for name in asked:
        found = names.get(name, [])
        shared = bool(explainer.kernel.symbols.find(name))
        if found:
            yield [(name_text(name), "head"), "  in modules, too" if shared else "  in modules"]
        for one in found:
            where = f"{one.offset:#x} in {one.section}, letter {one.letter}"
            yield from field("module", f"{one.module.name}: {where}")
        if shared and any(one.letter in CODE_LETTERS for one in found):
            yield from field("kprobe", _REFUSED if counts_modules(facts) else _TAKEN)
