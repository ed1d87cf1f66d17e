#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Write the bill of materials, and the page about the licences of what elfsyms stands on.

    scripts/make_sbom.py             # sbom.cdx.json (CycloneDX) and docs/reference/licences.md, for a release
    scripts/make_sbom.py --page      # the page alone, from the bill that is there

cyclonedx-py reads an environment that uv made, with nothing but elfsyms and its extras in the newest versions.
Where a library's own data names no licence by its SPDX identifier, ``LICENCES`` does.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path
from typing import Any

from debian import DebianError
from try_pythons import tool

from elfsyms._version import __version__

__all__ = ["direct", "licence", "name_of", "page"]

ROOT = Path(__file__).parent.parent
BILL = ROOT / "sbom.cdx.json"
PAGE = ROOT / "docs" / "reference" / "licences.md"
DIRECT = re.compile(r"[A-Za-z0-9._-]+")

# Licences that a library's metadata tells otherwise than by an SPDX identifier, as its licence file has them.
LICENCES = {
    "jinja2": "BSD-3-Clause",
    "lief": "Apache-2.0",
    "lz4": "BSD-3-Clause",
    "pyelftools": "Unlicense",
}

HEAD = """\
# Dependencies and their licences

elfsyms is free software, GPL-2.0-or-later, and contains no code of others. What it runs with is installed
beside it; the bill of materials, `sbom.cdx.json` (CycloneDX), is in the repository and in the sdist. The versions
are those that it was released with; which are allowed at least, `pyproject.toml` says. Made by
`scripts/make_sbom.py`.

| library | version | licence | for |
|---|---|---|---|
"""
TAIL = """
The kernel's sources are read for facts, and its tools run by the tests to compare with; neither is part of elfsyms.
"""


def make_bill() -> str:
    """Return the bill of an environment with elfsyms and every extra."""
    with tempfile.TemporaryDirectory() as folder:
        uv, environment = tool("uv"), f"{folder}/environment"
        subprocess.run([uv, "venv", "--quiet", "--python", "3.11", environment], check=True)
        install = [
            uv,
            "pip",
            "install",
            "--quiet",
            "--python",
            environment,
            f"elfsyms[all] @ {ROOT.as_uri()}",
        ]
        subprocess.run(install, check=True)
        command = [tool("cyclonedx-py"), "environment", "--pyproject", str(ROOT / "pyproject.toml")]
        command += ["--mc-type", "application", "--output-reproducible", environment]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def finished(bill: dict[str, Any]) -> dict[str, Any]:
    """Leave out elfsyms as its own part, and state each licence by its SPDX identifier."""
    parts = [one for one in bill["components"] if one["name"] != "elfsyms"]
    for one in parts:
        one["licenses"] = [{"expression": licence(one), "acknowledgement": "declared"}]
        one.pop("externalReferences", None)  # addresses of chats and funds, which change
    about = bill["metadata"]
    about["component"]["version"] = __version__
    for one in about["tools"]["components"]:
        one.pop("externalReferences", None)
    return {**bill, "components": sorted(parts, key=lambda one: name_of(one["name"]))}


def licence(component: dict[str, Any]) -> str:
    """Return the licence of a component as an SPDX expression."""
    name = name_of(component["name"])
    if name in LICENCES:
        return LICENCES[name]
    for one in component.get("licenses", ()):
        if "expression" in one:
            return str(one["expression"])
        if "id" in one["license"]:
            return str(one["license"]["id"])
    raise DebianError(f"{name} names no licence: read its licence file and add it to LICENCES")


def page(bill: dict[str, Any]) -> str:
    """Return the page about a bill."""
    uses = direct()
    rows = "".join(
        f"| {name_of(one['name'])} | {one['version']} | {licence(one)} | "
        f"{uses.get(name_of(one['name']), 'a dependency of the others')} |\n"
        for one in bill["components"]
    )
    return f"{HEAD}{rows}{TAIL}"


def direct() -> dict[str, str]:
    """Return what ``pyproject.toml`` names, and by which extra it comes."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    named = {name_of(text): "every command" for text in project["dependencies"]}
    for extra, texts in project["optional-dependencies"].items():
        named |= {name_of(text): f"`elfsyms[{extra}]`" for text in texts if not text.startswith("elfsyms")}
    return named


def name_of(requirement: str) -> str:
    """Return the normal form of the name in a requirement (PEP 503)."""
    match = DIRECT.match(requirement)
    return re.sub(r"[-_.]+", "-", match[0] if match else requirement).lower()


def main() -> int:
    """Write both, or the page."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--page", action="store_true", help="leave the bill as it is")
    if not parser.parse_args().page:
        bill = finished(json.loads(make_bill()))
        BILL.write_text(json.dumps(bill, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    PAGE.write_text(page(json.loads(BILL.read_text(encoding="utf-8"))), encoding="utf-8")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (DebianError, subprocess.CalledProcessError) as error:
        sys.exit(f"make_sbom: {error}")
