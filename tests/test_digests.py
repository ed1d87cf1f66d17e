# SPDX-License-Identifier: GPL-2.0-or-later
"""The stock generators of 50 releases as oracle: what they print for every sample, by digest.

``testdata/digests.jsonl`` has a row for each sample, release and set of options: the SHA-256 of the release's own
``.S`` and ``System.map``, or the message with which its generator gave up. See ``testdata/README.md``.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from elfsyms.detect.request import Findings
from elfsyms.errors import ElfsymsError, EncodeError, UsageError
from elfsyms.pipeline.kernel import Kernel, load
from elfsyms.releases.format_history import find_release
from elfsyms.releases.options import Options
from elfsyms.writers.build import assembly_of

if TYPE_CHECKING:
    from collections.abc import Callable

ROWS = Path(__file__).parent.parent / "testdata" / "digests.jsonl"

# The stock message, and the kind of error that stands for it.
STOCK_FAILURES: dict[str, type[ElfsymsError]] = {
    "kallsyms failure": EncodeError,
    "No valid symbol": EncodeError,
    "Usage": UsageError,
}


@cache
def rows_by_case() -> dict[tuple[str, str], list[dict[str, Any]]]:
    """Return the rows of each sample and release."""
    cases: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for line in ROWS.read_text().splitlines():
        row = json.loads(line)
        cases[row["sample"], row["release"]].append(row)
    return cases


def options_of(row: dict[str, Any]) -> Options:
    """Return the options that a row was made with."""
    values: dict[str, Any] = {"exclude_tables": row.get("exclude", False)}
    for option in row.get("options", []):
        name, _, value = option.removeprefix("--").partition("=")
        readers: dict[str, Callable[[str], Any]] = {
            "symbol-prefix": str.encode,
            "page-offset": lambda text: int(text, 16),
        }
        values[name.replace("-", "_")] = readers[name](value) if value else True
    return Options(**values)


@cache
def loaded(path: Path) -> Kernel:
    """Return a kernel that several cases share: reading and listing depend on neither release nor options."""
    kernel = load(path)
    _ = kernel.listing
    return kernel


def kernel_as(path: Path, row: dict[str, Any]) -> Kernel:
    """Return a kernel to be treated as of a row's release, with a row's options."""
    shared = loaded(path)
    kernel = Kernel(shared.image, shared.request)
    kernel.__dict__.update(
        symbols=shared.symbols,
        listing=shared.listing,
        findings=Findings(find_release(row["release"]), options_of(row)),
    )
    return kernel


def answer(path: Path, row: dict[str, Any]) -> str | type[ElfsymsError]:
    """Return the digest of what elfsyms makes of a row's case, or its error."""
    kernel = kernel_as(path, row)
    try:
        text = kernel.system_map if row["file"] == "System.map" else assembly_of(kernel)
    except ElfsymsError as error:
        return type(error)
    return hashlib.sha256(text).hexdigest()


def expected(row: dict[str, Any]) -> str | type[ElfsymsError]:
    """Return what the stock tools answer."""
    if "error" not in row:
        return str(row["sha256"])
    return next(kind for start, kind in STOCK_FAILURES.items() if row["error"].startswith(start))


def agrees(ours: str | type[ElfsymsError], stock: str | type[ElfsymsError]) -> bool:
    """Tell whether two answers are the same: the same digest, or errors of the same kind."""
    if isinstance(ours, str) or isinstance(stock, str):
        return ours == stock
    return issubclass(ours, stock)


def marks(place: int, name: str, release: str) -> list[pytest.MarkDecorator]:
    """Return what keeps a case out of the quick suite, which takes one of twelve, and none that takes seconds."""
    long = name.endswith(".full") or (release == "2.6.12" and name != "amd64-edge-b")
    return [pytest.mark.slow] if long or place % 12 else []


CASES = [
    pytest.param(*case, marks=marks(place, *case), id="-".join(case))
    for place, case in enumerate(sorted(rows_by_case()))
]


@pytest.mark.parametrize(("name", "release"), CASES)
def test_stock_output_is_reproduced(name: str, release: str, sample: Callable[[str], Path]) -> None:
    """For every set of options, assembly and map are the stock tools' to the byte; where they fail, so do we."""
    path = sample(name)
    different = [
        f"{row['file']} {' '.join(row.get('options', []))}"
        for row in rows_by_case()[name, release]
        if not agrees(answer(path, row), expected(row))
    ]
    assert not different


def test_every_row_is_looked_at() -> None:
    """The oracle's rows are all there: none is passed over."""
    assert sum(map(len, rows_by_case().values())) == 3323
