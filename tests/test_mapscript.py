# SPDX-License-Identifier: GPL-2.0-or-later
"""Map scripts of every form: read to the line, obeyed, or refused with the line that is not understood."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from elfmaker import Symbol, vmlinux
from treemaker import make_tree

from elfsyms.detect.mapscript import read_mksysmap
from elfsyms.detect.sources import SourceError, SourceFile
from elfsyms.inspect.explain import explain
from elfsyms.inspect.ledger import ledger
from elfsyms.pipeline.kernel import load

if TYPE_CHECKING:
    from collections.abc import Callable

    from elfsyms.detect.mapscript import MapScript

TEXT = 0xFFFFFFFF81000000
NAMES = ("_text", "head.c.552cf5a6", "do_it", "x_end", "__crc_x", "vfs_read", "L0", "a.cold")


def read(text: str) -> MapScript:
    """Read a script."""
    return read_mksysmap(SourceFile(Path("linux"), "scripts/mksysmap", text))


@pytest.mark.parametrize(
    ("script", "lines"),
    [
        ("#!/bin/sed -f\n# a comment\n/ L0$/d\n\n/ x/d # why\n/_end$/Id\n", [3, 5, 6]),
        ("#!/bin/sh -x\n$NM -n $1 | grep -v '\\( [aU] \\)\\|\\(__crc_\\)' > $2\n", [2, 2, 2]),
        ("#!/bin/sh\n${NM} -n ${1} | grep -v\t\\\n\t-e ' L0$'\t\\\n\t-e ' do_'\t\\\n> ${2}\n", [3, 4]),
        ('#!/bin/sh\n${NM} -n ${1} | sed >${2} -e "\n# all\n/ \\\\$/d\n/ L0$/d\n"\n', [4, 5]),
        ("#!/bin/sh\n$NM -n $1 | grep -Ev ' (do|vfs)_' | grep -v ' L0$' > $2\n", [2, 2]),
        ("#!/bin/sh\n$NM -n $1 | grep -v ' L0$\n do_' > $2\n", [2, 3]),
        ("#!/bin/sh\n$NM -n $1 | grep -v ' L'\\\n'0$' > $2\n", [2]),
    ],
)
def test_every_form_is_read_line_by_line(script: str, lines: list[int]) -> None:
    """A sed script, and shell scripts with grep or sed, have their expressions on the lines where they stand."""
    assert [item.line for item in read(script).filters] == lines


@pytest.mark.parametrize(
    ("script", "line"),
    [
        ("#!/bin/sed -f\n/ L0$/d\ns/a/b/\n", 3),
        ("#!/bin/sed -f\n/a/,/b/d\n", 2),
        ("#!/bin/sed -f\n/ L0$/p\n", 2),
        ("#!/bin/sed -f\n/\\(a\\)\\1/d\n", 2),
        ("#!/bin/sed -f\r\n/ L0$/d\r\n", 2),
        ("#!/bin/sh\n$NM -n $1 | awk '{print}' > $2\n", 2),
        ("#!/bin/sh\n$NM -n $1 | grep -v ' L0$' > $2\nrm x\n", 3),
        ("#!/bin/sh\n$NM -p $1 | grep -v ' L0$' > $2\n", 2),
        ("#!/bin/sh\n$NM -n $1 | grep ' L0$' > $2\n", 2),
        ('#!/bin/sh\n$NM -n $1 | grep -v "$PATTERN" > $2\n', 2),
        ('#!/bin/sh\n$NM -n $1 | sed -e "\n$(cat more)\n" > $2\n', 3),
        ("#!/bin/sh\n", 1),
    ],
)
def test_what_is_not_understood_is_refused_with_its_line(script: str, line: int) -> None:
    """The error names the file and the line, and quotes it."""
    with pytest.raises(SourceError, match=rf"linux/scripts/mksysmap:{line}: .* is not understood"):
        read(script)


@pytest.fixture
def kernel(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes a kernel with some names, all functions."""

    def make(names: tuple[str, ...] = NAMES, binding: str = "weak") -> Path:
        path = tmp_path / "vmlinux"
        path.write_bytes(
            vmlinux(
                [Symbol(name, TEXT + 16 * i, binding=binding) for i, name in enumerate(names)],
                release="6.12.20",
            )
        )
        return path

    return make


