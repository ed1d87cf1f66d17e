# SPDX-License-Identifier: GPL-2.0-or-later
"""What people met with changed trees in public: each with Debian's 6.12 scripts, changed as they were."""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

import pytest
from elfmaker import Symbol, vmlinux

from elfsyms.errors import InputError
from elfsyms.inspect.explain import explain
from elfsyms.kbuild import install, status
from elfsyms.pipeline.kernel import load
from elfsyms.writers.build import assembly_of

sys.path.append(str(Path(__file__).parents[1] / "scripts"))

from debian import DebianError
from stock import stock_tools

pytestmark = pytest.mark.stock

TEXT = 0xFFFFFFFF81000000


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Copy the scripts of Debian's 6.12; skip where they cannot be had."""
    try:
        original = stock_tools("6.12").tree
    except (DebianError, OSError) as error:
        pytest.skip(f"no stock tools: {error}")
    target = tmp_path / "linux"
    shutil.copytree(original, target, ignore=shutil.ignore_patterns("kallsyms", ".lock"))
    return target


@pytest.fixture
def kernel(tmp_path: Path) -> Path:
    """Make a kernel with a name of LTO's, and one longer than any release keeps."""
    names = ["_text", "_stext", "head64.c.552cf5a6", "x" * 700, "_etext"]
    path = tmp_path / "vmlinux"
    path.write_bytes(
        vmlinux([Symbol(n, TEXT + 16 * i, binding="weak") for i, n in enumerate(names)], release="6.12.0")
    )
    return path


def test_a_pattern_of_lto_kernels(tree: Path, kernel: Path) -> None:
    """A line of 2022 for LTO drops what it says, and is named; the hook fits that tree."""
    script = tree / "scripts" / "mksysmap"
    script.write_text(script.read_text() + "/ W .*\\.c\\./d\n")
    line = script.read_text().count("\n")
    with load(kernel, tree=tree) as loaded:
        rule = explain(loaded, "head64.c.552cf5a6").symbols[0].rule
    assert rule is not None
    assert (rule.id, rule.file) == ("KT001", f"scripts/mksysmap:{line}")
    assert status(tree).refused == ""


def test_a_longer_limit(tree: Path, kernel: Path) -> None:
    """The limit is the tree's: a vendor's 1024 keeps a name of 700."""
    script = tree / "scripts" / "kallsyms.c"
    with load(kernel, tree=tree) as loaded:
        assert b"x" * 700 not in list(loaded.verdicts.kept.names())
    script.write_text(re.sub(r"(KSYM_NAME_LEN\s+)512", r"\g<1>1024", script.read_text()))
    with load(kernel, tree=tree) as loaded:
        assert explain(loaded, "x" * 700).symbols[0].rule is None


def test_a_command_that_is_not_understood(tree: Path, kernel: Path) -> None:
    """Main job and hook refuse the same tree with the same line, and nothing is changed."""
    script = tree / "scripts" / "mksysmap"
    script.write_text(script.read_text() + "s/\\.llvm\\..*//\n")
    line = script.read_text().count("\n")
    before = (tree / "scripts" / "link-vmlinux.sh").read_bytes()
    with pytest.raises(InputError, match=rf"mksysmap:{line}: "), load(kernel, tree=tree) as loaded:
        assembly_of(loaded)
    with pytest.raises(InputError, match=rf"mksysmap:{line}: .*nothing was changed"):
        install(tree)
    assert f"mksysmap:{line}: " in status(tree).refused
    assert (tree / "scripts" / "link-vmlinux.sh").read_bytes() == before
