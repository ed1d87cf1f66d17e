# SPDX-License-Identifier: GPL-2.0-or-later
"""Schemas: each answer has one, each schema an answer; what the tests print is checked by ``conftest.py``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from command import elfsyms
from jsonchecks import FOLDER, check_json
from jsonschema import ValidationError  # type: ignore[import-untyped] # it ships no annotations

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

CODE = "".join(
    path.read_text(encoding="utf-8") for path in (FOLDER.parent.parent / "elfsyms" / "cli").glob("*.py")
)
NAMES = sorted(set(re.findall(r'"(elfsyms\.[a-z-]+/\d+)"', CODE)))


def test_each_answer_has_a_schema_and_each_schema_an_answer() -> None:
    """The names in the code of the command line are those of the files."""
    assert {f"{name.replace('/', '-')}.json" for name in NAMES} == {p.name for p in FOLDER.glob("*.json")}


def test_a_field_that_no_schema_has_is_found() -> None:
    """A schema is no bystander: an object with one field too many, or one too few, is refused."""
    good = '{"schema": "elfsyms.reserve/1", "output": "x.o", "bytes": 1, "slack": 0}'
    check_json(good)
    for wrong in (good.replace('"slack"', '"slake"'), good.replace(', "slack": 0', "")):
        with pytest.raises(ValidationError):
            check_json(wrong)


QUESTIONS = [
    ["{}"],
    ["explain", "{}", "nmi*", "0xffffffff81047830", "nmi_handle.part.0+0x10/0x20", "nowhere"],
    ["explain", "{}", "tcp*", "--bytes", "--no-all-symbols"],
    ["ledger", "{}"],
    ["ledger", "{}", "--rule", "KS218"],
    ["list", "{}", "--filter", "nmi*"],
    ["list", "{}", "--duplicates"],
    ["stats", "{}"],
    ["rules"],
    ["releases"],
    ["releases", "6.1"],
]


@pytest.mark.parametrize("question", QUESTIONS, ids=" ".join)
def test_an_answer_fits_its_schema(question: list[str], sample: Callable[[str], Path]) -> None:
    """What a command prints with --json is what its schema promises."""
    words = [word.format(sample("amd64-6.12")) for word in question]
    assert check_json(elfsyms(*words, "--json").stdout)["schema"] in NAMES
