# SPDX-License-Identifier: GPL-2.0-or-later
"""The house: which package may import which, who may import what, and that public names are there."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from command import environment

import elfsyms

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(elfsyms.__file__).parent
# From the top down: a package imports those below it. Modules of the top folder are below all of them.
ORDER = (
    "cli",
    "report",
    "atlas",
    "compare",
    "kbuild",
    "decode",
    "inspect",
    "trace",
    "writers",
    "pipeline",
    "detect",
    "releases",
    "image",
    "unpack",
)
# What only some modules may import, and which.
HOMES = {
    "elftools": {"image/headers.py", "image/dwarf.py"},
    "lief": {"writers/object.py"},
    "typer": {"cli"},
    "rich": {"cli"},
    "jinja2": {"report/render.py"},
    "zstandard": {"unpack/codecs.py"},
    "lz4": {"unpack/codecs.py"},
    "lzallright": {"unpack/codecs.py"},
    "pyarrow": {"atlas"},
}


def modules() -> list[str]:
    """Return every module of the program, by its path under the package."""
    return sorted(str(path.relative_to(ROOT)) for path in ROOT.rglob("*.py"))


@cache
def parsed(module: str) -> ast.Module:
    """Return the syntax of a module."""
    return ast.parse((ROOT / module).read_text(encoding="utf-8"))


@cache
def imports(module: str) -> list[str]:
    """Return what a module imports, anywhere in it: at the top, in functions, and for annotations."""
    found = []
    for node in ast.walk(parsed(module)):
        if isinstance(node, ast.ImportFrom) and node.module:
            found.append(node.module)
        elif isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
    return found


def rank(module: str) -> int | None:
    """Return a module's floor, 0 the top; None for one that lies in no package."""
    parts = module.removeprefix("elfsyms.").replace("/", ".").split(".")
    return ORDER.index(parts[0]) if parts[0] in ORDER else None


def test_every_package_has_its_floor() -> None:
    """No folder of the program is left out of the order."""
    folders = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    assert folders == set(ORDER)


@pytest.mark.parametrize("module", modules())
def test_imports_run_downward(module: str) -> None:
    """A module imports of its own package and of those below it, even where it imports late."""
    own = rank(module)
    if module in ("__main__.py", "__init__.py"):  # the ways in: they lead to all the others
        return
    wrong = []
    for name in imports(module):
        if not name.startswith("elfsyms."):
            continue
        other = rank(name)
        if other is not None and (own is None or other < own):
            wrong.append(name)
    assert wrong == []


@pytest.mark.parametrize("library", sorted(HOMES))
def test_a_library_has_one_home(library: str) -> None:
    """Only the modules that are told here import a library that could be replaced."""
    users = {m for m in modules() if any(name.split(".")[0] == library for name in imports(m))}
    assert {m for m in users if not {m, m.split("/", maxsplit=1)[0]} & HOMES[library]} == set()
    assert users


def test_there_is_no_circle() -> None:
    """No module needs itself to be imported, through however many others."""
    needs = {m: {name for name in _needed(m) if name != m} for m in modules()}
    while leaves := {m for m, wanted in needs.items() if not wanted}:
        needs = {m: wanted - leaves for m, wanted in needs.items() if m not in leaves}
    assert needs == {}


def _needed(module: str) -> Iterator[str]:
    """Yield the modules that must be there before one is imported: late ones and annotations do not count."""
    known = set(modules())
    for node in parsed(module).body:
        if not isinstance(node, ast.ImportFrom) or not (node.module or "").startswith("elfsyms"):
            continue
        path = (node.module or "").removeprefix("elfsyms").strip(".").replace(".", "/")
        inner = [f"{path}/{alias.name}.py".lstrip("/") for alias in node.names]
        for found in (f"{path}.py", f"{path}/__init__.py", *inner):
            if found in known:
                yield found


PUBLIC = re.findall(r"import (\w+) as \1$", (ROOT / "__init__.pyi").read_text(encoding="utf-8"), re.MULTILINE)


@pytest.mark.parametrize("name", PUBLIC)
def test_a_public_name_is_there(name: str) -> None:
    """Every name that type checkers are promised can be had."""
    assert getattr(elfsyms, name) is not None
    assert name in dir(elfsyms)


def test_other_names_are_refused() -> None:
    """What is not public is no attribute, as of any module."""
    with pytest.raises(AttributeError, match="no attribute 'explode'"):
        _ = elfsyms.explode  # type: ignore[attr-defined] # that is the point


def test_importing_the_package_is_free() -> None:
    """``import elfsyms`` brings no library, and nothing of the package but its version."""
    program = (
        "import sys, __future__; old = {*sys.modules}; import elfsyms; print(*sorted({*sys.modules} - old))"
    )
    done = subprocess.run(
        [sys.executable, "-S", "-c", program],
        env=environment(PYTHONPATH=str(ROOT.parent)),
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == ["elfsyms", "elfsyms._version"]


MADE_UP = """
import sys
from elfsyms.releases import options
from elfsyms.releases.versions import When
row = options.Option("made_up", "switch", When("6.12.."), "An option that a test made up.", kconfig=("MADE_UP",))
options.OPTIONS = (*options.OPTIONS, row)
from elfsyms.__main__ import outcome
sys.exit(outcome(sys.argv[1:]))
"""


def with_made_up_option(*arguments: str | Path) -> str:
    """Run the program with one more row in the table of options; return what it printed."""
    done = subprocess.run(
        [sys.executable, "-c", MADE_UP, *map(str, arguments)],
        env=environment(PYTHONPATH=str(ROOT.parent), COLUMNS="200"),
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def test_an_option_is_one_row(sample: Path, tmp_path: Path) -> None:
    """One more row is seen by help, the quick parser, detection, the list of releases, and the JSON."""
    config = tmp_path / "config"
    config.write_text("CONFIG_KALLSYMS_ALL=y\nCONFIG_MADE_UP=y\n")
    assert "--made-up" in with_made_up_option("build", "--help")
    assert "--made-up" in with_made_up_option("explain", "--help")
    assert "--made-up" in with_made_up_option("releases", "6.12")
    assert "--made-up" not in with_made_up_option("releases", "6.11")
    assert '"--made-up"' in with_made_up_option(sample, "--json", "--made-up")
    told = with_made_up_option(sample, "--json", "--config", config)
    assert '"--made-up"' in told
    assert '"what": "made-up"' in told


@pytest.fixture
def sample(tmp_path: Path) -> Path:
    """Return a small kernel of 6.12."""
    from elfmaker import Symbol, vmlinux  # noqa: PLC0415 (of the tests' own folder)

    path = tmp_path / "vmlinux"
    text = [Symbol("_text", 0xFFFFFFFF81000000), Symbol("_stext", 0xFFFFFFFF81000000)]
    path.write_bytes(vmlinux(text, release="6.12.0"))
    return path


def test_machines_have_their_numbers_in_one_place() -> None:
    """A number of a machine is named ``EM_...`` in e_machine.py, and nowhere else."""
    for module in modules():
        targets = (
            target
            for node in ast.walk(parsed(module))
            if isinstance(node, ast.Assign)
            for target in node.targets
        )
        names = {node.id for target in targets for node in ast.walk(target) if isinstance(node, ast.Name)}
        assert not [name for name in names if re.match(r"_*EM_", name)], module
