# SPDX-License-Identifier: GPL-2.0-or-later
"""Trees whose scripts somebody changed: elfsyms makes what those scripts make, or refuses; never another thing.

For Debian's trees of four releases, random edits (``treeedits.py``) of ``scripts/mksysmap`` and
``scripts/kallsyms.c``; the edited generator is compiled, and nm, the edited map script and it are run on three
samples. Set ``ELFSYMS_EDITS_REPORT`` to a file to have the outcomes counted there.
"""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from treeedits import EDITS, Edit, Texts

from elfsyms.errors import ElfsymsError
from elfsyms.pipeline.kernel import load
from elfsyms.releases.options import OPTIONS as SWITCHES
from elfsyms.writers.build import assembly_of

sys.path.append(str(Path(__file__).parents[1] / "scripts"))

from debian import DebianError, run
from stock import StockFailure, StockTools, assembly, generator_input, stock_tools, system_map

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.stock

EDITS_A_TREE = 60
SAMPLES = ("amd64-edge-a", "amd64-7.3", "arm64-6.1")
# Of each release, options that its build passes; the second set keeps text alone.
OPTIONS: dict[str, tuple[list[str], ...]] = {
    "5.10": (["--all-symbols", "--base-relative"], ["--base-relative"]),
    "6.1": (["--all-symbols", "--base-relative"], ["--absolute-percpu"]),
    "6.12": (["--all-symbols"], []),
    "7.3": (["--all-symbols", "--pc-relative"], ["--pc-relative"]),
}


@pytest.fixture(scope="module")
def trees() -> dict[str, StockTools]:
    """Return the tools of each release; skip where they cannot be had."""
    try:
        return {release: stock_tools(release) for release in OPTIONS}
    except (DebianError, OSError) as error:
        pytest.skip(f"no stock tools: {error}")


@pytest.mark.parametrize("seed", range(EDITS_A_TREE))
@pytest.mark.parametrize("release", OPTIONS)
def test_an_edited_tree_is_obeyed_or_refused(
    release: str, seed: int, trees: dict[str, StockTools], sample: Callable[[str], Path], tmp_path: Path
) -> None:
    """Map and tables are to the byte what the edited tree makes itself, or there is an error and nothing else."""
    rng = random.Random(f"{release} {seed}")  # noqa: S311 (a test, no secret)
    edit, texts = _edited(rng, trees[release].tree)
    tree = _tree(trees[release].tree, texts, tmp_path / "tree")
    tools = _compiled(trees[release], tree)
    outcomes = []
    for name in SAMPLES:
        options = [*rng.choice(OPTIONS[release]), *(["--uncompressed"] * (edit.name == "uncompressed"))]
        ours = _ours(sample(name), tree, options)
        theirs = _theirs(tools, sample(name), options) if tools else "it does not compile"
        outcomes.append(_outcome(ours, theirs))
        if not isinstance(ours, str):
            assert not isinstance(theirs, str), f"{edit.name}: stock fails ({theirs}), elfsyms does not"
            assert ours[0] == theirs[0], f"{edit.name}: another System.map"
            assert ours[1] == theirs[1], f"{edit.name}: other tables"
    _report(
        {"release": release, "seed": seed, "edit": edit.name, "outcomes": outcomes, "why": str(ours)[:300]}
    )


def _outcome(ours: tuple[bytes, bytes] | str, theirs: tuple[bytes, bytes] | str) -> str:
    if isinstance(ours, str):
        return "both fail" if isinstance(theirs, str) else "refused"
    return "equal" if ours == theirs else "differs"


def _edited(rng: random.Random, tree: Path) -> tuple[Edit, Texts]:
    """Draw an edit that changes a tree's scripts."""
    texts = Texts(
        (tree / "scripts" / "mksysmap").read_text("utf-8"),
        (tree / "scripts" / "kallsyms.c").read_text("utf-8"),
    )
    while True:
        edit = rng.choices(EDITS, [edit.weight for edit in EDITS])[0]
        changed = edit.change(rng, texts)
        if changed is not None and changed != texts:
            return edit, changed


def _tree(original: Path, texts: Texts, tree: Path) -> Path:
    shutil.copytree(original, tree, ignore=shutil.ignore_patterns("kallsyms", ".lock"))
    (tree / "scripts" / "mksysmap").write_text(texts.mksysmap, "utf-8")
    (tree / "scripts" / "kallsyms.c").write_text(texts.generator, "utf-8")
    return tree


def _compiled(tools: StockTools, tree: Path) -> StockTools | None:
    """Compile the edited generator; its buffers get room for the longest name's NUL (see test_differential)."""
    text = (tree / "scripts" / "kallsyms.c").read_text("utf-8")
    roomy = tree / "scripts" / "roomy.c"
    roomy.write_text(re.sub(r"(char \w+\[KSYM_NAME_LEN)\]", r"\1 + 16]", text), "utf-8")
    program = tree / "scripts" / "kallsyms"
    try:
        run(["gcc", "-O1", "-w", f"-I{tree / 'scripts' / 'include'}", "-o", str(program), str(roomy)])
    except DebianError:
        return None
    return StockTools(
        tools.version, tree, program, tree / "scripts" / "mksysmap", tools.map_is_sed, tools.reads_map
    )


def _ours(path: Path, tree: Path, options: list[str]) -> tuple[bytes, bytes] | str:
    """Return the map and the tables, or the error."""
    wanted: dict[str, Any] = {option.field: False for option in SWITCHES if option.kind == "switch"}
    wanted |= {option.removeprefix("--").replace("-", "_"): True for option in options}
    try:
        with load(path, tree=tree, **wanted) as kernel:
            return kernel.system_map, assembly_of(kernel)
    except ElfsymsError as error:
        return str(error)


def _theirs(tools: StockTools, path: Path, options: list[str]) -> tuple[bytes, bytes] | str:
    """Return what the tree's own scripts make, or their words."""
    try:
        made = assembly(tools, generator_input(tools, path), options)
        if isinstance(made, StockFailure):
            return made.stderr or f"status {made.status}"
        return system_map(tools, path), made
    except DebianError as error:
        return str(error)


def _report(row: dict[str, Any]) -> None:
    target = os.environ.get("ELFSYMS_EDITS_REPORT")
    if target:
        with Path(target).open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(row) + "\n")
