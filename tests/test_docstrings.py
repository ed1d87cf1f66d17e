# SPDX-License-Identifier: GPL-2.0-or-later
"""The examples of docstrings are true: each is run as a test, wherever it stands."""

from __future__ import annotations

import doctest
from importlib import import_module
from pathlib import Path

import pytest

import elfsyms

ROOT = Path(elfsyms.__file__).parent
MODULES = sorted(
    ".".join(path.relative_to(ROOT.parent).with_suffix("").parts)
    for path in ROOT.rglob("*.py")
    if ">>> " in path.read_text(encoding="utf-8")
)


def test_there_are_examples() -> None:
    """The search for examples finds those that are known to be there."""
    assert {"elfsyms.image.kaslr", "elfsyms.pipeline.order", "elfsyms.printable"} <= set(MODULES)


@pytest.mark.parametrize("module", MODULES)
def test_examples_are_true(module: str) -> None:
    """What a docstring shows is what the function returns."""
    failed, tried = doctest.testmod(import_module(module))
    assert failed == 0
    assert tried > 0
