# SPDX-License-Identifier: GPL-2.0-or-later
"""JSON outputs against their schemas."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator  # type: ignore[import-untyped] # it ships no annotations

__all__ = ["FOLDER", "check_json", "check_printed"]

FOLDER = Path(__file__).parent.parent / "docs" / "schemas"


def check_json(text: str | bytes) -> Any:
    """Check an output against the schema that it names; return what it holds."""
    facts = json.loads(text)
    _validator(facts["schema"]).validate(facts)
    return facts


def check_printed(text: bytes) -> None:
    """Check the objects that were printed one after the other; other text is passed over."""
    rest = text.decode("utf-8", "replace").lstrip()
    while rest.startswith("{") and '"schema"' in rest[:80]:
        facts, end = json.JSONDecoder().raw_decode(rest)
        _validator(facts["schema"]).validate(facts)
        rest = rest[end:].lstrip()


@cache
def _validator(name: str) -> Draft202012Validator:
    schema = json.loads((FOLDER / f"{name.replace('/', '-')}.json").read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)