@pytest.mark.parametrize(
    "script",
    [
        "/ W .*\\.c\\./d",
        "/ [dv]/d",
        "/\\.cold$/d\n/ __/d",
        "/^ffffffff8100001/d",
        "/X_END/Id",
        "/ _text/!d",
        "/0 /d",
    ],
)
def test_the_map_is_that_of_sed(script: str, kernel: Callable[..., Path], tmp_path: Path) -> None:
    """``System.map`` is what nm and the tree's script make."""
    tree = make_tree(tmp_path / "linux", "6.12.20", filters=f"#!/bin/sed -f\n{script}\n")
    path = kernel()
    listing = subprocess.run(["nm", "-n", path], capture_output=True, check=True).stdout
    command: list[str | Path] = ["sed", "-f", tree / "scripts" / "mksysmap"]
    wanted = subprocess.run(command, input=listing, capture_output=True, check=True).stdout
    with load(path, tree=tree) as loaded:
        assert loaded.system_map == wanted
        assert list(loaded.verdicts.kept.names()) == [line.split()[2] for line in wanted.splitlines()]


@pytest.mark.parametrize(
    "expression",
    [
        "' L0$'\\\n' do_'",
        "' L0$\n do_'",
        "-e ' L0$\n do_' -e 'x_end'",
        "' do_'\\\n'i[a-z]$'",
        '" L0$"\\\n"x"',
    ],
)
def test_the_map_is_that_of_a_shell(expression: str, kernel: Callable[..., Path], tmp_path: Path) -> None:
    """A line end within an expression divides it in two; one behind a backslash joins both lines."""
    script = f"#!/bin/sh\n$NM -n $1 | grep -v {expression} > $2\n"
    tree = make_tree(tmp_path / "linux", "6.12.20", filters=script)
    path = kernel()
    subprocess.run(
        ["sh", tree / "scripts" / "mksysmap", path, tmp_path / "map"],
        env={**os.environ, "NM": "nm", "LC_ALL": "C"},
        check=True,
    )
    with load(path, tree=tree) as loaded:
        assert loaded.system_map == (tmp_path / "map").read_bytes()


def test_a_rule_of_the_tree_is_named(kernel: Callable[..., Path], tmp_path: Path) -> None:
    """A symbol that only the tree's own line drops is told with that line; a known one with both."""
    tree = make_tree(tmp_path / "linux", "6.12.20", filters="#!/bin/sed -f\n/ W .*\\.c\\./d\n/ __crc_/d\n")
    with load(kernel(), tree=tree) as loaded:
        own = explain(loaded, "head.c.552cf5a6").symbols[0].rule
        known = explain(loaded, "__crc_x").symbols[0].rule
        rows = {row.rule.id: row.count for row in ledger(loaded).dropped}
    assert own is not None
    assert known is not None
    assert (own.id, own.file, own.text) == ("KT001", "scripts/mksysmap:2", "/ W .*\\.c\\./d")
    assert own.reason == "scripts/mksysmap:2 has it: / W .*\\.c\\./d"
    assert (known.id, known.file) == ("KS211", "scripts/mksysmap:3")
    assert (rows["KT001"], rows["KS211"]) == (1, 1)


def test_a_rule_that_the_tree_lacks_is_off(kernel: Callable[..., Path], tmp_path: Path) -> None:
    """What the tree's script does not drop stays, whatever the release of that number drops."""
    tree = make_tree(tmp_path / "linux", "6.12.20", filters="#!/bin/sed -f\n/ [U] /d\n")
    with load(kernel(), tree=tree) as loaded:
        assert b"__crc_x" in list(loaded.verdicts.kept.names())
        assert "KS211" not in {rule.id for rule in loaded.release.book.applied()}


def test_lineinfo_is_known_where_a_tree_drops_it(kernel: Callable[..., Path], tmp_path: Path) -> None:
    """The names of lineinfo's tables are a rule of the catalogue, in force by the tree alone."""
    path = kernel(("_text", "lineinfo_addrs", "lineinfo_lines_x"))
    tree = make_tree(tmp_path / "linux", "7.3", filters="#!/bin/sed -f\n/ lineinfo_addrs$/d\n")
    with load(path, tree=tree) as loaded:
        rule = explain(loaded, "lineinfo_addrs").symbols[0].rule
        assert rule is not None
        assert rule.slug == "map-lineinfo"
        assert list(loaded.verdicts.kept.names()) == [b"_text", b"lineinfo_lines_x", b"linux_banner"]
    with load(path, release="7.3") as loaded:
        assert b"lineinfo_addrs" in list(loaded.verdicts.kept.names())
